/** The HTTP API of a fleet. Each runner serves it, for all accounts. */
import * as ClusterMetrics from "effect/cluster/ClusterMetrics"
import * as Console from "effect/Console"
import * as Mac from "effect/crypto/Mac"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SqlClient from "effect/sql/SqlClient"
import * as Api from "../../cluster/FleetApi.ts"
import { AccountState } from "../../cluster/KefuAccount.ts"
import { KefuCluster } from "../../cluster/KefuCluster.ts"
import type { KefuError } from "../../KefuError.ts"
import * as metrics from "../../platform/metrics.ts"
import { failure } from "../session.ts"
import type { FleetConfig } from "./config.ts"
import { layerServer } from "./platform.ts"

/** How long a send waits for its outcome. */
const patience = Duration.seconds(30)

/** How long the state of an account may take. */
const stateTimeout = "3 seconds"

const utf8 = new TextEncoder()

/** The errors of the cluster as those of the API. */
const told = ({ message, reason }: KefuError) => {
  const fields = { reason: reason._tag, message, isRetryable: reason.isRetryable }
  switch (reason._tag) {
    case "InvalidRequest":
    case "RequestTooLarge":
      return new Api.BadRequest(fields)
    case "Forbidden":
      return new Api.Forbidden(fields)
    case "NotFound":
      return new Api.NotFound(fields)
    case "Conflict":
    case "DeliveryUnknown":
    case "Superseded":
      return new Api.Conflict(fields)
    case "RateLimited":
      return new Api.TooManyRequests(fields)
    case "AckTimeout":
    case "RequestTimeout":
      return new Api.Pending(fields)
    case "Closed":
    case "ConnectionLost":
    case "ConnectTimeout":
    case "NetworkUnreachable":
    case "NotConnected":
    case "OutboxExpired":
    case "OutboxFull":
    case "TokenUnavailable":
      return new Api.Unavailable(fields)
    default:
      return new Api.BackendFailed(fields)
  }
}

/** Compares secrets in constant time: by their tags under a key that nobody knows. */
const layerAuthorization = (secret: Redacted.Redacted) =>
  Layer.effect(
    Api.Authorization,
    Effect.gen(function* () {
      const mac = yield* Mac.Mac
      const key = yield* Mac.key(
        Mac.hmacSha256,
        yield* SecureRandom.SecureRandom.use((random) => random.randomBytes(32))
      )
      const tag = yield* mac.sign(key, utf8.encode(Redacted.value(secret)))
      return Api.Authorization.of({
        bearer: (handler, { credential }) =>
          Effect.gen(function* () {
            const isRight = yield* mac.verify(key, tag, utf8.encode(Redacted.value(credential))).pipe(Effect.orDie)
            if (isRight) return yield* handler
            return yield* new Api.Unauthorized({ message: "the secret is missing or wrong", isRetryable: false })
          })
      })
    })
  ).pipe(Layer.orDie)

const issues = SchemaIssue.makeFormatterStandardSchemaV1()

const layerExplained = HttpApiMiddleware.layerSchemaErrorTransform(Api.Explained, (error) =>
  Effect.suspend(() => {
    const [issue] = issues(error.cause.issue).issues
    const path = (issue?.path ?? []).map((part) => String(typeof part === "object" ? part.key : part)).join(".")
    const message = `${error.kind.toLowerCase()}${path === "" ? "" : ` ${path}`}: ${issue?.message ?? "is malformed"}`
    return Effect.fail(new Api.BadRequest({ message, isRetryable: false }))
  })
)

const layerAccounts = ({ accounts }: FleetConfig) =>
  HttpApiBuilder.group(
    Api.FleetApi,
    "accounts",
    Effect.fn(function* (handlers) {
      const cluster = yield* KefuCluster
      const names = accounts.map(({ name }) => name)
      const known = new Set(names)

      const of = <A>(name: string, use: (name: string) => Effect.Effect<A, KefuError>) =>
        known.has(name)
          ? Effect.mapError(use(name), told)
          : Effect.fail(new Api.NotFound({ message: `the fleet has no account ${name}`, isRetryable: false }))

      const list = Effect.forEach(
        names,
        (account) =>
          cluster.state(account).pipe(
            Effect.timeout(stateTimeout),
            Effect.option,
            Effect.map((state) => ({ account, state: Option.getOrNull(state) }))
          ),
        { concurrency: 32 }
      )

      return handlers.handleAll({
        list: () => list,
        state: ({ params }) => of(params.account, cluster.state),
        send: ({ headers, params, payload }) => {
          const id = headers["idempotency-key"]
          return of(params.account, (name) => cluster.send(name, payload, { id })).pipe(
            Effect.map((messageId) => ({ messageId })),
            Effect.timeoutOrElse({
              duration: patience,
              orElse: () =>
                Effect.fail(
                  new Api.Pending({
                    message: `the outcome is not known after ${Duration.format(patience)}; ${
                      id === undefined ? "read the conversation" : "ask again with the same Idempotency-Key"
                    }`,
                    isRetryable: id !== undefined
                  })
                )
            })
          )
        },
        recall: ({ params }) => of(params.account, (name) => cluster.recall(name, params.messageId)),
        read: ({ params }) => of(params.account, (name) => cluster.read(name, params.messageId)),
        close: ({ params }) => of(params.account, (name) => cluster.closeConversation(name, params.conversationId)),
        transfer: ({ params, payload }) =>
          of(params.account, (name) => cluster.transfer(name, params.conversationId, payload)),
        takeOver: ({ params }) => of(params.account, cluster.takeOver)
      })
    })
  )

const sessions = Effect.map(
  Effect.forEach(AccountState.fields.connection.literals, (state) =>
    Effect.map(Metric.value(metrics.fleetSessionsIn(state)), ({ value }) => [state, value] as const)
  ),
  Object.fromEntries<number>
)

const layerRunner = HttpApiBuilder.group(
  Api.FleetApi,
  "runner",
  Effect.fn(function* (handlers) {
    const sql = yield* SqlClient.SqlClient
    const reachable = sql`SELECT 1`.pipe(
      Effect.timeout("3 seconds"),
      Effect.match({ onFailure: () => false, onSuccess: () => true })
    )
    return handlers.handleAll({
      health: Effect.fn("Fleet.health")(function* () {
        const storage = yield* reachable
        const shards = Number((yield* Metric.value(ClusterMetrics.shards)).value)
        const health = { storage, shards, sessions: yield* sessions }
        return storage && shards > 0 ? health : yield* new Api.Unhealthy(health)
      })
    })
  })
)

/** Serves the API, `/openapi.json`, `/health` and `/metrics`, and prints where. */
export const layer = (config: FleetConfig, http: NonNullable<FleetConfig["http"]>) => {
  const { host = "127.0.0.1", port, secret } = http
  const routes = Layer.merge(
    HttpApiBuilder.layer(Api.FleetApi, { openapiPath: "/openapi.json" }).pipe(
      Layer.provide([layerAccounts(config), layerRunner]),
      Layer.provide([layerAuthorization(secret), layerExplained])
    ),
    PrometheusMetrics.layerHttp()
  )
  const address = Layer.effectDiscard(
    HttpServer.HttpServer.use((server) => Console.log(`HTTP API: ${HttpServer.formatAddress(server.address)}`))
  )
  return Layer.merge(HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }), address).pipe(
    Layer.provide(layerServer(host, port)),
    Layer.catchTag("ServeError", (error) => {
      const why = error.cause instanceof Error ? error.cause.message : String(error.cause)
      return Layer.effectDiscard(Effect.fail(failure(`http: cannot listen on ${host}:${port}: ${why}`, error)))
    })
  )
}

/** Runs a fleet as its file says, until it is interrupted. */
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { KefuCluster } from "../../cluster/KefuCluster.ts"
import * as KefuRunner from "../../cluster/KefuRunner.ts"
import { failure } from "../session.ts"
import type { FleetConfig } from "./config.ts"
import * as handler from "./handler.ts"
import { layerCrypto } from "./platform.ts"
import * as server from "./server.ts"
import * as storage from "./storage.ts"
import * as tokens from "./tokens.ts"
import * as webhook from "./webhook.ts"

/** The port on which runners reach each other. */
const runnerPort = 34431

const eventsOf = (config: FleetConfig) => {
  if (config.webhook !== undefined) return webhook.make(config.webhook, config.accounts)
  return config.handler === undefined ? Effect.undefined : handler.make(config.folder, config.handler)
}

const layerRunner = Effect.fnUntraced(function* (config: FleetConfig) {
  const { dialsPerSecond, runner, sharding } = config
  const options = { session: yield* tokens.sessions(config), dialsPerSecond, onEvent: yield* eventsOf(config) }
  if (config.storage?.postgres === undefined || runner === undefined) {
    // Otherwise the environment would name it, by such variables as PORT.
    return KefuRunner.layerSingle({
      ...options,
      sharding: { ...sharding, runnerAddress: Option.some(RunnerAddress.make("localhost", runnerPort)) }
    })
  }
  const { host, listenHost = host, port = runnerPort } = runner
  const runnerListenAddress = Option.some(RunnerAddress.make(listenHost, port))
  return KefuRunner.layer({ ...options, address: { host, port }, sharding: { ...sharding, runnerListenAddress } }).pipe(
    Layer.catchTag("SocketServerError", (error) => {
      const why = error.reason.cause instanceof Error ? error.reason.cause.message : error.message
      return Layer.effectContext(Effect.fail(failure(`runner: cannot listen on ${listenHost}:${port}: ${why}`, error)))
    })
  )
})

/** Keeps the accounts connected. Each runner asks for all of them, and their owners connect them. */
const connect = ({ accounts }: FleetConfig) =>
  KefuCluster.use((cluster) =>
    Effect.forEach(accounts, ({ name }) => Effect.retry(cluster.connect(name), Schedule.spaced("1 second")), {
      concurrency: 16,
      discard: true
    })
  )

const summary = ({ accounts, handler, runner, storage = {}, webhook }: FleetConfig) => {
  const events = webhook === undefined ? (handler ?? "nobody") : webhook.url
  const place =
    storage.postgres === undefined || runner === undefined
      ? `one runner, over SQLite in ${storage.sqlite ?? "fleet.db"}`
      : `the runner ${runner.host}:${runner.port ?? runnerPort}, over PostgreSQL`
  return `${accounts.length} accounts, ${place}; events go to ${events}`
}

export const run = Effect.fnUntraced(
  function* (config: FleetConfig) {
    const cluster = Layer.unwrap(layerRunner(config))
    const api = config.http === undefined ? Layer.empty : server.layer(config, config.http)
    const fleet = Layer.effectDiscard(Effect.andThen(Console.log(summary(config)), Effect.forkScoped(connect(config))))
    return yield* Layer.launch(
      Layer.merge(api, fleet).pipe(Layer.provide(cluster), Layer.provide(storage.layer(config)))
    )
  },
  Effect.provide([layerCrypto, FetchHttpClient.layer])
)

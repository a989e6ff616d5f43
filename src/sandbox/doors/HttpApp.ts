/**
 * The sandbox as one HTTP application: the REST API, the WebSocket, files and docs. Every error is JSON.
 *
 * @since 0.1.0
 */
import * as ByteSize from "effect/ByteSize"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpMiddleware from "effect/http/HttpMiddleware"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type * as HttpApi from "effect/http-api/HttpApi"
import type * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSwagger from "effect/http-api/HttpApiSwagger"
import * as OpenApi from "effect/http-api/OpenApi"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { Api } from "../../wire/Api.ts"
import * as AsyncApi from "../../wire/AsyncApi.ts"
import { Accounts } from "../desk/Accounts.ts"
import { Counters } from "../Counters.ts"
import * as FaultApi from "../faults/FaultApi.ts"
import { type Dropped, FaultHooks } from "../faults/FaultHooks.ts"
import * as ErrorResponse from "./ErrorResponse.ts"
import * as FileRoutes from "./FileRoutes.ts"
import * as Pages from "./Pages.ts"
import * as Rest from "./Rest.ts"
import * as SocketRoute from "./SocketRoute.ts"
import { SandboxFaults } from "../faults/SandboxFaults.ts"
import { Settings } from "../SandboxOptions.ts"

const isUpload = (path: string): boolean => path.startsWith("/uploads/")

const IndexRoute = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const accounts = yield* Accounts
    yield* router.add(
      "GET",
      "/",
      Effect.sync(() =>
        HttpServerResponse.jsonUnsafe({
          name: "effect-kefu sandbox",
          api: "/api/v1",
          socket: SocketRoute.socketPath,
          openapi: "/openapi.json",
          asyncapi: "/asyncapi.json",
          docs: "/docs",
          tokens: accounts.seededLogins()
        })
      )
    )
  })
)

/** The calls that the old public client makes without a body. */
const bodyless = new Set(["/api/v1/im/conversations", "/api/v1/im/conversations/export"])

const isBare = ({ headers, method }: HttpServerRequest.HttpServerRequest, path: string): boolean =>
  method === "POST" &&
  bodyless.has(path) &&
  headers["transfer-encoding"] === undefined &&
  Number(headers["content-length"] ?? 0) === 0

/** The routes that describe an API: for programs, and for people if `docs` says so. */
const describing = <Id extends string, Groups extends HttpApiGroup.Constraint>(
  api: HttpApi.HttpApi<Id, Groups>,
  docs: boolean
) =>
  Layer.mergeAll(
    HttpRouter.add(
      "GET",
      "/openapi.json",
      Effect.sync(() => HttpServerResponse.jsonUnsafe(OpenApi.fromApi(api)))
    ),
    HttpRouter.add(
      "GET",
      "/asyncapi.json",
      Effect.sync(() => HttpServerResponse.jsonUnsafe(AsyncApi.make()))
    ),
    docs ? HttpApiSwagger.layer(api) : Layer.empty
  )

/**
 * A handler of requests. It fails with `Dropped` when a fault breaks the connection.
 *
 * @category models
 * @since 0.1.0
 */
export type HttpApp<E = never> = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  E,
  HttpServerRequest.HttpServerRequest | Scope.Scope
>

/**
 * Makes the application.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fn("HttpApp.make")(function* () {
  const accounts = yield* Accounts
  const counters = yield* Counters
  const faults = yield* FaultHooks
  const settings = yield* Settings
  const bodyLimit = ByteSize.bytes(settings.maxBodyBytes)
  let calls = 0

  const backend = Layer.mergeAll(Rest.layer, FileRoutes.layer, SocketRoute.layer, IndexRoute, Pages.layer)
  const control = settings.faultControl ? yield* Effect.serviceOption(SandboxFaults) : Option.none()
  const routes = Option.match(control, {
    onNone: () => backend,
    onSome: (faults) => Layer.merge(backend, FaultApi.layer.pipe(Layer.provide(Layer.succeed(SandboxFaults, faults))))
  })
  const description = Option.isSome(control)
    ? describing(Api.addHttpApi(FaultApi.ControlApi), settings.docs)
    : describing(Api, settings.docs)
  const router = yield* HttpRouter.toHttpEffect(Layer.merge(routes, description)).pipe(
    // The name of a file is a part of its path.
    Effect.provideService(HttpRouter.RouterConfig, { maxParamLength: 4096 })
  )

  const handled = Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const path = ErrorResponse.pathOf(request)
    const limit = isUpload(path) ? settings.maxUploadBytes + 64 * 1024 : settings.maxBodyBytes
    if (Number(request.headers["content-length"] ?? 0) > limit) {
      return ErrorResponse.make("TooLarge", 413, `The body has more than ${limit} bytes`)
    }
    if (isBare(request, path)) {
      const filled = HttpServerRequest.fromClientRequest(
        HttpClientRequest.post(`http://${request.headers["host"] ?? "localhost"}${request.url}`).pipe(
          HttpClientRequest.setHeaders(request.headers),
          HttpClientRequest.bodyJsonUnsafe({})
        )
      )
      return yield* Effect.provideService(router, HttpServerRequest.HttpServerRequest, filled)
    }
    return yield* isUpload(path) ? router : Effect.provideService(router, HttpIncomingMessage.MaxBodySize, bodyLimit)
  }).pipe(
    Effect.map((response) =>
      response.status === 415 ? ErrorResponse.make("BadRequest", 415, "The body must be application/json") : response
    ),
    Effect.catchCause((cause) => {
      if (Cause.hasInterrupts(cause)) return Effect.interrupt
      const response = ErrorResponse.fromFailure(Cause.squash(cause))
      if (response !== undefined) return Effect.succeed(response)
      return Effect.as(
        Effect.logError("The sandbox failed to answer", cause),
        ErrorResponse.make("InternalServerError", 500, "The sandbox failed. This is a bug of the sandbox")
      )
    })
  )

  const app = Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const path = ErrorResponse.pathOf(request)
    counters.add("requests")
    if (path === SocketRoute.socketPath || path === FaultApi.faultsPath || settings.pages.has(path))
      return yield* handled
    const { headers, method } = request
    const userId = accounts.ownerOf(/^Bearer (.*)$/i.exec(headers["authorization"] ?? "")?.[1] ?? "")
    return yield* faults.request({ id: ++calls, method, path, userId, headers }, handled)
  })

  const withCors: HttpApp<Dropped> = HttpMiddleware.cors({
    exposedHeaders: ["retry-after", "content-disposition"],
    maxAge: 600
  })(app)
  return withCors
})

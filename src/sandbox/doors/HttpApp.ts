/**
 * The sandbox as one HTTP application: the REST API, the socket's upgrade, files and docs, with JSON for every error.
 *
 * @since 0.1.0
 */
import * as ByteSize from "effect/ByteSize"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpMiddleware from "effect/http/HttpMiddleware"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerError from "effect/http/HttpServerError"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Multipart from "effect/http/Multipart"
import { HttpApiSchemaError } from "effect/http-api/HttpApiError"
import * as HttpApiSwagger from "effect/http-api/HttpApiSwagger"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as SchemaIssue from "effect/SchemaIssue"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as Stream from "effect/Stream"
import { Api } from "../../wire/Api.ts"
import {
  BadRequest,
  type Conflict,
  type Forbidden,
  type NotFound,
  TooLarge,
  type Unauthorized
} from "../../wire/ApiError.ts"
import { toWireKey } from "../../codec/Key.ts"
import { Accounts } from "../desk/Accounts.ts"
import { Blobs } from "../desk/Blobs.ts"
import { Counters } from "../Counters.ts"
import * as FaultApi from "../faults/FaultApi.ts"
import { type Dropped, FaultHooks } from "../faults/FaultHooks.ts"
import { Gateway } from "./Gateway.ts"
import * as Rest from "./Rest.ts"
import { SandboxFaults } from "../faults/SandboxFaults.ts"
import { Settings } from "../SandboxOptions.ts"

/**
 * What only the platform under the HTTP server can do with the connection that a request came on.
 *
 * @category models
 * @since 0.1.0
 */
export interface WireControl {
  /** Breaks the connection off. */
  readonly reset: (request: HttpServerRequest.HttpServerRequest) => Effect.Effect<void>
  /** Waits until the client has read most of what was written. */
  readonly drained: (request: HttpServerRequest.HttpServerRequest) => Effect.Effect<void>
}

/**
 * The platform's control over connections. By default there is none: a reset is a response without a body, and nobody
 * waits for slow clients.
 *
 * @category references
 * @since 0.1.0
 */
export const WireControl = Context.Reference<WireControl>("effect-kefu/sandbox/WireControl", {
  defaultValue: () => ({ reset: () => Effect.void, drained: () => Effect.void })
})

/**
 * The path of the socket.
 *
 * @category constants
 * @since 0.1.0
 */
export const socketPath = "/api/v1/im/ws"

type Known = BadRequest | Unauthorized | Forbidden | NotFound | Conflict | TooLarge

const statuses: Readonly<Record<Known["_tag"], number>> = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  Conflict: 409,
  TooLarge: 413
}

const isKnown = (error: unknown): error is Known =>
  typeof error === "object" && error !== null && "_tag" in error && String(error._tag) in statuses

const errorResponse = (_tag: string, status: number, message: string, field?: string) =>
  HttpServerResponse.jsonUnsafe({ _tag, message, ...(field === undefined ? {} : { field }) }, { status })

const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1()

const invalid = (error: HttpApiSchemaError): HttpServerResponse.HttpServerResponse => {
  const [issue] = formatIssue(error.cause.issue).issues
  const path = (issue?.path ?? []).map((segment) => String(typeof segment === "object" ? segment.key : segment))
  const field = path.map(toWireKey).join(".")
  const where = { Params: "path", Query: "query", Headers: "headers" }[error.kind as string] ?? "body"
  return errorResponse(
    "BadRequest",
    400,
    `The ${where} is wrong${field === "" ? "" : ` at ${field}`}: ${issue?.message ?? "it does not fit"}`,
    field === "" ? undefined : field
  )
}

/** Every failure and every defect as JSON. */
const toResponse = (error: unknown): HttpServerResponse.HttpServerResponse | undefined => {
  if (isKnown(error)) return errorResponse(error._tag, statuses[error._tag], error.message, error.field)
  if (HttpApiSchemaError.is(error)) return error.kind === "Body" ? undefined : invalid(error)
  if (Multipart.isMultipartError(error)) {
    const { _tag } = error.reason
    if (_tag === "InternalError") return undefined
    return _tag === "Parse"
      ? errorResponse("BadRequest", 400, "The body is no multipart/form-data", "file")
      : errorResponse("TooLarge", 413, "The file is too large", "file")
  }
  if (HttpServerError.isHttpServerError(error)) {
    const { reason } = error
    if (reason._tag === "RouteNotFound") {
      return errorResponse("NotFound", 404, `There is no ${reason.request.method} ${pathOf(reason.request)}`)
    }
    if (reason._tag === "RequestParseError") {
      return reason.reason === "BodyTooLarge"
        ? errorResponse("TooLarge", 413, "The body is too large")
        : errorResponse("BadRequest", 400, reason.description ?? "The request is malformed")
    }
  }
  return undefined
}

const pathOf = ({ url }: HttpServerRequest.HttpServerRequest): string => url.split("?", 1)[0] ?? url

const isUpload = (path: string): boolean => path.startsWith("/uploads/")

/** What a browser may show; everything else it stores. */
const shown = /^(?:image|video|audio)\/|^application\/pdf$|^text\/plain\b/

const FileRoutes = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const blobs = yield* Blobs
    const { maxUploadBytes } = yield* Settings
    const fileLimit = ByteSize.bytes(maxUploadBytes)

    yield* router.add(
      "POST",
      "/uploads/:id",
      Effect.fnUntraced(function* (request) {
        const { id } = yield* HttpRouter.params
        const { signature } = yield* HttpServerRequest.ParsedSearchParams
        const key = typeof signature === "string" ? signature : ""
        yield* blobs.admit(Number(id), key)
        const parts = yield* request.multipartStream.pipe(
          Stream.mapEffect((part): Effect.Effect<Uint8Array, BadRequest | Multipart.MultipartError> =>
            part._tag === "File" && part.key === "file"
              ? part.contentEffect
              : new BadRequest({ message: `Unexpected part: ${part.key}`, field: part.key })
          ),
          Stream.runCollect,
          Effect.provideService(Multipart.MaxFileSize, fileLimit)
        )
        const [bytes] = parts
        if (bytes === undefined || parts.length !== 1) {
          return yield* new BadRequest({ message: `Expected one part, got ${parts.length}`, field: "file" })
        }
        if (bytes.length > maxUploadBytes) {
          return yield* new TooLarge({ message: `A file has at most ${maxUploadBytes} bytes`, field: "file" })
        }
        yield* blobs.store(Number(id), key, bytes)
        return HttpServerResponse.empty({ status: 204 })
      })
    )

    yield* router.add(
      "GET",
      "/blobs/:key/:filename",
      Effect.fnUntraced(function* () {
        const { key = "" } = yield* HttpRouter.params
        const { bytes, contentType, filename } = yield* blobs.get(key)
        return HttpServerResponse.uint8Array(bytes, {
          contentType,
          headers: {
            "cache-control": "private, max-age=31536000, immutable",
            "content-disposition": `${shown.test(contentType) ? "inline" : "attachment"}; filename*=UTF-8''${encodeURIComponent(filename)}`,
            "content-security-policy": "sandbox; default-src 'none'; img-src 'self'; media-src 'self'",
            "x-content-type-options": "nosniff"
          }
        })
      })
    )
  })
)

const SocketRoute = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const gateway = yield* Gateway
    yield* router.add(
      "GET",
      socketPath,
      Effect.fnUntraced(function* (request) {
        const { token, sub_channel_id } = yield* HttpServerRequest.ParsedSearchParams
        const subChannelId = Number(sub_channel_id)
        const accepted = yield* Effect.result(
          gateway.accept({
            token: typeof token === "string" ? token : "",
            subChannelId: Number.isInteger(subChannelId) && subChannelId > 0 ? subChannelId : undefined
          })
        )
        if (accepted._tag === "Failure") {
          const { status, message, headers } = accepted.failure
          return HttpServerResponse.setHeaders(errorResponse("DialRefused", status, message), headers ?? {})
        }
        if (request.headers["upgrade"]?.toLowerCase() !== "websocket") {
          const response = errorResponse("BadRequest", 426, "This is a WebSocket: ask for an upgrade")
          return HttpServerResponse.setHeaders(response, { upgrade: "websocket", connection: "upgrade" })
        }
        const control = yield* WireControl
        const socket = yield* request.upgrade
        yield* Effect.gen(function* () {
          const writer = yield* socket.writer
          const { pull } = yield* socket.reader
          yield* gateway.serve(accepted.success, {
            pull,
            write: (text) => Effect.andThen(writer.write(text), control.drained(request)),
            close: (code, reason) => Effect.ignore(writer.write(new Socket.CloseEvent(code, reason))),
            reset: control.reset(request)
          })
        }).pipe(Effect.scoped, Effect.ignore({ log: "Debug" }))
        return HttpServerResponse.empty()
      })
    )
  })
)

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
          socket: socketPath,
          openapi: "/openapi.json",
          docs: "/docs",
          tokens: accounts.seededLogins()
        })
      )
    )
  })
)

/**
 * A handler of requests. It fails with `Dropped` when a fault plan wants the connection to break off.
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

  const backend = Layer.mergeAll(Rest.layer, FileRoutes, SocketRoute, IndexRoute)
  const control = settings.faultControl ? yield* Effect.serviceOption(SandboxFaults) : Option.none()
  const routes = Option.match(control, {
    onNone: () => backend,
    onSome: (faults) => Layer.merge(backend, FaultApi.layer.pipe(Layer.provide(Layer.succeed(SandboxFaults, faults))))
  })
  const docs = Option.isSome(control)
    ? HttpApiSwagger.layer(Api.addHttpApi(FaultApi.ControlApi))
    : HttpApiSwagger.layer(Api)
  const router = yield* HttpRouter.toHttpEffect(settings.docs ? Layer.merge(routes, docs) : routes)

  const handled = Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const path = pathOf(request)
    const limit = isUpload(path) ? settings.maxUploadBytes + 64 * 1024 : settings.maxBodyBytes
    if (Number(request.headers["content-length"] ?? 0) > limit) {
      return errorResponse("TooLarge", 413, `The body has more than ${limit} bytes`)
    }
    return yield* isUpload(path) ? router : Effect.provideService(router, HttpIncomingMessage.MaxBodySize, bodyLimit)
  }).pipe(
    Effect.map((response) =>
      response.status === 415 ? errorResponse("BadRequest", 415, "The body must be application/json") : response
    ),
    Effect.catchCause((cause) => {
      if (Cause.hasInterrupts(cause)) return Effect.interrupt
      const response = toResponse(Cause.squash(cause))
      if (response !== undefined) return Effect.succeed(response)
      return Effect.as(
        Effect.logError("The sandbox failed to answer", cause),
        errorResponse("InternalServerError", 500, "The sandbox failed: this is a bug of the sandbox")
      )
    })
  )

  const app = Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const path = pathOf(request)
    counters.add("requests")
    if (path === socketPath || path === FaultApi.faultsPath) return yield* handled
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

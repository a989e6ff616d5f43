/**
 * The route of the WebSocket: it upgrades a request and gives the connection to the gateway.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Socket from "effect/socket/Socket"
import * as ErrorResponse from "./ErrorResponse.ts"
import { Gateway } from "./Gateway.ts"

/**
 * Operations on the TCP connection of a request, which only the platform can provide.
 *
 * @category models
 * @since 0.1.0
 */
export interface WireControl {
  /** Ends the connection without a response. */
  readonly reset: (request: HttpServerRequest.HttpServerRequest) => Effect.Effect<void>
  /** Waits until the client has read most of the written data. */
  readonly drained: (request: HttpServerRequest.HttpServerRequest) => Effect.Effect<void>
}

/**
 * The platform's operations on connections. By default there are none: a reset becomes a response without a body, and
 * writes do not wait for slow clients.
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

/**
 * The route of the WebSocket.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const gateway = yield* Gateway
    yield* router.add(
      "GET",
      socketPath,
      Effect.fnUntraced(function* (request) {
        const { token, sub_channel_id } = yield* HttpServerRequest.ParsedSearchParams
        const accepted = yield* Effect.result(
          gateway.accept({
            token: typeof token === "string" ? token : "",
            subChannelId: sub_channel_id === undefined ? undefined : Number(sub_channel_id)
          })
        )
        if (accepted._tag === "Failure") {
          const { status, message, headers } = accepted.failure
          return HttpServerResponse.setHeaders(ErrorResponse.make("DialRefused", status, message), headers ?? {})
        }
        if (request.headers["upgrade"]?.toLowerCase() !== "websocket") {
          const response = ErrorResponse.make("BadRequest", 426, "This is a WebSocket; request an upgrade")
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

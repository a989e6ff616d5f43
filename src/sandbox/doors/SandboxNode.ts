/**
 * The sandbox on a port, in Node. Needs `@effect/platform-node`.
 *
 * @since 0.1.0
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import type { ServeError } from "effect/http/HttpServerError"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as Layer from "effect/Layer"
// oxlint-disable-next-line no-restricted-imports -- a server needs the platform
import { createServer, IncomingMessage } from "node:http"
// oxlint-disable-next-line no-restricted-imports -- a server needs the platform
import type { Socket } from "node:net"
import { WireControl } from "./SocketRoute.ts"
import { Sandbox } from "../Sandbox.ts"
import type { SandboxOptions } from "../SandboxOptions.ts"

/**
 * The options of the sandbox and of its server.
 *
 * @category options
 * @since 0.1.0
 */
export interface SandboxNodeOptions extends SandboxOptions {
  /** The address to listen on. Default: 127.0.0.1, this machine only. */
  readonly host?: string
  /** The port to listen on. Default: 0, any free port. */
  readonly port?: number
}

const socketOf = (request: HttpServerRequest): Socket | undefined =>
  request.source instanceof IncomingMessage ? request.source.socket : undefined

const Control = Layer.succeed(WireControl, {
  reset: (request) => Effect.sync(() => socketOf(request)?.destroy()),
  drained: (request) =>
    Effect.suspend(() => {
      const socket = socketOf(request)
      if (socket === undefined || !socket.writableNeedDrain) return Effect.void
      return Effect.callback<void>((resume) => {
        const done = () => resume(Effect.void)
        socket.once("drain", done)
        socket.once("close", done)
        return Effect.sync(() => {
          socket.off("drain", done)
          socket.off("close", done)
        })
      })
    })
})

/** Closes all open connections when the sandbox stops, without waiting for clients. */
const Listener = (options: SandboxNodeOptions) =>
  Layer.unwrap(
    Effect.sync(() => {
      const server = createServer()
      const sockets = new Set<Socket>()
      server.on("connection", (socket) => {
        sockets.add(socket)
        socket.once("close", () => sockets.delete(socket))
      })
      const hangUp = Effect.addFinalizer(() =>
        Effect.sync(() => {
          for (const socket of sockets) socket.destroySoon()
        })
      )
      return Layer.effectDiscard(Effect.andThen(HttpServer.HttpServer, hangUp)).pipe(
        Layer.provideMerge(
          NodeHttpServer.layerServer(() => server, {
            host: options.host ?? "127.0.0.1",
            port: options.port ?? 0,
            disablePreemptiveShutdown: true,
            // The gateway closes with 1009; this limit keeps much larger frames out of memory.
            websocket: { maxPayload: 4 * (options.maxFrameBytes ?? 64 * 1024) }
          })
        )
      )
    })
  )

/**
 * The sandbox on a port.
 *
 * **Example** (On any free port)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as SandboxNode from "effect-kefu/sandbox/doors/SandboxNode"
 *
 * const program = Effect.gen(function* () {
 *   yield* Effect.log(`The sandbox listens on ${yield* SandboxNode.baseUrl}`)
 *   yield* Effect.sleep("1 hour")
 * }).pipe(Effect.provide(SandboxNode.layer()))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: SandboxNodeOptions = {}): Layer.Layer<Sandbox | HttpServer.HttpServer, ServeError> =>
  Sandbox.layerServer(options).pipe(Layer.provideMerge(Listener(options)), Layer.provide(Control))

/**
 * The address of the running sandbox, for example `http://127.0.0.1:8787`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const baseUrl: Effect.Effect<string, never, HttpServer.HttpServer> = HttpServer.HttpServer.useSync(
  ({ address }) => HttpServer.formatAddress(address)
)

/**
 * Says in words why the sandbox cannot listen.
 *
 * @category errors
 * @since 0.1.0
 */
export const cannotListen = ({ host = "127.0.0.1", port = 0 }: SandboxNodeOptions, { cause }: ServeError): string =>
  `The sandbox cannot listen on ${host}:${port}: ${cause instanceof Error ? cause.message : String(cause)}`

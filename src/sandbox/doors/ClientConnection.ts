/**
 * Connections to the gateway in memory, without a network.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import type { Dial, DialRefused } from "../faults/FaultHooks.ts"
import type { Gateway } from "./Gateway.ts"

/** How many frames wait for a client that does not read, as in the buffers of a network. */
const buffered = 64

const closed = (code: number, closeReason?: string) =>
  new Socket.SocketError({ reason: new Socket.SocketCloseError({ code, closeReason }) })

/**
 * The client's end of a connection in memory.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClientConnection {
  /** The next frames from the sandbox. Fails with the close code when the connection has ended. */
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<string>, Socket.SocketError>
  /** Sends a frame to the sandbox. */
  readonly write: (text: string) => Effect.Effect<void, Socket.SocketError>
  /** Ends the connection, by default with 1000. */
  readonly close: (code?: number, reason?: string) => Effect.Effect<void>
}

/**
 * Opens a client connection to a gateway in memory. It closes with its scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect = Effect.fn("ClientConnection.connect")(function* (
  gateway: Gateway["Service"],
  dial: Dial
): Effect.fn.Return<ClientConnection, DialRefused, Scope.Scope> {
  const accepted = yield* gateway.accept(dial)
  const toServer = yield* Queue.unbounded<string, Socket.SocketError>()
  const toClient = yield* Queue.bounded<string, Socket.SocketError>(buffered)
  const end = (error: Socket.SocketError) =>
    Effect.andThen(Queue.fail(toServer, error), Effect.asVoid(Queue.fail(toClient, error)))
  const offer = (queue: Queue.Queue<string, Socket.SocketError>, frame: string) =>
    Effect.flatMap(Queue.offer(queue, frame), (isOpen) => (isOpen ? Effect.void : Effect.fail(closed(1006))))

  yield* gateway
    .serve(accepted, {
      pull: Queue.takeAll(toServer),
      write: (frame) => offer(toClient, frame),
      close: (code, reason) => end(closed(code, reason)),
      reset: end(closed(1006))
    })
    .pipe(Effect.forkScoped({ startImmediately: true }))
  yield* Effect.addFinalizer(() => end(closed(1000)))

  return {
    pull: Queue.takeAll(toClient),
    write: (frame) => offer(toServer, frame),
    close: (code = 1000, reason) => end(closed(code, reason))
  }
})

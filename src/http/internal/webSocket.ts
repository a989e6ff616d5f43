/**
 * One WebSocket: made, bounded in what it takes in, and released for sure.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as nodeSocket from "../../platform/nodeSocket.ts"

/** How long the other side has to answer the close frame. */
const farewell = "3 seconds"

/** The `readyState` of a closed WebSocket. */
const closed = 3

/** The WebSockets whose other side sent more than a frame may hold without ending it. */
const flooded = new WeakSet<Socket.WebSocketLike>()

/** Whether the WebSocket was cut because of a frame without an end. */
export const isFlooded = (ws: Socket.WebSocketLike | undefined): boolean => ws !== undefined && flooded.has(ws)

/** Whether a frame has more than `limit` bytes in UTF-8. */
export const isLarger = (frame: string, limit: number): boolean =>
  frame.length * 3 > limit && (frame.length > limit || new TextEncoder().encode(frame).byteLength > limit)

interface Target {
  addEventListener?(type: string, listener: () => void): void
  removeEventListener?(type: string, listener: () => void): void
}

const globals: Target & { readonly document?: Target | undefined } = globalThis

/** What surrounds a frame: headers of fragments, and pings. */
const slack = 64 * 1024

const microtask = Effect.callback<void>((resume) => queueMicrotask(() => resume(Effect.void)))

/**
 * Makes a WebSocket that is closed with 1000 when the scope ends, and cut if the other side does not answer that. A page
 * cannot cut; its browser does so by itself after some seconds.
 */
export const open = (
  make: Socket.WebSocketConstructor["Service"],
  url: string,
  maxFrameSize: number
): Effect.Effect<Socket.WebSocketLike, Socket.SocketError, Scope.Scope> =>
  Effect.gen(function* () {
    // In a page, what is opened and closed at once (React's StrictMode) makes none: the browser would log a warning.
    if (globals.document !== undefined) yield* microtask
    let tcp: nodeSocket.TcpSocket | undefined
    let ws: (Socket.WebSocketLike & { readonly url?: unknown }) | undefined
    // A constructor of the app may dial another URL than it was given.
    const dialled = () => (typeof ws?.url === "string" ? ws.url : url)
    const watching = yield* Effect.acquireRelease(
      Effect.sync(() => nodeSocket.watch(dialled, (found) => (tcp = found))),
      ({ stop }) => Effect.sync(stop)
    )
    const opened = yield* Effect.acquireRelease(
      Effect.try({
        try: () => (ws = make(url)),
        catch: (cause) => new Socket.SocketError({ reason: new Socket.SocketOpenError({ kind: "Unknown", cause }) })
      }),
      (made) => release(made, () => tcp)
    )
    yield* closeWhenFrozen(opened)
    opened.addEventListener("open", () => {
      watching.stop()
      if (tcp !== undefined) bound(opened, tcp, maxFrameSize + slack)
    })
    return opened
  })

/**
 * Closes a WebSocket inside the event that announces the freezing of the page. Afterwards nothing runs: an open WebSocket
 * would keep the page out of the back-forward cache, or the browser would break it and log an error.
 */
const closeWhenFrozen = (ws: Socket.WebSocketLike) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const close = () => ws.close(1000)
      globals.addEventListener?.("pagehide", close)
      globals.document?.addEventListener?.("freeze", close)
      return close
    }),
    (close) =>
      Effect.sync(() => {
        globals.removeEventListener?.("pagehide", close)
        globals.document?.removeEventListener?.("freeze", close)
      })
  )

/** Cuts a connection over which a frame comes in so many fragments that it exceeds the limit before it ends. */
const bound = (ws: Socket.WebSocketLike, tcp: nodeSocket.TcpSocket, limit: number) => {
  let received = 0
  ws.addEventListener("message", () => {
    received = 0
  })
  tcp.on("data", ({ byteLength }) => {
    received += byteLength
    if (received <= limit) return
    flooded.add(ws)
    tcp.destroy()
  })
}

/** Closes a WebSocket, and cuts it where that is possible: by the method of `ws`, or beneath the one of Node. */
const release = (
  ws: Socket.WebSocketLike & { readonly terminate?: unknown },
  tcp: () => nodeSocket.TcpSocket | undefined
) =>
  Effect.suspend(() => {
    ws.close(1000)
    const { terminate } = ws
    const cut = () => (typeof terminate === "function" ? Reflect.apply(terminate, ws, []) : tcp()?.destroy())
    if (ws.readyState === closed || (typeof terminate !== "function" && tcp() === undefined)) return Effect.void
    const ended = Effect.callback<void>((resume) => ws.addEventListener("close", () => resume(Effect.void)))
    return Effect.forkDetach(Effect.andThen(Effect.raceFirst(ended, Effect.sleep(farewell)), Effect.sync(cut)), {
      startImmediately: true
    })
  })

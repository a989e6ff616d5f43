/**
 * The platform's own WebSocket over real sockets, against a backend that breaks the rules.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import { createHash } from "node:crypto"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import type { Duplex } from "node:stream"
import { Transport } from "../../src/http/Transport.ts"
import * as Recorder from "../support/Recorder.ts"

const accept = (key = "") =>
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  `Sec-WebSocket-Accept: ${createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64")}\r\n\r\n`

/** A server that never answers a frame. `opened` has its side of each connection, `ended` of each that is gone. */
const serve = Effect.fnUntraced(function* (upgrade: (socket: Duplex, key: string | undefined) => void) {
  const seen = yield* Deferred.make<void>()
  const gone = yield* Deferred.make<void>()
  const server = createServer()
  const sockets = new Set<Duplex>()
  server.on("upgrade", (request, socket) => {
    sockets.add(socket)
    socket.on("error", () => {})
    for (const end of ["end", "close"]) socket.on(end, () => Deferred.doneUnsafe(gone, Effect.void))
    socket.resume()
    upgrade(socket, request.headers["sec-websocket-key"])
    Deferred.doneUnsafe(seen, Effect.void)
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () =>
      Effect.callback<void>((resume) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resume(Effect.void))
      })
  )
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, seen: Deferred.await(seen), gone: Deferred.await(gone) }
})

const transport = (
  baseUrl: string,
  options?: { readonly maxFrameSize?: number; readonly webSocket?: (url: string) => WebSocket }
) =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const layer = Recorder.transport(client, { baseUrl, webSocket: (url) => new WebSocket(url), ...options })
    return yield* Effect.provide(Transport, yield* Layer.build(layer))
  }).pipe(Effect.provide(FetchHttpClient.layer))

/** A text frame's fragment, unmasked as servers send it. */
const fragment = (isFirst: boolean, size: number) => {
  const frame = Buffer.alloc(10 + size, 0x61)
  frame[0] = isFirst ? 0x01 : 0x00
  frame[1] = 127
  frame.writeBigUInt64BE(BigInt(size), 2)
  return frame
}

describe("a WebSocket", () => {
  it.live("is cut when the other side does not answer its close", () =>
    Effect.gen(function* () {
      const server = yield* serve((socket, key) => socket.write(accept(key)))
      const { connect } = yield* transport(server.url)
      const scope = yield* Scope.make()
      yield* Scope.provide(connect, scope)
      yield* Scope.close(scope, Exit.void)
      yield* server.gone
    })
  )

  it.live("is cut also where the app's constructor dials another URL", () =>
    Effect.gen(function* () {
      const server = yield* serve((socket, key) => socket.write(accept(key)))
      const { connect } = yield* transport(server.url, { webSocket: (url) => new WebSocket(`${url}&via=proxy`) })
      const scope = yield* Scope.make()
      yield* Scope.provide(connect, scope)
      yield* Scope.close(scope, Exit.void)
      yield* server.gone
    })
  )

  it.live("is cut, and not another one of the process to the same path of another host", () =>
    Effect.gen(function* () {
      const server = yield* serve((socket, key) => socket.write(accept(key)))
      const other = yield* serve((socket, key) => socket.write(accept(key)))
      const others: Array<WebSocket> = []
      const { connect } = yield* transport(server.url, {
        webSocket: (url) => {
          others.push(new WebSocket(url.replace(new URL(server.url).host, new URL(other.url).host)))
          return new WebSocket(url)
        }
      })
      const scope = yield* Scope.make()
      yield* Scope.provide(connect, scope)
      yield* Scope.close(scope, Exit.void)
      const gone = yield* Effect.raceFirst(Effect.as(server.gone, "its own"), Effect.as(other.gone, "the other"))
      assert.strictEqual(gone, "its own")
      for (const socket of others) socket.close()
    })
  )

  it.live("that has not opened is cut at once when its dial is given up", () =>
    Effect.gen(function* () {
      const server = yield* serve(() => {})
      const { connect } = yield* transport(server.url)
      const scope = yield* Scope.make()
      yield* Effect.forkScoped(Scope.provide(connect, scope))
      yield* server.seen
      yield* Scope.close(scope, Exit.void)
      yield* server.gone
    })
  )

  it.live("is cut when a frame has no end", () =>
    Effect.gen(function* () {
      let sent = 0
      const server = yield* serve((socket, key) => {
        socket.write(accept(key))
        const flood = () => {
          while (sent < 64 * 1024 * 1024 && !socket.destroyed) {
            const isRoomLeft = socket.write(fragment(sent === 0, 64 * 1024))
            sent += 64 * 1024
            if (!isRoomLeft) return void socket.once("drain", flood)
          }
        }
        setImmediate(flood)
      })
      const { connect } = yield* transport(server.url, { maxFrameSize: 256 * 1024 })
      const connection = yield* connect
      const error = yield* Effect.flip(connection.pull)
      assert.deepInclude(error.reason, { _tag: "ResponseTooLarge", limit: 256 * 1024, option: "maxFrameSize" })
      yield* server.gone
      assert.isBelow(sent, 16 * 1024 * 1024)
    })
  )
})

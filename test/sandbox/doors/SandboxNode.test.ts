import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, describe, it, layer } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import { get } from "node:http"
import { connect } from "node:net"
import { Dropped, Fate, FaultHooks, noFaults } from "../../../src/sandbox/faults/FaultHooks.ts"
import { Sandbox } from "../../../src/sandbox/Sandbox.ts"
import * as SandboxNode from "../../../src/sandbox/doors/SandboxNode.ts"
import { alice, chen, emma, kinds, li, makeClient, text } from "../Client.ts"

const socketUrl = (token: string) =>
  Effect.map(SandboxNode.baseUrl, (base) => `${base.replace("http", "ws")}/api/v1/im/ws?token=${token}`)

const dial = (token: string) =>
  Effect.gen(function* () {
    const socket = yield* Socket.makeWebSocket(yield* socketUrl(token))
    const { write } = yield* socket.writer
    const pull = yield* Socket.readerString(socket)
    return makeClient(pull, write, Effect.ignore(write(new Socket.CloseEvent(1000))))
  }).pipe(Effect.provide(Socket.layerWebSocketConstructorGlobal))

const closeCodeOf = <A>(next: Effect.Effect<A, Socket.SocketError>) =>
  next.pipe(
    Effect.forever,
    Effect.flip,
    Effect.map(({ reason }) => (reason._tag === "SocketCloseError" ? reason.code : reason._tag))
  )

/** The response of a server that refuses an upgrade. */
const refusal = (url: string) =>
  Effect.callback<{ readonly status: number | undefined; readonly body: string }>((resume) => {
    const headers = {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="
    }
    get(url.replace("ws", "http"), { headers }, (response) => {
      let body = ""
      response.on("data", (chunk) => (body += String(chunk)))
      response.on("end", () => resume(Effect.succeed({ status: response.statusCode, body })))
    })
  })

const Served = Layer.merge(SandboxNode.layer(), NodeHttpClient.layerUndici)

layer(Served, { excludeTestServices: true })("SandboxNode", (it) => {
  it.effect("serves real WebSockets", () =>
    Effect.gen(function* () {
      const staff = yield* dial(li)
      const visitor = yield* dial(chen)
      yield* visitor.message(5)
      yield* visitor.call(101, text("人工"))
      const { content } = yield* staff.message(102)
      const { message_id } = yield* staff.call(101, text("您好 👋", content.user_id))
      const heard = yield* visitor.message(1)
      assert.deepStrictEqual([heard.id, heard.content], [message_id, "您好 👋"])
      yield* visitor.call(104, { message_id })
      assert.deepStrictEqual(kinds(yield* staff.sync), [1104])
    })
  )

  it.effect("refuses to upgrade without a good token", () =>
    Effect.gen(function* () {
      const { status, body } = yield* refusal(yield* socketUrl("nonsense"))
      assert.strictEqual(status, 401)
      assert.deepInclude(JSON.parse(body), { _tag: "DialRefused", message: "The token is unknown" })
      const exit = yield* Effect.exit(dial("nonsense"))
      assert.isTrue(Exit.isFailure(exit))
    })
  )

  it.effect("survives invalid input", () =>
    Effect.gen(function* () {
      const visitor = yield* dial(alice)
      yield* visitor.sync
      yield* visitor.raw("{")
      yield* visitor.raw('{"sequence_id":1,"event_type":4711,"payload":null}')
      assert.deepStrictEqual(yield* visitor.sync, [])
      yield* visitor.send(101, text("x".repeat(70_000)))
      assert.strictEqual(yield* closeCodeOf(visitor.next), 1009)
      const again = yield* dial(alice)
      yield* again.send(101, text("x".repeat(1_000_000)))
      assert.strictEqual(yield* closeCodeOf(again.next), 1009)
      yield* (yield* dial(alice)).sync
    })
  )

  it.effect("notifies the first of two logins and closes it", () =>
    Effect.gen(function* () {
      const first = yield* dial(emma)
      yield* first.sync
      const second = yield* dial(emma)
      assert.strictEqual((yield* first.next).event_type, 301)
      assert.strictEqual(yield* closeCodeOf(first.next), 1000)
      assert.deepStrictEqual(yield* second.sync, [])
    })
  )

  it.effect("stores uploads, and responds 413 to a file that is too large", () =>
    Effect.gen(function* () {
      const base = yield* SandboxNode.baseUrl
      const presign = (byte_size: number) =>
        HttpClientRequest.post(`${base}/api/v1/presign_urls`).pipe(
          HttpClientRequest.bearerToken(chen),
          HttpClientRequest.bodyJsonUnsafe({ filename: "猫.bin", content_type: "image/webp", byte_size }),
          HttpClient.execute,
          Effect.flatMap((response) => response.json),
          Effect.map((json) => json as { readonly signed_url: string; readonly url: string })
        )
      const upload = (url: string, bytes: Uint8Array<ArrayBuffer>) => {
        const data = new FormData()
        data.append("file", new Blob([bytes]), "猫.bin")
        return HttpClient.execute(HttpClientRequest.post(url).pipe(HttpClientRequest.bodyFormData(data)))
      }
      const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251)
      const { signed_url, url } = yield* presign(bytes.length)
      assert.isTrue(url.startsWith(base))
      assert.strictEqual((yield* upload(signed_url, bytes)).status, 204)
      const stored = yield* HttpClient.get(url)
      assert.strictEqual(stored.headers["content-type"], "image/webp")
      assert.deepStrictEqual(new Uint8Array(yield* stored.arrayBuffer), bytes)

      const limited = yield* presign(10)
      const tooLarge = yield* upload(limited.signed_url, new Uint8Array(11 * 1024 * 1024))
      assert.strictEqual(tooLarge.status, 413)
      assert.deepInclude(yield* tooLarge.json, { _tag: "TooLarge" })
    })
  )

  it.effect("refuses bodies that are too large, announced or not", () =>
    Effect.gen(function* () {
      const base = yield* SandboxNode.baseUrl
      const put = HttpClientRequest.put(`${base}/api/v1/im/users/me`).pipe(HttpClientRequest.bearerToken(chen))
      const body = JSON.stringify({ nickname: "x".repeat(1_100_000) })
      const announced = yield* HttpClient.execute(HttpClientRequest.bodyText(put, body, "application/json"))
      assert.strictEqual(announced.status, 413)
      const status = yield* Effect.callback<string>((resume) => {
        const { port } = new URL(base)
        const socket = connect(Number(port), "127.0.0.1", () => {
          socket.write(
            `PUT /api/v1/im/users/me HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${chen}\r\n` +
              "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
          )
          for (let index = 0; index < 18; index++) socket.write(`10000\r\n${"x".repeat(0x10000)}\r\n`)
          socket.write("0\r\n\r\n")
        })
        socket.once("data", (data) => {
          socket.destroy()
          resume(Effect.succeed(String(data).split("\r\n", 1)[0] ?? ""))
        })
      })
      assert.include(status, "413")
    })
  )

  it.effect("serves docs that work offline", () =>
    Effect.gen(function* () {
      const base = yield* SandboxNode.baseUrl
      const docs = yield* (yield* HttpClient.get(`${base}/docs`)).text
      assert.include(docs, "SwaggerUIBundle")
      assert.notMatch(docs, /<(?:script|link)[^>]+(?:src|href)="https?:/)
      const api = yield* (yield* HttpClient.get(`${base}/openapi.json`)).json
      assert.property(api, "paths")
    })
  )
})

const Faulty = SandboxNode.layer({ maxOutgoingFrames: 50, maxFrameBytes: 256 * 1024 }).pipe(
  Layer.provide(
    Layer.succeed(FaultHooks, {
      ...noFaults,
      link: () =>
        Effect.succeed({
          inbound: (frame) => Effect.succeed([frame.includes("die") ? Fate.reset : Fate.deliver(frame)]),
          outbound: (frame) => Effect.succeed([Fate.deliver(frame)])
        }),
      request: (call, handle) => (call.path === "/openapi.json" ? Effect.fail(new Dropped()) : handle)
    })
  ),
  Layer.provideMerge(NodeHttpClient.layerUndici)
)

layer(Faulty, { excludeTestServices: true })("SandboxNode with faults", (it) => {
  it.effect("resets connections without a close frame", () =>
    Effect.gen(function* () {
      const visitor = yield* dial(chen)
      yield* visitor.sync
      yield* visitor.send(101, text("die"))
      // Node's WebSocket emits an error before the close with 1006.
      assert.strictEqual(yield* closeCodeOf(visitor.next), "SocketReadError")
      const response = yield* Effect.flip(HttpClient.get(`${yield* SandboxNode.baseUrl}/openapi.json`))
      assert.strictEqual(response.reason._tag, "TransportError")
    })
  )

  it.effect("closes a client that does not read, without holding up others", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const { port } = new URL(yield* SandboxNode.baseUrl)
      const staff = yield* dial(li)
      const { token, userId } = yield* sandbox.createVisitor()
      const opened = yield* Deferred.make<void>()
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          const socket = connect(Number(port), "127.0.0.1", () => {
            socket.write(
              `GET /api/v1/im/ws?token=${token} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
          })
          socket.once("data", () => {
            socket.pause()
            Deferred.doneUnsafe(opened, Effect.void)
          })
          socket.on("error", () => {})
          return socket
        }),
        (socket) => Effect.sync(() => socket.destroy())
      )
      yield* Deferred.await(opened)
      yield* HttpClient.execute(
        HttpClientRequest.post(`${yield* SandboxNode.baseUrl}/api/v1/im/conversations`).pipe(
          HttpClientRequest.bearerToken(li),
          HttpClientRequest.bodyJsonUnsafe({ customer_id: userId })
        )
      )
      const long = "长".repeat(60_000)
      let sent = 0
      while ((yield* sandbox.counters).slowConsumers === 0 && sent++ < 1000) {
        yield* staff.call(101, text(long, userId))
      }
      assert.isAbove(sent, 50)
      assert.isBelow(sent, 1000)
      assert.deepStrictEqual(
        (yield* sandbox.connections).filter((connection) => connection.userId === userId),
        []
      )
    })
  )
})

describe("stopping", () => {
  it.live("closes open connections with 1001 and does not wait for clients", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(SandboxNode.layer(), scope)
      const visitor = yield* Effect.provideContext(dial(chen), context)
      yield* visitor.sync
      yield* Effect.timeout(Scope.close(scope, Exit.void), "2 seconds")
      assert.strictEqual(yield* closeCodeOf(visitor.next), 1001)
    })
  )

  it.live("frees the port", () =>
    Effect.gen(function* () {
      const base = yield* Effect.provide(SandboxNode.baseUrl, SandboxNode.layer())
      const port = Number(new URL(base).port)
      assert.strictEqual(yield* Effect.provide(SandboxNode.baseUrl, SandboxNode.layer({ port })), base)
    })
  )
})

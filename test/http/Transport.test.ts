import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as TestClock from "effect/testing/TestClock"
import { inspect } from "node:util"
import { afterEach, vi } from "vitest"
import { Credentials } from "../../src/http/Credentials.ts"
import { KefuError } from "../../src/KefuError.ts"
import { type Connection, Transport } from "../../src/http/Transport.ts"
import * as Dial from "../support/Dial.ts"
import * as Recorder from "../support/Recorder.ts"
import * as Spans from "../support/Spans.ts"

const me = () => Recorder.json({ id: 1, user_type: "CUSTOMER" })
const opening = (socket: Dial.FakeSocket) => queueMicrotask(() => socket.opens())
const write = (connection: Connection, frame: string) =>
  Effect.suspend(() => Effect.fromResult(connection.write(frame)))
const refusing = (socket: Dial.FakeSocket) => queueMicrotask(() => socket.breaks())

type Settings = NonNullable<Parameters<typeof Recorder.transport>[1]>

/** Dials within the test's scope. */
const connect = (
  settings: Settings & { readonly webSocket: NonNullable<Settings["webSocket"]> },
  backend: { readonly client: Parameters<typeof Recorder.transport>[0] } = Recorder.make(me)
) =>
  Effect.flatMap(Layer.build(Recorder.transport(backend.client, settings)), (context) =>
    Effect.provide(
      Transport.use(({ connect }) => connect),
      context
    )
  )

const encode = Schema.encodeSync(KefuError)

const tokenFree = (error: KefuError) => {
  const shown = [
    error.message,
    error.stack,
    JSON.stringify(error),
    JSON.stringify(encode(error)),
    inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true })
  ].join("\n")
  assert.notInclude(shown, "s3cret")
}

afterEach(() => {
  vi.unstubAllGlobals()
})

describe("Transport", () => {
  describe("the URL of the WebSocket", () => {
    const addresses: ReadonlyArray<readonly [settings: Settings, url: string]> = [
      [{ baseUrl: "https://kefu.test" }, "wss://kefu.test/api/v1/im/ws?token=t"],
      [{ baseUrl: "http://localhost:8787" }, "ws://localhost:8787/api/v1/im/ws?token=t"],
      [{ baseUrl: "https://kefu.test/shop/" }, "wss://kefu.test/shop/api/v1/im/ws?token=t"],
      [{ baseUrl: "https://https.test" }, "wss://https.test/api/v1/im/ws?token=t"],
      [{ subChannelId: 12 }, "wss://kefu.test/api/v1/im/ws?token=t&sub_channel_id=12"],
      [{ subChannelId: 0 }, "wss://kefu.test/api/v1/im/ws?token=t"],
      [
        { credentials: Credentials.layer("a+b/c=d&e f#g令") },
        "wss://kefu.test/api/v1/im/ws?token=a%2Bb%2Fc%3Dd%26e%20f%23g%E4%BB%A4"
      ]
    ]
    for (const [settings, url] of addresses) {
      it.effect(url, () =>
        Effect.gen(function* () {
          const { sockets, webSocket } = Dial.make(opening)
          yield* connect({ credentials: Credentials.layer("t"), ...settings, webSocket })
          assert.deepStrictEqual(
            sockets.map((socket) => socket.url),
            [url]
          )
        })
      )
    }

    for (const [protocol, scheme] of [
      ["https:", "wss"],
      ["http:", "ws"]
    ] as const) {
      it.effect(`a page on ${protocol} dials ${scheme} when the base URL says http`, () =>
        Effect.gen(function* () {
          vi.stubGlobal("location", { origin: `${protocol}//shop.test`, protocol, pathname: "/" })
          const { sockets, webSocket } = Dial.make(opening)
          yield* connect({ baseUrl: "http://kefu.test", webSocket })
          assert.strictEqual(sockets[0]?.url.split(":")[0], scheme)
        })
      )
    }

    for (const host of ["localhost", "app.localhost", "127.0.0.1", "[::1]"]) {
      it.effect(`a page on https dials ws on ${host}, which browsers allow`, () =>
        Effect.gen(function* () {
          vi.stubGlobal("location", { origin: "https://shop.test", protocol: "https:", pathname: "/" })
          const { sockets, webSocket } = Dial.make(opening)
          yield* connect({ baseUrl: `http://${host}:8787`, webSocket })
          assert.isTrue(sockets[0]?.url.startsWith(`ws://${host}:8787/`))
        })
      )
    }

    for (const host of ["localhost.evil.test", "127.0.0.1.evil.test", "notlocalhost"]) {
      it.effect(`a page on https dials wss on ${host}`, () =>
        Effect.gen(function* () {
          vi.stubGlobal("location", { origin: "https://shop.test", protocol: "https:", pathname: "/" })
          const { sockets, webSocket } = Dial.make(opening)
          yield* connect({ baseUrl: `http://${host}`, webSocket })
          assert.isTrue(sockets[0]?.url.startsWith("wss:"))
        })
      )
    }

    it.effect("is built at every dial, with the current token", () =>
      Effect.gen(function* () {
        let given = 0
        const { sockets, webSocket } = Dial.make(opening)
        const credentials = Credentials.layerTest({
          token: Effect.sync(() => Redacted.make(`token ${++given}`)),
          refresh: () => Effect.never
        })
        yield* Effect.gen(function* () {
          const transport = yield* Transport
          yield* transport.connect
          yield* transport.connect
        }).pipe(Effect.provide(Recorder.transport(Recorder.make(me).client, { credentials, webSocket })))
        assert.deepStrictEqual(
          sockets.map((socket) => socket.url.split("?")[1]),
          ["token=token%201", "token=token%202"]
        )
      })
    )
  })

  it.effect("carries frames both ways, in order", () =>
    Effect.gen(function* () {
      const { sockets, webSocket } = Dial.make(opening)
      const connection = yield* connect({ webSocket })
      yield* write(connection, "a")
      yield* write(connection, "b")
      assert.deepStrictEqual(sockets[0]?.sent, ["a", "b"])
      sockets[0]?.says("1")
      sockets[0]?.says("二")
      assert.deepStrictEqual(yield* connection.pull, ["1", "二"])
      const waiting = yield* Effect.forkChild(connection.pull, { startImmediately: true })
      sockets[0]?.says("3")
      assert.deepStrictEqual(yield* Fiber.join(waiting), ["3"])
    })
  )

  it.effect("closes with 1000 when the scope of the dial ends, and only then", () =>
    Effect.gen(function* () {
      const { sockets, webSocket } = Dial.make(opening)
      const scope = yield* Scope.make()
      yield* Scope.provide(connect({ webSocket }), scope)
      assert.deepStrictEqual(sockets[0]?.closedWith, [])
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(sockets[0]?.closedWith, [1000])
    })
  )

  describe("the end of a connection", () => {
    for (const [code, reason] of [
      [1000, ""],
      [1001, "going away"],
      [1012, "restart"],
      [4001, "logged in elsewhere"]
    ] as const) {
      it.effect(`is ConnectionLost with the code ${code}, after the frames that preceded it`, () =>
        Effect.gen(function* () {
          const { sockets, webSocket } = Dial.make(opening)
          const connection = yield* connect({ webSocket })
          sockets[0]?.says("last")
          sockets[0]?.closes(code, reason)
          assert.deepStrictEqual(yield* connection.pull, ["last"])
          const error = yield* Effect.flip(connection.pull)
          assert.deepInclude(error.reason, { _tag: "ConnectionLost", code, detail: reason })
          assert.strictEqual(error.method, "Transport.connect")
          const again = yield* Effect.flip(write(connection, "late"))
          assert.deepInclude(again.reason, { _tag: "ConnectionLost", code })
        })
      )
    }

    it.effect("is ResponseTooLarge, and the socket is closed, after a frame over the limit", () =>
      Effect.gen(function* () {
        for (const [frame, limit] of [
          ["x".repeat(101), 100],
          ["客".repeat(34), 101]
        ] as const) {
          const { sockets, webSocket } = Dial.make(opening)
          const scope = yield* Scope.make()
          const connection = yield* Scope.provide(connect({ webSocket, maxFrameSize: limit }), scope)
          sockets[0]?.says("x".repeat(limit))
          assert.deepStrictEqual(yield* connection.pull, ["x".repeat(limit)])
          sockets[0]?.says(frame)
          const error = yield* Effect.flip(connection.pull)
          assert.deepInclude(error.reason, { _tag: "ResponseTooLarge", limit, option: "maxFrameSize" })
          assert.strictEqual((yield* Effect.flip(write(connection, "late"))).reason._tag, "ResponseTooLarge")
          yield* Scope.close(scope, Exit.void)
          assert.deepStrictEqual(sockets[0]?.closedWith, [1000])
        }
      })
    )

    it.effect("is forced 3 seconds after the close, where the socket can be terminated", () =>
      Effect.gen(function* () {
        let terminated = 0
        const { sockets, webSocket } = Dial.make((socket) => {
          Object.assign(socket, { terminate: () => terminated++ })
          opening(socket)
        })
        for (const answers of [false, true]) {
          terminated = 0
          const scope = yield* Scope.make()
          yield* Scope.provide(connect({ webSocket }), scope)
          yield* Scope.close(scope, Exit.void)
          assert.deepStrictEqual(sockets.at(-1)?.closedWith, [1000])
          if (answers) sockets.at(-1)?.closes(1000)
          yield* TestClock.adjust(2_999)
          assert.strictEqual(terminated, answers ? 1 : 0)
          yield* TestClock.adjust(1)
          assert.strictEqual(terminated, 1)
        }
      })
    )

    it.effect("without a close frame is 1006", () =>
      Effect.gen(function* () {
        const { sockets, webSocket } = Dial.make(opening)
        const connection = yield* connect({ webSocket })
        sockets[0]?.breaks()
        const error = yield* Effect.flip(connection.pull)
        assert.deepInclude(error.reason, { _tag: "ConnectionLost", code: 1006 })
      })
    )

    it.effect("wakes a pending pull", () =>
      Effect.gen(function* () {
        const { sockets, webSocket } = Dial.make(opening)
        const connection = yield* connect({ webSocket })
        const waiting = yield* Effect.forkChild(Effect.flip(connection.pull), { startImmediately: true })
        sockets[0]?.closes(1011)
        assert.deepInclude((yield* Fiber.join(waiting)).reason, { _tag: "ConnectionLost", code: 1011 })
      })
    )

    it.effect("fails writes before the close event: the socket would silently discard them", () =>
      Effect.gen(function* () {
        const { sockets, webSocket } = Dial.make(opening)
        const connection = yield* connect({ webSocket })
        sockets[0]?.closes(1001)
        const error = yield* Effect.flip(write(connection, "lost"))
        assert.strictEqual(error.reason._tag, "ConnectionLost")
        assert.deepStrictEqual(sockets[0]?.sent, [])
      })
    )

    it.effect("fails writes after its scope has closed, instead of suspending them for ever", () =>
      Effect.gen(function* () {
        const { webSocket } = Dial.make(opening)
        const scope = yield* Scope.make()
        const connection = yield* Scope.provide(connect({ webSocket }), scope)
        yield* Scope.close(scope, Exit.void)
        const outcome = yield* Effect.forkChild(Effect.flip(write(connection, "late")), { startImmediately: true })
        yield* TestClock.adjust("1 hour")
        const exit = outcome.pollUnsafe()
        assert.isTrue(exit !== undefined && Exit.isSuccess(exit) && exit.value.reason._tag === "ConnectionLost")
      })
    )

    it.effect("redacts a token that the backend echoes in the close reason", () =>
      Effect.gen(function* () {
        const { sockets, webSocket } = Dial.make(opening)
        const connection = yield* connect({ webSocket })
        sockets[0]?.closes(4000, `bad token ${Recorder.secret}`)
        const error = yield* Effect.flip(connection.pull)
        assert.include(error.message, "4000 bad token <redacted>")
        tokenFree(error)
      })
    )
  })

  describe("a dial that does not open", () => {
    it.effect("in time is ConnectTimeout, and its socket is released", () =>
      Effect.gen(function* () {
        const { sockets, webSocket } = Dial.make()
        const backend = Recorder.make(me)
        const scope = yield* Scope.make()
        const fiber = yield* Effect.forkChild(
          Effect.flip(Scope.provide(connect({ webSocket, connectTimeout: "4 seconds" }, backend), scope)),
          { startImmediately: true }
        )
        yield* TestClock.adjust(3_999)
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust(1)
        const error = yield* Fiber.join(fiber)
        assert.deepInclude(error.reason, { _tag: "ConnectTimeout", afterMillis: 4_000 })
        tokenFree(error)
        // The scope is still open: a late opening must not leak a connection.
        assert.deepStrictEqual(sockets[0]?.closedWith, [1000])
        assert.strictEqual(backend.seen.length, 0)
      })
    )

    const refusals: ReadonlyArray<readonly [string, () => Recorder.Answer, tag: string]> = [
      ["401", () => new Response(null, { status: 401 }), "Unauthorized"],
      ["403", () => new Response(null, { status: 403 }), "Forbidden"],
      ["429", () => new Response(null, { status: 429 }), "RateLimited"],
      ["503", () => new Response(null, { status: 503 }), "ServerFault"],
      ["no answer", () => "unreachable", "NetworkUnreachable"],
      ["a page", () => new Response("<html>"), "UnexpectedResponse"]
    ]
    for (const [answered, answer, tag] of refusals) {
      it.effect(`is probed once, and reported as ${tag} after ${answered}`, () =>
        Effect.gen(function* () {
          const backend = Recorder.make(answer)
          const { sockets, webSocket } = Dial.make(refusing)
          const error = yield* Effect.flip(connect({ webSocket }, backend))
          assert.strictEqual(error.reason._tag, tag)
          assert.strictEqual(error.method, "Transport.connect")
          assert.deepStrictEqual(
            backend.seen.map((seen) => [seen.method, seen.path]),
            [["GET", "/api/v1/im/users/me"]]
          )
          assert.strictEqual(sockets.length, 1)
          tokenFree(error)
        })
      )
    }

    it.effect("although REST works is reported as such", () =>
      Effect.gen(function* () {
        const { sockets, webSocket } = Dial.make(refusing)
        const error = yield* Effect.flip(connect({ webSocket }))
        assert.strictEqual(error.reason._tag, "NetworkUnreachable")
        assert.include(error.message, "the WebSocket was refused")
        assert.strictEqual(sockets.length, 1)
        tokenFree(error)
      })
    )

    it.effect("because it closed before it opened is probed too", () =>
      Effect.gen(function* () {
        const backend = Recorder.make(() => new Response(null, { status: 401 }))
        const { webSocket } = Dial.make((socket) => queueMicrotask(() => socket.closes(1006)))
        assert.strictEqual((yield* Effect.flip(connect({ webSocket }, backend))).reason._tag, "Unauthorized")
      })
    )

    it.effect("because the constructor threw is not a defect, and does not reveal the URL", () =>
      Effect.gen(function* () {
        const webSocket = (url: string): never => {
          throw new SyntaxError(`The URL '${url}' is invalid`)
        }
        const error = yield* Effect.flip(connect({ webSocket }))
        assert.strictEqual(error.reason._tag, "NetworkUnreachable")
        tokenFree(error)
      })
    )

    it.effect("because the platform has no WebSocket says so, and is not probed", () =>
      Effect.gen(function* () {
        vi.stubGlobal("WebSocket", undefined)
        const backend = Recorder.make(me)
        const missing = yield* Effect.provide(Socket.WebSocketConstructor, Socket.layerWebSocketConstructorGlobal)
        const error = yield* Effect.flip(connect({ webSocket: missing }, backend))
        assert.deepInclude(error.reason, { _tag: "InvalidRequest", field: "webSocket" })
        assert.include(error.message, "Node 22")
        assert.strictEqual(backend.seen.length, 0)
      })
    )

    it.effect("because the token had expired is repeated once with the token that the probe obtained", () =>
      Effect.gen(function* () {
        let given = 0
        const credentials = Credentials.layerProvider(Effect.sync(() => (++given === 1 ? "old" : "new")))
        const backend = Recorder.make((seen) =>
          seen.headers.authorization === "Bearer new" ? me() : new Response(null, { status: 401 })
        )
        const { sockets, webSocket } = Dial.make((socket) =>
          socket.url.endsWith("token=new") ? opening(socket) : refusing(socket)
        )
        const connection = yield* connect({ webSocket, credentials }, backend)
        yield* write(connection, "hello")
        assert.deepStrictEqual(sockets[1]?.sent, ["hello"])
        assert.strictEqual(sockets.length, 2)
      })
    )

    it.effect("with the new token either is not repeated again", () =>
      Effect.gen(function* () {
        let given = 0
        const credentials = Credentials.layerProvider(Effect.sync(() => (++given === 1 ? "old" : "new")))
        const backend = Recorder.make((seen) =>
          seen.headers.authorization === "Bearer new" ? me() : new Response(null, { status: 401 })
        )
        const { sockets, webSocket } = Dial.make(refusing)
        const error = yield* Effect.flip(connect({ webSocket, credentials }, backend))
        assert.strictEqual(error.reason._tag, "NetworkUnreachable")
        assert.strictEqual(sockets.length, 2)
      })
    )

    it.effect("because there is no token is reported as such", () =>
      Effect.gen(function* () {
        const { sockets, webSocket } = Dial.make(opening)
        const credentials = Credentials.layerProvider(Effect.fail("offline"))
        const error = yield* Effect.flip(connect({ webSocket, credentials }))
        assert.strictEqual(error.reason._tag, "TokenUnavailable")
        assert.strictEqual(sockets.length, 0)
      })
    )

    it.effect("and is interrupted closes its socket", () =>
      Effect.gen(function* () {
        const { sockets, webSocket } = Dial.make()
        const scope = yield* Scope.make()
        const fiber = yield* Effect.forkChild(Scope.provide(connect({ webSocket }), scope), { startImmediately: true })
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(sockets[0]?.closedWith, [1000])
      })
    )
  })

  it.effect("does not change requests to other URLs", () =>
    Effect.gen(function* () {
      const backend = Recorder.make(() => new Response(null, { status: 204 }))
      yield* Transport.use(({ baseUrl, publicHttpClient }) => publicHttpClient.post(`${baseUrl}/blobs/1`)).pipe(
        Effect.provide(Recorder.transport(backend.client))
      )
      assert.strictEqual(backend.seen[0]?.url, "https://kefu.test/blobs/1")
      assert.deepStrictEqual(backend.seen[0]?.headers, {})
    })
  )

  it.effect("keeps the token out of its spans", () =>
    Effect.gen(function* () {
      const { spans, tracer } = Spans.make()
      const { webSocket } = Dial.make(opening)
      yield* Effect.gen(function* () {
        const transport = yield* Transport
        yield* transport.httpClient.get("/api/v1/im/users/me")
        yield* transport.connect
      }).pipe(Effect.provide(Recorder.transport(Recorder.make(me).client, { webSocket })), Effect.withTracer(tracer))
      assert.isNotEmpty(spans)
      for (const span of spans) assert.notInclude(inspect([...span.attributes], { depth: 9 }), "s3cret")
    })
  )

  it.effect("can be mocked in part", () =>
    Effect.gen(function* () {
      const { client } = Recorder.make(me)
      const real = yield* Transport.pipe(Effect.provide(Recorder.transport(client)))
      const context = yield* Layer.build(
        Transport.layerTest({ httpClient: real.httpClient, publicHttpClient: client, baseUrl: "https://kefu.test" })
      )
      const transport = yield* Effect.provideContext(Transport, context)
      assert.strictEqual(transport.baseUrl, "https://kefu.test")
      assert.isTrue(Exit.hasDies(yield* Effect.exit(transport.connect)))
    })
  )
})

/**
 * A page whose Content-Security-Policy blocks the backend: errors name the policy, the directive and what to add.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { afterEach, vi } from "vitest"
import { Transport } from "../../src/http/Transport.ts"
import { UploadApi } from "../../src/rest/UploadApi.ts"
import { MakeXhr } from "../../src/rest/xhr.ts"
import * as Dial from "../support/Dial.ts"
import * as Recorder from "../support/Recorder.ts"

class Violation extends Event {
  readonly effectiveDirective: string
  readonly blockedURI: string
  readonly disposition: string
  constructor(blockedURI: string, effectiveDirective = "connect-src", disposition = "enforce") {
    super("securitypolicyviolation")
    this.effectiveDirective = effectiveDirective
    this.blockedURI = blockedURI
    this.disposition = disposition
  }
}

class FakeDocument extends EventTarget {
  listeners = 0
  override addEventListener(...args: Parameters<EventTarget["addEventListener"]>) {
    this.listeners++
    super.addEventListener(...args)
  }
  override removeEventListener(...args: Parameters<EventTarget["removeEventListener"]>) {
    this.listeners--
    super.removeEventListener(...args)
  }
}

const page = () => {
  const document = new FakeDocument()
  vi.stubGlobal("document", document)
  return document
}

afterEach(() => {
  vi.unstubAllGlobals()
})

const me = { id: 1, user_type: "CUSTOMER" }
const refusing = (socket: Dial.FakeSocket) => queueMicrotask(() => socket.breaks())
const withoutRetry = { retry: false } as const

const connect = (webSocket: ReturnType<typeof Dial.make>["webSocket"], answer: () => Recorder.Answer) =>
  Transport.use(({ connect }) => Effect.flip(connect)).pipe(
    Effect.provide(Recorder.transport(Recorder.make(answer).client, { webSocket, ...withoutRetry })),
    Effect.scoped
  )

const request = (answer: () => Recorder.Answer) =>
  Transport.use(({ httpClient }) => Effect.flip(httpClient.get("/api/v1/x"))).pipe(
    Effect.provide(Recorder.transport(Recorder.make(answer).client, withoutRetry))
  )

describe("a page's Content-Security-Policy", () => {
  it.effect("that blocks requests is named, with what to add to connect-src", () =>
    Effect.gen(function* () {
      const document = page()
      const error = yield* request(() => {
        document.dispatchEvent(new Violation("https://kefu.test/api/v1/x"))
        return "unreachable"
      })
      assert.strictEqual(error.reason._tag, "NetworkUnreachable")
      assert.strictEqual(
        error.message,
        "GET /api/v1/x: the backend could not be reached (connect-src of the page's Content-Security-Policy does not " +
          "allow https://kefu.test); add https://kefu.test wss://kefu.test to connect-src"
      )
      assert.strictEqual(document.listeners, 0)
    })
  )

  it.effect("is named although its event comes after the failure", () =>
    Effect.gen(function* () {
      const document = page()
      const error = yield* request(() => {
        setImmediate(() => document.dispatchEvent(new Violation("https://kefu.test/api/v1/x")))
        return "unreachable"
      })
      assert.include(error.message, "Content-Security-Policy")
    })
  )

  it.effect("that blocks the WebSocket only is named, and no request is made to find out more", () =>
    Effect.gen(function* () {
      const document = page()
      let requests = 0
      const { webSocket } = Dial.make((socket) => {
        document.dispatchEvent(new Violation(socket.url))
        refusing(socket)
      })
      const error = yield* connect(webSocket, () => {
        requests++
        return Recorder.json(me)
      })
      assert.include(error.message, "does not allow wss://kefu.test); add https://kefu.test wss://kefu.test to")
      assert.notInclude(error.message, Recorder.secret)
      assert.strictEqual(requests, 0)
      assert.strictEqual(document.listeners, 0)
    })
  )

  it.effect("is named where the browser throws, and where it tells the scheme only", () =>
    Effect.gen(function* () {
      const document = page()
      const webSocket = (): never => {
        document.dispatchEvent(new Violation("wss"))
        throw new DOMException("refused", "SecurityError")
      }
      const error = yield* connect(webSocket, () => Recorder.json(me))
      assert.include(error.message, "does not allow wss://kefu.test")
    })
  )

  it.effect("is named in a worker, which has no document", () =>
    Effect.gen(function* () {
      const worker = new EventTarget()
      vi.stubGlobal("addEventListener", worker.addEventListener.bind(worker))
      vi.stubGlobal("removeEventListener", worker.removeEventListener.bind(worker))
      const error = yield* request(() => {
        worker.dispatchEvent(new Violation("https://kefu.test/api/v1/x"))
        return "unreachable"
      })
      assert.include(error.message, "Content-Security-Policy")
    })
  )

  it.effect("that blocks the store of files is named", () =>
    Effect.gen(function* () {
      const document = page()
      const transport = Recorder.transport(
        Recorder.make(() => Recorder.json({ blob_id: "b", signed_url: "https://store.test/b?signature=5", url: "/b" }))
          .client
      )
      const xhr = {
        status: 0,
        responseText: "",
        upload: { addEventListener: () => {} },
        open: () => {},
        setRequestHeader: () => {},
        send: () => {
          document.dispatchEvent(new Violation("https://store.test/b?signature=5"))
          throw new DOMException("refused", "NetworkError")
        },
        abort: () => {},
        getAllResponseHeaders: () => "",
        addEventListener: () => {}
      }
      const fiber = yield* UploadApi.use((api) => Effect.flip(api.upload(new File(["a"], "a.txt")))).pipe(
        Effect.provide(UploadApi.layer.pipe(Layer.provide([transport, Layer.succeed(MakeXhr, () => xhr)]))),
        Effect.forkChild({ startImmediately: true })
      )
      yield* TestClock.adjust("1 second")
      const error = yield* Fiber.join(fiber)
      assert.include(error.message, "does not allow https://store.test); add https://store.test wss://store.test")
      assert.notInclude(error.message, "signature")
    })
  )

  const innocent: ReadonlyArray<readonly [string, Event]> = [
    ["another address", new Violation("https://ads.test/")],
    ["another directive", new Violation("https://kefu.test/logo.png", "img-src")],
    ["a policy that only reports", new Violation("https://kefu.test/api/v1/x", "connect-src", "report")],
    ["no address", new Violation("inline")]
  ]
  for (const [what, violation] of innocent) {
    it.effect(`is not blamed for ${what}`, () =>
      Effect.gen(function* () {
        const document = page()
        const error = yield* request(() => {
          document.dispatchEvent(violation)
          return "unreachable"
        })
        assert.include(error.message, "ECONNREFUSED); check the network and the base URL")
      })
    )
  }

  it.effect("is not blamed for a request that succeeds", () =>
    Effect.gen(function* () {
      const document = page()
      const response = yield* Transport.use(({ httpClient }) => httpClient.get("/api/v1/x")).pipe(
        Effect.provide(
          Recorder.transport(
            Recorder.make(() => {
              document.dispatchEvent(new Violation("https://kefu.test/api/v1/x"))
              return Recorder.json({})
            }).client
          )
        )
      )
      assert.strictEqual(response.status, 200)
      assert.strictEqual(document.listeners, 0)
    })
  )
})

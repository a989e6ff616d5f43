/**
 * How the façade opens, keeps and closes its connection.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { vi } from "vitest"
import { opened, refusal, setup } from "./support/ClientSetup.ts"

describe("Client", () => {
  it.live("reconnects automatically: onClose says so, and open() inside it has no effect", () =>
    Effect.gen(function* () {
      const seen: Array<readonly [boolean, boolean]> = []
      const { backend, callbacks, client, link } = yield* opened(
        {},
        {
          onClose: () => {
            seen.push([client.isOpened(), client.isConnecting()])
            client.open()
            client.open()
          }
        }
      )
      link.close(1001, "restarting")
      yield* callbacks.called("onOpen", 2)
      assert.deepStrictEqual(callbacks.order(), ["onOpen", "onClose", "onOpen"])
      const [first, close, second] = callbacks.calls.map((call) => call[1])
      assert.deepStrictEqual(first, { type: "open", reconnected: false })
      assert.deepStrictEqual(second, { type: "open", reconnected: true })
      const expected = { type: "close", code: 1001, reason: "restarting", wasClean: true, willReconnect: true }
      assert.deepInclude(close, expected)
      assert.deepStrictEqual(seen, [[false, true]])
      assert.strictEqual(backend.links.length, 2)
      assert.isTrue(client.isOpened())
    })
  )

  it.live("reports a lost connection to onError, then to onClose", () =>
    Effect.gen(function* () {
      const { callbacks, link } = yield* opened()
      link.reset()
      yield* callbacks.called("onOpen", 2)
      assert.deepStrictEqual(callbacks.order(), ["onOpen", "onError", "onClose", "onOpen"])
      const [, error, close] = callbacks.calls.map((call) => call[1])
      assert.deepInclude(error, { type: "error" })
      assert.deepInclude(close, { code: 1006, wasClean: false, willReconnect: true })
    })
  )

  it.live("CONN-12 reconnects on a hidden page, too", () =>
    Effect.gen(function* () {
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          vi.stubGlobal("document", Object.assign(new EventTarget(), { visibilityState: "hidden" }))
          vi.stubGlobal("addEventListener", () => {})
        }),
        () => Effect.sync(() => vi.unstubAllGlobals())
      )
      const { callbacks, link } = yield* opened()
      link.close(1001)
      yield* callbacks.called("onOpen", 2)
    })
  )

  it.live("with reconnect: false, dials once per open(), also inside onClose", () =>
    Effect.gen(function* () {
      let again = false
      const { backend, callbacks, client, link } = yield* opened(
        { reconnect: false },
        { onClose: () => void (again && client.open()) }
      )
      link.close(1000)
      yield* callbacks.called("onClose")
      assert.deepInclude(callbacks.calls[1]?.[1], { code: 1000, wasClean: true, willReconnect: false })
      assert.isFalse(client.isConnecting())
      again = true
      client.open()
      yield* callbacks.called("onOpen", 2)
      backend.links[1]?.close(1000)
      yield* callbacks.called("onOpen", 3)
      assert.strictEqual(backend.links.length, 3)
    })
  )

  it.live("reports why a dial was refused, and stays closed with reconnect: false", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client } = yield* setup({ reconnect: false, baseUrl: "http://127.0.0.1:1" })
      client.open()
      yield* callbacks.called("onClose")
      assert.deepStrictEqual(callbacks.order(), ["onError", "onClose"])
      assert.deepInclude(callbacks.calls[1]?.[1], { code: 1006, willReconnect: false })
      assert.deepStrictEqual(backend.links, [])
      assert.strictEqual(client.state._tag, "Closed")
    })
  )

  it.live("leaves one connection after open, close, open (StrictMode)", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client } = yield* setup()
      client.open()
      client.close()
      client.open()
      yield* Effect.promise(() => client.readMessage(1))
      yield* callbacks.called("onOpen")
      assert.isTrue(client.isOpened())
      assert.strictEqual(backend.links.filter(({ frames }) => frames.length > 0).length, 1)
      client.close()
      client.open()
      assert.isTrue(client.isConnecting())
      yield* callbacks.called("onOpen", 2)
      assert.isTrue(client.isOpened())
      assert.strictEqual(backend.links.length, 2)
    })
  )

  it.live("closes cleanly and once, and settles waiting commands", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client } = yield* opened()
      backend.onFrame = () => {}
      const reading = client.readMessage(1)
      const frame = new Promise<void>((resolve) => {
        backend.onFrame = () => resolve()
      })
      yield* Effect.promise(() => frame)
      const settled = refusal(reading)
      client.close()
      client.close()
      assert.strictEqual((yield* settled).reason._tag, "Closed")
      yield* callbacks.called("onClose")
      assert.deepStrictEqual(callbacks.order(), ["onOpen", "onClose"])
      const close = { type: "close", code: 1000, reason: "", wasClean: true, willReconnect: false }
      assert.deepStrictEqual(callbacks.calls[1]?.[1], close)
      const { message, reason } = yield* refusal(client.readMessage(1))
      assert.strictEqual(reason._tag, "Closed")
      assert.include(message, "call `client.open()`")
      // REST goes on.
      yield* Effect.promise(() => client.getUserInfo())
    })
  )

  it.live("rejects a command at once if the connection was never opened", () =>
    Effect.gen(function* () {
      const { client } = yield* setup()
      client.close()
      const { isRetryable, message, reason } = yield* refusal(client.readMessage(1))
      assert.strictEqual(reason._tag, "NotConnected")
      assert.isTrue(isRetryable)
      assert.include(message, "call `client.open()` first")
      assert.notInclude(message, "Realtime")
    })
  )

  it.live("does not wait for the backoff after retryNow", () =>
    Effect.gen(function* () {
      const { callbacks, client, link } = yield* opened({ reconnect: { base: 600_000, cap: 600_000 } })
      link.reset()
      yield* callbacks.called("onClose")
      assert.strictEqual(client.state._tag, "Waiting")
      client.retryNow()
      yield* callbacks.called("onOpen", 2)
    })
  )
})

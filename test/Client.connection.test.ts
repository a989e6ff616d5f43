/**
 * How the façade opens, keeps and closes its connection.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { vi } from "vitest"
import { Client, type ClientOptions } from "../src/Client.ts"
import * as Backend from "./support/Backend.ts"
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
      const message =
        "Transport.connect: the connection was lost (1006 the connection broke); it reconnects automatically"
      assert.deepInclude(error, { type: "error", message })
      assert.deepInclude(close, { code: 1006, wasClean: false, willReconnect: true })
      assert.strictEqual((close as { readonly error?: Error }).error?.message, message, "nothing was called")
    })
  )

  it.live("tells how to go on where it does not reconnect", () =>
    Effect.gen(function* () {
      const { callbacks, link } = yield* opened({ reconnect: false })
      link.reset()
      yield* callbacks.called("onClose")
      const [, error] = callbacks.calls.map((call) => call[1])
      assert.deepInclude(error, {
        message:
          "Transport.connect: the connection was lost (1006 the connection broke); call `client.open()` to open it again"
      })
    })
  )

  it.live("does not doubt the base URL once the backend has answered", () =>
    Effect.gen(function* () {
      let isDown = false
      const { backend, callbacks, client, link } = yield* opened({
        fetch: (input, init) => (isDown ? Promise.reject(new TypeError("fetch failed")) : fetch(input, init)),
        webSocket: (url) => new WebSocket(isDown ? url.replace("/im/ws", "/nowhere") : url)
      })
      yield* Effect.promise(() => client.getUserInfo())
      isDown = true
      const advice = [(yield* refusal(client.getPendingCount())).message]
      link.reset()
      yield* callbacks.called("onError", 2)
      const [, dial] = callbacks.calls.filter(([name]) => name === "onError").map((call) => call[1])
      advice.push((dial as { readonly message: string }).message)
      const host = backend.baseUrl.slice("http://".length)
      assert.deepStrictEqual(advice, [
        `Client.getPendingCount: the backend could not be reached (${host}: no answer); check the network`,
        `Transport.connect: the backend could not be reached (${host}: no answer); check the network; it reconnects automatically`
      ])
    })
  )

  it.live("sends everything over the fetch and the WebSocket that it is given", () =>
    Effect.gen(function* () {
      const { WebSocket, fetch } = globalThis
      const used: Array<string> = []
      const note = (what: string, address: string) => used.push(`${what} ${new URL(address).pathname}`)
      // As on an old Node: without a WebSocket, and where the global fetch does not get through.
      vi.stubGlobal("WebSocket", undefined)
      vi.stubGlobal("fetch", () => Promise.reject(new TypeError("fetch failed")))
      const { backend, client } = yield* opened({
        fetch: (input, init) => {
          note("fetch", input instanceof Request ? input.url : String(input))
          return fetch(input, init)
        },
        webSocket: (url) => {
          note("WebSocket", url)
          return new WebSocket(url)
        }
      })
      const answers = Backend.answers({ "POST /presign_urls": { blob_id: "b", signed_url: "/store", url: "/b" } })
      backend.answer = (seen) => (seen.url === "/store" ? { status: 204 } : answers(seen))
      yield* Effect.promise(() => client.getUserInfo())
      yield* Effect.promise(() => client.uploadBlobs(new File(["abc"], "a.txt")))
      assert.includeMembers(used, [
        "WebSocket /api/v1/im/ws",
        "fetch /api/v1/im/users/me",
        "fetch /api/v1/presign_urls",
        "fetch /store"
      ])
    }).pipe(Effect.ensuring(Effect.sync(() => vi.unstubAllGlobals())))
  )

  it.live("sends over the global fetch that the page has put in place since", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* opened()
      const answers = Backend.answers({
        "POST /im/tokens": { token: "fresh" },
        "POST /presign_urls": { blob_id: "b", signed_url: "/store", url: "/b" }
      })
      backend.answer = (seen) => (seen.url === "/store" ? { status: 204 } : answers(seen))
      yield* Effect.promise(() => client.getUserInfo())
      const { fetch } = globalThis
      const used: Array<string> = []
      vi.stubGlobal("fetch", (input: string | URL | Request, init?: RequestInit) => {
        used.push(new URL(input instanceof Request ? input.url : String(input)).pathname)
        return fetch(input, init)
      })
      yield* Effect.promise(() => client.getUserInfo())
      yield* Effect.promise(() => client.uploadBlobs(new File(["abc"], "a.txt")))
      yield* Effect.promise(() => Client.getAnonymousToken({ baseUrl: backend.baseUrl }))
      assert.deepStrictEqual(used, ["/api/v1/im/users/me", "/api/v1/presign_urls", "/store", "/api/v1/im/tokens"])
    }).pipe(Effect.ensuring(Effect.sync(() => vi.unstubAllGlobals())))
  )

  for (const [option, value, detail] of [
    ["fetch", 5, "expected a function"],
    ["webSocket", "ws", "expected a function"],
    ["webSocket", Map, "it threw a TypeError; expected `(url) => new WebSocket(url)`"]
  ] as const) {
    it.live(`names the option ${option}, which is ${typeof value === "function" ? "a class" : typeof value}`, () =>
      Effect.gen(function* () {
        const { callbacks, client } = yield* setup({ [option]: value } as ClientOptions)
        client.open()
        yield* callbacks.called("onError")
        const [, error] = callbacks.calls[0] ?? []
        assert.include((error as { readonly message: string }).message, `invalid ${option} (${detail})`)
      })
    )
  }

  it.live("names the missing WebSocket of an old Node, and how to give one", () =>
    Effect.gen(function* () {
      vi.stubGlobal("WebSocket", undefined)
      const { callbacks, client } = yield* setup()
      client.open()
      yield* callbacks.called("onError")
      const [, error] = callbacks.calls[0] ?? []
      assert.include(
        (error as { readonly message: string }).message,
        "this platform has no WebSocket; use Node 22 or newer, or give `(url) => new WebSocket(url)` of a library"
      )
    }).pipe(Effect.ensuring(Effect.sync(() => vi.unstubAllGlobals())))
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

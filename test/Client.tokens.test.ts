/**
 * Where the façade's token comes from.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { ClientStorage, KefuError, Message } from "../src/Client.ts"
import * as Backend from "./support/Backend.ts"
import * as Callbacks from "./support/Callbacks.ts"
import { message, quick, setup, using } from "./support/ClientSetup.ts"

describe("Client", () => {
  it.live("calls the token function again when the backend refuses the token", () =>
    Effect.gen(function* () {
      const tokens = ["old", "new"]
      const { backend, client } = yield* setup({ token: async () => tokens.shift() ?? assert.fail("asked too often") })
      backend.answer = ({ headers }) => (headers["authorization"] === "Bearer new" ? { body: {} } : { status: 401 })
      yield* Effect.promise(() => client.getRatings())
      yield* Effect.promise(() => client.getRatings())
      assert.deepStrictEqual(
        backend.seen.map(({ headers }) => headers["authorization"]),
        ["Bearer old", "Bearer new", "Bearer new"]
      )
    })
  )

  it.live("keeps an anonymous visitor as long as the storage keeps the token", () =>
    Effect.gen(function* () {
      const backend = yield* Backend.make
      backend.answer = Backend.answers({ "POST /im/tokens": { token: "anon-1" }, "GET /ratings": {} })
      const kept = new Map<string, string>()
      const storage: ClientStorage = {
        getItem: (key) => Promise.resolve(kept.get(key) ?? null),
        setItem: async (key, value) => kept.set(key, value),
        removeItem: async (key) => kept.delete(key)
      }
      for (let visit = 0; visit < 2; visit++) {
        const client = yield* using({}, { ...quick, baseUrl: backend.baseUrl, token: undefined, storage })
        yield* Effect.promise(() => client.getRatings())
      }
      assert.deepStrictEqual(
        backend.seen.map(({ headers, url }) => [url, headers["authorization"]]),
        [
          ["/api/v1/im/tokens", undefined],
          ["/api/v1/ratings", "Bearer anon-1"],
          ["/api/v1/ratings", "Bearer anon-1"]
        ]
      )
      const broken = yield* using(
        {},
        {
          ...quick,
          baseUrl: backend.baseUrl,
          token: undefined,
          storage: { ...storage, getItem: () => Promise.reject(new Error("denied")) }
        }
      )
      yield* Effect.promise(() => broken.getRatings())
      assert.strictEqual(backend.seen.at(-1)?.headers["authorization"], "Bearer anon-1")
      assert.strictEqual(backend.seen.filter(({ url }) => url === "/api/v1/im/tokens").length, 2)
    })
  )

  /** An anonymous visitor whose token is refused once `refuse` was called, and replaced by that of another visitor. */
  const replaced = Effect.gen(function* () {
    let valid = 1
    const backend = yield* Backend.make
    backend.answer = (seen) => {
      const route = `${seen.method} ${seen.url.replace("/api/v1", "")}`
      if (route === "POST /im/tokens") return { body: { token: `anon-${valid}` } }
      if (seen.headers["authorization"] !== `Bearer anon-${valid}`) return { status: 401 }
      const me = { id: 6 + valid, user_type: "CUSTOMER", nickname: `visitor ${valid}` }
      return Backend.answers({ "GET /im/users/me": me, "GET /im/pending_count": { count: 0 } })(seen)
    }
    const callbacks = Callbacks.make()
    const options = { ...quick, baseUrl: backend.baseUrl, token: undefined }
    const client = yield* using(callbacks.handler, options)
    const refuse = () => {
      valid++
    }
    return { backend, callbacks, client, refuse }
  })

  it.live("takes the new visitor for the current user once the token was replaced", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client, refuse } = yield* replaced
      client.open()
      yield* callbacks.called("onOpen")
      yield* Effect.promise(() => client.getUserInfo())
      const before = client.buildMessage("Text", "x", 3)
      refuse()
      yield* Effect.promise(() => client.getPendingCount())
      // The connection of the first visitor ends.
      yield* callbacks.called("onOpen", 2)
      const link = backend.links.at(-1)
      link?.send(101, { ...message(10), from_id: 8 })
      link?.send(101, { ...message(11), from_id: 7 })
      yield* callbacks.called("onMessage", 2)
      const seen = callbacks.calls.flatMap(([name, message]) => (name === "onMessage" ? [message as Message] : []))
      assert.deepStrictEqual(
        seen.map(({ direction, id, nickname }) => [id, direction, nickname]),
        [
          [10, 0, "visitor 2"],
          [11, 1, ""]
        ]
      )
      assert.deepInclude(before, { fromId: 7, nickname: "visitor 1" })
      assert.deepInclude(client.buildMessage("Text", "y", 3), { fromId: 8, nickname: "visitor 2" })
    })
  )

  it.live("signs a message that is built after the token was replaced as the new visitor", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client, refuse } = yield* replaced
      yield* Effect.promise(() => client.getUserInfo())
      refuse()
      yield* Effect.promise(() => client.getPendingCount())
      const built = client.buildMessage("Text", "x", 3)
      client.open()
      yield* callbacks.called("onOpen")
      for (const link of backend.links) link.send(101, message(10))
      yield* callbacks.called("onMessage")
      assert.deepInclude(built, { fromId: 8, nickname: "visitor 2" })
    })
  )

  const unavailable: ReadonlyArray<readonly [what: string, storage: () => ClientStorage | null]> = [
    [
      "cannot even be named",
      () => {
        throw new DOMException("denied", "SecurityError")
      }
    ],
    ["is not there", () => null],
    [
      "refuses every access",
      () => ({
        getItem: () => assert.fail("denied"),
        setItem: () => assert.fail("denied"),
        removeItem: () => assert.fail("denied")
      })
    ]
  ]

  for (const [what, storage] of unavailable) {
    it.live(`lets a visitor chat with a storage that ${what}, and tells it once`, () =>
      Effect.gen(function* () {
        const backend = yield* Backend.make
        backend.answer = Backend.answers({ "POST /im/tokens": { token: "anon-1" }, "GET /ratings": {} })
        const callbacks = Callbacks.make()
        const outbox = { persist: true }
        const options = { ...quick, baseUrl: backend.baseUrl, token: undefined, storage, outbox }
        const client = yield* using(callbacks.handler, options)
        yield* Effect.promise(() => client.sendMessage(client.buildMessage("Text", "x", 3)))
        yield* Effect.promise(() => client.sendMessage(client.buildMessage("Text", "y", 3)))
        yield* Effect.promise(() => client.getRatings())
        const told = callbacks.calls.flatMap(([name, event]) =>
          name === "onError" ? [((event as { readonly error: unknown }).error as KefuError).reason._tag] : []
        )
        assert.deepStrictEqual(told, ["StorageFailed"])
      })
    )
  }

  it.live("calls a storage function at the first use", () =>
    Effect.gen(function* () {
      const { backend } = yield* setup()
      backend.answer = Backend.answers({ "POST /im/tokens": { token: "anon-1" }, "GET /ratings": {} })
      const kept = new Map<string, string>()
      let calls = 0
      const storage = (): ClientStorage => {
        calls++
        return {
          getItem: (key) => kept.get(key) ?? null,
          setItem: (key, value) => kept.set(key, value),
          removeItem: (key) => kept.delete(key)
        }
      }
      const client = yield* using({}, { ...quick, baseUrl: backend.baseUrl, token: undefined, storage })
      assert.strictEqual(calls, 0)
      yield* Effect.promise(() => client.getRatings())
      assert.deepStrictEqual(Array.from(kept.values()), ["anon-1"])
    })
  )
})

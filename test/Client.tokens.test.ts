/**
 * Where the façade's token comes from.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { ClientStorage } from "../src/Client.ts"
import * as Backend from "./support/Backend.ts"
import { quick, refusal, setup, using } from "./support/ClientSetup.ts"

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
      assert.strictEqual((yield* refusal(broken.getRatings())).reason._tag, "StorageFailed")
    })
  )
})

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as HttpClient from "effect/http/HttpClient"
import { inspect } from "node:util"
import { KefuConfig } from "../../src/KefuConfig.ts"
import { TokenApi } from "../../src/http/TokenApi.ts"
import * as Recorder from "../support/Recorder.ts"

const anonymous = (backend: ReturnType<typeof Recorder.make>) =>
  TokenApi.use((api) => api.anonymous).pipe(
    Effect.provide(TokenApi.layer),
    Effect.provide([
      Layer.orDie(KefuConfig.layer({ baseUrl: "https://kefu.test/shop" })),
      Layer.succeed(HttpClient.HttpClient, backend.client)
    ])
  )

describe("TokenApi", () => {
  it.effect("requests a token without a token or body, and returns it redacted", () =>
    Effect.gen(function* () {
      const backend = Recorder.make(() => Recorder.json({ token: "secret", expires_in: 60 }))
      const token = yield* anonymous(backend)
      assert.strictEqual(Redacted.value(token), "secret")
      assert.notInclude(inspect(token, { depth: 9 }) + JSON.stringify(token), "secret")
      assert.deepStrictEqual(backend.seen, [
        {
          method: "POST",
          url: "https://kefu.test/shop/api/v1/im/tokens",
          path: "/shop/api/v1/im/tokens",
          query: "",
          headers: {},
          body: undefined
        }
      ])
    })
  )

  it.effect("names the method in its errors", () =>
    Effect.gen(function* () {
      const limited = yield* Effect.flip(anonymous(Recorder.make(() => new Response(null, { status: 429 }))))
      assert.deepInclude(limited, { method: "TokenApi.anonymous" })
      assert.strictEqual(limited.reason._tag, "RateLimited")
      const odd = yield* Effect.flip(anonymous(Recorder.make(() => Recorder.json({ token: 5 }))))
      assert.deepInclude(odd.reason, { _tag: "UnexpectedResponse", path: "token" })
    })
  )

  it.effect("can be mocked in part", () =>
    Effect.gen(function* () {
      const token = yield* TokenApi.use((api) => api.anonymous).pipe(
        Effect.provide(TokenApi.layerTest({ anonymous: Effect.succeed(Redacted.make("t")) }))
      )
      assert.strictEqual(Redacted.value(token), "t")
    })
  )
})

/**
 * Bodies over a real socket: what a platform decompresses counts, not what came over the wire.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import { createServer } from "node:http"
import { gzipSync } from "node:zlib"
import { UserApi } from "../../src/rest/UserApi.ts"
import * as Recorder from "../support/Recorder.ts"
import * as Loopback from "../support/Loopback.ts"

const limit = 1_000_000

/** Answers every request with a body that gzip has made a thousand times smaller. */
const serve = Effect.gen(function* () {
  const body = gzipSync(JSON.stringify({ id: 1, user_type: "CUSTOMER", nickname: "0".repeat(8 * limit) }))
  assert.isBelow(body.byteLength, limit / 10)
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" }).end(body)
  })
  return yield* Loopback.listen(server)
})

describe("a body", () => {
  it.live("that gzip has made small is ResponseTooLarge beyond the limit", () =>
    Effect.gen(function* () {
      const baseUrl = yield* serve
      const transport = Recorder.transport(yield* HttpClient.HttpClient, { baseUrl, maxBodySize: limit })
      const context = yield* Layer.build(Layer.provide(UserApi.layer, transport))
      const error = yield* Effect.provide(Effect.flip(UserApi.use((api) => api.me)), context)
      assert.strictEqual(error.reason._tag, "ResponseTooLarge")
    }).pipe(Effect.provide(FetchHttpClient.layer))
  )
})

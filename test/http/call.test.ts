import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { Credentials } from "../../src/http/Credentials.ts"
import { caller } from "../../src/http/call.ts"
import { Transport } from "../../src/http/Transport.ts"
import { users as endpoints } from "../../src/wire/Endpoints.ts"
import * as Recorder from "../support/Recorder.ts"

describe("http/call", () => {
  it.effect("sends each session's calls through its own HTTP client, though all share the endpoints' schemas", () =>
    Effect.gen(function* () {
      const released = yield* Deferred.make<void>()
      const session = Effect.fnUntraced(function* (id: number) {
        const backend = Recorder.make(() =>
          Effect.as(Deferred.await(released), Recorder.json({ id, user_type: "CUSTOMER", nickname: `Visitor ${id}` }))
        )
        const { httpClient } = yield* Effect.provide(
          Transport,
          Recorder.transport(backend.client, {
            baseUrl: `https://${id}.kefu.test`,
            credentials: Credentials.layer(`token ${id}`)
          })
        )
        return { call: caller(httpClient), seen: backend.seen }
      })
      const sessions = yield* Effect.forEach([1, 2, 3], session)
      const users = Effect.forEach(sessions, ({ call }) => call("UserApi.me", endpoints.me), {
        concurrency: "unbounded"
      })
      const [found] = yield* Effect.all([users, Deferred.succeed(released, undefined)], { concurrency: 2 })
      assert.deepStrictEqual(
        found.map(({ id }) => Number(id)),
        [1, 2, 3]
      )
      assert.deepStrictEqual(
        sessions.map(({ seen }) => seen.map(({ headers, url }) => [url, headers["authorization"]])),
        [1, 2, 3].map((id) => [[`https://${id}.kefu.test/api/v1/im/users/me`, `Bearer token ${id}`]])
      )
    })
  )
})

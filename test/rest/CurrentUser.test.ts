import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { UserId } from "../../src/domain/Id.ts"
import { Credentials } from "../../src/http/Credentials.ts"
import { CurrentUser } from "../../src/rest/CurrentUser.ts"
import { Transport } from "../../src/http/Transport.ts"
import { UserApi } from "../../src/rest/UserApi.ts"
import * as Recorder from "../support/Recorder.ts"

/** Sessions with the tokens "1", "2" ...; `owners` says whose each is, `refused` which of them the backend refuses. */
const session = (owners: Readonly<Record<string, number>>) => {
  let issued = 0
  const refused = new Set<string>()
  const delays: Array<Effect.Effect<void>> = []
  const backend = Recorder.make((seen) => {
    const token = seen.headers.authorization?.replace("Bearer ", "") ?? ""
    if (refused.has(token)) return new Response(null, { status: 401 })
    return Effect.as(
      delays.shift() ?? Effect.void,
      Recorder.json({ id: owners[token], user_type: "CUSTOMER", nickname: null })
    )
  })
  const credentials = Credentials.layerProvider(Effect.sync(() => String(++issued)))
  const layer = CurrentUser.layer.pipe(
    Layer.provideMerge(UserApi.layer),
    Layer.provideMerge(Recorder.transport(backend.client, { credentials, retry: false }))
  )
  return { backend, delays, refused, layer }
}

/** The ids of the users in `changes` from now on. */
const watch = Effect.gen(function* () {
  const user = yield* CurrentUser
  const ids: Array<number> = []
  yield* Effect.forkScoped(
    Stream.runForEach(user.changes, ({ id }) => Effect.sync(() => ids.push(id))),
    { startImmediately: true }
  )
  return ids
})

/** A call that has the backend refuse the token. */
const touch = Transport.use(({ httpClient }) => httpClient.post("/api/v1/x"))

describe("CurrentUser", () => {
  it.effect("is fetched once for all callers", () => {
    const { backend, layer } = session({ 1: 7 })
    return Effect.gen(function* () {
      const user = yield* CurrentUser
      const found = yield* Effect.all(
        Array.from({ length: 20 }, () => user.get),
        { concurrency: "unbounded" }
      )
      assert.isTrue(found.every(({ id }) => id === UserId.make(7)))
      assert.strictEqual((yield* user.get).id, 7)
      assert.strictEqual(backend.seen.length, 1)
    }).pipe(Effect.provide(layer))
  })

  it.effect("is fetched again after the token was replaced, and told if it is another account", () => {
    const { layer, refused } = session({ 1: 7, 2: 8 })
    return Effect.gen(function* () {
      const user = yield* CurrentUser
      const changes = yield* watch
      assert.strictEqual((yield* user.get).id, 7)
      refused.add("1")
      yield* touch
      assert.strictEqual((yield* user.get).id, 8)
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(changes, [8])
    }).pipe(Effect.provide(layer))
  })

  it.effect("tells a change that no caller has asked for", () => {
    const { layer, refused } = session({ 1: 7, 2: 8 })
    return Effect.gen(function* () {
      const user = yield* CurrentUser
      const changes = yield* watch
      yield* user.get
      refused.add("1")
      yield* touch
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(changes, [8])
    }).pipe(Effect.provide(layer))
  })

  it.effect("tells no change when the new token is the same account's", () => {
    const { layer, refused } = session({ 1: 7, 2: 7 })
    return Effect.gen(function* () {
      const user = yield* CurrentUser
      const changes = yield* watch
      yield* user.get
      refused.add("1")
      yield* touch
      assert.strictEqual((yield* user.get).id, 7)
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(changes, [])
    }).pipe(Effect.provide(layer))
  })

  it.effect("is the new account when the token is replaced while the old one's answer is on its way", () => {
    const { delays, layer, refused } = session({ 1: 7, 2: 8 })
    return Effect.gen(function* () {
      const user = yield* CurrentUser
      delays.push(Effect.sleep("1 second"))
      const asking = yield* Effect.forkChild(user.get, { startImmediately: true })
      refused.add("1")
      yield* touch
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(asking)).id, 8)
    }).pipe(Effect.provide(layer))
  })

  it.effect("fails as UserApi.me does, once for all who wait, and is fetched again by the next caller", () => {
    const { backend, delays, layer } = session({ 1: 7 })
    return Effect.gen(function* () {
      const user = yield* CurrentUser
      delays.push(Effect.never)
      const asking = yield* Effect.forkChild(
        Effect.all([Effect.flip(user.get), Effect.flip(user.get)], { concurrency: "unbounded" }),
        { startImmediately: true }
      )
      yield* TestClock.adjust("10 seconds")
      const errors = yield* Fiber.join(asking)
      assert.deepStrictEqual(
        errors.map(({ method, reason }) => [method, reason._tag]),
        [
          ["UserApi.me", "RequestTimeout"],
          ["UserApi.me", "RequestTimeout"]
        ]
      )
      assert.strictEqual(backend.seen.length, 1)
      assert.strictEqual((yield* user.get).id, 7)
    }).pipe(Effect.provide(layer))
  })

  it.effect("tells a change also when the first attempts to fetch the new account fail", () => {
    const { delays, layer, refused } = session({ 1: 7, 2: 8 })
    return Effect.gen(function* () {
      const user = yield* CurrentUser
      const changes = yield* watch
      yield* user.get
      refused.add("1")
      delays.push(Effect.void, Effect.never, Effect.never)
      yield* touch
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(changes, [8])
    }).pipe(Effect.provide(layer))
  })
})

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import type { Conversation } from "../../src/domain/Conversation.ts"
import { ConversationId } from "../../src/domain/Id.ts"
import { KefuError, NotFound } from "../../src/KefuError.ts"
import { ConversationApi } from "../../src/rest/ConversationApi.ts"
import { ConversationResolver } from "../../src/rest/ConversationResolver.ts"
import * as TestKefu from "../../src/testing/TestKefu.ts"

const id = (value: number) => ConversationId.make(value)

const conversation = (which: ConversationId): Conversation => ({
  id: which,
  state: "ACTIVE",
  users: [],
  conversationsUser: [],
  messages: []
})

/** A backend that needs a second for each conversation, and has none with an odd id. */
const backend = () => {
  const asked: Array<number> = []
  let present = 0
  let most = 0
  const api = ConversationApi.layerTest({
    get: (which) =>
      Effect.suspend(() => {
        asked.push(which)
        most = Math.max(most, ++present)
        const answer =
          which % 2 === 0
            ? Effect.succeed(conversation(which))
            : Effect.fail(new KefuError({ method: "ConversationApi.get", reason: new NotFound({ detail: "gone" }) }))
        return Effect.ensuring(
          Effect.delay(answer, "1 second"),
          Effect.sync(() => present--)
        )
      })
  })
  return { asked, most: () => most, layer: Layer.provide(ConversationResolver.layer, api) }
}

/** The conversations of the ids, all asked for at once. */
const all = (ids: ReadonlyArray<number>) =>
  Effect.forEach(ids, (which) => Effect.exit(ConversationResolver.get(id(which))), { concurrency: "unbounded" })

describe("ConversationResolver", () => {
  it.effect("asks once for each conversation that many callers want, and gives each caller its own", () => {
    const { asked, layer } = backend()
    return Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(all([2, 4, 2, 3, 2, 3]))
      yield* TestClock.adjust("1 second")
      const exits = yield* Fiber.join(fiber)
      assert.deepStrictEqual(asked, [2, 4, 3])
      assert.deepStrictEqual(
        exits.map((exit) => (Exit.isSuccess(exit) ? exit.value.id : "none")),
        [2, 4, 2, "none", 2, "none"]
      )
    }).pipe(Effect.provide(layer))
  })

  it.effect("has at most 8 requests under way", () => {
    const { asked, layer, most } = backend()
    return Effect.gen(function* () {
      const ids = Array.from({ length: 20 }, (_, n) => n)
      const fiber = yield* Effect.forkChild(Effect.all([all(ids), all(ids.map((n) => n + 100))], { concurrency: 2 }))
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(fiber)
      assert.strictEqual(asked.length, 40)
      assert.strictEqual(most(), 8)
    }).pipe(Effect.provide(layer))
  })

  it.effect("asks again for a call that is made while a request is under way, whose answer may be older", () => {
    const { asked, layer } = backend()
    return Effect.gen(function* () {
      const early = yield* Effect.forkChild(all([2]))
      yield* TestClock.adjust("500 millis")
      const late = yield* Effect.forkChild(all([2]))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(early)
      yield* Fiber.join(late)
      assert.deepStrictEqual(asked, [2, 2])
    }).pipe(Effect.provide(layer))
  })

  it.effect("lets a caller give up without harm to the others", () => {
    const { layer } = backend()
    return Effect.gen(function* () {
      const impatient = yield* Effect.forkChild(all([2]))
      const patient = yield* Effect.forkChild(all([2]))
      yield* TestClock.adjust("500 millis")
      yield* Fiber.interrupt(impatient)
      yield* TestClock.adjust("500 millis")
      const [exit] = yield* Fiber.join(patient)
      assert.isTrue(exit !== undefined && Exit.isSuccess(exit))
    }).pipe(Effect.provide(layer))
  })

  it.effect("reads from the session's backend", () =>
    Effect.gen(function* () {
      const { conversations } = yield* ConversationApi.use((api) => api.list({ showAll: true, limit: 3 }))
      const ids = conversations.map((one) => one.id)
      assert.strictEqual(ids.length, 3)
      const read = yield* Effect.forEach(ids, ConversationResolver.get, { concurrency: "unbounded" })
      assert.deepStrictEqual(
        read.map((one) => one.id),
        ids
      )
    }).pipe(
      Effect.provide(ConversationResolver.layer.pipe(Layer.provideMerge(TestKefu.layer({ token: "admin-zhao-token" }))))
    )
  )
})

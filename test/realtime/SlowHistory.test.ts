import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ConversationId, MessageId } from "../../src/domain/Id.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import { TestGateway, type TestResponse } from "../../src/testing/TestGateway.ts"
import {
  acknowledge,
  collect,
  layer,
  lose,
  open,
  pass,
  push,
  received,
  settle,
  tags,
  text
} from "../support/Gateway.ts"

/** Dials again within a second. */
const options = { reconnect: { base: 1000, cap: 1000 } }

const conversation = (...ids: ReadonlyArray<number>) => ({
  id: 7,
  state: "ACTIVE",
  users: [],
  messages: ids.map((id) => ({ id, conversation_id: 7, from_id: 2, message_type: 1, content: `${id}` }))
})

/** The answers of REST while conversation 7 has these messages, each after a delay. */
const history = (ids: ReadonlyArray<number>, delay: string | number = 0) =>
  TestGateway.use((gateway) =>
    gateway.respond(({ path }) => {
      const after = (response: TestResponse) =>
        delay === "never" ? Effect.never : Effect.delay(Effect.succeed(response), Number(delay))
      if (path === "/im/current_list") return after({ body: [conversation(...ids)] })
      return path === "/im/conversations/7" ? after({ body: conversation(...ids) }) : undefined
    })
  )

const idsOf = (events: Effect.Success<typeof collect>) => received(events).map(({ id }) => Number(id))

describe("after a reconnection", () => {
  it.effect("live messages wait 3 seconds at most for a history that hangs, which is told and healed later", () =>
    Effect.gen(function* () {
      const gateway = yield* TestGateway
      yield* history([1, 2])
      const events = yield* collect
      const first = yield* open
      yield* push(first, text(3))
      yield* history([1, 2, 3, 4, 5], "never")
      yield* lose(first)
      yield* pass("1 second")
      const second = yield* gateway.accept
      yield* settle
      yield* push(second, text(5))
      yield* pass("2900 millis")
      assert.deepStrictEqual(idsOf(events), [3])
      yield* pass("100 millis")
      assert.deepStrictEqual(idsOf(events), [3, 5])
      const told = tags(events).indexOf("GapUnresolved")
      assert.isAtLeast(told, 0)
      assert.isBelow(told, tags(events).lastIndexOf("MessageReceived"))

      yield* history([1, 2, 3, 4, 5])
      yield* pass("30 seconds")
      assert.deepStrictEqual(idsOf(events), [3, 5, 4])
      const healed = events.findLast((event) => event._tag === "Resynced")
      assert.deepInclude(healed, { complete: true })
    }).pipe(Effect.scoped, Effect.provide(layer(options)))
  )

  it.effect("a history that is read in less than 3 seconds comes before the live messages", () =>
    Effect.gen(function* () {
      const gateway = yield* TestGateway
      yield* history([1, 2])
      const events = yield* collect
      const first = yield* open
      yield* push(first, text(3))
      yield* history([1, 2, 3, 4, 5], 2500)
      yield* lose(first)
      yield* pass("1 second")
      const second = yield* gateway.accept
      yield* settle
      yield* push(second, text(5), text(6))
      yield* pass("4 seconds")
      assert.deepStrictEqual(idsOf(events), [3, 4, 5, 6])
      assert.notInclude(tags(events), "GapUnresolved")
    }).pipe(Effect.scoped, Effect.provide(layer(options)))
  )

  it.effect("a page that holds only what came in live does not pass for the whole history while a gap is open", () =>
    Effect.gen(function* () {
      const gateway = yield* TestGateway
      yield* history([1, 2])
      const events = yield* collect
      const first = yield* open
      yield* push(first, text(3))
      yield* history([], "never")
      yield* lose(first)
      yield* pass("1 second")
      const second = yield* gateway.accept
      yield* pass("3 seconds")
      for (let id = 100; id < 110; id++) {
        yield* push(second, text(id))
        yield* pass("1 second")
      }
      yield* history([105, 106, 107, 108, 109])
      yield* lose(second)
      yield* pass("1 second")
      yield* gateway.accept
      yield* pass("30 seconds")
      assert.deepInclude(
        events.findLast((event) => event._tag === "Resynced"),
        { complete: false }
      )
    }).pipe(Effect.scoped, Effect.provide(layer(options)))
  )
})

describe("after a first connection that held its pushes up", () => {
  it.effect("a message behind those that came in is delivered, or told as a gap", () =>
    Effect.gen(function* () {
      const gateway = yield* TestGateway
      yield* history([1, 2])
      const events = yield* collect
      const first = yield* open
      yield* pass("10 seconds")
      yield* push(first, text(1))
      yield* lose(first)
      yield* pass("1 second")
      yield* gateway.accept
      yield* pass("5 seconds")
      const isDelivered = idsOf(events).includes(2)
      const isTold = events.some((event) => event._tag === "GapUnresolved" && event.conversationId === 7)
      assert.isTrue(isDelivered || isTold)
    }).pipe(Effect.scoped, Effect.provide(layer(options)))
  )
})

describe("before a connection was lost", () => {
  it.effect("an ack that was held up is no sign that the pushes behind it have come in", () =>
    Effect.gen(function* () {
      const gateway = yield* TestGateway
      const realtime = yield* Realtime
      yield* history([1])
      const events = yield* collect
      const first = yield* open
      yield* pass("5 seconds")
      yield* push(first, text(2))
      yield* pass("5 seconds")
      yield* Effect.forkScoped(Effect.ignore(realtime.recall(MessageId.make(2))))
      const recall = yield* first.next
      yield* pass("100 millis")
      yield* Effect.forkScoped(
        realtime.send({ messageType: "Text", content: "own", conversationId: ConversationId.make(7) })
      )
      // Message 4 was pushed before, and never arrives.
      yield* acknowledge(first, 5)
      yield* pass("3 seconds")
      yield* first.ack(recall)
      yield* lose(first)
      yield* history([5, 6])
      yield* pass("1 second")
      yield* gateway.accept
      yield* pass("5 seconds")
      assert.deepStrictEqual(idsOf(events), [2, 6])
      assert.isTrue(events.some((event) => event._tag === "GapUnresolved" && event.conversationId === 7))
    }).pipe(Effect.scoped, Effect.provide(layer(options)))
  )
})

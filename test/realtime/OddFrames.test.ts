import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { collect, layer, open, received, settle } from "../support/Gateway.ts"

describe("a batch with an element that is no message", () => {
  it.effect("gives the other messages, and reports the element and the possible gap", () =>
    Effect.gen(function* () {
      const events = yield* collect
      const connection = yield* open
      const good = (id: number) => ({ id, conversation_id: 7, message_type: 1, content: `${id}` })
      const nameless = { conversation_id: 7, message_type: 1, content: "no id", from_id: 2 }
      yield* connection.pushText(JSON.stringify({ event_type: 102, payload: [good(1), null, nameless, good(2)] }))
      yield* settle
      assert.deepStrictEqual(
        received(events).map(({ content }) => content),
        ["1", "2"]
      )
      const others = events.flatMap((event): ReadonlyArray<unknown> => {
        if (event._tag === "UnknownReceived") return [[event.eventTypeCode, event.payload]]
        return event._tag === "GapUnresolved" ? [event.conversationId] : []
      })
      assert.deepStrictEqual(others, [
        [101, null],
        undefined,
        [101, { conversationId: 7, messageType: 1, content: "no id", fromId: 2 }],
        7
      ])
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )
})

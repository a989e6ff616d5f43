/**
 * What an app may do with a message that was not sent: send it again, cancel it, discard it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Backend from "./support/Backend.ts"
import { opened, refusal } from "./support/ClientSetup.ts"

const conversation = {
  id: 3,
  state: "ACTIVE",
  customer: Backend.visitor,
  users: [Backend.visitor],
  conversations_user: [],
  messages: [{ id: 9, from_id: 5, content: "before", message_type: 1, created_at: 1, conversation_id: 3 }]
}

/** A client whose backend refuses messages as long as `refuses` is true. */
const refusing = Effect.gen(function* () {
  const all = yield* opened({ ackTimeout: 300 })
  const { backend, client } = all
  const decision = { refuses: true }
  backend.answer = Backend.answers({
    "GET /im/current_list": [conversation],
    "GET /im/conversations/3": conversation
  })
  backend.onFrame = (frame, link) => {
    if (frame.event_type !== 101) return Backend.ack(frame, link)
    if (!decision.refuses) Backend.ack(frame, link, 1001)
  }
  yield* Effect.promise(() => client.inbox.ready())
  const message = client.buildMessage("Text", "x", 3)
  const { reason } = yield* refusal(client.sendMessage(message))
  assert.strictEqual(reason._tag, "AckTimeout")
  return { ...all, decision, message }
})

describe("Client", () => {
  it.live("sends a failed message again", () =>
    Effect.gen(function* () {
      const { client, decision, message } = yield* refusing
      assert.strictEqual((yield* refusal(client.retrySend(message))).reason._tag, "AckTimeout")
      decision.refuses = false
      assert.strictEqual(yield* Effect.promise(() => client.retrySend(message)), 1001)
      assert.strictEqual(message.id, 1001)
    })
  )

  it.live("sends a failed message of its inbox again", () =>
    Effect.gen(function* () {
      const { client, decision } = yield* refusing
      const key = client.inbox.getConversation(3)?.messages.at(-1)?.outboxKey ?? assert.fail("no failed message")
      decision.refuses = false
      assert.strictEqual(yield* Effect.promise(() => client.retrySend(key)), 1001)
      assert.strictEqual(client.inbox.getConversation(3)?.messages.at(-1)?.id, 1001)
    })
  )

  it.live("discards a failed message, also from its inbox", () =>
    Effect.gen(function* () {
      const { client, message } = yield* refusing
      assert.strictEqual(client.inbox.getConversation(3)?.messages.length, 2)
      assert.isTrue(yield* Effect.promise(() => client.discardSend(message)))
      assert.strictEqual(client.inbox.getConversation(3)?.messages.length, 1)
      assert.isFalse(yield* Effect.promise(() => client.discardSend(message)))
      assert.strictEqual((yield* refusal(client.retrySend(message))).reason._tag, "NotFound")
    })
  )

  it.live("cancels a message that waits, and none that is being sent", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client, link } = yield* opened({ reconnect: { base: 600_000, cap: 600_000 } })
      const handed = new Promise<void>((resolve) => {
        backend.onFrame = () => resolve()
      })
      const sending = client.buildMessage("Text", "x", 3)
      void client.sendMessage(sending, 5).catch(() => {})
      yield* Effect.promise(() => handed)
      assert.isFalse(yield* Effect.promise(() => client.cancelSend(sending)))
      link.reset()
      yield* callbacks.called("onClose")
      const waiting = client.buildMessage("Text", "y", 4)
      const sent = client.sendMessage(waiting, 6)
      assert.isTrue(yield* Effect.promise(() => client.cancelSend(waiting)))
      assert.strictEqual((yield* refusal(sent)).reason._tag, "Cancelled")
    })
  )

  it.live("rejects to retry, cancel or discard what was never sent", () =>
    Effect.gen(function* () {
      const { client } = yield* opened()
      const message = client.buildMessage("Text", "x", 3)
      for (const method of ["retrySend", "cancelSend", "discardSend"] as const) {
        const { reason } = yield* refusal(client[method](message))
        assert.deepInclude(reason, { _tag: "InvalidRequest", field: "send" })
      }
      assert.strictEqual((yield* refusal(client.retrySend("unknown"))).reason._tag, "NotFound")
    })
  )
})

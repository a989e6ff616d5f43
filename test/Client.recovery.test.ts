/**
 * What the façade delivers after a lost connection.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Message } from "../src/Client.ts"
import * as Backend from "./support/Backend.ts"
import { refusal, setup } from "./support/ClientSetup.ts"

const conversationId = 3

/** A message of the conversation on the wire. */
const raw = (id: number, message_type: number, content?: unknown, from_id: number | null = 5) => ({
  id,
  from_id,
  content,
  message_type,
  created_at: 1000 + id,
  conversation_id: conversationId
})

const staff = { id: 5, user_type: "STAFF", nickname: "小李" }

const conversation = {
  id: conversationId,
  state: "ACTIVE",
  customer: Backend.visitor,
  last_staff: staff,
  users: [staff, Backend.visitor],
  conversations_user: [{ user_id: 7, latest_read_message_id: 0 }],
  messages: []
}

describe("Client", () => {
  /** A client whose backend loses a send: the first connection breaks, and the history then holds these messages. */
  const interrupted = Effect.fnUntraced(function* (found: ReadonlyArray<object>, users: ReadonlyArray<object> = []) {
    const { backend, callbacks, client } = yield* setup({ catchUp: true })
    const hold = (messages: ReadonlyArray<object>, others: ReadonlyArray<object> = []) => {
      const page = { ...conversation, users: [...conversation.users, ...others], messages }
      backend.answer = Backend.answers({ "GET /im/current_list": [page], "GET /im/conversations/3": page })
    }
    hold([raw(9, 1, "before")])
    client.open()
    yield* callbacks.called("onOpen")
    yield* Effect.promise(() => client.getConversationById(3))
    backend.onFrame = (_, link) => {
      hold([raw(9, 1, "before"), ...found], users)
      link.reset()
      backend.onFrame = (frame, link) => Backend.ack(frame, link, frame.event_type === 101 ? 500 : undefined)
    }
    const messages = () =>
      callbacks.calls.flatMap(([name, message]) => (name === "onMessage" ? [message as Message] : []))
    return { backend, callbacks, client, messages }
  })

  it.live("delivers own messages of the history in order and named, also while another send is under way", () =>
    Effect.gen(function* () {
      const found = [raw(10, 1, "from another device", 7), raw(11, 1, "an answer")]
      const { callbacks, client, messages } = yield* interrupted(found)
      void client.sendMessage(client.buildMessage("Text", "在吗", conversationId)).catch(() => {})
      yield* callbacks.called("onMessage", 2)
      assert.deepStrictEqual(
        messages().map(({ direction, id, nickname }) => [id, nickname, direction]),
        [
          [10, "小明", 0],
          [11, "小李", 1]
        ]
      )
    })
  )

  it.live("delivers own messages in order if one of them may be a send whose outcome stays unknown", () =>
    Effect.gen(function* () {
      const found = [raw(10, 1, "在吗", 7), raw(11, 1, "an answer"), raw(12, 1, "在吗", 7), raw(13, 1, "another")]
      const { callbacks, client, messages } = yield* interrupted(found)
      const sent = client.buildMessage("Text", "在吗", conversationId)
      const error = yield* refusal(client.sendMessage(sent))
      assert.strictEqual(error.reason._tag, "DeliveryUnknown")
      yield* callbacks.called("onMessage", 4)
      assert.deepStrictEqual(
        messages().map(({ id }) => id),
        [10, 11, 12, 13]
      )
      assert.strictEqual(sent.id, 0)
    })
  )

  it.live("names the sender of a missed message who joined while the client was disconnected", () =>
    Effect.gen(function* () {
      const found = [raw(10, 1, "I take over", 8)]
      const { callbacks, client, messages } = yield* interrupted(found, [
        { id: 8, user_type: "STAFF", nickname: "小王" }
      ])
      void client.sendMessage(client.buildMessage("Text", "在吗", conversationId)).catch(() => {})
      yield* callbacks.called("onMessage")
      assert.deepInclude(messages()[0], { id: 10, nickname: "小王", direction: 1 })
    })
  )
})

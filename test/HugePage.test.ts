/**
 * A conversation of 200,000 messages in one answer: no engine passes so many arguments, so nothing may be spread.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ConversationId } from "../src/domain/Id.ts"
import { interpret } from "../src/realtime/internal/frames.ts"
import { ConversationApi } from "../src/rest/ConversationApi.ts"
import * as Backend from "./support/Backend.ts"
import { setup } from "./support/ClientSetup.ts"
import * as Recorder from "./support/Recorder.ts"

const count = 200_000

/** Enough for a failure, where more would only take longer. */
const fewer = 130_000

const staff = { id: 2, user_type: "STAFF", nickname: "李娜" }

const conversation = (upTo: number) => ({
  id: 5,
  state: "ACTIVE",
  customer: Backend.visitor,
  last_staff: staff,
  users: [Backend.visitor, staff],
  conversations_user: [{ user_id: Backend.visitor.id, latest_read_message_id: 1 }],
  messages: Array.from({ length: upTo }, (_, index) => ({
    id: index + 1,
    from_id: index % 2 === 0 ? staff.id : Backend.visitor.id,
    content: "好",
    message_type: 1,
    created_at: index,
    conversation_id: 5
  }))
})

describe("a batch of 700,000 messages, more than even a worker of Node takes arguments", () => {
  it("is taken apart", () => {
    const many = 700_000
    const message = { id: 1, conversation_id: 5, message_type: 1, content: "好" }
    const { events } = interpret(
      JSON.stringify({ event_type: 102, payload: Array.from({ length: many }, () => message) })
    ) as {
      readonly events: ReadonlyArray<unknown>
    }
    assert.strictEqual(events.length, many)
  })
})

describe("a page of 200,000 messages", () => {
  it.live(
    "is read by ConversationApi",
    () =>
      Effect.gen(function* () {
        const answer = JSON.stringify(conversation(count))
        const headers = { "content-type": "application/json" }
        const transport = Recorder.transport(Recorder.make(() => new Response(answer, { headers })).client)
        const read = yield* ConversationApi.use((api) => api.get(ConversationId.make(5))).pipe(
          Effect.provide(Layer.provide(ConversationApi.layer, transport))
        )
        assert.strictEqual(read.messages.length, count)
        assert.strictEqual(read.messages.at(-1)?.id, count)
      }),
    60_000
  )

  const answering = Effect.fnUntraced(function* (current: () => string, onMessage: (id: number) => void) {
    const { backend, callbacks, client } = yield* setup(
      { catchUp: true, requestTimeout: 60_000, retry: { times: 3, base: 1, cap: 1 } },
      { onMessage: ({ id }) => onMessage(id) }
    )
    const answers = Backend.answers({})
    const answer = (json: string) => ({ headers: { "content-type": "application/json" }, body: json })
    backend.answer = (seen) => {
      const [path] = seen.url.replace("/api/v1", "").split("?")
      if (path === "/im/current_list") return answer(current())
      if (path === "/im/conversations/5") return answer(current().slice(1, -1))
      if (path === "/im/conversations") return answer(`{"conversations":${current()}}`)
      return answers(seen)
    }
    client.open()
    yield* callbacks.called("onOpen")
    return { backend, client }
  })

  it.live(
    "is shown by the inbox",
    () =>
      Effect.gen(function* () {
        const body = JSON.stringify([conversation(fewer)])
        const { client } = yield* answering(
          () => body,
          () => {}
        )
        const { conversations } = yield* Effect.promise(() => client.inbox.ready())
        const [shown] = conversations
        assert.deepStrictEqual([shown?.messages.length, shown?.unreadCount], [fewer, fewer / 2 - 1])
        yield* Effect.promise(() => client.inbox.markRead(5))
        assert.strictEqual(client.inbox.getSnapshot().unreadCount, 0)
      }),
    120_000
  )

  it.live(
    "is given by the façade, and recovered after a lost connection",
    () =>
      Effect.gen(function* () {
        let body = JSON.stringify([conversation(1)])
        const heard: Array<number> = []
        let done = () => {}
        const recovered = new Promise<void>((resolve) => (done = resolve))
        const { backend, client } = yield* answering(
          () => body,
          (id) => {
            heard.push(id)
            if (id === count) done()
          }
        )
        yield* Effect.promise(() => client.getCurrentConversationList())
        body = JSON.stringify([conversation(count)])
        const fetched = yield* Effect.promise(() => client.getConversationById(5))
        assert.strictEqual(fetched.data.messages.length, count)
        backend.links[0]?.reset()
        yield* Effect.promise(() => recovered)
        assert.strictEqual(heard.length, count - 1)
        assert.isTrue(heard.every((id, index) => id === index + 2))
      }),
    120_000
  )
})

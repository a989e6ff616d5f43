/**
 * A backend with odd fields: values of other types, texts for numbers, nulls, missing fields, elements that make no sense.
 * Each costs nothing but itself, and every path reads it alike.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { skippedOf } from "../src/codec/Odd.ts"
import type { Conversation } from "../src/domain/Conversation.ts"
import { ConversationId } from "../src/domain/Id.ts"
import type { Message } from "../src/domain/Message.ts"
import { Inbox } from "../src/inbox/Inbox.ts"
import { ConversationApi } from "../src/rest/ConversationApi.ts"
import { UserApi } from "../src/rest/UserApi.ts"
import { TestGateway } from "../src/testing/TestGateway.ts"
import * as Backend from "./support/Backend.ts"
import { opened } from "./support/ClientSetup.ts"
import { accept, collect, layer, lose, open, pass, received, settle } from "./support/Gateway.ts"

interface Odd {
  readonly what: string
  readonly wire: object
  /** What the message holds in the Effect API. */
  readonly typed: object
  /** What it holds in the façade: known fields as they came, ids as numbers. */
  readonly plain: object
}

const looksLikeJson = '{"code": 0, "msg_text": "x"}'

const odds: ReadonlyArray<Odd> = [
  { what: "a flag as 1", wire: { has_recommend: 1 }, typed: { hasRecommend: true }, plain: { hasRecommend: 1 } },
  { what: "a flag as 0", wire: { has_recommend: 0 }, typed: { hasRecommend: false }, plain: { hasRecommend: 0 } },
  {
    what: "a flag that is none",
    wire: { has_recommend: "maybe" },
    typed: { hasRecommend: undefined },
    plain: { hasRecommend: "maybe" }
  },
  {
    what: "an ISO time",
    wire: { created_at: "2023-11-14T22:13:20.000Z" },
    typed: { createdAt: 1_700_000_000_000 },
    plain: { createdAt: "2023-11-14T22:13:20.000Z" }
  },
  {
    what: "a time in digits",
    wire: { created_at: "1700000000000" },
    typed: { createdAt: 1_700_000_000_000 },
    plain: { createdAt: "1700000000000" }
  },
  {
    what: "a time that is none",
    wire: { created_at: "yesterday" },
    typed: { createdAt: undefined },
    plain: { createdAt: "yesterday" }
  },
  { what: "a sender in digits", wire: { from_id: "2" }, typed: { fromId: 2 }, plain: { fromId: "2" } },
  { what: "an unsafe sender", wire: { from_id: 2 ** 60 }, typed: { fromId: undefined }, plain: { fromId: 2 ** 60 } },
  { what: "a type in digits", wire: { message_type: "1" }, typed: { messageType: "Text" }, plain: {} },
  {
    what: "an end without a reason",
    wire: { message_type: 104, content: { reason: null } },
    typed: { messageType: "ConversationEnd", content: { reason: 0 } },
    plain: { messageType: "ConversationEnd", content: { reason: null } }
  },
  {
    what: "an end without content",
    wire: { message_type: 104, content: null },
    typed: { messageType: "ConversationEnd", content: { reason: 0 } },
    plain: { messageType: "ConversationEnd", content: null }
  },
  ...[
    [6, "RobotChitchatMessage"],
    [7, "RobotCanAnswerMessage"],
    [8, "RobotNotAnswerMessage"],
    [9, "RobotMayAnswerMessage"],
    [10, "FAQAnswerMessage"],
    [11, "OrderMessage"]
  ].map(([code, messageType]) => ({
    what: `a ${messageType} whose text looks like JSON`,
    wire: { message_type: code, content: looksLikeJson },
    typed: { messageType, content: looksLikeJson },
    plain: { messageType, content: looksLikeJson }
  })),
  {
    what: "an order with its price as text",
    wire: { message_type: 11, content: { order_no: 123, price: "9.90" } },
    typed: { messageType: "OrderMessage", content: { price: 9.9 } },
    plain: { messageType: "OrderMessage", content: { orderNo: 123, price: "9.90" } }
  },
  {
    what: "an image with its size as text",
    wire: { message_type: 2, content: { url: "/a.png", byte_size: "2048", filename: 5 } },
    typed: { messageType: "Image", content: { url: "/a.png", byteSize: 2048 } },
    plain: { messageType: "Image", content: { url: "/a.png", byteSize: "2048", filename: 5 } }
  },
  {
    what: "an image as JSON text",
    wire: { message_type: 2, content: '{"url":"/a.png"}' },
    typed: { messageType: "Image", content: { url: "/a.png" } },
    plain: { messageType: "Image", content: '{"url":"/a.png"}' }
  },
  {
    what: "an image without its address",
    wire: { message_type: 2, content: { filename: "a.png" } },
    typed: { messageType: "Unknown", typeCode: 2, content: { filename: "a.png" } },
    plain: { messageType: "Image", content: { filename: "a.png" } }
  }
]

const first = 11

/** The message of each oddity on the wire, in conversation 7; every second id in digits. */
const wires = odds.map(({ wire }, index) => ({
  id: index % 2 === 0 ? first + index : `${first + index}`,
  conversation_id: index % 2 === 0 ? 7 : "7",
  from_id: 2,
  message_type: 1,
  content: "hello",
  ...wire
}))

const lastId = first + wires.length - 1

const customer = { id: 1, user_type: "CUSTOMER", nickname: "Alice" }

const page = (messages: ReadonlyArray<unknown>) => ({
  id: "7",
  state: "ACTIVE",
  customer: { ...customer, online: 1, phone: 13_800, remark: { vip: true }, tags: ["vip", { id: "3", name: 5 }, null] },
  last_staff: { id: 2, user_type: null, nickname: 5 },
  users: [customer, null, { nickname: "nobody" }, { id: "2" }],
  conversations_user: [{ user_id: 1, latest_read_message_id: `${lastId}` }, "me"],
  created_at: "2023-11-14T22:13:20Z",
  end_reason: { code: 1 },
  messages
})

/** The history with elements that make no sense. */
const history = page([null, ...wires, "nonsense", { message_type: 1, content: "no id" }])

const without = (fields: object) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))

const assertTyped = (messages: ReadonlyArray<Message>) => {
  assert.strictEqual(messages.length, odds.length)
  for (const [index, { typed, what }] of odds.entries()) {
    const message: object = messages[index] ?? {}
    assert.deepInclude(message, { id: first + index, conversationId: 7 }, what)
    const { content, ...fields } = typed as { readonly content?: unknown }
    assert.deepInclude(message, without(fields), what)
    for (const [key, value] of Object.entries(fields)) if (value === undefined) assert.notProperty(message, key, what)
    if (typeof content === "object")
      assert.deepInclude((message as { content: object }).content, content as object, what)
    else if (content !== undefined) assert.propertyVal(message, "content", content, what)
  }
}

const assertConversation = (conversation: Conversation) => {
  assertTyped(conversation.messages)
  assert.deepStrictEqual(skippedOf(conversation.messages), [null, "nonsense", { message_type: 1, content: "no id" }])
  assert.deepInclude(conversation, { id: 7, createdAt: 1_700_000_000_000 } as object)
  assert.notProperty(conversation, "endReason")
  const { customer, lastStaff, users } = conversation
  assert.deepInclude(customer as object, { id: 1, nickname: "Alice", online: true })
  for (const key of ["phone", "remark"]) assert.notProperty(customer, key)
  assert.deepStrictEqual(
    (customer?.tags ?? []).map((tag) => Number(tag.id)),
    [3]
  )
  assert.deepInclude(lastStaff as object, { id: 2, userType: "" })
  assert.notProperty(lastStaff, "nickname")
  assert.deepStrictEqual(
    users.map(({ id, userType }) => [Number(id), userType]),
    [
      [1, "CUSTOMER"],
      [2, ""]
    ]
  )
  assert.deepInclude(conversation.conversationsUser[0] as object, { userId: 1, latestReadMessageId: lastId })
  assert.strictEqual(conversation.conversationsUser.length, 1)
}

/** The backend answers with the odd history. */
const respond = TestGateway.use((gateway) =>
  gateway.respond(({ method, path }) => {
    if (method !== "GET") return undefined
    if (path.endsWith("/im/users/me")) return { body: { ...customer, id: "1", online: "0", tags: "vip" } }
    if (path.endsWith("/im/current_list")) return { body: ["nonsense", history, null] }
    if (path.endsWith("/im/conversations")) return { body: { conversations: [history, {}, 5], total: "1" } }
    return path.endsWith("/im/conversations/7") ? { body: history } : undefined
  })
)

describe("odd fields in the Effect API", () => {
  it.effect("of live messages cost nothing else", () =>
    Effect.gen(function* () {
      const events = yield* collect
      const connection = yield* open
      for (const payload of wires) yield* connection.pushText(JSON.stringify({ event_type: 101, payload }))
      yield* settle
      assertTyped(received(events))
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("of a batch cost nothing else", () =>
    Effect.gen(function* () {
      const events = yield* collect
      const connection = yield* open
      yield* connection.pushText(JSON.stringify({ event_type: "102", payload: wires }))
      yield* settle
      assertTyped(received(events))
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("of messages that were missed cost nothing else", () =>
    Effect.gen(function* () {
      const events = yield* collect
      const gateway = yield* TestGateway
      yield* gateway.respond(({ path }) =>
        path.endsWith("/im/current_list")
          ? { body: [page([{ id: 10, conversation_id: 7, message_type: 1, content: "seen" }])] }
          : undefined
      )
      const connection = yield* open
      yield* pass("10 seconds")
      const before = received(events).length
      yield* respond
      yield* lose(connection)
      yield* accept
      yield* pass("10 seconds")
      assertTyped(received(events).slice(before))
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("of fetched conversations cost nothing else, on each path", () =>
    Effect.gen(function* () {
      yield* respond
      const api = yield* ConversationApi
      const { conversations, total } = yield* api.list()
      assert.strictEqual(total, 1)
      const current = yield* api.current
      for (const list of [conversations, current]) {
        assert.strictEqual(list.length, 1)
        assert.strictEqual(skippedOf(list).length, 2)
        assertConversation(list[0] as Conversation)
      }
      assertConversation(yield* api.get(ConversationId.make(7)))
      const me = yield* UserApi.use((users) => users.me)
      assert.deepInclude(me as object, { id: 1, online: false })
      assert.notProperty(me, "tags")
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("keep no inbox from being ready, and a conversation that has ended is shown as ended", () =>
    Effect.gen(function* () {
      yield* respond
      const inbox = yield* Inbox
      yield* Effect.forkScoped(Effect.ignore(inbox.ready))
      const connection = yield* open
      yield* pass("1 second")
      yield* inbox.ready
      const shown = Effect.map(inbox.snapshot, ({ conversations }) => conversations.find(({ id }) => Number(id) === 7))
      const before = yield* shown
      const ended = odds.filter(({ wire }) => "message_type" in wire && wire.message_type === 104).length
      assert.isAtLeast(before?.messages.length ?? 0, odds.length - ended)
      const end = { id: `${lastId + 1}`, conversation_id: "7", message_type: "104", content: { reason: null } }
      yield* connection.pushText(JSON.stringify({ event_type: 101, payload: end }))
      yield* settle
      assert.strictEqual((yield* shown)?.state, "FINISHED")
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )
})

/** The messages of {@link history} as the façade gives them: what is no object is left out, what has no id stays. */
const assertPlain = (messages: ReadonlyArray<object>) => {
  for (const [index, { plain, what }] of odds.entries()) {
    assert.deepInclude(messages[index], { id: first + index, conversationId: 7, ...plain }, what)
  }
  assert.deepInclude(messages[odds.length], { content: "no id", conversationId: 7 })
  assert.strictEqual(messages.length, odds.length + 1)
}

describe("odd fields in the façade", () => {
  it.live("of live messages come as they are", () =>
    Effect.gen(function* () {
      const { callbacks, link } = yield* opened()
      for (const payload of wires) link.send(101, payload)
      link.send(102, [null, { conversation_id: 7, message_type: 1, content: "no id" }])
      yield* callbacks.called("onMessage", odds.length + 1)
      assertPlain(callbacks.calls.flatMap(([name, message]) => (name === "onMessage" ? [message as object] : [])))
      const ends = callbacks.calls.filter(([name]) => name === "onConversationClosed")
      assert.deepStrictEqual(ends, [
        ["onConversationClosed", 7, 0],
        ["onConversationClosed", 7, 0]
      ])
    })
  )

  it.live("of fetched conversations come as they are, on each path", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* opened()
      backend.answer = Backend.answers({
        "GET /im/conversations": { conversations: ["nonsense", history], total: "1" },
        "GET /im/current_list": [history],
        "GET /im/conversations/7": history
      })
      const listed = yield* Effect.promise(() => client.getConversations())
      assert.deepInclude(listed.data as object, { total: "1" })
      const current = yield* Effect.promise(() => client.getCurrentConversationList())
      const single = yield* Effect.promise(() => client.getConversationById(7))
      for (const conversation of [listed.data.conversations[0], current.data[0], single.data]) {
        assertPlain(conversation?.messages ?? [])
        assert.deepInclude(conversation as object, { createdAt: "2023-11-14T22:13:20Z", endReason: { code: 1 } })
        assert.deepInclude(conversation?.customer as object, { online: 1, phone: 13_800, remark: { vip: true } })
        assert.deepInclude(conversation?.lastStaff as object, { userType: null, nickname: 5 })
        assert.deepStrictEqual(Object.keys(conversation?.users ?? {}), ["1", "2"])
      }
    })
  )

  it.live("of a message without an id or a conversation keep it from nobody", () =>
    Effect.gen(function* () {
      const { callbacks, link } = yield* opened()
      const frames = [
        { id: 0, conversation_id: 3, from_id: 2, message_type: 1, content: "zero" },
        { id: 0, conversation_id: 3, from_id: 2, message_type: 1, content: "zero again" },
        { id: null, conversation_id: 3, message_type: 107, content: null },
        { conversation_id: "3", message_type: "104", content: { reason: 2 } },
        { id: 5, message_type: 1, content: "nowhere" },
        { id: "abc", conversation_id: 3, message_type: 999, content: { some_key: 1 } }
      ]
      for (const payload of frames) link.send(101, payload)
      yield* callbacks.called("onMessage", frames.length)
      const messages = callbacks.calls.flatMap(([name, message]) => (name === "onMessage" ? [message as object] : []))
      const common = { isRead: true, nickname: "", createdAt: 0, hasRecommend: false, direction: 1 }
      assert.deepStrictEqual(messages, [
        {
          ...common,
          id: 0,
          fromId: 2,
          conversationId: 3,
          messageType: "Text",
          content: "zero",
          isSystemMessage: false
        },
        {
          ...common,
          id: 0,
          fromId: 2,
          conversationId: 3,
          messageType: "Text",
          content: "zero again",
          isSystemMessage: false
        },
        {
          ...common,
          id: 0,
          fromId: 0,
          conversationId: 3,
          messageType: "StaffBusyEvent",
          content: null,
          isSystemMessage: true
        },
        {
          ...common,
          id: 0,
          fromId: 0,
          conversationId: 3,
          messageType: "ConversationEnd",
          content: { reason: 2 },
          isSystemMessage: true
        },
        {
          ...common,
          id: 5,
          fromId: 0,
          conversationId: 0,
          messageType: "Text",
          content: "nowhere",
          isSystemMessage: false
        },
        {
          ...common,
          id: "abc",
          fromId: 0,
          conversationId: 3,
          messageType: undefined,
          content: { someKey: 1 },
          isSystemMessage: true
        }
      ])
      const others = callbacks.calls.filter(([name]) => !["onOpen", "onMessage"].includes(name))
      assert.deepStrictEqual(others, [["onStaffBusy"], ["onConversationClosed", 3, 2]])
    })
  )
})

/**
 * Every event that a backend can send to the façade: which callbacks it calls, with which arguments, in which order.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { ClientOptions } from "../src/Client.ts"
import { messageTypeCode } from "../src/domain/Message.ts"
import * as Backend from "./support/Backend.ts"
import * as Callbacks from "./support/Callbacks.ts"
import { using } from "./support/ClientSetup.ts"

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

interface Kind {
  readonly code: number
  readonly name: string | undefined
  readonly content?: unknown
  /** The content that the app receives. Default: the same. */
  readonly given?: unknown
  readonly callback?: Callbacks.Call
}

const kinds: ReadonlyArray<Kind> = [
  { code: 1, name: "Text", content: "你好" },
  { code: 2, name: "Image", content: { url: "u", file_name: "x" }, given: { url: "u", fileName: "x" } },
  { code: 3, name: "Video", content: '{"url":"u","byte_size":3}' },
  { code: 4, name: "Attachment", content: { url: "u" } },
  {
    code: 5,
    name: "ChannelMenu",
    content: { items: [{ id: 1, sub_items: [] }] },
    given: { items: [{ id: 1, subItems: [] }] }
  },
  { code: 6, name: "RobotChitchatMessage", content: "嗯" },
  { code: 7, name: "RobotCanAnswerMessage", content: { answer_html: "<p>" }, given: { answerHtml: "<p>" } },
  { code: 8, name: "RobotNotAnswerMessage", content: "不知道" },
  { code: 9, name: "RobotMayAnswerMessage", content: { candidates: ["a"] } },
  { code: 10, name: "FAQAnswerMessage", content: "答" },
  { code: 11, name: "OrderMessage", content: { order_no: "1" }, given: { orderNo: "1" } },
  { code: 12, name: "StaffTimeoutMessage", callback: ["onStaffTimeout", conversationId] },
  { code: 101, name: "ManualServiceStart", callback: ["onManualServiceStart"] },
  {
    code: 102,
    name: "ConversationBuilt",
    content: { user_id: 9, nickname: "小王", user_type: "STAFF" },
    given: { userId: 9, nickname: "小王", userType: "STAFF" },
    callback: ["onConversationBuilt", conversationId, 9, "小王", "STAFF"]
  },
  {
    code: 102,
    name: "ConversationBuilt",
    content: { user_id: 5 },
    given: { userId: 5, nickname: "小李", userType: "STAFF" },
    callback: ["onConversationBuilt", conversationId, 5, "小李", "STAFF"]
  },
  {
    code: 103,
    name: "MessageRecall",
    content: { message_id: 2 },
    given: { messageId: 2 },
    callback: ["onMessageRecall", conversationId, 2]
  },
  { code: 104, name: "ConversationEnd", content: { reason: 3 }, callback: ["onConversationClosed", conversationId, 3] },
  { code: 105, name: "RateInvite", content: { rate_id: 1 }, given: { rateId: 1 } },
  { code: 106, name: "RateInviteError" },
  { code: 107, name: "StaffBusyEvent", callback: ["onStaffBusy"] },
  { code: 108, name: "StaffOfflineEvent", callback: ["onStaffOffline"] },
  { code: 109, name: "ConversationTransfer", callback: ["onConversationTransfer", conversationId] },
  { code: 110, name: "CustomerRate", content: { score: 5 } },
  { code: 55, name: undefined, content: { any_thing: 1 }, given: { anyThing: 1 } },
  { code: 199, name: undefined, content: "?" },
  // What a known type does not promise is given all the same.
  { code: 2, name: "Image", content: "not an image" },
  { code: 104, name: "ConversationEnd", content: null, callback: ["onConversationClosed", conversationId, 0] },
  { code: 103, name: "MessageRecall", content: {} },
  {
    code: 102,
    name: "ConversationBuilt",
    content: { user_id: "9", nickname: 9, user_type: null },
    given: { userId: "9", nickname: 9, userType: null },
    callback: ["onConversationBuilt", conversationId, "9", 9, ""]
  },
  {
    code: 103,
    name: "MessageRecall",
    content: { message_id: "2" },
    given: { messageId: "2" },
    callback: ["onMessageRecall", conversationId, "2"]
  },
  {
    code: 104,
    name: "ConversationEnd",
    content: { reason: "3" },
    callback: ["onConversationClosed", conversationId, "3"]
  },
  {
    code: 104,
    name: "ConversationEnd",
    content: { reason: null },
    callback: ["onConversationClosed", conversationId, 0]
  },
  { code: 1, name: "Text", content: '{"code": 0, "msg_text": "x"}' },
  { code: 10, name: "FAQAnswerMessage", content: '{"code": 0, "msg_text": "x"}' }
]

const setup = (options: ClientOptions = {}, overrides = {}) =>
  Effect.gen(function* () {
    const backend = yield* Backend.make
    backend.answer = Backend.answers({ "GET /im/current_list": [conversation] })
    const callbacks = Callbacks.make(overrides)
    const client = yield* using(callbacks.handler, { baseUrl: backend.baseUrl, token: "t", ...options })
    const resynced = new Promise((resolve) => client.on("Resynced", resolve))
    client.open()
    yield* callbacks.called("onOpen")
    if (options.catchUp !== false) yield* Effect.promise(() => resynced)
    callbacks.calls.length = 0
    const [link] = backend.links
    if (link === undefined) return assert.fail("no link")
    return { backend, callbacks, client, link }
  })

/** The calls, with the content in place of each message. */
const withContent = (calls: ReadonlyArray<Callbacks.Call>) =>
  calls.map((call) => (call[0] === "onMessage" ? [call[0], (call[1] as { readonly content: unknown }).content] : call))

describe("Client", () => {
  it("has a row in this table for every named kind of message, and for every callback", () => {
    assert.deepStrictEqual(
      new Set(kinds.map((kind) => kind.name).filter((name) => name !== undefined)),
      new Set(Object.keys(messageTypeCode))
    )
    assert.deepStrictEqual(
      new Set(
        kinds
          .flatMap((kind): ReadonlyArray<string> => (kind.callback === undefined ? [] : [kind.callback[0]]))
          .concat(["onOpen", "onClose", "onError", "onMessage", "onInputting", "onMultipleLogin"])
      ),
      new Set<string>(Callbacks.names)
    )
  })

  kinds.forEach(({ callback, code, content, given, name }, index) => {
    it.live(`message ${code} (${name ?? "nameless"}) ${JSON.stringify(content) ?? ""}`, () =>
      Effect.gen(function* () {
        const { callbacks, link } = yield* setup()
        link.send(101, raw(10, code, content))
        link.send(101, raw(11, 1, "last"))
        yield* callbacks.called("onMessage", 2)
        const message = {
          isSystemMessage: code >= 100,
          direction: 1,
          content: given ?? content,
          isRead: true,
          id: 10,
          fromId: 5,
          nickname: "小李",
          messageType: name,
          createdAt: 1010,
          conversationId,
          hasRecommend: false
        }
        assert.deepStrictEqual(callbacks.calls[0], ["onMessage", message], `row ${index}`)
        const others = callback === undefined ? [] : [callback]
        assert.deepStrictEqual(callbacks.calls.slice(1, -1), others)
      })
    )
  })

  it.live("delivers each message of a batch (102)", () =>
    Effect.gen(function* () {
      const { callbacks, link } = yield* setup()
      link.send(102, [raw(10, 1, "a"), raw(11, 107), raw(12, 1, "b")])
      yield* callbacks.called("onMessage", 3)
      assert.deepStrictEqual(withContent(callbacks.calls), [
        ["onMessage", "a"],
        ["onMessage", undefined],
        ["onStaffBusy"],
        ["onMessage", "b"]
      ])
    })
  )

  it.live("calls onInputting(content, conversationId) for a 105", () =>
    Effect.gen(function* () {
      const { callbacks, link } = yield* setup()
      link.send(105, { content: "正在", conversation_id: 3, from_id: 5 })
      link.send(105, { conversation_id: 3 })
      yield* callbacks.called("onInputting", 2)
      assert.deepStrictEqual(callbacks.calls, [
        ["onInputting", "正在", 3],
        ["onInputting", "", 3]
      ])
    })
  )

  it.live("tells onError of unknown and undecodable frames, and nothing of an ack that nothing waits for", () =>
    Effect.gen(function* () {
      const { callbacks, client, link } = yield* setup()
      const events: Array<string> = []
      for (const name of ["UnknownReceived", "Undecodable"] as const) client.on(name, ({ _tag }) => events.push(_tag))
      link.send(103, { sequence_id: 99 })
      link.send(777, { some_thing: 1 })
      link.sendText("no JSON")
      link.send(101, { some_thing: 1 })
      link.send(101, raw(10, 1, "last"))
      yield* callbacks.called("onMessage")
      assert.deepStrictEqual(
        callbacks.calls.map(([name]) => name),
        ["onError", "onError", "onError", "onMessage"]
      )
      assert.deepStrictEqual(events, ["UnknownReceived", "Undecodable", "UnknownReceived"])
    })
  )

  it.live("calls onMultipleLogin() for a 301, and closes the connection for good", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client, link } = yield* setup()
      link.send(301)
      yield* callbacks.called("onClose")
      const [login, close] = callbacks.calls
      assert.deepStrictEqual(login, ["onMultipleLogin"])
      assert.deepInclude(close?.[1], { type: "close", code: 1000, wasClean: true, willReconnect: false })
      assert.strictEqual(callbacks.calls.length, 2)
      assert.isFalse(client.isConnecting())

      client.open()
      yield* callbacks.called("onError")
      assert.strictEqual(backend.links.length, 1)
      client.takeOver()
      assert.isTrue(client.isConnecting())
      yield* callbacks.called("onOpen")
      assert.strictEqual(backend.links.length, 2)
    })
  )

  it.live("calls onMessage first, then sets read flags, then calls the callback of the kind", () =>
    Effect.gen(function* () {
      const read: Array<readonly [string, boolean]> = []
      const { callbacks, client, link } = yield* setup(
        {},
        {
          onMessage: () => read.push(["onMessage", sent.isRead]),
          onConversationClosed: () => read.push(["onConversationClosed", sent.isRead])
        }
      )
      const sent = client.buildMessage("Text", "在吗", conversationId)
      yield* Effect.promise(() => client.sendMessage(sent))
      link.send(101, raw(2000, 104, { reason: 2 }))
      yield* callbacks.called("onConversationClosed")
      assert.deepStrictEqual(read, [
        ["onMessage", false],
        ["onConversationClosed", true]
      ])
    })
  )

  it.live("marks messages as read up to the id of a 104, in its conversation only", () =>
    Effect.gen(function* () {
      const { backend, client, link } = yield* setup()
      const [a, b, other] = [
        client.buildMessage("Text", "a", conversationId),
        client.buildMessage("Text", "b", conversationId),
        client.buildMessage("Text", "c", 4)
      ]
      for (const message of [a, b, other]) yield* Effect.promise(() => client.sendMessage(message))
      const flags = () => [a, b, other].map(({ isRead }) => isRead)
      const read = (payload: object) =>
        Effect.promise(() => {
          const done = new Promise((resolve) => client.on("MessagesRead", resolve))
          link.send(104, payload)
          return done
        })
      assert.deepStrictEqual(flags(), [false, false, false])
      yield* read({ message_id: a.id, conversation_id: conversationId })
      assert.deepStrictEqual(flags(), [true, false, false])
      yield* read({ message_id: b.id, conversation_id: conversationId })
      assert.deepStrictEqual(flags(), [true, true, false])

      // Fetched ones, too.
      const page = { ...conversation, messages: [raw(2001, 1, "x", 7), raw(2002, 1, "y", 7)] }
      backend.answer = Backend.answers({ "GET /im/conversations/3": page })
      const { data } = yield* Effect.promise(() => client.getConversationById(3))
      assert.deepStrictEqual(
        data.messages.map(({ isRead }) => isRead),
        [false, false]
      )
      yield* read({ message_id: 2001, conversation_id: conversationId })
      assert.deepStrictEqual(
        data.messages.map(({ isRead }) => isRead),
        [true, false]
      )
    })
  )

  it.live("gives odd fields of messages, drafts and conversations as the backend sent them", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client, link } = yield* setup()
      link.send(101, { ...raw(2000, 1, "你好"), created_at: "2026-11-26T00:00:00Z", has_recommend: 1 })
      link.send(105, { conversation_id: conversationId, content: 12 })
      yield* callbacks.called("onInputting")
      const [message, inputting] = callbacks.calls
      assert.deepInclude(message?.[1], {
        createdAt: "2026-11-26T00:00:00Z",
        hasRecommend: 1,
        id: 2000,
        content: "你好"
      })
      assert.deepStrictEqual(inputting, ["onInputting", 12, conversationId])
      const odd = { ...staff, phone: 400, remark: { vip: true }, online: 1, tags: ["a"] }
      const page = { ...conversation, users: [odd], messages: [{ ...raw(2001, 1, "x"), created_at: "12" }] }
      backend.answer = Backend.answers({ "GET /im/conversations/3": page })
      const { data } = yield* Effect.promise(() => client.getConversationById(3))
      assert.deepInclude(data.users[5], { phone: 400, remark: { vip: true }, online: 1, tags: ["a"] } as never)
      assert.deepInclude(data.messages[0], { createdAt: "12", nickname: "小李" } as never)
    })
  )

  it.live("applies a 104 that overtakes the ack of its message", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup()
      backend.onFrame = (frame, link) => {
        link.send(104, { message_id: 5000, conversation_id: conversationId })
        Backend.ack(frame, link, 5000)
      }
      const message = client.buildMessage("Text", "在吗", conversationId)
      const read = new Promise((resolve) => client.on("MessagesRead", resolve))
      yield* Effect.promise(() => client.sendMessage(message))
      yield* Effect.promise(() => read)
      assert.deepStrictEqual([message.id, message.isRead], [5000, true])
    })
  )

  it.live("marks what was read while disconnected after the reconnect", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client, link } = yield* setup({ reconnect: { base: 1 } })
      const message = client.buildMessage("Text", "在吗", conversationId)
      yield* Effect.promise(() => client.sendMessage(message))
      const marks = [{ user_id: 5, latest_read_message_id: message.id }]
      const missed = [raw(message.id + 1, 108)]
      backend.answer = Backend.answers({
        "GET /im/current_list": [
          { ...conversation, conversations_user: marks, messages: [raw(message.id, 1, "在吗", 7), ...missed] }
        ]
      })
      const resynced = new Promise((resolve) => client.on("Resynced", resolve))
      link.reset()
      yield* Effect.promise(() => resynced)
      assert.isTrue(message.isRead)
      assert.deepStrictEqual(callbacks.order(), ["onError", "onClose", "onOpen", "onMessage", "onStaffOffline"])
    })
  )

  it.live("does not deliver an own message whose ack was lost, but delivers one from another device", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client } = yield* setup({ reconnect: { base: 1, cap: 1 } })
      const elsewhere = { ...raw(11, 1, "from another device", 7), conversation_id: 4 }
      const other = { ...conversation, id: 4, messages: [{ ...raw(1, 102, {}), conversation_id: 4 }, elsewhere] }
      const hold = (messages: ReadonlyArray<object>, ...others: ReadonlyArray<object>) => {
        const page = { ...conversation, messages }
        backend.answer = Backend.answers({
          "GET /im/current_list": [page, ...others],
          "GET /im/conversations/3": page,
          "GET /im/conversations/4": other
        })
      }
      hold([raw(9, 1, "before")])
      backend.onFrame = (_, link) => {
        hold([raw(9, 1, "before"), raw(10, 1, "在吗", 7)], other)
        link.reset()
      }
      const message = client.buildMessage("Text", "在吗", conversationId)
      yield* Effect.promise(() => client.sendMessage(message))
      yield* callbacks.called("onMessage", 3)
      assert.strictEqual(message.id, 10)
      assert.isFalse(message.isRead)
      assert.deepStrictEqual(
        callbacks.calls.filter(([name]) => name === "onMessage").map((call) => (call[1] as { readonly id: number }).id),
        [1, 9, 11]
      )
      assert.strictEqual(backend.links.flatMap(({ frames }) => frames).length, 1)
    })
  )

  it.live("holds messages back until the current user is known", () =>
    Effect.gen(function* () {
      const backend = yield* Backend.make
      const requests: Array<string> = []
      backend.answer = (seen) => {
        requests.push(seen.url)
        return Backend.answers({ "GET /im/users/me": staff })(seen)
      }
      const callbacks = Callbacks.make()
      const client = yield* using(callbacks.handler, { baseUrl: backend.baseUrl, token: "t", catchUp: false })
      backend.onLink = (link) => {
        link.send(101, raw(10, 1, "mine, from another device", 5))
        link.send(101, raw(11, 1, "a stranger's", 8))
      }
      client.open()
      yield* callbacks.called("onMessage", 2)
      assert.deepStrictEqual(callbacks.order(), ["onOpen", "onMessage", "onMessage"])
      const [, mine, theirs] = callbacks.calls
      assert.deepInclude(mine?.[1], { direction: 0, nickname: "小李" })
      assert.deepInclude(theirs?.[1], { direction: 1, nickname: "" })
      assert.deepStrictEqual(requests, ["/api/v1/im/users/me"])
    })
  )

  it.live("delivers messages even if the current user cannot be fetched", () =>
    Effect.gen(function* () {
      const backend = yield* Backend.make
      backend.answer = () => ({ status: 500 })
      backend.onLink = (link) => link.send(101, raw(10, 1, "a"))
      const callbacks = Callbacks.make()
      const client = yield* using(callbacks.handler, { baseUrl: backend.baseUrl, token: "t", catchUp: false })
      client.open()
      yield* callbacks.called("onMessage")
      assert.deepInclude(callbacks.calls[1]?.[1], { content: "a", direction: 1 })
    })
  )
})

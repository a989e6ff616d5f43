import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { Sandbox } from "../../../src/sandbox/Sandbox.ts"
import type { SandboxOptions } from "../../../src/sandbox/SandboxOptions.ts"
import { alice, chen, dial, kinds, li, rest, served, text, wang, zhao } from "../Client.ts"

const provide = (options?: SandboxOptions) => Effect.provide(Sandbox.layer(options))

const history = Effect.fnUntraced(function* (token: string, id: number) {
  const { json } = yield* rest(token, "GET", `/im/conversations/${id}`)
  return json
})

const lastError = Effect.gen(function* () {
  const refusals = yield* (yield* Sandbox).refusals
  return refusals.at(-1)
})

describe("opening", () => {
  it.effect("a visitor's first connection opens a conversation with the robot, the second finds it", () =>
    Effect.gen(function* () {
      const first = yield* dial(chen)
      assert.deepStrictEqual(kinds(yield* first.sync), [102, 5])
      yield* first.close
      const second = yield* dial(chen)
      assert.deepStrictEqual(kinds(yield* second.sync), [])
      const { json } = yield* rest(chen, "GET", "/im/current_list")
      assert.strictEqual(json.length, 1)
      assert.strictEqual(json[0].state, "ACTIVE")
      assert.strictEqual(json[0].last_staff.user_type, "ROBOT")
    }).pipe(provide())
  )

  it.effect("greets in the language of the sub-channel", () =>
    Effect.gen(function* () {
      const visitor = yield* dial(alice, 3)
      const menu = yield* visitor.message(5)
      assert.include(menu.content.title, "How can I help")
      assert.strictEqual(menu.content.items.at(-1).title, "Talk to a person")
      const other = yield* dial(chen)
      assert.include((yield* other.message(5)).content.title, "请问")
    }).pipe(provide())
  )

  it.effect("POST opens the same conversation that a connection would", () =>
    Effect.gen(function* () {
      const { json } = yield* rest(chen, "POST", "/im/conversations", {})
      assert.deepStrictEqual(
        json.messages.map((message: { readonly message_type: number }) => message.message_type),
        [102, 5]
      )
      const visitor = yield* dial(chen)
      assert.deepStrictEqual(yield* visitor.sync, [])
      assert.strictEqual((yield* rest(chen, "POST", "/im/conversations", {})).json.id, json.id)
    }).pipe(provide())
  )

  it.effect("a message after the end opens a new conversation", () =>
    Effect.gen(function* () {
      const { visitor, conversationId } = yield* served(chen, li)
      yield* visitor.call(202, { conversation_id: conversationId })
      yield* visitor.sync
      const { message_id } = yield* visitor.call(101, text("你好"))
      const frames = yield* visitor.sync
      assert.deepStrictEqual(kinds(frames), [102, 5, 6])
      assert.isTrue(frames.every(({ payload }) => payload.conversation_id === conversationId + 1))
      assert.isAbove(message_id, frames[1]?.payload.id)
      assert.isBelow(message_id, frames[2]?.payload.id)
    }).pipe(provide())
  )
})

describe("a new conversation", () => {
  it.effect("belongs to the sub-channel of the visitor's connection", () =>
    Effect.gen(function* () {
      const visitor = yield* dial(alice, 3)
      const { conversation_id } = yield* visitor.message(5)
      yield* visitor.call(202, { conversation_id })
      yield* visitor.call(101, text("hello"))
      assert.include((yield* visitor.message(5)).content.title, "How can I help")
    }).pipe(provide())
  )
})

describe("messages", () => {
  it.effect("go to the counterpart, not back to the sender, and stay in the history", () =>
    Effect.gen(function* () {
      const { staff, visitor, visitorId, conversationId } = yield* served(chen, li)
      const one = yield* visitor.call(101, text("在吗 😀"))
      const heard = yield* staff.message(1)
      assert.deepStrictEqual(
        [heard.id, heard.content, heard.from_id, heard.conversation_id],
        [one.message_id, "在吗 😀", visitorId, conversationId]
      )
      const two = yield* staff.call(101, text("在的", visitorId))
      assert.strictEqual((yield* visitor.message(1)).id, two.message_id)
      assert.deepStrictEqual(yield* visitor.sync, [])
      assert.deepStrictEqual(yield* staff.sync, [])
      const { messages } = yield* history(chen, conversationId)
      assert.deepStrictEqual(
        messages.slice(-2).map((message: { readonly content: string }) => message.content),
        ["在吗 😀", "在的"]
      )
    }).pipe(provide())
  )

  it.effect("carry media and unknown fields unchanged", () =>
    Effect.gen(function* () {
      const { staff, visitor } = yield* served(chen, li)
      const content = { url: "https://a.example/1.png", filename: "猫.png", byte_size: 12, exif: { iso_speed: 100 } }
      yield* visitor.call(101, { message_type: 2, content })
      assert.deepStrictEqual((yield* staff.message(2)).content, content)
      yield* visitor.call(101, { message_type: 11, content: { order_no: "SO-1", title: "Wave 2", price: 899 } })
      assert.strictEqual((yield* staff.message(11)).content.order_no, "SO-1")
    }).pipe(provide())
  )

  it.effect("from staff need a conversation with the recipient", () =>
    Effect.gen(function* () {
      const { staff, visitor, visitorId } = yield* served(chen, li)
      const stranger = yield* dial(wang)
      yield* stranger.send(101, text("hi", visitorId))
      assert.deepStrictEqual(yield* stranger.sync, [])
      assert.deepInclude(yield* lastError, { error: "Conflict", command: "Message" })
      yield* staff.send(101, text("to whom?"))
      assert.deepStrictEqual(yield* staff.sync, [])
      assert.deepInclude(yield* lastError, { error: "BadRequest" })
      assert.deepStrictEqual(yield* visitor.sync, [])
    }).pipe(provide())
  )

  it.effect("move the sender's read mark, and only forward", () =>
    Effect.gen(function* () {
      const { staff, visitor, visitorId, conversationId } = yield* served(chen, li)
      const { message_id: first } = yield* staff.call(101, text("您好", visitorId))
      const { message_id: second } = yield* visitor.call(101, text("你好"))
      yield* visitor.call(104, { message_id: first })
      const { conversations_user: marks } = yield* history(chen, conversationId)
      const markOf = (id: number) =>
        marks.find((mark: { readonly user_id: number }) => mark.user_id === id).latest_read_message_id
      assert.strictEqual(markOf(visitorId), second)
    }).pipe(provide())
  )
})

describe("read receipts and typing", () => {
  it.effect("are relayed to the counterpart", () =>
    Effect.gen(function* () {
      const { staff, visitor, visitorId, conversationId } = yield* served(chen, li)
      const { message_id } = yield* staff.call(101, text("您好", visitorId))
      yield* visitor.call(104, { message_id })
      assert.deepStrictEqual(yield* staff.sync, [
        { event_type: 104, payload: { message_id, conversation_id: conversationId } }
      ])
      const { conversations_user: marks } = yield* history(li, conversationId)
      assert.deepInclude(marks, { user_id: visitorId, latest_read_message_id: message_id })

      yield* visitor.sync
      yield* visitor.call(105, { content: "我想", conversation_id: conversationId, to_id: 0 })
      const [typing] = yield* staff.sync
      assert.deepInclude(typing?.payload, { content: "我想", conversation_id: conversationId, from_id: visitorId })
    }).pipe(provide())
  )

  it.effect("after a transfer come from the new staff only", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const { staff, visitor, conversationId } = yield* served(chen, li)
      const { message_id } = yield* visitor.call(101, text("你好"))
      yield* dial(wang)
      yield* rest(li, "PUT", `/im/conversations/${conversationId}/transfer`, { user_id: 3 })
      yield* visitor.sync
      yield* staff.call(104, { message_id })
      yield* staff.send(105, { content: "x", conversation_id: conversationId })
      yield* staff.sync
      assert.deepStrictEqual(yield* visitor.sync, [])
      assert.deepInclude((yield* sandbox.refusals)[0], { error: "Forbidden", command: "Inputting" })
    }).pipe(provide())
  )

  it.effect("after the end have no effect and are no error", () =>
    Effect.gen(function* () {
      const { staff, visitor, conversationId } = yield* served(chen, li)
      yield* visitor.call(202, { conversation_id: conversationId })
      yield* staff.sync
      yield* visitor.call(105, { content: "x", conversation_id: conversationId })
      assert.deepStrictEqual(yield* staff.sync, [])
    }).pipe(provide())
  )

  it.effect("from non-participants are refused", () =>
    Effect.gen(function* () {
      const { staff, visitor, visitorId, conversationId } = yield* served(chen, li)
      const { message_id } = yield* staff.call(101, text("您好", visitorId))
      yield* visitor.sync
      const stranger = yield* dial(alice)
      yield* stranger.sync
      yield* stranger.send(104, { message_id })
      assert.deepStrictEqual(yield* stranger.sync, [])
      assert.deepInclude(yield* lastError, { error: "Forbidden", command: "Read" })
      yield* stranger.send(105, { content: "x", conversation_id: conversationId })
      assert.deepStrictEqual(yield* stranger.sync, [])
      assert.deepInclude(yield* lastError, { error: "Forbidden", command: "Inputting" })
      yield* stranger.send(104, { message_id: 99_999 })
      yield* stranger.sync
      assert.deepInclude(yield* lastError, { error: "NotFound" })
      assert.deepStrictEqual(yield* staff.sync, [])
    }).pipe(provide())
  )
})

describe("recall", () => {
  it.effect("removes a message from the history and notifies the other side", () =>
    Effect.gen(function* () {
      const { staff, visitor, conversationId } = yield* served(chen, li)
      const { message_id } = yield* visitor.call(101, text("secret"))
      yield* staff.sync
      yield* TestClock.adjust("2 minutes")
      yield* visitor.call(203, { message_id })
      assert.strictEqual((yield* staff.message(103)).content.message_id, message_id)
      assert.deepStrictEqual(yield* visitor.sync, [])
      const { messages } = yield* history(li, conversationId)
      assert.notInclude(JSON.stringify(messages), "secret")
      assert.deepInclude(messages.at(-1), { message_type: 103, content: { message_id } })
      // A second recall succeeds without effect.
      yield* visitor.call(203, { message_id })
      assert.deepStrictEqual(yield* staff.sync, [])
    }).pipe(provide())
  )

  it.effect("is refused for others' messages, too late, and after the end", () =>
    Effect.gen(function* () {
      const { staff, visitor, visitorId, conversationId } = yield* served(chen, li)
      const { message_id } = yield* staff.call(101, text("您好", visitorId))
      yield* visitor.sync
      yield* visitor.send(203, { message_id })
      assert.deepStrictEqual(yield* visitor.sync, [])
      assert.deepInclude(yield* lastError, { error: "Forbidden", command: "Recall" })
      yield* TestClock.adjust("121 seconds")
      yield* staff.send(203, { message_id })
      assert.deepStrictEqual(yield* staff.sync, [])
      assert.deepInclude(yield* lastError, { error: "Conflict" })

      const { message_id: late } = yield* staff.call(101, text("再见", visitorId))
      yield* staff.call(202, { conversation_id: conversationId })
      yield* staff.sync
      yield* staff.send(203, { message_id: late })
      assert.deepStrictEqual(yield* staff.sync, [])
      assert.deepInclude(yield* lastError, { error: "Conflict" })
    }).pipe(provide())
  )
})

describe("the end", () => {
  for (const [who, reason] of [
    ["visitor", 1],
    ["staff", 2]
  ] as const) {
    it.effect(`by the ${who} has reason ${reason} and reaches both sides`, () =>
      Effect.gen(function* () {
        const desk = yield* served(chen, li)
        const payload = { conversation_id: desk.conversationId }
        yield* desk[who].call(202, payload)
        assert.deepStrictEqual((yield* desk.visitor.message(104)).content, { reason })
        assert.deepStrictEqual((yield* desk.staff.message(104)).content, { reason })
        const { state, end_reason, last_staff } = yield* history(chen, desk.conversationId)
        assert.deepStrictEqual([state, end_reason, last_staff.nickname], ["FINISHED", reason, "李静"])
        // The other side closing at the same time is no error.
        yield* desk.visitor.call(202, payload)
        yield* desk.staff.call(202, payload)
        assert.deepStrictEqual([...(yield* desk.visitor.sync), ...(yield* desk.staff.sync)], [])
      }).pipe(provide())
    )
  }

  it.effect("by an administrator has reason 4", () =>
    Effect.gen(function* () {
      const { staff, visitor, conversationId } = yield* served(chen, li)
      const path = `/im/conversations/${conversationId}/terminate`
      assert.strictEqual((yield* rest(li, "PUT", path)).status, 403)
      assert.strictEqual((yield* rest(zhao, "PUT", path)).json.state, "FINISHED")
      assert.deepStrictEqual((yield* visitor.message(104)).content, { reason: 4 })
      assert.deepStrictEqual((yield* staff.message(104)).content, { reason: 4 })
      assert.strictEqual((yield* rest(zhao, "PUT", path)).status, 409)
    }).pipe(provide())
  )

  it.effect("is refused to non-participants", () =>
    Effect.gen(function* () {
      const { visitor, conversationId } = yield* served(chen, li)
      const strangers = [yield* dial(wang), yield* dial(alice)]
      for (const stranger of strangers) {
        yield* stranger.sync
        yield* stranger.send(202, { conversation_id: conversationId })
        assert.deepStrictEqual(yield* stranger.sync, [])
        assert.deepInclude(yield* lastError, { error: "Forbidden", command: "CloseConversation" })
      }
      assert.deepStrictEqual(yield* visitor.sync, [])
    }).pipe(provide())
  )

  it.effect("comes with reason 3 when nobody writes for the time-out", () =>
    Effect.gen(function* () {
      const { staff, visitor, visitorId } = yield* served(chen, li)
      yield* TestClock.adjust("9 minutes")
      yield* staff.call(101, text("还在吗？", visitorId))
      yield* TestClock.adjust("9 minutes")
      yield* staff.sync
      assert.deepStrictEqual(kinds(yield* visitor.sync), [12, 1])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual((yield* visitor.message(104)).content, { reason: 3 })
      assert.deepStrictEqual((yield* staff.message(104)).content, { reason: 3 })
    }).pipe(provide())
  )

  it.effect("spares a visitor who waits in the queue, but not one who has disconnected", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const visitor = yield* dial(chen)
      yield* visitor.call(101, text("人工"))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* rest(zhao, "GET", "/im/pending_count")).json.count, 1)
      yield* visitor.close
      yield* TestClock.adjust("20 minutes")
      assert.strictEqual((yield* rest(zhao, "GET", "/im/pending_count")).json.count, 0)
      assert.strictEqual((yield* sandbox.conversations).at(-1)?.endReason, 3)
    }).pipe(provide())
  )

  it.effect("never comes with an infinite time-out", () =>
    Effect.gen(function* () {
      const visitor = yield* dial(chen)
      yield* visitor.sync
      yield* TestClock.adjust("30 days")
      assert.deepStrictEqual(yield* visitor.sync, [])
    }).pipe(provide({ idleTimeout: Infinity }))
  )
})

describe("the staff's time-out", () => {
  it.effect("is sent once to both sides for each wait", () =>
    Effect.gen(function* () {
      const { staff, visitor, visitorId } = yield* served(chen, li)
      yield* staff.call(101, text("您好", visitorId))
      yield* visitor.sync
      yield* visitor.call(101, text("我的订单呢"))
      yield* TestClock.adjust("2 minutes")
      yield* visitor.call(101, text("还在吗"))
      assert.deepStrictEqual(yield* visitor.sync, [])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(kinds(yield* visitor.sync), [12])
      assert.deepStrictEqual(kinds(yield* staff.sync), [1, 1, 12])
      yield* TestClock.adjust("5 minutes")
      assert.deepStrictEqual(yield* visitor.sync, [])
      yield* staff.call(101, text("在", visitorId))
      yield* visitor.call(101, text("好"))
      yield* TestClock.adjust("3 minutes")
      assert.deepStrictEqual(kinds(yield* visitor.sync), [1, 12])
    }).pipe(provide())
  )

  it.effect("is not sent when staff answer in time", () =>
    Effect.gen(function* () {
      const { staff, visitor, visitorId } = yield* served(chen, li)
      yield* visitor.call(101, text("在吗"))
      yield* TestClock.adjust("30 seconds")
      yield* staff.call(101, text("在", visitorId))
      yield* TestClock.adjust("9 minutes")
      assert.deepStrictEqual(kinds(yield* visitor.sync), [1])
    }).pipe(provide())
  )

  it.effect("counts from the hand-over", () =>
    Effect.gen(function* () {
      const { visitor } = yield* served(chen, li)
      yield* TestClock.adjust("3 minutes")
      assert.deepStrictEqual(kinds(yield* visitor.sync), [12])
    }).pipe(provide())
  )
})

describe("rating", () => {
  it.effect("follows an invitation, reaches the staff, and is accepted once", () =>
    Effect.gen(function* () {
      const { staff, visitor, visitorId, conversationId } = yield* served(chen, li)
      yield* staff.call(204, { user_id: visitorId })
      assert.strictEqual((yield* visitor.message(105)).conversation_id, conversationId)
      const rating = { score: 5, suggestion: "很专业", rating_tag_ids: [9, 10] }
      const { json } = yield* rest(chen, "POST", "/im/rates", rating)
      assert.deepStrictEqual(json, { score: 5, conversation_id: conversationId })
      assert.deepStrictEqual((yield* staff.message(110)).content, rating)
      assert.strictEqual((yield* rest(chen, "POST", "/im/rates", { score: 1 })).status, 409)
      yield* staff.call(204, { user_id: visitorId })
      assert.deepStrictEqual(kinds(yield* staff.sync), [106])
      assert.deepStrictEqual(yield* visitor.sync, [])
    }).pipe(provide())
  )

  it.effect("can be given after the end, but not without staff", () =>
    Effect.gen(function* () {
      const { token } = yield* (yield* Sandbox).createVisitor()
      yield* dial(token)
      assert.strictEqual((yield* rest(token, "POST", "/im/rates", { score: 3 })).status, 409)
      const { visitor, conversationId } = yield* served(chen, li)
      yield* visitor.call(202, { conversation_id: conversationId })
      const { json } = yield* rest(chen, "POST", "/im/rates", { score: 3 })
      assert.strictEqual(json.conversation_id, conversationId)
    }).pipe(provide())
  )

  it.effect("checks scores, tags and the role", () =>
    Effect.gen(function* () {
      yield* served(chen, li)
      assert.deepInclude((yield* rest(chen, "POST", "/im/rates", { score: 6 })).json, { field: "score" })
      const wrong = yield* rest(chen, "POST", "/im/rates", { score: 5, rating_tag_ids: [999] })
      assert.deepInclude(wrong.json, { _tag: "BadRequest", field: "rating_tag_ids" })
      assert.strictEqual((yield* rest(li, "POST", "/im/rates", { score: 5 })).status, 403)
    }).pipe(provide())
  )

  it.effect("invitations come from staff, for a conversation that they serve", () =>
    Effect.gen(function* () {
      const { staff, visitor, visitorId, conversationId } = yield* served(alice, li)
      yield* visitor.send(204, { user_id: visitorId })
      assert.deepStrictEqual(yield* visitor.sync, [])
      assert.deepInclude(yield* lastError, { error: "Forbidden", command: "InviteRate" })
      const stranger = yield* dial(wang)
      yield* stranger.send(204, { user_id: visitorId })
      assert.deepStrictEqual(yield* stranger.sync, [])
      assert.deepInclude(yield* lastError, { error: "Conflict" })
      yield* staff.call(202, { conversation_id: conversationId })
      yield* visitor.sync
      yield* staff.sync
      yield* staff.call(204, { user_id: visitorId })
      assert.deepStrictEqual(kinds(yield* staff.sync), [106])
      assert.deepStrictEqual(yield* visitor.sync, [])
    }).pipe(provide())
  )
})

describe("determinism", () => {
  it.effect("two sandboxes with the same input give the same output", () =>
    Effect.gen(function* () {
      const play = Effect.gen(function* () {
        const { visitor, staff, visitorId } = yield* served(chen, li)
        yield* staff.call(101, text("您好", visitorId))
        yield* TestClock.adjust("1 second")
        const { json: upload } = yield* rest(chen, "POST", "/presign_urls", {
          filename: "a.txt",
          content_type: "text/plain",
          byte_size: 1
        })
        const { json } = yield* rest(chen, "GET", "/im/conversations")
        return [yield* visitor.sync, upload.blob_id, json.conversations[0].messages.length]
      })
      const sandbox = Effect.provide(Sandbox.layer())
      const first = yield* play.pipe(Effect.scoped, sandbox)
      yield* TestClock.setTime(0)
      assert.deepStrictEqual(yield* play.pipe(Effect.scoped, sandbox), first)
    })
  )
})

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import type { InboxConversation } from "../../src/inbox/InboxSnapshot.ts"
import { Cancelled } from "../../src/KefuError.ts"
import { OutboxKey } from "../../src/outbox/OutboxEntry.ts"
import { OutboxState } from "../../src/outbox/OutboxState.ts"
import {
  alice,
  cid,
  conversation,
  entry,
  ids,
  inputting,
  li,
  loaded,
  message,
  mid,
  read,
  recall,
  received,
  resynced,
  uid,
  user
} from "../support/Chat.ts"

const { DeliveryUnknown, Discarded, Failed, Queued, Sending, Sent, Uploading } = OutboxState

const keys = (shown: InboxConversation | undefined) => shown?.messages.map(({ key }) => key)
const deliveries = (shown: InboxConversation | undefined) => shown?.messages.map(({ delivery }) => delivery?._tag)

describe("own sends", () => {
  it.effect("are shown at once, last and in order, and keep their key when the ack brings the id", () =>
    Effect.gen(function* () {
      const { publish, reads, send, shown } = yield* loaded(alice, conversation({ messages: [message(1, li)] }))
      const read = yield* reads(
        Effect.gen(function* () {
          yield* send(entry("a", Queued()))
          yield* send(entry("b", Queued()))
          assert.deepStrictEqual(keys(shown()), ["m1", "a", "b"])
          yield* send(entry("a", Sending()))
        })
      )
      assert.deepStrictEqual(read, [])
      yield* publish(received(message(2, li)))
      assert.deepStrictEqual(keys(shown()), ["m1", "m2", "a", "b"])
      assert.deepStrictEqual(deliveries(shown()), [undefined, undefined, "Sending", "Queued"])
      assert.strictEqual(shown()?.lastMessage?.key, "b")
      yield* send(entry("a", Sent({ id: mid(3) })))
      assert.deepStrictEqual(keys(shown()), ["m1", "m2", "a", "b"])
      assert.deepStrictEqual(ids(shown()), [1, 2, 3, "?"])
      assert.deepStrictEqual(deliveries(shown()), [undefined, undefined, undefined, "Queued"])
      assert.deepInclude(shown()?.messages[2], {
        direction: 0,
        nickname: "Alice",
        isRead: false,
        outboxKey: OutboxKey.make("a")
      })
      assert.deepInclude(shown(), { unreadCount: 0, isNew: false })
    })
  )

  it.effect("become the message that an event or the history brings, and stay one", () =>
    Effect.gen(function* () {
      const { publish, send, shown } = yield* loaded(alice, conversation())
      yield* send(entry("a", Sent({ id: mid(3) })))
      assert.strictEqual(shown()?.messages[0]?.message.content, "a")
      yield* publish(received(message(3, alice, "Text", "a")))
      const told = shown()?.messages[0]
      assert.deepInclude(told, { key: "a", id: mid(3), createdAt: 3000 })
      yield* publish(resynced(conversation({ messages: [message(3, alice, "Text", "a")] })))
      assert.strictEqual(shown()?.messages[0], told)
      assert.lengthOf(shown()?.messages ?? [], 1)
    })
  )

  it.effect("are matched with an event that comes before the ack", () =>
    Effect.gen(function* () {
      const { publish, send, shown } = yield* loaded(
        alice,
        conversation({ messages: [message(1, alice, "Text", "hi")] })
      )
      const hi = { messageType: "Text", content: "hi", conversationId: cid(7) } as const
      yield* send(entry("a", Sending(), hi))
      yield* publish(received(message(2, alice, "Text", "hi")))
      assert.deepStrictEqual(keys(shown()), ["m1", "a"])
      yield* publish(received(message(2, alice, "Text", "hi")))
      assert.deepStrictEqual(keys(shown()), ["m1", "a"])
      yield* send(entry("a", Sent({ id: mid(2) }), hi))
      assert.deepStrictEqual(keys(shown()), ["m1", "a"])
      assert.deepStrictEqual(ids(shown()), [1, 2])
    })
  )

  it.effect("are not matched with older messages, and a wrong match is corrected", () =>
    Effect.gen(function* () {
      const { backend, publish, send, shown } = yield* loaded(alice, conversation({ messages: [message(5, li)] }))
      backend.before = Effect.never
      const hi = { messageType: "Text", content: "hi", conversationId: cid(7) } as const
      yield* send(entry("a", Sending(), hi))
      yield* publish(resynced(conversation({ messages: [message(4, alice, "Text", "hi")] })))
      assert.deepStrictEqual(keys(shown()), ["m4", "m5", "a"])
      yield* publish(received(message(6, alice, "Text", "hi")))
      assert.deepStrictEqual(keys(shown()), ["m4", "m5", "a"])
      yield* send(entry("a", Sent({ id: mid(8) }), hi))
      assert.deepStrictEqual(keys(shown()), ["m4", "m5", "m6", "a"])
      assert.deepStrictEqual(ids(shown()), [4, 5, 6, 8])

      yield* send(entry("b", Sending(), hi))
      yield* publish(received(message(9, alice, "Text", "hi")))
      yield* send(entry("b", DeliveryUnknown({ detail: "?" }), hi))
      assert.deepStrictEqual(keys(shown()), ["m4", "m5", "m6", "a", "m9", "b"])
    })
  )

  it.effect("stay where they failed until they are cancelled or discarded", () =>
    Effect.gen(function* () {
      const { send, shown } = yield* loaded(alice, conversation())
      yield* send(entry("a", Queued()))
      yield* send(entry("b", DeliveryUnknown({ detail: "?" })))
      yield* send(entry("c", Queued()))
      yield* send(entry("a", Failed({ reason: new Cancelled({}) })))
      assert.deepStrictEqual(keys(shown()), ["b", "c"])
      yield* send(entry("b", Discarded()))
      assert.deepStrictEqual(keys(shown()), ["c"])
    })
  )

  it.effect("may have been read or recalled before the ack comes", () =>
    Effect.gen(function* () {
      const { publish, send, shown } = yield* loaded(alice, conversation())
      yield* send(entry("a", Sending()))
      yield* publish(read(3), received(recall(4, alice, 3)))
      yield* send(entry("a", Sent({ id: mid(3) })))
      assert.deepInclude(shown()?.messages[0], { isRead: true, isRecalled: true })
    })
  )

  it.effect("find their conversation if they do not name it", () =>
    Effect.gen(function* () {
      const bare = { messageType: "Text", content: "hello" } as const
      const visitor = yield* loaded(alice)
      yield* visitor.send(entry("a", Queued(), bare))
      assert.deepStrictEqual(visitor.inbox.getSnapshot().conversations, [])
      yield* visitor.publish(resynced(conversation({ id: cid(6), state: "FINISHED" }), conversation()))
      assert.deepStrictEqual(keys(visitor.shown()), ["a"])
      assert.deepStrictEqual(keys(visitor.shown(6)), [])

      const bob = user(9, "CUSTOMER", "Bob")
      const staff = yield* loaded(li, conversation(), conversation({ id: cid(8), customer: bob }))
      yield* staff.send(entry("a", Queued(), { ...bare, toId: bob.id }))
      assert.deepStrictEqual(keys(staff.shown(8)), ["a"])
      yield* staff.send(entry("b", Queued(), { ...bare, toId: alice.id }))
      assert.deepStrictEqual(keys(staff.shown(7)), ["b"])
      yield* staff.send(entry("c", Queued(), { ...bare, toId: uid(77) }))
      assert.deepStrictEqual(staff.inbox.getSnapshot().conversations.map(keys), [["a"], ["b"]])
    })
  )

  it.effect("that arrive after the end belong to another conversation", () =>
    Effect.gen(function* () {
      const { backend, publish, reads, send, shown } = yield* loaded(alice, conversation())
      backend.before = Effect.never
      yield* send(entry("a", Sending()))
      yield* send(entry("b", Sending()))
      yield* publish(received(message(5, li, "ConversationEnd", { reason: 2 })))
      assert.deepStrictEqual(yield* reads(send(entry("a", Sent({ id: mid(4) })))), [])
      assert.deepStrictEqual(yield* reads(send(entry("b", Sent({ id: mid(6) })))), [7])
      assert.deepStrictEqual(keys(shown()), ["a", "m5", "b"])
      const next = conversation({
        id: cid(8),
        messages: [message(6, alice, "Text", "b", 8), message(7, li, "Text", "?", 8)]
      })
      yield* publish(resynced(next))
      assert.deepStrictEqual(keys(shown()), ["a", "m5"])
      assert.deepStrictEqual(keys(shown(8)), ["b", "m7"])
    })
  )

  it.effect("that name an ended conversation stay visible, and the one in which they arrived is read", () =>
    Effect.gen(function* () {
      const ended = conversation({ state: "FINISHED", messages: [message(5, li)] })
      const { backend, called, send, shown } = yield* loaded(alice, ended)
      const next = conversation({ id: cid(8), messages: [message(6, alice, "Text", "a", 8)] })
      yield* send(entry("a", Queued()))
      yield* send(entry("a", Sending()))
      assert.deepStrictEqual(keys(shown()), ["m5", "a"])
      backend.before = Effect.sleep("1 second")
      backend.conversations = [ended, next]
      yield* send(entry("a", Sent({ id: mid(6) })))
      assert.deepStrictEqual(ids(shown()), [5, 6])
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(ids(shown()), [5])
      assert.deepStrictEqual(keys(shown(8)), ["a"])
      assert.lengthOf(called("current"), 2)
    })
  )

  it.effect("whose conversation is not known yet are listed apart, until it is", () =>
    Effect.gen(function* () {
      const bare = { messageType: "Text", content: "hello" } as const
      const { backend, called, inbox, send, shown } = yield* loaded(alice)
      const unplaced = () => inbox.getSnapshot().unplaced.map(({ key, state }) => [key, state._tag])
      assert.deepStrictEqual(unplaced(), [])
      yield* send(entry("a", Queued(), bare))
      yield* send(entry("b", Queued(), bare))
      assert.deepStrictEqual(unplaced(), [
        ["a", "Queued"],
        ["b", "Queued"]
      ])
      const before = inbox.getSnapshot().unplaced
      yield* inbox.refresh
      assert.strictEqual(inbox.getSnapshot().unplaced, before)
      yield* send(entry("a", Sending(), bare))
      backend.conversations = [conversation({ messages: [message(3, alice, "Text", "hello")] })]
      yield* send(entry("a", Sent({ id: mid(3) }), bare))
      assert.lengthOf(called("current"), 3)
      assert.deepStrictEqual(unplaced(), [])
      assert.deepStrictEqual(keys(shown()), ["a", "b"])
    })
  )

  it.effect("into a conversation that is not known cause it to be read", () =>
    Effect.gen(function* () {
      const { backend, send, shown } = yield* loaded(alice, conversation())
      backend.conversations = [
        conversation({ id: cid(6), state: "FINISHED", messages: [message(1, li, "Text", "a", 6)] })
      ]
      yield* send(entry("a", Queued(), { messageType: "Text", content: "a", conversationId: cid(6) }))
      assert.deepStrictEqual(keys(shown(6)), ["m1", "a"])
      assert.strictEqual(shown(6)?.state, "FINISHED")
    })
  )

  it.effect("whose outcome was unknown become the message that has arrived, once the outbox has found it", () =>
    Effect.gen(function* () {
      const { publish, send, shown } = yield* loaded(alice, conversation())
      yield* send(entry("a", Sending()))
      yield* send(entry("a", DeliveryUnknown({ detail: "?" })))
      yield* publish(received(message(3, alice, "Text", "a")))
      yield* send(entry("a", Sent({ id: mid(3) })))
      assert.deepStrictEqual(ids(shown()), [3])
      assert.deepInclude(shown()?.messages[0], { outboxKey: OutboxKey.make("a"), delivery: undefined })
    })
  )

  it.effect("show files while they are uploaded", () =>
    Effect.gen(function* () {
      const { send, shown } = yield* loaded(alice, conversation())
      const file = { messageType: "Image", conversationId: cid(7), file: new Blob(["x"]) } as const
      yield* send(entry("a", Uploading({ loaded: 1, total: 4 }), file))
      assert.deepInclude(shown()?.messages[0]?.delivery, { _tag: "Uploading", loaded: 1, total: 4 })
      assert.strictEqual(shown()?.messages[0]?.message.messageType, "Image")
    })
  )

  it.effect("do not make the array of messages anew when something else changes", () =>
    Effect.gen(function* () {
      const { publish, send, shown } = yield* loaded(alice, conversation({ messages: [message(1, li)] }))
      yield* send(entry("a", Queued()))
      const before = shown()
      const messages = before?.messages
      yield* publish(inputting("h", { fromId: li.id }))
      assert.notStrictEqual(shown(), before)
      assert.strictEqual(shown()?.messages, messages)
      yield* send(entry("a", Sending()))
      assert.notStrictEqual(shown()?.messages, messages)
    })
  )
})

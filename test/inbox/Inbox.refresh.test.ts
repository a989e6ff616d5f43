/**
 * What the state shows after the backend was read again.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { Conversation } from "../../src/domain/Conversation.ts"
import type { InboxConversation } from "../../src/inbox/InboxSnapshot.ts"
import { OutboxState } from "../../src/outbox/OutboxState.ts"
import { RealtimeEvent } from "../../src/realtime/RealtimeEvent.ts"
import {
  alice,
  begun,
  built,
  cid,
  conversation,
  entry,
  ids,
  li,
  loaded,
  marks,
  message,
  mid,
  recall,
  received,
  resynced,
  settle,
  wang
} from "../support/Chat.ts"

type Chat = Effect.Success<ReturnType<typeof loaded>>

const decodeConversation = Schema.decodeUnknownSync(Conversation)

const texts = (shown: InboxConversation | undefined) => shown?.messages.map((item) => item.message.content)

/** The two ways in which everything is read again: by the app, and after a lost connection. */
const ways = {
  "a refresh": ({ backend, inbox }: Chat, now: Conversation) => {
    backend.conversations = [now]
    return inbox.refresh
  },
  "a lost connection": ({ backend, connected, publish }: Chat, now: Conversation) => {
    backend.conversations = [now]
    return publish(RealtimeEvent.StateChanged({ state: connected }), resynced(now))
  }
}

describe.each(Object.entries(ways))("after %s", (_, readAgain) => {
  const page = [message(1, li), message(2, li), message(3, alice), message(4, li)]

  it.effect("a message shows its latest version, in its place", () =>
    Effect.gen(function* () {
      const chat = yield* loaded(alice, conversation({ messages: page }))
      const { shown } = chat
      const before = shown()?.messages
      yield* readAgain(chat, conversation({ messages: page.with(1, message(2, li, "Text", "***")) }))
      assert.deepStrictEqual(texts(shown()), ["message 1", "***", "message 3", "message 4"])
      assert.strictEqual(shown()?.messages[1]?.key, before?.[1]?.key)
      assert.deepStrictEqual(
        shown()?.messages.map((item, index) => item === before?.[index]),
        [true, false, true, true]
      )
    })
  )

  it.effect("an own send shows its latest version under the same key", () =>
    Effect.gen(function* () {
      const chat = yield* loaded(alice, conversation({ messages: page }))
      yield* chat.send(entry("a", OutboxState.Sent({ id: mid(5) })))
      yield* chat.publish(received(message(5, alice, "Text", "a")))
      yield* readAgain(chat, conversation({ messages: [...page, message(5, alice, "Text", "***")] }))
      assert.strictEqual(texts(chat.shown())?.at(-1), "***")
      assert.strictEqual(chat.shown()?.messages.at(-1)?.key, "a")
    })
  )

  it.effect("a message that the backend no longer has is gone, wherever it was, and does not count as unread", () =>
    Effect.gen(function* () {
      for (const [removed, unreadCount] of [
        [2, 1],
        [4, 0],
        [3, 1]
      ] as const) {
        const chat = yield* loaded(alice, conversation({ messages: page, conversationsUser: marks([alice, 3]) }))
        const left = page.filter(({ id }) => id !== removed)
        yield* readAgain(chat, conversation({ messages: left, conversationsUser: marks([alice, 3]) }))
        assert.deepStrictEqual(
          ids(chat.shown()),
          left.map(({ id }) => Number(id))
        )
        assert.strictEqual(chat.shown()?.unreadCount, unreadCount)
        assert.strictEqual(chat.inbox.getSnapshot().unreadCount, unreadCount)
      }
    })
  )

  it.effect("messages before the page stay, and so do recalled ones and those of the system", () =>
    Effect.gen(function* () {
      const busy = message(6, undefined, "StaffBusyEvent")
      const chat = yield* loaded(alice, conversation({ messages: [...page, message(5, li), busy] }))
      chat.backend.conversations = [conversation({ messages: [...page, message(5, li), busy] })]
      yield* chat.publish(received(recall(7, li, 5)))
      yield* readAgain(chat, conversation({ messages: page.slice(2) }))
      assert.deepStrictEqual(ids(chat.shown()), [1, 2, 3, 4, 5, 6, 7])
      yield* readAgain(chat, conversation({ messages: [] }))
      assert.deepStrictEqual(ids(chat.shown()), [1, 2, 3, 4, 5, 6, 7])
    })
  )

  it.effect("no message goes because the page holds an element that makes no sense", () =>
    Effect.gen(function* () {
      const chat = yield* loaded(alice, conversation({ messages: page }))
      const odd = decodeConversation({
        id: 7,
        messages: [1, 2, "odd", 4].map((id) => ({ id, from_id: 3, message_type: 1, content: `message ${id}` }))
      })
      yield* readAgain(chat, odd)
      assert.deepStrictEqual(ids(chat.shown()), [1, 2, 3, 4])
    })
  )
})

describe("a refresh", () => {
  it.effect("keeps what arrives while it reads", () =>
    Effect.gen(function* () {
      const { backend, inbox, publish, shown } = yield* loaded(alice, conversation({ messages: [message(1, li)] }))
      const latch = Latch.makeUnsafe(false)
      backend.before = latch.await
      const refresh = yield* Effect.forkChild(inbox.refresh)
      yield* settle
      yield* publish(received(message(2, li)))
      yield* Effect.andThen(latch.open, Fiber.join(refresh))
      assert.deepStrictEqual(ids(shown()), [1, 2])
    })
  )

  it.effect("ends when everything is up to date: also the conversations that are not in the list any more", () =>
    Effect.gen(function* () {
      const { backend, inbox, shown } = yield* loaded(li, conversation(), conversation({ id: cid(8) }))
      const ended = conversation({ state: "FINISHED", messages: [message(3, li)] })
      backend.before = Effect.sleep("1 second")
      backend.listed = []
      backend.conversations = [ended]
      const refresh = yield* Effect.forkChild(inbox.refresh)
      yield* TestClock.adjust("1 second")
      yield* settle
      assert.isUndefined(refresh.pollUnsafe())
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(refresh)
      assert.deepInclude(shown(), { state: "FINISHED", isFresh: true })
      assert.deepStrictEqual(ids(shown()), [3])
      assert.isUndefined(shown(8))
    })
  )
})

describe("a conversation that was transferred to a colleague", () => {
  const mine = conversation({ messages: [message(1, alice)] })
  const theirs = conversation({ lastStaff: wang, messages: [message(1, alice)] })
  const transfer = received(message(2, li, "ConversationTransfer", { from_user_id: 3, to_user_id: 4 }))

  it.effect("leaves the list and the unread count of the one who served it", () =>
    Effect.gen(function* () {
      const other = conversation({ id: cid(8), messages: [message(9, alice, "Text", "a", 8)] })
      const { backend, inbox, publish, shown } = yield* loaded(li, mine, other)
      assert.strictEqual(inbox.getSnapshot().unreadCount, 2)
      backend.listed = [other]
      backend.conversations = [theirs, other]
      yield* publish(transfer, received(built(3, wang)))
      assert.isUndefined(shown())
      assert.strictEqual(inbox.getSnapshot().unreadCount, 1)
    })
  )

  it.effect("leaves it although the transfer went unnoticed", () =>
    Effect.gen(function* () {
      const { backend, inbox, publish, shown } = yield* loaded(li, mine)
      backend.listed = []
      backend.conversations = [theirs]
      yield* publish(resynced())
      assert.isUndefined(shown())
      assert.strictEqual(inbox.getSnapshot().unreadCount, 0)
    })
  )

  it.effect("stays as long as the backend lists it as current, and comes back when it is transferred back", () =>
    Effect.gen(function* () {
      const { backend, publish, shown } = yield* loaded(li, mine)
      backend.conversations = [theirs]
      yield* publish(transfer)
      assert.deepInclude(shown(), { state: "ACTIVE", isFresh: true })
      backend.listed = []
      yield* publish(RealtimeEvent.Lagged({ dropped: 1 }))
      assert.isUndefined(shown())
      backend.listed = undefined
      backend.conversations = [mine]
      yield* publish(received(message(5, alice)))
      assert.deepInclude(shown(), { state: "ACTIVE", isFresh: true })
    })
  )

  it.effect("stays if the app asked for it by id, and it was never this account's", () =>
    Effect.gen(function* () {
      const { backend, inbox, publish, shown } = yield* loaded(li)
      backend.listed = []
      backend.conversations = [theirs]
      yield* inbox.conversation(cid(7))
      yield* publish(resynced())
      yield* inbox.refresh
      assert.deepStrictEqual(ids(shown()), [1])
    })
  )
})

describe("the total unread count", () => {
  it.effect("does not grow as the app reads ended conversations", () =>
    Effect.gen(function* () {
      const { backend, inbox, shown } = yield* begun(alice)
      const past = (id: number) =>
        conversation({ id: cid(id), state: "FINISHED", messages: [message(id, li, "Text", "a", id)] })
      backend.past = [past(3), past(2)]
      yield* inbox.loadMore()
      backend.conversations = [past(1)]
      yield* inbox.conversation(cid(1))
      assert.deepStrictEqual(
        [1, 2, 3].map((id) => shown(id)?.unreadCount),
        [1, 1, 1]
      )
      assert.strictEqual(inbox.getSnapshot().unreadCount, 0)
    })
  )

  it.effect("keeps what was unread when a conversation ended, and counts one that began again", () =>
    Effect.gen(function* () {
      const past = conversation({ id: cid(3), state: "FINISHED", messages: [message(1, li, "Text", "a", 3)] })
      const { backend, inbox, publish } = yield* begun(alice)
      yield* publish(received(message(5, li)), received(message(6, li, "ConversationEnd", { reason: 2 })))
      assert.strictEqual(inbox.getSnapshot().unreadCount, 1)
      backend.past = [past]
      yield* inbox.loadMore()
      assert.strictEqual(inbox.getSnapshot().unreadCount, 1)
      yield* publish(resynced({ ...past, state: "ACTIVE" }))
      assert.strictEqual(inbox.getSnapshot().unreadCount, 2)
    })
  )
})

describe("the counterpart of a fresh conversation", () => {
  it.effect("is known to the staff as soon as the visitor has joined", () =>
    Effect.gen(function* () {
      const { backend, publish, shown } = yield* loaded(li)
      backend.before = Effect.never
      yield* publish(received(built(1, alice)))
      assert.deepStrictEqual(shown()?.counterpart, alice)
    })
  )
})

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as TestClock from "effect/testing/TestClock"
import { AckTimeout, Forbidden, NotConnected, ServerFault } from "../../src/KefuError.ts"
import { ConnectionState } from "../../src/realtime/ConnectionState.ts"
import { RealtimeEvent } from "../../src/realtime/RealtimeEvent.ts"
import * as Chat from "../support/Chat.ts"
import {
  alice,
  begun,
  built,
  cid,
  conversation,
  failure,
  ids,
  li,
  marks,
  message,
  mid,
  recall,
  received,
  resynced,
  robot,
  settle,
  wang
} from "../support/Chat.ts"

const unavailable = failure(new ServerFault({ status: 503 }))

describe("reading again", () => {
  it.effect("follows a change of the conversation, once for several events", () =>
    Effect.gen(function* () {
      const { backend, called, publish, shown } = yield* begun(alice)
      const latch = Latch.makeUnsafe(false)
      backend.before = latch.await
      backend.conversations = [conversation({ lastStaff: wang })]
      yield* publish(received(message(1, li, "ConversationTransfer", {})), received(built(2, wang)))
      yield* publish(received(message(3, wang, "ManualServiceStart")))
      assert.strictEqual(called("get").length, 1)
      yield* Effect.andThen(latch.open, settle)
      assert.strictEqual(called("get").length, 2)
      assert.deepStrictEqual(shown()?.counterpart, wang)
      assert.deepStrictEqual(ids(shown()), [1, 2, 3])
    })
  )

  it.effect("does not trust a read that began before a change", () =>
    Effect.gen(function* () {
      const { backend, publish, shown } = yield* begun(alice)
      const latch = Latch.makeUnsafe(false)
      backend.before = latch.await
      const states: Array<unknown> = []
      yield* publish(received(message(1, undefined, "StaffBusyEvent")))
      yield* publish(received(message(2, undefined, "StaffOfflineEvent")))
      backend.conversations = [conversation({ state: "PENDING", lastStaff: null, messages: [message(1, li)] })]
      yield* Effect.andThen(latch.open, settle)
      states.push(shown()?.state)
      assert.deepStrictEqual(states, ["PENDING"])
    })
  )

  it.effect("adds an unknown conversation", () =>
    Effect.gen(function* () {
      const { backend, publish, shown } = yield* begun(li)
      backend.conversations = [
        conversation(),
        conversation({ id: cid(8), messages: [message(1, alice, "Text", "a", 8)] })
      ]
      yield* publish(received(message(2, alice, "Text", "b", 8)))
      assert.deepStrictEqual(ids(shown(8)), [1, 2])
      assert.isTrue(shown(8)?.isFresh)
    })
  )

  it.effect("reads what may have been missed: in one conversation or in all", () =>
    Effect.gen(function* () {
      const { backend, called, publish, shown } = yield* begun(alice)
      backend.conversations = [conversation({ messages: [message(1, li)] })]
      yield* publish(RealtimeEvent.GapUnresolved({ conversationId: cid(7), detail: "" }))
      assert.deepStrictEqual(
        called("get").map((call) => call.with),
        [cid(7)]
      )
      assert.deepStrictEqual(ids(shown()), [1])
      backend.conversations = [conversation({ messages: [message(1, li), message(2, li)] })]
      yield* publish(RealtimeEvent.Lagged({ dropped: 3 }))
      assert.deepStrictEqual(ids(shown()), [1, 2])
      backend.conversations = [conversation({ messages: [message(3, li)] })]
      yield* publish(RealtimeEvent.GapUnresolved({ conversationId: undefined, detail: "" }))
      assert.deepStrictEqual(ids(shown()), [1, 2, 3])
      assert.lengthOf(called("current"), 3)
    })
  )

  it.effect("marks the conversation as out of date until a read succeeds", () =>
    Effect.gen(function* () {
      const { backend, publish, shown } = yield* begun(alice)
      backend.before = Effect.fail(unavailable)
      yield* publish(RealtimeEvent.GapUnresolved({ conversationId: cid(7), detail: "" }))
      yield* TestClock.adjust("5 minutes")
      assert.isFalse(shown()?.isFresh)
      backend.before = Effect.void
      yield* TestClock.adjust("30 seconds")
      assert.isTrue(shown()?.isFresh)
    })
  )

  it.effect("merges the conversations of a reconnect, and reads those that are not among them", () =>
    Effect.gen(function* () {
      const { backend, called, publish, shown } = yield* begun(li)
      backend.conversations = [conversation({ state: "FINISHED" }), conversation({ id: cid(8) })]
      yield* publish(resynced(conversation({ id: cid(8), messages: [message(1, alice, "Text", "a", 8)] })))
      assert.deepStrictEqual(
        called("get").map((call) => call.with),
        [cid(7)]
      )
      assert.strictEqual(shown(7)?.state, "FINISHED")
      assert.deepStrictEqual(ids(shown(8)), [1])
    })
  )

  it.effect("removes a conversation that the backend no longer shows", () =>
    Effect.gen(function* () {
      const { backend, inbox, publish, shown } = yield* begun(li)
      backend.conversations = []
      yield* publish(resynced())
      assert.deepStrictEqual(inbox.getSnapshot().conversations, [])
      assert.isUndefined(shown())
      backend.before = Effect.fail(failure(new Forbidden({ detail: "not yours" })))
      yield* publish(received(message(1, alice)))
      assert.deepStrictEqual(ids(shown()), [1])
      assert.isFalse(shown()?.isFresh)
    })
  )

  it.effect("reads everything after each connection if catch-up is off", () =>
    Effect.gen(function* () {
      const { backend, called, connected, enter, shown } = yield* begun(alice, { catchUp: false })
      assert.lengthOf(called("current"), 2)
      backend.conversations = [conversation({ messages: [message(1, li)] })]
      yield* enter(ConnectionState.Connecting({ attempt: 0 }))
      yield* enter({ ...connected, connection: 2 })
      assert.deepStrictEqual(ids(shown()), [1])
    })
  )

  it.effect("happens on request", () =>
    Effect.gen(function* () {
      const { backend, inbox, shown } = yield* begun(alice)
      backend.me = Effect.succeed({ ...alice, nickname: "Alicia" })
      backend.conversations = [
        conversation({ messages: [message(1, alice)], users: [{ ...alice, nickname: "Alicia" }, li] })
      ]
      yield* inbox.refresh
      assert.strictEqual(shown()?.messages[0]?.nickname, "Alicia")
      backend.before = Effect.fail(unavailable)
      const error = yield* Effect.flip(inbox.refresh)
      assert.deepStrictEqual([error.method, error.reason], ["Inbox.refresh", unavailable.reason])
    })
  )
})

describe("marking as read", () => {
  const unread = [message(1, li), message(2, li), message(3, alice), message(4, undefined, "StaffBusyEvent")]

  const chat = Effect.gen(function* () {
    const chat = yield* Chat.make(alice)
    chat.backend.conversations = [conversation({ messages: unread })]
    yield* chat.inbox.snapshot
    yield* settle
    return chat
  })

  it.effect("reports the latest received message to the backend once, and counts at once", () =>
    Effect.gen(function* () {
      const { backend, called, inbox, shown } = yield* chat
      const latch = Latch.makeUnsafe(false)
      backend.acknowledge = latch.await
      assert.deepInclude(shown(), { unreadCount: 2, isNew: true })
      const fiber = yield* Effect.forkChild(inbox.markRead(cid(7)), { startImmediately: true })
      assert.deepInclude(shown(), { unreadCount: 0, isNew: false, readUpTo: 4 })
      yield* inbox.markRead(cid(7))
      yield* Effect.andThen(latch.open, Fiber.join(fiber))
      yield* inbox.markRead(cid(7))
      yield* inbox.markRead(cid(99))
      assert.deepStrictEqual(
        called("read").map((call) => call.with),
        [mid(4)]
      )
      assert.strictEqual(inbox.getSnapshot().unreadCount, 0)
    })
  )

  it.effect("is undone if the command fails or is interrupted", () =>
    Effect.gen(function* () {
      const { backend, inbox, shown } = yield* chat
      backend.acknowledge = Effect.fail(failure(new NotConnected({ detail: "" })))
      const error = yield* Effect.flip(inbox.markRead(cid(7)))
      assert.deepStrictEqual([error.method, error.reason._tag], ["Inbox.markRead", "NotConnected"])
      assert.deepInclude(shown(), { unreadCount: 2, isNew: true })
      backend.acknowledge = Effect.never
      const fiber = yield* Effect.forkChild(inbox.markRead(cid(7)), { startImmediately: true })
      assert.strictEqual(shown()?.unreadCount, 0)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(shown()?.unreadCount, 2)
    })
  )

  it.effect("reports a robot's messages too, which count as read already", () =>
    Effect.gen(function* () {
      const { backend, called, inbox, shown } = yield* Chat.make(alice)
      backend.conversations = [conversation({ lastStaff: robot, messages: [message(5, robot)] })]
      yield* inbox.ready
      assert.strictEqual(shown()?.unreadCount, 0)
      yield* inbox.markRead(cid(7))
      assert.deepStrictEqual(
        called("read").map((call) => call.with),
        [mid(5)]
      )
    })
  )
})

describe("recalling", () => {
  it.effect("marks the message once the backend has acknowledged it", () =>
    Effect.gen(function* () {
      const { backend, inbox, publish, shown } = yield* begun(alice)
      yield* publish(received(message(1, alice)), received(message(2, alice)))
      backend.acknowledge = Effect.fail(failure(new NotConnected({ detail: "" })))
      assert.strictEqual((yield* Effect.flip(inbox.recall(mid(1)))).method, "Inbox.recall")
      backend.acknowledge = Effect.void
      yield* inbox.recall(mid(2))
      yield* publish(received(recall(3, alice, 2)))
      assert.deepStrictEqual(
        shown()?.messages.map(({ isRecalled }) => isRecalled),
        [false, true, false]
      )
    })
  )
})

describe("a command without an ack", () => {
  it.effect("may have been executed: the conversation is read again", () =>
    Effect.gen(function* () {
      const { backend, called, inbox, publish, shown } = yield* begun(alice)
      yield* publish(received(message(1, alice)), received(message(2, li)))
      backend.acknowledge = Effect.fail(failure(new AckTimeout({ afterMillis: 1, sequenceId: 1 })))
      backend.conversations = [conversation({ messages: [message(2, li), recall(3, alice, 1)] })]
      yield* Effect.flip(inbox.recall(mid(1)))
      yield* settle
      assert.isTrue(shown()?.messages[0]?.isRecalled)
      backend.conversations = [conversation({ conversationsUser: marks([alice, 3]) })]
      yield* Effect.flip(inbox.markRead(cid(7)))
      yield* settle
      assert.strictEqual(shown()?.unreadCount, 0)
      assert.lengthOf(called("get"), 2)
    })
  )
})

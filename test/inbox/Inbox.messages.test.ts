import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import type { InboxConversation } from "../../src/inbox/InboxSnapshot.ts"
import { RealtimeEvent } from "../../src/realtime/RealtimeEvent.ts"
import {
  alice,
  built,
  cid,
  conversation,
  ids,
  li,
  loaded,
  marks,
  message,
  mid,
  read,
  recall,
  received,
  resynced,
  robot,
  user,
  wang
} from "../support/Chat.ts"

const flags = (
  shown: InboxConversation | undefined,
  flag: "direction" | "isRead" | "isRecalled" | "nickname" | "isSystemMessage"
) => shown?.messages.map((item) => item[flag])

describe("a visitor's conversation", () => {
  const page = [
    message(1, robot, "ConversationBuilt", { user_id: 2 }),
    message(2, alice),
    message(3, robot, "RobotCanAnswerMessage", "an answer"),
    message(4, alice),
    message(5, li),
    message(6, undefined, "StaffBusyEvent"),
    message(7, li)
  ]

  it.effect("distinguishes sent from received messages, and names the senders", () =>
    Effect.gen(function* () {
      const { shown } = yield* loaded(alice, conversation({ messages: page }))
      assert.deepStrictEqual(flags(shown(), "direction"), [1, 0, 1, 0, 1, 1, 1])
      assert.deepStrictEqual(flags(shown(), "isSystemMessage"), [true, false, false, false, false, true, false])
      assert.deepStrictEqual(flags(shown(), "nickname"), [
        "Robot",
        "Alice",
        "Robot",
        "Alice",
        "李静",
        undefined,
        "李静"
      ])
      assert.deepStrictEqual(ids(shown()), [1, 2, 3, 4, 5, 6, 7])
      assert.strictEqual(shown()?.lastMessage?.id, 7)
      assert.deepStrictEqual(shown()?.counterpart, li)
    })
  )

  it.effect("completes a user that a message names only by id", () =>
    Effect.gen(function* () {
      const { shown } = yield* loaded(alice, conversation({ messages: page }))
      const first = shown()?.messages[0]
      assert.deepInclude(first?.message.content, { userId: 2, nickname: "Robot", userType: "ROBOT" })
    })
  )

  it.effect("uses the read mark of whoever serves it", () =>
    Effect.gen(function* () {
      const { publish, shown } = yield* loaded(
        alice,
        conversation({ messages: page, conversationsUser: marks([li, 2], [wang, 9]) })
      )
      assert.deepStrictEqual(flags(shown(), "isRead"), [true, true, true, false, true, true, true])
      yield* publish(read(4))
      assert.deepStrictEqual(flags(shown(), "isRead"), [true, true, true, true, true, true, true])
    })
  )

  it.effect("counts received messages beyond the own mark, but no system messages", () =>
    Effect.gen(function* () {
      const counts: Array<number | undefined> = []
      for (const mark of [0, 2, 3, 5, 7, 99]) {
        const { shown } = yield* loaded(
          alice,
          conversation({ messages: page, conversationsUser: marks([alice, mark]) })
        )
        counts.push(shown()?.unreadCount)
      }
      assert.deepStrictEqual(counts, [3, 3, 2, 1, 0, 0])
      const unmarked = yield* loaded(alice, conversation({ messages: page }))
      assert.strictEqual(unmarked.shown()?.unreadCount, 3)
      assert.strictEqual(unmarked.inbox.getSnapshot().unreadCount, 3)
    })
  )

  it.effect("is new without a mark, unless it has ended", () =>
    Effect.gen(function* () {
      const isNew = (fields: Parameters<typeof conversation>[0]) =>
        Effect.map(loaded(alice, conversation(fields)), ({ shown }) => shown()?.isNew)
      assert.isTrue(yield* isNew({}))
      assert.isFalse(yield* isNew({ state: "FINISHED" }))
      assert.isFalse(yield* isNew({ conversationsUser: marks([alice, 1]) }))
    })
  )

  it.effect("counts as read while a robot serves it, and stays so at the hand-over", () =>
    Effect.gen(function* () {
      const { backend, publish, reads, shown } = yield* loaded(
        alice,
        conversation({ lastStaff: robot, messages: page.slice(0, 3) })
      )
      assert.isTrue(shown()?.isServedByRobot)
      assert.isTrue(flags(shown(), "isRead")?.every(Boolean))
      assert.strictEqual(shown()?.unreadCount, 0)
      yield* publish(received(message(4, alice)), received(message(5, robot, "RobotNotAnswerMessage", "pardon?")))
      assert.isTrue(flags(shown(), "isRead")?.every(Boolean))
      assert.strictEqual(shown()?.unreadCount, 0)

      backend.before = Effect.never
      assert.deepStrictEqual(yield* reads(publish(received(message(6, li, "ManualServiceStart")))), [7])
      assert.isFalse(shown()?.isServedByRobot)
      yield* publish(received(message(7, li)), received(message(8, alice)))
      assert.deepStrictEqual(flags(shown(), "isRead"), [true, true, true, true, true, true, true, false])
      assert.deepInclude(shown(), { state: "ACTIVE", counterpart: li, unreadCount: 0 })
    })
  )

  it.effect("counts what comes as unread, and what came before an own message as read", () =>
    Effect.gen(function* () {
      const { publish, shown } = yield* loaded(alice, conversation())
      yield* publish(received(message(1, li)), received(message(2, li)))
      assert.strictEqual(shown()?.unreadCount, 2)
      yield* publish(received(message(3, alice)))
      assert.deepInclude(shown(), { unreadCount: 0, readUpTo: 3, isNew: false })
      yield* publish(received(message(4, li)))
      assert.strictEqual(shown()?.unreadCount, 1)
    })
  )

  it.effect("follows who serves it: built, transferred, ended", () =>
    Effect.gen(function* () {
      const { backend, inbox, publish, reads, shown } = yield* loaded(
        alice,
        conversation({ state: "PENDING", lastStaff: null, users: [alice, robot] })
      )
      assert.isUndefined(shown()?.counterpart)
      backend.before = Effect.sleep("1 second")
      backend.conversations = [conversation({ lastStaff: wang })]
      assert.deepStrictEqual(yield* reads(publish(received(built(1, wang)))), [7])
      assert.deepInclude(shown(), { state: "ACTIVE", counterpart: wang })
      assert.deepStrictEqual(inbox.getSnapshot().users.get(wang.id), wang)
      yield* TestClock.adjust("1 minute")
      const transfer = message(2, wang, "ConversationTransfer", { to_user_id: 3 })
      assert.deepStrictEqual(yield* reads(publish(received(transfer))), [7])
      yield* TestClock.adjust("1 minute")
      const end = message(3, undefined, "ConversationEnd", { reason: 3 })
      assert.deepStrictEqual(yield* reads(publish(received(end))), [])
      assert.strictEqual(shown()?.state, "FINISHED")
      assert.strictEqual(shown()?.details.endReason, 3)
    })
  )

  it.effect("is read again after a message that does not fit: of an unknown sender, or of staff while it waits", () =>
    Effect.gen(function* () {
      const stranger = user(50, "STAFF", "new")
      const { backend, publish, reads, shown } = yield* loaded(alice, conversation())
      assert.deepStrictEqual(yield* reads(publish(received(message(1, stranger)))), [7])
      assert.deepStrictEqual(yield* reads(publish(received(message(2, stranger)))), [])
      yield* publish(resynced(conversation({ users: [alice, li, stranger] })))
      assert.deepStrictEqual(flags(shown(), "nickname"), ["new", "new"])
      yield* TestClock.adjust("1 minute")
      backend.conversations = [conversation({ state: "PENDING", lastStaff: null })]
      yield* publish(RealtimeEvent.GapUnresolved({ conversationId: cid(7), detail: "" }))
      assert.strictEqual(shown()?.state, "PENDING")
      assert.deepStrictEqual(yield* reads(publish(received(message(3, li)))), [7])
    })
  )
})

describe("the staff's availability", () => {
  const busy = message(2, undefined, "StaffBusyEvent")
  const offline = message(3, undefined, "StaffOfflineEvent")
  const waiting = { state: "PENDING", lastStaff: null } as const

  it.effect("is busy or offline, as the backend said last, until somebody serves the visitor", () =>
    Effect.gen(function* () {
      const { backend, publish, shown } = yield* loaded(alice, conversation(waiting))
      assert.isUndefined(shown()?.staffStatus)
      yield* publish(received(busy))
      assert.strictEqual(shown()?.staffStatus, "busy")
      yield* publish(received(offline))
      assert.strictEqual(shown()?.staffStatus, "offline")
      yield* publish(received(busy), received(message(4, undefined, "StaffBusyEvent")))
      assert.strictEqual(shown()?.staffStatus, "busy")
      backend.conversations = [conversation()]
      yield* publish(received(message(5, li, "ManualServiceStart")))
      assert.isUndefined(shown()?.staffStatus)
      yield* publish(received(message(6, undefined, "StaffOfflineEvent")))
      yield* publish(received(message(7, undefined, "ConversationEnd", { reason: 3 })))
      assert.isUndefined(shown()?.staffStatus)
    })
  )

  it.effect("is told by the history too, while a robot serves or nobody", () =>
    Effect.gen(function* () {
      for (const fields of [waiting, { lastStaff: robot }] as const) {
        const { shown } = yield* loaded(alice, conversation({ ...fields, messages: [offline, busy] }))
        assert.strictEqual(shown()?.staffStatus, "offline")
      }
      const { shown } = yield* loaded(alice, conversation({ messages: [offline, message(4, li)] }))
      assert.isUndefined(shown()?.staffStatus)
    })
  )
})

describe("earlier messages", () => {
  it.effect("may exist where the history is cut, and not where it holds the beginning", () =>
    Effect.gen(function* () {
      const cut = conversation({ messages: [message(5, alice), message(6, li)] })
      const whole = conversation({ id: cid(8), messages: [built(1, robot, 8), message(2, alice, "Text", "a", 8)] })
      const empty = conversation({ id: cid(9) })
      const { publish, shown } = yield* loaded(alice, cut, whole, empty)
      assert.deepStrictEqual(
        [7, 8, 9].map((id) => shown(id)?.mayHaveEarlierMessages),
        [true, false, true]
      )
      yield* publish(received(built(7, li, 10)), received(message(8, li, "Text", "a", 10)))
      assert.isFalse(shown(10)?.mayHaveEarlierMessages)
    })
  )
})

describe("a conversation of the staff", () => {
  const page = [message(1, alice), message(2, robot), message(3, wang), message(4, li), message(5, alice)]

  it.effect("counts the messages of the own side as sent, the robot's and the colleagues' too", () =>
    Effect.gen(function* () {
      const { shown } = yield* loaded(li, conversation({ messages: page, conversationsUser: marks([alice, 3]) }))
      assert.deepStrictEqual(flags(shown(), "direction"), [1, 0, 0, 0, 1])
      assert.deepStrictEqual(flags(shown(), "isRead"), [true, true, true, false, true])
      assert.deepStrictEqual(shown()?.counterpart, alice)
      assert.strictEqual(shown()?.unreadCount, 2)
    })
  )

  it.effect("counts messages as read once the visitor writes", () =>
    Effect.gen(function* () {
      const { publish, shown } = yield* loaded(li, conversation())
      yield* publish(
        received(message(1, li)),
        received(message(2, wang)),
        received(message(3, undefined, "StaffTimeoutMessage")),
        received(message(4, undefined, "RateInviteError")),
        received(message(5, li))
      )
      assert.deepStrictEqual(flags(shown(), "isRead"), [true, true, true, true, false])
      yield* publish(received(message(6, alice)))
      assert.lengthOf(shown()?.messages ?? [], 6)
      assert.isTrue(flags(shown(), "isRead")?.every(Boolean))
    })
  )

  it.effect("does not count as read because a colleague writes", () =>
    Effect.gen(function* () {
      const { publish, shown } = yield* loaded(li, conversation())
      yield* publish(received(message(1, alice)), received(message(2, wang)))
      assert.strictEqual(shown()?.unreadCount, 1)
      assert.isTrue(shown()?.isNew)
    })
  )

  it.effect("names the visitor as soon as the backend introduces them", () =>
    Effect.gen(function* () {
      const bob = user(9, "CUSTOMER", "Bob")
      const { backend, publish, reads, shown } = yield* loaded(li)
      backend.before = Effect.never
      assert.deepStrictEqual(yield* reads(publish(received(built(1, bob)))), [7])
      yield* publish(received(message(2, bob)))
      assert.deepStrictEqual(flags(shown(), "nickname"), ["Bob", "Bob"])
      assert.isFalse(shown()?.isFresh)
      const messages = [built(1, bob), message(2, bob)]
      yield* publish(resynced(conversation({ customer: bob, users: [bob, li], messages })))
      assert.deepInclude(shown(), { isFresh: true, counterpart: bob })
      assert.deepStrictEqual(ids(shown()), [1, 2])
    })
  )
})

describe("messages", () => {
  it.effect("are sorted by id, each once, in whatever way they come", () =>
    Effect.gen(function* () {
      const { publish, shown } = yield* loaded(alice, conversation({ messages: [message(5, li), message(2, li)] }))
      yield* publish(...[9, 3, 9, 7, 5].map((id) => received(message(id, li))))
      yield* publish(resynced(conversation({ messages: [message(1, li), message(9, li), message(4, li)] })))
      yield* publish(resynced(conversation({ messages: [message(8, li), message(8, li), message(6, li)] })))
      assert.deepStrictEqual(ids(shown()), [1, 2, 3, 4, 5, 6, 7, 8, 9])
      assert.strictEqual(shown()?.unreadCount, 9)
    })
  )

  it.effect("are marked as recalled by an event, by the history, and before they come", () =>
    Effect.gen(function* () {
      const { publish, shown } = yield* loaded(alice, conversation({ messages: [message(1, li), message(2, li)] }))
      yield* publish(
        received(recall(3, li, 1)),
        resynced(conversation({ messages: [recall(6, li, 2), recall(7, li, 4), message(5, li)] })),
        received(message(4, li))
      )
      assert.deepStrictEqual(
        shown()
          ?.messages.filter(({ isRecalled }) => isRecalled)
          .map(({ id }) => id),
        [mid(1), mid(2), mid(4)]
      )
      assert.strictEqual(shown()?.unreadCount, 1)
    })
  )

  it.effect("sort the conversations: the one with the latest message first", () =>
    Effect.gen(function* () {
      const { inbox, publish } = yield* loaded(li, ...[1, 2, 3].map((id) => conversation({ id: cid(id) })))
      const order = () => inbox.getSnapshot().conversations.map(({ id }) => Number(id))
      assert.deepStrictEqual(order(), [3, 2, 1])
      yield* publish(received(message(1, alice, "Text", "a", 2)))
      assert.deepStrictEqual(order(), [2, 3, 1])
      yield* publish(received(message(2, alice, "Text", "b", 1)))
      assert.deepStrictEqual(order(), [1, 2, 3])
    })
  )
})

describe("a late read", () => {
  it.effect("does not undo what events have told since, and is repeated", () =>
    Effect.gen(function* () {
      const { backend, publish, reads, shown } = yield* loaded(alice, conversation({ messages: [message(1, li)] }))
      const end = message(2, li, "ConversationEnd", { reason: 2 })
      const ended = conversation({ state: "FINISHED", messages: [message(1, li), end] })
      yield* publish(received(end))
      backend.conversations = [ended]
      backend.before = Effect.sleep("1 second")
      assert.deepStrictEqual(yield* reads(publish(resynced(conversation({ messages: [message(1, li)] })))), [7])
      assert.strictEqual(shown()?.state, "FINISHED")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* reads(publish(resynced(ended))), [])
      assert.strictEqual(shown()?.state, "FINISHED")
    })
  )

  it.effect("counts if nothing has changed since it began, although the backend shows no system messages", () =>
    Effect.gen(function* () {
      const { backend, called, publish, shown } = yield* loaded(
        alice,
        conversation({ state: "PENDING", lastStaff: null, messages: [message(1, alice)] })
      )
      backend.conversations = [conversation({ lastStaff: wang, messages: [message(1, alice)] })]
      backend.before = Effect.sleep("1 second")
      yield* publish(received(message(5, undefined, "StaffBusyEvent")))
      yield* publish(resynced(...backend.conversations))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(shown()?.state, "PENDING")
      yield* TestClock.adjust("1 second")
      assert.deepInclude(shown(), { state: "ACTIVE", counterpart: wang })
      assert.lengthOf(called("get"), 2)
    })
  )

  it.effect("is not undone by what comes later but happened before", () =>
    Effect.gen(function* () {
      const end = message(9, undefined, "ConversationEnd", { reason: 1 })
      const { backend, publish, reads, shown } = yield* loaded(
        alice,
        conversation({ state: "FINISHED", messages: [end] })
      )
      backend.before = Effect.never
      assert.deepStrictEqual(yield* reads(publish(received(message(5, wang, "ManualServiceStart")))), [7])
      assert.strictEqual(shown()?.state, "FINISHED")
      assert.deepStrictEqual(ids(shown()), [5, 9])
    })
  )

  it.effect("moves read marks forward only", () =>
    Effect.gen(function* () {
      const { publish, shown } = yield* loaded(
        alice,
        conversation({ messages: [message(1, alice), message(2, alice)] })
      )
      yield* publish(read(2), resynced(conversation({ conversationsUser: marks([li, 1]) })))
      assert.deepStrictEqual(flags(shown(), "isRead"), [true, true])
    })
  )
})

import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import type { Conversation } from "../../../src/domain/Conversation.ts"
import { isSystemMessage, type Message } from "../../../src/domain/Message.ts"
import type { User } from "../../../src/domain/User.ts"
import type { InboxConversation, InboxSnapshot } from "../../../src/inbox/InboxSnapshot.ts"
import { endedKept, InboxState } from "../../../src/inbox/internal/state.ts"
import { Cancelled } from "../../../src/KefuError.ts"
import { OutboxKey } from "../../../src/outbox/OutboxEntry.ts"
import { OutboxState } from "../../../src/outbox/OutboxState.ts"
import {
  alice,
  built,
  cid,
  conversation,
  entry,
  ids,
  li,
  marks,
  message,
  mid,
  recall,
  robot,
  uid,
  user,
  wang
} from "../../support/Chat.ts"

const storeOf = (me: User, ...conversations: ReadonlyArray<Conversation>) => {
  const store = new InboxState()
  store.setMe(me)
  for (const one of conversations) store.merge(one)
  return store
}

const shown = (store: InboxState, id = 7): InboxConversation => {
  const found = store.snapshot.conversations.find((one) => one.id === id)
  assert.isDefined(found)
  return found
}

const flags = (store: InboxState, flag: "direction" | "isRead" | "isRecalled" | "nickname" | "isSystemMessage") =>
  shown(store).messages.map((item) => item[flag])

describe("what a visitor sees", () => {
  const page = [
    message(1, robot, "ConversationBuilt", { user_id: 2 }),
    message(2, alice),
    message(3, robot, "RobotCanAnswerMessage", "an answer"),
    message(4, alice),
    message(5, li),
    message(6, undefined, "StaffBusyEvent"),
    message(7, li)
  ]

  it("tells what was sent from what was received, by whom", () => {
    const store = storeOf(alice, conversation({ messages: page }))
    assert.deepStrictEqual(flags(store, "direction"), [1, 0, 1, 0, 1, 1, 1])
    assert.deepStrictEqual(flags(store, "isSystemMessage"), [true, false, false, false, false, true, false])
    assert.deepStrictEqual(flags(store, "nickname"), ["Robot", "Alice", "Robot", "Alice", "李静", undefined, "李静"])
    assert.deepStrictEqual(ids(shown(store)), [1, 2, 3, 4, 5, 6, 7])
    assert.strictEqual(shown(store).lastMessage?.id, 7)
    assert.deepStrictEqual(shown(store).counterpart, li)
  })

  it("completes a user that a message names only by id", () => {
    const store = storeOf(alice, conversation({ messages: page }))
    const [first] = shown(store).messages
    assert.deepInclude(first?.message.content, { userId: 2, nickname: "Robot", userType: "ROBOT" })
  })

  it("goes by the read mark of who serves", () => {
    const store = storeOf(alice, conversation({ messages: page, conversationsUser: marks([li, 2], [wang, 9]) }))
    assert.deepStrictEqual(flags(store, "isRead"), [true, true, true, false, true, true, true])
    store.thread(cid(7))?.mark("theirs", mid(4))
    assert.deepStrictEqual(flags(store, "isRead"), [true, true, true, true, true, true, true])
  })

  it("counts what was received beyond the own mark, but not what the system said", () => {
    const counts = (...own: ReadonlyArray<number>) =>
      own.map(
        (mark) =>
          shown(storeOf(alice, conversation({ messages: page, conversationsUser: marks([alice, mark]) }))).unreadCount
      )
    assert.deepStrictEqual(counts(0, 2, 3, 5, 7, 99), [3, 3, 2, 1, 0, 0])
    const unmarked = storeOf(alice, conversation({ messages: page }))
    assert.strictEqual(shown(unmarked).unreadCount, 3)
    assert.strictEqual(unmarked.snapshot.unreadCount, 3)
  })

  it("is new without a mark, unless it has ended", () => {
    assert.isTrue(shown(storeOf(alice, conversation())).isNew)
    assert.isFalse(shown(storeOf(alice, conversation({ state: "FINISHED" }))).isNew)
    assert.isFalse(shown(storeOf(alice, conversation({ conversationsUser: marks([alice, 1]) }))).isNew)
  })

  it("counts everything as read while a robot serves, and leaves it so at the hand-over", () => {
    const store = storeOf(alice, conversation({ lastStaff: robot, messages: page.slice(0, 3) }))
    assert.isTrue(shown(store).isServedByRobot)
    assert.isTrue(flags(store, "isRead").every(Boolean))
    assert.strictEqual(shown(store).unreadCount, 0)
    store.receive(message(4, alice))
    store.receive(message(5, robot, "RobotNotAnswerMessage", "pardon?"))
    assert.isTrue(flags(store, "isRead").every(Boolean))
    assert.strictEqual(shown(store).unreadCount, 0)

    assert.isTrue(store.receive(message(6, li, "ManualServiceStart")))
    assert.isFalse(shown(store).isServedByRobot)
    store.receive(message(7, li))
    store.receive(message(8, alice))
    assert.deepStrictEqual(flags(store, "isRead"), [true, true, true, true, true, true, true, false])
    assert.deepInclude(shown(store), { state: "ACTIVE", counterpart: li, unreadCount: 0 })
  })

  it("counts as unread what comes, and as read what came before one's own message", () => {
    const store = storeOf(alice, conversation())
    store.receive(message(1, li))
    store.receive(message(2, li))
    assert.strictEqual(shown(store).unreadCount, 2)
    store.receive(message(3, alice))
    assert.deepInclude(shown(store), { unreadCount: 0, readUpTo: 3, isNew: false })
    store.receive(message(4, li))
    assert.strictEqual(shown(store).unreadCount, 1)
  })

  it("follows who serves: built, handed over, ended", () => {
    const store = storeOf(alice, conversation({ state: "PENDING", lastStaff: null, users: [alice, robot] }))
    assert.isUndefined(shown(store).counterpart)
    assert.isTrue(store.receive(built(1, wang)))
    assert.deepInclude(shown(store), { state: "ACTIVE", counterpart: wang })
    assert.deepStrictEqual(store.snapshot.users.get(wang.id), wang)
    assert.isTrue(store.receive(message(2, wang, "ConversationTransfer", { to_user_id: 3 })))
    assert.isFalse(store.receive(message(3, undefined, "ConversationEnd", { reason: 3 })))
    assert.strictEqual(shown(store).state, "FINISHED")
    assert.strictEqual(shown(store).details.endReason, 3)
  })

  it("asks to read again what does not fit: a stranger, or a person where nobody should write", () => {
    const stranger = user(50, "STAFF", "new")
    const store = storeOf(alice, conversation())
    assert.isTrue(store.receive(message(1, stranger)))
    assert.isFalse(store.receive(message(2, stranger)))
    store.know([stranger])
    assert.deepStrictEqual(flags(store, "nickname"), ["new", "new"])
    store.merge(conversation({ state: "PENDING", lastStaff: null }), true)
    assert.isTrue(store.receive(message(3, li)))
  })
})

describe("what staff see", () => {
  const page = [message(1, alice), message(2, robot), message(3, wang), message(4, li), message(5, alice)]

  it("counts their own side's messages as sent, the robot's and the colleagues' too", () => {
    const store = storeOf(li, conversation({ messages: page, conversationsUser: marks([alice, 3]) }))
    assert.deepStrictEqual(flags(store, "direction"), [1, 0, 0, 0, 1])
    assert.deepStrictEqual(flags(store, "isRead"), [true, true, true, false, true])
    assert.deepStrictEqual(shown(store).counterpart, alice)
    assert.strictEqual(shown(store).unreadCount, 2)
  })

  it("takes a later message of the visitor as having read", () => {
    const store = storeOf(li, conversation())
    store.receive(message(1, li))
    store.receive(message(2, wang))
    store.receive(message(3, undefined, "StaffTimeoutMessage"))
    store.receive(message(4, undefined, "RateInviteError"))
    store.receive(message(5, li))
    assert.deepStrictEqual(flags(store, "isRead"), [true, true, true, true, false])
    store.receive(message(6, alice))
    assert.isTrue(flags(store, "isRead").every(Boolean))
  })

  it("does not take a colleague's message as having read oneself", () => {
    const store = storeOf(li, conversation())
    store.receive(message(1, alice))
    store.receive(message(2, wang))
    assert.strictEqual(shown(store).unreadCount, 1)
    assert.isTrue(shown(store).isNew)
  })

  it("knows who is talking as soon as the backend introduces them", () => {
    const bob = user(9, "CUSTOMER", "Bob")
    const store = storeOf(li)
    assert.isTrue(store.receive(built(1, bob)))
    store.receive(message(2, bob))
    assert.deepStrictEqual(flags(store, "nickname"), ["Bob", "Bob"])
    assert.isFalse(shown(store).isFresh)
    store.merge(conversation({ customer: bob, users: [bob, li], messages: [built(1, bob), message(2, bob)] }))
    assert.deepInclude(shown(store), { isFresh: true, counterpart: bob })
    assert.deepStrictEqual(ids(shown(store)), [1, 2])
  })
})

describe("messages", () => {
  it("stand in the order of their ids, each once, whatever way they come", () => {
    const store = storeOf(alice, conversation({ messages: [message(5, li), message(2, li)] }))
    for (const id of [9, 3, 9, 7, 5]) store.receive(message(id, li))
    store.merge(conversation({ messages: [message(1, li), message(9, li), message(4, li)] }))
    store.merge(conversation({ messages: [message(8, li), message(8, li), message(6, li)] }))
    assert.deepStrictEqual(ids(shown(store)), [1, 2, 3, 4, 5, 6, 7, 8, 9])
    assert.strictEqual(shown(store).unreadCount, 9)
  })

  it("are marked when they are recalled, live, in the history, or before they come", () => {
    const store = storeOf(alice, conversation({ messages: [message(1, li), message(2, li)] }))
    store.receive(recall(3, li, 1))
    store.merge(conversation({ messages: [recall(6, li, 2), recall(7, li, 4), message(5, li)] }))
    store.receive(message(4, li))
    assert.deepStrictEqual(
      shown(store)
        .messages.filter(({ isRecalled }) => isRecalled)
        .map(({ id }) => id),
      [mid(1), mid(2), mid(4)]
    )
    assert.strictEqual(shown(store).unreadCount, 1)
  })

  it("keep the order of the conversations: the one with the latest message first", () => {
    const store = storeOf(li, ...[1, 2, 3].map((id) => conversation({ id: cid(id) })))
    const order = () => store.snapshot.conversations.map(({ id }) => Number(id))
    assert.deepStrictEqual(order(), [3, 2, 1])
    store.receive(message(1, alice, "Text", "a", 2))
    assert.deepStrictEqual(order(), [2, 3, 1])
    store.receive(message(2, alice, "Text", "b", 1))
    assert.deepStrictEqual(order(), [1, 2, 3])
  })
})

describe("reads that are late", () => {
  it("do not undo what events have told since; they are to be repeated", () => {
    const store = storeOf(alice, conversation({ messages: [message(1, li)] }))
    store.receive(message(2, li, "ConversationEnd", { reason: 2 }))
    assert.isTrue(store.merge(conversation({ messages: [message(1, li)] })))
    assert.strictEqual(shown(store).state, "FINISHED")
    assert.isFalse(
      store.merge(
        conversation({
          state: "FINISHED",
          messages: [message(1, li), message(2, li, "ConversationEnd", { reason: 2 })]
        })
      )
    )
    assert.strictEqual(shown(store).state, "FINISHED")
  })

  it("count when they are known to be the newest, although the backend shows no system messages", () => {
    const store = storeOf(alice, conversation({ state: "PENDING", lastStaff: null, messages: [message(1, alice)] }))
    store.receive(message(5, undefined, "StaffBusyEvent"))
    assert.isTrue(store.merge(conversation({ lastStaff: wang, messages: [message(1, alice)] })))
    assert.isFalse(store.merge(conversation({ lastStaff: wang, messages: [message(1, alice)] }), true))
    assert.deepInclude(shown(store), { state: "ACTIVE", counterpart: wang })
  })

  it("know better than what comes later but happened before", () => {
    const store = storeOf(
      alice,
      conversation({ state: "FINISHED", messages: [message(9, undefined, "ConversationEnd", { reason: 1 })] })
    )
    assert.isTrue(store.receive(message(5, wang, "ManualServiceStart")))
    assert.strictEqual(shown(store).state, "FINISHED")
    assert.deepStrictEqual(ids(shown(store)), [5, 9])
  })

  it("move read marks forward only", () => {
    const store = storeOf(alice, conversation({ messages: [message(1, alice), message(2, alice)] }))
    store.thread(cid(7))?.mark("theirs", mid(2))
    store.merge(conversation({ conversationsUser: marks([li, 1]) }))
    assert.deepStrictEqual(flags(store, "isRead"), [true, true])
  })
})

describe("sends", () => {
  const { DeliveryUnknown, Discarded, Failed, Queued, Sending, Sent } = OutboxState
  const keys = (store: InboxState) => shown(store).messages.map(({ key }) => key)
  const deliveries = (store: InboxState) => shown(store).messages.map(({ delivery }) => delivery?._tag)

  it("are shown at once, last and in their order, and keep their key when the acknowledgement brings the id", () => {
    const store = storeOf(alice, conversation({ messages: [message(1, li)] }))
    const fresh = { conversationId: cid(7), isNew: true, needsReading: false }
    assert.deepStrictEqual(store.echo(entry("a", Queued())), fresh)
    assert.deepStrictEqual(store.echo(entry("b", Queued())), fresh)
    assert.deepStrictEqual(store.echo(entry("a", Sending())), { ...fresh, isNew: false })
    store.receive(message(2, li))
    assert.deepStrictEqual(keys(store), ["m1", "m2", "a", "b"])
    assert.deepStrictEqual(deliveries(store), [undefined, undefined, "Sending", "Queued"])
    assert.strictEqual(shown(store).lastMessage?.key, "b")
    store.echo(entry("a", Sent({ id: mid(3) })))
    assert.deepStrictEqual(keys(store), ["m1", "m2", "a", "b"])
    assert.deepStrictEqual(ids(shown(store)), [1, 2, 3, "?"])
    assert.deepStrictEqual(deliveries(store), [undefined, undefined, undefined, "Queued"])
    assert.deepInclude(shown(store).messages[2], {
      direction: 0,
      nickname: "Alice",
      isRead: false,
      outboxKey: OutboxKey.make("a")
    })
    assert.deepInclude(shown(store), { unreadCount: 0, isNew: false })
  })

  it("become the message that the backend tells, event or history, and stay one", () => {
    const store = storeOf(alice, conversation())
    store.echo(entry("a", Sent({ id: mid(3) })))
    assert.strictEqual(shown(store).messages[0]?.message.content, "a")
    store.receive(message(3, alice, "Text", "a"))
    const [told] = shown(store).messages
    assert.deepInclude(told, { key: "a", id: mid(3), createdAt: 3000 })
    store.merge(conversation({ messages: [message(3, alice, "Text", "a")] }))
    assert.strictEqual(shown(store).messages[0], told)
    assert.lengthOf(shown(store).messages, 1)
  })

  it("are recognised when the event comes before the acknowledgement", () => {
    const store = storeOf(alice, conversation({ messages: [message(1, alice, "Text", "hi")] }))
    store.echo(entry("a", Sending(), { messageType: "Text", content: "hi", conversationId: cid(7) }))
    store.receive(message(2, alice, "Text", "hi"))
    assert.deepStrictEqual(keys(store), ["m1", "a"])
    store.echo(entry("a", Sent({ id: mid(2) }), { messageType: "Text", content: "hi", conversationId: cid(7) }))
    assert.deepStrictEqual(keys(store), ["m1", "a"])
    assert.deepStrictEqual(ids(shown(store)), [1, 2])
  })

  it("are not mistaken for older messages, and a mistake is put right", () => {
    const store = storeOf(alice, conversation({ messages: [message(5, li)] }))
    const hi = { messageType: "Text", content: "hi", conversationId: cid(7) } as const
    store.echo(entry("a", Sending(), hi))
    store.merge(conversation({ messages: [message(4, alice, "Text", "hi")] }))
    assert.deepStrictEqual(keys(store), ["m4", "m5", "a"])
    store.receive(message(6, alice, "Text", "hi"))
    assert.deepStrictEqual(keys(store), ["m4", "m5", "a"])
    store.echo(entry("a", Sent({ id: mid(8) }), hi))
    assert.deepStrictEqual(keys(store), ["m4", "m5", "m6", "a"])
    assert.deepStrictEqual(ids(shown(store)), [4, 5, 6, 8])

    store.echo(entry("b", Sending(), hi))
    store.receive(message(9, alice, "Text", "hi"))
    store.echo(entry("b", DeliveryUnknown({ detail: "?" }), hi))
    assert.deepStrictEqual(keys(store), ["m4", "m5", "m6", "a", "m9", "b"])
  })

  it("stay where they failed until they are taken off the list", () => {
    const store = storeOf(alice, conversation())
    const reason = new Cancelled({})
    store.echo(entry("a", Queued()))
    store.echo(entry("b", DeliveryUnknown({ detail: "?" })))
    store.echo(entry("c", Queued()))
    store.echo(entry("a", Failed({ reason })))
    assert.deepStrictEqual(keys(store), ["b", "c"])
    store.echo(entry("b", Discarded()))
    assert.deepStrictEqual(keys(store), ["c"])
  })

  it("may have been read or recalled before the acknowledgement came", () => {
    const store = storeOf(alice, conversation())
    store.echo(entry("a", Sending()))
    store.thread(cid(7))?.mark("theirs", mid(3))
    store.receive(recall(4, alice, 3))
    store.echo(entry("a", Sent({ id: mid(3) })))
    assert.deepInclude(shown(store).messages[0], { isRead: true, isRecalled: true })
  })

  it("find their conversation if they do not name it", () => {
    const bare = { messageType: "Text", content: "hello" } as const
    const visitor = storeOf(alice)
    assert.isUndefined(visitor.echo(entry("a", Queued(), bare)).conversationId)
    visitor.merge(conversation({ id: cid(6), state: "FINISHED" }))
    visitor.merge(conversation())
    assert.deepStrictEqual(keys(visitor), ["a"])

    const staff = storeOf(li, conversation(), conversation({ id: cid(8), customer: user(9, "CUSTOMER", "Bob") }))
    staff.know([user(9, "CUSTOMER", "Bob")])
    assert.strictEqual(staff.echo(entry("a", Queued(), { ...bare, toId: uid(9) })).conversationId, cid(8))
    assert.strictEqual(staff.echo(entry("b", Queued(), { ...bare, toId: alice.id })).conversationId, cid(7))
    assert.isUndefined(staff.echo(entry("c", Queued(), { ...bare, toId: uid(77) })).conversationId)
  })

  it("that arrive after the end belong to another conversation", () => {
    const store = storeOf(alice, conversation())
    store.echo(entry("a", Sending()))
    store.echo(entry("b", Sending()))
    store.receive(message(5, li, "ConversationEnd", { reason: 2 }))
    assert.isFalse(store.echo(entry("a", Sent({ id: mid(4) }))).needsReading)
    assert.isTrue(store.echo(entry("b", Sent({ id: mid(6) }))).needsReading)
    assert.deepStrictEqual(keys(store), ["a", "m5"])
  })

  it("show files while they are uploaded", () => {
    const store = storeOf(alice, conversation())
    const file = { messageType: "Image", conversationId: cid(7), file: new Blob(["x"]) } as const
    store.echo(entry("a", OutboxState.Uploading({ loaded: 1, total: 4 }), file))
    assert.deepInclude(shown(store).messages[0]?.delivery, { _tag: "Uploading", loaded: 1, total: 4 })
    assert.strictEqual(shown(store).messages[0]?.message.messageType, "Image")
  })
})

describe("snapshots", () => {
  const three = () =>
    storeOf(
      li,
      ...[1, 2, 3].map((id) => conversation({ id: cid(id), messages: [message(id, alice, "Text", "a", id)] }))
    )

  it("are the same until something changes, and share what did not", () => {
    const store = three()
    const before = store.snapshot
    assert.strictEqual(store.snapshot, before)
    store.receive(message(9, alice, "Text", "b", 2))
    const after = store.snapshot
    assert.notStrictEqual(after, before)
    assert.strictEqual(after.users, before.users)
    assert.strictEqual(after.me, before.me)
    const at = (snapshot: InboxSnapshot, id: number) => snapshot.conversations.find((one) => one.id === id)
    assert.strictEqual(at(after, 1), at(before, 1))
    assert.strictEqual(at(after, 3), at(before, 3))
    assert.notStrictEqual(at(after, 2), at(before, 2))
    assert.strictEqual(at(after, 2)?.messages[0], at(before, 2)?.messages[0])
    assert.lengthOf(at(before, 2)?.messages ?? [], 1)
    assert.lengthOf(at(after, 2)?.messages ?? [], 2)
  })

  it("do not change through what brings nothing new", () => {
    const store = three()
    const before = store.snapshot
    store.receive(message(2, alice, "Text", "a", 2))
    store.thread(cid(2))?.mark("theirs", mid(1))
    store.merge(conversation({ id: cid(2), messages: [message(2, alice, "Text", "a", 2)] }))
    store.setMe({ ...li })
    store.know([{ ...alice }])
    store.thread(cid(2))?.setTyping(undefined)
    assert.strictEqual(store.snapshot, before)
  })

  it("change only the conversations of whoever is known differently", () => {
    const bob = user(9, "CUSTOMER", "Bob")
    const store = three()
    store.merge(
      conversation({ id: cid(8), customer: bob, users: [bob, li], messages: [message(20, bob, "Text", "b", 8)] })
    )
    const before = store.snapshot
    store.know([{ ...bob, nickname: "Bobby" }])
    const after = store.snapshot
    assert.strictEqual(shown(store, 8).messages[0]?.nickname, "Bobby")
    assert.deepStrictEqual(
      after.conversations.map((one, index) => one === before.conversations[index]),
      [false, true, true, true]
    )
  })

  it("let conversations go that ended long ago, and keep those that were asked for", () => {
    const store = storeOf(li, conversation({ id: cid(9999), state: "FINISHED" }))
    for (let id = 1; id <= endedKept + 5; id++) {
      const visitor = user(1000 + id, "CUSTOMER", `Visitor ${id}`)
      store.merge(conversation({ id: cid(id), customer: visitor, users: [visitor, li] }))
      store.receive(message(2 * id + 1, undefined, "ConversationEnd", { reason: 1 }, id))
    }
    assert.lengthOf(store.snapshot.conversations, endedKept + 1)
    assert.isDefined(store.thread(cid(9999)))
    assert.isUndefined(store.thread(cid(5)))
    assert.isDefined(store.thread(cid(6)))
    assert.isFalse(store.snapshot.users.has(uid(1005)))
    assert.isTrue(store.snapshot.users.has(uid(1006)))
    assert.isTrue([alice, li, wang].every(({ id }) => store.snapshot.users.has(id)))
  })
})

describe("costs", () => {
  /** A conversation in which the last ten messages are one's own and not read yet. */
  const long = (count: number) => {
    const messages = Array.from({ length: count }, (_, index) => message(index + 1, index < count - 10 ? li : alice))
    return storeOf(alice, conversation({ messages, conversationsUser: marks([alice, count], [li, count - 10]) }))
  }

  const touched = (count: number, change: (store: InboxState) => void) => {
    const store = long(count)
    const before = shown(store).messages
    change(store)
    const known = new Set(before)
    return shown(store).messages.filter((item) => !known.has(item)).length
  }

  it("do not grow with the history: each event touches the entries that it is about", () => {
    for (const count of [10, 1000, 10_000]) {
      assert.strictEqual(
        touched(count, (store) => store.thread(cid(7))?.mark("theirs", mid(count - 7))),
        3
      )
      assert.strictEqual(
        touched(count, (store) => store.thread(cid(7))?.mark("theirs", mid(count + 5))),
        10
      )
      assert.strictEqual(
        touched(count, (store) => store.receive(message(count + 1, li))),
        11
      )
      assert.strictEqual(
        touched(count, (store) => store.receive(message(count + 1, alice))),
        1
      )
      assert.strictEqual(
        touched(count, (store) => store.receive(recall(count + 1, li, 1))),
        2
      )
      assert.strictEqual(
        touched(count, (store) => store.thread(cid(7))?.mark("claimed", mid(count))),
        0
      )
    }
  })

  it("of a hundred receipts are a hundred changed entries, each once, however much was said before", () => {
    for (const count of [100, 10_000]) {
      const messages = Array.from({ length: count }, (_, index) => message(index + 1, alice))
      const store = storeOf(alice, conversation({ messages, conversationsUser: marks([li, count - 100]) }))
      for (let id = count - 99; id <= count; id++) {
        const before = shown(store).messages
        store.thread(cid(7))?.mark("theirs", mid(id))
        const changed = shown(store).messages.filter((item, index) => item !== before[index])
        assert.deepStrictEqual(
          changed.map((item) => item.id),
          [mid(id)]
        )
      }
    }
  })
})

// --- the model: the same rules, recomputed from all that happened, without a thought for cost

const people: ReadonlyArray<User> = [alice, robot, li, wang]
const kinds = [
  "Text",
  "Text",
  "Text",
  "Image",
  "RobotCanAnswerMessage",
  "StaffBusyEvent",
  "MessageRecall",
  "MessageRecall"
] as const

/** What message an id stands for; the same at every mention. */
const numbered = (id: number): Message => {
  const hash = (id * 7919) % 1009
  const from = people[hash % people.length]
  const kind = kinds[hash % kinds.length] ?? "Text"
  const conversationId = 1 + (id % 2)
  if (id % 29 === 0) return message(id, undefined, "ConversationEnd", { reason: 2 }, conversationId)
  if (id % 17 === 0) return built(id, hash % 2 === 0 ? li : wang, conversationId)
  if (id % 13 === 0) return message(id, hash % 2 === 0 ? li : wang, "ManualServiceStart", undefined, conversationId)
  if (kind === "MessageRecall") return recall(id, alice, Math.max(1, id - 2 * (hash % 4)), conversationId)
  if (kind === "Image") return message(id, from, kind, { url: "https://kefu.test/a.png" }, conversationId)
  return message(
    id,
    from,
    kind,
    kind === "Text" ? "hi" : kind === "RobotCanAnswerMessage" ? "an answer" : undefined,
    conversationId
  )
}

const Small = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 60 }))
const Two = Schema.Literals([1, 2])

const Operation = Schema.Union([
  Schema.Struct({ _tag: Schema.tag("Receive"), id: Small }),
  Schema.Struct({ _tag: Schema.tag("Receive"), id: Small }),
  Schema.Struct({ _tag: Schema.tag("ReadByOthers"), in: Two, id: Small }),
  Schema.Struct({
    _tag: Schema.tag("Merge"),
    in: Two,
    from: Small,
    count: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 })),
    mine: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 })),
    theirs: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 })),
    state: Schema.Literals(["ACTIVE", "PENDING", "FINISHED"]),
    staff: Schema.Literals([1, 2, 3]),
    isNewest: Schema.Boolean
  }),
  Schema.Struct({ _tag: Schema.tag("Claim"), in: Two, id: Small, isHeard: Schema.Boolean }),
  Schema.Struct({ _tag: Schema.tag("Type"), in: Two, draft: Schema.Literals(["", "h", "he"]) })
])
type Operation = typeof Operation.Type

const merged = (operation: Extract<Operation, { readonly _tag: "Merge" }>): Conversation => ({
  id: cid(operation.in),
  state: operation.state,
  customer: alice,
  lastStaff: operation.state === "PENDING" ? null : people[operation.staff],
  users: people,
  conversationsUser: marks([alice, operation.mine], [li, operation.theirs]),
  messages: Array.from({ length: operation.count }, (_, index) => numbered(operation.from + index)).filter(
    ({ conversationId }) => conversationId === operation.in
  )
})

const apply = (store: InboxState, operation: Operation) => {
  switch (operation._tag) {
    case "Receive":
      return store.receive(numbered(operation.id))
    case "Merge":
      return store.merge(merged(operation), operation.isNewest)
    case "ReadByOthers":
      return store.thread(cid(operation.in))?.mark("theirs", mid(operation.id))
    case "Claim": {
      const thread = store.thread(cid(operation.in))
      thread?.mark("claimed", mid(operation.id))
      return operation.isHeard ? thread?.mark("told", mid(operation.id)) : thread?.withdraw(mid(operation.id))
    }
    case "Type":
      return store
        .thread(cid(operation.in))
        ?.setTyping(operation.draft === "" ? undefined : { draft: operation.draft, userId: undefined })
  }
}

interface Sheet {
  state: string
  staff: User | null | undefined
  customer: User | undefined
  asOf: number
  isFresh: boolean
  messages: ReadonlyArray<Message>
  told: number
  heard: number
  wrote: number
  robot: number
  theirs: number
  typing: string | undefined
}

const model = (me: User, operations: ReadonlyArray<Operation>) => {
  const sheets = new Map<number, Sheet>()
  const isMine = (from: User | undefined) => (from?.userType === "CUSTOMER") === (me.userType === "CUSTOMER")
  const senderOf = ({ fromId }: Message) => people.find(({ id }) => id === fromId)
  const directionOf = (message: Message) =>
    isSystemMessage(message) || senderOf(message) === undefined || !isMine(senderOf(message)) ? 1 : 0
  const sheetOf = (id: number): Sheet => {
    const sheet = sheets.get(id) ?? {
      state: "ACTIVE",
      staff: undefined,
      customer: undefined,
      asOf: 0,
      isFresh: false,
      messages: [],
      told: 0,
      heard: 0,
      wrote: 0,
      robot: 0,
      theirs: 0,
      typing: undefined
    }
    sheets.set(id, sheet)
    return sheet
  }
  const add = (sheet: Sheet, messages: ReadonlyArray<Message>) => {
    const all = new Map([...messages, ...sheet.messages].map((message) => [message.id, message]))
    sheet.messages = Array.from(all.values()).toSorted((left, right) => left.id - right.id)
  }
  const settle = (sheet: Sheet) => {
    const last = sheet.messages.at(-1)?.id ?? 0
    if (sheet.state === "ACTIVE" && sheet.staff?.userType === "ROBOT") {
      sheet.theirs = Math.max(sheet.theirs, last)
      sheet.robot = Math.max(sheet.robot, last)
    }
    if (sheet.state === "FINISHED") sheet.typing = undefined
  }

  for (const operation of operations) {
    if (operation._tag === "Receive") {
      const message = numbered(operation.id)
      const sheet = sheetOf(message.conversationId)
      if (sheet.messages.some(({ id }) => id === message.id)) continue
      add(sheet, [message])
      const changes = ["ConversationEnd", "ManualServiceStart", "ConversationBuilt", "StaffBusyEvent"]
      if (changes.includes(message.messageType) && message.id >= sheet.asOf) {
        sheet.asOf = message.id
        if (message.messageType === "ConversationEnd") sheet.state = "FINISHED"
        if (message.messageType === "ManualServiceStart") {
          sheet.state = "ACTIVE"
          sheet.staff = senderOf(message)
        }
        if (message.messageType === "ConversationBuilt" && me.userType === "CUSTOMER") {
          sheet.state = "ACTIVE"
          sheet.staff = people.find(({ id }) => id === message.content.userId)
        }
      }
      if (!isSystemMessage(message) && directionOf(message) === 1) {
        sheet.theirs = Math.max(sheet.theirs, message.id)
        sheet.typing = undefined
      } else if (!isSystemMessage(message) && message.fromId === me.id) {
        sheet.wrote = Math.max(sheet.wrote, message.id)
      }
      settle(sheet)
    } else if (operation._tag === "Merge") {
      const read = merged(operation)
      const sheet = sheetOf(operation.in)
      const asOf = Math.max(0, ...read.messages.map(({ id }) => id))
      if (operation.isNewest || asOf >= sheet.asOf) {
        Object.assign(sheet, { state: read.state, staff: read.lastStaff, customer: alice, asOf, isFresh: true })
      }
      const other = me.userType === "CUSTOMER" ? read.lastStaff : read.customer
      const markOf = (who: User | null | undefined) =>
        read.conversationsUser.find(({ userId }) => userId === who?.id)?.latestReadMessageId ?? 0
      sheet.told = Math.max(sheet.told, markOf(me))
      sheet.theirs = Math.max(sheet.theirs, markOf(other))
      add(sheet, read.messages)
      settle(sheet)
    } else {
      const sheet = sheets.get(operation.in)
      if (sheet === undefined) continue
      if (operation._tag === "ReadByOthers") sheet.theirs = Math.max(sheet.theirs, operation.id)
      if (operation._tag === "Claim" && operation.isHeard) sheet.heard = Math.max(sheet.heard, operation.id)
      if (operation._tag === "Type")
        sheet.typing = sheet.state === "FINISHED" || operation.draft === "" ? undefined : operation.draft
    }
  }

  return Array.from(sheets, ([id, sheet]) => {
    const recalled = sheet.messages.flatMap((one) =>
      one.messageType === "MessageRecall" ? [one.content.messageId] : []
    )
    const readUpTo = Math.max(sheet.told, sheet.heard, sheet.wrote, sheet.robot)
    const messages = sheet.messages.map((message) => ({
      id: message.id,
      direction: directionOf(message),
      nickname: senderOf(message)?.nickname,
      isRead: directionOf(message) === 1 || message.id <= sheet.theirs,
      isRecalled: recalled.includes(message.id)
    }))
    return {
      id,
      state: sheet.state,
      counterpart: (me.userType === "CUSTOMER" ? sheet.staff : sheet.customer) ?? undefined,
      isNew: sheet.state !== "FINISHED" && Math.max(sheet.told, sheet.heard, sheet.wrote) === 0,
      isFresh: sheet.isFresh,
      readUpTo,
      typing: sheet.typing,
      unreadCount: sheet.messages.filter(
        (message) =>
          directionOf(message) === 1 &&
          !isSystemMessage(message) &&
          message.id > readUpTo &&
          !recalled.includes(message.id)
      ).length,
      messages
    }
  }).toSorted((left, right) => (right.messages.at(-1)?.id ?? 0) - (left.messages.at(-1)?.id ?? 0) || right.id - left.id)
}

const observed = (snapshot: InboxSnapshot) =>
  snapshot.conversations.map(({ counterpart, id, isFresh, isNew, messages, readUpTo, state, typing, unreadCount }) => ({
    id: Number(id),
    state,
    counterpart,
    isNew,
    isFresh,
    readUpTo,
    typing: typing?.draft,
    unreadCount,
    messages: messages.map(({ direction, id, isRead, isRecalled, nickname }) => ({
      id,
      direction,
      nickname,
      isRead,
      isRecalled
    }))
  }))

describe.each([alice, li])("any sequence of events, for $nickname", (me) => {
  it.prop(
    "gives what a recomputation from scratch gives, and leaves what did not change as it was",
    [Schema.Array(Operation).check(Schema.isMaxLength(40))],
    ([operations]) => {
      const store = storeOf(me)
      store.know(people)
      let before = store.snapshot
      for (const [index, operation] of operations.entries()) {
        apply(store, operation)
        const after = store.snapshot
        assert.deepEqual<unknown>(observed(after), model(me, operations.slice(0, index + 1)))
        assert.strictEqual(
          after.unreadCount,
          after.conversations.reduce((sum, one) => sum + one.unreadCount, 0)
        )
        for (const one of after.conversations) {
          const old = before.conversations.find(({ id }) => id === one.id)
          if (old === undefined || old === one) continue
          assert.notDeepEqual(
            [observed({ ...after, conversations: [old] }), old.details],
            [observed({ ...after, conversations: [one] }), one.details]
          )
        }
        before = after
      }
    },
    { arbitrary: { runs: 300 } }
  )
})

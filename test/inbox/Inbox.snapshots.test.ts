import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import type { Conversation } from "../../src/domain/Conversation.ts"
import type { User } from "../../src/domain/User.ts"
import type { InboxSnapshot } from "../../src/inbox/InboxSnapshot.ts"
import { ServerFault } from "../../src/KefuError.ts"
import { ConnectionState } from "../../src/realtime/ConnectionState.ts"
import { RealtimeEvent } from "../../src/realtime/RealtimeEvent.ts"
import {
  alice,
  begun,
  cid,
  conversation,
  failure,
  li,
  loaded,
  marks,
  message,
  mid,
  read,
  recall,
  received,
  resynced,
  settle,
  uid,
  user,
  wang
} from "../support/Chat.ts"

const unavailable = failure(new ServerFault({ status: 503 }))

describe("the store", () => {
  it.effect("calls its listeners once for a batch of events, and only for changes", () =>
    Effect.gen(function* () {
      const { inbox, publish } = yield* begun(alice)
      const seen: Array<InboxSnapshot> = []
      const stop = inbox.subscribe(() => seen.push(inbox.getSnapshot()))
      const before = inbox.getSnapshot()
      yield* publish(received(message(1, li)), received(message(2, li)), read(1))
      assert.lengthOf(seen, 1)
      assert.strictEqual(seen[0], inbox.getSnapshot())
      assert.notStrictEqual(seen[0], before)
      yield* publish(received(message(2, li)), read(2), RealtimeEvent.Undecodable({ detail: "" }))
      assert.lengthOf(seen, 1)
      assert.strictEqual(seen[0], inbox.getSnapshot())
      stop()
      yield* publish(received(message(3, li)))
      assert.lengthOf(seen, 1)
    })
  )

  it.effect("calls every listener, whether others throw, unsubscribe or change the state", () =>
    Effect.gen(function* () {
      const { called, inbox, publish } = yield* begun(alice)
      const heard: Array<string> = []
      const run = Effect.runForkWith(yield* Effect.context<never>())
      inbox.subscribe(() => {
        throw new Error("a listener of the app")
      })
      const stop = inbox.subscribe(() => {
        heard.push("leaving")
        stop()
        run(inbox.markRead(cid(7)))
      })
      const twice = () => heard.push("twice")
      inbox.subscribe(twice)
      inbox.subscribe(twice)()
      yield* publish(received(message(1, li)))
      assert.deepStrictEqual(heard, ["leaving", "twice", "twice"])
      assert.lengthOf(called("read"), 1)
      assert.strictEqual(inbox.getSnapshot().unreadCount, 0)
    }).pipe(Effect.provide(Logger.layer([])))
  )

  it.effect("streams the current state and the changes, to a slow consumer the latest", () =>
    Effect.gen(function* () {
      const { inbox, publish } = yield* begun(alice)
      const counts: Array<number> = []
      const gate = Latch.makeUnsafe(true)
      yield* inbox.changes.pipe(
        Stream.runForEach(({ unreadCount }) =>
          Effect.andThen(
            Effect.sync(() => counts.push(unreadCount)),
            gate.await
          )
        ),
        Effect.forkScoped({ startImmediately: true })
      )
      yield* publish(received(message(1, li)))
      yield* gate.close
      for (const id of [2, 3, 4, 5]) yield* publish(received(message(id, li)))
      yield* Effect.andThen(gate.open, settle)
      assert.deepStrictEqual(counts, [0, 1, 2, 5])
    })
  )

  it.effect("contains the state of the connection", () =>
    Effect.gen(function* () {
      const { enter, inbox } = yield* begun(alice)
      const waiting = ConnectionState.Waiting({ attempt: 1, retryAt: 5000, cause: unavailable })
      yield* enter(waiting)
      assert.strictEqual(inbox.getSnapshot().connection, waiting)
    })
  )
})

describe("snapshots", () => {
  const conversations = [1, 2, 3].map((id) =>
    conversation({ id: cid(id), messages: [message(id, alice, "Text", "a", id)] })
  )

  it.effect("are the same until something changes, and share what has not changed", () =>
    Effect.gen(function* () {
      const { inbox, publish } = yield* loaded(li, ...conversations)
      const before = inbox.getSnapshot()
      assert.strictEqual(inbox.getSnapshot(), before)
      yield* publish(received(message(9, alice, "Text", "b", 2)))
      const after = inbox.getSnapshot()
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
  )

  it.effect("do not change through what brings nothing new", () =>
    Effect.gen(function* () {
      const { backend, inbox, publish } = yield* loaded(li, ...conversations)
      const before = inbox.getSnapshot()
      let calls = 0
      inbox.subscribe(() => calls++)
      yield* publish(received(message(2, alice, "Text", "a", 2)), read(1, 2))
      yield* publish(resynced(...conversations.map((one) => ({ ...one, users: one.users.map((who) => ({ ...who })) }))))
      backend.me = Effect.succeed({ ...li })
      yield* inbox.refresh
      yield* publish(
        RealtimeEvent.Inputting({ conversationId: cid(2), payload: { content: "", conversationId: cid(2) } })
      )
      assert.strictEqual(inbox.getSnapshot(), before)
      assert.strictEqual(calls, 0)
    })
  )

  it.effect("replace only the conversations of a user whose data has changed", () =>
    Effect.gen(function* () {
      const bob = user(9, "CUSTOMER", "Bob")
      const bobby = { ...bob, nickname: "Bobby" }
      const ofBob = (customer: User) =>
        conversation({ id: cid(8), customer, users: [customer, li], messages: [message(20, bob, "Text", "b", 8)] })
      const { inbox, publish, shown } = yield* loaded(li, ...conversations, ofBob(bob))
      const before = inbox.getSnapshot()
      yield* publish(resynced(...conversations, ofBob(bobby)))
      const after = inbox.getSnapshot()
      assert.strictEqual(shown(8)?.messages[0]?.nickname, "Bobby")
      assert.deepStrictEqual(
        after.conversations.map((one, index) => one === before.conversations[index]),
        [false, true, true, true]
      )
    })
  )

  it.effect("keep the 100 conversations that ended last, and those that were requested", () =>
    Effect.gen(function* () {
      const { inbox, publish } = yield* loaded(li, conversation({ id: cid(9999), state: "FINISHED" }))
      for (let id = 1; id <= 105; id++) {
        const visitor = user(1000 + id, "CUSTOMER", `Visitor ${id}`)
        yield* publish(
          resynced(conversation({ id: cid(id), customer: visitor, users: [visitor, li] })),
          received(message(2 * id + 1, undefined, "ConversationEnd", { reason: 1 }, id))
        )
      }
      const { conversations, users } = inbox.getSnapshot()
      assert.lengthOf(conversations, 101)
      assert.isDefined(inbox.getConversation(cid(9999)))
      assert.isUndefined(inbox.getConversation(cid(5)))
      assert.isDefined(inbox.getConversation(cid(6)))
      assert.isFalse(users.has(uid(1005)))
      assert.isTrue(users.has(uid(1006)))
      assert.isTrue([alice, li, wang].every(({ id }) => users.has(id)))
    })
  )
})

describe("the cost of an event", () => {
  /** A conversation whose last ten messages are the account's own, and unread. */
  const long = (count: number, ...own: ReadonlyArray<readonly [User, number]>) => {
    const messages = Array.from({ length: count }, (_, index) => message(index + 1, index < count - 10 ? li : alice))
    return conversation({ messages, conversationsUser: marks(...own, [li, count - 10]) })
  }

  const touched = Effect.fnUntraced(function* (one: Conversation, ...events: ReadonlyArray<RealtimeEvent>) {
    const { inbox, publish, shown } = yield* loaded(alice, one)
    const known = new Set(shown()?.messages)
    assert.isNotEmpty(known)
    yield* events.length === 0 ? inbox.markRead(cid(7)) : publish(...events)
    return shown()?.messages.filter((item) => !known.has(item)).length
  })

  it.effect("does not grow with the history: it touches the entries that it is about", () =>
    Effect.gen(function* () {
      for (const count of [10, 1000, 10_000]) {
        const one = long(count, [alice, count])
        assert.strictEqual(yield* touched(one, read(count - 7)), 3)
        assert.strictEqual(yield* touched(one, read(count + 5)), 10)
        assert.strictEqual(yield* touched(one, received(message(count + 1, li))), 11)
        assert.strictEqual(yield* touched(one, received(message(count + 1, alice))), 1)
        assert.strictEqual(yield* touched(one, received(recall(count + 1, li, 1))), 2)
        assert.strictEqual(yield* touched(long(count)), 0)
      }
    })
  )

  it.effect("of a hundred receipts is a hundred changed entries, each once, however much was said before", () =>
    Effect.gen(function* () {
      for (const count of [100, 10_000]) {
        const messages = Array.from({ length: count }, (_, index) => message(index + 1, alice))
        const { publish, shown } = yield* loaded(
          alice,
          conversation({ messages, conversationsUser: marks([li, count - 100]) })
        )
        for (let id = count - 99; id <= count; id++) {
          const before = shown()?.messages ?? []
          yield* publish(read(id))
          const changed = shown()?.messages.filter((item, index) => item !== before[index])
          assert.deepStrictEqual(
            changed?.map((item) => item.id),
            [mid(id)]
          )
        }
      }
    })
  )
})

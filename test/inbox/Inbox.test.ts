import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { ConnectionState } from "../../src/realtime/ConnectionState.ts"
import { Inbox } from "../../src/inbox/Inbox.ts"
import type { InboxConversation, InboxSnapshot } from "../../src/inbox/InboxSnapshot.ts"
import type * as Kefu from "../../src/Kefu.ts"
import { AckTimeout, Forbidden, NotConnected, ServerFault, Unauthorized } from "../../src/KefuError.ts"
import { Outbox } from "../../src/outbox/Outbox.ts"
import { OutboxState } from "../../src/outbox/OutboxState.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import { RealtimeEvent } from "../../src/realtime/RealtimeEvent.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import * as TestKefu from "../../src/testing/TestKefu.ts"
import * as Chat from "../support/Chat.ts"
import {
  alice,
  built,
  cid,
  conversation,
  entry,
  failure,
  ids,
  inputting,
  li,
  marks,
  message,
  mid,
  read,
  recall,
  received,
  resynced,
  robot,
  settle,
  wang
} from "../support/Chat.ts"

/** An inbox that has begun and loaded. */
const begun = Effect.fnUntraced(function* (...args: Parameters<typeof Chat.make>) {
  const chat = yield* Chat.make(...args)
  yield* chat.inbox.snapshot
  yield* chat.enter(chat.connected)
  yield* settle
  return chat
})

const unavailable = failure(new ServerFault({ status: 503 }))

describe("beginning", () => {
  it.effect("waits for the first use", () =>
    Effect.gen(function* () {
      const { calls, inbox, subscribers } = yield* Chat.make(alice)
      yield* TestClock.adjust("1 hour")
      assert.deepInclude(inbox.getSnapshot(), { isLoaded: false, conversations: [] })
      assert.isUndefined(inbox.getConversation(cid(7)))
      assert.deepStrictEqual([subscribers(), calls.length], [0, 0])

      inbox.subscribe(() => {})
      yield* settle
      assert.strictEqual(subscribers(), 1)
      assert.deepStrictEqual(
        calls.map(({ what }) => what),
        ["me", "current"]
      )
      const snapshot = yield* inbox.snapshot
      assert.deepInclude(snapshot, { isLoaded: true, error: undefined, me: alice })
      assert.strictEqual(snapshot.users.get(li.id), li)
    })
  )

  it.effect("subscribes before it reads, and loses nothing that comes meanwhile", () =>
    Effect.gen(function* () {
      const { backend, inbox, publish, shown } = yield* Chat.make(alice)
      const latch = Latch.makeUnsafe(false)
      backend.before = latch.await
      backend.conversations = [conversation({ messages: [message(1, li)], conversationsUser: marks([alice, 1]) })]
      yield* inbox.snapshot
      yield* settle
      yield* publish(received(message(2, li)), received(message(1, li)))
      yield* Effect.andThen(latch.open, settle)
      assert.deepStrictEqual(ids(shown()), [1, 2])
      assert.strictEqual(shown()?.unreadCount, 1)
    })
  )

  it.effect("gets over faults that pass, and says so meanwhile", () =>
    Effect.gen(function* () {
      const { backend, called, inbox } = yield* Chat.make(alice)
      backend.before = Effect.fail(unavailable)
      const ready = yield* Effect.forkChild(inbox.ready)
      yield* settle
      assert.deepInclude(inbox.getSnapshot(), { isLoaded: false, error: unavailable })
      yield* TestClock.adjust("20 seconds")
      assert.isAbove(called("current").length, 2)
      backend.before = Effect.void
      yield* TestClock.adjust("30 seconds")
      assert.deepInclude(yield* Fiber.join(ready), { isLoaded: true, error: undefined })
    })
  )

  it.effect("gives up where that is hopeless, until the next connection or `refresh`", () =>
    Effect.gen(function* () {
      const unauthorized = failure(new Unauthorized({ detail: "no" }))
      const { backend, calls, connected, enter, inbox, publish, shown } = yield* Chat.make(alice)
      backend.me = Effect.fail(unauthorized)
      assert.strictEqual((yield* Effect.flip(inbox.ready)).reason, unauthorized.reason)
      const count = calls.length
      yield* TestClock.adjust("1 hour")
      assert.lengthOf(calls, count)
      assert.strictEqual((yield* Effect.flip(inbox.refresh)).method, "Inbox.refresh")

      backend.me = Effect.succeed(alice)
      yield* publish(received(message(1, li)))
      yield* enter(connected)
      assert.deepInclude(yield* inbox.ready, { isLoaded: true, error: undefined, connection: connected })
      assert.deepStrictEqual(ids(shown()), [1])
    })
  )

  it.effect("reads the open conversations of older backends, which have no list of current ones", () =>
    Effect.gen(function* () {
      const { called, inbox } = yield* begunWithout("current")
      assert.deepStrictEqual(
        called("list").map((call) => call.with),
        [{ state: "ACTIVE" }, { state: "PENDING" }]
      )
      assert.isTrue((yield* inbox.ready).isLoaded)
    })
  )
})

/** A chat whose backend lacks something. */
const begunWithout = Effect.fnUntraced(function* (what: string) {
  const chat = yield* Chat.make(alice)
  chat.backend.missing.add(what)
  yield* chat.inbox.snapshot
  yield* settle
  return chat
})

describe("the store", () => {
  it.effect("calls its listeners once for what comes together, and only for news", () =>
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

  it.effect("keeps those who listen well from those who throw, leave or change things meanwhile", () =>
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

  it.effect("streams the present state and the changes, the latest to who is slow", () =>
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

  it.effect("shows the connection", () =>
    Effect.gen(function* () {
      const { enter, inbox } = yield* begun(alice)
      const waiting = ConnectionState.Waiting({ attempt: 1, retryAt: 5000, cause: unavailable })
      yield* enter(waiting)
      assert.strictEqual(inbox.getSnapshot().connection, waiting)
    })
  )
})

describe("reading again", () => {
  it.effect("follows what changes a conversation, once for what comes together", () =>
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

  it.effect("takes in a conversation that it does not know", () =>
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

  it.effect("reads what may have been missed: in one conversation, in all", () =>
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

  it.effect("says that it is not up to date until it has read, however long that takes", () =>
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

  it.effect("takes the conversations after a reconnect, and reads those that are gone from the list", () =>
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

  it.effect("lets a conversation go that the backend does not show any more", () =>
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

  it.effect("reads everything after each connection, if nobody else closes the gap", () =>
    Effect.gen(function* () {
      const { backend, called, connected, enter, shown } = yield* begun(alice, { catchUp: false })
      assert.lengthOf(called("current"), 2)
      backend.conversations = [conversation({ messages: [message(1, li)] })]
      yield* enter(ConnectionState.Connecting({ attempt: 0 }))
      yield* enter({ ...connected, connection: 2 })
      assert.deepStrictEqual(ids(shown()), [1])
    })
  )

  it.effect("refreshes on request", () =>
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

describe("past conversations", () => {
  it.effect("are loaded page by page, the latest first", () =>
    Effect.gen(function* () {
      const { backend, called, inbox } = yield* begun(alice)
      backend.past = Array.from({ length: 5 }, (_, index) =>
        conversation({
          id: cid(index + 1),
          state: "FINISHED",
          messages: [message(index + 1, li, "Text", "a", index + 1)]
        })
      )
      assert.isTrue(yield* inbox.loadMore({ limit: 2 }))
      assert.isTrue(yield* inbox.loadMore({ limit: 2 }))
      assert.isFalse(yield* inbox.loadMore({ limit: 2 }))
      assert.lengthOf(inbox.getSnapshot().conversations, 6)
      yield* inbox.loadMore({ customerId: alice.id })
      assert.deepStrictEqual(
        called("list").map((call) => call.with),
        [
          ...[1, 2, 3].map((page) => ({ state: "FINISHED", order: "DESC", page, limit: 2, customerId: undefined })),
          { state: "FINISHED", order: "DESC", page: 1, limit: 20, customerId: alice.id }
        ]
      )
    })
  )

  it.effect("do not skip a page that could not be read", () =>
    Effect.gen(function* () {
      const { backend, called, inbox } = yield* begun(alice)
      backend.before = Effect.fail(unavailable)
      assert.strictEqual((yield* Effect.flip(inbox.loadMore())).method, "Inbox.loadMore")
      backend.before = Effect.void
      assert.isFalse(yield* inbox.loadMore())
      assert.deepStrictEqual(
        called("list").map((call) => (call.with as { readonly page: number }).page),
        [1, 1]
      )
    })
  )

  it.effect("are read one by one where they are asked for by id", () =>
    Effect.gen(function* () {
      const { backend, called, inbox } = yield* begun(alice)
      assert.strictEqual((yield* inbox.conversation(cid(7))).id, cid(7))
      assert.lengthOf(called("get"), 0)
      backend.conversations = [
        conversation({ id: cid(3), state: "FINISHED", messages: [message(1, li, "Text", "a", 3)] })
      ]
      assert.deepStrictEqual(ids(yield* inbox.conversation(cid(3))), [1])
      assert.strictEqual(yield* inbox.conversation(cid(3)), inbox.getConversation(cid(3)))
      const error = yield* Effect.flip(inbox.conversation(cid(99)))
      assert.deepStrictEqual([error.method, error.reason._tag], ["Inbox.conversation", "NotFound"])
      assert.isUndefined(inbox.getConversation(cid(99)))
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

  it.effect("tells the backend the latest that was received, counts at once, and says it once", () =>
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

  it.effect("takes it back if that fails or is interrupted", () =>
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

  it.effect("tells what a robot said to the backend too, though that counts as read already", () =>
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

describe("who is typing", () => {
  const typing = (shown: InboxConversation | undefined) => shown?.typing?.draft

  it.effect("is shown, and expires by itself after 10 seconds without another sign", () =>
    Effect.gen(function* () {
      const { publish, shown } = yield* begun(li)
      yield* publish(inputting("h", { fromId: 1 }))
      assert.deepStrictEqual(shown()?.typing, { draft: "h", userId: alice.id })
      yield* TestClock.adjust("9 seconds")
      const before = shown()
      yield* publish(inputting("h", { fromId: 1 }))
      assert.strictEqual(shown(), before)
      yield* TestClock.adjust(9999)
      assert.strictEqual(typing(shown()), "h")
      yield* TestClock.adjust(1)
      assert.isUndefined(shown()?.typing)
    })
  )

  it.effect("is over when the message comes, the draft is empty, or the conversation ends", () =>
    Effect.gen(function* () {
      const { publish, shown } = yield* begun(li)
      yield* publish(inputting("h"), received(message(1, alice)))
      assert.isUndefined(shown()?.typing)
      yield* publish(inputting("h"), received(message(2, wang)), received(message(3, li, "StaffTimeoutMessage")))
      assert.strictEqual(typing(shown()), "h")
      yield* publish(inputting(""))
      assert.isUndefined(shown()?.typing)
      yield* publish(inputting("h"), received(message(4, alice, "ConversationEnd", { reason: 1 })))
      assert.isUndefined(shown()?.typing)
      yield* publish(inputting("h"))
      assert.isUndefined(shown()?.typing)
    })
  )

  it.effect("may be somebody who withholds the draft, but not oneself, and not in an unknown conversation", () =>
    Effect.gen(function* () {
      const { inbox, publish, shown } = yield* begun(li)
      yield* publish(inputting(undefined))
      assert.deepStrictEqual(shown()?.typing, { draft: undefined, userId: undefined })
      yield* publish(inputting(""), inputting("mine", { fromId: li.id }))
      assert.isUndefined(shown()?.typing)
      yield* publish(
        RealtimeEvent.Inputting({ conversationId: cid(99), payload: { content: "h", conversationId: cid(99) } })
      )
      assert.lengthOf(inbox.getSnapshot().conversations, 1)
    })
  )
})

describe("typing oneself", () => {
  it.effect("tells whom one talks to, at most once a second, the last draft always", () =>
    Effect.gen(function* () {
      const { called, inbox } = yield* begun(alice)
      yield* inbox.typing(cid(7), "h")
      yield* inbox.typing(cid(7), "he")
      yield* TestClock.adjust(999)
      yield* inbox.typing(cid(7), "hel")
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(
        called("inputting").map(({ at, with: draft }) => [at, draft]),
        [
          [0, { content: "h", conversationId: 7, toId: 3 }],
          [1000, { content: "hel", conversationId: 7, toId: 3 }]
        ]
      )
    })
  )

  it.effect("does not wait for acknowledgements, and fails silently", () =>
    Effect.gen(function* () {
      const { backend, called, inbox } = yield* begun(alice)
      backend.acknowledge = Effect.andThen(
        Effect.sleep("10 seconds"),
        failure(new AckTimeout({ afterMillis: 10_000, sequenceId: 1 }))
      )
      yield* inbox.typing(cid(7), "h")
      yield* TestClock.adjust("3 seconds")
      yield* inbox.typing(cid(7), "he")
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(called("inputting"), 2)
    })
  )

  it.effect("is over when the message is sent", () =>
    Effect.gen(function* () {
      const { called, inbox, send, shown } = yield* begun(alice)
      yield* inbox.typing(cid(7), "h")
      yield* inbox.typing(cid(7), "hello")
      yield* send(entry("a", OutboxState.Queued()))
      yield* TestClock.adjust("10 seconds")
      assert.lengthOf(called("inputting"), 1)
      assert.deepStrictEqual(ids(shown()), ["?"])
    })
  )

  it.effect("is nobody's business while a robot serves, nobody does, or it has ended", () =>
    Effect.gen(function* () {
      const { backend, called, inbox } = yield* begun(alice)
      for (const state of [
        { lastStaff: robot },
        { state: "PENDING", lastStaff: null },
        { state: "FINISHED", lastStaff: li }
      ]) {
        backend.conversations = [conversation(state)]
        yield* inbox.refresh
        yield* inbox.typing(cid(7), "h")
        yield* inbox.typing(cid(99), "h")
        yield* TestClock.adjust("10 seconds")
      }
      assert.lengthOf(called("inputting"), 0)
    })
  )

  it.effect("is not told later if there is no connection now", () =>
    Effect.gen(function* () {
      const { called, connected, enter, inbox } = yield* begun(alice)
      yield* enter(ConnectionState.Connecting({ attempt: 0 }))
      yield* inbox.typing(cid(7), "h")
      yield* enter(connected)
      yield* TestClock.adjust("10 seconds")
      assert.lengthOf(called("inputting"), 0)
    })
  )

  it.effect("tells of a long draft only the beginning, which cannot end the connection", () =>
    Effect.gen(function* () {
      const { called, inbox } = yield* begun(alice)
      yield* inbox.typing(cid(7), `${"x".repeat(999)}🎧${"长".repeat(99_999)}`)
      assert.deepStrictEqual(
        called("inputting").map((call) => (call.with as { readonly content: string }).content),
        ["x".repeat(999)]
      )
    })
  )

  it.effect("can be told without the draft", () =>
    Effect.gen(function* () {
      const { called, inbox } = yield* begun(alice, { inbox: { withholdDraft: true } })
      yield* inbox.typing(cid(7), "my secret")
      yield* TestClock.adjust("1 second")
      yield* inbox.typing(cid(7), "")
      assert.deepStrictEqual(
        called("inputting").map((call) => (call.with as { readonly content: string }).content),
        ["…", ""]
      )
    })
  )
})

describe("the queue", () => {
  const waiting = conversation({ state: "PENDING", lastStaff: null })

  it.effect("is looked at every five seconds while a visitor waits, until the hand-over", () =>
    Effect.gen(function* () {
      const { backend, called, inbox, publish, shown } = yield* Chat.make(alice)
      backend.conversations = [waiting]
      backend.position = 4
      yield* inbox.ready
      yield* settle
      assert.deepStrictEqual(shown()?.queue, { position: 4, estimatedWaitMillis: undefined })
      backend.position = 3
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(shown()?.queue, { position: 3, estimatedWaitMillis: 15_000 })
      const before = called("pendingPosition").length
      backend.conversations = [conversation()]
      yield* publish(received(message(1, li, "ManualServiceStart")))
      assert.deepInclude(shown(), { state: "ACTIVE", queue: undefined })
      yield* TestClock.adjust("5 minutes")
      assert.lengthOf(called("pendingPosition"), before)
    })
  )

  it.effect("goes on by itself if the backend says that nobody waits any more", () =>
    Effect.gen(function* () {
      const { backend, inbox, shown } = yield* Chat.make(alice)
      backend.conversations = [waiting]
      yield* inbox.ready
      yield* settle
      backend.position = 0
      backend.conversations = [conversation()]
      yield* TestClock.adjust("5 seconds")
      assert.deepInclude(shown(), { state: "ACTIVE", queue: undefined, counterpart: li })
    })
  )

  it.effect("begins when the robot hands over, and waits while the page is hidden", () =>
    Effect.gen(function* () {
      const { backend, called, publish, signal } = yield* begun(alice)
      backend.conversations = [waiting]
      yield* publish(received(message(1, undefined, "StaffBusyEvent")))
      assert.lengthOf(called("pendingPosition"), 1)
      backend.suspension = "hidden"
      yield* signal("sleep")
      yield* TestClock.adjust("20 seconds")
      backend.suspension = undefined
      yield* TestClock.adjust("5 seconds")
      yield* signal("wake")
      assert.deepStrictEqual(
        called("pendingPosition").map(({ at }) => at),
        [0, 25_000]
      )
    })
  )

  it.effect("is none of the staff's business, nor of those who do not want it", () =>
    Effect.gen(function* () {
      const staff = yield* Chat.make(li)
      const patient = yield* Chat.make(alice, { inbox: { queuePoll: false } })
      for (const { backend, called, inbox } of [staff, patient]) {
        backend.conversations = [waiting]
        yield* inbox.ready
        yield* TestClock.adjust("1 minute")
        assert.lengthOf(called("pendingPosition"), 0)
      }
    })
  )
})

describe("recalling", () => {
  it.effect("marks the message once the backend has taken note", () =>
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

/** The clock, and how many wait for it now. */
const counted = Effect.map(Clock.Clock, (clock) => {
  const sleepers = { count: 0 }
  const sleep = (duration: Duration.Duration) =>
    Effect.acquireUseRelease(
      Effect.sync(() => sleepers.count++),
      () => clock.sleep(duration),
      () => Effect.sync(() => sleepers.count--)
    )
  return [Object.assign(Object.create(clock) as Clock.Clock, { sleep }), sleepers] as const
})

describe("a command that is not acknowledged", () => {
  it.effect("may have had its effect all the same: that is looked up", () =>
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

describe("the end", () => {
  it.effect("leaves no timer, no read and no listener behind, and ends the streams", () =>
    Effect.gen(function* () {
      const [clock, sleepers] = yield* counted
      const scope = yield* Scope.make()
      const { backend, calls, inbox, publish, send } = yield* Chat.make(alice).pipe(
        Scope.provide(scope),
        Effect.provideService(Clock.Clock, clock)
      )
      backend.conversations = [conversation({ state: "PENDING", lastStaff: null }), conversation({ id: cid(8) })]
      let heard = 0
      inbox.subscribe(() => heard++)
      const changes = yield* Effect.forkChild(Stream.runDrain(inbox.changes), { startImmediately: true })
      const ready = yield* Effect.forkChild(inbox.ready, { startImmediately: true })
      yield* settle
      assert.isTrue((yield* Fiber.join(ready)).isLoaded)
      yield* publish(inputting("h"))
      yield* Effect.provideService(inbox.typing(cid(8), "h"), Clock.Clock, clock)
      yield* inbox.typing(cid(8), "he")
      backend.before = Effect.fail(unavailable)
      yield* publish(RealtimeEvent.Lagged({ dropped: 1 }))
      // The queue, the other side's typing, one's own, and a read that is to be repeated.
      assert.strictEqual(sleepers.count, 4)

      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(changes)
      assert.strictEqual(sleepers.count, 0)
      const before = [heard, calls.length, inbox.getSnapshot()]
      yield* publish(received(message(1, li)))
      yield* send(entry("a", OutboxState.Queued()))
      yield* TestClock.adjust("1 hour")
      inbox.subscribe(() => heard++)
      assert.deepStrictEqual([heard, calls.length, inbox.getSnapshot()], before)
    })
  )
})

// --- against the sandbox

const wait = (seconds: number) => Effect.andThen(TestClock.adjust(`${seconds} seconds`), settle)

/** One more session of the same backend, closed with the scope. */
const session = Effect.fnUntraced(function* (options: Kefu.Options) {
  const context = yield* Layer.build(TestKefu.layerSession(options))
  const inbox = Context.get(context, Inbox)
  const open = () => inbox.getSnapshot().conversations.find(({ state }) => state !== "FINISHED")
  return { inbox, open, outbox: Context.get(context, Outbox), realtime: Context.get(context, Realtime) }
})

const texts = (shown: InboxConversation | undefined) =>
  shown?.messages.flatMap(({ isRecalled, message }) =>
    message.messageType === "Text" ? [isRecalled ? "(recalled)" : message.content] : []
  )

describe("with a backend", () => {
  it.effect("CONN-1 opens no connection before it is used, and none by itself if that is manual", () =>
    Effect.gen(function* () {
      const { counters } = yield* Sandbox
      const idle = yield* session({ token: "visitor-alice-token" })
      const manual = yield* session({ token: "visitor-chen-token", connect: "manual" })
      yield* wait(60)
      assert.isTrue((yield* manual.inbox.ready).isLoaded)
      yield* wait(60)
      assert.strictEqual((yield* counters).dials, 0)
      assert.strictEqual(manual.inbox.getSnapshot().connection._tag, "Idle")
      yield* idle.inbox.ready
      yield* wait(1)
      assert.strictEqual((yield* counters).dials, 1)
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("keeps both sides of a conversation in step, from the robot to the end", () =>
    Effect.gen(function* () {
      const visitor = yield* session({ token: "visitor-alice-token" })
      yield* visitor.inbox.ready
      yield* wait(1)
      assert.deepInclude(visitor.open(), { state: "ACTIVE", isServedByRobot: true, unreadCount: 0 })
      assert.isTrue(visitor.open()?.messages.some(({ message }) => message.messageType === "ChannelMenu"))

      yield* visitor.outbox.send({ messageType: "Text", content: "human" })
      yield* wait(1)
      assert.strictEqual(visitor.open()?.state, "PENDING")
      assert.deepStrictEqual(visitor.open()?.queue, { position: 1, estimatedWaitMillis: undefined })

      const staff = yield* session({ token: "staff-emma-token" })
      yield* staff.inbox.ready
      yield* wait(1)
      assert.deepInclude(visitor.open(), { state: "ACTIVE", queue: undefined, isServedByRobot: false })
      assert.strictEqual(visitor.open()?.counterpart?.id, staff.inbox.getSnapshot().me?.id)
      assert.strictEqual(staff.open()?.counterpart?.id, visitor.inbox.getSnapshot().me?.id)
      const id = visitor.open()?.id ?? cid(0)
      const toId = visitor.inbox.getSnapshot().me?.id

      yield* staff.inbox.typing(id, "Hi A")
      yield* settle
      assert.strictEqual(visitor.open()?.typing?.draft, "Hi A")
      const sent = yield* staff.outbox.send({ conversationId: id, toId, messageType: "Text", content: "Hi Alice" })
      yield* settle
      assert.isUndefined(visitor.open()?.typing)
      assert.strictEqual(visitor.open()?.unreadCount, 1)
      const own = () => staff.open()?.messages.find((one) => one.id === sent.id)
      assert.deepInclude(own(), { key: sent.key, isRead: false, direction: 0, delivery: undefined })
      yield* visitor.inbox.markRead(id)
      yield* settle
      assert.isTrue(own()?.isRead)
      assert.strictEqual(visitor.open()?.unreadCount, 0)

      yield* visitor.outbox.send({ conversationId: id, messageType: "Text", content: "hello" })
      const mistake = yield* visitor.outbox.send({ conversationId: id, messageType: "Text", content: "oops" })
      yield* settle
      assert.strictEqual(staff.open()?.unreadCount, 2)
      yield* visitor.inbox.recall(mistake.id)
      yield* settle
      assert.deepStrictEqual(texts(visitor.open()), ["human", "Hi Alice", "hello", "(recalled)"])
      assert.deepStrictEqual(texts(staff.open()), ["human", "Hi Alice", "hello", "(recalled)"])

      yield* staff.realtime.closeConversation(id)
      yield* settle
      assert.isUndefined(visitor.open())
      assert.isUndefined(staff.open())
      assert.strictEqual(visitor.inbox.getConversation(id)?.details.endReason, 2)
      assert.isFalse(yield* visitor.inbox.loadMore())
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("shows each message once after lost connections, sends of one's own too", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const visitor = yield* session({ token: "visitor-alice-token" })
      const staff = yield* session({ token: "staff-emma-token" })
      yield* Effect.all([visitor.inbox.ready, staff.inbox.ready])
      yield* wait(1)
      yield* visitor.outbox.send({ messageType: "Text", content: "human" })
      yield* wait(1)
      const id = visitor.open()?.id ?? cid(0)
      const toId = visitor.inbox.getSnapshot().me?.id
      const expected = ["human"]
      for (let round = 1; round <= 5; round++) {
        yield* Effect.forEach(yield* sandbox.connections, (connection) => connection.reset)
        yield* visitor.outbox.enqueue({ conversationId: id, messageType: "Text", content: `v${round}` })
        yield* staff.outbox.enqueue({ conversationId: id, toId, messageType: "Text", content: `s${round}` })
        yield* settle
        assert.includeMembers(Array.from(texts(visitor.open()) ?? []), [`v${round}`])
        yield* wait(60)
        expected.push(`v${round}`, `s${round}`)
      }
      const history = (yield* sandbox.messages(id)).flatMap((one) => (one.messageType === "Text" ? [one.id] : []))
      const shownIds = (shown: InboxConversation | undefined) =>
        shown?.messages.flatMap((one) => (one.message.messageType === "Text" ? [one.id] : []))
      assert.sameMembers(Array.from(texts(visitor.open()) ?? []), expected)
      assert.deepStrictEqual<unknown>(shownIds(visitor.open()), history)
      assert.deepStrictEqual<unknown>(shownIds(staff.open()), history)
      const keys = visitor.open()?.messages.map(({ key }) => key) ?? []
      assert.strictEqual(new Set(keys).size, keys.length)
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  const Step = Schema.Literals(["send", "reset", "reset all", "read", "recall", "type", "wait", "wait long"])
  const Steps = Schema.Array(Schema.Struct({ side: Schema.Literals(["visitor", "staff"]), step: Step }))

  it.effect.prop(
    "ends up with what a fresh look at the backend shows, whatever happened to the connections",
    [Steps.check(Schema.isMinLength(5), Schema.isMaxLength(30))],
    ([steps]) =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox
        const sides = {
          visitor: yield* session({ token: "visitor-alice-token" }),
          staff: yield* session({ token: "staff-emma-token" })
        }
        yield* Effect.all([sides.visitor.inbox.ready, sides.staff.inbox.ready])
        yield* wait(1)
        yield* sides.visitor.outbox.send({ messageType: "Text", content: "human" })
        yield* wait(1)
        const id = sides.visitor.open()?.id ?? cid(0)
        const toId = sides.visitor.inbox.getSnapshot().me?.id
        const say = (side: keyof typeof sides, content: string) =>
          sides[side].outbox.enqueue({ conversationId: id, toId, messageType: "Text", content })
        yield* say("staff", "hello")
        yield* wait(1)
        yield* say("visitor", "hi")

        let count = 0
        for (const { side, step } of steps) {
          const { inbox } = sides[side]
          const me = inbox.getSnapshot().me?.id
          const connections = yield* sandbox.connections
          switch (step) {
            case "send":
              yield* say(side, `${side} ${count++}`)
              break
            case "reset":
            case "reset all":
              yield* Effect.forEach(connections, (one) =>
                step === "reset all" || one.userId === me ? one.reset : Effect.void
              )
              break
            case "read":
              yield* Effect.forkScoped(Effect.ignore(inbox.markRead(id)))
              break
            case "recall": {
              const mine = inbox.getConversation(id)?.messages.findLast((one) => one.direction === 0 && !one.isRecalled)
              if (mine?.id !== undefined) yield* Effect.forkScoped(Effect.ignore(inbox.recall(mine.id)))
              break
            }
            case "type":
              yield* inbox.typing(id, "a draft")
              break
            default:
              yield* wait(step === "wait" ? 0.3 : 7)
          }
          yield* settle
        }
        yield* wait(60)
        yield* wait(60)

        for (const side of ["visitor", "staff"] as const) {
          const fresh = yield* session({
            token: `${side}-${side === "visitor" ? "alice" : "emma"}-token`,
            connect: "manual"
          })
          yield* fresh.inbox.ready
          const seen = sides[side].inbox.getConversation(id)
          const told = fresh.inbox.getConversation(id)
          assert.deepEqual(essence(seen), essence(told), side)
          assert.isTrue(seen?.isFresh)
          assert.isUndefined(seen?.typing)
        }
      }).pipe(Effect.provide(Sandbox.layer())),
    { arbitrary: { runs: 15 } }
  )
})

/** What the history tells of a conversation; it does not contain what was recalled. */
const essence = (shown: InboxConversation | undefined) => ({
  state: shown?.state,
  counterpart: shown?.counterpart?.id,
  unreadCount: shown?.unreadCount,
  messages: shown?.messages
    .filter(({ isRecalled, isSystemMessage }) => !isRecalled && !isSystemMessage)
    .map(({ direction, id, isRead, message, nickname }) => ({
      id,
      direction,
      isRead,
      nickname,
      content: message.content
    }))
})

import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type * as Duration from "effect/Duration"
import { ServerFault, Unauthorized } from "../../src/KefuError.ts"
import { OutboxState } from "../../src/outbox/OutboxState.ts"
import { RealtimeEvent } from "../../src/realtime/RealtimeEvent.ts"
import * as Chat from "../support/Chat.ts"
import {
  alice,
  cid,
  conversation,
  entry,
  failure,
  ids,
  inputting,
  li,
  marks,
  message,
  received,
  settle
} from "../support/Chat.ts"

const unavailable = failure(new ServerFault({ status: 503 }))

describe("the start", () => {
  it.effect("starts on first use", () =>
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

  it.effect("subscribes before it reads, and loses nothing that comes in between", () =>
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

  it.effect("retries after temporary failures, and shows the error until then", () =>
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

  it.effect("`ready` fails after a minute in which the backend answered 503, and the inbox loads once it can", () =>
    Effect.gen(function* () {
      const { backend, inbox } = yield* Chat.make(alice)
      backend.before = Effect.fail(unavailable)
      const ready = yield* Effect.forkChild(Effect.flip(inbox.ready))
      yield* TestClock.adjust("59 seconds")
      assert.isUndefined(ready.pollUnsafe())
      yield* TestClock.adjust("1 second")
      const error = yield* Fiber.join(ready)
      assert.deepStrictEqual([error.method, error.reason], ["Inbox.ready", unavailable.reason])
      backend.before = Effect.void
      yield* TestClock.adjust("30 seconds")
      assert.isTrue((yield* inbox.ready).isLoaded)
    })
  )

  it.effect("`ready` fails after a minute without any answer", () =>
    Effect.gen(function* () {
      const { backend, inbox } = yield* Chat.make(alice)
      backend.me = Effect.never
      const ready = yield* Effect.forkChild(Effect.flip(inbox.ready))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(ready)).reason._tag, "RequestTimeout")
    })
  )

  it.effect("gives up after a permanent failure, until the next connection or `refresh`", () =>
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

  it.effect("reads the open conversations of older backends, which lack the list of current ones", () =>
    Effect.gen(function* () {
      const { called, inbox } = yield* begunWithout("current")
      assert.deepStrictEqual(
        called("list").map((call) => call.with),
        [
          { state: "ACTIVE", limit: 100 },
          { state: "PENDING", limit: 100 }
        ]
      )
      assert.isTrue((yield* inbox.ready).isLoaded)
    })
  )
})

/** An inbox that has begun, with a backend that lacks an endpoint. */
const begunWithout = Effect.fnUntraced(function* (what: string) {
  const chat = yield* Chat.make(alice)
  chat.backend.missing.add(what)
  yield* chat.inbox.snapshot
  yield* settle
  return chat
})

/** The clock, and the number of fibers that sleep on it. */
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

describe("the end", () => {
  it.effect("leaves no timer, read or listener behind, and ends the streams", () =>
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
      // The queue, typing of both sides, and a read to be repeated.
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

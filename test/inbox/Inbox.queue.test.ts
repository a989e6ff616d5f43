import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as Chat from "../support/Chat.ts"
import * as WallClock from "../support/WallClock.ts"
import { alice, begun, conversation, li, message, received, settle } from "../support/Chat.ts"

describe("the queue", () => {
  const waiting = conversation({ state: "PENDING", lastStaff: null })

  it.effect("is polled every five seconds while a visitor waits, until the hand-over", () =>
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

  it.effect("leads to a read if the backend says that nobody waits any more", () =>
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

  it.effect("is polled from the robot's hand-over on, and rarely while the page is hidden", () =>
    Effect.gen(function* () {
      const { backend, called, publish, signal } = yield* begun(alice)
      backend.conversations = [waiting]
      yield* publish(received(message(1, undefined, "StaffBusyEvent")))
      assert.lengthOf(called("pendingPosition"), 1)
      backend.isHidden = true
      yield* signal("sleep")
      yield* TestClock.adjust("20 seconds")
      backend.isHidden = false
      yield* TestClock.adjust("5 seconds")
      yield* signal("wake")
      assert.deepStrictEqual(
        called("pendingPosition").map(({ at }) => at),
        [0, 25_000]
      )
    })
  )

  it.effect("is polled at the same pace, and estimated from it, however the wall clock is set", () =>
    Effect.gen(function* () {
      const wall = yield* WallClock.make
      yield* Effect.gen(function* () {
        for (const jump of ["-1 hour", "2 days"] as const) {
          const { backend, called, inbox, shown } = yield* Chat.make(alice)
          backend.conversations = [waiting]
          backend.position = 4
          yield* inbox.ready
          yield* settle
          yield* wall.jump(jump)
          assert.lengthOf(called("pendingPosition"), 1)
          backend.position = 3
          yield* Effect.andThen(TestClock.adjust("5 seconds"), settle)
          assert.deepStrictEqual(shown()?.queue, { position: 3, estimatedWaitMillis: 15_000 })
          yield* Effect.andThen(TestClock.adjust("5 seconds"), settle)
          assert.lengthOf(called("pendingPosition"), 3)
        }
      }).pipe(wall.run)
    })
  )

  it.effect("is not polled for staff, or with `queuePoll: false`", () =>
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

import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { QueuePlace } from "../../../src/inbox/InboxSnapshot.ts"
import * as pendingQueue from "../../../src/inbox/internal/queue.ts"
import { KefuError, NotFound, RateLimited, type RequestReason, ServerFault } from "../../../src/KefuError.ts"
import { cid, failure, settle } from "../../support/Chat.ts"

const make = Effect.gen(function* () {
  const polled: Array<number> = []
  const places: Array<QueuePlace | undefined> = []
  const doubts: Array<number> = []
  const queue = {
    answer: Effect.succeed(1) as Effect.Effect<number | undefined, KefuError<RequestReason>>,
    suspension: undefined as "offline" | undefined,
    isHidden: false
  }
  const position = yield* pendingQueue.make({
    base: Duration.seconds(5),
    page: {
      suspension: Effect.sync(() => queue.suspension),
      isHidden: Effect.sync(() => queue.isHidden),
      signals: Stream.never
    },
    read: () =>
      Effect.gen(function* () {
        polled.push(yield* Clock.currentTimeMillis)
        return { position: yield* queue.answer }
      }),
    show: (_, place) => Effect.sync(() => void places.push(place)),
    doubt: (id) => Effect.sync(() => void doubts.push(id))
  })
  const answer = (value: number | undefined | KefuError<RequestReason>) => {
    queue.answer = value instanceof KefuError ? Effect.fail(value) : Effect.succeed(value)
  }
  const follow = Effect.andThen(
    Effect.sync(() => position.follow(new Set([cid(1)]))),
    settle
  )
  const seconds = (count: number) => Effect.andThen(TestClock.adjust(Duration.seconds(count)), settle)
  return { answer, doubts, follow, polled, places, position, queue, seconds }
})

const after = (...seconds: ReadonlyArray<number>) => seconds.map((second) => second * 1000)

describe("the pace of polling", () => {
  it.effect("is five seconds near the front, and slower far back", () =>
    Effect.gen(function* () {
      const { answer, follow, polled, seconds } = yield* make
      answer(100)
      yield* follow
      yield* seconds(30)
      answer(12)
      yield* seconds(30)
      answer(5)
      yield* seconds(15)
      yield* seconds(11)
      assert.deepStrictEqual(polled, after(0, 30, 60, 75, 80, 85))
    })
  )

  it("slows down with the position and with failures, up to a limit", () => {
    const slowness = (...positions: ReadonlyArray<number>) => positions.map((one) => pendingQueue.slowness(one, 0))
    assert.deepStrictEqual(slowness(1, 5, 6, 10, 11, 30, 31, 5000), [1, 1, 2, 2, 3, 6, 6, 6])
    assert.deepStrictEqual(
      [1, 2, 3, 50].map((failures) => pendingQueue.slowness(1, failures)),
      [2, 4, 6, 6]
    )
  })

  it.effect("is slow while the app is hidden, and normal again when it is shown", () =>
    Effect.gen(function* () {
      const { follow, polled, position, queue, seconds } = yield* make
      yield* follow
      yield* seconds(5)
      queue.isHidden = true
      yield* seconds(5)
      yield* seconds(30)
      yield* seconds(12)
      queue.isHidden = false
      yield* Effect.andThen(position.wake, settle)
      yield* seconds(5)
      assert.deepStrictEqual(polled, after(0, 5, 35, 52, 57))
    })
  )

  it.effect("does not poll early when the app is shown", () =>
    Effect.gen(function* () {
      const { follow, polled, position, seconds } = yield* make
      yield* follow
      yield* seconds(2)
      yield* Effect.andThen(position.wake, settle)
      yield* seconds(3)
      assert.deepStrictEqual(polled, after(0, 5))
    })
  )

  it.effect("pauses while offline", () =>
    Effect.gen(function* () {
      const { follow, polled, position, queue, seconds } = yield* make
      queue.suspension = "offline"
      yield* follow
      yield* seconds(1000)
      queue.suspension = undefined
      yield* Effect.andThen(position.wake, settle)
      assert.deepStrictEqual(polled, after(0, 1000))
    })
  )

  it.effect("backs off after failures, and obeys `Retry-After`", () =>
    Effect.gen(function* () {
      const { answer, follow, polled, places, seconds } = yield* make
      answer(failure(new ServerFault({ status: 503 })))
      yield* follow
      yield* seconds(10)
      yield* seconds(20)
      answer(failure(new RateLimited({ retryAfterMillis: 90_000 })))
      yield* seconds(30)
      answer(3)
      yield* seconds(90)
      yield* seconds(5)
      assert.deepStrictEqual(polled, after(0, 10, 30, 60, 150, 155))
      assert.deepStrictEqual(
        places.map((place) => place?.position),
        [3, 3]
      )
    })
  )
})

describe("the place in the queue", () => {
  it.effect("is not polled after the hand-over, or if the backend has no queue", () =>
    Effect.gen(function* () {
      const { answer, doubts, follow, polled, places, position, seconds } = yield* make
      answer(2)
      yield* follow
      position.follow(new Set())
      yield* seconds(100)
      assert.deepStrictEqual(polled, after(0))
      answer(failure(new NotFound({ detail: "no queue" })))
      yield* follow
      yield* seconds(100)
      assert.deepStrictEqual(polled, after(0, 100))
      assert.deepStrictEqual(places, [{ position: 2, estimatedWaitMillis: undefined }, undefined])
      assert.lengthOf(doubts, 0)
    })
  )

  it.effect("leads to a read of the conversation if there is none", () =>
    Effect.gen(function* () {
      const { answer, doubts, follow, polled, seconds } = yield* make
      answer(0)
      yield* follow
      answer(undefined)
      yield* seconds(30)
      assert.deepStrictEqual(doubts, [1, 1])
      assert.deepStrictEqual(polled, after(0, 30))
    })
  )

  it.effect("is not polled after the scope closes", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { follow, polled, seconds } = yield* Scope.provide(make, scope)
      yield* follow
      yield* Scope.close(scope, Exit.void)
      yield* seconds(100)
      assert.deepStrictEqual(polled, after(0))
    })
  )
})

describe("the estimate", () => {
  const observe = (...seen: ReadonlyArray<readonly [second: number, position: number]>) => {
    const pace = new pendingQueue.Pace()
    return seen.map(([second, position]) => pace.observe(position, second * 1000).estimatedWaitMillis)
  }

  it("comes from the pace at which the queue moves", () => {
    assert.deepStrictEqual(observe([100, 10], [105, 10], [160, 9], [220, 6]), [undefined, undefined, 540_000, 180_000])
  })

  it("grows while the queue stands still, and copes with others who are let in first", () => {
    assert.deepStrictEqual(observe([0, 3], [60, 2], [120, 2], [180, 4], [240, 3]), [
      undefined,
      120_000,
      240_000,
      720_000,
      360_000
    ])
  })

  it("forgets old moves", () => {
    const slow = Array.from({ length: 11 }, (_, index) => [index * 600, 100 - index] as const)
    const fast = Array.from({ length: 11 }, (_, index) => [6000 + (index + 1) * 10, 89 - index] as const)
    assert.strictEqual(observe(...slow, ...fast).at(-1), 79 * 10_000)
  })
})

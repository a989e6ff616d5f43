import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as TestClock from "effect/testing/TestClock"
import * as elapsed from "../../../src/platform/elapsed.ts"
import * as heartbeat from "../../../src/realtime/internal/heartbeat.ts"

const options = { idle: Duration.seconds(20), timeout: Duration.seconds(5) }

/** A connection on a machine that can sleep: the wall clock runs on while the timers stand still. */
const make = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const machine = { slept: 0, lastInbound: 0, frames: 0, acks: 0, isOverdue: false, pings: Array<number>() }
  const now = () => clock.currentTimeMillisUnsafe() + machine.slept
  const wall: Clock.Clock = {
    ...clock,
    currentTimeMillisUnsafe: now,
    currentTimeMillis: Effect.sync(now)
  }
  const check = Latch.makeUnsafe(false)
  const inbound = Latch.makeUnsafe(false)
  const fiber = yield* heartbeat
    .run(options, {
      lastInbound: () => machine.lastInbound,
      frames: () => machine.frames,
      acks: () => machine.acks,
      isOverdue: () => machine.isOverdue,
      ping: Effect.suspend(() => (machine.pings.push(now()) > 100 ? Effect.die("a storm of pings") : Effect.void)),
      inbound,
      check
    })
    .pipe(Effect.flip, Effect.provideService(Clock.Clock, wall), Effect.forkChild({ startImmediately: true }))
  /** A frame comes in. */
  const hear = Effect.map(elapsed.now, (at) => {
    machine.lastInbound = at
    machine.frames++
    inbound.openUnsafe()
  })
  return { machine, now, fiber, check, hear }
})

describe("heartbeat", () => {
  it.effect("CONN-9 sends no ping while frames come in, then pings, then fails", () =>
    Effect.gen(function* () {
      const { fiber, hear, machine, now } = yield* make
      yield* TestClock.adjust("15 seconds")
      yield* hear
      yield* TestClock.adjust("19 seconds")
      assert.deepStrictEqual(machine.pings, [])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(machine.pings, [35_000])
      yield* TestClock.adjust("4 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "ConnectionLost")
      assert.strictEqual(now(), 40_000)
    })
  )

  it.effect("does not count an ack of the ping's millisecond that came in before it as its answer", () =>
    Effect.gen(function* () {
      const { check, fiber, hear, machine } = yield* make
      yield* TestClock.adjust("10 seconds")
      machine.acks++
      yield* hear
      machine.isOverdue = true
      yield* check.open
      yield* TestClock.adjust("4 seconds")
      assert.deepStrictEqual(machine.pings, [10_000])
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "ConnectionLost")
    })
  )

  it.effect("CONN-9 counts any frame as the answer, also in the millisecond of the ping", () =>
    Effect.gen(function* () {
      const { fiber, hear, machine } = yield* make
      yield* TestClock.adjust("20 seconds")
      yield* hear
      yield* TestClock.adjust("20 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      assert.deepStrictEqual(machine.pings, [20_000, 40_000])
    })
  )

  it.effect("CONN-8 waits once more after a timer that was late by a second or more", () =>
    Effect.gen(function* () {
      const { fiber, machine } = yield* make
      yield* TestClock.adjust("22 seconds")
      machine.slept = 3_600_000
      yield* TestClock.adjust("3 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "ConnectionLost")
    })
  )

  it.effect("CONN-8 keeps a connection that answers within the second wait", () =>
    Effect.gen(function* () {
      const { fiber, hear, machine } = yield* make
      yield* TestClock.adjust("22 seconds")
      machine.slept = 3_600_000
      yield* TestClock.adjust("4 seconds")
      yield* hear
      yield* TestClock.adjust("10 seconds")
      assert.isUndefined(fiber.pollUnsafe())
    })
  )

  it.effect("CONN-8 does not wait again after a timer that was late by less", () =>
    Effect.gen(function* () {
      const { fiber, machine } = yield* make
      yield* TestClock.adjust("22 seconds")
      machine.slept = 999
      yield* TestClock.adjust("3 seconds")
      assert.isDefined(fiber.pollUnsafe())
    })
  )

  it.effect("CONN-12 pings at once when asked", () =>
    Effect.gen(function* () {
      const { check, machine } = yield* make
      yield* TestClock.adjust("2 seconds")
      yield* check.open
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(machine.pings, [2_000])
    })
  )
})

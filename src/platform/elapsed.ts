/**
 * Elapsed time, which no change of the wall clock affects. Durations are measured with it; the wall clock is only for
 * times that people see.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** Milliseconds since an arbitrary moment, with fractions. */
export const nowUnsafe = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6

/** Milliseconds since an arbitrary moment, with fractions. */
export const now: Effect.Effect<number> = Clock.clockWith((clock) => Effect.succeed(nowUnsafe(clock)))

/** How late a timer must be, in milliseconds, to count as late. */
const lateness = 1000

/**
 * Sleeps; true if the timer was late, because the process or the machine was suspended. While a machine sleeps, the elapsed
 * time may stand still, and the wall clock goes on.
 */
export const sleepsLate = Effect.fnUntraced(function* (millis: number) {
  const began = yield* now
  const wall = yield* Clock.currentTimeMillis
  yield* Effect.sleep(millis)
  const took = Math.max((yield* now) - began, (yield* Clock.currentTimeMillis) - wall)
  return took - millis >= lateness
})

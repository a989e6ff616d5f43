/**
 * A wall clock that jumps, as a device's does when it is set. Timers and elapsed time go on as the test's clock says.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

export const make = Effect.map(Clock.Clock, (base) => {
  let millis = 0
  const currentTimeMillisUnsafe = () => base.currentTimeMillisUnsafe() + millis
  const currentTimeNanosUnsafe = () => base.currentTimeNanosUnsafe() + BigInt(millis) * 1_000_000n
  const clock: Clock.Clock = {
    // Under a test's clock, its `adjust` too.
    ...base,
    currentTimeMillisUnsafe,
    currentTimeMillis: Effect.sync(currentTimeMillisUnsafe),
    currentTimeNanosUnsafe,
    currentTimeNanos: Effect.sync(currentTimeNanosUnsafe),
    monotonicTimeNanosUnsafe: () => base.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: base.monotonicTimeNanos,
    sleep: (duration) => base.sleep(duration)
  }
  return {
    /** Sets the wall clock forward, or back if negative. */
    jump: (by: Duration.Input) =>
      Effect.sync(() => {
        millis += Duration.toMillis(Duration.fromInputUnsafe(by))
      }),
    /** Runs an effect with this clock. */
    run: Effect.provideService(Clock.Clock, clock)
  }
})

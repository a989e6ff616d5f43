/**
 * When to try again: after a full-jitter backoff, or as a `Schedule` of the app says. `Schedule.jittered` spreads by 20 %
 * only, which does not disperse a herd of clients.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"

export interface Policy {
  readonly base: Duration.Duration
  readonly cap: Duration.Duration
}

/**
 * Draws the delay before the n-th attempt (counted from 0), in whole milliseconds, from `U(0, min(cap, base * 2^n))`.
 */
export const delay = (policy: Policy, attempt: number): Effect.Effect<Duration.Duration> =>
  Effect.map(Random.next, (share) => {
    const ceiling = Math.min(Duration.toMillis(policy.cap), Duration.toMillis(policy.base) * 2 ** attempt)
    return Duration.millis(Math.round(share * ceiling))
  })

/** The delays of one series of attempts, each after a failure; undefined once there shall be no further attempt. */
export type Delays<Failure> = (failure: Failure) => Effect.Effect<Duration.Duration | undefined>

/** The delays of a schedule, from its beginning. */
export const scheduled = <Failure>(schedule: Schedule.Schedule<unknown, Failure>): Delays<Failure> => {
  let step: Effect.Success<ReturnType<typeof Schedule.toStep<unknown, Failure, never, never>>> | undefined
  return Effect.fnUntraced(function* (failure: Failure) {
    step ??= yield* Schedule.toStep(schedule)
    return yield* step(yield* Clock.currentTimeMillis, failure).pipe(
      Effect.map(([, delay]): Duration.Duration | undefined => delay),
      Pull.catchDone(() => Effect.undefined)
    )
  })
}

/** The delays of a policy with a number of attempts, or of a schedule. */
export const delays = <Failure>(
  policy: (Policy & { readonly times: number }) | Schedule.Schedule<unknown, Failure>
): Delays<Failure> => {
  if (Schedule.isSchedule(policy)) return scheduled(policy)
  let attempt = 0
  return () => (attempt < policy.times ? delay(policy, attempt++) : Effect.undefined)
}

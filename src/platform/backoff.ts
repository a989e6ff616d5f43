/**
 * Full-jitter backoff. `Schedule.jittered` spreads by 20 % only, which does not disperse a herd of clients.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

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

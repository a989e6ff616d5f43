/**
 * `Retry-After`: how long a backend asks to be left alone, and how long that is obeyed.
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type { KefuErrorReason } from "../KefuError.ts"

/** No wait is longer, whatever the backend asks for. */
const longest = Duration.minutes(5)

/** What is reported of a greater number, which no clock could count. */
const day = Duration.days(1)

/** Waits are prolonged by up to this share, so that clients which were told the same do not return together. */
const spread = 0.25

/**
 * The wait that a response asks for, in milliseconds and at most a day; undefined if it asks for none. A date is measured
 * against the response's own `Date`, and only without one against the clock of the device.
 */
export const parse = (headers: Readonly<Record<string, string | undefined>>): Effect.Effect<number | undefined> =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const header = headers["retry-after"]?.trim() ?? ""
    const millis = /^-?\d+(\.\d+)?$/.test(header)
      ? Number(header) * 1000
      : date(header) - (date(headers["date"] ?? "") || now)
    return Number.isNaN(millis) ? undefined : Math.min(Math.max(0, millis), Duration.toMillis(day))
  })

/** In milliseconds since 1970; NaN for what is no date of HTTP, even if a more lenient parser takes it for one. */
const date = (text: string): number => {
  const parsed = /^[a-z]{3,9},? .*\d:\d\d/i.test(text) ? DateTime.make(text) : Option.none()
  return Option.isSome(parsed) ? DateTime.toEpochMillis(parsed.value) : NaN
}

/** The client's own delay after a failure, prolonged to what the backend asked for, by at most five minutes and a quarter. */
export const prolong = (own: Duration.Duration, reason: KefuErrorReason): Effect.Effect<Duration.Duration> => {
  const asked = ("retryAfterMillis" in reason ? reason.retryAfterMillis : undefined) ?? 0
  if (asked <= 0) return Effect.succeed(own)
  return Effect.map(Random.next, (share) =>
    Duration.max(own, Duration.millis(Math.ceil(Math.min(asked, Duration.toMillis(longest)) * (1 + share * spread))))
  )
}

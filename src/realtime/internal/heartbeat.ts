/**
 * Detects a dead connection: a ping after `idle` without inbound traffic, dead after `timeout` without any reply.
 *
 * A timer that fires late is no sign of a dead connection: the machine slept, and the backend had no chance to answer. It
 * gets `timeout` once more.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Latch from "effect/Latch"
import { ConnectionLost, KefuError } from "../../KefuError.ts"

/** How late a timer must be, in milliseconds, to count as late. */
const lateness = 1000

/** What the heartbeat watches. */
export interface Pulse {
  /** When the last frame came in, in milliseconds since 1970. */
  readonly lastInbound: () => number
  readonly ping: Effect.Effect<void>
  /** Opened to have the connection checked at once, for example when the page wakes. */
  readonly check: Latch.Latch
}

/**
 * Runs until the connection is dead, then fails with `ConnectionLost` (code 1006).
 */
export const run = Effect.fnUntraced(function* (
  options: { readonly idle: Duration.Duration; readonly timeout: Duration.Duration },
  pulse: Pulse
): Effect.fn.Return<never, KefuError> {
  const idle = Duration.toMillis(options.idle)
  const timeout = Duration.toMillis(options.timeout)

  /** True if the timer was late. */
  const sleep = Effect.fnUntraced(function* (millis: number) {
    const due = (yield* Clock.currentTimeMillis) + millis
    yield* Effect.sleep(millis)
    return (yield* Clock.currentTimeMillis) - due >= lateness
  })

  const isAnswered = Effect.fnUntraced(function* (pinged: number) {
    const wasLate = yield* sleep(timeout)
    if (wasLate && pulse.lastInbound() < pinged) yield* sleep(timeout)
    return pulse.lastInbound() >= pinged
  })

  while (true) {
    yield* pulse.check.close
    const quiet = (yield* Clock.currentTimeMillis) - pulse.lastInbound()
    const isAsked =
      quiet < idle &&
      (yield* Effect.raceFirst(
        Effect.as(Effect.sleep(Math.ceil(idle - quiet)), false),
        Effect.as(pulse.check.await, true)
      ))
    const pinged = yield* Clock.currentTimeMillis
    if (!isAsked && pinged - pulse.lastInbound() < idle) continue
    yield* pulse.ping
    if (yield* isAnswered(pinged)) continue
    return yield* new KefuError({
      method: "Realtime.heartbeat",
      reason: new ConnectionLost({ code: 1006, detail: `no frame came in within ${timeout} ms after a ping` })
    })
  }
})

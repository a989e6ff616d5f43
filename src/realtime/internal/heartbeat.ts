/**
 * Notices a link that went silent: a ping after `idle` without inbound traffic, dead after `timeout` without a reply.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Latch from "effect/Latch"
import { ConnectionLost, KefuError } from "../../KefuError.ts"

/** A timer this late means that the machine slept or was throttled, so the other side had no chance to answer. */
const lateness = 1000

export interface Link {
  /** When the last frame came in, in milliseconds since 1970. */
  readonly lastInbound: () => number
  readonly ping: Effect.Effect<void>
  /** Opened to have the link checked at once, for example when the page wakes. */
  readonly check: Latch.Latch
}

/**
 * Runs until the link is dead, then fails with `ConnectionLost` (code 1006).
 */
export const run = Effect.fnUntraced(function* (
  options: { readonly idle: Duration.Duration; readonly timeout: Duration.Duration },
  link: Link
): Effect.fn.Return<never, KefuError> {
  const idle = Duration.toMillis(options.idle)
  const timeout = Duration.toMillis(options.timeout)

  const sleep = Effect.fnUntraced(function* (millis: number) {
    const due = (yield* Clock.currentTimeMillis) + millis
    yield* Effect.sleep(millis)
    return (yield* Clock.currentTimeMillis) - due >= lateness
  })

  while (true) {
    yield* link.check.close
    const quiet = (yield* Clock.currentTimeMillis) - link.lastInbound()
    const asked =
      quiet < idle &&
      (yield* Effect.raceFirst(
        Effect.as(Effect.sleep(Math.ceil(idle - quiet)), false),
        Effect.as(link.check.await, true)
      ))
    const pinged = yield* Clock.currentTimeMillis
    if (!asked && pinged - link.lastInbound() < idle) continue
    yield* link.ping
    const late = yield* sleep(timeout)
    if (link.lastInbound() >= pinged) continue
    if (late) {
      yield* sleep(timeout)
      if (link.lastInbound() >= pinged) continue
    }
    return yield* new KefuError({
      method: "Realtime.heartbeat",
      reason: new ConnectionLost({ code: 1006, detail: `no sign of life for ${timeout} ms after a ping` })
    })
  }
})

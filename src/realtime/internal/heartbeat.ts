/**
 * Detects a dead connection: a ping after `idle` without inbound traffic, dead after `timeout` without an answer.
 *
 * Any frame shows that the backend still reaches us. Only an ack shows that we still reach the backend: after a ping that
 * got no ack, or a command that got none in time, nothing else answers the next ping.
 *
 * The wait for the next ping begins with the answer, not when `timeout` is over: a hidden page's timers that others have
 * set fire once a minute, which is longer than many proxies keep a silent connection; those that a frame has set do not.
 *
 * A timer that fires late is no sign of a dead connection: the machine slept, and the backend had no chance to answer. It
 * gets `timeout` once more.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Latch from "effect/Latch"
import { ConnectionLost, KefuError } from "../../KefuError.ts"
import * as elapsed from "../../platform/elapsed.ts"

/** What the heartbeat watches; times are milliseconds of elapsed time. */
export interface Pulse {
  /** When the last frame came in. */
  readonly lastInbound: () => number
  /** How many frames have come in. */
  readonly frames: () => number
  /** How many of them were acks. */
  readonly acks: () => number
  /** Whether a command got no ack in time, and nothing has been acknowledged since. */
  readonly isOverdue: () => boolean
  readonly ping: Effect.Effect<void>
  /** Opened by each frame that comes in. */
  readonly inbound: Latch.Latch
  /** Opened to have the connection checked at once: a command is overdue, or the page woke or went offline. */
  readonly check: Latch.Latch
}

/**
 * Runs until the connection is dead, then fails with `ConnectionLost` (code 1006).
 */
export const run = Effect.fnUntraced(function* (
  options: { readonly idle: Duration.Duration; readonly timeout: Duration.Duration },
  pulse: Pulse
): Effect.fn.Return<never, KefuError<ConnectionLost>> {
  const idle = Duration.toMillis(options.idle)
  const timeout = Duration.toMillis(options.timeout)
  /** The oldest ping that has got no ack: when it was sent, and how many acks had come in before. */
  let unacknowledged: { readonly at: number; readonly acks: number } | undefined

  const due = () => {
    if (unacknowledged !== undefined && pulse.acks() > unacknowledged.acks) unacknowledged = undefined
    return Math.min(pulse.lastInbound(), unacknowledged?.at ?? Infinity) + idle
  }

  const isAnswered = Effect.fnUntraced(function* (answered: () => boolean) {
    const answer = Effect.gen(function* () {
      while (!answered()) {
        yield* pulse.inbound.close
        yield* pulse.inbound.await
      }
      return false
    })
    const isLate = Effect.raceFirst(elapsed.sleepsLate(timeout), answer)
    if ((yield* isLate) && !answered()) yield* isLate
    return answered()
  })

  while (true) {
    yield* pulse.check.close
    const wait = due() - (yield* elapsed.now)
    const isAsked =
      pulse.isOverdue() ||
      (wait > 0 &&
        (yield* Effect.raceFirst(Effect.as(Effect.sleep(Math.ceil(wait)), false), Effect.as(pulse.check.await, true))))
    const pinged = yield* elapsed.now
    if (!isAsked && pinged < due()) continue
    const isAckMissing = unacknowledged !== undefined
    const needsAck = () => isAckMissing || pulse.isOverdue()
    const [frames, acks] = [pulse.frames(), pulse.acks()]
    yield* pulse.ping
    unacknowledged ??= { at: pinged, acks }
    // Counted, since a frame that came in just before the ping may have come at the same time by a coarse clock.
    if (yield* isAnswered(() => (needsAck() ? pulse.acks() > acks : pulse.frames() > frames))) continue
    const missing = needsAck() ? "no ack" : "no frame"
    return yield* new KefuError({
      method: "Realtime.heartbeat",
      reason: new ConnectionLost({ code: 1006, detail: `${missing} came in within ${timeout} ms after a ping` })
    })
  }
})

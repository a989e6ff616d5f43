/**
 * Dials, and after each connection decides how to go on: dials again after a backoff, or ends the session.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as retryAfter from "../../http/retryAfter.ts"
import type { KefuConfig } from "../../KefuConfig.ts"
import { type ConnectionReason, KefuError, Superseded } from "../../KefuError.ts"
import * as backoff from "../../platform/backoff.ts"
import { ConnectionState } from "../ConnectionState.ts"
import { RealtimeEvent } from "../RealtimeEvent.ts"
import { replaced } from "../replaced.ts"
import { verdict } from "./closeCodes.ts"
import type { Connections } from "./connection.ts"
import type { Phases } from "./phase.ts"
import type { Wakefulness } from "./wakefulness.ts"

export interface Options {
  readonly connections: Connections
  readonly phase: Phases
  readonly publish: (event: RealtimeEvent) => Effect.Effect<void>
  readonly reconnect: KefuConfig["Service"]["reconnect"]
  readonly waking: Wakefulness
}

/** Runs until the session has ended. */
export const run = Effect.fnUntraced(function* ({ connections, phase, publish, reconnect, waking }: Options) {
  const { enter, now } = phase
  let attempt = 0
  let scheduled: backoff.Delays<KefuError<ConnectionReason>> | undefined
  const first = yield* respite(now().contested)
  if (first !== undefined) yield* waking.pause(now().contested - 2, first, contested())
  while (true) {
    yield* waking.awake
    if (now().state._tag !== "Connecting") yield* enter(ConnectionState.Connecting({ attempt }))
    const { error: ended, lasted } = yield* connections.next
    const isOurs = verdict(ended) === "superseded" && (yield* connections.explainsLogin)
    const error = isOurs ? replaced() : ended
    const meaning = verdict(error)
    const what = `${lasted === undefined ? "The dial failed" : "The connection was lost"}: ${error.reason.message}`
    if (meaning === "superseded") {
      yield* Effect.logWarning(`${what}; the session has ended until \`takeOver\``)
      yield* publish(RealtimeEvent.Superseded())
      const contested = (lasted ?? 0) < Duration.toMillis(calm) ? now().contested + 1 : 0
      return yield* enter(ConnectionState.Superseded(), { contested })
    }
    let own: Duration.Duration | undefined
    if (meaning !== "terminal" && reconnect !== undefined) {
      const isScheduled = Schedule.isSchedule(reconnect)
      if ((lasted ?? 0) >= Duration.toMillis(isScheduled ? steady : reconnect.resetAfter)) {
        attempt = 0
        scheduled = undefined
      }
      if (isScheduled) own = yield* (scheduled ??= backoff.scheduled(reconnect))(error)
      else {
        if (meaning === "later") attempt = Math.max(attempt, 3)
        own = yield* backoff.delay(yield* waking.backoff(reconnect), attempt)
      }
    }
    if (own === undefined) {
      yield* Effect.logWarning(`${what}; the session has ended until \`open\``)
      return yield* enter(ConnectionState.Closed({ reason: error }))
    }
    const delay = yield* retryAfter.prolong(own, error.reason)
    yield* Effect.logWarning(`${what}; the next dial is in ${Duration.toMillis(delay)} ms`)
    yield* waking.pause(attempt, delay, error)
    attempt++
  }
})

/** After a connection that lasted so long, a schedule starts anew. */
const steady = Duration.seconds(10)

/**
 * How long a login that the app takes back for the n-th time in a row is left to whoever has it: ever longer, or two clients
 * end each other for ever. Undefined for the first two.
 */
const respite = (times: number) =>
  times < 2
    ? Effect.undefined
    : Effect.map(backoff.delay(contesting, times - 2), (delay) => Duration.max(Duration.seconds(1), delay))

/** When a contested login is taken back. */
const contesting = { base: Duration.seconds(2), cap: Duration.seconds(60) }

/** A connection that lasted so long was not contested. */
const calm = Duration.minutes(2)

const contested = () => new KefuError({ method: "Realtime.takeOver", reason: new Superseded({}) })

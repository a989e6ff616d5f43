/**
 * The order of one connection's events: first what the gap before it held, then what came in meanwhile, then each at once.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { KefuError, RequestReason } from "../../KefuError.ts"
import * as backoff from "../../platform/backoff.ts"
import * as elapsed from "../../platform/elapsed.ts"
import * as metrics from "../../platform/metrics.ts"
import { RealtimeEvent } from "../RealtimeEvent.ts"
import type { DeliveryLog } from "./deliveryLog.ts"

/** Reads the history for what was missed, as events in order. */
export type Gap = Effect.Effect<ReadonlyArray<RealtimeEvent>, KefuError<RequestReason>>

export interface Options {
  readonly log: DeliveryLog
  readonly publish: (event: RealtimeEvent) => Effect.Effect<void>
  /** Undefined if the app does not want what was missed. */
  readonly gap: Gap | undefined
  /** Waits for the acks of the sends that are on their way. */
  readonly acknowledged: Effect.Effect<void>
}

/** How many events are held back at most while the gap is read. */
const heldLimit = 10_000

/** How long live events wait at most while the gap is read. */
const holding = Duration.seconds(3)

/** How long a gap waits for acks: the history may hold sends of ours that are not known as ours yet. */
const patience = Duration.seconds(2)

/** How soon the history is read again when a message may be missing. */
const rereading = { base: Duration.seconds(4), cap: Duration.seconds(60) }

export const make = ({ acknowledged, gap, log, publish }: Options) => {
  const overfull = Latch.makeUnsafe(false)
  const doubt = Latch.makeUnsafe(false)
  const stale = Latch.makeUnsafe(false)
  const held: Array<RealtimeEvent> = []
  let isLive = gap === undefined
  /** How often a message may have been missed, and how many of these times the history has been read since. */
  let doubts = isLive ? 0 : 1
  let resolved = 0

  const raise = () => {
    doubts++
    doubt.openUnsafe()
  }

  const emit = (event: RealtimeEvent): Effect.Effect<void> => {
    if (event._tag !== "MessageReceived") return publish(event)
    const { conversationId, id } = event.message
    const admission = log.admit(event.message)
    if (admission === "new") return publish(event)
    if (admission === "duplicate") return Metric.update(metrics.duplicates, 1)
    const detail = `message ${id} came after a later one`
    return Effect.andThen(publish(RealtimeEvent.GapUnresolved({ conversationId, detail })), publish(event))
  }

  const recover = (event: RealtimeEvent) => {
    if (event._tag === "MessageReceived" && log.has(event.message)) return Effect.void
    return Effect.tap(emit(event), () =>
      Effect.sync(() => {
        if (event._tag === "Resynced") log.resynced(event.conversations)
      })
    )
  }

  /** Reads the history, waits for the acks that are on their way, and delivers what is new. */
  const closeGap = Effect.fnUntraced(function* (gap: Gap, limit: Duration.Duration) {
    const began = yield* elapsed.now
    const seen = doubts
    const missed = yield* Effect.timeoutOption(gap, limit)
    if (Option.isNone(missed)) return false
    const left = Duration.subtract(limit, Duration.millis((yield* elapsed.now) - began))
    yield* Effect.timeoutOption(acknowledged, Duration.min(patience, left))
    yield* Effect.forEach(missed.value, recover, { discard: true })
    resolved = seen
    if (resolved === doubts) log.noteTime(yield* elapsed.now)
    return true
  })

  const unresolved = (detail: string) => publish(RealtimeEvent.GapUnresolved({ conversationId: undefined, detail }))

  /** Reports that the gap is open, and has the history read again. */
  const postpone = (detail: string) => {
    raise()
    return unresolved(detail)
  }

  /** Closes the gap before the connection, or reports it as unresolved. */
  const closeFirstGap = (gap: Gap) =>
    closeGap(gap, holding).pipe(
      Effect.flatMap((isClosed) =>
        isClosed ? Effect.void : postpone(`the history was not read within ${Duration.toSeconds(holding)} s`)
      ),
      Effect.catch(({ reason }) => {
        const detail = `the history could not be read: ${reason.message}`
        return reason.isRetryable ? postpone(detail) : unresolved(detail)
      }),
      Effect.raceFirst(Effect.flatMap(overfull.await, () => postpone("too much came in while the history was read")))
    )

  /** Reads the history again, with a backoff, whenever a message may be missing. Live events do not wait for it. */
  const closeLaterGaps = Effect.fnUntraced(function* (gap: Gap) {
    let attempt = 0
    let last = -Infinity
    while (true) {
      yield* doubt.await
      const now = yield* elapsed.now
      if (now - last > Duration.toMillis(rereading.cap)) attempt = 0
      yield* Effect.sleep(Duration.sum(patience, yield* backoff.delay(rereading, attempt++)))
      yield* doubt.close
      last = yield* elapsed.now
      const closed = yield* Effect.result(closeGap(gap, Duration.infinity))
      if (Result.isFailure(closed) && closed.failure.reason.isRetryable) doubt.openUnsafe()
    }
  })

  /** Closes a gap, then goes live. */
  const closeGapBefore = Effect.fnUntraced(function* (gap: Gap) {
    yield* stale.close
    isLive = false
    yield* closeFirstGap(gap)
    for (let event = held.shift(); event !== undefined; event = held.shift()) yield* emit(event)
    isLive = true
  })

  return {
    /** Whether every message before the latest one has been delivered, as far as is known. */
    isWhole: () => isLive && resolved === doubts,
    /** Passes an event on, or holds it back until the gap is closed. */
    receive: (event: RealtimeEvent): Effect.Effect<unknown> => {
      if (isLive) return emit(event)
      held.push(event)
      return held.length > heldLimit ? overfull.open : Effect.void
    },
    /** A message may be missing: has the history read again. */
    doubt: raise,
    /** The history holds something new that is not pushed: has it read before what comes in from now on. */
    reread: () => {
      if (gap === undefined) return
      isLive = false
      stale.openUnsafe()
    },
    /** Closes the gap, goes live, and closes later gaps while the connection lasts. */
    run: Effect.gen(function* () {
      if (gap === undefined) return yield* Effect.never
      yield* closeGapBefore(gap)
      return yield* Effect.raceFirst(
        closeLaterGaps(gap),
        Effect.forever(Effect.andThen(stale.await, closeGapBefore(gap)))
      )
    })
  }
}

/**
 * The order of one connection's events: first what the gap before it held, then what came in meanwhile, then each at once.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"
import type { Message } from "../../domain/Message.ts"
import type { KefuError } from "../../KefuError.ts"
import * as backoff from "../../platform/backoff.ts"
import * as metrics from "../../platform/metrics.ts"
import { RealtimeEvent } from "../RealtimeEvent.ts"
import type { DeliveryLog } from "./deliveryLog.ts"

/** Reads the history for what was missed, as events in order. */
export type Gap = Effect.Effect<ReadonlyArray<RealtimeEvent>, KefuError>

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

/** How long a gap waits for acks: the history may hold sends of ours that are not known as ours yet. */
const patience = Duration.seconds(2)

/** How soon the history is read again when a message may be missing. */
const rereading = { base: Duration.seconds(4), cap: Duration.seconds(60) }

export const make = ({ acknowledged, gap, log, publish }: Options) => {
  const overfull = Latch.makeUnsafe(false)
  const doubt = Latch.makeUnsafe(false)
  const held: Array<RealtimeEvent> = []
  let isLive = gap === undefined

  const deliver = Effect.fnUntraced(function* (message: Message, recovered: boolean) {
    const admission = log.admit(message)
    if (admission === "duplicate") return yield* Metric.update(metrics.duplicates, 1)
    if (admission === "late") {
      const detail = `message ${message.id} came after a later one`
      yield* publish(RealtimeEvent.GapUnresolved({ conversationId: message.conversationId, detail }))
    }
    yield* publish(RealtimeEvent.MessageReceived({ message, recovered }))
  })

  const emit = (event: RealtimeEvent) =>
    event._tag === "MessageReceived" ? deliver(event.message, event.recovered) : publish(event)

  const recover = (event: RealtimeEvent) => {
    if (event._tag === "MessageReceived" && log.has(event.message)) return Effect.void
    return Effect.tap(emit(event), () =>
      Effect.sync(() => {
        if (event._tag === "Resynced") log.resynced(event.conversations)
      })
    )
  }

  const close = (gap: Gap) =>
    Effect.flatMap(Effect.tap(gap, Effect.timeoutOption(acknowledged, patience)), (missed) =>
      Effect.forEach(missed, recover, { discard: true })
    )

  const unresolved = (detail: string) => publish(RealtimeEvent.GapUnresolved({ conversationId: undefined, detail }))

  /** Closes the gap before the connection, or reports it as unresolved. */
  const closeFirst = (gap: Gap) =>
    Effect.catch(close(gap), ({ reason }) => {
      if (reason.isRetryable) doubt.openUnsafe()
      return unresolved(`the history could not be read: ${reason.message}`)
    }).pipe(
      Effect.raceFirst(
        Effect.flatMap(overfull.await, () => {
          doubt.openUnsafe()
          return unresolved("too much came in while the history was read")
        })
      )
    )

  /** Reads the history again, with a backoff, whenever a message may be missing. Live events do not wait for it. */
  const closeLater = Effect.fnUntraced(function* (gap: Gap) {
    let attempt = 0
    let last = -Infinity
    while (true) {
      yield* doubt.await
      const now = yield* Clock.currentTimeMillis
      if (now - last > Duration.toMillis(rereading.cap)) attempt = 0
      yield* Effect.sleep(Duration.sum(patience, yield* backoff.delay(rereading, attempt++)))
      yield* doubt.close
      last = yield* Clock.currentTimeMillis
      const closed = yield* Effect.result(close(gap))
      if (Result.isFailure(closed) && closed.failure.reason.isRetryable) doubt.openUnsafe()
    }
  })

  return {
    isLive: () => isLive,
    /** Passes an event on, or holds it back until the gap is closed. */
    receive: (event: RealtimeEvent): Effect.Effect<unknown> => {
      if (isLive) return emit(event)
      held.push(event)
      return held.length > heldLimit ? overfull.open : Effect.void
    },
    /** A message may be missing: has the history read again. */
    doubt: () => doubt.openUnsafe(),
    /** Closes the gap, goes live, and closes later gaps while the connection lasts. */
    run: Effect.gen(function* () {
      if (gap !== undefined) yield* closeFirst(gap)
      for (let event = held.shift(); event !== undefined; event = held.shift()) yield* emit(event)
      isLive = true
      return yield* gap === undefined ? Effect.never : closeLater(gap)
    })
  }
}

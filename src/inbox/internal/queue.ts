/**
 * The places of waiting conversations in the queue: polled at an adaptive pace, with an estimate of the waiting time.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { ConversationId } from "../../domain/Id.ts"
import type { PendingPosition } from "../../domain/PendingQueue.ts"
import type { KefuError, RequestReason } from "../../KefuError.ts"
import * as elapsed from "../../platform/elapsed.ts"
import type { Lifecycle } from "../../platform/Lifecycle.ts"
import type { QueuePlace } from "../InboxSnapshot.ts"
import { guarded } from "./guarded.ts"

/** How many times the base interval the pause may become. */
const slowest = 6

/** How many moves of the queue the estimate takes into account. */
const movesKept = 10

/** Measures how fast a queue moves. */
export class Pace {
  readonly #moves: Array<{ readonly at: number; readonly by: number }> = []
  #since: number | undefined
  #position = 0

  /** The place now, with an estimate if the queue has moved. */
  observe(position: number, now: number): QueuePlace {
    this.#since ??= now
    const by = this.#position - position
    if (by > 0) {
      this.#moves.push({ at: now, by })
      if (this.#moves.length > movesKept) this.#since = this.#moves.shift()?.at ?? now
    }
    this.#position = position
    const served = this.#moves.reduce((sum, move) => sum + move.by, 0)
    const estimatedWaitMillis = served === 0 ? undefined : Math.round((position * (now - this.#since)) / served)
    return { position, estimatedWaitMillis }
  }
}

/** The pause before the next poll, as a multiple of the base interval. */
export const slowness = (position: number, failures: number): number =>
  Math.min(slowest, Math.max(Math.ceil(position / 5), 2 ** failures, 1))

/** Whether the backend will not tell the place at all. A malformed answer may be followed by a good one. */
const isFinal = (reason: RequestReason): boolean => !reason.isRetryable && reason._tag !== "UnexpectedResponse"

export interface Options {
  readonly base: Duration.Duration
  readonly page: Lifecycle
  readonly read: (id: ConversationId) => Effect.Effect<PendingPosition, KefuError<RequestReason>>
  /** Shows the place of a conversation; undefined if it has none. */
  readonly show: (id: ConversationId, place: QueuePlace | undefined) => Effect.Effect<void>
  /** The backend says that a conversation does not wait. */
  readonly doubt: (id: ConversationId) => Effect.Effect<void>
}

export interface Places {
  /** Polls for these conversations and no others. */
  readonly follow: (waiting: ReadonlySet<ConversationId>) => void
  /** The page has become visible, or is online again. */
  readonly wake: Effect.Effect<unknown>
}

/** Polls for nothing. */
export const none: Places = { follow: () => {}, wake: Effect.void }

export const make = Effect.fnUntraced(function* ({ base, doubt, page, read, show }: Options) {
  const polls = yield* FiberMap.make<ConversationId, void>()
  const run = yield* FiberMap.runtime(polls)<never>()
  const followed = new Set<ConversationId>()
  const wake = Latch.makeUnsafe(false)
  const baseMillis = Duration.toMillis(base)

  /** Waits until the next poll is due: later on a hidden page, and not before the page is online. */
  const pause = Effect.fnUntraced(function* (times: number, atLeast: number) {
    const begun = yield* elapsed.now
    while (true) {
      yield* wake.close
      const why = yield* page.suspension
      const due = begun + Math.max(baseMillis * ((yield* page.isHidden) ? slowest : times), atLeast)
      const rest = due - (yield* elapsed.now)
      if (why === "offline") yield* wake.await
      else if (rest <= 0) return
      else yield* Effect.raceFirst(Effect.sleep(rest), wake.await)
    }
  })

  const poll = Effect.fnUntraced(function* (id: ConversationId) {
    const pace = new Pace()
    let position: number | undefined
    let failures = 0
    while (true) {
      let retryAfter = 0
      const polled = yield* Effect.suspend(() => read(id)).pipe(
        Effect.result,
        guarded("reading the place in the queue", Effect.undefined, id)
      )
      if (polled === undefined || Result.isFailure(polled)) {
        const reason = polled?.failure.reason
        if (reason !== undefined && isFinal(reason)) return yield* show(id, undefined)
        if (reason !== undefined && "retryAfterMillis" in reason) retryAfter = reason.retryAfterMillis ?? 0
        failures++
      } else {
        failures = 0
        position = Number.isSafeInteger(polled.success.position) ? Number(polled.success.position) : 0
        if (position >= 1) {
          yield* show(id, pace.observe(position, yield* elapsed.now))
        } else {
          yield* show(id, undefined)
          yield* doubt(id)
        }
      }
      yield* pause(position === 0 ? slowest : slowness(position ?? 1, failures), retryAfter)
    }
  })

  const places: Places = {
    wake: wake.open,
    follow: (waiting) => {
      for (const id of followed) {
        if (waiting.has(id)) continue
        followed.delete(id)
        Option.getOrUndefined(FiberMap.getUnsafe(polls, id))?.interruptUnsafe()
      }
      for (const id of waiting) {
        if (followed.has(id)) continue
        followed.add(id)
        run(id, poll(id))
      }
    }
  }
  return places
})

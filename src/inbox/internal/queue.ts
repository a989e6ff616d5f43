/**
 * Where waiting conversations stand in the queue: polled at a pace that adapts, with an estimate of the time that is
 * left.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { ConversationId } from "../../domain/Id.ts"
import type { PendingPosition } from "../../domain/PendingQueue.ts"
import type { QueuePlace } from "../InboxSnapshot.ts"
import type { KefuError } from "../../KefuError.ts"
import type { Page } from "../../platform/Lifecycle.ts"

/** How many times slower than the base the pace may become. */
const slowest = 6

/** How many moves of the queue the estimate rests on at most. */
const movesKept = 10

/** Learns how fast a queue moves. */
export class Pace {
  readonly #moves: Array<{ readonly at: number; readonly by: number }> = []
  #since: number | undefined
  #position = 0

  /** Where one stands now, with an estimate if the queue has moved. */
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

/** How long to wait before the next look, as a multiple of the base. */
export const slowness = (position: number, failures: number): number =>
  Math.min(slowest, Math.max(Math.ceil(position / 5), 2 ** failures, 1))

export interface Options {
  readonly base: Duration.Duration
  readonly page: Page
  readonly read: (id: ConversationId) => Effect.Effect<PendingPosition, KefuError>
  /** Somebody stands there, or it is not known where. */
  readonly show: (id: ConversationId, place: QueuePlace | undefined) => Effect.Effect<void>
  /** The backend says that a conversation does not wait. */
  readonly doubt: (id: ConversationId) => Effect.Effect<void>
}

export interface QueuePosition {
  /** Follows these conversations and no others. */
  readonly follow: (waiting: ReadonlySet<ConversationId>) => void
  /** The page has become visible, or is online again. */
  readonly wake: Effect.Effect<unknown>
}

export const make = Effect.fnUntraced(function* ({ base, doubt, page, read, show }: Options) {
  const polls = yield* FiberMap.make<ConversationId, void>()
  const run = yield* FiberMap.runtime(polls)<never>()
  const followed = new Set<ConversationId>()
  const wake = Latch.makeUnsafe(false)
  const baseMillis = Duration.toMillis(base)

  /** Waits until the next look is due; a page that nobody sees is in no hurry, and one that is offline cannot look. */
  const pause = Effect.fnUntraced(function* (times: number, atLeast: number) {
    const begun = yield* Clock.currentTimeMillis
    while (true) {
      yield* wake.close
      const why = yield* page.suspension
      const due = begun + Math.max(baseMillis * (why === "hidden" ? slowest : times), atLeast)
      const rest = due - (yield* Clock.currentTimeMillis)
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
      const looked = yield* Effect.result(read(id))
      if (Result.isFailure(looked)) {
        const { reason } = looked.failure
        if (!reason.isRetryable) return yield* show(id, undefined)
        if ("retryAfterMillis" in reason) retryAfter = reason.retryAfterMillis ?? 0
        failures++
      } else {
        failures = 0
        position = looked.success.position ?? 0
        if (position >= 1) {
          yield* show(id, pace.observe(position, yield* Clock.currentTimeMillis))
        } else {
          yield* show(id, undefined)
          yield* doubt(id)
        }
      }
      yield* pause(position === 0 ? slowest : slowness(position ?? 1, failures), retryAfter)
    }
  })

  const queuePosition: QueuePosition = {
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
  return queuePosition
})

/**
 * Events for any number of subscribers, each with a bounded buffer of its own. Publishing never waits.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Cause from "effect/Cause"
import type { Overflow } from "../../KefuConfig.ts"
import { KefuError, SubscriberLagged } from "../../KefuError.ts"
import { RealtimeEvent } from "../RealtimeEvent.ts"

export interface Options {
  readonly bufferSize: number
  readonly overflow: Overflow
}

export interface Broadcast {
  readonly publish: (event: RealtimeEvent) => void
  /** Takes effect at once: what is published from then on reaches the stream, whenever it is run. */
  readonly subscribe: (options: Options) => Effect.Effect<Stream.Stream<RealtimeEvent, KefuError>, never, Scope.Scope>
  /** Ends every subscriber's stream, after what it still has to take; those to come end at once. */
  readonly end: Effect.Effect<void>
  readonly size: () => number
}

interface Subscriber {
  readonly offer: (event: RealtimeEvent) => void
  readonly end: Effect.Effect<unknown>
}

const lagged = Cause.fail(new KefuError({ method: "Realtime.subscribe", reason: new SubscriberLagged({ dropped: 1 }) }))

export const make = (): Broadcast => {
  const subscribers = new Set<Subscriber>()
  let ended = false

  const subscribe = Effect.fnUntraced(function* (options: Options) {
    const queue = yield* Queue.unbounded<RealtimeEvent, KefuError | Cause.Done>()
    let dropped = 0
    const subscriber: Subscriber = { offer, end: Queue.end(queue) }

    function offer(event: RealtimeEvent) {
      if (options.overflow === "suspend" && dropped > 0) {
        dropped++
      } else if (Queue.sizeUnsafe(queue) < options.bufferSize) {
        Queue.offerUnsafe(queue, event)
      } else if (options.overflow === "lagged") {
        Queue.takeUnsafe(queue)
        dropped++
        Queue.offerUnsafe(queue, event)
      } else if (options.overflow === "suspend") {
        dropped++
      } else {
        subscribers.delete(subscriber)
        Queue.failCauseUnsafe(queue, lagged)
      }
    }

    const pull = Effect.map(Queue.takeAll(queue), (events): readonly [RealtimeEvent, ...Array<RealtimeEvent>] => {
      if (dropped === 0) return events
      const gap = RealtimeEvent.Lagged({ dropped })
      dropped = 0
      return options.overflow === "lagged" ? [gap, ...events] : [...events, gap]
    })

    yield* Effect.acquireRelease(
      Effect.sync(() => {
        if (!ended) subscribers.add(subscriber)
      }),
      () => {
        subscribers.delete(subscriber)
        return subscriber.end
      }
    )
    if (ended) yield* subscriber.end
    return Stream.fromPull(Effect.succeed(pull))
  })

  return {
    publish: (event) => {
      for (const subscriber of subscribers) subscriber.offer(event)
    },
    subscribe,
    end: Effect.suspend(() => {
      const all = Array.from(subscribers)
      ended = true
      subscribers.clear()
      return Effect.forEach(all, (subscriber) => subscriber.end, { discard: true })
    }),
    size: () => subscribers.size
  }
}

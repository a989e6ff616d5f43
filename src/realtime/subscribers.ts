/**
 * One ordered broadcast to any number of subscribers, each with a bounded buffer of its own. Publishing never waits.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Scheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Overflow } from "../KefuConfig.ts"
import { type ConnectionReason, KefuError, SubscriberLagged } from "../KefuError.ts"

interface Options {
  /** How many items may wait; `Infinity` for no bound. */
  readonly bufferSize: number
  /** What happens past that. */
  readonly overflow: Overflow
  /** Whether the stream goes on after `fail`. Default: true. */
  readonly lasting?: boolean | undefined
}

export interface Subscribers<in out A> {
  readonly publish: (item: A) => void
  /** Takes effect at once: the stream has everything published from then on, whenever it is run. */
  readonly subscribe: (
    options: Options
  ) => Effect.Effect<Stream.Stream<A, KefuError<ConnectionReason | SubscriberLagged>>, never, Scope.Scope>
  /** Fails every stream that is not to last, after the items that wait in it. */
  readonly fail: (error: KefuError<ConnectionReason>) => void
  /** Ends every stream after the items that wait in it. Later subscriptions end at once. */
  readonly end: Effect.Effect<void>
  readonly size: () => number
}

interface Subscriber<in A> {
  readonly offer: (item: A) => void
  readonly fail: (error: KefuError<ConnectionReason>) => void
  readonly end: Effect.Effect<unknown>
}

/**
 * Wakes a subscriber in a microtask, with all that was published until then. The next turn of the event loop, in which
 * fibers are woken otherwise, comes a second later in a hidden page, and costs as much as the event. Another scheduler than
 * Effect's own stays in force: a test clock waits for what its scheduler runs.
 */
const microtasks = new Scheduler.MixedScheduler("sync")

const overflowed = () =>
  Cause.fail(new KefuError({ method: "Realtime.subscribe", reason: new SubscriberLagged({ dropped: 1 }) }))

/** `lagged` makes the item that stands in the place of the dropped ones. */
export const make = <A>(lagged: (dropped: number) => A): Subscribers<A> => {
  const subscribers = new Set<Subscriber<A>>()
  let ended = false

  const subscribe = Effect.fnUntraced(function* (options: Options) {
    const scheduler = yield* Scheduler.Scheduler
    const queue = yield* Queue.unbounded<A, KefuError<ConnectionReason | SubscriberLagged> | Cause.Done>().pipe(
      Effect.provideService(Scheduler.Scheduler, scheduler instanceof Scheduler.MixedScheduler ? microtasks : scheduler)
    )
    let dropped = 0
    const subscriber: Subscriber<A> = { offer, fail, end: Queue.end(queue) }

    function fail(error: KefuError<ConnectionReason>) {
      if (options.lasting ?? true) return
      subscribers.delete(subscriber)
      Queue.failCauseUnsafe(queue, Cause.fail(error))
    }

    function offer(item: A) {
      if (options.overflow === "suspend" && dropped > 0) {
        dropped++
      } else if (Queue.sizeUnsafe(queue) < options.bufferSize) {
        Queue.offerUnsafe(queue, item)
      } else if (options.overflow === "lagged") {
        Queue.takeUnsafe(queue)
        dropped++
        Queue.offerUnsafe(queue, item)
      } else if (options.overflow === "suspend") {
        dropped++
      } else {
        subscribers.delete(subscriber)
        Queue.failCauseUnsafe(queue, overflowed())
      }
    }

    const pull = Effect.map(Queue.takeAll(queue), (items): readonly [A, ...Array<A>] => {
      if (dropped === 0) return items
      const gap = lagged(dropped)
      dropped = 0
      return options.overflow === "lagged" ? [gap, ...items] : [...items, gap]
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
    publish: (item) => {
      for (const subscriber of subscribers) subscriber.offer(item)
    },
    subscribe,
    fail: (error) => {
      for (const subscriber of subscribers) subscriber.fail(error)
    },
    end: Effect.suspend(() => {
      const all = Array.from(subscribers)
      ended = true
      subscribers.clear()
      return Effect.forEach(all, (subscriber) => subscriber.end, { discard: true })
    }),
    size: () => subscribers.size
  }
}

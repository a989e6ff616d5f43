/**
 * Tells any number of subscribers what changes in the outbox. Each gets the entries that are there, then the latest
 * state of each one that changes: what it did not take in time is told once, as it is by then. So a slow subscriber
 * holds no more than one state of each entry, and slows nothing down.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { OutboxEntry, OutboxKey } from "../OutboxEntry.ts"

export interface OutboxFeed {
  readonly push: (entry: OutboxEntry) => void
  readonly changes: Stream.Stream<OutboxEntry>
  readonly end: Effect.Effect<void>
}

interface Subscriber {
  readonly push: (entry: OutboxEntry) => void
  readonly end: Effect.Effect<unknown>
}

export const make = (present: () => Iterable<OutboxEntry>): OutboxFeed => {
  const subscribers = new Set<Subscriber>()
  let ended = false

  const subscribe = Effect.gen(function* () {
    const queue = yield* Queue.unbounded<OutboxKey, Cause.Done>()
    const latest = new Map<OutboxKey, OutboxEntry>()
    const subscriber: Subscriber = {
      push: (entry) => {
        if (!latest.has(entry.key)) Queue.offerUnsafe(queue, entry.key)
        latest.set(entry.key, entry)
      },
      end: Queue.end(queue)
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        for (const entry of present()) subscriber.push(entry)
        subscribers.add(subscriber)
      }),
      () => {
        subscribers.delete(subscriber)
        return subscriber.end
      }
    )
    if (ended) yield* subscriber.end
    const take = (key: OutboxKey) => {
      const entry = latest.get(key)
      latest.delete(key)
      return entry === undefined ? [] : [entry]
    }
    return Stream.fromPull(Effect.succeed(Queue.takeAll(queue))).pipe(
      Stream.flatMap((key) => Stream.suspend(() => Stream.fromIterable(take(key))))
    )
  })

  return {
    push: (entry) => {
      for (const subscriber of subscribers) subscriber.push(entry)
    },
    changes: Stream.unwrap(subscribe),
    end: Effect.suspend(() => {
      ended = true
      return Effect.forEach(Array.from(subscribers), (subscriber) => subscriber.end, { discard: true })
    })
  }
}

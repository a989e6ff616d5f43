/**
 * Streams what changes in the outbox to any number of subscribers. Each gets the present entries, then the latest state
 * of each entry that changes: states that it did not take in time are skipped. So a slow subscriber holds at most one
 * state of each entry and delays nobody.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import type { OutboxEntry } from "../OutboxEntry.ts"

export const make = (present: () => ReadonlyArray<OutboxEntry>) => {
  const subscribers = new Set<{ readonly latest: Map<string, OutboxEntry>; readonly ready: Latch.Latch }>()
  let ended = false

  const subscribe = Effect.gen(function* () {
    const latest = new Map(present().map((entry) => [entry.key, entry]))
    const ready = Latch.makeUnsafe(ended || latest.size > 0)
    const subscriber = { latest, ready }
    yield* Effect.acquireRelease(
      Effect.sync(() => subscribers.add(subscriber)),
      () => Effect.sync(() => subscribers.delete(subscriber))
    )
    const pull = Effect.gen(function* () {
      yield* ready.await
      const [next] = latest.values()
      if (next === undefined) return yield* Cause.done()
      latest.delete(next.key)
      if (latest.size === 0 && !ended) yield* ready.close
      return [next] as const
    })
    return Stream.fromPull(Effect.succeed(pull))
  })

  return {
    push: (entry: OutboxEntry) => {
      for (const { latest, ready } of subscribers) {
        latest.set(entry.key, entry)
        ready.openUnsafe()
      }
    },
    stream: Stream.unwrap(subscribe),
    end: () => {
      ended = true
      for (const { ready } of subscribers) ready.openUnsafe()
    }
  }
}

/**
 * Announces every new snapshot to listeners and streams.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as PubSub from "effect/PubSub"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type * as Take from "effect/Take"
import type { InboxSnapshot } from "../InboxSnapshot.ts"
import { report } from "./guarded.ts"

export const make = Effect.fnUntraced(function* (snapshot: () => InboxSnapshot) {
  const listeners = new Set<() => void>()
  const snapshots = yield* PubSub.sliding<Take.Take<InboxSnapshot>>({ capacity: 1, replay: 1 })
  let announced: InboxSnapshot | undefined

  /** Announces the snapshot if it has changed. A listener that throws does not keep others from being called. */
  const commit = Effect.suspend(() => {
    const current = snapshot()
    if (current === announced) return Effect.void
    announced = current
    return Effect.andThen(PubSub.publish(snapshots, [current]), call)
  })

  const call = Effect.suspend(() =>
    Effect.forEach(
      Array.from(listeners)
        .map((listener) => Result.try(listener))
        .filter(Result.isFailure),
      ({ failure }) => report("A listener of the inbox failed", failure),
      { discard: true }
    )
  )

  yield* commit
  yield* Effect.addFinalizer(() => {
    listeners.clear()
    return PubSub.end(snapshots, Exit.void)
  })

  return {
    commit,
    /** The current snapshot and those to come; a slow consumer gets the latest. */
    changes: Stream.fromPubSubTake(snapshots),
    listen: (listener: () => void) => {
      // The same function may be registered twice.
      const own = () => listener()
      listeners.add(own)
      return () => {
        listeners.delete(own)
      }
    }
  }
})

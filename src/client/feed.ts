/**
 * A bounded buffer between those who tell and one who takes in their own time. Telling never waits: what is too much
 * pushes the oldest out, and in its place stands how many were lost.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

export interface Feed<in out A> {
  readonly push: (item: A) => void
  readonly end: () => void
  readonly stream: Stream.Stream<A>
}

export const make = Effect.fnUntraced(function* <A>(capacity: number, lagged: (dropped: number) => A) {
  const queue = yield* Queue.unbounded<A, Cause.Done>()
  let dropped = 0
  const pull = Effect.map(Queue.takeAll(queue), (items): readonly [A, ...Array<A>] => {
    if (dropped === 0) return items
    const gap = lagged(dropped)
    dropped = 0
    return [gap, ...items]
  })
  const feed: Feed<A> = {
    push: (item) => {
      if (Queue.sizeUnsafe(queue) >= capacity) {
        Queue.takeUnsafe(queue)
        dropped++
      }
      Queue.offerUnsafe(queue, item)
    },
    end: () => {
      Queue.endUnsafe(queue)
    },
    stream: Stream.fromPull(Effect.succeed(pull))
  }
  return feed
})

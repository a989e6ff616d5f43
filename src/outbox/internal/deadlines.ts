/**
 * Fails the sends that wait for too long: one fiber for all of them, which runs only while one waits.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as elapsed from "../../platform/elapsed.ts"
import type { OutboxEntry } from "../OutboxEntry.ts"
import { until } from "./waits.ts"

interface Waiting {
  readonly entry: OutboxEntry
  /** When it expires, in elapsed milliseconds. */
  readonly deadline: number
}

interface Needs<Send extends Waiting> {
  readonly open: () => ReadonlyArray<Send>
  readonly expire: (send: Send) => Effect.Effect<void>
  /** Starts the fiber. */
  readonly run: (watching: Effect.Effect<void>) => void
}

export interface Deadlines {
  /** A send waits. */
  readonly add: (deadline: number) => void
  /** All have settled. */
  readonly end: () => void
}

export const make = <Send extends Waiting>({ expire, open, run }: Needs<Send>): Deadlines => {
  const change = Latch.makeUnsafe(false)
  /** The deadline for which the fiber waits, in elapsed milliseconds; undefined while there is no fiber. */
  let awaited: number | undefined

  const watching = Effect.gen(function* () {
    while (true) {
      yield* change.close
      const now = yield* elapsed.now
      const waiting = open().filter(({ entry }) => entry.state._tag === "Queued")
      const due = waiting.filter(({ deadline }) => deadline <= now)
      yield* Effect.uninterruptible(Effect.forEach(due, expire, { discard: true }))
      awaited = waiting.reduce((next, { deadline }) => (deadline > now ? Math.min(next, deadline) : next), Infinity)
      if (awaited === Infinity) return
      yield* Effect.raceFirst(until(awaited), change.await)
    }
  }).pipe(
    Effect.ensuring(
      Effect.sync(() => {
        awaited = undefined
      })
    )
  )

  return {
    add: (deadline) => {
      if (awaited === undefined) {
        awaited = deadline
        run(watching)
      } else if (deadline < awaited) change.openUnsafe()
    },
    end: () => {
      if (awaited !== undefined) change.openUnsafe()
    }
  }
}

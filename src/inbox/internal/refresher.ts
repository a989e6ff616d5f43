/**
 * Reads in the background, each thing once at a time, until it has worked, and not as often as somebody else pleases.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type { KefuError } from "../../KefuError.ts"
import * as backoff from "../../platform/backoff.ts"

export interface Options<What> {
  readonly read: (what: What) => Effect.Effect<unknown, KefuError>
  /** It has failed and is repeated in a while. */
  readonly onRetry: (what: What, error: KefuError) => Effect.Effect<void>
  /** It has failed for good. */
  readonly onFailure: (what: What, error: KefuError) => Effect.Effect<void>
}

export interface Rereads<What> {
  /** Has something read from now on: once more, if that is going on already. */
  readonly request: (what: What) => Effect.Effect<void>
  /** Whether it will be read once more after this. */
  readonly isDue: (what: What) => boolean
}

/** How often something is read without a pause in between. After that the pauses grow. */
const burst = 3

/** What was not read for so long may be read in a burst again. */
const calm = 60_000

/** The pause before the n-th read of something that is asked for again and again. */
const pause = (reads: number): Duration.Duration =>
  reads < burst ? Duration.zero : Duration.seconds(Math.min(30, 2 ** (reads - burst)))

const policy: backoff.Policy = { base: Duration.seconds(1), cap: Duration.seconds(30) }

export const make = Effect.fnUntraced(function* <What>({ onFailure, onRetry, read }: Options<What>) {
  const run = yield* FiberSet.makeRuntime<never, void>()
  const due = new Set<What>()
  const active = new Set<What>()
  /** What was read of late, and how often. */
  const lately = new Map<What, { readonly reads: number; readonly at: number }>()

  /** Waits for the turn of something that was read often: a peer that sends nonsense must not make us flood the backend. */
  const turn = Effect.fnUntraced(function* (what: What) {
    const now = yield* Clock.currentTimeMillis
    for (const [longest, { at }] of lately) {
      if (now - at < calm) break
      lately.delete(longest)
    }
    const { reads } = lately.get(what) ?? { reads: 0 }
    if (reads >= burst) yield* Effect.sleep(pause(reads))
    // The latest one last.
    lately.delete(what)
    lately.set(what, { reads: reads + 1, at: yield* Clock.currentTimeMillis })
  })

  const reading = Effect.fnUntraced(function* (what: What) {
    let failures = 0
    while (due.has(what)) {
      if (failures === 0) yield* turn(what)
      due.delete(what)
      const error = yield* Effect.match(read(what), { onFailure: (error) => error, onSuccess: () => undefined })
      if (error === undefined) {
        failures = 0
      } else if (error.isRetryable) {
        due.add(what)
        yield* onRetry(what, error)
        yield* Effect.sleep(yield* backoff.delay(policy, failures++))
      } else {
        yield* onFailure(what, error)
      }
    }
    active.delete(what)
  })

  const rereads: Rereads<What> = {
    isDue: (what) => due.has(what),
    request: (what) =>
      Effect.sync(() => {
        due.add(what)
        if (active.has(what)) return
        active.add(what)
        run(reading(what))
      })
  }
  return rereads
})

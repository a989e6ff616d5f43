/**
 * Reads things in the background: each once at a time, repeated until it succeeds, and at a limited rate.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import { KefuError, type RequestReason, UnexpectedResponse } from "../../KefuError.ts"
import * as backoff from "../../platform/backoff.ts"
import * as elapsed from "../../platform/elapsed.ts"
import { guarded } from "./guarded.ts"

export interface Options<What> {
  readonly read: (what: What) => Effect.Effect<unknown, KefuError<RequestReason>>
  /** The read has failed and will be repeated. */
  readonly onRetry: (what: What, error: KefuError<RequestReason>) => Effect.Effect<void>
  /** The read has failed and will not be repeated. */
  readonly onFailure: (what: What, error: KefuError<RequestReason>) => Effect.Effect<void>
}

export interface Refresher<What> {
  /** Requests a read that begins after this call. */
  readonly request: (what: What) => Effect.Effect<void>
  /** Whether a read has been requested that has not begun. */
  readonly isDue: (what: What) => boolean
}

/** How many reads of one thing follow each other without a pause. After that the pauses grow. */
const burst = 3

/** After how many milliseconds without a read the next burst is allowed. */
const calm = 60_000

/** The pause before the n-th read of one thing. */
const pause = (reads: number): Duration.Duration =>
  reads < burst ? Duration.zero : Duration.seconds(Math.min(30, 2 ** (reads - burst)))

const defect = () =>
  new KefuError({
    method: "Inbox",
    reason: new UnexpectedResponse({ path: "", detail: "reading it caused a defect, which is logged" })
  })

const policy: backoff.Policy = { base: Duration.seconds(1), cap: Duration.seconds(30) }

export const make = Effect.fnUntraced(function* <What>({ onFailure, onRetry, read }: Options<What>) {
  const run = yield* FiberSet.makeRuntime<never, void>()
  const due = new Set<What>()
  const active = new Set<What>()
  /** The number of reads since the last calm, and the time of the latest; the least recent first. */
  const recent = new Map<What, { readonly reads: number; readonly at: number }>()

  /** Waits for the turn of a thing, so that a peer that sends nonsense cannot make this client flood the backend. */
  const turn = Effect.fnUntraced(function* (what: What) {
    const now = yield* elapsed.now
    for (const [oldest, { at }] of recent) {
      if (now - at < calm) break
      recent.delete(oldest)
    }
    const { reads } = recent.get(what) ?? { reads: 0 }
    if (reads >= burst) yield* Effect.sleep(pause(reads))
    recent.delete(what)
    recent.set(what, { reads: reads + 1, at: yield* elapsed.now })
  })

  const reading = Effect.fnUntraced(function* (what: What) {
    let failures = 0
    while (due.has(what)) {
      if (failures === 0) yield* turn(what)
      due.delete(what)
      const error = yield* Effect.suspend(() => read(what)).pipe(
        guarded(
          "a read of the inbox",
          Effect.suspend(() => Effect.fail(defect()))
        ),
        Effect.match({ onFailure: (error) => error, onSuccess: () => undefined })
      )
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

  const refresher: Refresher<What> = {
    isDue: (what) => due.has(what),
    request: (what) =>
      Effect.sync(() => {
        due.add(what)
        if (active.has(what)) return
        active.add(what)
        run(reading(what))
      })
  }
  return refresher
})

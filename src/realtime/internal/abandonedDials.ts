/**
 * The dials that were given up although the backend may still get their requests. If one arrives after the dial that
 * succeeded, the backend takes it for another login of the account (event 301), which nobody made.
 */
import * as Effect from "effect/Effect"
import * as elapsed from "../../platform/elapsed.ts"

/** For how long a request may be on its way, in milliseconds. */
const travel = 5 * 60_000

export const make = () => {
  let dials: ReadonlyArray<number> = []

  return {
    /** A dial was given up. */
    note: Effect.map(elapsed.now, (now) => {
      dials = [...dials, now]
    }),
    /** Whether another login may have been such a dial. Each dial explains one login. */
    explains: Effect.map(elapsed.now, (now) => {
      const [latest, ...others] = dials.filter((at) => now - at < travel).toReversed()
      dials = others.toReversed()
      return latest !== undefined
    })
  }
}

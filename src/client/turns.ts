/**
 * Runs effects one after the other, in the order of the calls.
 */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"

export const make = () => {
  const turn = Semaphore.makeUnsafe(1)
  let taken = 0
  return {
    /** Runs an effect after the earlier ones. */
    take: <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.suspend(() => {
        taken++
        return Effect.ensuring(
          turn.withPermit(effect),
          Effect.sync(() => taken--)
        )
      }),
    /** Whether all have ended. */
    isFree: () => taken === 0
  }
}

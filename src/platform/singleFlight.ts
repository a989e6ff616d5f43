/**
 * One attempt at a time for concurrent callers.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"

/**
 * Makes a function that runs works one at a time. Callers that waited while another one failed share its failure: one
 * attempt after the other would flood a source that is down, and wait once per caller for one that hangs. After a
 * success each work runs, and has to find what is already known by itself.
 */
export const make = <E>() => {
  const lock = Semaphore.makeUnsafe(1)
  let failures = 0
  let failure: Cause.Cause<E> = Cause.empty

  const remember = (cause: Cause.Cause<E>) =>
    Effect.sync(() => {
      failures++
      failure = cause
    })

  return <A>(work: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      const seen = failures
      return lock.withPermit(
        Effect.suspend(() => (failures === seen ? Effect.tapCause(work, remember) : Effect.failCause(failure)))
      )
    })
}

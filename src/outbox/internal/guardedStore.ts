/**
 * Steps on the store, one at a time. A store that fails is logged once; the outbox continues without it.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type * as KeyValueStore from "effect/persistence/KeyValueStore"
import type { Store } from "./store.ts"

/** How long the store may take for one step; then the outbox continues without it until the next connection. */
const patience = Duration.seconds(2)

export interface GuardedStore extends ReturnType<typeof make> {}

export const make = (store: Store) => {
  const lock = Semaphore.makeUnsafe(1)
  let hasFailed = false
  let isStalled = false
  let closed = false

  const failed = (detail: string) =>
    Effect.suspend(() => {
      if (hasFailed) return Effect.undefined
      hasFailed = true
      const warning = "The store of the outbox failed; the outbox continues without persistence"
      return Effect.as(Effect.logWarning(warning, detail), undefined)
    })

  return {
    isIn: store.isIn,
    /** Runs one step alone. If the store fails, gives undefined. */
    run: <A>(
      step: (store: Store) => Effect.Effect<A, KeyValueStore.KeyValueStoreError>
    ): Effect.Effect<A | undefined> =>
      Effect.suspend(() => {
        if (isStalled || closed) return Effect.undefined
        return lock.withPermit(
          Effect.suspend(() => (isStalled ? Effect.undefined : step(store))).pipe(
            Effect.timeoutOrElse({
              duration: patience,
              orElse: () => {
                isStalled = true
                return failed("it does not respond")
              }
            }),
            Effect.catch(({ message }) => failed(message)),
            Effect.catchDefect((defect) => failed(String(defect)))
          )
        )
      }),
    /** Tries a store again that has not responded. */
    resume: () => {
      isStalled = false
    },
    close: () => {
      closed = true
    }
  }
}

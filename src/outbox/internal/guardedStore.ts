/**
 * Steps on the store, one at a time. A store that fails is logged once; the outbox continues without it. A store that does
 * not respond holds a step up for two seconds. As soon as it responds after all, or at the next connection, it is used again,
 * and what it has missed is made up for. (A process that was suspended finds that every step has taken too long.)
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Fiber from "effect/Fiber"
import * as Semaphore from "effect/Semaphore"
import type * as KeyValueStore from "effect/persistence/KeyValueStore"
import type { Store } from "./store.ts"

/** How long the store may take for one step; then the outbox continues without it until it responds. */
const usual = Duration.seconds(2)

type Step<A> = (store: Store) => Effect.Effect<A, KeyValueStore.KeyValueStoreError>

export interface GuardedStore extends ReturnType<typeof make> {}

/**
 * `makeUp` runs when the store responds again; a strict store is waited for as long as it takes; `exclusive` runs a step
 * while no other session that shares the store runs one.
 */
export const make = (
  store: Store,
  makeUp: Effect.Effect<unknown>,
  isStrict: boolean,
  exclusive: <A, E>(step: Effect.Effect<A, E>) => Effect.Effect<A, E> = identity
) => {
  const patience = isStrict ? Duration.infinity : usual
  const lock = Semaphore.makeUnsafe(1)
  let hasFailed = false
  let isStalled = false
  let closed = false

  const failed = (detail: string) =>
    Effect.suspend(() => {
      // Then it also fails where it is no longer this session's.
      if (hasFailed || isStrict) return Effect.undefined
      hasFailed = true
      const warning = "The store of the outbox failed; the outbox continues without persistence"
      return Effect.as(Effect.logWarning(warning, detail), undefined)
    })

  const tolerant = <A>(step: Effect.Effect<A, KeyValueStore.KeyValueStoreError>) =>
    step.pipe(
      Effect.catch(({ message }) => failed(message)),
      Effect.catchDefect((defect) => failed(String(defect)))
    )

  /** Uses the store again once its step under way has ended. */
  const recover = lock
    .withPermit(
      Effect.sync(() => {
        isStalled = false
      })
    )
    .pipe(Effect.andThen(makeUp))

  /** Lets a step that takes too long end by itself: what it writes is noted. */
  const abandon = Effect.fnUntraced(function* (step: Fiber.Fiber<unknown, unknown>) {
    yield* Effect.forkDetach(Fiber.interrupt(step))
    if (isStalled) return
    isStalled = true
    yield* Effect.forkDetach(recover)
  })

  return {
    isIn: store.isIn,
    isOwn: store.isOwn,
    /** Runs one step alone. Gives undefined if the store fails, and after `missed` if it does not respond. */
    run: <A>(step: Step<A>, missed: () => void = () => {}): Effect.Effect<A | undefined> =>
      Effect.suspend(() => {
        if (closed) return Effect.undefined
        if (isStalled) return Effect.as(Effect.sync(missed), undefined)
        const alone = lock.withPermit(exclusive(Effect.suspend(() => step(store))))
        return Effect.forkDetach(alone, { startImmediately: true }).pipe(
          Effect.flatMap((fiber) =>
            Fiber.join(fiber).pipe(
              Effect.onInterrupt(() => Effect.forkDetach(Fiber.interrupt(fiber))),
              Effect.timeoutOrElse({
                duration: patience,
                orElse: () =>
                  abandon(fiber).pipe(
                    Effect.andThen(Effect.sync(missed)),
                    Effect.andThen(failed("it does not respond"))
                  )
              })
            )
          ),
          tolerant
        )
      }),
    /** Runs one step alone that may take any time, since nothing waits for it. Gives undefined if the store fails. */
    runPatiently: <A>(step: Step<A>): Effect.Effect<A | undefined> =>
      tolerant(lock.withPermit(exclusive(Effect.suspend(() => (closed ? Effect.undefined : step(store)))))),
    /** Tries a store again that has not responded. */
    resume: () => {
      isStalled = false
    },
    close: () => {
      closed = true
    },
    isClosed: () => closed
  }
}

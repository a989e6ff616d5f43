/**
 * Locks that all pages of an origin share (Web Locks), where they exist.
 */
import * as Effect from "effect/Effect"

interface Locks {
  request(name: string, options: { readonly signal: AbortSignal }, hold: () => PromiseLike<void>): PromiseLike<void>
}

const globals: { readonly navigator?: { readonly locks?: Locks | undefined } | undefined } = globalThis

/** A page that holds the lock may be frozen, and must not keep others from working. */
const patience = "15 seconds"

/**
 * Runs an effect while no other page runs one under the same name. Where there are no Web Locks, or a lock is not granted
 * within 15 seconds, it runs without.
 */
export const withLock =
  (name: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      const locks = globals.navigator?.locks
      if (locks === undefined) return effect
      let isOver = false
      let release = () => {}
      const granted = Effect.callback<void>((resume, signal) => {
        const proceed = () => resume(Effect.void)
        const hold = () =>
          new Promise<void>((done) => {
            if (isOver) return done()
            release = done
            proceed()
          })
        try {
          locks.request(name, { signal }, hold).then(undefined, proceed)
        } catch {
          proceed()
        }
      })
      return Effect.ensuring(
        Effect.andThen(Effect.timeoutOption(granted, patience), effect),
        Effect.sync(() => {
          isOver = true
          release()
        })
      )
    })

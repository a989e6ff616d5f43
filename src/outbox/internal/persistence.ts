/**
 * Keeps the unsettled sends in a store and restores them after a restart.
 *
 * Several sessions may share a store. The one that connected last owns the account's sends, as it owns the account's
 * connection: it takes over what the others have left, and notes for them what arrived. A session that is not the owner
 * hands nothing over until its next connection. A store that fails is logged once; the outbox continues without it.
 *
 * Sessions that share a connection own their sends each; see `siblings`.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as guardedStore from "./guardedStore.ts"
import * as ownership from "./ownership.ts"
import * as storedRecords from "./records.ts"
import type { Send } from "./registry.ts"
import type { StrictStore } from "../strictStore.ts"
import type { Store } from "./store.ts"

export interface Persistence {
  /** Finds out where to store sends before the account is known. */
  readonly locate: Effect.Effect<void>
  /** Whether the store holds sends of this account, which are shown from then on. */
  readonly hasSends: Effect.Effect<boolean>
  /**
   * Takes over, once for each connection, what other sessions of the account have left. False if that is not possible
   * yet: stored sends go out before later ones.
   */
  readonly claim: (connection: number) => Effect.Effect<boolean>
  /**
   * Stores that a send is handed over, before it is. False if another session owns the account's sends. A store that
   * fails holds nothing up, unless it is strict: then it is false, too.
   */
  readonly record: (send: Send) => Effect.Effect<boolean>
  /** Waits until what earlier sessions have left was taken over. */
  readonly claimed: Effect.Effect<void>
  /** Whether another session may decide on a send of this one. */
  readonly isTaken: (send: Send) => Effect.Effect<boolean>
  /** Notes that another session of the account has connected. */
  readonly superseded: Effect.Effect<void>
  /** Claims the store again, because the session has another account. */
  readonly moved: Effect.Effect<void>
  /** Writes the present state of a send. */
  readonly save: (send: Send) => Effect.Effect<unknown>
  /** Brings the store up to date with a send that has settled. */
  readonly settled: (send: Send) => Effect.Effect<unknown>
  readonly discard: (send: Send) => Effect.Effect<unknown>
  /** Leaves the sends in the store, for the next session. */
  readonly close: Effect.Effect<void>
}

/** Keeps nothing. */
export const none: Persistence = {
  locate: Effect.void,
  hasSends: Effect.succeed(false),
  claim: () => Effect.succeed(true),
  record: () => Effect.succeed(true),
  claimed: Effect.void,
  isTaken: () => Effect.succeed(false),
  superseded: Effect.void,
  moved: Effect.void,
  save: () => Effect.void,
  settled: () => Effect.void,
  discard: () => Effect.void,
  close: Effect.void
}

export interface Needs extends ownership.Needs {
  readonly store: Store
  /** If it is strict, nothing is handed over that the store does not hold. */
  readonly strict: StrictStore | undefined
}

export const make = (needs: Needs): Persistence => {
  const { sends, session, strict } = needs
  const store: guardedStore.GuardedStore = guardedStore.make(
    needs.store,
    Effect.suspend(() => Effect.andThen(resume, records.makeUp)),
    strict !== undefined,
    needs.siblings?.exclusive
  )
  const place: storedRecords.Place = { part: undefined, login: undefined, account: undefined, isShared: false }
  const records = storedRecords.make({ place, sends, session, store, strict })
  const { isOwner, resume, ...claims } = ownership.make(needs, { place, records, store })

  return {
    ...claims,
    record: Effect.fnUntraced(function* (send) {
      let isMissed = false
      const isOwn = yield* store.run(
        Effect.fnUntraced(function* (into) {
          const { part } = place
          const isContested = needs.siblings === undefined && isOwner() && part !== undefined
          const owner = isContested ? yield* into.owner(part) : undefined
          if (owner !== undefined && owner !== session) return false
          yield* records.write(into, send)
          return true
        }),
        () => {
          isMissed = true
          records.miss(send)
        }
      )
      if (strict !== undefined && isOwn === undefined) return false
      // Otherwise a restart would send again what the store holds as waiting.
      if (isOwn === undefined && !isMissed) yield* records.discard(send)
      return isOwn !== false
    }),
    save: records.save,
    settled: records.settled,
    discard: records.discard,
    close: Effect.gen(function* () {
      const leave = store.run(
        Effect.fnUntraced(function* (into) {
          const { account, part } = place
          if (part === undefined || account === undefined) return
          if ((yield* into.owner(part)) === session) yield* into.setOwner(part, "")
        })
      )
      // In a fiber of its own: its time limit interrupts it, and the one that closes the layer may be interrupted already.
      yield* Fiber.await(yield* Effect.forkDetach(leave, { startImmediately: true }))
      store.close()
    })
  }
}

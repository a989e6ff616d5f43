/**
 * Follows the connection, its events and the account of the session.
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { User } from "../../domain/User.ts"
import type { SendReason } from "../../KefuError.ts"
import type { ConnectionState } from "../../realtime/ConnectionState.ts"
import { replaced } from "../../realtime/replaced.ts"
import { closedByApp } from "./intake.ts"
import type { Parts } from "./parts.ts"
import { pause } from "./reconcile.ts"
import * as sightings from "./sightings.ts"

export const make = Effect.fnUntraced(function* (parts: Parts) {
  const { calm, currentUser, identity, lanes, ledger, persistence: kept, realtime, scope, sends } = parts
  const observe = sightings.make(parts)
  let listening = false

  /** Uses the connection, which opens it, and notes the messages that come in. */
  const listen = Effect.suspend(() => {
    if (listening) return Effect.void
    listening = true
    return realtime.subscribe({ overflow: "lagged", lasting: true }).pipe(
      Effect.flatMap((events) =>
        Effect.forkIn(Effect.ignore(Stream.runForEach(events, (event) => unharmed("an event", observe(event)))), scope)
      ),
      Effect.andThen(Effect.forkIn(identity.fetch, scope)),
      Scope.provide(scope)
    )
  })

  /** Settles all open sends, since no connection will come. */
  const abandon = Effect.fnUntraced(function* (reason: SendReason) {
    yield* FiberSet.clear(lanes)
    for (const send of sends.open) {
      if (yield* kept.isTaken(send)) continue
      yield* send.attempt === undefined ? sends.fail(send, reason) : sends.unknown(send, reason.message)
    }
  })

  /** Claims the store as soon as the account is known, unless the connection ends before. */
  const claim = Effect.fnUntraced(function* (connection: number) {
    for (let failures = 0; !(yield* kept.claim(connection)); failures++) {
      yield* Effect.sleep(pause(failures))
      const state = yield* realtime.state
      if (state._tag !== "Connected" || state.connection !== connection) return
    }
  })

  const follow = Effect.fnUntraced(function* (state: ConnectionState) {
    if (state._tag === "Connected") {
      yield* calm.opened(state.connection)
      yield* Effect.forkIn(unharmed("a claim of the store", claim(state.connection)), scope)
    }
    // Where a dial of this session may have been the other login, another session may have been it, too.
    if (state._tag === "Superseded" || (state._tag === "Waiting" && state.cause === replaced())) {
      ledger.supersede(true)
      yield* kept.superseded
    }
    if (state._tag === "Closed") yield* abandon(state.reason?.reason ?? closedByApp())
  })

  /** The history of another account tells nothing of what was under way. */
  const change = Effect.fnUntraced(function* (user: User) {
    identity.changed(user)
    for (const send of sends.open) {
      if (send.attempt !== undefined) yield* sends.unknown(send, "the session has another account since")
    }
    ledger.forgetAccount()
    yield* kept.moved
    yield* follow(yield* realtime.state)
  })

  yield* Effect.forkScoped(Stream.runForEach(realtime.states, (state) => unharmed("a state", follow(state))))
  yield* Effect.forkScoped(
    Stream.runForEach(currentUser.changes, (user) => unharmed("an account", change(user))),
    { startImmediately: true }
  )
  yield* Effect.forkScoped(unharmed("the store", kept.locate), { startImmediately: true })
  yield* Effect.forkScoped(
    unharmed(
      "the store",
      Effect.flatMap(kept.hasSends, (hasSends) => (hasSends ? listen : Effect.void))
    )
  )
  return { abandon, listen }
})

/** Logs a defect, which ends nothing else. */
const unharmed = <A, E, R>(name: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A | void, E, R> =>
  Effect.catchDefect(effect, (defect) => Effect.logError(`The outbox could not handle ${name}`, defect))

/**
 * What is known of the connection, in one value: the public state, and what stands behind it.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { Closed, type ConnectionReason, KefuError, NotConnected, Superseded } from "../../KefuError.ts"
import { ConnectionState } from "../ConnectionState.ts"
import { RealtimeEvent } from "../RealtimeEvent.ts"
import type { Link } from "./link.ts"

export interface Phase {
  readonly state: ConnectionState
  /** The open connection, while `Connected`. */
  readonly link: Link | undefined
  /** How many connections have been opened. */
  readonly connections: number
  /** There has been a connection since the app opened the first one: the next one has a gap before it. */
  readonly isResumption: boolean
  /** The app has asked for a dial, also while it is suspended. */
  readonly isForced: boolean
  /** How many connections in a row soon ended because the account logged in elsewhere. */
  readonly contested: number
  /** The layer has ended. */
  readonly isReleased: boolean
}

const initial: Phase = {
  state: ConnectionState.Idle(),
  link: undefined,
  connections: 0,
  isResumption: false,
  isForced: false,
  contested: 0,
  isReleased: false
}

export type Phases = Effect.Success<ReturnType<typeof make>>

export const make = Effect.fnUntraced(function* (publish: (event: RealtimeEvent) => Effect.Effect<void>) {
  const ref = yield* SubscriptionRef.make(initial)
  const now = () => SubscriptionRef.getUnsafe(ref)
  return {
    now,
    /** The present state and every later one. */
    states: Stream.changesWith(
      Stream.map(SubscriptionRef.changes(ref), ({ state }) => state),
      Object.is
    ),
    /** Enters a state, in which there is a link only if it is given. */
    enter: (state: ConnectionState, changes: Partial<Phase> = {}) =>
      Effect.uninterruptible(
        Effect.andThen(
          SubscriptionRef.update(ref, (before) => ({ ...before, link: undefined, ...changes, state })),
          publish(RealtimeEvent.StateChanged({ state }))
        )
      ),
    force: (isForced: boolean) => SubscriptionRef.update(ref, (before) => ({ ...before, isForced })),
    /** Waits for the end of the states that `isPatient` names, then gives the open link and the connection's number. */
    connected: Effect.fnUntraced(function* (method: string, isPatient: (state: ConnectionState) => boolean) {
      const settled = yield* SubscriptionRef.changes(ref).pipe(
        Stream.filter(({ state }) => !isPatient(state)),
        Stream.runHead
      )
      const { connections, link, state } = Option.getOrElse(settled, now)
      return link === undefined ? yield* unavailable(method, state) : { link, connection: connections }
    })
  }
})

/** Whether there will be a connection without a call of the app. */
export const keepsTrying = (state: ConnectionState): boolean =>
  state._tag === "Connecting" || state._tag === "Waiting" || state._tag === "Suspended"

const unavailable = (method: string, state: ConnectionState): KefuError<ConnectionReason | NotConnected> => {
  switch (state._tag) {
    case "Superseded":
      return new KefuError({ method, reason: new Superseded({}) })
    case "Closed":
      return state.reason?.at(method) ?? new KefuError({ method, reason: new Closed({ detail: "closed by the app" }) })
    case "Waiting":
      return new KefuError({
        method,
        reason: new NotConnected({ detail: state.cause.reason.message }),
        cause: state.cause
      })
    case "Suspended":
      return new KefuError({ method, reason: new NotConnected({ detail: `the page is ${state.why}` }) })
    case "Idle":
      return new KefuError({ method, reason: new NotConnected({ detail: "call `Realtime.open` first" }) })
    default:
      return new KefuError({ method, reason: new NotConnected({ detail: "that connection has ended" }) })
  }
}

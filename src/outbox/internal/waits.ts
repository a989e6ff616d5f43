/**
 * Waits for connections and their ends. The connections of a session are numbered from 1.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as elapsed from "../../platform/elapsed.ts"
import type { Realtime } from "../../realtime/Realtime.ts"

/** The number of the present connection and of every later one; 0 while there is none. */
const connections = ({ states }: Realtime["Service"]): Stream.Stream<number> =>
  Stream.map(states, (state) => (state._tag === "Connected" ? state.connection : 0))

const first = (numbers: Stream.Stream<number>): Effect.Effect<number> =>
  Effect.flatMap(Stream.runHead(numbers), Option.match({ onNone: () => Effect.never, onSome: Effect.succeed }))

/** Waits for a connection with at least this number. */
export const connected = (realtime: Realtime["Service"], least = 1): Effect.Effect<number> =>
  first(Stream.filter(connections(realtime), (connection) => connection >= least))

/** Waits until a connection has ended. */
export const ended = (realtime: Realtime["Service"], connection: number): Effect.Effect<undefined> =>
  Effect.as(first(Stream.filter(connections(realtime), (other) => other !== connection)), undefined)

/** Waits until a time, in elapsed milliseconds. */
export const until = (time: number): Effect.Effect<undefined> =>
  Effect.flatMap(elapsed.now, (now) => Effect.as(Effect.sleep(Math.max(0, time - now)), undefined))

/**
 * Waits until the backend no longer handles frames of earlier connections: one second after a connection has opened.
 */
import * as Effect from "effect/Effect"
import * as elapsed from "../../platform/elapsed.ts"
import type { Realtime } from "../../realtime/Realtime.ts"
import { ended, until } from "./waits.ts"

/** How long the backend may still handle frames of the previous connection after a reconnection, in milliseconds. */
const settling = 1000

export const make = (realtime: Realtime["Service"]) => {
  let latest = { connection: 0, at: 0 }

  /** Notes when a connection was first seen. */
  const opened = (connection: number) =>
    Effect.map(elapsed.now, (at) => {
      if (latest.connection !== connection) latest = { connection, at }
    })

  return {
    opened,
    /** False if the connection ends before. */
    await: (connection: number): Effect.Effect<boolean> =>
      Effect.andThen(
        opened(connection),
        Effect.suspend(() =>
          Effect.raceFirst(Effect.as(until(latest.at + settling), true), Effect.as(ended(realtime, connection), false))
        )
      )
  }
}

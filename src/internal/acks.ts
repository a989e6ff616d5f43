/**
 * The commands of one connection that wait for their acknowledgement.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { KefuError } from "../KefuError.ts"
import type { AckPayload } from "../wire/Frame.ts"

export interface Acks {
  /** Sends a frame and waits for its ack; forgets the frame when it is given up. */
  readonly request: (sequenceId: number, send: () => void) => Effect.Effect<AckPayload, KefuError>
  /** Settles the command that waits for this ack; false if there is none. */
  readonly settle: (ack: AckPayload) => boolean
  /** Waits until the commands that wait right now are settled or given up. */
  readonly settled: Effect.Effect<void>
  /** Fails every waiting command. */
  readonly fail: (error: KefuError) => void
}

export const make = (): Acks => {
  const waiting = new Map<number, Deferred.Deferred<AckPayload, KefuError>>()
  return {
    request: (sequenceId, send) =>
      Effect.suspend(() => {
        const deferred = Deferred.makeUnsafe<AckPayload, KefuError>()
        waiting.set(sequenceId, deferred)
        send()
        return Effect.ensuring(
          Deferred.await(deferred),
          Effect.suspend(() => {
            waiting.delete(sequenceId)
            return Deferred.interrupt(deferred)
          })
        )
      }),
    settle: (ack) => {
      const deferred = waiting.get(ack.sequenceId)
      return deferred !== undefined && Deferred.doneUnsafe(deferred, Effect.succeed(ack))
    },
    settled: Effect.suspend(() =>
      Effect.forEach(Array.from(waiting.values()), (deferred) => Effect.exit(Deferred.await(deferred)), {
        discard: true
      })
    ),
    fail: (error) => {
      for (const deferred of waiting.values()) Deferred.doneUnsafe(deferred, Effect.fail(error))
      waiting.clear()
    }
  }
}

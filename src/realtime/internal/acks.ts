/**
 * The commands of one connection that wait for their ack.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { KefuError, RequestTooLarge } from "../../KefuError.ts"
import type { AckPayload } from "../../wire/Frame.ts"

export interface Acks {
  /** Sends a frame and waits for its ack; interruption forgets the frame. */
  readonly request: (
    sequenceId: number,
    frame: string,
    send: (frame: string) => void
  ) => Effect.Effect<AckPayload, KefuError>
  /** Settles the command that waits for this ack; false if no command does. */
  readonly settle: (ack: AckPayload) => boolean
  /** Waits until the commands that wait now are settled or interrupted. */
  readonly settled: Effect.Effect<void>
  /** Fails every waiting command. After close code 1009 the one with the largest frame fails with `RequestTooLarge`. */
  readonly fail: (error: KefuError) => void
  readonly size: () => number
}

/** Close code 1009: a frame was too large. */
const tooBig = 1009

export const make = (): Acks => {
  const waiting = new Map<number, Deferred.Deferred<AckPayload, KefuError>>()
  let largest = { sequenceId: 0, bytes: 0 }

  const measure = (sequenceId: number, frame: string) => {
    if (frame.length * 3 < largest.bytes) return
    const bytes = new TextEncoder().encode(frame).length
    if (bytes >= largest.bytes) largest = { sequenceId, bytes }
  }

  return {
    request: (sequenceId, frame, send) =>
      Effect.suspend(() => {
        const deferred = Deferred.makeUnsafe<AckPayload, KefuError>()
        waiting.set(sequenceId, deferred)
        measure(sequenceId, frame)
        send(frame)
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
      const { reason } = error
      const culprit = waiting.get(largest.sequenceId)
      if (reason._tag === "ConnectionLost" && reason.code === tooBig && culprit !== undefined) {
        const detail = `a frame of ${largest.bytes} bytes${reason.detail === "" ? "" : `, but ${reason.detail}`}`
        const tooLarge = new KefuError({ method: error.method, reason: new RequestTooLarge({ detail }) })
        Deferred.doneUnsafe(culprit, Effect.fail(tooLarge))
      }
      for (const deferred of waiting.values()) Deferred.doneUnsafe(deferred, Effect.fail(error))
      waiting.clear()
    },
    size: () => waiting.size
  }
}

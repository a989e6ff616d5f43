/**
 * The commands of one connection that wait for their ack.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { type ConnectionReason, KefuError, RequestTooLarge } from "../../KefuError.ts"
import type { AckPayload } from "../../wire/Frame.ts"

export interface Acks {
  /** Sends a frame and waits for its ack, which `onAck` gets at once; interruption forgets the frame. */
  readonly request: (
    sequenceId: number,
    frame: string,
    send: (frame: string) => void,
    onAck: (ack: AckPayload) => void
  ) => Effect.Effect<AckPayload, KefuError<ConnectionReason>>
  /** Settles the command that waits for this ack; false if no command does. */
  readonly settle: (ack: AckPayload) => boolean
  /** Waits until the commands that wait now are settled or interrupted. */
  readonly settled: Effect.Effect<void>
  /** Fails every waiting command. After close code 1009 the one with the largest frame fails with `RequestTooLarge`. */
  readonly fail: (error: KefuError<ConnectionReason>) => void
  readonly size: () => number
}

interface Waiting {
  readonly answer: Deferred.Deferred<AckPayload, KefuError<ConnectionReason>>
  readonly onAck: (ack: AckPayload) => void
}

/** Close code 1009: a frame was too large. */
const tooBig = 1009

export const make = (): Acks => {
  const waiting = new Map<number, Waiting>()
  let largest = { sequenceId: 0, bytes: 0 }

  const measure = (sequenceId: number, frame: string) => {
    if (frame.length * 3 < largest.bytes) return
    const bytes = new TextEncoder().encode(frame).length
    if (bytes >= largest.bytes) largest = { sequenceId, bytes }
  }

  return {
    request: (sequenceId, frame, send, onAck) =>
      Effect.suspend(() => {
        const answer = Deferred.makeUnsafe<AckPayload, KefuError<ConnectionReason>>()
        waiting.set(sequenceId, { answer, onAck })
        measure(sequenceId, frame)
        send(frame)
        return Effect.ensuring(
          Deferred.await(answer),
          Effect.suspend(() => {
            waiting.delete(sequenceId)
            return Deferred.interrupt(answer)
          })
        )
      }),
    settle: (ack) => {
      const command = waiting.get(ack.sequenceId)
      if (command === undefined || Deferred.isDoneUnsafe(command.answer)) return false
      command.onAck(ack)
      return Deferred.doneUnsafe(command.answer, Effect.succeed(ack))
    },
    settled: Effect.suspend(() =>
      Effect.forEach(Array.from(waiting.values()), ({ answer }) => Effect.exit(Deferred.await(answer)), {
        discard: true
      })
    ),
    fail: (error) => {
      const { reason } = error
      const culprit = waiting.get(largest.sequenceId)
      if (reason._tag === "ConnectionLost" && reason.code === tooBig && culprit !== undefined) {
        const detail = `a frame of ${largest.bytes} bytes${reason.detail === "" ? "" : `, but ${reason.detail}`}`
        const tooLarge = new KefuError({ method: error.method, reason: new RequestTooLarge({ detail }) })
        Deferred.doneUnsafe(culprit.answer, Effect.fail(tooLarge))
      }
      for (const { answer } of waiting.values()) Deferred.doneUnsafe(answer, Effect.fail(error))
      waiting.clear()
    },
    size: () => waiting.size
  }
}

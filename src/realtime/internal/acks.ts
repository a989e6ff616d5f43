/**
 * The commands of one connection that wait for their ack.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import { AckTimeout, type ConnectionReason, KefuError, RequestTooLarge } from "../../KefuError.ts"
import type { AckPayload } from "../../wire/Frame.ts"

export interface Acks {
  /** Sends a frame and waits for its ack; interruption forgets the frame. */
  readonly request: (request: Request) => Effect.Effect<AckPayload, KefuError<ConnectionReason | AckTimeout>>
  /** Settles the command that waits for this ack: after how many milliseconds; undefined if none does. */
  readonly settle: (ack: AckPayload) => number | undefined
  /** Waits until the commands that wait now are settled or interrupted. */
  readonly settled: Effect.Effect<void>
  /** Fails every waiting command. After close code 1009 the one with the largest frame fails with `RequestTooLarge`. */
  readonly fail: (error: KefuError<ConnectionReason>) => void
  /** Fails each command that waits for too long, as long as it runs. */
  readonly expire: Effect.Effect<never>
  readonly size: () => number
}

interface Request {
  readonly sequenceId: number
  readonly frame: string
  /** Since when the command waits, also for a connection, in elapsed milliseconds. */
  readonly since: number
  readonly send: (frame: string) => void
  /** Gets the ack at once. */
  readonly onAck: (ack: AckPayload) => void
}

interface Waiting {
  readonly end: (outcome: Effect.Effect<AckPayload, KefuError<ConnectionReason | AckTimeout>>) => void
  readonly onAck: (ack: AckPayload) => void
  readonly since: number
  readonly sentAt: number
  /** Those who wait for its end. */
  watchers: ReadonlyArray<Deferred.Deferred<void>>
}

export interface Options {
  /** How long a command may wait, in milliseconds. */
  readonly timeout: number
  /** Runs when a command has waited for too long. */
  readonly onOverdue: () => void
  /** Elapsed milliseconds. */
  readonly now: () => number
}

/** Close code 1009: a frame was too large. */
const tooBig = 1009

export const make = ({ now, onOverdue, timeout }: Options): Acks => {
  /** In the order of their deadlines. */
  const waiting = new Map<number, Waiting>()
  const isAny = Latch.makeUnsafe(false)
  let largest = { sequenceId: 0, bytes: 0 }

  const measure = (sequenceId: number, frame: string) => {
    if (frame.length * 3 < largest.bytes) return
    const bytes = new TextEncoder().encode(frame).length
    if (bytes >= largest.bytes) largest = { sequenceId, bytes }
  }

  const forget = (sequenceId: number, { watchers }: Waiting) => {
    waiting.delete(sequenceId)
    for (const watcher of watchers) Deferred.doneUnsafe(watcher, Effect.void)
  }

  const end = (
    sequenceId: number,
    command: Waiting,
    outcome: Effect.Effect<AckPayload, KefuError<ConnectionReason | AckTimeout>>
  ) => {
    forget(sequenceId, command)
    command.end(outcome)
  }

  return {
    request: ({ frame, onAck, send, sequenceId, since }) =>
      Effect.callback((resume) => {
        const command: Waiting = { end: resume, onAck, since, sentAt: now(), watchers: [] }
        waiting.set(sequenceId, command)
        isAny.openUnsafe()
        measure(sequenceId, frame)
        send(frame)
        return Effect.sync(() => forget(sequenceId, command))
      }),
    settle: (ack) => {
      const command = waiting.get(ack.sequenceId)
      if (command === undefined) return undefined
      command.onAck(ack)
      end(ack.sequenceId, command, Effect.succeed(ack))
      return now() - command.sentAt
    },
    settled: Effect.suspend(() => {
      const watchers = Array.from(waiting.values(), (command) => {
        const watcher = Deferred.makeUnsafe<void>()
        command.watchers = [...command.watchers, watcher]
        return watcher
      })
      return Effect.forEach(watchers, Deferred.await, { discard: true })
    }),
    fail: (error) => {
      const { reason } = error
      const isTooBig = reason._tag === "ConnectionLost" && reason.code === tooBig
      for (const [sequenceId, command] of waiting) {
        if (isTooBig && sequenceId === largest.sequenceId) {
          const detail = `a frame of ${largest.bytes} bytes${reason.detail === "" ? "" : `, but ${reason.detail}`}`
          const tooLarge = new KefuError({ method: error.method, reason: new RequestTooLarge({ detail }) })
          end(sequenceId, command, Effect.fail(tooLarge))
        } else end(sequenceId, command, Effect.fail(error))
      }
    },
    expire: Effect.gen(function* () {
      while (true) {
        yield* isAny.await
        const [first] = waiting
        if (first === undefined) {
          isAny.closeUnsafe()
          continue
        }
        const [sequenceId, command] = first
        const left = command.since + timeout - now()
        if (left > 0) yield* Effect.sleep(Math.ceil(left))
        else {
          const reason = new AckTimeout({ afterMillis: timeout, sequenceId })
          end(sequenceId, command, Effect.fail(new KefuError({ method: "Realtime", reason })))
          onOverdue()
        }
      }
    }),
    size: () => waiting.size
  }
}

/**
 * One command: sent over the open connection, settled by its ack, its deadline or the end of the connection.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import { AckTimeout, type CommandReason, KefuError, type KefuErrorReason, NotConnected } from "../../KefuError.ts"
import { withSpan } from "../../platform/span.ts"
import type { AckPayload } from "../../wire/Frame.ts"
import type { Command, Link } from "./link.ts"
import type { Supervisor } from "./supervisor.ts"

export const make = (supervisor: Supervisor, ackTimeout: Duration.Duration) => {
  /** How many commands wait for a connection: later ones must not overtake them. */
  let patient = 0

  /** `only` is the number of the one connection that may carry the command. */
  return <Reason extends KefuErrorReason = never>(
    method: string,
    command: Command,
    only?: number,
    /** How the failure of a command that was handed over is reported. */
    unacknowledged: (error: KefuError<CommandReason>) => KefuError<CommandReason | Reason> = identity
  ): Effect.Effect<AckPayload, KefuError<CommandReason | Reason>> =>
    Effect.suspend(() => {
      /** Undefined until the frame has been handed to the connection. */
      let sequenceId: number | undefined
      let carrier: Link | undefined

      const request = (link: Link) => {
        carrier = link
        return link.request(command, (id) => {
          sequenceId = id
        })
      }

      const unanswered = (error: KefuError<CommandReason>) =>
        sequenceId === undefined || error.reason._tag === "AckTimeout"
          ? error.at(method)
          : unacknowledged(error.at(method))

      const open = supervisor.open()
      // The connection itself ends a command that waits for too long.
      if (patient === 0 && open !== undefined && (only ?? open.connection) === open.connection)
        return Effect.mapError(request(open.link), unanswered)

      const settled = Effect.gen(function* () {
        yield* supervisor.use
        patient++
        const { connection, link } = yield* supervisor
          .connected(method, (state) => state._tag === "Connecting" && only === undefined)
          .pipe(Effect.ensuring(Effect.sync(() => patient--)))
        if (only === undefined || only === connection) return yield* request(link)
        return yield* new KefuError({ method, reason: new NotConnected({ detail: "that connection has ended" }) })
      })

      /** Without an ack in time, the connection may be dead. */
      const overdue = Effect.suspend(() => {
        const afterMillis = Duration.toMillis(ackTimeout)
        const reason =
          sequenceId === undefined
            ? new NotConnected({ detail: `still connecting after ${afterMillis} ms` })
            : new AckTimeout({ afterMillis, sequenceId })
        const error = new KefuError({ method, reason })
        return Effect.andThen(sequenceId === undefined ? Effect.void : (carrier?.suspect ?? Effect.void), error)
      })

      return settled.pipe(
        Effect.mapError(unanswered),
        Effect.timeoutOrElse({ duration: ackTimeout, orElse: () => overdue })
      )
    }).pipe(withSpan(method))
}

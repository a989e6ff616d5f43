/**
 * One command: sent over the open connection, settled by its ack, its deadline or the end of the connection.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Metric from "effect/Metric"
import { AckTimeout, type CommandReason, KefuError, type KefuErrorReason, NotConnected } from "../../KefuError.ts"
import * as elapsed from "../../platform/elapsed.ts"
import * as metrics from "../../platform/metrics.ts"
import type { AckPayload } from "../../wire/Frame.ts"
import type { Command, Link } from "./link.ts"
import type { Supervisor } from "./supervisor.ts"

export const make =
  (supervisor: Supervisor, ackTimeout: Duration.Duration) =>
  /** `only` is the number of the one connection that may carry the command. */
  <Reason extends KefuErrorReason = never>(
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

      const settled = Effect.gen(function* () {
        yield* supervisor.use
        const began = yield* elapsed.now
        const { connection, link } = yield* supervisor.connected(
          method,
          (state) => state._tag === "Connecting" && only === undefined
        )
        if (only !== undefined && only !== connection) {
          return yield* new KefuError({ method, reason: new NotConnected({ detail: "that connection has ended" }) })
        }
        carrier = link
        const ack = yield* link.request(command, (id) => {
          sequenceId = id
        })
        yield* Metric.update(metrics.ackMillis, (yield* elapsed.now) - began)
        return ack
      })

      const unanswered = (error: KefuError<CommandReason>) =>
        sequenceId === undefined ? error.at(method) : unacknowledged(error.at(method))

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
        Effect.timeoutOrElse({ duration: ackTimeout, orElse: () => overdue }),
        Effect.withSpan(method)
      )
    })

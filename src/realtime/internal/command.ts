/**
 * One command: sent over the open connection, which settles it by its ack, its deadline or its own end. Here the command
 * waits for a connection, as long as for an ack.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import type { KefuConfig } from "../../KefuConfig.ts"
import { type CommandReason, KefuError, type KefuErrorReason, NotConnected } from "../../KefuError.ts"
import * as elapsed from "../../platform/elapsed.ts"
import * as span from "../../platform/span.ts"
import type { AckPayload } from "../../wire/Frame.ts"
import type { Command, Link } from "./link.ts"
import type { Supervisor } from "./supervisor.ts"

const unsent = (method: string, detail: string) =>
  Effect.fail(new KefuError({ method, reason: new NotConnected({ detail }) }))

/** What the span of a command tells. */
const traits = (method: string, { eventType, payload }: Command, baseUrl: string) => ({
  kind: "client" as const,
  attributes: () => ({
    ...span.server(baseUrl),
    ...span.messaging(method.slice(method.indexOf(".") + 1), eventType === "Message" ? "send" : undefined),
    ...span.ids(payload)
  }),
  found: span.ids
})

export const make = (supervisor: Supervisor, { ackTimeout, baseUrl }: KefuConfig["Service"]) => {
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
    Effect.flatMap(elapsed.now, (since) => {
      /** Undefined until the frame has been handed to the connection. */
      let sequenceId: number | undefined

      const request = (link: Link) =>
        link.request(command, since, (id) => {
          sequenceId = id
        })

      const unanswered = (error: KefuError<CommandReason>) =>
        sequenceId === undefined || error.reason._tag === "AckTimeout"
          ? error.at(method)
          : unacknowledged(error.at(method))

      const open = supervisor.open()
      if (patient === 0 && open !== undefined && (only ?? open.connection) === open.connection)
        return Effect.mapError(request(open.link), unanswered)

      const connected = Effect.suspend(() => {
        patient++
        return supervisor.connected(method, (state) => state._tag === "Connecting" && only === undefined)
      }).pipe(
        Effect.timeoutOrElse({
          duration: ackTimeout,
          orElse: () => unsent(method, `still connecting after ${Duration.toMillis(ackTimeout)} ms`)
        }),
        Effect.ensuring(Effect.sync(() => patient--))
      )

      return Effect.andThen(supervisor.use, connected).pipe(
        Effect.flatMap(({ connection, link }) =>
          only === undefined || only === connection ? request(link) : unsent(method, "that connection has ended")
        ),
        Effect.mapError(unanswered)
      )
    }).pipe(span.withSpan(method, traits(method, command, baseUrl)))
}

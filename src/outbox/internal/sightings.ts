/**
 * What incoming events tell of sends: the ids of messages, and that a send of unknown outcome has arrived after all.
 */
import * as Effect from "effect/Effect"
import type { RealtimeEvent } from "../../realtime/RealtimeEvent.ts"
import type { Ledger } from "./ledger.ts"
import type { Registry } from "./registry.ts"

export const make = ({ ledger, sends }: { readonly ledger: Ledger; readonly sends: Registry }) => {
  const settle = Effect.suspend(() =>
    Effect.forEach(
      sends.undecided,
      (send) => {
        const id = send.attempt && ledger.sighting(send.attempt)
        return id === undefined ? Effect.void : sends.arrived(send, id)
      },
      { discard: true }
    )
  )

  return (event: RealtimeEvent): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (event._tag === "MessageReceived") ledger.received(event.message)
      else if (event._tag === "Resynced") ledger.read(event.conversations)
      else if (event._tag !== "ActedElsewhere" || event.command !== "Message" || event.messageId === undefined) {
        return Effect.void
      } else ledger.own(event.messageId)
      return settle
    })
}

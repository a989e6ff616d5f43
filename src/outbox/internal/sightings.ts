/**
 * What incoming events tell of sends: the ids of messages, and that a send of unknown outcome has arrived after all.
 */
import * as Effect from "effect/Effect"
import type { User } from "../../domain/User.ts"
import { isSystemMessage, type Message } from "../../domain/Message.ts"
import type { RealtimeEvent } from "../../realtime/RealtimeEvent.ts"
import { holds, ofMessage } from "../payload.ts"
import type { Ledger } from "./ledger.ts"
import type { Registry, Send } from "./registry.ts"

export const make = ({
  ledger,
  sends,
  user
}: {
  readonly ledger: Ledger
  readonly sends: Registry
  readonly user: () => User | undefined
}) => {
  /** The send of unknown outcome that this message is, unless it may be another one. */
  const recognise = (message: Message): Send | undefined => {
    if (message.fromId !== user()?.id || isSystemMessage(message) || ledger.isOurs(message.id)) return undefined
    const content = ofMessage(message)
    return sends.all.find(({ attempt, entry: { state } }) => {
      if (attempt?.after === undefined || state._tag !== "DeliveryUnknown" || attempt.superseded) return false
      if (attempt.account !== message.fromId || message.id <= attempt.after || !holds(content, attempt.content))
        return false
      return !ledger.strays(attempt).some((other) => holds(content, other))
    })
  }

  const see = (message: Message): Effect.Effect<unknown> =>
    Effect.suspend(() => {
      const send = recognise(message)
      return send === undefined ? Effect.void : sends.arrived(send, message.id)
    })

  return (event: RealtimeEvent): Effect.Effect<unknown> =>
    Effect.suspend(() => {
      if (event._tag === "MessageReceived") {
        ledger.saw(event.message.id)
        return see(event.message)
      }
      if (event._tag !== "Resynced") return Effect.void
      ledger.read(event.conversations)
      return Effect.forEach(
        event.conversations.flatMap(({ messages }) => messages),
        see,
        { discard: true }
      )
    })
}

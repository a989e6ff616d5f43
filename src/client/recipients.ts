/**
 * To whom a message or a draft of the app goes, where the app does not say.
 */
import * as Effect from "effect/Effect"
import type { ConversationId } from "../domain/Id.ts"
import { isVisitor } from "../domain/Perspective.ts"
import type { Inbox } from "../inbox/Inbox.ts"
import type { KefuError } from "../KefuError.ts"
import type { Directory } from "./directory.ts"
import type { Notifier } from "./notifier.ts"

/** How long a send waits for the current user. */
const patience = "2 seconds"

export interface Recipients extends ReturnType<typeof make> {}

export const make = (
  inbox: Inbox["Service"],
  directory: Directory,
  notifier: Notifier,
  identify: Effect.Effect<void, KefuError>
) => {
  let unidentifiedOn: number | undefined

  /** Tries once per connection. If it fails, the backend decides whether it needs to know the recipient. */
  const identified = Effect.suspend(() =>
    directory.isIdentified || unidentifiedOn === notifier.connection
      ? Effect.void
      : identify.pipe(
          Effect.timeoutOption(patience),
          Effect.ignore,
          Effect.tap(() =>
            Effect.sync(() => {
              if (!directory.isIdentified) unidentifiedOn = notifier.connection
            })
          )
        )
  )

  /** A user without a type may be either, so the backend decides. */
  const isStaff = () => directory.me !== undefined && directory.me.userType !== "" && !isVisitor(directory.me)

  /** What the client itself has read counts, and so does what its inbox has read. */
  const visitorOf = (conversationId: number): number | undefined =>
    directory.visitorOf(conversationId) ?? inbox.getConversation(conversationId as ConversationId)?.counterpart?.id

  return {
    isStaff,
    /** To whom something in a conversation goes; undefined for visitors, and if unknown. */
    recipient: (conversationId: number | undefined) =>
      Effect.map(identified, () => (isStaff() && conversationId !== undefined ? visitorOf(conversationId) : undefined))
  }
}

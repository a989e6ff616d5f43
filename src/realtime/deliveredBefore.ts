/**
 * What an account was given before this session: then its first connection has a gap before it, as after a lost one.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Conversation } from "../domain/Conversation.ts"
import type { ConversationId, MessageId } from "../domain/Id.ts"

export interface DeliveredBefore {
  /** Undefined if nothing was delivered before: what comes after the first read of the conversations is new. */
  readonly conversations: ReadonlyArray<DeliveredConversation> | undefined
  /**
   * Notes where all conversations stand before the account is connected for the first time, so that nothing that is pushed
   * from then on is lost with this session.
   */
  readonly begin: (conversations: ReadonlyArray<Conversation>) => Effect.Effect<void>
}

export interface DeliveredConversation {
  readonly conversationId: ConversationId
  /** Every message up to this id was delivered; undefined if the conversation has begun since all were read. */
  readonly settled: MessageId | undefined
  /** The messages that were delivered after it. */
  readonly delivered: ReadonlyArray<MessageId>
  readonly hasEnded: boolean
}

/** Undefined if nobody continues what this session has delivered. */
export const DeliveredBefore = Context.Reference<DeliveredBefore | undefined>(
  "effect-kefu/realtime/deliveredBefore/DeliveredBefore",
  { defaultValue: () => undefined }
)

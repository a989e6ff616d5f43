/**
 * What an account was given before this session: then its first connection has a gap before it, as after a lost one.
 */
import * as Context from "effect/Context"
import type { ConversationId, MessageId } from "../domain/Id.ts"

export interface DeliveredBefore {
  readonly conversationId: ConversationId
  /** Every message up to this id was delivered; undefined if the conversation has begun since all were read. */
  readonly settled: MessageId | undefined
  /** The messages that were delivered after it. */
  readonly delivered: ReadonlyArray<MessageId>
}

/** Undefined if nothing was delivered before. */
export const DeliveredBefore = Context.Reference<ReadonlyArray<DeliveredBefore> | undefined>(
  "effect-kefu/realtime/deliveredBefore/DeliveredBefore",
  { defaultValue: () => undefined }
)

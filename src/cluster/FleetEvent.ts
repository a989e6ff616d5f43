/**
 * What `effect-kefu fleet` gives to webhooks and handlers.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { ConversationId, MessageId } from "../domain/Id.ts"
import { Message } from "../domain/Message.ts"
import type { TransferRequest } from "../domain/Conversation.ts"
import type { ClusterDraft } from "./KefuCluster.ts"

/**
 * A message that an account received. `id` names the event, also when it is told again; later events of the account have
 * greater positions.
 *
 * **Details**
 *
 * It is the body of a webhook, and the first argument of a handler.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FleetEvent = Schema.Struct({
  id: Schema.String,
  account: Schema.String,
  position: Schema.Int,
  message: Schema.toType(Message)
})

/**
 * A message that an account received.
 *
 * @category models
 * @since 0.1.0
 */
export type FleetEvent = typeof FleetEvent.Type

/**
 * An account, for the handler of one of its events. Every method rejects with a `KefuError`.
 *
 * @category models
 * @since 0.1.0
 */
export interface FleetAccount {
  /** The name of the account in the file of the fleet. */
  readonly name: string
  /** Aborted when another runner takes the account. The event is then handled there. */
  readonly signal: AbortSignal
  /**
   * Sends a message, by default to the event's sender in its conversation, and resolves to its id. The n-th send of an
   * event is sent once, though the handler runs again.
   */
  send(message: string | ClusterDraft): Promise<MessageId>
  /** Recalls an own message. */
  recall(messageId: MessageId): Promise<void>
  /** Marks everything up to this message as read. */
  read(messageId: MessageId): Promise<void>
  /** Ends a conversation. */
  closeConversation(conversationId: ConversationId): Promise<void>
  /** Gives a conversation to somebody else. */
  transfer(conversationId: ConversationId, to: TransferRequest): Promise<void>
}

/**
 * The default export of the module that `handler` in the file of a fleet names.
 *
 * **Details**
 *
 * It runs for each event of an account in order, for different accounts at the same time. If it throws or rejects, it runs
 * again after 1, 2, 4 and 8 seconds, while the account's next event waits; then the event is logged and skipped, at once
 * if the error is a `KefuError` that is not retryable. After a restart or a move of the account the last event may come again.
 *
 * @category models
 * @since 0.1.0
 */
export type FleetHandler = (event: FleetEvent, account: FleetAccount) => void | Promise<void>

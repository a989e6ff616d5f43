/**
 * What a session tells its subscribers.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { Conversation } from "../domain/Conversation.ts"
import type { ConversationId, MessageId } from "../domain/Id.ts"
import type { Message } from "../domain/Message.ts"
import type { InputtingPayload } from "../wire/Frame.ts"
import type { ConnectionState } from "./ConnectionState.ts"

/**
 * An event of the session, told apart by `_tag`.
 *
 * **Details**
 *
 * - `MessageReceived`: a message, system messages too. `recovered` ones were missed while disconnected and read from the
 *   history.
 * - `MessagesRead`: the other side has read every message of the conversation up to `messageId`.
 * - `Inputting`: the other side is typing; `payload` holds the draft and whatever else came with it.
 * - `Resynced`: after each connection, once the gap before it has been closed: the conversations as they are now, with
 *   their read marks and states. `complete` is false where a `GapUnresolved` named something.
 * - `GapUnresolved`: messages may be missing, or came late, in this conversation (in any, if undefined): read it again.
 *   Where the session itself could only not read them yet, it goes on trying, and gives what it finds as recovered.
 * - `StateChanged`: the connection entered another state. States and all other events come in the order in which they
 *   happened.
 * - `Lagged`: this subscriber was too slow and lost so many events at this place: read the conversations again.
 * - `Superseded`: the account logged in elsewhere.
 * - `UnknownReceived`: a frame of a type that this version does not know, or whose payload was not what its type
 *   promises, as it came. If it was to be a message, a `GapUnresolved` follows.
 * - `Undecodable`: a frame that is not even a frame was skipped; `detail` says why, without its content. As it may have
 *   been a message, a `GapUnresolved` follows.
 *
 * @category models
 * @since 0.1.0
 */
export type RealtimeEvent = Data.TaggedEnum<{
  MessageReceived: { readonly message: Message; readonly recovered: boolean }
  MessagesRead: { readonly conversationId: ConversationId; readonly messageId: MessageId }
  Inputting: { readonly conversationId: ConversationId; readonly payload: InputtingPayload }
  Resynced: { readonly conversations: ReadonlyArray<Conversation>; readonly complete: boolean }
  GapUnresolved: { readonly conversationId: ConversationId | undefined; readonly detail: string }
  StateChanged: { readonly state: ConnectionState }
  Lagged: { readonly dropped: number }
  Superseded: {}
  UnknownReceived: { readonly eventTypeCode: number; readonly payload: unknown }
  Undecodable: { readonly detail: string }
}>

/**
 * Constructors, guards and `$match` of {@link (RealtimeEvent:type)}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const RealtimeEvent = Data.taggedEnum<RealtimeEvent>()

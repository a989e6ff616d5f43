/**
 * The events of the connection.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { Conversation } from "../domain/Conversation.ts"
import type { ConversationId, MessageId } from "../domain/Id.ts"
import type { Message } from "../domain/Message.ts"
import type { InputtingPayload } from "../wire/Frame.ts"
import type { CommandElsewhere } from "./elsewhere.ts"
import type { ConnectionState } from "./ConnectionState.ts"

/**
 * An event of the connection, discriminated by `_tag`.
 *
 * **Details**
 *
 * - `MessageReceived`: a message, including system messages. `recovered` means that it was missed while disconnected and
 *   read from the history.
 * - `MessagesRead`: the other side has read every message of the conversation up to `messageId`.
 * - `Inputting`: the other side is typing; `payload` has the draft and any other fields of the frame.
 * - `Resynced`: the gap before a connection has been closed: the conversations as they are now, with read marks and states.
 *   `complete` is false if a `GapUnresolved` came before it.
 * - `GapUnresolved`: messages of this conversation (of any, if undefined) may be missing or came late: read it again. If
 *   the history could not be read yet, reading is repeated, and what it finds comes as recovered messages. Also told if the
 *   first connection was lost so soon that messages pushed before the first `Resynced` may be in that one only.
 * - `StateChanged`: the connection entered this state. States and all other events come in the order in which they occur.
 * - `Lagged`: this subscriber was too slow and lost `dropped` events at this place: read the conversations again.
 * - `ActedElsewhere`: another tab that shares the connection has sent, read or recalled the message `messageId`, or given
 *   another command. Unless it has read, the conversations are read again, and a `Resynced` follows.
 * - `Superseded`: the account logged in elsewhere.
 * - `UnknownReceived`: a frame of an unknown type or with an unexpected payload, unchanged. If its type is that of a
 *   message, a `GapUnresolved` follows.
 * - `Undecodable`: a frame that could not be decoded was skipped; `detail` says why, without its content. It may have been
 *   a message, so a `GapUnresolved` follows.
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
  ActedElsewhere: { readonly command: CommandElsewhere; readonly messageId: MessageId | undefined }
  Superseded: {}
  UnknownReceived: { readonly eventTypeCode: number; readonly payload: unknown }
  Undecodable: { readonly detail: string }
}>

/**
 * Constructors, guards and `$match` of {@link RealtimeEvent:type}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const RealtimeEvent = Data.taggedEnum<RealtimeEvent>()

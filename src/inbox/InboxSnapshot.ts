/**
 * What the inbox holds at one moment: plain, immutable data for a chat screen.
 *
 * @since 0.1.0
 */
import type { Conversation, ConversationState } from "../domain/Conversation.ts"
import type { ConversationId, MessageId, UserId } from "../domain/Id.ts"
import type { Message } from "../domain/Message.ts"
import type { Direction } from "../domain/Perspective.ts"
import type { User } from "../domain/User.ts"
import type { ConnectionReason, KefuError, SubscriberLagged } from "../KefuError.ts"
import type { OutboxDraft, OutboxEntry, OutboxKey } from "../outbox/OutboxEntry.ts"
import type { OutboxState } from "../outbox/OutboxState.ts"
import type { ConnectionState } from "../realtime/ConnectionState.ts"

/**
 * A message of a timeline: received from the backend, or a send that is still pending.
 *
 * @category models
 * @since 0.1.0
 */
export interface InboxMessage {
  /** Does not change when a pending send gets its id: suitable as the key of a list item. */
  readonly key: string
  /** Undefined until the backend has acknowledged the message. */
  readonly id: MessageId | undefined
  readonly conversationId: ConversationId
  /** The draft, until the message itself has come from the backend. */
  readonly message: Message | OutboxDraft
  /** 0 for sent, by this account or its side; 1 for received. */
  readonly direction: Direction
  /** The sender's name; undefined while the sender is unknown. */
  readonly nickname: string | undefined
  /** The backend's number; for a pending send milliseconds since 1970. */
  readonly createdAt: number | undefined
  /** Whether the system wrote it, not a person or a robot. */
  readonly isSystemMessage: boolean
  /** Whether the other side has read a sent message. Always true for received ones. */
  readonly isRead: boolean
  readonly isRecalled: boolean
  /** For messages sent through the outbox since the session began. */
  readonly outboxKey: OutboxKey | undefined
  /** The state of a pending send; undefined once the message has arrived. */
  readonly delivery: OutboxState | undefined
}

/**
 * The other side is typing.
 *
 * @category models
 * @since 0.1.0
 */
export interface Typing {
  /** The draft so far; undefined if it is withheld. */
  readonly draft: string | undefined
  /** Who is typing, if the backend says. */
  readonly userId: UserId | undefined
}

/**
 * A place in the queue.
 *
 * @category models
 * @since 0.1.0
 */
export interface QueuePlace {
  /** 1 is next. */
  readonly position: number
  /** Estimated from the pace of the queue so far; undefined until it has moved. Wrong when the pace changes. */
  readonly estimatedWaitMillis: number | undefined
}

/**
 * A conversation as a chat screen shows it.
 *
 * @category models
 * @since 0.1.0
 */
export interface InboxConversation {
  readonly id: ConversationId
  readonly state: ConversationState
  /** The staff or robot serving the conversation; for staff the visitor. Undefined while nobody serves it. */
  readonly counterpart: User | undefined
  readonly isServedByRobot: boolean
  /**
   * Why nobody of the staff serves the conversation, as the backend said last: they are busy, so that the visitor waits,
   * or offline. Undefined if somebody serves it, after its end, and if the backend has not said why.
   */
  readonly staffStatus: "busy" | "offline" | undefined
  /** Whether this account has neither opened the conversation nor written in it. */
  readonly isNew: boolean
  readonly unreadCount: number
  /** The id of the last message that this account has read; 0 if none. */
  readonly readUpTo: number
  readonly typing: Typing | undefined
  /** For visitors who wait for staff. */
  readonly queue: QueuePlace | undefined
  /** The latest data of the backend, apart from the messages. */
  readonly details: InboxDetails
  /**
   * Whether the conversation is as read from the backend, plus all events since. False for one known only from events,
   * and for one that has to be read again because something was missed.
   */
  readonly isFresh: boolean
  /**
   * Whether the conversation may have begun before the first of `messages`. The backend gives the latest messages only
   * (the sandbox 50), and has no call for the earlier ones. False if the message about its beginning is there.
   */
  readonly mayHaveEarlierMessages: boolean
  readonly lastMessage: InboxMessage | undefined
  /** Sorted by id, pending sends last. The array is built on first use: an unused one costs nothing. */
  readonly messages: ReadonlyArray<InboxMessage>
}

/**
 * A conversation of the backend without its messages.
 *
 * @category models
 * @since 0.1.0
 */
export type InboxDetails = {
  readonly [Key in keyof Conversation as Key extends "messages" ? never : Key]: Conversation[Key]
}

/**
 * The state of a chat screen at one moment. Immutable: what has not changed since the previous one is the same object.
 *
 * @category models
 * @since 0.1.0
 */
export interface InboxSnapshot {
  /** Whether the conversations have been read at least once. */
  readonly isLoaded: boolean
  /** Why the last read of all conversations failed; undefined once one succeeds. */
  readonly error: KefuError<ConnectionReason | SubscriberLagged> | undefined
  readonly connection: ConnectionState
  /** The session's own account. */
  readonly me: User | undefined
  /** All known users, including this account. */
  readonly users: ReadonlyMap<UserId, User>
  /** The one with the latest message first. */
  readonly conversations: ReadonlyArray<InboxConversation>
  /**
   * Sends whose conversation is not known yet, in their order: a visitor's first message, or one that waits while the
   * conversations cannot be read.
   */
  readonly unplaced: ReadonlyArray<OutboxEntry>
  /** The sum over the conversations, without those that had ended before this session knew of them. */
  readonly unreadCount: number
}

/**
 * What the inbox holds at one moment: plain, immutable data for a chat screen.
 *
 * @since 0.1.0
 */
import type { ConnectionState } from "../realtime/ConnectionState.ts"
import type { Conversation, ConversationState } from "../domain/Conversation.ts"
import type { ConversationId, MessageId, UserId } from "../domain/Id.ts"
import type { Message } from "../domain/Message.ts"
import type { User } from "../domain/User.ts"
import type { Direction } from "../domain/Perspective.ts"
import type { KefuError } from "../KefuError.ts"
import type { OutboxDraft, OutboxKey } from "../outbox/OutboxEntry.ts"
import type { OutboxState } from "../outbox/OutboxState.ts"

/**
 * A message of a timeline: one of the backend's, or one that is on its way there.
 *
 * @category models
 * @since 0.1.0
 */
export interface InboxMessage {
  /** Stays the same when a message on its way gets its id, so it suits as the key of a list item. */
  readonly key: string
  /** Undefined while the backend has not acknowledged the message. */
  readonly id: MessageId | undefined
  readonly conversationId: ConversationId
  /** What was said: the draft until the backend has told the message back. */
  readonly message: Message | OutboxDraft
  /** 0 for what was sent, by oneself or by one's own side; 1 for what was received. */
  readonly direction: Direction
  /** The sender's name; undefined while the sender is not known. */
  readonly nickname: string | undefined
  /** The backend's number; for a message on its way milliseconds since 1970. */
  readonly createdAt: number | undefined
  /** Whether the system speaks, and not a person or a robot. */
  readonly isSystemMessage: boolean
  /** Whether the other side has read what was sent. What was received counts as read. */
  readonly isRead: boolean
  readonly isRecalled: boolean
  /** For what one sent through the outbox since the session began. */
  readonly outboxKey: OutboxKey | undefined
  /** What has become of the send so far; undefined once the message has arrived. */
  readonly delivery: OutboxState | undefined
}

/**
 * Somebody is typing.
 *
 * @category models
 * @since 0.1.0
 */
export interface Typing {
  /** The draft so far; undefined where it is withheld. */
  readonly draft: string | undefined
  /** Who it is, if the backend says. */
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
  /**
   * How long it may take, from the pace at which the queue was seen to move. An estimate: undefined before it has
   * moved, and wrong when the pace changes.
   */
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
  /** Whom one talks to: who serves the conversation, or for staff the visitor. Undefined while nobody serves it. */
  readonly counterpart: User | undefined
  readonly isServedByRobot: boolean
  /** Whether one has neither opened it nor written in it yet. */
  readonly isNew: boolean
  readonly unreadCount: number
  /** Up to which message one has read: what is beyond is new. 0 if nothing. */
  readonly readUpTo: number
  readonly typing: Typing | undefined
  /** For visitors who wait for staff. */
  readonly queue: QueuePlace | undefined
  /** What the backend told last, apart from the messages. */
  readonly details: InboxDetails
  /**
   * Whether all this has been read from the backend. False for one that only events have told of so far, and while it
   * must be read again because something was missed.
   */
  readonly isFresh: boolean
  readonly lastMessage: InboxMessage | undefined
  /**
   * In the order of their ids, those on their way last. The array is made when it is first asked for; keeping up a
   * conversation that nobody looks at costs the same however long it is.
   */
  readonly messages: ReadonlyArray<InboxMessage>
}

/**
 * A conversation of the backend without its messages, which are in the timeline.
 *
 * @category models
 * @since 0.1.0
 */
export type InboxDetails = {
  readonly [Key in keyof Conversation as Key extends "messages" ? never : Key]: Conversation[Key]
}

/**
 * The state of a chat screen at one moment.
 *
 * **Details**
 *
 * Immutable, and shared between snapshots as far as it can be: what did not change is the same object as before.
 *
 * @category models
 * @since 0.1.0
 */
export interface InboxSnapshot {
  /** Whether the conversations have been read at least once. */
  readonly isLoaded: boolean
  /** Why they could not be read; undefined once they could. */
  readonly error: KefuError | undefined
  readonly connection: ConnectionState
  readonly me: User | undefined
  /** Everyone known, oneself too. */
  readonly users: ReadonlyMap<UserId, User>
  /** The one with the latest message first. */
  readonly conversations: ReadonlyArray<InboxConversation>
  /** The unread messages of all conversations. */
  readonly unreadCount: number
}

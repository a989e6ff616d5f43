/**
 * The inbox of the documented client.
 */
import * as Effect from "effect/Effect"
import type { ConversationId, MessageId } from "../domain/Id.ts"
import type { Given, Without } from "../domain/Perspective.ts"
import type * as UserSchemas from "../domain/User.ts"
import { Inbox, type LoadMoreOptions } from "../inbox/Inbox.ts"
import type * as Snapshots from "../inbox/InboxSnapshot.ts"
import type { KefuError } from "../KefuError.ts"
import { ConnectionState } from "../realtime/ConnectionState.ts"
import { integer } from "./arguments.ts"
import type { Listeners } from "./listeners.ts"
import type { CallOptions } from "./options.ts"
import type { ClientRuntime } from "./runtime.ts"

/**
 * The state of a chat screen at one moment. Immutable: unchanged parts are the same objects as before.
 *
 * @category inbox
 * @since 0.1.0
 */
export interface InboxSnapshot extends Without<Snapshots.InboxSnapshot, "conversations" | "me" | "users"> {
  readonly me: InboxUser | undefined
  /** All known users, oneself included. */
  readonly users: ReadonlyMap<number, InboxUser>
  /** The conversation with the latest message comes first. */
  readonly conversations: ReadonlyArray<InboxConversation>
}

/**
 * A user in the inbox.
 *
 * @category inbox
 * @since 0.1.0
 */
export interface InboxUser extends Given<UserSchemas.User> {}

/**
 * A conversation as a chat screen shows it.
 *
 * @category inbox
 * @since 0.1.0
 */
export interface InboxConversation extends Without<
  Snapshots.InboxConversation,
  "counterpart" | "id" | "lastMessage" | "messages"
> {
  readonly id: number
  /** The other side: for visitors, who serves the conversation (undefined while nobody does); for staff, the visitor. */
  readonly counterpart: InboxUser | undefined
  readonly lastMessage: InboxMessage | undefined
  /** In the order of their ids; unacknowledged messages come last. */
  readonly messages: ReadonlyArray<InboxMessage>
}

/**
 * A message of a timeline: received from the backend, or being sent.
 *
 * @category inbox
 * @since 0.1.0
 */
export interface InboxMessage extends Without<Snapshots.InboxMessage, "conversationId" | "id"> {
  /** Undefined until the backend has acknowledged the message. */
  readonly id: number | undefined
  readonly conversationId: number
}

/**
 * The state of a chat screen, maintained by the client: conversations with their timelines, unread counts, read flags,
 * typing, and the position in the queue.
 *
 * **Details**
 *
 * It loads at its first use, except by `getSnapshot` and `getConversation`. `subscribe` and `ready` open the connection,
 * as the first message does, unless the app has opened or closed it itself; invalid options are then reported to
 * `onError`. `subscribe` and `getSnapshot` may be detached from the object, as in React's
 * `useSyncExternalStore(inbox.subscribe, inbox.getSnapshot)`.
 *
 * **Gotchas**
 *
 * The backend does not send a session its own commands, so recall with `inbox.recall`, mark as read with
 * `inbox.markRead`, and send with `client.sendMessage`.
 *
 * @category inbox
 * @since 0.1.0
 */
export interface ClientInbox {
  /** The current state: the same object until something changes. */
  readonly getSnapshot: () => InboxSnapshot
  /**
   * Calls `listener` after every change, until the returned function is called. Opens the connection, unless the app has
   * opened or closed it itself.
   */
  readonly subscribe: (listener: () => void) => () => void
  /** A conversation of the current state. */
  getConversation(id: number): InboxConversation | undefined
  /** Resolves to the state once it is loaded, and rejects if loading fails for good, or for a minute. */
  ready(options?: CallOptions): Promise<InboxSnapshot>
  /** A conversation, read from the backend and added if it is missing. */
  conversation(id: number, options?: CallOptions): Promise<InboxConversation>
  /** Marks all received messages of a conversation as read, locally at once, and tells the backend. */
  markRead(id: number, options?: CallOptions): Promise<void>
  /**
   * Tells the other side what one is typing. May be called at any rate: at most one event per second is sent. An empty
   * draft means that typing has stopped.
   */
  typing(id: number, draft: string): void
  /** Recalls a message of one's own. */
  recall(id: number, options?: CallOptions): Promise<void>
  /** Reads everything again. */
  refresh(options?: CallOptions): Promise<void>
  /** Adds a further page of ended conversations, latest first; resolves to false if there are no more. */
  loadMore(
    which?: { readonly customerId?: number | undefined; readonly limit?: number | undefined },
    options?: CallOptions
  ): Promise<boolean>
}

export const make = (runtime: ClientRuntime, listeners: Listeners): ClientInbox => {
  const run = <A>(
    name: string,
    options: CallOptions | undefined,
    use: (inbox: Inbox["Service"]) => Effect.Effect<A, KefuError>
  ): Promise<A> => runtime.run(`Client.inbox.${name}`, () => Inbox.use(use), options)
  const withId = <A>(
    name: string,
    id: number,
    options: CallOptions | undefined,
    use: (inbox: Inbox["Service"], id: number) => Effect.Effect<A, KefuError>
  ): Promise<A> =>
    run(name, options, (inbox) => Effect.flatMap(integer(`Client.inbox.${name}`, "id", id), (id) => use(inbox, id)))
  return {
    getSnapshot: () => runtime.inbox?.getSnapshot() ?? emptySnapshot,
    subscribe: (listener) => {
      runtime.openByDefault()
      return runtime.inbox?.subscribe(() => listeners.guard(listener)) ?? (() => {})
    },
    getConversation: (id) => runtime.inbox?.getConversation(id as ConversationId),
    ready: (options) => {
      runtime.openByDefault()
      return run("ready", options, ({ ready }) => ready)
    },
    conversation: (id, options) =>
      withId("conversation", id, options, (inbox, id) => inbox.conversation(id as ConversationId)),
    markRead: (id, options) => {
      runtime.openByDefault()
      return withId("markRead", id, options, (inbox, id) => inbox.markRead(id as ConversationId))
    },
    typing: (id, draft) => {
      runtime.openByDefault()
      const typing = runtime.inbox?.typing(id as ConversationId, draft)
      if (typing !== undefined) runtime.fork(typing)
    },
    recall: (id, options) => {
      runtime.openByDefault()
      return withId("recall", id, options, (inbox, id) => inbox.recall(id as MessageId))
    },
    refresh: (options) => run("refresh", options, ({ refresh }) => refresh),
    loadMore: (which, options) => run("loadMore", options, (inbox) => inbox.loadMore(which as LoadMoreOptions))
  }
}

const emptySnapshot: InboxSnapshot = {
  isLoaded: false,
  error: undefined,
  connection: ConnectionState.Idle(),
  me: undefined,
  users: new Map(),
  conversations: [],
  unplaced: [],
  unreadCount: 0
}

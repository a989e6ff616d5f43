/**
 * The documented client, complete: promises and callbacks, for apps that know nothing of Effect.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import { ConnectionState } from "./realtime/ConnectionState.ts"
import type * as ChannelSchemas from "./domain/Channel.ts"
import type * as ConversationSchemas from "./domain/Conversation.ts"
import type * as FaqSchemas from "./domain/Faq.ts"
import type { ConversationId, MenuItemId, MessageId, UserId } from "./domain/Id.ts"
import type * as QueueSchemas from "./domain/PendingQueue.ts"
import type * as QuickReplySchemas from "./domain/QuickReply.ts"
import type * as RatingSchemas from "./domain/Rating.ts"
import type * as TagSchemas from "./domain/Tag.ts"
import type * as UploadSchemas from "./domain/Upload.ts"
import type * as UserSchemas from "./domain/User.ts"
import type * as VisitSchemas from "./domain/Visit.ts"
import * as answer from "./client/answer.ts"
import { Inbox, type LoadMoreOptions } from "./inbox/Inbox.ts"
import type * as Snapshots from "./inbox/InboxSnapshot.ts"
import { Engine, type Fate, takeBack } from "./client/session.ts"
import * as feed from "./client/feed.ts"
import type * as handler from "./client/callbacks.ts"
import * as lenient from "./client/lenient.ts"
import type * as perspective from "./domain/Perspective.ts"
import type { Given, Plain, Without } from "./domain/Perspective.ts"
import * as Kefu from "./Kefu.ts"
import { KefuConfig } from "./KefuConfig.ts"
import {
  Cancelled,
  Closed,
  DeliveryUnknown,
  KefuError,
  type KefuErrorReason,
  NotConnected,
  RequestTimeout,
  Superseded,
  UnexpectedResponse
} from "./KefuError.ts"
import { Realtime } from "./realtime/Realtime.ts"
import { Transport } from "./http/Transport.ts"
import { UploadApi, type UploadEvent } from "./rest/UploadApi.ts"
import { Api } from "./wire/Api.ts"
import type { AckPayload } from "./wire/Frame.ts"
import * as Key from "./codec/Key.ts"

/**
 * What every call of a {@link Client} rejects with, apart from aborts.
 *
 * @category errors
 * @since 0.1.0
 */
export { KefuError } from "./KefuError.ts"

/**
 * Why a call failed, told apart by `_tag`.
 *
 * @category errors
 * @since 0.1.0
 */
export type { KefuErrorReason } from "./KefuError.ts"

/**
 * What the connection is doing, told apart by `_tag`.
 *
 * @category models
 * @since 0.1.0
 */
export type { ConnectionState } from "./realtime/ConnectionState.ts"

/**
 * What the client calls back. Every callback may be missing, and `this` in it is the object that holds it.
 *
 * @category handler
 * @since 0.1.0
 */
export interface ClientHandler extends handler.ClientHandler {}

/**
 * The connection is open.
 *
 * @category handler
 * @since 0.1.0
 */
export interface ClientOpenEvent extends handler.ClientOpenEvent {}

/**
 * The connection has ended, or could not be opened.
 *
 * @category handler
 * @since 0.1.0
 */
export interface ClientCloseEvent extends handler.ClientCloseEvent {}

/**
 * Something went wrong: with the connection, or in a callback of the app.
 *
 * @category handler
 * @since 0.1.0
 */
export interface ClientErrorEvent extends handler.ClientErrorEvent {}

/**
 * What `client.on` listens to, by name.
 *
 * @category events
 * @since 0.1.0
 */
export type ClientEvents = handler.ClientEvents

/**
 * Something that the client tells, told apart by `_tag`.
 *
 * @category events
 * @since 0.1.0
 */
export type ClientEvent = handler.ClientEvent

/**
 * 消息: a message as the app gets it, told apart by `messageType`, which is undefined for kinds without a name.
 *
 * **Gotchas**
 *
 * What a backend sends under a known type is given as it is, even if it is not what the type promises.
 *
 * @category models
 * @since 0.1.0
 */
export type Message = perspective.ViewedMessage

/**
 * 消息类型: the names of all kinds of messages. See {@link SendableType} for those that can be sent.
 *
 * @category models
 * @since 0.1.0
 */
export type MessageType = perspective.MessageName

/**
 * The kinds of messages that can be sent.
 *
 * @category models
 * @since 0.1.0
 */
export type SendableType = "Text" | "Image" | "Video" | "Attachment" | "FAQAnswerMessage" | "OrderMessage"

/**
 * 内容: a string for text, an object with url, filename and so on for the others.
 *
 * @category models
 * @since 0.1.0
 */
export type MessageContent<Type extends MessageType = MessageType> = perspective.ContentOf<Type>

/**
 * A message of one kind.
 *
 * @category models
 * @since 0.1.0
 */
export interface MessageOf<Type extends MessageType> extends perspective.MessageOf<Type> {}

/**
 * 会话: a conversation as the app gets it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Conversation extends perspective.ViewedConversation {}

/**
 * 用户: a visitor (`CUSTOMER`), a member of staff, an administrator or a robot.
 *
 * @category models
 * @since 0.1.0
 */
export interface User extends Plain<UserSchemas.User> {}

/**
 * A page of conversations.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConversationPage extends Without<Plain<ConversationSchemas.ConversationPage>, "conversations"> {
  conversations: Array<Conversation>
}

/**
 * A conversation as the backend tells it, to everyone alike.
 *
 * @category models
 * @since 0.1.0
 */
export interface RawConversation extends Plain<ConversationSchemas.Conversation> {}

/**
 * How many conversations are in each state.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConversationCount extends Plain<ConversationSchemas.ConversationCount> {}

/**
 * Where an export can be fetched.
 *
 * @category models
 * @since 0.1.0
 */
export interface ExportResult extends Plain<ConversationSchemas.ExportResult> {}

/**
 * How a visitor reached the conversation.
 *
 * @category models
 * @since 0.1.0
 */
export interface VisitInfo extends Plain<VisitSchemas.VisitInfo> {}

/**
 * How many visitors wait.
 *
 * @category models
 * @since 0.1.0
 */
export interface PendingCount extends Plain<QueueSchemas.PendingCount> {}

/**
 * A place in the queue; 1 is next.
 *
 * @category models
 * @since 0.1.0
 */
export interface PendingPosition extends Plain<QueueSchemas.PendingPosition> {}

/**
 * A tag on a customer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tag extends Plain<TagSchemas.Tag> {}

/**
 * A quick reply of the staff.
 *
 * @category models
 * @since 0.1.0
 */
export interface QuickReply extends Plain<QuickReplySchemas.QuickReply> {}

/**
 * All quick replies of the caller.
 *
 * @category models
 * @since 0.1.0
 */
export interface QuickReplies extends Plain<QuickReplySchemas.QuickReplies> {}

/**
 * The staff that a conversation can be handed over to.
 *
 * @category models
 * @since 0.1.0
 */
export interface TransferTargets extends Plain<UserSchemas.TransferTargets> {}

/**
 * The answer to a rating.
 *
 * @category models
 * @since 0.1.0
 */
export interface RatingReceipt extends Plain<RatingSchemas.RatingReceipt> {}

/**
 * The choices of the rating dialogue.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ratings extends Plain<RatingSchemas.Ratings> {}

/**
 * What completes the visitor's words.
 *
 * @category models
 * @since 0.1.0
 */
export interface Suggestions extends Plain<FaqSchemas.Suggestions> {}

/**
 * Questions that are asked often.
 *
 * @category models
 * @since 0.1.0
 */
export interface Faqs extends Plain<FaqSchemas.Faqs> {}

/**
 * An entrance through which visitors come.
 *
 * @category models
 * @since 0.1.0
 */
export interface SubChannel extends Plain<ChannelSchemas.SubChannel> {}

/**
 * A file that was uploaded.
 *
 * @category models
 * @since 0.1.0
 */
export interface UploadedFile extends Plain<UploadSchemas.UploadedFile> {}

/**
 * The token of a new visitor.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnonymousToken {
  token: string
  [key: string]: unknown
}

/**
 * The backend's acknowledgement of a command.
 *
 * @category models
 * @since 0.1.0
 */
export interface Acknowledgement extends Plain<AckPayload> {}

/**
 * What the REST methods resolve to.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClientResponse<Data> {
  /** The body with its keys in camelCase; the empty string if there was none. */
  readonly data: Data
  readonly status: number
  /** Names in lower case. */
  readonly headers: { readonly [name: string]: string }
}

/**
 * How far an upload is, in bytes.
 *
 * @category models
 * @since 0.1.0
 */
export interface UploadProgress {
  readonly loaded: number
  readonly total: number
}

/**
 * The fields of a profile to change, and others that the backend knows.
 *
 * @category parameters
 * @since 0.1.0
 */
export interface ProfileUpdate extends Given<UserSchemas.ProfileUpdate> {}

/**
 * A tag to put on a customer, with other fields that the backend knows.
 *
 * @category parameters
 * @since 0.1.0
 */
export interface NewTag extends Given<TagSchemas.NewTag> {}

/**
 * A quick reply to add or to change, with other fields that the backend knows.
 *
 * @category parameters
 * @since 0.1.0
 */
export interface QuickReplyInput extends Given<QuickReplySchemas.QuickReplyInput> {}

/**
 * Which conversation to begin, with other fields that the backend knows.
 *
 * @category parameters
 * @since 0.1.0
 */
export interface ConversationRequest extends Given<ConversationSchemas.ConversationRequest> {}

/**
 * What to change of a conversation, with other fields that the backend knows.
 *
 * @category parameters
 * @since 0.1.0
 */
export interface ConversationUpdate extends Given<ConversationSchemas.ConversationUpdate> {}

/**
 * To whom a conversation is handed over, with other fields that the backend knows.
 *
 * @category parameters
 * @since 0.1.0
 */
export interface TransferRequest extends Given<ConversationSchemas.TransferRequest> {}

/**
 * Which conversations to export, with other fields that the backend knows.
 *
 * @category parameters
 * @since 0.1.0
 */
export interface ExportRequest extends Given<ConversationSchemas.ExportRequest> {}

/**
 * Parameters of a query, under the backend's own names. Undefined and null are left out, arrays go as `name[]=a`, other
 * objects as JSON.
 *
 * @category parameters
 * @since 0.1.0
 */
export interface QueryParams {
  readonly [name: string]: unknown
}

/**
 * 过滤参数: filters of the conversation list, under the backend's own names, and others that it knows.
 *
 * @category parameters
 * @since 0.1.0
 */
export interface ConversationParams extends QueryParams {
  /** 会话状态 */
  readonly state?: ConversationSchemas.ConversationState | null | undefined
  /** 页码, counted from 1 */
  readonly page?: number | null | undefined
  /** 每页显示条数 */
  readonly limit?: number | null | undefined
  /** 搜索关键字 */
  readonly search?: string | null | undefined
  /** 开始时间 */
  readonly begin_at?: number | null | undefined
  /** 结束时间 */
  readonly end_at?: number | null | undefined
  /** 排序 */
  readonly order?: "DESC" | "ASC" | null | undefined
  /** 客户ID */
  readonly customer_id?: number | null | undefined
  /** 显示全部 */
  readonly show_all?: boolean | null | undefined
}

/**
 * How long a call may take, and how to give it up.
 *
 * @category options
 * @since 0.1.0
 */
export interface CallOptions {
  /**
   * Aborts the call, which then rejects with `signal.reason` if that is an error (an `AbortError` after `abort()`, a
   * `TimeoutError` by `AbortSignal.timeout`), else with an `AbortError`. Only `sendMessage` may also reject with
   * `DeliveryUnknown`.
   */
  readonly signal?: AbortSignal | undefined
  /**
   * In milliseconds, repeats included; the call then rejects with `RequestTimeout`, `sendMessage` with `Cancelled` or
   * `DeliveryUnknown`. Default: no limit but those of the client.
   */
  readonly timeout?: number | undefined
}

/**
 * Where the token of an anonymous visitor is kept: `localStorage`, or anything like it, also with promises.
 *
 * @category options
 * @since 0.1.0
 */
export interface ClientStorage {
  getItem(key: string): string | null | undefined | Promise<string | null | undefined>
  setItem(key: string, value: string): unknown
  removeItem(key: string): unknown
}

/**
 * The options of a {@link Client}; all may be left out. Times are in milliseconds.
 *
 * @category options
 * @since 0.1.0
 */
export interface ClientOptions {
  /**
   * Token, or a function that obtains one: it is called at the first use, and again when the backend refuses the token.
   * Default: an anonymous visitor, whose token is asked from the backend and kept in `storage`.
   */
  readonly token?: string | (() => string | Promise<string>) | undefined
  /** 子渠道ID: the entrance through which the visitor came; 0 counts as none. */
  readonly subChannelId?: number | undefined
  /** 开启调试模式: logs to the console what the client does, without tokens and without what people say. */
  readonly debug?: boolean | undefined
  /** The backend's origin. Default: the page's origin. */
  readonly baseUrl?: string | URL | undefined
  /**
   * How often a GET is repeated after 429, 502, 503, 504 or a network fault. Other methods are never repeated. Default:
   * 3 times, after 0.5 to 10 seconds; `false` means never.
   */
  readonly retry?:
    | boolean
    | number
    | {
        readonly times?: number | undefined
        readonly base?: number | undefined
        readonly cap?: number | undefined
      }
    | undefined
  /**
   * How a lost connection is restored: after a random time up to `base`, then up to twice as long and so on up to `cap`;
   * from the beginning after `resetAfter` of good connection. Default: 500, 20,000 and 10,000; `false` means that each
   * `open` dials once, as the old client did.
   */
  readonly reconnect?:
    | boolean
    | {
        readonly base?: number | undefined
        readonly cap?: number | undefined
        readonly resetAfter?: number | undefined
      }
    | undefined
  /** Where an anonymous visitor's token is kept, for example `localStorage`. Default: memory. */
  readonly storage?: ClientStorage | undefined
  /** How long a request may take. Default: 10 seconds. */
  readonly requestTimeout?: number | undefined
  /** How long an upload may stand still. Default: 5 minutes. */
  readonly uploadTimeout?: number | undefined
  /** How long the WebSocket may take to open. Default: 10 seconds. */
  readonly connectTimeout?: number | undefined
  /** How long a command waits for its acknowledgement. Default: 10 seconds. */
  readonly ackTimeout?: number | undefined
  /** A ping after `idle` without a sign of life, dead after `timeout` without a reply. Default: 20 and 5 seconds. */
  readonly heartbeat?: { readonly idle?: number | undefined; readonly timeout?: number | undefined } | undefined
  /** Whether what was missed while disconnected is read over REST. Default: true. */
  readonly catchUp?: boolean | undefined
  /**
   * How many messages may wait for a connection, for how long, and whether they are also kept in `storage`, so that they
   * survive a reload. Default: 256, 5 minutes, `false`.
   */
  readonly outbox?:
    | {
        readonly capacity?: number | undefined
        readonly lifetime?: number | undefined
        readonly persist?: boolean | undefined
      }
    | undefined
  /**
   * For `client.inbox`: whether the other side sees only that one is typing, and not what; and how often a visitor's place
   * in the queue is looked up at most, `false` for never. Default: the draft is shown, 5 seconds.
   */
  readonly inbox?:
    { readonly withholdDraft?: boolean | undefined; readonly queuePoll?: number | false | undefined } | undefined
}

/**
 * The state of a chat screen at one moment. Immutable: what did not change is the same object as before.
 *
 * @category inbox
 * @since 0.1.0
 */
export interface InboxSnapshot extends Without<Snapshots.InboxSnapshot, "conversations" | "me" | "users"> {
  readonly me: InboxUser | undefined
  /** Everyone known, oneself too. */
  readonly users: ReadonlyMap<number, InboxUser>
  /** The one with the latest message first. */
  readonly conversations: ReadonlyArray<InboxConversation>
}

/**
 * Somebody whom the inbox knows.
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
  /** Whom one talks to: who serves the conversation, or for staff the visitor. Undefined while nobody serves it. */
  readonly counterpart: InboxUser | undefined
  readonly lastMessage: InboxMessage | undefined
  /** In the order of their ids, those on their way last. */
  readonly messages: ReadonlyArray<InboxMessage>
}

/**
 * A message of a timeline: one of the backend's, or one that is on its way there.
 *
 * @category inbox
 * @since 0.1.0
 */
export interface InboxMessage extends Without<Snapshots.InboxMessage, "conversationId" | "id"> {
  /** Undefined while the backend has not acknowledged the message. */
  readonly id: number | undefined
  readonly conversationId: number
}

/**
 * The state that a chat screen needs, kept by the client: conversations with their timelines, unread counts, read flags,
 * who is typing, and the place in the queue.
 *
 * **Details**
 *
 * It begins when it is first used, with anything but `getSnapshot` and `getConversation`. `subscribe` and `getSnapshot`
 * may be taken off the object, as React's `useSyncExternalStore(inbox.subscribe, inbox.getSnapshot)` does.
 *
 * **Gotchas**
 *
 * The backend does not tell a session of its own commands, so recall by `inbox.recall`, mark as read by
 * `inbox.markRead` and send by `client.sendMessage`.
 *
 * @category inbox
 * @since 0.1.0
 */
export interface ClientInbox {
  /** The state now: the same object until something has changed. */
  readonly getSnapshot: () => InboxSnapshot
  /** Calls `listener` after every change, until the returned function is called. */
  readonly subscribe: (listener: () => void) => () => void
  /** A conversation of the present state. */
  getConversation(id: number): InboxConversation | undefined
  /** The state once it has been loaded; rejects with why it could not be. */
  ready(options?: CallOptions): Promise<InboxSnapshot>
  /** A conversation, read from the backend and taken in where it is not there yet. */
  conversation(id: number, options?: CallOptions): Promise<InboxConversation>
  /** Tells the backend that one has read all that was received in a conversation. Counts at once. */
  markRead(id: number, options?: CallOptions): Promise<void>
  /**
   * Tells the other side what one is typing, as often as one likes: at most one a second goes out. An empty draft means
   * that one has stopped.
   */
  typing(id: number, draft: string): void
  /** Recalls a message of one's own. */
  recall(id: number, options?: CallOptions): Promise<void>
  /** Reads everything again. */
  refresh(options?: CallOptions): Promise<void>
  /** Takes in a further page of conversations that have ended, the latest first; false if there are no more. */
  loadMore(
    which?: { readonly customerId?: number | undefined; readonly limit?: number | undefined },
    options?: CallOptions
  ): Promise<boolean>
}

/**
 * The options of {@link Client.getAnonymousToken}.
 *
 * @category options
 * @since 0.1.0
 */
export interface TokenOptions extends Pick<ClientOptions, "baseUrl" | "requestTimeout">, CallOptions {}

type Environment = Kefu.Kefu | Engine

/** How many events an iterator may leave untaken. */
const untaken = 4096

/**
 * A session of a visitor, of staff or of an administrator: the documented client.
 *
 * **Details**
 *
 * `open` connects, as does the first message or command, and from then on the client keeps the connection: it notices dead links, dials again, and reads what
 * was missed. Every promise settles. REST methods resolve to `{ data, status, headers }`, socket methods with the
 * backend's acknowledgement. Calls reject with a {@link KefuError}: `reason._tag` says why, `isRetryable` whether the
 * same call may succeed later, `userText` what to show, and `response` what the backend answered; an aborted call
 * rejects with its signal's reason. Any call may fail with `Unauthorized`, `NetworkUnreachable`, `RequestTimeout`,
 * `InvalidRequest` (an argument or an option that makes no sense) and `Closed` (after `dispose`), REST calls also with
 * `RateLimited`, `ServerFault` and `UnexpectedResponse`; the methods tell what else they fail with.
 *
 * Who may call a method is the backend's decision: where it says no, the call rejects with `Forbidden`, over the socket
 * with `AckTimeout`, since the backend has no negative acknowledgement.
 *
 * **Example** (A visitor)
 *
 * ```ts
 * import Client from "effect-kefu/Client"
 *
 * const client = new Client(
 *   {
 *     onOpen: () => console.log("connected"),
 *     onMessage: (message) => console.log(message.nickname, message.content),
 *     onClose: ({ willReconnect }) => console.log(willReconnect ? "reconnecting" : "closed")
 *   },
 *   { baseUrl: "https://chat.example.com" }
 * )
 * client.open()
 * ```
 *
 * @category client
 * @since 0.1.0
 */
export class Client {
  /** What a chat screen needs to know, kept up by the client. */
  readonly inbox: ClientInbox
  readonly #handler: ClientHandler
  readonly #runtime: ManagedRuntime.ManagedRuntime<Environment, KefuError>
  readonly #listeners = new Map<string, Set<(event: never) => void>>()
  readonly #feeds = new Set<feed.Feed<ClientEvent>>()
  /** Messages that were built before it was known whose they are. */
  #nameless: Array<WeakRef<Message>> = []
  #me: { readonly id: number; readonly nickname: string } | undefined
  #engine: Engine["Service"] | undefined
  /** How many commands have not taken effect yet, and what the last one asked for. */
  #commands = 0
  #wanted = false
  /** Whether the app has said what the connection shall be. Before that, the first command opens it. */
  #decided = false
  #disposal: Promise<void> | undefined

  /**
   * 构造函数. Nothing happens before the first call: no global is touched, nothing is dialled. Options that make no sense
   * are told by the calls, which reject with `InvalidRequest`.
   *
   * @param handler - 回调函数入口: the object whose callbacks are called; all may be missing.
   * @param options - 参数
   */
  constructor(handler: ClientHandler = {}, options: ClientOptions = {}) {
    this.#handler = handler
    this.#runtime = ManagedRuntime.make(
      Engine.layer(
        {
          call: (callback) => this.#call(callback),
          tell: (event) => this.#tell(event),
          introduced: (me) => this.#introduced(me)
        },
        Kefu.layer(kefuOptions(options))
      ).pipe(Layer.provideMerge(logging(options.debug === true)))
    )
    this.inbox = this.#makeInbox()
  }

  // --- the connection

  /**
   * 打开WebSocket连接. Opens the WebSocket (`/api/v1/im/ws`) and keeps it: `onOpen` tells when it is open, `onClose` when
   * it was lost. While it is open or being opened nothing happens, so calling it inside `onClose` is harmless. After a
   * second login (`onMultipleLogin`) it tells `onError`: call `takeOver`, or `close` first. Where it was forgotten, the
   * first message or command opens the connection, unless `close` was called. For everyone.
   */
  open(): void {
    this.#decided = true
    this.#wanted = true
    this.#command((engine) => engine.open)
  }

  /**
   * 关闭WebSocket连接. Closes the WebSocket and stops reconnecting. Commands that wait reject with `Closed`, or
   * `DeliveryUnknown` where a message is on its way. `open` opens it again; REST methods go on working. For everyone.
   */
  close(): void {
    this.#decided = true
    this.#wanted = false
    if (this.#engine !== undefined || this.#commands > 0) this.#command((engine) => engine.close)
  }

  /** WebSocket是否已开启: whether the connection is open. */
  isOpened(): boolean {
    return this.state._tag === "Connected"
  }

  /** WebSocket是否正在连接: whether the connection is being opened, waiting to dial again included. */
  isConnecting(): boolean {
    const { _tag } = this.state
    return _tag === "Connecting" || _tag === "Waiting" || _tag === "Suspended"
  }

  /** What the connection is doing, in detail. `StateChanged` tells each change: `client.on("StateChanged", ...)`. */
  get state(): ConnectionState {
    const state = this.#engine?.state() ?? ConnectionState.Idle()
    if (this.#disposal !== undefined) return ConnectionState.Closed({ reason: undefined })
    if (this.#commands === 0) return state
    if (!this.#wanted) return state._tag === "Idle" ? state : ConnectionState.Closed({ reason: undefined })
    return state._tag === "Idle" || state._tag === "Closed" || state._tag === "Connected"
      ? ConnectionState.Connecting({ attempt: 0 })
      : state
  }

  /** Dials at once instead of waiting, for a "try again" button. */
  retryNow(): void {
    this.#command((engine) => engine.retryNow)
  }

  /** After `onMultipleLogin`: takes the session back, which ends the other login. */
  takeOver(): void {
    this.#decided = true
    this.#wanted = true
    this.#command((engine) => engine.takeOver)
  }

  // --- events

  /**
   * Listens to one kind of event, after the handler's callbacks have been called; `"StateChanged"` tells what the
   * connection does. Returns a function that ends it. A listener that throws is told to `onError`.
   */
  on<Name extends keyof ClientEvents>(event: Name, listener: (event: ClientEvents[Name]) => void): () => void {
    const listeners = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, listeners)
    const own = (event: ClientEvents[Name]) => listener(event)
    listeners.add(own)
    return () => {
      listeners.delete(own)
    }
  }

  /**
   * All events from this moment on, for `for await`; `client` itself can be iterated, too. Up to 4,096 of them wait for
   * who is slow; more push the oldest out, and `Lagged` stands in their place. Ends with `dispose`.
   */
  events(): AsyncIterableIterator<ClientEvent> {
    const events = Effect.runSync(feed.make<ClientEvent>(untaken, (dropped) => ({ _tag: "Lagged", dropped })))
    const iterator = Stream.toAsyncIterable(events.stream)[Symbol.asyncIterator]()
    if (this.#disposal === undefined) this.#feeds.add(events)
    else events.end()
    const end = (): Promise<IteratorResult<ClientEvent>> => {
      this.#feeds.delete(events)
      events.end()
      return iterator.return?.() ?? Promise.resolve({ done: true, value: undefined })
    }
    return {
      next: () => iterator.next(),
      return: end,
      [Symbol.asyncIterator]() {
        return this
      }
    }
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<ClientEvent> {
    return this.events()
  }

  // --- messages

  /**
   * 构造一条Message. Builds a message without sending it, for everyone. `id` is 0 until it was sent, and `isRead` is set
   * once the other side has read it. Before it is known whose session this is, `fromId` is 0 and `nickname` empty; both
   * are filled in as soon as it is.
   *
   * A conversation that does not exist yet, or is not known, is 0. After it was sent, `conversationId` is set as soon as
   * the client learns from a conversation that was read, or from a message, in which one the visitor is; if it never
   * does, `conversationId` and `isRead` stay as they are.
   *
   * @param messageType - 消息类型
   * @param content - 内容，文本消息为string，其他消息为Object，包含url，filename等信息
   * @param conversationId - 消息所在会话的ID, or 0
   */
  buildMessage<Type extends SendableType>(
    messageType: Type,
    content: MessageContent<Type>,
    conversationId: number
  ): MessageOf<Type> {
    const message: MessageOf<Type> = {
      id: 0,
      fromId: this.#me?.id ?? 0,
      nickname: this.#me?.nickname ?? "",
      content,
      createdAt: Effect.runSync(Clock.currentTimeMillis),
      direction: 0,
      messageType,
      isRead: false,
      conversationId
    }
    if (this.#me === undefined) this.#remember(message as Message)
    return message
  }

  /**
   * 发送消息: event 101. For everyone. Sets `message.id`, and resolves to the message, once the backend has acknowledged
   * it (当消息发送成功时resolve). Without a connection it waits for one, in the order of the conversation's messages, and a
   * message whose connection broke is looked up in the history before it is sent again. Rejects with `OutboxFull`,
   * `OutboxExpired`, `AckTimeout` where the backend refuses it, and `DeliveryUnknown` where it may have arrived or not.
   *
   * An abort or a `timeout` takes it back as long as it waits: it was not sent, and the promise rejects with the
   * signal's reason or with `Cancelled`. Once it is under way it goes on, and the promise rejects with `DeliveryUnknown`;
   * `message.id` is still set if it arrives.
   *
   * @param message - 消息，通过buildMessage创建
   * @param toId - 目标ID: the user whom it is for. Visitors may leave it out, staff in a conversation that the client has
   * read.
   */
  sendMessage<Sent extends Message>(message: Sent, toId?: number, options?: CallOptions): Promise<Sent> {
    const method = "Client.sendMessage"
    const fate: Fate = { isOut: false }
    this.#connect()
    return this.#run(
      method,
      (engine) =>
        Effect.gen(function* () {
          const to = toId === undefined || toId === null ? undefined : yield* answer.integer(method, "toId", toId)
          yield* engine.settled
          yield* engine.send(message, to, fate)
          return message
        }),
      options,
      fate
    )
  }

  /**
   * 撤回消息: event 203. For whoever sent the message. Resolves with the acknowledgement. Rejects with `NotConnected`, with
   * `ConnectionLost`, and with `AckTimeout` where the backend refuses it.
   *
   * @param messageId - 消息ID
   */
  recallMessage(messageId: number, options?: CallOptions): Promise<Acknowledgement> {
    return this.#acknowledged("recallMessage", "messageId", messageId, options, (realtime, id) =>
      realtime.recall(id as MessageId)
    )
  }

  /**
   * 消息已读: event 104. For everyone: tells the other side that all messages up to this one have been read. Resolves with
   * the acknowledgement. Rejects with `NotConnected`, with `ConnectionLost`, and with `AckTimeout` where the backend
   * refuses it.
   *
   * @param messageId - 消息ID
   */
  readMessage(messageId: number, options?: CallOptions): Promise<Acknowledgement> {
    return this.#acknowledged("readMessage", "messageId", messageId, options, (realtime, id) =>
      realtime.read(id as MessageId)
    )
  }

  /**
   * 关闭会话: event 202. For the visitor or the staff of the conversation; administrators use `adminCloseConversation`.
   * Resolves with the acknowledgement. Rejects with `NotConnected`, with `ConnectionLost`, and with `AckTimeout` where
   * the backend refuses it.
   *
   * @param conversationId - 会话ID
   */
  closeConversation(conversationId: number, options?: CallOptions): Promise<Acknowledgement> {
    return this.#acknowledged("closeConversation", "conversationId", conversationId, options, (realtime, id) =>
      realtime.closeConversation(id as ConversationId)
    )
  }

  /**
   * 邀评，仅供客服调用: event 204, invites a visitor to rate the service. For staff only. Resolves with the acknowledgement.
   * Rejects with `NotConnected`, with `ConnectionLost`, and with `AckTimeout` where the backend refuses it.
   *
   * @param userId - 用户ID
   */
  inviteRate(userId: number, options?: CallOptions): Promise<Acknowledgement> {
    return this.#acknowledged("inviteRate", "userId", userId, options, (realtime, id) =>
      realtime.inviteRate(id as UserId)
    )
  }

  /**
   * 点选菜单项，仅供客户调用: event 205, chooses an item of a `ChannelMenu` message. For visitors only. Resolves with the
   * acknowledgement. Rejects with `NotConnected`, with `ConnectionLost`, and with `AckTimeout` where the backend
   * refuses it.
   *
   * @param menuItemId - The item's id.
   */
  selectMenuItem(menuItemId: number, options?: CallOptions): Promise<Acknowledgement> {
    return this.#acknowledged("selectMenuItem", "menuItemId", menuItemId, options, (realtime, id) =>
      realtime.selectMenuItem(id as MenuItemId)
    )
  }

  /**
   * 正在输入: event 105, tells the other side that one is typing, with the draft. For everyone. Resolves with the
   * acknowledgement. Rejects with `NotConnected`, with `ConnectionLost`, and with `AckTimeout` where the backend
   * refuses it.
   *
   * @param content - The draft so far.
   * @param conversationId - 会话ID
   * @param toId - 目标ID: the user whom it is for, which is left out as in `sendMessage`
   */
  inputting(content: string, conversationId: number, toId?: number, options?: CallOptions): Promise<Acknowledgement> {
    const method = "Client.inputting"
    return this.#acknowledged("inputting", "conversationId", conversationId, options, (realtime, id, engine) =>
      Effect.gen(function* () {
        const to =
          toId === undefined || toId === null
            ? yield* engine.recipient(id)
            : yield* answer.integer(method, "toId", toId)
        return yield* realtime.inputting({
          content,
          conversationId: id as ConversationId,
          ...(to === undefined ? {} : { toId: to as UserId })
        })
      })
    )
  }

  // --- users

  /**
   * 获取个人信息: GET /im/users/me. For everyone. Resolves to the caller's own profile. The client reads it by itself where
   * it needs it, so calling this first is no longer required. Rejects as any call may.
   */
  getUserInfo(options?: CallOptions): Promise<ClientResponse<User>> {
    const method = "Client.getUserInfo"
    return this.#run(method, (engine) => Effect.map(engine.me(method), toResponse<User>), options)
  }

  /**
   * 更新个人信息: PUT /im/users/me. For everyone. Resolves to whatever the backend answers. Rejects with `InvalidRequest`
   * where the backend refuses a field.
   *
   * @param data - The fields to change.
   */
  updateMyProfile(data: ProfileUpdate, options?: CallOptions): Promise<ClientResponse<unknown>> {
    return this.#rest("updateMyProfile", Api.groups.users.endpoints.updateMe, { body: data }, options)
  }

  /**
   * 更新用户信息: PUT /im/users/{id}. For staff and administrators. Resolves to whatever the backend answers. Rejects with
   * `NotFound` and `Forbidden`.
   *
   * @param id - 用户ID
   * @param data - 用户信息
   */
  updateUserProfile(id: number, data: ProfileUpdate, options?: CallOptions): Promise<ClientResponse<unknown>> {
    return this.#rest("updateUserProfile", Api.groups.users.endpoints.update, { params: { id }, body: data }, options)
  }

  /**
   * 增加访客标签: POST /im/users/{id}/tags. For staff and administrators. Resolves to the tag. Rejects with `NotFound` and
   * `Forbidden`.
   *
   * @param id - 用户ID
   * @param data - The tag.
   */
  addCustomerTag(id: number, data: NewTag, options?: CallOptions): Promise<ClientResponse<Tag>> {
    return this.#rest("addCustomerTag", Api.groups.users.endpoints.addTag, { params: { id }, body: data }, options)
  }

  /**
   * 删除访客标签: DELETE /im/users/{id}/tags/{tagId}. For staff and administrators. Resolves to whatever the backend
   * answers. Rejects with `NotFound` and `Forbidden`.
   *
   * @param id - 用户ID
   * @param tagId - The tag's id.
   */
  deleteCustomerTag(id: number, tagId: number, options?: CallOptions): Promise<ClientResponse<unknown>> {
    return this.#rest("deleteCustomerTag", Api.groups.users.endpoints.removeTag, { params: { id, tagId } }, options)
  }

  /**
   * 获取客服用户列表（转接使用）: GET /im/users. For staff and administrators. Resolves to the staff that a conversation can
   * be handed over to. Rejects with `Forbidden`.
   *
   * @param params - Filters, under the backend's names.
   */
  getTransferServiceList(params?: QueryParams, options?: CallOptions): Promise<ClientResponse<TransferTargets>> {
    return this.#rest("getTransferServiceList", Api.groups.users.endpoints.transferTargets, { query: params }, options)
  }

  // --- conversations

  /**
   * 批量获取会话: GET /im/conversations. For everyone: visitors get their own, staff those that they take part in. Resolves
   * to a page of conversations, each with `users` by id, `messages`, `unreadCount` and `isNew`. A conversation that
   * makes no sense is left out. Rejects as any call may.
   *
   * @param params - 过滤参数
   */
  getConversations(params?: ConversationParams, options?: CallOptions): Promise<ClientResponse<ConversationPage>> {
    const method = "Client.getConversations"
    return this.#conversations(
      method,
      Api.groups.conversations.endpoints.list,
      { query: params },
      (raw, show) => {
        const page = Predicate.isObject(raw) && !Array.isArray(raw) ? (raw as { conversations?: unknown }) : undefined
        const listed = page?.conversations ?? []
        if (page === undefined || !Array.isArray(listed)) return Option.none()
        const { conversations: _, ...rest } = page
        return Option.some({
          ...(Key.fromWire(rest) as { readonly [key: string]: unknown }),
          conversations: lenient.conversations(listed).map(show)
        } as ConversationPage)
      },
      options
    )
  }

  /**
   * 获取单条会话: GET /im/conversations/{id}. For whoever takes part in it, and administrators. Resolves to the
   * conversation, as `getConversations` gives it. Rejects with `NotFound` and `Forbidden`.
   *
   * @param conversationId - 会话ID
   */
  getConversationById(conversationId: number, options?: CallOptions): Promise<ClientResponse<Conversation>> {
    return this.#conversations(
      "Client.getConversationById",
      Api.groups.conversations.endpoints.get,
      { params: { id: conversationId } },
      (raw, show) => Option.map(lenient.conversation(raw), show),
      options
    )
  }

  /**
   * 获取当前会话列表: GET /im/current_list, of newer backends. For everyone. Resolves to the caller's conversations that
   * have not ended, as `getConversations` gives them. Rejects with `NotFound` where the backend is older.
   */
  getCurrentConversationList(options?: CallOptions): Promise<ClientResponse<Array<Conversation>>> {
    return this.#conversations(
      "Client.getCurrentConversationList",
      Api.groups.conversations.endpoints.current,
      {},
      (raw, show) => (Array.isArray(raw) ? Option.some(lenient.conversations(raw).map(show)) : Option.none()),
      options
    )
  }

  /**
   * 历史会话发起会话: POST /im/conversations, begins a conversation. For staff (with a customer from the history) and
   * visitors. Resolves to the conversation as the backend tells it. Rejects with `NotFound` and `Conflict`.
   *
   * @param data - With whom.
   */
  requestConversations(data?: ConversationRequest, options?: CallOptions): Promise<ClientResponse<RawConversation>> {
    return this.#rest("requestConversations", Api.groups.conversations.endpoints.request, { body: data }, options)
  }

  /**
   * 更新会话备注: PUT /im/conversations/{id}, of newer backends. For staff and administrators. Resolves to whatever the
   * backend answers. Rejects with `NotFound` and `Forbidden`.
   *
   * @param id - 会话ID
   * @param data - The remark.
   */
  updateConversationRemark(
    id: number,
    data: ConversationUpdate,
    options?: CallOptions
  ): Promise<ClientResponse<unknown>> {
    return this.#rest(
      "updateConversationRemark",
      Api.groups.conversations.endpoints.update,
      { params: { id }, body: data },
      options
    )
  }

  /**
   * 根据会话ID获取用户资料访问信息: GET /im/conversations/{id}/source_info. For staff and administrators. Resolves to where
   * the visitor came from. Rejects with `NotFound` and `Forbidden`.
   *
   * @param id - 会话ID
   */
  getVisitInfo(id: number, options?: CallOptions): Promise<ClientResponse<VisitInfo>> {
    return this.#rest("getVisitInfo", Api.groups.conversations.endpoints.visitInfo, { params: { id } }, options)
  }

  /**
   * 获取当前排队人数: GET /im/pending_count. For everyone. Resolves to how many visitors wait. Rejects as any call may.
   */
  getPendingCount(options?: CallOptions): Promise<ClientResponse<PendingCount>> {
    return this.#rest("getPendingCount", Api.groups.conversations.endpoints.pendingCount, {}, options)
  }

  /**
   * 当前排队位置: GET /im/conversations/{id}/pending_position. For the visitor who waits, staff and administrators. Resolves
   * to the conversation's place in the queue. Rejects with `NotFound` and `Forbidden`.
   *
   * @param convId - 会话ID
   */
  getPendingPosition(convId: number, options?: CallOptions): Promise<ClientResponse<PendingPosition>> {
    return this.#rest(
      "getPendingPosition",
      Api.groups.conversations.endpoints.pendingPosition,
      { params: { id: convId } },
      options
    )
  }

  /**
   * 获取会话统计: GET /im/conversations_count. For everyone. Resolves to how many of the caller's conversations are in each
   * state. Rejects with `Forbidden` where others than administrators ask for all (`show_all`).
   *
   * @param params - Filters, under the backend's names.
   */
  getConversationsCount(params?: QueryParams, options?: CallOptions): Promise<ClientResponse<ConversationCount>> {
    return this.#rest("getConversationsCount", Api.groups.conversations.endpoints.count, { query: params }, options)
  }

  /**
   * 管理员强制关闭会话: PUT /im/conversations/{id}/terminate. For administrators. Resolves to whatever the backend answers.
   * Rejects with `NotFound`, `Forbidden`, and `Conflict` where it has ended already.
   *
   * @param id - 会话ID
   */
  adminCloseConversation(id: number, options?: CallOptions): Promise<ClientResponse<unknown>> {
    return this.#rest(
      "adminCloseConversation",
      Api.groups.conversations.endpoints.terminate,
      { params: { id } },
      options
    )
  }

  /**
   * 会话转接: PUT /im/conversations/{id}/transfer, hands a conversation over. For the staff who serve it and
   * administrators. Resolves to whatever the backend answers. Rejects with `NotFound`, `Forbidden` and `Conflict`.
   *
   * @param id - 会话ID
   * @param data - To whom; `getTransferServiceList` says who can take it.
   */
  conversationTransfer(id: number, data: TransferRequest, options?: CallOptions): Promise<ClientResponse<unknown>> {
    return this.#rest(
      "conversationTransfer",
      Api.groups.conversations.endpoints.transfer,
      { params: { id }, body: data },
      options
    )
  }

  /**
   * 导出历史会话: POST /im/conversations/export. For staff and administrators. Resolves to where the export can be fetched.
   * Rejects with `Forbidden`.
   *
   * @param data - Which conversations.
   */
  exportHistoryConversations(data?: ExportRequest, options?: CallOptions): Promise<ClientResponse<ExportResult>> {
    return this.#rest("exportHistoryConversations", Api.groups.conversations.endpoints.export, { body: data }, options)
  }

  // --- quick replies

  /**
   * 获取快速回复: GET /im/common_words. For staff and administrators. Resolves to the caller's quick replies. Rejects with
   * `Forbidden`.
   */
  getQuickReply(options?: CallOptions): Promise<ClientResponse<QuickReplies>> {
    return this.#rest("getQuickReply", Api.groups.quickReplies.endpoints.list, {}, options)
  }

  /**
   * 增加快速回复: POST /im/common_words. For staff and administrators. Resolves to the quick reply. Rejects with `Forbidden`.
   *
   * @param data - The quick reply.
   */
  addQuickReply(data: QuickReplyInput, options?: CallOptions): Promise<ClientResponse<QuickReply>> {
    return this.#rest("addQuickReply", Api.groups.quickReplies.endpoints.add, { body: data }, options)
  }

  /**
   * 修改快速回复: PUT /im/common_words/{id}. For staff and administrators. Resolves to whatever the backend answers. Rejects
   * with `NotFound`.
   *
   * @param id - The quick reply's id.
   * @param data - The fields to change.
   */
  editQuickReply(id: number, data: QuickReplyInput, options?: CallOptions): Promise<ClientResponse<unknown>> {
    return this.#rest(
      "editQuickReply",
      Api.groups.quickReplies.endpoints.update,
      { params: { id }, body: data },
      options
    )
  }

  /**
   * 删除快速回复: DELETE /im/common_words/{id}. For staff and administrators. Resolves to whatever the backend answers.
   * Rejects with `NotFound`.
   *
   * @param id - The quick reply's id.
   */
  deleteQuickReply(id: number, options?: CallOptions): Promise<ClientResponse<unknown>> {
    return this.#rest("deleteQuickReply", Api.groups.quickReplies.endpoints.remove, { params: { id } }, options)
  }

  // --- ratings, the robot, channels

  /**
   * 评价客服: POST /im/rates. For visitors. Resolves to what was stored. Rejects with `InvalidRequest`, and with `Conflict`
   * where there is nothing to rate.
   *
   * @param score - 分数, 1-5
   * @param suggestion - A word to go with it, for newer backends.
   * @param ratingTagIds - Tags to go with it, for newer backends; `getRatings` tells them.
   */
  rateStaff(
    score: number,
    suggestion?: string,
    ratingTagIds?: ReadonlyArray<number>,
    options?: CallOptions
  ): Promise<ClientResponse<RatingReceipt>> {
    const body = { score, suggestion, ratingTagIds }
    return this.#rest("rateStaff", Api.groups.ratings.endpoints.rate, { body }, options)
  }

  /**
   * 获取评价选项: GET /ratings, of newer backends. For everyone. Resolves to the choices of the rating dialogue. Rejects with
   * `NotFound` where the backend is older.
   */
  getRatings(options?: CallOptions): Promise<ClientResponse<Ratings>> {
    return this.#rest("getRatings", Api.groups.ratings.endpoints.list, {}, options)
  }

  /**
   * 机器人满意回答: POST /im/robot_answers/{id}/like. For the visitor who got the answer. Resolves to whatever the backend
   * answers. Rejects with `NotFound`.
   *
   * @param id - The id of the robot's message.
   */
  likeRobotAnswer(id: number, options?: CallOptions): Promise<ClientResponse<unknown>> {
    return this.#rest("likeRobotAnswer", Api.groups.robot.endpoints.like, { params: { id } }, options)
  }

  /**
   * 机器人不满意回答: POST /im/robot_answers/{id}/dislike. For the visitor who got the answer. Resolves to whatever the
   * backend answers. Rejects with `NotFound`.
   *
   * @param msgId - The id of the robot's message.
   */
  dislikeRobotAnswer(msgId: number, options?: CallOptions): Promise<ClientResponse<unknown>> {
    return this.#rest("dislikeRobotAnswer", Api.groups.robot.endpoints.dislike, { params: { id: msgId } }, options)
  }

  /**
   * 问题自动补全: GET /im/questions/suggest. For everyone. Resolves to questions that complete what the visitor types.
   * Rejects as any call may.
   *
   * @param query - What was typed so far.
   * @param subChannelId - 子渠道ID, for newer backends.
   */
  getSuggestions(query: string, subChannelId?: number, options?: CallOptions): Promise<ClientResponse<Suggestions>> {
    const params = { query, sub_channel_id: subChannelId }
    return this.#rest("getSuggestions", Api.groups.robot.endpoints.suggestions, { query: params }, options)
  }

  /**
   * 获取热门问题: GET /hot_faqs, of newer backends. For everyone. Resolves to questions that are asked often. Rejects with
   * `NotFound` where the backend is older.
   *
   * @param groupId - The group of questions.
   * @param limit - 每页显示条数
   * @param page - 页码, counted from 1
   */
  getHotFaqs(groupId?: number, limit?: number, page?: number, options?: CallOptions): Promise<ClientResponse<Faqs>> {
    const params = { limit, page, group_id: groupId }
    return this.#rest("getHotFaqs", Api.groups.robot.endpoints.hotFaqs, { query: params }, options)
  }

  /**
   * 获取子渠道: GET /client/channels/sub_channels/{id}, of newer backends. For everyone. Resolves to the entrance. Rejects
   * with `NotFound`.
   *
   * @param id - 子渠道ID
   */
  getSubChannel(id: number, options?: CallOptions): Promise<ClientResponse<SubChannel>> {
    return this.#rest("getSubChannel", Api.groups.channels.endpoints.subChannel, { params: { id } }, options)
  }

  // --- files

  /**
   * 上传附件: POST /presign_urls, then POST to the signed address without the token. For everyone. Resolves to
   * `{ id, url }`. Rejects with `UploadTooLarge` and `UploadFailed`. An abort stops the transfer.
   *
   * @param file - 文件
   * @param onUploadProgress - 回调函数: is told how far it is.
   */
  uploadBlobs(
    file: Blob,
    onUploadProgress?: (progress: UploadProgress) => void,
    options?: CallOptions
  ): Promise<UploadedFile> {
    const told = (event: UploadEvent): Option.Option<UploadedFile> => {
      if (event._tag === "Uploaded") return Option.some({ ...event.file })
      const { loaded, total } = event
      this.#guard(() => onUploadProgress?.({ loaded, total }))
      return Option.none()
    }
    return this.#run(
      "Client.uploadBlobs",
      () =>
        UploadApi.use((api) =>
          api.uploadWithProgress(file).pipe(
            Stream.map(told),
            Stream.runFold(
              () => Option.none<UploadedFile>(),
              (last, next) => Option.orElse(next, () => last)
            ),
            Effect.flatMap(Effect.fromOption),
            Effect.catchTag("NoSuchElementError", Effect.die)
          )
        ),
      options
    )
  }

  // --- tokens, the end

  /**
   * 获取匿名Token: POST /im/tokens, without a token. Resolves to the token of a new visitor, as `data.token`. A client
   * without a `token` does this by itself. Rejects as any call may, except with `Unauthorized`.
   */
  static getAnonymousToken(options: TokenOptions = {}): Promise<ClientResponse<AnonymousToken>> {
    const method = "Client.getAnonymousToken"
    const { baseUrl, requestTimeout } = options
    const effect = Effect.gen(function* () {
      const client = Transport.makeHttpClient(yield* HttpClient.HttpClient, yield* KefuConfig)
      return toResponse<AnonymousToken>(yield* answer.request(client, method, Api.groups.tokens.endpoints.anonymous))
    }).pipe(Effect.provide([FetchHttpClient.layer, KefuConfig.layer({ baseUrl, requestTimeout })]))
    return settle(
      method,
      within(effect, method, options),
      options,
      (effect, run) => Effect.runPromiseExit(effect, run),
      (error) => error
    )
  }

  /**
   * Ends the session for good: closes the connection, ends iterations, and rejects what is under way, and whatever is
   * called from now on, with `Closed`. `await using client = new Client(...)` does it at the end of the block.
   */
  dispose(): Promise<void> {
    this.#disposal ??= this.#dispose()
    return this.#disposal
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  async #dispose(): Promise<void> {
    if (this.#engine !== undefined || this.#commands > 0) {
      await this.#runtime.runPromiseExit(Engine.use((engine) => engine.finish))
    }
    for (const events of this.#feeds) events.end()
    this.#feeds.clear()
    await this.#runtime.dispose()
  }

  // --- inside

  #makeInbox(): ClientInbox {
    let service: Inbox["Service"] | undefined
    /** Undefined where the options make no sense, and after the end. */
    const inbox = () => {
      if (service === undefined && this.#disposal === undefined) {
        service = Option.getOrUndefined(Exit.getSuccess(this.#runtime.runSyncExit(Inbox.useSync((inbox) => inbox))))
      }
      return service
    }
    const run = <A>(
      name: string,
      options: CallOptions | undefined,
      use: (inbox: Inbox["Service"]) => Effect.Effect<A, KefuError>
    ): Promise<A> => this.#run(`Client.inbox.${name}`, () => Inbox.use(use), options)
    const of = <A>(
      name: string,
      id: number,
      options: CallOptions | undefined,
      use: (inbox: Inbox["Service"], id: number) => Effect.Effect<A, KefuError>
    ): Promise<A> =>
      run(name, options, (inbox) =>
        Effect.flatMap(answer.integer(`Client.inbox.${name}`, "id", id), (id) => use(inbox, id))
      )
    return {
      getSnapshot: () => inbox()?.getSnapshot() ?? emptySnapshot,
      subscribe: (listener) => inbox()?.subscribe(() => this.#guard(listener)) ?? (() => {}),
      getConversation: (id) => inbox()?.getConversation(id as ConversationId),
      ready: (options) => run("ready", options, ({ ready }) => ready),
      conversation: (id, options) =>
        of("conversation", id, options, (inbox, id) => inbox.conversation(id as ConversationId)),
      markRead: (id, options) => {
        this.#connect()
        return of("markRead", id, options, (inbox, id) => inbox.markRead(id as ConversationId))
      },
      typing: (id, draft) => {
        this.#connect()
        const typing = inbox()?.typing(id as ConversationId, draft)
        if (typing !== undefined && this.#disposal === undefined) this.#runtime.runFork(typing)
      },
      recall: (id, options) => {
        this.#connect()
        return of("recall", id, options, (inbox, id) => inbox.recall(id as MessageId))
      },
      refresh: (options) => run("refresh", options, ({ refresh }) => refresh),
      loadMore: (which, options) => run("loadMore", options, (inbox) => inbox.loadMore(which as LoadMoreOptions))
    }
  }

  /** Opens the connection where the app has never said what it shall be. */
  #connect(): void {
    if (!this.#decided && this.#disposal === undefined) this.open()
  }

  /** Has a command carried out in its turn. What is wrong with the options is told as a connection that failed. */
  #command(use: (engine: Engine["Service"]) => Effect.Effect<void>): void {
    if (this.#disposal !== undefined) return this.#fail(disposed("Client.open"), "")
    this.#commands++
    this.#runtime.runCallback(this.#with(use), {
      onExit: (exit) => {
        this.#commands--
        if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) return
        const error = Cause.squash(exit.cause)
        this.#fail(error, "")
        const reason = messageOf(error)
        const told = error instanceof KefuError ? { error } : {}
        this.#call(["onClose", { type: "close", code: 1006, reason, wasClean: false, willReconnect: false, ...told }])
      }
    })
  }

  #with<A, E, R>(use: (engine: Engine["Service"]) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Engine> {
    return Effect.flatMap(Engine, (engine) => {
      this.#engine = engine
      return use(engine)
    })
  }

  #run<A>(
    method: string,
    use: (engine: Engine["Service"]) => Effect.Effect<A, KefuError, Environment>,
    options: CallOptions | undefined,
    fate?: Fate
  ): Promise<A> {
    if (this.#disposal !== undefined) return Promise.reject(disposed(method))
    return settle(
      method,
      within(this.#with(use), method, options, fate),
      options,
      (effect, run) => this.#runtime.runPromiseExit(effect, run),
      (error) => this.#advised(error),
      fate
    )
  }

  /** An error in the terms of this client. */
  #advised(error: KefuError): KefuError {
    const { method, reason } = error
    const because = (reason: KefuErrorReason) => new KefuError({ ...error, reason })
    switch (reason._tag) {
      case "Superseded":
        return because(new Superseded({ remedy: takeBack }))
      case "NotConnected":
        return because(
          this.#engine?.state()._tag === "Idle"
            ? new NotConnected({ detail: "it was never opened", remedy: "call `client.open()` first" })
            : new NotConnected({
                detail: reason.detail,
                remedy: "wait for `onOpen`, or send with `client.sendMessage()`, which waits for it"
              })
        )
      case "Closed":
        return this.#disposal === undefined
          ? because(new Closed({ detail: reason.detail, remedy: "call `client.open()` to open it again" }))
          : disposed(method)
      default:
        return error
    }
  }

  /** A command that the backend acknowledges. */
  #acknowledged(
    name: string,
    field: string,
    value: number,
    options: CallOptions | undefined,
    use: (realtime: Realtime["Service"], id: number, engine: Engine["Service"]) => Effect.Effect<AckPayload, KefuError>
  ): Promise<Acknowledgement> {
    const method = `Client.${name}`
    this.#connect()
    return this.#run(
      method,
      (engine) =>
        Effect.gen(function* () {
          const id = yield* answer.integer(method, field, value)
          yield* engine.settled
          return yield* use(yield* Realtime, id, engine)
        }),
      options
    )
  }

  #rest<Data>(
    name: string,
    endpoint: answer.Endpoint,
    input: answer.Input,
    options: CallOptions | undefined
  ): Promise<ClientResponse<Data>> {
    const method = `Client.${name}`
    return this.#run(
      method,
      () =>
        Effect.map(
          Transport.use(({ httpClient }) => answer.request(httpClient, method, endpoint, input)),
          toResponse<Data>
        ),
      options
    )
  }

  /** Conversations are told from a perspective, so it is found out first whose. */
  #conversations<Data>(
    method: string,
    endpoint: answer.Endpoint,
    input: answer.Input,
    read: (raw: unknown, show: Engine["Service"]["show"]) => Option.Option<Data>,
    options: CallOptions | undefined
  ): Promise<ClientResponse<Data>> {
    return this.#run(
      method,
      (engine) =>
        Effect.gen(function* () {
          const { httpClient } = yield* Transport
          const introduced = Effect.catchReason(engine.introduced, "KefuError", "UnexpectedResponse", () => Effect.void)
          const [answered] = yield* Effect.all([answer.request(httpClient, method, endpoint, input), introduced], {
            concurrency: 2
          })
          const data = read(answered.data, engine.show)
          if (Option.isSome(data)) return { ...answered, data: data.value }
          const reason = new UnexpectedResponse({ path: "", detail: "expected conversations" })
          return yield* new KefuError({ method, reason, response: answered })
        }),
      options
    )
  }

  #introduced(me: { readonly id: number; readonly nickname: string }): void {
    this.#me = me
    for (const reference of this.#nameless) {
      const message = reference.deref()
      if (message === undefined) continue
      message.fromId = me.id
      message.nickname = me.nickname
    }
    this.#nameless = []
  }

  #remember(message: Message): void {
    if (this.#nameless.length >= untaken) this.#nameless.shift()
    this.#nameless.push(new WeakRef(message))
  }

  #tell(event: ClientEvent): void {
    for (const listener of Array.from(this.#listeners.get(event._tag) ?? [])) {
      this.#guard(() => listener(event as never))
    }
    for (const events of this.#feeds) events.push(event)
  }

  #call([name, ...args]: handler.Callback): void {
    const callback = this.#handler[name] as ((...args: ReadonlyArray<unknown>) => unknown) | undefined
    if (typeof callback !== "function") return
    const run = () => Reflect.apply(callback, this.#handler, args)
    if (name === "onError") this.#guard(run, reportLast)
    else this.#guard(run)
  }

  /** Runs what belongs to the app. What goes wrong in it, also later, is told and hurts nothing else. */
  #guard(run: () => unknown, fail = (error: unknown) => this.#fail(error)): void {
    try {
      const result = run()
      if (Predicate.isPromiseLike(result)) result.then(undefined, fail)
    } catch (error) {
      fail(error)
    }
  }

  #fail(error: unknown, where?: string): void {
    if (typeof this.#handler.onError !== "function") return reportLast(error, where)
    this.#call(["onError", { type: "error", message: messageOf(error), error }])
  }
}

// oxlint-disable-next-line import/no-default-export -- the documented client is a default export
export default Client

/** What is known before anything is. */
const emptySnapshot: InboxSnapshot = {
  isLoaded: false,
  error: undefined,
  connection: ConnectionState.Idle(),
  me: undefined,
  users: new Map(),
  conversations: [],
  unreadCount: 0
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Where there is nobody else to tell. */
const reportLast = (error: unknown, where = "A callback of the client has failed: "): void => {
  const frame =
    error instanceof KefuError || !(error instanceof Error) ? "" : (/\n +(at .*)/.exec(error.stack ?? "")?.[1] ?? "")
  const what =
    error instanceof Error && !(error instanceof KefuError) ? `${error.name}: ${messageOf(error)}` : messageOf(error)
  const line = `${where}${what}${frame === "" ? "" : `, ${frame}`}`.replace(/\s*\n\s*/g, " ")
  Effect.runFork(Effect.logError(line))
}

const disposed = (method: string): KefuError =>
  new KefuError({ method, reason: new Closed({ detail: "the client was disposed", remedy: "build a new client" }) })

const toResponse = <Data>({ data, headers, status }: answer.Answered): ClientResponse<Data> => ({
  data: (data === undefined ? "" : Key.fromWire(data)) as Data,
  status,
  headers
})

const within = <A, R>(
  effect: Effect.Effect<A, KefuError, R>,
  method: string,
  options: CallOptions | undefined,
  fate?: Fate
): Effect.Effect<A, KefuError, R> => {
  const limit = options?.timeout
  if (limit === undefined || !Number.isFinite(limit) || limit <= 0) return effect
  const reason = (): KefuErrorReason => {
    if (fate === undefined) return new RequestTimeout({ afterMillis: limit, option: "timeout" })
    return fate.isOut
      ? new DeliveryUnknown({ detail: `it is under way, but was not acknowledged within its timeout of ${limit} ms` })
      : new Cancelled({})
  }
  return Effect.timeoutOrElse(effect, {
    duration: limit,
    orElse: () => Effect.fail(new KefuError({ method, reason: reason() }))
  })
}

/** Runs a call. It always settles: with its value, a `KefuError`, or the reason of its signal. */
const settle = async <A, R>(
  method: string,
  effect: Effect.Effect<A, KefuError, R>,
  options: CallOptions | undefined,
  run: (
    effect: Effect.Effect<A, KefuError, R>,
    options: Effect.RunOptions | undefined
  ) => Promise<Exit.Exit<A, KefuError>>,
  advised: (error: KefuError) => KefuError,
  fate?: Fate
): Promise<A> => {
  const signal = options?.signal
  if (isAborted(signal)) throw aborted(signal)
  const logged = effect.pipe(
    Effect.tap(() => Effect.logDebug(method, "succeeded")),
    Effect.tapError((error) => Effect.logDebug(advised(error.at(method)).message))
  )
  const exit = await run(logged, signal === undefined ? undefined : { signal })
  if (Exit.isSuccess(exit)) return exit.value
  if (Cause.hasInterruptsOnly(exit.cause)) {
    if (!isAborted(signal)) throw disposed(method)
    if (fate?.isOut !== true) throw aborted(signal)
    throw new KefuError({ method, reason: new DeliveryUnknown({ detail: "it was under way when it was aborted" }) })
  }
  const error = Cause.squash(exit.cause)
  throw error instanceof KefuError ? advised(error.at(method)) : error
}

const isAborted = (signal: AbortSignal | undefined): signal is AbortSignal => signal?.aborted === true

const aborted = ({ reason }: AbortSignal): unknown =>
  reason instanceof Error || reason instanceof DOMException
    ? reason
    : new DOMException("The call was aborted", "AbortError")

const logging = (debug: boolean): Layer.Layer<never> =>
  debug
    ? Layer.merge(Logger.layer([Logger.consoleLogFmt]), Layer.succeed(References.MinimumLogLevel, "Debug"))
    : Layer.succeed(References.MinimumLogLevel, "Error")

const kefuOptions = (options: ClientOptions): Kefu.Options => {
  const { debug: _, outbox, reconnect, retry, storage, subChannelId, token, ...rest } = options
  const store = storage === undefined ? undefined : keyValueStore(storage)
  return {
    ...rest,
    connect: "manual",
    subChannelId: numeric(subChannelId),
    retry: typeof retry === "number" ? { times: retry } : retry === true ? undefined : retry,
    reconnect: reconnect === true ? undefined : reconnect,
    token: typeof token === "function" ? Effect.tryPromise(async () => token()) : (token ?? undefined),
    storage: store,
    outbox:
      outbox === undefined
        ? undefined
        : {
            capacity: outbox.capacity,
            lifetime: outbox.lifetime,
            storage: outbox.persist === true ? store : undefined
          }
  }
}

/** Apps also have numbers as text, from an address or an attribute, and null where there is none. */
const numeric = (value: unknown): number | undefined => {
  if (value === undefined || value === null || value === "") return undefined
  return typeof value === "number" ? value : Number(value)
}

const keyValueStore = (storage: ClientStorage): Layer.Layer<KeyValueStore.KeyValueStore> => {
  const attempt = <A>(method: string, run: () => A | PromiseLike<A>) =>
    Effect.tryPromise({
      try: async () => run(),
      catch: (cause) => new KeyValueStore.KeyValueStoreError({ method, message: "The storage failed", cause })
    })
  const missing = (method: string) =>
    Effect.fail(new KeyValueStore.KeyValueStoreError({ method, message: "The storage cannot do this" }))
  return Layer.succeed(
    KeyValueStore.KeyValueStore,
    KeyValueStore.makeStringOnly({
      get: (key) => attempt("get", async () => (await storage.getItem(key)) ?? undefined),
      set: (key, value) => Effect.asVoid(attempt("set", () => storage.setItem(key, value))),
      remove: (key) => Effect.asVoid(attempt("remove", () => storage.removeItem(key))),
      clear: missing("clear"),
      size: missing("size"),
      keys: missing("keys")
    })
  )
}

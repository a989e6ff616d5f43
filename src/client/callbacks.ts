/**
 * The callbacks and events of the documented client, and which callbacks each kind of message has.
 */
import * as Predicate from "effect/Predicate"
import type { DocumentedMessage, Plain, ViewedConversation, ViewedMessage } from "../domain/Perspective.ts"
import type { KefuError } from "../KefuError.ts"
import type { ConnectionState } from "../realtime/ConnectionState.ts"
import type { RealtimeEvent } from "../realtime/RealtimeEvent.ts"

/**
 * The connection has opened.
 *
 * @category handler
 * @since 0.1.0
 */
export interface ClientOpenEvent {
  readonly type: "open"
  /** Whether there was a connection before. Messages missed meanwhile come through `onMessage`. */
  readonly reconnected: boolean
}

/**
 * The connection has ended, or a dial has failed.
 *
 * @category handler
 * @since 0.1.0
 */
export interface ClientCloseEvent {
  readonly type: "close"
  /** The WebSocket close code; 1006 if there was none. */
  readonly code: number
  readonly reason: string
  /** Whether the connection was closed rather than lost. */
  readonly wasClean: boolean
  /** Whether the client reconnects automatically. Calling `open` then has no effect. */
  readonly willReconnect: boolean
  /** The cause, unless the app closed the connection. */
  readonly error?: KefuError
}

/**
 * An error of the connection, or of a callback of the app.
 *
 * @category handler
 * @since 0.1.0
 */
export interface ClientErrorEvent {
  readonly type: "error"
  readonly message: string
  /** A `KefuError`, or what a callback has thrown. */
  readonly error: unknown
}

/**
 * The callbacks of a client. All are optional; `this` in a callback is the handler object.
 *
 * @category handler
 * @since 0.1.0
 */
export interface ClientHandler {
  /** WebSocket建立成功回调函数: the connection has opened, for the first time or again. */
  onOpen?(event: ClientOpenEvent): void
  /** WebSocket关闭回调函数: the connection has ended, or a dial has failed. */
  onClose?(event: ClientCloseEvent): void
  /** WebSocket错误回调函数: the connection was lost or refused (`onClose` follows), or a callback has thrown. */
  onError?(event: ClientErrorEvent): void
  /** 收到消息回调函数: a message was received, system messages included. */
  onMessage?(message: ViewedMessage): void
  /** 会话建立回调函数: a conversation was built. The arguments about the user are 0 or empty if the backend omits them. */
  onConversationBuilt?(conversationId: number, userId: number, nickname: string, userType: string): void
  /** 会话关闭回调函数: 1 客户主动关闭, 2 客服主动关闭, 3 超时自动关闭, 4 管理员强制关闭; 0 if the backend gives no reason. */
  onConversationClosed?(conversationId: number, reason: number): void
  /** 消息被撤回回调函数: a message was recalled. */
  onMessageRecall?(conversationId: number, messageId: number): void
  /** 人工会话建立回调函数: a member of staff has taken over from the robot. */
  onManualServiceStart?(): void
  /** 客服繁忙回调函数: all staff are busy. */
  onStaffBusy?(): void
  /** 客服不在线回调函数: no staff are online. */
  onStaffOffline?(): void
  /** 多端登录回调函数: the account logged in elsewhere, which ended this connection until `takeOver`. */
  onMultipleLogin?(): void
  /** 会话转接回调函数: a conversation was transferred. */
  onConversationTransfer?(conversationId: number): void
  /** 正在输入回调函数: the other side is typing. */
  onInputting?(content: string, conversationId: number): void
  /** 客服超时未回复回调函数: the staff have not replied in time. */
  onStaffTimeout?(conversationId: number): void
}

/**
 * The callbacks with the parameters of the old documentation, as apps declare them that were typed from it: DOM events, and
 * messages whose content is not told apart by their type. What they are called with is that of {@link ClientHandler}.
 *
 * @category handler
 * @since 0.1.0
 */
export interface DocumentedHandler extends Omit<ClientHandler, "onOpen" | "onClose" | "onError" | "onMessage"> {
  onOpen?(event: object): void
  onClose?(event: object): void
  onError?(event: object): void
  onMessage?(message: Omit<DocumentedMessage, "messageType"> & { messageType: string | undefined }): void
}

const names: { readonly [Name in keyof Required<ClientHandler>]: null } = {
  onOpen: null,
  onClose: null,
  onError: null,
  onMessage: null,
  onConversationBuilt: null,
  onConversationClosed: null,
  onMessageRecall: null,
  onManualServiceStart: null,
  onStaffBusy: null,
  onStaffOffline: null,
  onMultipleLogin: null,
  onConversationTransfer: null,
  onInputting: null,
  onStaffTimeout: null
}

/** The names of all callbacks. */
export const callbackNames: ReadonlyArray<string> = Object.keys(names)

/** A call of one of the callbacks. */
export type Callback = {
  [Name in keyof ClientHandler]-?: readonly [Name, ...Parameters<NonNullable<ClientHandler[Name]>>]
}[keyof ClientHandler]

interface Viewed {
  readonly MessageReceived: {
    readonly _tag: "MessageReceived"
    /** The same object that `onMessage` receives. */
    readonly message: ViewedMessage
    /** Whether it was missed while disconnected, and read from the history. */
    readonly recovered: boolean
  }
  readonly Resynced: {
    readonly _tag: "Resynced"
    readonly conversations: Array<ViewedConversation>
    readonly complete: boolean
  }
  readonly StateChanged: { readonly _tag: "StateChanged"; readonly state: ConnectionState }
}

/**
 * The events of a client by name: the session's events, with messages and conversations as the app receives them.
 *
 * @category events
 * @since 0.1.0
 */
export type ClientEvents = {
  readonly [Tag in RealtimeEvent["_tag"]]: Tag extends keyof Viewed
    ? Viewed[Tag]
    : Readonly<Plain<Extract<RealtimeEvent, { readonly _tag: Tag }>>>
}

/**
 * An event of a client, discriminated by `_tag`.
 *
 * @category events
 * @since 0.1.0
 */
export type ClientEvent = ClientEvents[keyof ClientEvents]

const events: { readonly [Name in keyof ClientEvents]: null } = {
  MessageReceived: null,
  MessagesRead: null,
  Inputting: null,
  Resynced: null,
  GapUnresolved: null,
  StateChanged: null,
  Lagged: null,
  ActedElsewhere: null,
  Superseded: null,
  UnknownReceived: null,
  Undecodable: null
}

/** The names of all events. */
export const eventNames: ReadonlyArray<string> = Object.keys(events)

/** The callback that follows `onMessage`, if the kind of message has one. */
export const callbackOf = ({ content, conversationId, messageType }: ViewedMessage): Callback | undefined => {
  /** A field as the backend sent it, though it may be of another type than documented. */
  const given = <A>(name: string, none: A): A =>
    Predicate.hasProperty(content, name) && Predicate.isNotNullish(content[name]) ? (content[name] as A) : none
  switch (messageType) {
    case "StaffTimeoutMessage":
      return ["onStaffTimeout", conversationId]
    case "ManualServiceStart":
      return ["onManualServiceStart"]
    case "ConversationBuilt":
      return ["onConversationBuilt", conversationId, given("userId", 0), given("nickname", ""), given("userType", "")]
    case "MessageRecall": {
      const messageId = given<number | undefined>("messageId", undefined)
      return messageId === undefined ? undefined : ["onMessageRecall", conversationId, messageId]
    }
    case "ConversationEnd":
      return ["onConversationClosed", conversationId, given("reason", 0)]
    case "StaffBusyEvent":
      return ["onStaffBusy"]
    case "StaffOfflineEvent":
      return ["onStaffOffline"]
    case "ConversationTransfer":
      return ["onConversationTransfer", conversationId]
    default:
      return undefined
  }
}

/**
 * The callbacks of the documented client, and which of them a message calls.
 */
import * as Predicate from "effect/Predicate"
import type { ConnectionState } from "../realtime/ConnectionState.ts"
import type { KefuError } from "../KefuError.ts"
import type { RealtimeEvent } from "../realtime/RealtimeEvent.ts"
import type { Plain, ViewedConversation, ViewedMessage } from "../domain/Perspective.ts"

/** The connection is open. */
export interface ClientOpenEvent {
  readonly type: "open"
  /** Whether there was a connection before. What was missed meanwhile comes through `onMessage`. */
  readonly reconnected: boolean
}

/** The connection has ended, or could not be opened. */
export interface ClientCloseEvent {
  readonly type: "close"
  /** The WebSocket close code; 1006 if there was none. */
  readonly code: number
  readonly reason: string
  /** Whether the connection was closed in good order rather than lost. */
  readonly wasClean: boolean
  /** Whether the client dials again by itself. Calling `open` then changes nothing. */
  readonly willReconnect: boolean
  /** Why, if it was not asked for. */
  readonly error?: KefuError
}

/** Something went wrong: with the connection, or in a callback of the app. */
export interface ClientErrorEvent {
  readonly type: "error"
  readonly message: string
  /** A `KefuError`, or what a callback has thrown. */
  readonly error: unknown
}

/** What the client calls back. Every callback may be missing, and `this` in it is the object that holds it. */
export interface ClientHandler {
  /** WebSocket建立成功回调函数: the connection is open, also each time that it was restored. */
  onOpen?(event: ClientOpenEvent): void
  /** WebSocket关闭回调函数: the connection has ended, or a dial has failed. */
  onClose?(event: ClientCloseEvent): void
  /** WebSocket错误回调函数: the connection broke or was refused (`onClose` follows), or a callback has thrown. */
  onError?(event: ClientErrorEvent): void
  /** 收到消息回调函数: a message, system messages too. */
  onMessage?(message: ViewedMessage): void
  /** 会话建立回调函数: a conversation was built; with whom, if the backend says so. */
  onConversationBuilt?(conversationId: number, userId: number, nickname: string, userType: string): void
  /** 会话关闭回调函数: 1 客户主动关闭, 2 客服主动关闭, 3 超时自动关闭, 4 管理员强制关闭; 0 if the backend does not say. */
  onConversationClosed?(conversationId: number, reason: number): void
  /** 消息被撤回回调函数: a message was recalled. */
  onMessageRecall?(conversationId: number, messageId: number): void
  /** 人工会话建立回调函数: a person has taken over from the robot. */
  onManualServiceStart?(): void
  /** 客服繁忙回调函数: all staff are busy. */
  onStaffBusy?(): void
  /** 客服不在线回调函数: no staff is there. */
  onStaffOffline?(): void
  /** 多端登录回调函数: the account logged in elsewhere, which ended this connection until `takeOver`. */
  onMultipleLogin?(): void
  /** 会话转接回调函数: a conversation was handed over. */
  onConversationTransfer?(conversationId: number): void
  /** 正在输入回调函数: the other side is typing. */
  onInputting?(content: string, conversationId: number): void
  /** 客服超时未回复回调函数: the staff has let the visitor wait for too long. */
  onStaffTimeout?(conversationId: number): void
}

/** The names of the callbacks. */
export type CallbackName = keyof ClientHandler

/** A call of one of the callbacks. */
export type Callback = {
  [Name in CallbackName]: readonly [Name, ...Parameters<NonNullable<ClientHandler[Name]>>]
}[CallbackName]

interface Told {
  readonly MessageReceived: {
    readonly _tag: "MessageReceived"
    /** The very object that `onMessage` gets. */
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

/** What the client tells, by name: the events of the session, and each change of its state. */
export type ClientEvents = {
  readonly [Tag in RealtimeEvent["_tag"]]: Tag extends keyof Told
    ? Told[Tag]
    : Readonly<Plain<Extract<RealtimeEvent, { readonly _tag: Tag }>>>
}

/** The name of something that the client tells. */
export type ClientEventName = keyof ClientEvents

/** Something that the client tells, told apart by `_tag`. */
export type ClientEvent = ClientEvents[ClientEventName]

/** The callback of its own that a message calls after `onMessage`, if its kind has one. */
export const callbackOf = ({ content, conversationId, messageType }: ViewedMessage): Callback | undefined => {
  const number = (name: string) =>
    Predicate.hasProperty(content, name) && typeof content[name] === "number" ? content[name] : undefined
  const text = (name: string) =>
    Predicate.hasProperty(content, name) && typeof content[name] === "string" ? content[name] : ""
  switch (messageType) {
    case "StaffTimeoutMessage":
      return ["onStaffTimeout", conversationId]
    case "ManualServiceStart":
      return ["onManualServiceStart"]
    case "ConversationBuilt":
      return ["onConversationBuilt", conversationId, number("userId") ?? 0, text("nickname"), text("userType")]
    case "MessageRecall": {
      const messageId = number("messageId")
      return messageId === undefined ? undefined : ["onMessageRecall", conversationId, messageId]
    }
    case "ConversationEnd":
      return ["onConversationClosed", conversationId, number("reason") ?? 0]
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

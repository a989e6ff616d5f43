/**
 * The documented client: promises and callbacks, for apps that do not use Effect.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import type { ClientEvent, ClientEvents, ClientHandler, DocumentedHandler } from "./client/callbacks.ts"
import { Directory } from "./client/directory.ts"
import { addressee, draftOf, identifier, isNamed, numberOf } from "./client/arguments.ts"
import { bindMembers } from "./client/bind.ts"
import * as inbox from "./client/inbox.ts"
import { Listeners } from "./client/listeners.ts"
import type { CallOptions, ClientOptions, TokenOptions } from "./client/options.ts"
import { settle } from "./client/promises.ts"
import { ReadFlags } from "./client/readFlags.ts"
import * as rest from "./client/rest.ts"
import { ClientRuntime } from "./client/runtime.ts"
import type { Session } from "./client/session.ts"
import type * as T from "./client/types.ts"
import type { ConversationId, MenuItemId, MessageId, UserId } from "./domain/Id.ts"
import type { KefuError } from "./KefuError.ts"
import type { ConnectionState } from "./realtime/ConnectionState.ts"
import { Realtime } from "./realtime/Realtime.ts"
import { channels, conversations, quickReplies, ratings, robot, users } from "./wire/Endpoints.ts"
import type { AckPayload } from "./wire/Frame.ts"

export type {
  ClientCloseEvent,
  ClientErrorEvent,
  ClientEvent,
  ClientEvents,
  ClientHandler,
  ClientOpenEvent,
  DocumentedHandler
} from "./client/callbacks.ts"
export type { ClientInbox, InboxConversation, InboxMessage, InboxSnapshot, InboxUser } from "./client/inbox.ts"
export type { CallOptions, ClientOptions, ClientStorage, ClientWebSocket, TokenOptions } from "./client/options.ts"
export type * from "./client/types.ts"
export { KefuError, type KefuErrorReason } from "./KefuError.ts"
export type { ConnectionState } from "./realtime/ConnectionState.ts"

/**
 * The documented client: a session of a visitor, of staff or of an administrator.
 *
 * **Details**
 *
 * `open` connects, as does the first message or command. From then on the connection reconnects automatically: the client
 * detects dead links, dials again, and reads the messages that it missed. Every promise settles. REST methods resolve to
 * `{ data, status, headers }`, socket methods to the backend's acknowledgement. Calls reject with a {@link KefuError}:
 * `reason._tag` gives the cause, `isRetryable` whether the same call may succeed later, `userText` a text for end users,
 * and `response` the backend's response. An aborted call rejects with its signal's reason. The failure of a call that the
 * app does not handle is reported to `onError`; it never becomes an unhandled rejection.
 *
 * Any call may reject with `Unauthorized`, `NetworkUnreachable`, `RequestTimeout`, `InvalidRequest` (an invalid argument
 * or option) and `Closed` (after `dispose`); REST calls also with `RateLimited`, `ServerFault` and `UnexpectedResponse`;
 * socket commands also with `NotConnected`, `ConnectionLost`, and `AckTimeout` if the backend refuses them, as it has no
 * negative acknowledgement. The methods name further reasons. The backend decides who may call a method: REST calls of
 * others reject with `Forbidden`.
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
  /** The state of a chat screen, maintained by the client. */
  readonly inbox: inbox.ClientInbox
  readonly #directory: Directory
  readonly #listeners: Listeners
  readonly #runtime: ClientRuntime

  /**
   * 构造函数. Touches no global and dials nothing. Invalid options are reported by the calls, which reject with
   * `InvalidRequest`; misspelt ones, and misspelt callbacks, to `onError`. The methods may be taken off the client, and
   * called through a proxy, as in Vue's `reactive`.
   *
   * @param handler - 回调函数入口: the object whose callbacks are called; all are optional.
   */
  constructor(handler?: ClientHandler | null, options?: ClientOptions | null)
  constructor(handler: DocumentedHandler, options?: ClientOptions | null)
  constructor(handler?: ClientHandler | null, options?: ClientOptions | null) {
    const flags = new ReadFlags()
    this.#directory = new Directory((message) => flags.track(message))
    this.#listeners = new Listeners(handler ?? {})
    this.#runtime = new ClientRuntime(options ?? {}, this.#listeners, this.#directory, flags)
    this.inbox = inbox.make(this.#runtime, this.#listeners)
    bindMembers(this)
  }

  // --- the connection

  /**
   * 打开WebSocket连接. Opens the WebSocket (`/api/v1/im/ws`) and keeps it open: `onOpen` reports each connection, `onClose`
   * each loss. Has no effect while connected or connecting, so calling it inside `onClose` is harmless. After a second
   * login (`onMultipleLogin`) it reports to `onError`: call `takeOver`, or `close` first. Without it, the first message
   * or command opens the connection, unless `close` was called. For everyone.
   */
  open(): void {
    this.#runtime.open()
  }

  /**
   * 关闭WebSocket连接. Closes the WebSocket and stops reconnecting. Waiting commands reject with `Closed`, or with
   * `DeliveryUnknown` if a message was already sent. `open` opens it again; REST methods keep working. For everyone.
   */
  close(): void {
    this.#runtime.close()
  }

  /** WebSocket是否已开启: whether the connection is open. */
  isOpened(): boolean {
    return this.state._tag === "Connected"
  }

  /** WebSocket是否正在连接: whether the connection is being opened, or waits to dial again. */
  isConnecting(): boolean {
    const { _tag } = this.state
    return _tag === "Connecting" || _tag === "Waiting" || _tag === "Suspended"
  }

  /** The state of the connection. `client.on("StateChanged", ...)` reports each change. */
  get state(): ConnectionState {
    return this.#runtime.state
  }

  /** Dials at once instead of waiting for the backoff, for a "try again" button. */
  retryNow(): void {
    this.#runtime.retryNow()
  }

  /** After `onMultipleLogin`: takes the session back, which ends the other login. */
  takeOver(): void {
    this.#runtime.takeOver()
  }

  // --- events

  /**
   * Adds a listener for one kind of event, called after the handler's callbacks, and returns a function that removes it.
   * Errors thrown by a listener are reported to `onError`, and so is the name of an event that there is not.
   */
  on<Name extends keyof ClientEvents>(event: Name, listener: (event: ClientEvents[Name]) => void): () => void {
    return this.#listeners.on(event, listener)
  }

  /**
   * All events from now on, for `for await`; `client` itself is iterable, too. Buffers up to 4,096 events. Beyond that the
   * oldest are dropped, and `Lagged` is in their place. Ends with `dispose`.
   */
  events(): AsyncIterableIterator<ClientEvent> {
    return this.#listeners.iterate()
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<ClientEvent> {
    return this.events()
  }

  // --- messages

  /**
   * 构造一条Message. Builds a message locally. `id` is 0 until it is sent, and `isRead` is set once the other side has read
   * it. Until the current user is known, `fromId` is 0 and `nickname` is empty; both are set as soon as it is. For
   * everyone.
   *
   * If the conversation does not exist yet or is unknown, `conversationId` is 0. After sending it is set once the client
   * learns the visitor's conversation from a message or a fetched conversation; until then `isRead` stays false.
   *
   * @param content - 内容，文本消息为string，其他消息为Object，包含url，filename等信息
   * @param conversationId - 消息所在会话的ID, or 0
   */
  buildMessage<Type extends T.SendableType>(
    messageType: Type,
    content: T.MessageContent<Type>,
    conversationId: number
  ): T.MessageOf<Type>
  buildMessage<Type extends T.SendableType, Content>(
    messageType: Type,
    content: Content & T.OpaqueContent<Content>,
    conversationId: number
  ): T.DocumentedMessage<Type>
  buildMessage<Type extends T.SendableType>(
    messageType: Type,
    content: T.MessageContent<Type>,
    conversationId: number
  ): T.MessageOf<Type> {
    const message: T.MessageOf<Type> = {
      id: 0,
      fromId: 0,
      nickname: "",
      content,
      // The clock of effects, which needs no fiber.
      createdAt: Context.get(Context.empty(), Clock.Clock).currentTimeMillisUnsafe(),
      direction: 0,
      messageType,
      isRead: false,
      conversationId
    }
    this.#directory.sign(message)
    return message
  }

  /**
   * 发送消息: event 101. Sets `message.id` and resolves to the message once the backend has acknowledged it
   * (当消息发送成功时resolve). Without a connection it waits for one, in the order of the conversation's messages. A message
   * whose connection was lost is looked up in the history before it is sent again. Rejects with `OutboxFull`,
   * `OutboxExpired`, `AckTimeout` if the backend refuses it, and `DeliveryUnknown` if it may or may not have arrived. For
   * everyone.
   *
   * An abort or a `timeout` cancels a message that still waits: it is not sent, and the promise rejects with the signal's
   * reason or with `Cancelled`. A message that was already sent is not cancelled: the promise rejects with
   * `DeliveryUnknown`, and `message.id` is still set if it arrives.
   *
   * @param message - 消息，通过buildMessage创建
   * @param toId - 目标ID: the recipient. Optional for visitors, and for staff in a conversation that the client has read.
   */
  sendMessage<Sent extends T.Message | T.DocumentedMessage, Result extends Sent | void = Sent>(
    message: Sent,
    toId?: number | null,
    options?: CallOptions
  ): Promise<Result>
  sendMessage(message: T.Message, toId?: number | null, options?: CallOptions): Promise<T.Message> {
    const status = { mayArrive: false }
    const given = draftOf("Client.sendMessage", message)
    this.#runtime.openByDefault()
    return this.#runtime.run(
      "Client.sendMessage",
      (session) =>
        Effect.gen(function* () {
          const to = yield* addressee("Client.sendMessage", toId)
          const draft = yield* given
          yield* session.settled
          yield* session.send(message, draft, to, status)
          return message
        }),
      options,
      status
    )
  }

  /**
   * Sends a failed message again, as the last of its conversation. After `DeliveryUnknown` the history is read once more,
   * and a message that has arrived is not sent again; where that does not decide, it may arrive twice. Resolves to the id of
   * the message, which a given message also gets, and rejects as `sendMessage` does, or with `NotFound` after `discardSend`.
   *
   * @param send - A message that was given to `sendMessage`, or the `outboxKey` of a message of `client.inbox`.
   */
  retrySend(send: T.Message | string, options?: CallOptions): Promise<number> {
    const status = { mayArrive: false }
    this.#runtime.openByDefault()
    return this.#runtime.run("Client.retrySend", (session) => session.retry(send, status), options, status)
  }

  /**
   * Cancels a message that waits for the connection: its `sendMessage` rejects with `Cancelled`. Resolves to false if it is
   * too late.
   *
   * @param send - As in `retrySend`.
   */
  cancelSend(send: T.Message | string, options?: CallOptions): Promise<boolean> {
    return this.#runtime.run("Client.cancelSend", (session) => session.cancel(send), options)
  }

  /**
   * Removes a failed or waiting message, also from `client.inbox`. Resolves to false if it is being sent, has arrived, or is
   * not known. What is not discarded can be sent again at any time.
   *
   * @param send - As in `retrySend`.
   */
  discardSend(send: T.Message | string, options?: CallOptions): Promise<boolean> {
    return this.#runtime.run("Client.discardSend", (session) => session.discard(send), options)
  }

  /** 撤回消息: event 203. For the sender of the message. Resolves to the acknowledgement. */
  recallMessage<Result extends T.Acknowledgement | void = T.Acknowledgement>(
    messageId: number,
    options?: CallOptions
  ): Promise<Result>
  recallMessage(messageId: number, options?: CallOptions): Promise<T.Acknowledgement> {
    return this.#command("recallMessage", { messageId }, options, (to, id) => to.recall(id as MessageId))
  }

  /**
   * 消息已读: event 104. Tells the other side that all messages up to this one have been read. For everyone. Resolves to the
   * acknowledgement.
   */
  readMessage<Result extends T.Acknowledgement | void = T.Acknowledgement>(
    messageId: number,
    options?: CallOptions
  ): Promise<Result>
  readMessage(messageId: number, options?: CallOptions): Promise<T.Acknowledgement> {
    return this.#command("readMessage", { messageId }, options, (to, id) => to.read(id as MessageId))
  }

  /**
   * 关闭会话: event 202. For the visitor or the staff of the conversation; administrators use `adminCloseConversation`.
   * Resolves to the acknowledgement.
   */
  closeConversation<Result extends T.Acknowledgement | void = T.Acknowledgement>(
    conversationId: number,
    options?: CallOptions
  ): Promise<Result>
  closeConversation(conversationId: number, options?: CallOptions): Promise<T.Acknowledgement> {
    return this.#command("closeConversation", { conversationId }, options, (to, id) =>
      to.closeConversation(id as ConversationId)
    )
  }

  /** 邀评，仅供客服调用: event 204. Invites a visitor to rate the service. For staff. Resolves to the acknowledgement. */
  inviteRate<Result extends T.Acknowledgement | void = T.Acknowledgement>(
    userId: number,
    options?: CallOptions
  ): Promise<Result>
  inviteRate(userId: number, options?: CallOptions): Promise<T.Acknowledgement> {
    return this.#command("inviteRate", { userId }, options, (to, id) => to.inviteRate(id as UserId))
  }

  /**
   * 点选菜单项，仅供客户调用: event 205. Selects an item of a `ChannelMenu` message. For visitors. Resolves to the
   * acknowledgement.
   */
  selectMenuItem<Result extends T.Acknowledgement | void = T.Acknowledgement>(
    menuItemId: number,
    options?: CallOptions
  ): Promise<Result>
  selectMenuItem(menuItemId: number, options?: CallOptions): Promise<T.Acknowledgement> {
    return this.#command("selectMenuItem", { menuItemId }, options, (to, id) => to.selectMenuItem(id as MenuItemId))
  }

  /**
   * 正在输入: event 105. Sends the draft to the other side. For everyone. Resolves to the acknowledgement.
   *
   * @param toId - 目标ID: the recipient, optional as in `sendMessage`
   */
  inputting<Result extends T.Acknowledgement | void = T.Acknowledgement>(
    content: string,
    conversationId: number,
    toId?: number | null,
    options?: CallOptions
  ): Promise<Result>
  inputting(
    content: string,
    conversationId: number,
    toId?: number | null,
    options?: CallOptions
  ): Promise<T.Acknowledgement> {
    return this.#socket("inputting", options, (realtime, session) =>
      Effect.gen(function* () {
        const given = yield* addressee("Client.inputting", toId)
        const to = isNamed(given) ? given : ((yield* session.recipient(numberOf(conversationId))) ?? given)
        return yield* realtime.inputting({
          content,
          conversationId: conversationId as ConversationId,
          ...(to === undefined ? {} : { toId: to as UserId })
        })
      })
    )
  }

  // --- users

  /**
   * 获取个人信息: GET /im/users/me. For everyone. Resolves to the caller's own profile. Calling it first is not required: the
   * client reads the profile when it needs it.
   */
  getUserInfo(options?: CallOptions): Promise<T.ClientResponse<T.User>> {
    return this.#runtime.run("Client.getUserInfo", ({ me }) => me, options)
  }

  /**
   * 更新个人信息: PUT /im/users/me. For everyone. Resolves to the backend's response. Rejects with `InvalidRequest` if the
   * backend refuses a field.
   */
  updateMyProfile(data: T.Open<T.ProfileUpdate>, options?: CallOptions): Promise<T.ClientResponse<unknown>> {
    return this.#rest("updateMyProfile", users.updateMe, { body: data }, options)
  }

  /**
   * 更新用户信息: PUT /im/users/{id}. For staff and administrators. Resolves to the backend's response. Rejects with
   * `NotFound`.
   */
  updateUserProfile(
    id: number,
    data: T.Open<T.ProfileUpdate>,
    options?: CallOptions
  ): Promise<T.ClientResponse<unknown>> {
    return this.#rest("updateUserProfile", users.update, { params: { id }, body: data }, options)
  }

  /** 增加访客标签: POST /im/users/{id}/tags. For staff and administrators. Resolves to the tag. Rejects with `NotFound`. */
  addCustomerTag(id: number, data: T.Open<T.NewTag>, options?: CallOptions): Promise<T.ClientResponse<T.Tag>> {
    return this.#rest("addCustomerTag", users.addTag, { params: { id }, body: data }, options)
  }

  /**
   * 删除访客标签: DELETE /im/users/{id}/tags/{tagId}. For staff and administrators. Resolves to the backend's response.
   * Rejects with `NotFound`.
   */
  deleteCustomerTag(id: number, tagId: number, options?: CallOptions): Promise<T.ClientResponse<unknown>> {
    return this.#rest("deleteCustomerTag", users.removeTag, { params: { id, tagId } }, options)
  }

  /**
   * 获取客服用户列表（转接使用）: GET /im/users. For staff and administrators. Resolves to the staff to whom a conversation can
   * be transferred; a backend may also list those who are offline (`online: false`) or have no room.
   *
   * @param params - Filters, under the backend's names.
   */
  getTransferServiceList(params?: T.QueryParams, options?: CallOptions): Promise<T.ClientResponse<T.TransferTargets>> {
    return this.#rest("getTransferServiceList", users.transferTargets, { query: params }, options)
  }

  // --- conversations

  /**
   * 批量获取会话: GET /im/conversations. For everyone: visitors get their own conversations, staff those in which they take
   * part. Resolves to a page of conversations, each with `users` by id, `messages`, `unreadCount` and `isNew`. A
   * conversation without an id is omitted.
   */
  getConversations(
    params?: T.ConversationParams | T.ConversationFilter,
    options?: CallOptions
  ): Promise<T.ClientResponse<T.ConversationPage>> {
    return this.#runtime.run("Client.getConversations", (session) => session.conversations(params), options)
  }

  /**
   * 获取单条会话: GET /im/conversations/{id}. For participants and administrators. Resolves to the conversation, as in
   * `getConversations`. Rejects with `NotFound`.
   */
  getConversationById(conversationId: number, options?: CallOptions): Promise<T.ClientResponse<T.Conversation>> {
    return this.#runtime.run("Client.getConversationById", (session) => session.conversation(conversationId), options)
  }

  /**
   * 获取当前会话列表: GET /im/current_list, of newer backends. For everyone. Resolves to the caller's conversations that have
   * not ended, as in `getConversations`. Rejects with `NotFound` if the backend is older.
   */
  getCurrentConversationList(options?: CallOptions): Promise<T.ClientResponse<Array<T.Conversation>>> {
    return this.#runtime.run(
      "Client.getCurrentConversationList",
      ({ currentConversations }) => currentConversations,
      options
    )
  }

  /**
   * 历史会话发起会话: POST /im/conversations. Starts a conversation. For visitors, and for staff with a customer from the
   * history. Resolves to the conversation as the backend sent it. Rejects with `NotFound` and `Conflict`.
   *
   * @param data - The customer or the former conversation.
   */
  requestConversations(
    data?: T.Open<T.ConversationRequest>,
    options?: CallOptions
  ): Promise<T.ClientResponse<T.RawConversation>> {
    return this.#rest("requestConversations", conversations.request, { body: data }, options)
  }

  /**
   * 更新会话备注: PUT /im/conversations/{id}, of newer backends. For staff and administrators. Resolves to the backend's
   * response. Rejects with `NotFound`.
   */
  updateConversationRemark(
    id: number,
    data: T.Open<T.ConversationUpdate>,
    options?: CallOptions
  ): Promise<T.ClientResponse<unknown>> {
    const input = { params: { id }, body: data }
    return this.#rest("updateConversationRemark", conversations.update, input, options)
  }

  /**
   * 根据会话ID获取用户资料访问信息: GET /im/conversations/{id}/source_info. For staff and administrators. Resolves to where
   * the visitor came from. Rejects with `NotFound`.
   */
  getVisitInfo(id: number, options?: CallOptions): Promise<T.ClientResponse<T.VisitInfo>> {
    return this.#rest("getVisitInfo", conversations.visitInfo, { params: { id } }, options)
  }

  /** 获取当前排队人数: GET /im/pending_count. For everyone. Resolves to the number of visitors in the queue. */
  getPendingCount(options?: CallOptions): Promise<T.ClientResponse<T.PendingCount>> {
    return this.#rest("getPendingCount", conversations.pendingCount, {}, options)
  }

  /**
   * 当前排队位置: GET /im/conversations/{id}/pending_position. For the waiting visitor, staff and administrators. Resolves to
   * the conversation's position in the queue. Rejects with `NotFound`.
   */
  getPendingPosition(convId: number, options?: CallOptions): Promise<T.ClientResponse<T.PendingPosition>> {
    const input = { params: { id: convId } }
    return this.#rest("getPendingPosition", conversations.pendingPosition, input, options)
  }

  /**
   * 获取会话统计: GET /im/conversations_count. For everyone; counting all (`show_all`) is for administrators. Resolves to the
   * number of the caller's conversations in each state.
   *
   * @param params - Filters, under the backend's names.
   */
  getConversationsCount(params?: T.QueryParams, options?: CallOptions): Promise<T.ClientResponse<T.ConversationCount>> {
    return this.#rest("getConversationsCount", conversations.count, { query: params }, options)
  }

  /**
   * 管理员强制关闭会话: PUT /im/conversations/{id}/terminate. For administrators. Resolves to the backend's response. Rejects
   * with `NotFound`, and with `Conflict` if it has already ended.
   */
  adminCloseConversation(id: number, options?: CallOptions): Promise<T.ClientResponse<unknown>> {
    return this.#rest("adminCloseConversation", conversations.terminate, { params: { id } }, options)
  }

  /**
   * 会话转接: PUT /im/conversations/{id}/transfer. Transfers a conversation. For the staff who serve it and administrators.
   * Resolves to the backend's response. Rejects with `NotFound` and `Conflict`.
   *
   * @param data - The target, one of `getTransferServiceList`.
   */
  conversationTransfer(
    id: number,
    data: T.Open<T.TransferRequest>,
    options?: CallOptions
  ): Promise<T.ClientResponse<unknown>> {
    const input = { params: { id }, body: data }
    return this.#rest("conversationTransfer", conversations.transfer, input, options)
  }

  /** 导出历史会话: POST /im/conversations/export. For staff and administrators. Resolves to the address of the export. */
  exportHistoryConversations(
    data?: T.Open<T.ExportRequest>,
    options?: CallOptions
  ): Promise<T.ClientResponse<T.ExportResult>> {
    return this.#rest("exportHistoryConversations", conversations.export, { body: data }, options)
  }

  // --- quick replies

  /** 获取快速回复: GET /im/common_words. For staff and administrators. Resolves to the caller's quick replies. */
  getQuickReply(options?: CallOptions): Promise<T.ClientResponse<T.QuickReplies>> {
    return this.#rest("getQuickReply", quickReplies.list, {}, options)
  }

  /** 增加快速回复: POST /im/common_words. For staff and administrators. Resolves to the quick reply. */
  addQuickReply(data: T.Open<T.QuickReplyInput>, options?: CallOptions): Promise<T.ClientResponse<T.QuickReply>> {
    return this.#rest("addQuickReply", quickReplies.add, { body: data }, options)
  }

  /**
   * 修改快速回复: PUT /im/common_words/{id}. For staff and administrators. Resolves to the backend's response. Rejects with
   * `NotFound`.
   */
  editQuickReply(
    id: number,
    data: T.Open<T.QuickReplyInput>,
    options?: CallOptions
  ): Promise<T.ClientResponse<unknown>> {
    return this.#rest("editQuickReply", quickReplies.update, { params: { id }, body: data }, options)
  }

  /**
   * 删除快速回复: DELETE /im/common_words/{id}. For staff and administrators. Resolves to the backend's response. Rejects
   * with `NotFound`.
   */
  deleteQuickReply(id: number, options?: CallOptions): Promise<T.ClientResponse<unknown>> {
    return this.#rest("deleteQuickReply", quickReplies.remove, { params: { id } }, options)
  }

  // --- ratings, the robot, channels

  /**
   * 评价客服: POST /im/rates. For visitors. Resolves to the stored rating. Rejects with `Conflict` if there is nothing to
   * rate.
   *
   * @param score - 分数, 1-5
   * @param suggestion - A comment, for newer backends.
   * @param ratingTagIds - Ids of tags from `getRatings`, for newer backends.
   */
  rateStaff(
    score: number,
    suggestion?: string,
    ratingTagIds?: ReadonlyArray<number>,
    options?: CallOptions
  ): Promise<T.ClientResponse<T.RatingReceipt>> {
    return this.#rest("rateStaff", ratings.rate, { body: { score, suggestion, ratingTagIds } }, options)
  }

  /**
   * 获取评价选项: GET /ratings, of newer backends. For everyone. Resolves to the options of the rating dialogue. Rejects with
   * `NotFound` if the backend is older.
   */
  getRatings(options?: CallOptions): Promise<T.ClientResponse<T.Ratings>> {
    return this.#rest("getRatings", ratings.list, {}, options)
  }

  /**
   * 机器人满意回答: POST /im/robot_answers/{id}/like. For the visitor who got the answer. Resolves to the backend's response.
   * Rejects with `NotFound`.
   *
   * @param id - The id of the robot's message.
   */
  likeRobotAnswer(id: number, options?: CallOptions): Promise<T.ClientResponse<unknown>> {
    return this.#rest("likeRobotAnswer", robot.like, { params: { id } }, options)
  }

  /**
   * 机器人不满意回答: POST /im/robot_answers/{id}/dislike. For the visitor who got the answer. Resolves to the backend's
   * response. Rejects with `NotFound`.
   *
   * @param msgId - The id of the robot's message.
   */
  dislikeRobotAnswer(msgId: number, options?: CallOptions): Promise<T.ClientResponse<unknown>> {
    return this.#rest("dislikeRobotAnswer", robot.dislike, { params: { id: msgId } }, options)
  }

  /**
   * 问题自动补全: GET /im/questions/suggest. For everyone. Resolves to questions that complete what the visitor types.
   *
   * @param subChannelId - 子渠道ID, for newer backends.
   */
  getSuggestions(
    query: string,
    subChannelId?: number,
    options?: CallOptions
  ): Promise<T.ClientResponse<T.Suggestions>> {
    const input = { query: { query, sub_channel_id: subChannelId } }
    return this.#rest("getSuggestions", robot.suggestions, input, options)
  }

  /**
   * 获取热门问题: GET /hot_faqs, of newer backends. For everyone. Resolves to frequently asked questions. Rejects with
   * `NotFound` if the backend is older.
   *
   * @param limit - 每页显示条数
   * @param page - 页码, counted from 1
   */
  getHotFaqs(
    groupId?: number,
    limit?: number,
    page?: number,
    options?: CallOptions
  ): Promise<T.ClientResponse<T.Faqs>> {
    return this.#rest("getHotFaqs", robot.hotFaqs, { query: { limit, page, group_id: groupId } }, options)
  }

  /**
   * 获取子渠道: GET /client/channels/sub_channels/{id}, of newer backends. For everyone. Resolves to the sub-channel. Rejects
   * with `NotFound`.
   */
  getSubChannel(id: number, options?: CallOptions): Promise<T.ClientResponse<T.SubChannel>> {
    return this.#rest("getSubChannel", channels.subChannel, { params: { id } }, options)
  }

  // --- files

  /**
   * 上传附件: POST /presign_urls, then POST to the signed address without the token. For everyone. Resolves to
   * `{ id, url }`. Rejects with `UploadTooLarge` and `UploadFailed`. An abort stops the transfer.
   *
   * @param onUploadProgress - 回调函数: is called with the progress.
   */
  uploadBlobs(file: Blob, onUploadProgress?: T.OnUploadProgress, options?: CallOptions): Promise<T.UploadedFile> {
    const report = (progress: T.UploadProgress) => this.#listeners.guard(() => onUploadProgress?.(progress))
    const asked = typeof onUploadProgress === "function" ? report : undefined
    return this.#runtime.run("Client.uploadBlobs", () => rest.upload(file, asked), options)
  }

  // --- tokens, disposal

  /**
   * 获取匿名Token: POST /im/tokens, without a token. Resolves to the token of a new visitor, as `data.token`. A client
   * without a `token` does this itself.
   */
  static getAnonymousToken(options?: TokenOptions | null): Promise<T.ClientResponse<T.AnonymousToken>> {
    const method = "Client.getAnonymousToken"
    const effect = rest.anonymousToken(method, options ?? {})
    return new Promise((resolve, reject) =>
      settle({
        method,
        effect,
        options: options ?? undefined,
        run: Effect.runCallback,
        explain: identity,
        resolve,
        reject
      })
    )
  }

  /**
   * Ends the session for good: closes the connection and ends all iterators. Pending and later calls reject with `Closed`.
   * `await using client = new Client(...)` does this at the end of the block.
   */
  dispose(): Promise<void> {
    return this.#runtime.dispose()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  // --- inside

  #rest<Data>(
    name: string,
    endpoint: rest.Endpoint,
    input: rest.Input,
    options: CallOptions | undefined
  ): Promise<T.ClientResponse<Data>> {
    const method = `Client.${name}`
    return this.#runtime.run(method, (session) => session.request<Data>(method, endpoint, input), options)
  }

  #socket(
    name: string,
    options: CallOptions | undefined,
    use: (realtime: Realtime["Service"], session: Session) => Effect.Effect<AckPayload, KefuError>
  ): Promise<T.Acknowledgement> {
    this.#runtime.openByDefault()
    return this.#runtime.run(
      `Client.${name}`,
      (session) =>
        Effect.andThen(
          session.settled,
          Realtime.use((realtime) => use(realtime, session))
        ),
      options
    )
  }

  /** A command about the one id in `target`, which the backend acknowledges. */
  #command(
    name: string,
    target: { readonly [field: string]: number },
    options: CallOptions | undefined,
    use: (realtime: Realtime["Service"], id: string | number) => Effect.Effect<AckPayload, KefuError>
  ): Promise<T.Acknowledgement> {
    return this.#socket(name, options, (realtime) => {
      const [field = "", value] = Object.entries(target)[0] ?? []
      return Effect.flatMap(identifier(`Client.${name}`, field, value), (id) => use(realtime, id))
    })
  }
}

// oxlint-disable-next-line import/no-default-export -- the documented client is a default export
export default Client

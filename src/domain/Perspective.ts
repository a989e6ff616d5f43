/**
 * Derives what depends on the viewer of a message or conversation: direction, nickname, read flags, unread count. Pure, so
 * that the façade and the inbox derive the same.
 */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { lazyFunction } from "../codec/lazy.ts"
import { fromWire } from "../codec/Key.ts"
import { original, skippedIn, withSkipped } from "../codec/Odd.ts"
import type * as Domain from "./Conversation.ts"
import type * as Content from "./Message.ts"
import { isSystemMessage, Message, type MessageType as AnyMessageType, messageTypeCode } from "./Message.ts"
import type { User } from "./User.ts"
import type * as Brand from "effect/Brand"

/** The same data, mutable and without brands. */
export type Plain<A> = A extends number
  ? A extends Brand.Brand<string>
    ? number
    : A
  : A extends string | bigint | boolean | symbol | null | undefined
    ? A
    : A extends ReadonlyArray<infer Item>
      ? Array<Plain<Item>>
      : A extends object
        ? { -readonly [Key in keyof A]: Plain<A[Key]> }
        : A

/** The same data without brands, for arguments; `readonly` is kept. */
export type Given<A> = A extends number
  ? A extends Brand.Brand<string>
    ? number
    : A
  : A extends string | bigint | boolean | symbol | null | undefined
    ? A
    : A extends object
      ? { [Key in keyof A]: Given<A[Key]> }
      : A

/** Like `Omit`, but keeps the named keys of types with an index signature. */
export type Without<A, Keys extends PropertyKey> = { [Key in keyof A as Key extends Keys ? never : Key]: A[Key] }

/** The same value, typed without brands. */
export const plain = <A>(value: A): Plain<A> => value as Plain<A>

/** A known user. */
export interface Person {
  readonly id: number
  readonly userType: string
  readonly nickname?: string | null | undefined
}

/** The viewer and the users they know. Without `me`, everything counts as received. */
export interface Viewer {
  readonly me: Person | undefined
  readonly users: { get(id: number): Person | undefined }
}

/** 0: sent by the viewer or their side; 1: received. */
export type Direction = 0 | 1

/** The kinds of messages that have a name. */
export type MessageName = Exclude<AnyMessageType, "Unknown">

/** The content of an image, a video or an attachment. */
export interface MediaContent extends Plain<Content.Media> {}

/** A channel's menu. */
export interface MenuContent extends Plain<Content.Menu> {}

/** A robot's structured answer. */
export interface RobotAnswerContent extends Plain<Content.RobotAnswer> {}

/** An order that a visitor shares. */
export interface OrderContent extends Plain<Content.Order> {}

/** Who joined a conversation. */
export interface ConversationBuiltContent extends Plain<Content.ConversationBuilt> {}

/** Which message was recalled. */
export interface MessageRecallContent extends Plain<Content.MessageRecall> {}

/** Why a conversation ended. */
export interface ConversationEndContent extends Plain<Content.ConversationEnd> {}

/** Who transferred a conversation to whom. */
export interface ConversationTransferContent extends Plain<Content.ConversationTransfer> {}

/** A visitor's rating. */
export interface CustomerRateContent extends Plain<Content.CustomerRate> {}

/** The content of each kind of message. */
export interface Contents {
  Text: string
  Image: MediaContent
  Video: MediaContent
  Attachment: MediaContent
  ChannelMenu: MenuContent
  RobotChitchatMessage: RobotAnswerContent | string
  RobotCanAnswerMessage: RobotAnswerContent | string
  RobotNotAnswerMessage: RobotAnswerContent | string
  RobotMayAnswerMessage: RobotAnswerContent | string
  FAQAnswerMessage: RobotAnswerContent | string
  OrderMessage: OrderContent | string
  StaffTimeoutMessage: unknown
  ManualServiceStart: unknown
  ConversationBuilt: ConversationBuiltContent
  MessageRecall: MessageRecallContent
  ConversationEnd: ConversationEndContent
  RateInvite: unknown
  RateInviteError: unknown
  StaffBusyEvent: unknown
  StaffOfflineEvent: unknown
  ConversationTransfer: ConversationTransferContent | null | undefined
  CustomerRate: CustomerRateContent | null | undefined
}

/** The content of a kind of message. */
export type ContentOf<Name extends MessageName> = Contents[Name]

/** The fields of every message. */
export interface MessageFields {
  /** 消息ID; 0 until the backend has acknowledged an own message. */
  id: number
  /** 发送者ID; 0 if the message names no sender. */
  fromId: number
  /** 发送者昵称; empty if the sender is unknown. */
  nickname: string
  /** 消息创建时间戳: as the backend sent it; milliseconds since 1970 in own messages. */
  createdAt: number
  /** 发送方向，0代表发出，1代表收到. For staff, messages of colleagues and robots count as sent. */
  direction: Direction
  /** 是否已读: whether the other side has read it. Set in place when it does. */
  isRead: boolean
  /** 会话ID. */
  conversationId: number
  /** Whether it is a system message. Absent from messages made by `buildMessage`. */
  isSystemMessage?: boolean
  /** Whether the backend recommends further questions. Absent from messages made by `buildMessage`. */
  hasRecommend?: boolean
}

/** A message of one kind. */
export interface MessageOf<Name extends MessageName> extends MessageFields {
  /** 消息类型. */
  messageType: Name
  /** 内容，文本消息为string，其他消息为Object，包含url，filename等信息. */
  content: ContentOf<Name>
}

/** A message as the old documentation types it: its content is not told apart by its type. */
export interface DocumentedMessage<Name extends MessageName = MessageName> extends Omit<MessageFields, "direction"> {
  messageType: Name
  content: unknown
  direction: number
}

/** A message of a kind that this version does not know. */
export interface NamelessMessage extends MessageFields {
  messageType: undefined
  content: unknown
}

/** A message as the app receives it, discriminated by `messageType`. */
export type ViewedMessage = { [Name in MessageName]: MessageOf<Name> }[MessageName] | NamelessMessage

/** A conversation as the app receives it. */
export interface ViewedConversation extends Without<Plain<Domain.Conversation>, "users" | "messages"> {
  /** The participants, by id. */
  users: { [id: number]: Plain<User> }
  /** A page of the latest messages, oldest first. */
  messages: Array<ViewedMessage>
  /** The number of unread messages in the page. */
  unreadCount: number
  /** Whether the viewer has not opened it yet. */
  isNew: boolean
}

const nameOfCode: ReadonlyMap<number, MessageName> = new Map(
  Object.entries(messageTypeCode).map(([name, code]) => [code, name as MessageName])
)

/** Whether a user is a visitor. */
export const isVisitor = (person: Person): boolean => person.userType === "CUSTOMER"

/** The name of a message's type; also if the content does not match the type. */
export const messageName = (message: Message): MessageName | undefined =>
  message.messageType === "Unknown" ? nameOfCode.get(message.typeCode) : message.messageType

/** The sender of a message, if known. */
export const senderOf = (message: Message, viewer: Viewer): Person | undefined => {
  const { fromId } = message
  if (fromId === null || fromId === undefined) return undefined
  return viewer.me?.id === fromId ? viewer.me : viewer.users.get(fromId)
}

/** Whether a message was sent or received. */
export const directionOf = (message: Message, viewer: Viewer): Direction => {
  const sender = senderOf(message, viewer)
  if (isSystemMessage(message) || sender === undefined || viewer.me === undefined) return 1
  return isVisitor(viewer.me) === isVisitor(sender) ? 0 : 1
}

/** A message's content, with the nickname and type of a known user that it names by id only. */
export const contentOf = (message: Message, viewer: Viewer): unknown => {
  const { content } = message
  if (!Predicate.hasProperty(content, "userId") || typeof content.userId !== "number") return content
  if (Predicate.hasProperty(content, "nickname") && Predicate.isNotNullish(content.nickname)) return content
  const user = viewer.me?.id === content.userId ? viewer.me : viewer.users.get(content.userId)
  return user === undefined ? content : { ...content, nickname: user.nickname, userType: user.userType }
}

/**
 * The message that the app receives: odd values as the backend sent them, ids as numbers. The content may not match the
 * type: see {@link messageName}.
 */
export const viewMessage = (message: Message, viewer: Viewer, isRead: boolean): ViewedMessage => {
  const came = original(message) as Message
  return {
    isSystemMessage: isSystemMessage(message),
    direction: directionOf(message, viewer),
    content: contentOf(came, viewer),
    isRead,
    id: message.id,
    fromId: came.fromId ?? 0,
    nickname: senderOf(message, viewer)?.nickname ?? "",
    messageType: messageName(message),
    createdAt: came.createdAt ?? 0,
    conversationId: message.conversationId,
    hasRecommend: came.hasRecommend ?? false
  } as ViewedMessage
}

const decodeMessage = lazyFunction(() => Schema.decodeUnknownOption(Message))

const digits = /^\d{1,15}$/

const numberOf = (raw: unknown): unknown => (typeof raw === "string" && digits.test(raw) ? Number(raw) : raw)

/**
 * The message that the app receives if the id or the conversation is missing or unusable: both are passed on as the
 * backend sent them, 0 if missing. Undefined if the type is missing, too.
 */
export const viewNameless = (
  raw: unknown,
  viewer: Viewer,
  isRead: (id: unknown) => boolean
): ViewedMessage | undefined => {
  if (!Predicate.isObject(raw)) return undefined
  const came = raw as { readonly [key: string]: unknown }
  const own = { id: numberOf(came["id"]) ?? 0, conversationId: numberOf(came["conversationId"]) ?? 0 }
  return Option.getOrUndefined(
    Option.map(
      decodeMessage({ ...raw, id: 1, conversation_id: 1, message_type: numberOf(came["messageType"]) }),
      (message) => ({ ...viewMessage(message, viewer, isRead(own.id)), ...own }) as ViewedMessage
    )
  )
}

/** The messages of a conversation, in order, including those without a usable id. */
const viewMessages = (
  { id, messages }: Domain.Conversation,
  viewer: Viewer,
  readUpTo: number
): Array<ViewedMessage> => {
  const viewed: Array<ViewedMessage | undefined> = messages.map((message) =>
    viewMessage(message, viewer, message.id <= readUpTo)
  )
  const skipped = skippedIn(messages)
  if (skipped?._tag !== "Elements") return viewed as Array<ViewedMessage>
  const view = (raw: unknown) => {
    const came = fromWire(raw)
    const isRead = (id: unknown) => typeof id === "number" && id <= readUpTo
    return viewNameless(Predicate.isObject(came) ? { conversationId: id, ...came } : came, viewer, isRead)
  }
  return (withSkipped(viewed, skipped, view) as typeof viewed).filter(Predicate.isNotUndefined)
}

/** Whether a robot is serving the conversation. */
export const isServedByRobot = ({ lastStaff, state }: Pick<Domain.Conversation, "lastStaff" | "state">): boolean =>
  state === "ACTIVE" && lastStaff?.userType === "ROBOT"

/** The other side of a conversation: its staff, or for staff the visitor. */
export const counterpartOf = (
  conversation: Pick<Domain.Conversation, "customer" | "lastStaff">,
  viewer: Viewer
): Person | undefined => {
  if (viewer.me === undefined) return undefined
  return (isVisitor(viewer.me) ? conversation.lastStaff : conversation.customer) ?? undefined
}

/** A user's read mark in a conversation; undefined if there is none. */
export const readMarkOf = (
  conversation: Pick<Domain.Conversation, "conversationsUser">,
  person: Person | undefined
): number | undefined =>
  person === undefined
    ? undefined
    : (conversation.conversationsUser.find((mark) => mark.userId === person.id)?.latestReadMessageId ?? undefined)

/** The counterpart's read mark; fetched messages up to it are read. */
export const readUpTo = (conversation: Domain.Conversation, viewer: Viewer): number =>
  isServedByRobot(conversation)
    ? Number.POSITIVE_INFINITY
    : (readMarkOf(conversation, counterpartOf(conversation, viewer)) ?? 0)

/** The number of received messages in the page after the viewer's read mark, also while a robot serves. */
export const unreadCountOf = (conversation: Domain.Conversation, viewer: Viewer): number => {
  const mark = readMarkOf(conversation, viewer.me) ?? 0
  let count = 0
  for (const message of conversation.messages) {
    if (message.id > mark && !isSystemMessage(message) && directionOf(message, viewer) === 1) count++
  }
  return count
}

/** The conversation that the app receives, odd values as the backend sent them. Its users count as known. */
export const viewConversation = (conversation: Domain.Conversation, viewer: Viewer): ViewedConversation => {
  const users = new Map<number, User>(conversation.users.map((user) => [user.id, user]))
  const inside: Viewer = { me: viewer.me, users: { get: (id) => users.get(id) ?? viewer.users.get(id) } }
  const read = readUpTo(conversation, inside)
  return {
    ...plain(original({ ...conversation, users: [], messages: [] }) as Domain.Conversation),
    users: plain(Object.fromEntries(conversation.users.map((user) => [user.id, original(user) as User]))),
    messages: viewMessages(conversation, inside, read),
    unreadCount: unreadCountOf(conversation, inside),
    isNew: (readMarkOf(conversation, inside.me) ?? 0) === 0 && conversation.state !== "FINISHED"
  }
}

/**
 * Messages: one union over all kinds, discriminated by `messageType`, each with the content of its kind.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { lazySchema } from "../codec/lazy.ts"
import * as Wire from "../codec/Wire.ts"
import { BlobId, ConversationId, MenuItemId, MessageId, UserId } from "./Id.ts"
import { UserType } from "./User.ts"

/**
 * The content of an image, a video or an attachment. `byteSize` is in bytes, `width` and `height` in pixels,
 * `duration` in seconds. Apart from `url` and `filename` the names of the fields are the sandbox's.
 *
 * @category content
 * @since 0.1.0
 */
export class Media extends Schema.Opaque<Media>()(
  lazySchema(() =>
    Wire.Struct({
      url: Schema.String,
      filename: Wire.Optional(Schema.String),
      contentType: Wire.Optional(Schema.String),
      byteSize: Wire.Optional(Schema.Int),
      width: Wire.Optional(Schema.Finite),
      height: Wire.Optional(Schema.Finite),
      duration: Wire.Optional(Schema.Finite),
      blobId: Wire.Optional(BlobId)
    })
  )
) {}

/**
 * An item of a channel menu, chosen with `Realtime.selectMenuItem`. Apart from `id` the shape is the sandbox's.
 *
 * @category content
 * @since 0.1.0
 */
export class MenuItem extends Schema.Opaque<MenuItem>()(
  lazySchema(() => Wire.Struct({ id: MenuItemId, title: Wire.Optional(Schema.String) }))
) {}

/**
 * A channel's menu. Apart from the items' ids the shape is the sandbox's.
 *
 * @category content
 * @since 0.1.0
 */
export class Menu extends Schema.Opaque<Menu>()(
  lazySchema(() => Wire.Struct({ title: Wire.Optional(Schema.String), items: Wire.List(MenuItem) }))
) {}

/**
 * A robot's structured answer. The shape is the sandbox's: `answer` to `question`; `candidates` lists other questions that
 * the visitor may have meant.
 *
 * @category content
 * @since 0.1.0
 */
export class RobotAnswer extends Schema.Opaque<RobotAnswer>()(
  lazySchema(() =>
    Wire.Struct({
      question: Wire.Optional(Schema.String),
      answer: Wire.Optional(Schema.String),
      candidates: Wire.Optional(Wire.Elements(Schema.String))
    })
  )
) {}

/**
 * An order that a visitor shares with the staff. The shape is the sandbox's.
 *
 * @category content
 * @since 0.1.0
 */
export class Order extends Schema.Opaque<Order>()(
  lazySchema(() =>
    Wire.Struct({
      orderNo: Wire.Optional(Schema.String),
      title: Wire.Optional(Schema.String),
      price: Wire.Optional(Schema.Finite),
      status: Wire.Optional(Schema.String),
      url: Wire.Optional(Schema.String)
    })
  )
) {}

/**
 * The participant who joined a conversation.
 *
 * @category content
 * @since 0.1.0
 */
export class ConversationBuilt extends Schema.Opaque<ConversationBuilt>()(
  lazySchema(() =>
    Wire.Struct({
      userId: Wire.Optional(UserId),
      nickname: Wire.Optional(Schema.String),
      userType: Wire.Optional(UserType)
    })
  )
) {}

/**
 * The message that was recalled.
 *
 * @category content
 * @since 0.1.0
 */
export class MessageRecall extends Schema.Opaque<MessageRecall>()(
  lazySchema(() => Wire.Struct({ messageId: MessageId }))
) {}

/**
 * Why a conversation ended: 1 the visitor closed it, 2 the staff closed it, 3 it timed out, 4 an administrator closed
 * it, 0 the backend gave no readable reason. Other numbers may appear.
 *
 * @category content
 * @since 0.1.0
 */
export class ConversationEnd extends Schema.Opaque<ConversationEnd>()(
  lazySchema(() => Wire.Struct({ reason: Wire.Default(Schema.Int, 0) }))
) {}

/**
 * Who transferred a conversation to whom. The shape is the sandbox's.
 *
 * @category content
 * @since 0.1.0
 */
export class ConversationTransfer extends Schema.Opaque<ConversationTransfer>()(
  lazySchema(() =>
    Wire.Struct({
      fromUserId: Wire.Optional(UserId),
      toUserId: Wire.Optional(UserId),
      nickname: Wire.Optional(Schema.String)
    })
  )
) {}

/**
 * A visitor's rating of the service. The shape is the sandbox's.
 *
 * @category content
 * @since 0.1.0
 */
export class CustomerRate extends Schema.Opaque<CustomerRate>()(
  lazySchema(() => Wire.Struct({ score: Wire.Optional(Schema.Finite), suggestion: Wire.Optional(Schema.String) }))
) {}

/**
 * The number on the wire of each named message type. Numbers from 100 on are system messages.
 *
 * @category constants
 * @since 0.1.0
 */
export const messageTypeCode = {
  Text: 1,
  Image: 2,
  Video: 3,
  Attachment: 4,
  ChannelMenu: 5,
  RobotChitchatMessage: 6,
  RobotCanAnswerMessage: 7,
  RobotNotAnswerMessage: 8,
  RobotMayAnswerMessage: 9,
  FAQAnswerMessage: 10,
  OrderMessage: 11,
  StaffTimeoutMessage: 12,
  ManualServiceStart: 101,
  ConversationBuilt: 102,
  MessageRecall: 103,
  ConversationEnd: 104,
  RateInvite: 105,
  RateInviteError: 106,
  StaffBusyEvent: 107,
  StaffOfflineEvent: 108,
  ConversationTransfer: 109,
  CustomerRate: 110
} as const

const none = lazySchema(() => Schema.optionalKey(Wire.Free))

const base = {
  // Without a name of its own a message can neither be ordered nor told from others: 0 is none.
  id: MessageId.check(Schema.isGreaterThan(0)),
  fromId: Wire.Optional(UserId),
  conversationId: ConversationId,
  createdAt: Wire.Optional(Wire.Time),
  hasRecommend: Wire.Optional(Schema.Boolean)
}

const kind = <const Name extends keyof typeof messageTypeCode, Content extends Schema.Constraint>(
  name: Name,
  content: Content
) => Wire.Named({ ...base, messageType: Wire.Code(messageTypeCode[name], name), content })

/**
 * A plain text message from a person.
 *
 * @category kinds
 * @since 0.1.0
 */
export class TextMessage extends Schema.Opaque<TextMessage>()(lazySchema(() => kind("Text", Schema.String))) {}

/**
 * An image.
 *
 * @category kinds
 * @since 0.1.0
 */
export class ImageMessage extends Schema.Opaque<ImageMessage>()(lazySchema(() => kind("Image", Wire.OrJson(Media)))) {}

/**
 * A video.
 *
 * @category kinds
 * @since 0.1.0
 */
export class VideoMessage extends Schema.Opaque<VideoMessage>()(lazySchema(() => kind("Video", Wire.OrJson(Media)))) {}

/**
 * A file.
 *
 * @category kinds
 * @since 0.1.0
 */
export class AttachmentMessage extends Schema.Opaque<AttachmentMessage>()(
  lazySchema(() => kind("Attachment", Wire.OrJson(Media)))
) {}

/**
 * The channel menu, sent by a robot.
 *
 * @category kinds
 * @since 0.1.0
 */
export class ChannelMenuMessage extends Schema.Opaque<ChannelMenuMessage>()(
  lazySchema(() => kind("ChannelMenu", Wire.OrJson(Menu)))
) {}

/**
 * Small talk from a robot.
 *
 * @category kinds
 * @since 0.1.0
 */
export class RobotChitchatMessage extends Schema.Opaque<RobotChitchatMessage>()(
  lazySchema(() => kind("RobotChitchatMessage", Wire.OrText(RobotAnswer)))
) {}

/**
 * A robot's answer.
 *
 * @category kinds
 * @since 0.1.0
 */
export class RobotCanAnswerMessage extends Schema.Opaque<RobotCanAnswerMessage>()(
  lazySchema(() => kind("RobotCanAnswerMessage", Wire.OrText(RobotAnswer)))
) {}

/**
 * A robot's reply when it has no answer.
 *
 * @category kinds
 * @since 0.1.0
 */
export class RobotNotAnswerMessage extends Schema.Opaque<RobotNotAnswerMessage>()(
  lazySchema(() => kind("RobotNotAnswerMessage", Wire.OrText(RobotAnswer)))
) {}

/**
 * A robot's list of questions that the visitor may have meant.
 *
 * @category kinds
 * @since 0.1.0
 */
export class RobotMayAnswerMessage extends Schema.Opaque<RobotMayAnswerMessage>()(
  lazySchema(() => kind("RobotMayAnswerMessage", Wire.OrText(RobotAnswer)))
) {}

/**
 * The answer to a frequently asked question.
 *
 * @category kinds
 * @since 0.1.0
 */
export class FaqAnswerMessage extends Schema.Opaque<FaqAnswerMessage>()(
  lazySchema(() => kind("FAQAnswerMessage", Wire.OrText(RobotAnswer)))
) {}

/**
 * An order that the visitor shares.
 *
 * @category kinds
 * @since 0.1.0
 */
export class OrderMessage extends Schema.Opaque<OrderMessage>()(
  lazySchema(() => kind("OrderMessage", Wire.OrText(Order)))
) {}

/**
 * The staff did not answer the visitor in time.
 *
 * @category kinds
 * @since 0.1.0
 */
export class StaffTimeoutMessage extends Schema.Opaque<StaffTimeoutMessage>()(
  lazySchema(() => kind("StaffTimeoutMessage", none))
) {}

/**
 * A staff member takes over.
 *
 * @category kinds
 * @since 0.1.0
 */
export class ManualServiceStartMessage extends Schema.Opaque<ManualServiceStartMessage>()(
  lazySchema(() => kind("ManualServiceStart", none))
) {}

/**
 * A participant joined the conversation.
 *
 * @category kinds
 * @since 0.1.0
 */
export class ConversationBuiltMessage extends Schema.Opaque<ConversationBuiltMessage>()(
  lazySchema(() => kind("ConversationBuilt", Wire.OrJson(ConversationBuilt)))
) {}

/**
 * A message was recalled.
 *
 * @category kinds
 * @since 0.1.0
 */
export class MessageRecallMessage extends Schema.Opaque<MessageRecallMessage>()(
  lazySchema(() => kind("MessageRecall", Wire.OrJson(MessageRecall)))
) {}

/**
 * The conversation ended.
 *
 * @category kinds
 * @since 0.1.0
 */
export class ConversationEndMessage extends Schema.Opaque<ConversationEndMessage>()(
  lazySchema(() => kind("ConversationEnd", Wire.Default(Wire.OrJson(ConversationEnd), { reason: 0 })))
) {}

/**
 * The visitor is invited to rate.
 *
 * @category kinds
 * @since 0.1.0
 */
export class RateInviteMessage extends Schema.Opaque<RateInviteMessage>()(lazySchema(() => kind("RateInvite", none))) {}

/**
 * The invitation to rate failed.
 *
 * @category kinds
 * @since 0.1.0
 */
export class RateInviteErrorMessage extends Schema.Opaque<RateInviteErrorMessage>()(
  lazySchema(() => kind("RateInviteError", none))
) {}

/**
 * All staff are busy; the visitor waits in the queue.
 *
 * @category kinds
 * @since 0.1.0
 */
export class StaffBusyMessage extends Schema.Opaque<StaffBusyMessage>()(
  lazySchema(() => kind("StaffBusyEvent", none))
) {}

/**
 * No staff are online; the visitor waits in the queue.
 *
 * @category kinds
 * @since 0.1.0
 */
export class StaffOfflineMessage extends Schema.Opaque<StaffOfflineMessage>()(
  lazySchema(() => kind("StaffOfflineEvent", none))
) {}

/**
 * The conversation was transferred.
 *
 * @category kinds
 * @since 0.1.0
 */
export class ConversationTransferMessage extends Schema.Opaque<ConversationTransferMessage>()(
  lazySchema(() => kind("ConversationTransfer", Schema.optionalKey(Schema.NullOr(Wire.OrJson(ConversationTransfer)))))
) {}

/**
 * The visitor gave a rating.
 *
 * @category kinds
 * @since 0.1.0
 */
export class CustomerRateMessage extends Schema.Opaque<CustomerRateMessage>()(
  lazySchema(() => kind("CustomerRate", Schema.optionalKey(Schema.NullOr(Wire.OrJson(CustomerRate)))))
) {}

/**
 * A message of an unknown type, or whose content does not match its type: `typeCode` is the number on the wire, `content`
 * the content as it came, keys converted.
 *
 * @category schemas
 * @since 0.1.0
 */
export class UnknownMessage extends Schema.Opaque<UnknownMessage>()(
  lazySchema(() =>
    Wire.Named(
      { ...base, messageType: Schema.Literal("Unknown"), typeCode: Schema.Int, content: none },
      { names: { messageType: undefined, typeCode: "message_type" } }
    )
  )
) {}

/**
 * A message of a conversation, from a person, from a robot or from the system.
 *
 * **Details**
 *
 * `createdAt` is in milliseconds since 1970. Very old servers send the content of non-text messages as a JSON string, which
 * is accepted. An unknown type, or content that does not match its type, gives `messageType: "Unknown"` with the type's
 * number in `typeCode` and the content as it came. Only the id, the conversation and the type are required; other fields
 * that do not match are left out, and `Odd.oddOf` returns their raw values.
 *
 * **Example** (Handling message types)
 *
 * ```ts
 * import { Message } from "effect-kefu/domain/Message"
 *
 * const preview = (message: Message) => {
 *   switch (message.messageType) {
 *     case "Text":
 *       return message.content
 *     case "Image":
 *       return `[image] ${message.content.url}`
 *     default:
 *       return `[${message.messageType}]`
 *   }
 * }
 * ```
 *
 * @category schemas
 * @since 0.1.0
 */
export const Message = lazySchema(() =>
  Schema.Union([
    Schema.Union([
      TextMessage,
      ImageMessage,
      VideoMessage,
      AttachmentMessage,
      ChannelMenuMessage,
      RobotChitchatMessage,
      RobotCanAnswerMessage,
      RobotNotAnswerMessage,
      RobotMayAnswerMessage,
      FaqAnswerMessage,
      OrderMessage,
      StaffTimeoutMessage,
      ManualServiceStartMessage,
      ConversationBuiltMessage,
      MessageRecallMessage,
      ConversationEndMessage,
      RateInviteMessage,
      RateInviteErrorMessage,
      StaffBusyMessage,
      StaffOfflineMessage,
      ConversationTransferMessage,
      CustomerRateMessage
    ]),
    UnknownMessage
  ]).pipe(Schema.toTaggedUnion("messageType"), Wire.discriminatedBy("message_type"))
)

/**
 * A message of a conversation, discriminated by `messageType`.
 *
 * @category models
 * @since 0.1.0
 */
export type Message = typeof Message.Type

/**
 * The name of a message type; `Unknown` stands for every number without a name.
 *
 * @category models
 * @since 0.1.0
 */
export type MessageType = Message["messageType"]

/**
 * Whether a message comes from the system rather than from a person or a robot; also decides for unknown types.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isSystemMessage = (message: Message): boolean =>
  (message.messageType === "Unknown" ? message.typeCode : messageTypeCode[message.messageType]) >= 100

/**
 * The message types that a client may send, each with its content.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Draft = lazySchema(() =>
  Schema.Union([
    Schema.Struct({ messageType: Schema.tag("Text"), content: Schema.String }),
    Schema.Struct({ messageType: Schema.Literals(["Image", "Video", "Attachment"]), content: Media }),
    Schema.Struct({ messageType: Schema.tag("FAQAnswerMessage"), content: Schema.Union([RobotAnswer, Schema.String]) }),
    Schema.Struct({ messageType: Schema.tag("OrderMessage"), content: Schema.Union([Order, Schema.String]) })
  ])
)

/**
 * A message that a client may send, discriminated by `messageType`.
 *
 * @category models
 * @since 0.1.0
 */
export type Draft = (typeof Draft)["Type"]

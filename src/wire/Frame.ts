/**
 * Frames of the WebSocket, in both directions, one JSON object each.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { lazySchema } from "../codec/lazy.ts"
import { ConversationId, MenuItemId, MessageId, UserId } from "../domain/Id.ts"
import { Media, Message, messageTypeCode, Order, RobotAnswer } from "../domain/Message.ts"
import * as Wire from "../codec/Wire.ts"

/**
 * The number on the wire of each frame type.
 *
 * @category constants
 * @since 0.1.0
 */
export const eventTypeCode = {
  Message: 101,
  MessageBatch: 102,
  Ack: 103,
  Read: 104,
  Inputting: 105,
  Ping: 201,
  CloseConversation: 202,
  Recall: 203,
  InviteRate: 204,
  SelectMenuItem: 205,
  MultipleLogin: 301
} as const

const eventType = <const Name extends keyof typeof eventTypeCode>(name: Name) => Wire.Code(eventTypeCode[name], name)

/**
 * The ack of one of the client's frames; `messageId` is present for sent messages only.
 *
 * @category server
 * @since 0.1.0
 */
export class AckPayload extends Schema.Opaque<AckPayload>()(
  lazySchema(() => Wire.Struct({ sequenceId: Schema.Int, messageId: Wire.Optional(MessageId) }))
) {}

/**
 * The other side has read every message up to `messageId`.
 *
 * @category server
 * @since 0.1.0
 */
export class ReadPayload extends Schema.Opaque<ReadPayload>()(
  lazySchema(() => Wire.Struct({ messageId: MessageId, conversationId: ConversationId }))
) {}

/**
 * The other side is typing; `content` is the draft so far.
 *
 * @category server
 * @since 0.1.0
 */
export class InputtingPayload extends Schema.Opaque<InputtingPayload>()(
  lazySchema(() => Wire.Struct({ content: Wire.Optional(Schema.String), conversationId: ConversationId }))
) {}

/**
 * A message, live.
 *
 * @category server
 * @since 0.1.0
 */
export class MessageFrame extends Schema.Opaque<MessageFrame>()(
  lazySchema(() => Wire.Struct({ eventType: eventType("Message"), payload: Message }))
) {}

/**
 * Several messages at once, from older servers. `Odd.skippedOf(payload)` returns those that could not be decoded.
 *
 * @category server
 * @since 0.1.0
 */
export class MessageBatchFrame extends Schema.Opaque<MessageBatchFrame>()(
  lazySchema(() => Wire.Struct({ eventType: eventType("MessageBatch"), payload: Wire.Elements(Message) }))
) {}

/**
 * The ack of one of the client's frames.
 *
 * @category server
 * @since 0.1.0
 */
export class AckFrame extends Schema.Opaque<AckFrame>()(
  lazySchema(() => Wire.Struct({ eventType: eventType("Ack"), payload: AckPayload }))
) {}

/**
 * The other side has read.
 *
 * @category server
 * @since 0.1.0
 */
export class ReadFrame extends Schema.Opaque<ReadFrame>()(
  lazySchema(() => Wire.Struct({ eventType: eventType("Read"), payload: ReadPayload }))
) {}

/**
 * The other side is typing.
 *
 * @category server
 * @since 0.1.0
 */
export class InputtingFrame extends Schema.Opaque<InputtingFrame>()(
  lazySchema(() => Wire.Struct({ eventType: eventType("Inputting"), payload: InputtingPayload }))
) {}

/**
 * The account has logged in elsewhere.
 *
 * @category server
 * @since 0.1.0
 */
export class MultipleLoginFrame extends Schema.Opaque<MultipleLoginFrame>()(
  lazySchema(() => Wire.Struct({ eventType: eventType("MultipleLogin"), payload: Schema.optionalKey(Wire.Free) }))
) {}

/**
 * A frame of an unknown type, or whose payload does not match its type: `eventTypeCode` is the number on the wire,
 * `payload` the payload as it came, keys converted.
 *
 * @category server
 * @since 0.1.0
 */
export class UnknownFrame extends Schema.Opaque<UnknownFrame>()(
  lazySchema(() =>
    Wire.Struct(
      { eventType: Schema.Literal("Unknown"), eventTypeCode: Schema.Int, payload: Schema.optionalKey(Wire.Free) },
      { names: { eventType: undefined, eventTypeCode: "event_type" } }
    )
  )
) {}

/**
 * A frame from the server.
 *
 * @category server
 * @since 0.1.0
 */
export const ServerFrame = lazySchema(() =>
  Schema.Union([
    Schema.Union([MessageFrame, MessageBatchFrame, AckFrame, ReadFrame, InputtingFrame, MultipleLoginFrame]),
    UnknownFrame
  ]).pipe(Schema.toTaggedUnion("eventType"), Wire.discriminatedBy("event_type"))
)

/**
 * A frame from the server, discriminated by `eventType`.
 *
 * @category server
 * @since 0.1.0
 */
export type ServerFrame = typeof ServerFrame.Type

/** An id is sent as the caller has it, a text as well: what it names, the backend knows. */
const id = <S extends Schema.Codec<number>>(schema: S) => Wire.Given(schema)

const sendable = <const Name extends keyof typeof messageTypeCode, Content extends Schema.Constraint>(
  name: Name,
  content: Content
) =>
  Wire.Input({
    messageType: Wire.Code(messageTypeCode[name], name),
    content: Wire.Given(content),
    toId: Schema.optional(id(UserId))
  })

/**
 * An outgoing message; `toId` is its recipient. The wire has neither a conversation id nor a client message id.
 *
 * @category client
 * @since 0.1.0
 */
export const SendPayload = lazySchema(() =>
  Schema.Union([
    sendable("Text", Schema.String),
    sendable("Image", Media),
    sendable("Video", Media),
    sendable("Attachment", Media),
    sendable("FAQAnswerMessage", Schema.Union([RobotAnswer, Schema.String])),
    sendable("OrderMessage", Schema.Union([Order, Schema.String]))
  ])
)

/**
 * An outgoing message, discriminated by `messageType`.
 *
 * @category client
 * @since 0.1.0
 */
export type SendPayload = (typeof SendPayload)["Type"]

const frame = <const Name extends keyof typeof eventTypeCode, Payload extends Schema.Constraint>(
  name: Name,
  payload: Payload
) => Wire.Input({ sequenceId: Schema.Int, eventType: eventType(name), payload })

/**
 * A frame from the client. `sequenceId` starts at 1, grows by 1 with every frame, pings included, and continues across
 * reconnects.
 *
 * @category client
 * @since 0.1.0
 */
export const ClientFrame = lazySchema(() =>
  Schema.Union([
    frame("Message", SendPayload),
    frame("Read", Wire.Input({ messageId: id(MessageId) })),
    frame(
      "Inputting",
      Wire.Input({
        content: Wire.Given(Schema.String),
        conversationId: id(ConversationId),
        toId: Schema.optional(id(UserId))
      })
    ),
    frame("Ping", Schema.Literal("ping")),
    frame("CloseConversation", Wire.Input({ conversationId: id(ConversationId) })),
    frame("Recall", Wire.Input({ messageId: id(MessageId) })),
    frame("InviteRate", Wire.Input({ userId: id(UserId) })),
    frame("SelectMenuItem", Wire.Input({ menuItemId: id(MenuItemId) }))
  ]).pipe(Schema.toTaggedUnion("eventType"))
)

/**
 * A frame from the client, discriminated by `eventType`.
 *
 * @category client
 * @since 0.1.0
 */
export type ClientFrame = typeof ClientFrame.Type

/**
 * {@link ServerFrame} as the text of a WebSocket message.
 *
 * @category server
 * @since 0.1.0
 */
export const ServerFrameJson = lazySchema(() => Wire.Json(ServerFrame))

/**
 * {@link ClientFrame} as the text of a WebSocket message.
 *
 * @category client
 * @since 0.1.0
 */
export const ClientFrameJson = lazySchema(() => Wire.Json(ClientFrame))

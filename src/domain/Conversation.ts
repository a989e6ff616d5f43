/**
 * Conversations between a visitor and the robot or the staff.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { lazySchema } from "../codec/lazy.ts"
import * as Query from "../codec/Query.ts"
import * as Wire from "../codec/Wire.ts"
import { ConversationId, MessageId, SubChannelId, UserId } from "./Id.ts"
import { Message } from "./Message.ts"
import { User } from "./User.ts"

const states = ["ACTIVE", "PENDING", "FINISHED"] as const

/**
 * The state of a conversation: being served (by staff or a robot), waiting for staff, or ended. It is empty where the
 * backend sent none, or one that this version does not know, which `Odd.oddOf` returns.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ConversationState = Schema.Literals([...states, ""])

/**
 * The state of a conversation.
 *
 * @category models
 * @since 0.1.0
 */
export type ConversationState = typeof ConversationState.Type

/**
 * How far a participant has read: every message with an id up to `latestReadMessageId`.
 *
 * @category schemas
 * @since 0.1.0
 */
export class ReadMark extends Schema.Opaque<ReadMark>()(
  lazySchema(() => Wire.Struct({ userId: UserId, latestReadMessageId: Wire.Optional(MessageId) }))
) {}

/**
 * A conversation, with a page of its latest messages.
 *
 * **Details**
 *
 * `lastStaff` is null while nobody serves it. `users` are all who took part, `conversationsUser` their read marks. The
 * fields up to `messages` are the backend's; `subChannelId`, `remark`, `endReason` and the times (milliseconds since
 * 1970) are the sandbox's.
 *
 * **Gotchas**
 *
 * A backend may limit `messages` to the latest few; an empty list does not mean that the conversation is empty.
 * `Odd.skippedOf(messages)` returns those that could not be decoded.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Conversation extends Schema.Opaque<Conversation>()(
  lazySchema(() =>
    Wire.Struct(
      {
        id: ConversationId,
        state: Wire.Default(ConversationState, ""),
        customer: Wire.Optional(User),
        lastStaff: Wire.Optional(User),
        users: Wire.List(User),
        conversationsUser: Wire.List(ReadMark),
        messages: Wire.List(Message),
        subChannelId: Wire.Optional(SubChannelId),
        remark: Wire.Optional(Schema.String),
        endReason: Wire.Optional(Schema.Int),
        createdAt: Wire.Optional(Wire.Time),
        updatedAt: Wire.Optional(Wire.Time)
      },
      { inherited: { messages: ["conversation_id", "id"] } }
    )
  )
) {}

/**
 * A page of conversations. `total`, `page` and `limit` are the sandbox's.
 *
 * @category schemas
 * @since 0.1.0
 */
export class ConversationPage extends Schema.Opaque<ConversationPage>()(
  lazySchema(() =>
    Wire.Struct({
      conversations: Wire.List(Conversation),
      total: Wire.Optional(Schema.Int),
      page: Wire.Optional(Schema.Int),
      limit: Wire.Optional(Schema.Int)
    })
  )
) {}

/**
 * Filters of the conversation list: `page` counts from 1, `beginAt` and `endAt` bound the time of creation (in the
 * sandbox milliseconds since 1970, inclusive), `search` looks into messages and names.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ConversationQuery = lazySchema(() =>
  Query.Struct({
    state: Wire.Optional(Wire.Open(states)),
    page: Wire.Optional(Query.NumberFromString),
    limit: Wire.Optional(Query.NumberFromString),
    search: Wire.Optional(Schema.String),
    beginAt: Wire.Optional(Query.NumberFromString),
    endAt: Wire.Optional(Query.NumberFromString),
    order: Wire.Optional(Wire.Open(["DESC", "ASC"])),
    customerId: Wire.Optional(Query.NumberFromString.pipe(Schema.decodeTo(UserId))),
    showAll: Wire.Optional(Query.BooleanFromString)
  })
)

/**
 * Filters of the conversation list, as {@link ConversationQuery} decodes them: other values and other filters may appear.
 *
 * @category models
 * @since 0.1.0
 */
export type DecodedConversationQuery = (typeof ConversationQuery)["Type"]

/**
 * Filters of the conversation list. A misspelt one does not compile.
 *
 * @category models
 * @since 0.1.0
 */
export type ConversationQuery = {
  readonly state?: "ACTIVE" | "PENDING" | "FINISHED" | null | undefined
  readonly page?: number | null | undefined
  readonly limit?: number | null | undefined
  readonly search?: string | null | undefined
  readonly beginAt?: number | null | undefined
  readonly endAt?: number | null | undefined
  readonly order?: "DESC" | "ASC" | null | undefined
  readonly customerId?: UserId | null | undefined
  readonly showAll?: boolean | null | undefined
}

/**
 * Asks for a conversation: a visitor for one of their own, staff for one with a customer from the history. The shape is
 * the sandbox's; other fields pass through.
 *
 * @category schemas
 * @since 0.1.0
 */
export class ConversationRequest extends Schema.Opaque<ConversationRequest>()(
  lazySchema(() =>
    Wire.Input({
      customerId: Schema.optional(UserId),
      conversationId: Schema.optional(ConversationId),
      subChannelId: Schema.optional(SubChannelId)
    })
  )
) {}

/**
 * Changes a conversation's remark. The shape is the sandbox's; other fields pass through.
 *
 * @category schemas
 * @since 0.1.0
 */
export class ConversationUpdate extends Schema.Opaque<ConversationUpdate>()(
  lazySchema(() => Wire.Input({ remark: Schema.optional(Schema.String) }))
) {}

/**
 * The staff member who receives a transferred conversation. The shape is the sandbox's; other fields pass through.
 *
 * @category schemas
 * @since 0.1.0
 */
export class TransferRequest extends Schema.Opaque<TransferRequest>()(
  lazySchema(() => Wire.Input({ userId: Schema.optional(UserId) }))
) {}

/**
 * What to export: conversations by id, or all that the filters match. Times are in milliseconds since 1970. The shape
 * is the sandbox's; other fields pass through.
 *
 * @category schemas
 * @since 0.1.0
 */
export class ExportRequest extends Schema.Opaque<ExportRequest>()(
  lazySchema(() =>
    Wire.Input({
      conversationIds: Schema.optional(Schema.Array(ConversationId)),
      beginAt: Schema.optional(Schema.Finite),
      endAt: Schema.optional(Schema.Finite),
      search: Schema.optional(Schema.String)
    })
  )
) {}

/**
 * The URL of an export and the number of conversations in it. The shape is the sandbox's.
 *
 * @category schemas
 * @since 0.1.0
 */
export class ExportResult extends Schema.Opaque<ExportResult>()(
  lazySchema(() => Wire.Struct({ url: Wire.Optional(Schema.String), count: Wire.Optional(Schema.Int) }))
) {}

/**
 * The number of conversations in each state. The shape is the sandbox's.
 *
 * @category schemas
 * @since 0.1.0
 */
export class ConversationCount extends Schema.Opaque<ConversationCount>()(
  lazySchema(() =>
    Wire.Struct({
      total: Wire.Optional(Schema.Int),
      active: Wire.Optional(Schema.Int),
      pending: Wire.Optional(Schema.Int),
      finished: Wire.Optional(Schema.Int)
    })
  )
) {}

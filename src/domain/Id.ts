/**
 * The backend's identifiers: integers, branded so that one kind never stands in for another.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * Identifies a user: a visitor, a member of staff, an administrator or a robot.
 *
 * @category schemas
 * @since 0.1.0
 */
export const UserId = Schema.Int.pipe(Schema.brand("UserId"))

/**
 * The identifier of a user.
 *
 * @category models
 * @since 0.1.0
 */
export type UserId = typeof UserId.Type

/**
 * Identifies a conversation.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ConversationId = Schema.Int.pipe(Schema.brand("ConversationId"))

/**
 * The identifier of a conversation.
 *
 * @category models
 * @since 0.1.0
 */
export type ConversationId = typeof ConversationId.Type

/**
 * Identifies a message; ids grow within the backend, so the greater one is the later one.
 *
 * @category schemas
 * @since 0.1.0
 */
export const MessageId = Schema.Int.pipe(Schema.brand("MessageId"))

/**
 * The identifier of a message.
 *
 * @category models
 * @since 0.1.0
 */
export type MessageId = typeof MessageId.Type

/**
 * Identifies an item of a channel menu.
 *
 * @category schemas
 * @since 0.1.0
 */
export const MenuItemId = Schema.Int.pipe(Schema.brand("MenuItemId"))

/**
 * The identifier of an item of a channel menu.
 *
 * @category models
 * @since 0.1.0
 */
export type MenuItemId = typeof MenuItemId.Type

/**
 * Identifies a tag on a customer.
 *
 * @category schemas
 * @since 0.1.0
 */
export const TagId = Schema.Int.pipe(Schema.brand("TagId"))

/**
 * The identifier of a tag on a customer.
 *
 * @category models
 * @since 0.1.0
 */
export type TagId = typeof TagId.Type

/**
 * Identifies a tag that a visitor may attach to a rating.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RatingTagId = Schema.Int.pipe(Schema.brand("RatingTagId"))

/**
 * The identifier of a tag on a rating.
 *
 * @category models
 * @since 0.1.0
 */
export type RatingTagId = typeof RatingTagId.Type

/**
 * Identifies a quick reply (a "common word" of the backend).
 *
 * @category schemas
 * @since 0.1.0
 */
export const QuickReplyId = Schema.Int.pipe(Schema.brand("QuickReplyId"))

/**
 * The identifier of a quick reply.
 *
 * @category models
 * @since 0.1.0
 */
export type QuickReplyId = typeof QuickReplyId.Type

/**
 * Identifies a sub-channel: the entrance through which a visitor came.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SubChannelId = Schema.Int.pipe(Schema.brand("SubChannelId"))

/**
 * The identifier of a sub-channel.
 *
 * @category models
 * @since 0.1.0
 */
export type SubChannelId = typeof SubChannelId.Type

/**
 * Identifies a group of frequently asked questions.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FaqGroupId = Schema.Int.pipe(Schema.brand("FaqGroupId"))

/**
 * The identifier of a group of frequently asked questions.
 *
 * @category models
 * @since 0.1.0
 */
export type FaqGroupId = typeof FaqGroupId.Type

/**
 * Identifies an uploaded file. Its shape is the backend's own (seen as a number and as a string).
 *
 * @category schemas
 * @since 0.1.0
 */
export const BlobId = Schema.Union([Schema.Int, Schema.String])

/**
 * The identifier of an uploaded file.
 *
 * @category models
 * @since 0.1.0
 */
export type BlobId = typeof BlobId.Type

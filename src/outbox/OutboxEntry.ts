/**
 * The drafts and entries of the outbox.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { ConversationId, MessageId, UserId } from "../domain/Id.ts"
import type { Draft, Media } from "../domain/Message.ts"
import type { OutboxState } from "./OutboxState.ts"
import type { UploadSource } from "../rest/UploadApi.ts"

/**
 * Identifies an entry of the outbox, also after a restart.
 *
 * @category schemas
 * @since 0.1.0
 */
export const OutboxKey = Schema.String.pipe(Schema.brand("OutboxKey"))

/**
 * The identifier of an entry of the outbox.
 *
 * @category models
 * @since 0.1.0
 */
export type OutboxKey = typeof OutboxKey.Type

/**
 * An image, a video or an attachment whose file the outbox uploads. `content` adds fields to those of the upload (`url`,
 * `filename`, `contentType`, `byteSize`, `blobId`).
 *
 * @category models
 * @since 0.1.0
 */
export interface FileDraft {
  readonly messageType: "Image" | "Video" | "Attachment"
  readonly file: UploadSource
  readonly content?: Partial<Media> | undefined
}

/**
 * A message to send.
 *
 * **Details**
 *
 * `conversationId` names the history that decides the outcome after a lost connection; it is not sent. A visitor who has
 * no conversation yet omits it. `toId` is the recipient: staff name the visitor, or the conversation that has one.
 *
 * @category models
 * @since 0.1.0
 */
export type OutboxDraft = {
  readonly conversationId?: ConversationId | undefined
  readonly toId?: UserId | undefined
} & ((Draft & { readonly file?: undefined }) | FileDraft)

/**
 * Options of one send.
 *
 * @category options
 * @since 0.1.0
 */
export interface SendOptions {
  /**
   * The key of the entry, which no other send of the account has ever had. If the outbox remembers a send with this key, it
   * is given in place of a new one. Default: a new key.
   */
  readonly key?: OutboxKey | undefined
}

/**
 * A send at one moment.
 *
 * **Details**
 *
 * After an upload, `draft` holds the content in place of the file. `enqueuedAt`, in milliseconds since 1970, is the time
 * of the call or of the last `retry`.
 *
 * @category models
 * @since 0.1.0
 */
export interface OutboxEntry {
  readonly key: OutboxKey
  readonly draft: OutboxDraft
  readonly enqueuedAt: number
  readonly state: OutboxState
}

/**
 * A send that arrived, as message `id`.
 *
 * @category models
 * @since 0.1.0
 */
export interface SentEntry extends OutboxEntry {
  readonly id: MessageId
}

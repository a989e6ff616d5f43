/**
 * What the outbox holds: drafts, and what has become of them.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { ConversationId, MessageId, UserId } from "../domain/Id.ts"
import type { Draft, Media } from "../domain/Message.ts"
import type { OutboxState } from "./OutboxState.ts"
import type { UploadSource } from "../rest/UploadApi.ts"

/**
 * Identifies an entry of the outbox, over restarts too.
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
 * An image, a video or an attachment whose file is still to be uploaded. `content` is what to tell of it besides what
 * the upload gives (`url`, `filename`, `contentType`, `byteSize`, `blobId`).
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
 * `conversationId` says in which order it goes and where its fate is read if the connection is lost; the wire does not
 * know it. A visitor who has no conversation yet leaves it out. `toId` is whom the message is for: staff name the
 * visitor.
 *
 * @category models
 * @since 0.1.0
 */
export type OutboxDraft = {
  readonly conversationId?: ConversationId | undefined
  readonly toId?: UserId | undefined
} & ((Draft & { readonly file?: undefined }) | FileDraft)

/**
 * A send at one moment.
 *
 * **Details**
 *
 * `draft` is what is sent; once a file is uploaded its content takes the file's place. `enqueuedAt` is in milliseconds
 * since 1970 and counts from the last `retry`.
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

/**
 * The calls of the REST API, by group: what is asked for, and the schemas of what is sent and answered. The client calls
 * them; `Api` declares them to the server and its description, with the errors.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { lazy, lazySchema } from "../codec/lazy.ts"
import * as Query from "../codec/Query.ts"
import * as Wire from "../codec/Wire.ts"
import { SubChannel } from "../domain/Channel.ts"
import {
  Conversation,
  ConversationCount,
  ConversationPage,
  ConversationQuery,
  ConversationRequest,
  ConversationUpdate,
  ExportRequest,
  ExportResult,
  TransferRequest
} from "../domain/Conversation.ts"
import { FaqQuery, Faqs, SuggestionQuery, Suggestions } from "../domain/Faq.ts"
import { ConversationId, MessageId, QuickReplyId, SubChannelId, TagId, UserId } from "../domain/Id.ts"
import { PendingCount, PendingPosition } from "../domain/PendingQueue.ts"
import { QuickReplies, QuickReply, QuickReplyInput } from "../domain/QuickReply.ts"
import { RatingInput, RatingReceipt, Ratings } from "../domain/Rating.ts"
import { NewTag, Tag } from "../domain/Tag.ts"
import { AnonymousToken } from "../domain/Token.ts"
import { PresignedUrl, PresignRequest } from "../domain/Upload.ts"
import { ProfileUpdate, TransferTargets, User } from "../domain/User.ts"
import { VisitInfo } from "../domain/Visit.ts"

/**
 * The schemas of a call. `params` are the ids in its path, `payload` is its body as JSON.
 *
 * @category models
 * @since 0.1.0
 */
export interface Schemas {
  readonly params?: Schema.Codec<unknown, { readonly [name: string]: string }>
  readonly query?: Schema.Codec<unknown, { readonly [name: string]: string | ReadonlyArray<string> }>
  readonly payload?: Schema.Codec<unknown, unknown>
  readonly success: Schema.Codec<unknown, unknown>
}

/**
 * One call. `path` begins with `/api/v1`, and has the names of `params` behind colons.
 *
 * @category models
 * @since 0.1.0
 */
export interface Endpoint<S extends Schemas = Schemas, Path extends string = string> {
  readonly method: "GET" | "POST" | "PUT" | "DELETE"
  readonly path: Path
  readonly schemas: S
}

const of =
  (method: Endpoint["method"]) =>
  <const Path extends string, const S extends Schemas>(
    path: Path,
    schemas: () => S
  ): Endpoint<S, `/api/v1${Path}`> => ({ method, path: `/api/v1${path}`, schemas: lazy(schemas) })

const get = of("GET")
const post = of("POST")
const put = of("PUT")
const remove = of("DELETE")

const fromPath = <S extends Schema.Codec<number, number>>(id: S) => Query.NumberFromString.pipe(Schema.decodeTo(id))

/**
 * Tokens for visitors without an account.
 *
 * @category groups
 * @since 0.1.0
 */
export const tokens = {
  anonymous: post("/im/tokens", () => ({ success: AnonymousToken }))
}

/**
 * Profiles, transfer targets and customers' tags.
 *
 * @category groups
 * @since 0.1.0
 */
export const users = {
  me: get("/im/users/me", () => ({ success: User })),
  updateMe: put("/im/users/me", () => ({ payload: ProfileUpdate, success: Wire.Free })),
  update: put("/im/users/:id", () => ({
    params: Schema.Struct({ id: fromPath(UserId) }),
    payload: ProfileUpdate,
    success: Wire.Free
  })),
  transferTargets: get("/im/users", () => ({ query: Query.Struct({}), success: TransferTargets })),
  addTag: post("/im/users/:id/tags", () => ({
    params: Schema.Struct({ id: fromPath(UserId) }),
    payload: NewTag,
    success: Tag
  })),
  removeTag: remove("/im/users/:id/tags/:tagId", () => ({
    params: Schema.Struct({ id: fromPath(UserId), tagId: fromPath(TagId) }),
    success: Wire.Free
  }))
}

const conversation = lazySchema(() => Schema.Struct({ id: fromPath(ConversationId) }))

/**
 * Conversations: history, queue, transfer and termination.
 *
 * @category groups
 * @since 0.1.0
 */
export const conversations = {
  list: get("/im/conversations", () => ({ query: ConversationQuery, success: ConversationPage })),
  current: get("/im/current_list", () => ({ success: Wire.Elements(Conversation) })),
  get: get("/im/conversations/:id", () => ({ params: conversation, success: Conversation })),
  request: post("/im/conversations", () => ({ payload: ConversationRequest, success: Conversation })),
  update: put("/im/conversations/:id", () => ({
    params: conversation,
    payload: ConversationUpdate,
    success: Wire.Free
  })),
  visitInfo: get("/im/conversations/:id/source_info", () => ({ params: conversation, success: VisitInfo })),
  pendingPosition: get("/im/conversations/:id/pending_position", () => ({
    params: conversation,
    success: PendingPosition
  })),
  pendingCount: get("/im/pending_count", () => ({ success: PendingCount })),
  count: get("/im/conversations_count", () => ({ query: Query.Struct({}), success: ConversationCount })),
  terminate: put("/im/conversations/:id/terminate", () => ({ params: conversation, success: Wire.Free })),
  transfer: put("/im/conversations/:id/transfer", () => ({
    params: conversation,
    payload: TransferRequest,
    success: Wire.Free
  })),
  export: post("/im/conversations/export", () => ({ payload: ExportRequest, success: ExportResult }))
}

const quickReply = lazySchema(() => Schema.Struct({ id: fromPath(QuickReplyId) }))

/**
 * Quick replies of the staff.
 *
 * @category groups
 * @since 0.1.0
 */
export const quickReplies = {
  list: get("/im/common_words", () => ({ success: QuickReplies })),
  add: post("/im/common_words", () => ({ payload: QuickReplyInput, success: QuickReply })),
  update: put("/im/common_words/:id", () => ({ params: quickReply, payload: QuickReplyInput, success: Wire.Free })),
  remove: remove("/im/common_words/:id", () => ({ params: quickReply, success: Wire.Free }))
}

/**
 * Ratings by visitors.
 *
 * @category groups
 * @since 0.1.0
 */
export const ratings = {
  rate: post("/im/rates", () => ({ payload: RatingInput, success: RatingReceipt })),
  list: get("/ratings", () => ({ success: Ratings }))
}

const answer = lazySchema(() => Schema.Struct({ id: fromPath(MessageId) }))

/**
 * The robot's answers and its knowledge.
 *
 * @category groups
 * @since 0.1.0
 */
export const robot = {
  like: post("/im/robot_answers/:id/like", () => ({ params: answer, success: Wire.Free })),
  dislike: post("/im/robot_answers/:id/dislike", () => ({ params: answer, success: Wire.Free })),
  suggestions: get("/im/questions/suggest", () => ({ query: SuggestionQuery, success: Suggestions })),
  hotFaqs: get("/hot_faqs", () => ({ query: FaqQuery, success: Faqs }))
}

/**
 * Channels through which visitors come.
 *
 * @category groups
 * @since 0.1.0
 */
export const channels = {
  subChannel: get("/client/channels/sub_channels/:id", () => ({
    params: Schema.Struct({ id: fromPath(SubChannelId) }),
    success: SubChannel
  }))
}

/**
 * Presigned uploads. The upload itself goes to the signed URL, without the token.
 *
 * @category groups
 * @since 0.1.0
 */
export const uploads = {
  presign: post("/presign_urls", () => ({ payload: PresignRequest, success: PresignedUrl }))
}

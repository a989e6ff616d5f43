/**
 * The REST API: the typed client, the sandbox's server, its OpenAPI page and the tests derive from it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Schema from "effect/Schema"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as HttpApiSecurity from "effect/http-api/HttpApiSecurity"
import * as OpenApi from "effect/http-api/OpenApi"
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
import { ApiError, TooManyRequests, Unauthorized } from "./ApiError.ts"
import * as Query from "../codec/Query.ts"
import * as Wire from "../codec/Wire.ts"

const fromPath = <S extends Schema.ConstraintCodec<unknown, number>>(id: S) =>
  Query.NumberFromString.pipe(Schema.decodeTo(id))

const error = ApiError

/**
 * The authenticated caller. {@link Authorization} provides it to the handlers of a server.
 *
 * @category services
 * @since 0.1.0
 */
export class Caller extends Context.Service<Caller, { readonly userId: UserId }>()("effect-kefu/wire/Caller") {}

/**
 * Requires the session's token as a bearer token.
 *
 * @category middleware
 * @since 0.1.0
 */
export class Authorization extends HttpApiMiddleware.Service<Authorization, { provides: Caller }>()(
  "effect-kefu/wire/Authorization",
  {
    security: { bearer: HttpApiSecurity.bearer },
    error: Unauthorized
  }
) {}

/**
 * Tokens for visitors without an account.
 *
 * @category groups
 * @since 0.1.0
 */
export class TokensGroup extends HttpApiGroup.make("tokens").add(
  HttpApiEndpoint.post("anonymous", "/im/tokens", { success: AnonymousToken, error: TooManyRequests })
) {}

/**
 * Profiles, transfer targets and customers' tags.
 *
 * @category groups
 * @since 0.1.0
 */
export class UsersGroup extends HttpApiGroup.make("users")
  .add(
    HttpApiEndpoint.get("me", "/im/users/me", { success: User, error }),
    HttpApiEndpoint.put("updateMe", "/im/users/me", { payload: ProfileUpdate, success: Wire.Free, error }),
    HttpApiEndpoint.put("update", "/im/users/:id", {
      params: { id: fromPath(UserId) },
      payload: ProfileUpdate,
      success: Wire.Free,
      error
    }),
    HttpApiEndpoint.get("transferTargets", "/im/users", { query: Query.Struct({}), success: TransferTargets, error }),
    HttpApiEndpoint.post("addTag", "/im/users/:id/tags", {
      params: { id: fromPath(UserId) },
      payload: NewTag,
      success: Tag,
      error
    }),
    HttpApiEndpoint.delete("removeTag", "/im/users/:id/tags/:tagId", {
      params: { id: fromPath(UserId), tagId: fromPath(TagId) },
      success: Wire.Free,
      error
    })
  )
  .middleware(Authorization) {}

/**
 * Conversations: history, queue, transfer and termination.
 *
 * @category groups
 * @since 0.1.0
 */
export class ConversationsGroup extends HttpApiGroup.make("conversations")
  .add(
    HttpApiEndpoint.get("list", "/im/conversations", { query: ConversationQuery, success: ConversationPage, error }),
    HttpApiEndpoint.get("current", "/im/current_list", { success: Wire.Elements(Conversation), error }),
    HttpApiEndpoint.get("get", "/im/conversations/:id", {
      params: { id: fromPath(ConversationId) },
      success: Conversation,
      error
    }),
    HttpApiEndpoint.post("request", "/im/conversations", {
      payload: ConversationRequest,
      success: Conversation,
      error
    }),
    HttpApiEndpoint.put("update", "/im/conversations/:id", {
      params: { id: fromPath(ConversationId) },
      payload: ConversationUpdate,
      success: Wire.Free,
      error
    }),
    HttpApiEndpoint.get("visitInfo", "/im/conversations/:id/source_info", {
      params: { id: fromPath(ConversationId) },
      success: VisitInfo,
      error
    }),
    HttpApiEndpoint.get("pendingPosition", "/im/conversations/:id/pending_position", {
      params: { id: fromPath(ConversationId) },
      success: PendingPosition,
      error
    }),
    HttpApiEndpoint.get("pendingCount", "/im/pending_count", { success: PendingCount, error }),
    HttpApiEndpoint.get("count", "/im/conversations_count", {
      query: Query.Struct({}),
      success: ConversationCount,
      error
    }),
    HttpApiEndpoint.put("terminate", "/im/conversations/:id/terminate", {
      params: { id: fromPath(ConversationId) },
      success: Wire.Free,
      error
    }),
    HttpApiEndpoint.put("transfer", "/im/conversations/:id/transfer", {
      params: { id: fromPath(ConversationId) },
      payload: TransferRequest,
      success: Wire.Free,
      error
    }),
    HttpApiEndpoint.post("export", "/im/conversations/export", { payload: ExportRequest, success: ExportResult, error })
  )
  .middleware(Authorization) {}

/**
 * Quick replies of the staff.
 *
 * @category groups
 * @since 0.1.0
 */
export class QuickRepliesGroup extends HttpApiGroup.make("quickReplies")
  .add(
    HttpApiEndpoint.get("list", "/im/common_words", { success: QuickReplies, error }),
    HttpApiEndpoint.post("add", "/im/common_words", { payload: QuickReplyInput, success: QuickReply, error }),
    HttpApiEndpoint.put("update", "/im/common_words/:id", {
      params: { id: fromPath(QuickReplyId) },
      payload: QuickReplyInput,
      success: Wire.Free,
      error
    }),
    HttpApiEndpoint.delete("remove", "/im/common_words/:id", {
      params: { id: fromPath(QuickReplyId) },
      success: Wire.Free,
      error
    })
  )
  .middleware(Authorization) {}

/**
 * Ratings by visitors.
 *
 * @category groups
 * @since 0.1.0
 */
export class RatingsGroup extends HttpApiGroup.make("ratings")
  .add(
    HttpApiEndpoint.post("rate", "/im/rates", { payload: RatingInput, success: RatingReceipt, error }),
    HttpApiEndpoint.get("list", "/ratings", { success: Ratings, error })
  )
  .middleware(Authorization) {}

/**
 * The robot's answers and its knowledge.
 *
 * @category groups
 * @since 0.1.0
 */
export class RobotGroup extends HttpApiGroup.make("robot")
  .add(
    HttpApiEndpoint.post("like", "/im/robot_answers/:id/like", {
      params: { id: fromPath(MessageId) },
      success: Wire.Free,
      error
    }),
    HttpApiEndpoint.post("dislike", "/im/robot_answers/:id/dislike", {
      params: { id: fromPath(MessageId) },
      success: Wire.Free,
      error
    }),
    HttpApiEndpoint.get("suggestions", "/im/questions/suggest", {
      query: SuggestionQuery,
      success: Suggestions,
      error
    }),
    HttpApiEndpoint.get("hotFaqs", "/hot_faqs", { query: FaqQuery, success: Faqs, error })
  )
  .middleware(Authorization) {}

/**
 * Channels through which visitors come.
 *
 * @category groups
 * @since 0.1.0
 */
export class ChannelsGroup extends HttpApiGroup.make("channels")
  .add(
    HttpApiEndpoint.get("subChannel", "/client/channels/sub_channels/:id", {
      params: { id: fromPath(SubChannelId) },
      success: SubChannel,
      error
    })
  )
  .middleware(Authorization) {}

/**
 * Presigned uploads. The upload itself goes to the signed URL, without the token.
 *
 * @category groups
 * @since 0.1.0
 */
export class UploadsGroup extends HttpApiGroup.make("uploads")
  .add(HttpApiEndpoint.post("presign", "/presign_urls", { payload: PresignRequest, success: PresignedUrl, error }))
  .middleware(Authorization) {}

/**
 * The whole REST API under `/api/v1`.
 *
 * @category api
 * @since 0.1.0
 */
export class Api extends HttpApi.make("kefu")
  .add(TokensGroup)
  .add(UsersGroup)
  .add(ConversationsGroup)
  .add(QuickRepliesGroup)
  .add(RatingsGroup)
  .add(RobotGroup)
  .add(ChannelsGroup)
  .add(UploadsGroup)
  .prefix("/api/v1")
  .annotate(OpenApi.Title, "Customer-service chat") {}

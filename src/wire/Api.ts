/**
 * The REST API of a server: `Endpoints`, with the errors and who may call. The sandbox, its OpenAPI page and the tests
 * derive from it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as HttpApiSecurity from "effect/http-api/HttpApiSecurity"
import * as OpenApi from "effect/http-api/OpenApi"
import type { UserId } from "../domain/Id.ts"
import { ApiError, TooManyRequests, Unauthorized } from "./ApiError.ts"
import * as endpoints from "./Endpoints.ts"

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
  HttpApiEndpoint.post("anonymous", endpoints.tokens.anonymous.path, {
    ...endpoints.tokens.anonymous.schemas,
    error: TooManyRequests
  })
) {}

/**
 * Profiles, transfer targets and customers' tags.
 *
 * @category groups
 * @since 0.1.0
 */
export class UsersGroup extends HttpApiGroup.make("users")
  .add(
    HttpApiEndpoint.get("me", endpoints.users.me.path, { ...endpoints.users.me.schemas, error }),
    HttpApiEndpoint.put("updateMe", endpoints.users.updateMe.path, { ...endpoints.users.updateMe.schemas, error }),
    HttpApiEndpoint.put("update", endpoints.users.update.path, { ...endpoints.users.update.schemas, error }),
    HttpApiEndpoint.get("transferTargets", endpoints.users.transferTargets.path, {
      ...endpoints.users.transferTargets.schemas,
      error
    }),
    HttpApiEndpoint.post("addTag", endpoints.users.addTag.path, { ...endpoints.users.addTag.schemas, error }),
    HttpApiEndpoint.delete("removeTag", endpoints.users.removeTag.path, { ...endpoints.users.removeTag.schemas, error })
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
    HttpApiEndpoint.get("list", endpoints.conversations.list.path, { ...endpoints.conversations.list.schemas, error }),
    HttpApiEndpoint.get("current", endpoints.conversations.current.path, {
      ...endpoints.conversations.current.schemas,
      error
    }),
    HttpApiEndpoint.get("get", endpoints.conversations.get.path, { ...endpoints.conversations.get.schemas, error }),
    HttpApiEndpoint.post("request", endpoints.conversations.request.path, {
      ...endpoints.conversations.request.schemas,
      error
    }),
    HttpApiEndpoint.put("update", endpoints.conversations.update.path, {
      ...endpoints.conversations.update.schemas,
      error
    }),
    HttpApiEndpoint.get("visitInfo", endpoints.conversations.visitInfo.path, {
      ...endpoints.conversations.visitInfo.schemas,
      error
    }),
    HttpApiEndpoint.get("pendingPosition", endpoints.conversations.pendingPosition.path, {
      ...endpoints.conversations.pendingPosition.schemas,
      error
    }),
    HttpApiEndpoint.get("pendingCount", endpoints.conversations.pendingCount.path, {
      ...endpoints.conversations.pendingCount.schemas,
      error
    }),
    HttpApiEndpoint.get("count", endpoints.conversations.count.path, {
      ...endpoints.conversations.count.schemas,
      error
    }),
    HttpApiEndpoint.put("terminate", endpoints.conversations.terminate.path, {
      ...endpoints.conversations.terminate.schemas,
      error
    }),
    HttpApiEndpoint.put("transfer", endpoints.conversations.transfer.path, {
      ...endpoints.conversations.transfer.schemas,
      error
    }),
    HttpApiEndpoint.post("export", endpoints.conversations.export.path, {
      ...endpoints.conversations.export.schemas,
      error
    })
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
    HttpApiEndpoint.get("list", endpoints.quickReplies.list.path, { ...endpoints.quickReplies.list.schemas, error }),
    HttpApiEndpoint.post("add", endpoints.quickReplies.add.path, { ...endpoints.quickReplies.add.schemas, error }),
    HttpApiEndpoint.put("update", endpoints.quickReplies.update.path, {
      ...endpoints.quickReplies.update.schemas,
      error
    }),
    HttpApiEndpoint.delete("remove", endpoints.quickReplies.remove.path, {
      ...endpoints.quickReplies.remove.schemas,
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
    HttpApiEndpoint.post("rate", endpoints.ratings.rate.path, { ...endpoints.ratings.rate.schemas, error }),
    HttpApiEndpoint.get("list", endpoints.ratings.list.path, { ...endpoints.ratings.list.schemas, error })
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
    HttpApiEndpoint.post("like", endpoints.robot.like.path, { ...endpoints.robot.like.schemas, error }),
    HttpApiEndpoint.post("dislike", endpoints.robot.dislike.path, { ...endpoints.robot.dislike.schemas, error }),
    HttpApiEndpoint.get("suggestions", endpoints.robot.suggestions.path, {
      ...endpoints.robot.suggestions.schemas,
      error
    }),
    HttpApiEndpoint.get("hotFaqs", endpoints.robot.hotFaqs.path, { ...endpoints.robot.hotFaqs.schemas, error })
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
    HttpApiEndpoint.get("subChannel", endpoints.channels.subChannel.path, {
      ...endpoints.channels.subChannel.schemas,
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
  .add(HttpApiEndpoint.post("presign", endpoints.uploads.presign.path, { ...endpoints.uploads.presign.schemas, error }))
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
  .annotate(OpenApi.Title, "Customer-service chat") {}

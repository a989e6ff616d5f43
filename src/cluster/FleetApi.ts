/**
 * The HTTP API of `effect-kefu fleet`: its server, its `/openapi.json`, and typed clients by `HttpApiClient.make(FleetApi)`.
 *
 * @since 0.1.0
 */
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as HttpApiSecurity from "effect/http-api/HttpApiSecurity"
import * as OpenApi from "effect/http-api/OpenApi"
import * as Schema from "effect/Schema"
import * as Query from "../codec/Query.ts"
import { TransferRequest } from "../domain/Conversation.ts"
import { ConversationId, MessageId, UserId } from "../domain/Id.ts"
import { Draft } from "../domain/Message.ts"
import { AccountState } from "./KefuAccount.ts"

/** `reason` is the reason of the `KefuError`, if there was one; `isRetryable` says whether the same call may succeed later. */
const fields = { reason: Schema.optionalKey(Schema.String), message: Schema.String, isRetryable: Schema.Boolean }

/**
 * The request is malformed, or the backend says so. Status 400.
 *
 * @category errors
 * @since 0.1.0
 */
export class BadRequest extends Schema.TaggedError<BadRequest>("effect-kefu/cluster/FleetApi/BadRequest")(
  "BadRequest",
  fields,
  { httpApiStatus: 400 }
) {}

/**
 * The request carries no secret, or a wrong one. Status 401.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unauthorized extends Schema.TaggedError<Unauthorized>("effect-kefu/cluster/FleetApi/Unauthorized")(
  "Unauthorized",
  fields,
  { httpApiStatus: 401 }
) {}

/**
 * The account may not do that. Status 403.
 *
 * @category errors
 * @since 0.1.0
 */
export class Forbidden extends Schema.TaggedError<Forbidden>("effect-kefu/cluster/FleetApi/Forbidden")(
  "Forbidden",
  fields,
  { httpApiStatus: 403 }
) {}

/**
 * The fleet has no such account, or the backend no such thing. Status 404.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotFound extends Schema.TaggedError<NotFound>("effect-kefu/cluster/FleetApi/NotFound")(
  "NotFound",
  fields,
  { httpApiStatus: 404 }
) {}

/**
 * The state does not allow it, the account is logged in elsewhere (`Superseded`), or the outcome of a send cannot be known
 * (`DeliveryUnknown`). Status 409.
 *
 * @category errors
 * @since 0.1.0
 */
export class Conflict extends Schema.TaggedError<Conflict>("effect-kefu/cluster/FleetApi/Conflict")(
  "Conflict",
  fields,
  { httpApiStatus: 409 }
) {}

/**
 * The backend limits requests. Status 429.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooManyRequests extends Schema.TaggedError<TooManyRequests>(
  "effect-kefu/cluster/FleetApi/TooManyRequests"
)("TooManyRequests", fields, { httpApiStatus: 429 }) {}

/**
 * The backend fails, or refuses the token of the account. Status 502.
 *
 * @category errors
 * @since 0.1.0
 */
export class BackendFailed extends Schema.TaggedError<BackendFailed>("effect-kefu/cluster/FleetApi/BackendFailed")(
  "BackendFailed",
  fields,
  { httpApiStatus: 502 }
) {}

/**
 * The account is not connected at the moment. Status 503.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unavailable extends Schema.TaggedError<Unavailable>("effect-kefu/cluster/FleetApi/Unavailable")(
  "Unavailable",
  fields,
  { httpApiStatus: 503 }
) {}

/**
 * The outcome has not been known in time. Status 504.
 *
 * @category errors
 * @since 0.1.0
 */
export class Pending extends Schema.TaggedError<Pending>("effect-kefu/cluster/FleetApi/Pending")("Pending", fields, {
  httpApiStatus: 504
}) {}

const error = [BadRequest, Forbidden, NotFound, Conflict, TooManyRequests, BackendFailed, Unavailable, Pending] as const

/**
 * Requires the secret of the file of the fleet as a bearer token.
 *
 * @category middleware
 * @since 0.1.0
 */
export class Authorization extends HttpApiMiddleware.Service<Authorization>()(
  "effect-kefu/cluster/FleetApi/Authorization",
  { security: { bearer: HttpApiSecurity.bearer }, error: Unauthorized }
) {}

/**
 * Reports a malformed request by its field.
 *
 * @category middleware
 * @since 0.1.0
 */
export class Explained extends HttpApiMiddleware.Service<Explained>()("effect-kefu/cluster/FleetApi/Explained", {
  error: BadRequest
}) {}

/**
 * An account and the state of its connection; without the latter if its runner did not answer.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Account = Schema.Struct({ account: Schema.String, state: Schema.NullOr(AccountState) })

/**
 * A runner's health: whether it reaches the database, how many shards of the accounts it owns, and how many sessions are in
 * which state.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Health = Schema.Struct({
  storage: Schema.Boolean,
  shards: Schema.Int,
  sessions: Schema.Record(Schema.String, Schema.Int)
})

/**
 * The runner does not reach the database, or owns no shards. Status 503.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unhealthy extends Schema.TaggedError<Unhealthy>("effect-kefu/cluster/FleetApi/Unhealthy")(
  "Unhealthy",
  Health.fields,
  { httpApiStatus: 503 }
) {}

const place = { conversationId: Schema.optionalKey(ConversationId), toId: Schema.optionalKey(UserId) }
const [text, media, answer, order] = Draft.members

/**
 * A message to send. Staff name the conversation, or the visitor in `toId`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FleetDraft = Schema.Union([
  Schema.Struct({ ...text.fields, ...place }),
  Schema.Struct({ ...media.fields, ...place }),
  Schema.Struct({ ...answer.fields, ...place }),
  Schema.Struct({ ...order.fields, ...place })
])

const fromPath = <S extends Schema.ConstraintCodec<unknown, number>>(id: S) =>
  Query.NumberFromString.pipe(Schema.decodeTo(id))

const account = { account: Schema.String }
const message = { ...account, messageId: fromPath(MessageId) }
const conversation = { ...account, conversationId: fromPath(ConversationId) }
const success = HttpApiSchema.NoContent

/**
 * What can be done with the accounts.
 *
 * @category groups
 * @since 0.1.0
 */
export class AccountsGroup extends HttpApiGroup.make("accounts")
  .add(
    HttpApiEndpoint.get("list", "/accounts", { success: Schema.Array(Account) }).annotate(
      OpenApi.Description,
      "All accounts of the fleet, with the state of each."
    ),
    HttpApiEndpoint.get("state", "/accounts/:account", { params: account, success: AccountState, error }).annotate(
      OpenApi.Description,
      "The state of one account."
    ),
    HttpApiEndpoint.post("send", "/accounts/:account/messages", {
      params: account,
      headers: {
        "idempotency-key": Schema.optionalKey(
          Schema.String.check(Schema.isNonEmpty(), Schema.isMaxLength(200)).annotate({
            description: "Names the send: a second request with the same key gives the outcome of the first."
          })
        )
      },
      payload: FleetDraft,
      success: Schema.Struct({ messageId: MessageId }),
      error
    }).annotate(
      OpenApi.Description,
      "Sends a message and waits for the outcome, up to 30 seconds; after that it answers 504, and the send goes on."
    ),
    HttpApiEndpoint.post("recall", "/accounts/:account/messages/:messageId/recall", {
      params: message,
      success,
      error
    }).annotate(OpenApi.Description, "Recalls an own message."),
    HttpApiEndpoint.post("read", "/accounts/:account/messages/:messageId/read", {
      params: message,
      success,
      error
    }).annotate(OpenApi.Description, "Marks everything up to this message as read."),
    HttpApiEndpoint.post("close", "/accounts/:account/conversations/:conversationId/close", {
      params: conversation,
      success,
      error
    }).annotate(OpenApi.Description, "Ends a conversation."),
    HttpApiEndpoint.post("transfer", "/accounts/:account/conversations/:conversationId/transfer", {
      params: conversation,
      payload: Schema.toType(TransferRequest),
      success,
      error
    }).annotate(OpenApi.Description, "Gives a conversation to somebody else."),
    HttpApiEndpoint.post("takeOver", "/accounts/:account/take-over", { params: account, success, error }).annotate(
      OpenApi.Description,
      "Connects an account after a login elsewhere, which that ends."
    )
  )
  .middleware(Explained)
  .middleware(Authorization) {}

/**
 * What needs no secret.
 *
 * @category groups
 * @since 0.1.0
 */
export class RunnerGroup extends HttpApiGroup.make("runner").add(
  HttpApiEndpoint.get("health", "/health", { success: Health, error: Unhealthy }).annotate(
    OpenApi.Description,
    "The health of this runner: 200, or 503. Needs no secret."
  )
) {}

/**
 * The API.
 *
 * @category api
 * @since 0.1.0
 */
export class FleetApi extends HttpApi.make("effect-kefu fleet")
  .add(AccountsGroup, RunnerGroup)
  .annotate(OpenApi.Title, "effect-kefu fleet") {}

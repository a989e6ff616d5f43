/**
 * The one public error and its reasons.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { lazySchema } from "./codec/lazy.ts"

/**
 * A text for end users, in English and in Simplified Chinese.
 *
 * @category models
 * @since 0.1.0
 */
export interface UserText {
  readonly en: string
  readonly zh: string
}

/**
 * What every reason says of itself: whether the same call may succeed later, what to do about it, and a text for end
 * users. Its `message` says what happened.
 *
 * @category models
 * @since 0.1.0
 */
export interface Described {
  readonly isRetryable: boolean
  readonly advice: string
  readonly userText: UserText
}

/** The key of the method by which Node, Deno and Bun print a value. */
const inspection: unique symbol = Symbol.for("nodejs.util.inspect.custom") as typeof inspection

type Inspect = (value: unknown, options: object) => string

const inline = (value: unknown, options: object | undefined, inspect: Inspect | undefined): string =>
  inspect === undefined ? JSON.stringify(value) : inspect(value, { ...options, compact: true, breakLength: Infinity })

const inlineReason = ({ _tag, ...fields }: { readonly _tag: string }, options?: object, inspect?: Inspect): string =>
  Object.keys(fields).length === 0 ? _tag : `${_tag} ${inline(fields, options, inspect)}`

/** Defines a reason: its fields, and what it says of itself. A field `remedy` replaces the advice. */
const reason =
  <Self>() =>
  <const Tag extends string, const Fields extends Schema.Struct.Fields>(
    tag: Tag,
    says: {
      readonly fields: Fields
      readonly isRetryable: boolean
      readonly message: string | ((fields: Schema.Struct.Type<Fields>) => string)
      readonly advice: string | ((fields: Schema.Struct.Type<Fields>) => string)
      readonly userText: UserText
    }
  ) => {
    type Reason = Schema.Struct.Type<Fields> & { readonly _tag: Tag; readonly remedy?: string }
    const Base = Schema.TaggedError<Self, Described>(`effect-kefu/KefuError/${tag}`)(tag, says.fields)
    const { prototype }: { readonly prototype: object } = Object(Base)
    const { advice, isRetryable, message, userText } = says
    Object.defineProperties(prototype, {
      name: { configurable: true, writable: true, value: tag },
      isRetryable: { configurable: true, value: isRetryable },
      userText: { configurable: true, value: userText },
      message: {
        configurable: true,
        get(this: Reason) {
          return typeof message === "string" ? message : message(this)
        }
      },
      advice: {
        configurable: true,
        get(this: Reason) {
          return this.remedy ?? (typeof advice === "string" ? advice : advice(this))
        }
      },
      [inspection]: {
        configurable: true,
        value(this: Reason, _depth: number, options?: object, inspect?: Inspect) {
          return inlineReason(this, options, inspect)
        }
      }
    })
    return Base
  }

/** A field of the reasons whose advice depends on the call. */
const remedy = Schema.optionalKey(Schema.String)

/**
 * The backend could not be reached, or did not answer. `remedy` replaces the advice.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NetworkUnreachable extends reason<NetworkUnreachable>()("NetworkUnreachable", {
  fields: { detail: Schema.String, remedy },
  isRetryable: true,
  message: ({ detail }) => `the backend could not be reached (${detail})`,
  advice: "check the network and the base URL",
  userText: { en: "Cannot reach the service. Please check your network.", zh: "无法连接服务，请检查网络。" }
}) {}

/**
 * The connection ended while the call was waiting. `code` is the WebSocket close code. `remedy` replaces
 * the advice.
 *
 * @category reasons
 * @since 0.1.0
 */
export class ConnectionLost extends reason<ConnectionLost>()("ConnectionLost", {
  fields: { code: Schema.Int, detail: Schema.String, remedy },
  isRetryable: true,
  message: ({ code, detail }) => `the connection was lost (${detail === "" ? code : `${code} ${detail}`})`,
  advice: "it reconnects automatically; call again",
  userText: { en: "The connection was lost. Reconnecting…", zh: "连接已断开，正在重连……" }
}) {}

/**
 * The WebSocket did not open in time.
 *
 * @category reasons
 * @since 0.1.0
 */
export class ConnectTimeout extends reason<ConnectTimeout>()("ConnectTimeout", {
  fields: { afterMillis: Schema.Finite },
  isRetryable: true,
  message: ({ afterMillis }) => `the connection did not open within ${afterMillis} ms`,
  advice: "check the network, or raise `connectTimeout`",
  userText: { en: "The connection timed out. Please try again.", zh: "连接超时，请重试。" }
}) {}

/**
 * The backend did not answer a request in time; it may have carried it out. `option` names the limit that was reached.
 *
 * @category reasons
 * @since 0.1.0
 */
export class RequestTimeout extends reason<RequestTimeout>()("RequestTimeout", {
  fields: {
    afterMillis: Schema.Finite,
    option: Schema.optionalKey(Schema.Literals(["requestTimeout", "uploadTimeout", "timeout"]))
  },
  isRetryable: true,
  message: ({ afterMillis }) => `no answer within ${afterMillis} ms`,
  advice: ({ option }) =>
    option === undefined
      ? "try again, or raise `requestTimeout` (for files `uploadTimeout`)"
      : `try again, or raise \`${option}\``,
  userText: { en: "The service did not answer in time. Please try again.", zh: "服务响应超时，请重试。" }
}) {}

/**
 * The backend did not acknowledge a command in time; it may have carried it out. The backend has no negative
 * acknowledgement, so a refused command ends like this too: a blind repeat is refused again, or does it twice.
 *
 * @category reasons
 * @since 0.1.0
 */
export class AckTimeout extends reason<AckTimeout>()("AckTimeout", {
  fields: { afterMillis: Schema.Finite, sequenceId: Schema.Int },
  isRetryable: false,
  message: ({ afterMillis }) => `not acknowledged within ${afterMillis} ms; the backend refuses without saying so`,
  advice: "check that the command is allowed here, then read the conversation again before repeating it",
  userText: { en: "No confirmation arrived. Please check before sending again.", zh: "未收到确认，重发前请先核对。" }
}) {}

/**
 * The connection ended after the message was written and before it was acknowledged; it may have arrived.
 *
 * @category reasons
 * @since 0.1.0
 */
export class DeliveryUnknown extends reason<DeliveryUnknown>()("DeliveryUnknown", {
  fields: { detail: Schema.String },
  isRetryable: false,
  message: ({ detail }) => `the outcome is unknown (${detail})`,
  advice: "read the conversation before sending again, or it may arrive twice",
  userText: { en: "It is not certain whether the message was sent.", zh: "消息是否送达尚不确定。" }
}) {}

/**
 * The token is missing, unknown or expired, and could not be refreshed. Status 401.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Unauthorized extends reason<Unauthorized>()("Unauthorized", {
  fields: { detail: Schema.String },
  isRetryable: false,
  message: ({ detail }) => `the token was refused (${detail})`,
  advice: "supply a valid token",
  userText: { en: "Please sign in again.", zh: "登录已失效，请重新登录。" }
}) {}

/**
 * The token provider failed, so there was no token. Unlike after `Unauthorized`, the connection keeps retrying.
 *
 * @category reasons
 * @since 0.1.0
 */
export class TokenUnavailable extends reason<TokenUnavailable>()("TokenUnavailable", {
  fields: { detail: Schema.String },
  isRetryable: true,
  message: ({ detail }) => `there is no token (${detail})`,
  advice: "check the token provider that was given in the options",
  userText: { en: "Cannot sign in right now. Please try again.", zh: "暂时无法登录，请稍后重试。" }
}) {}

/**
 * The session's role does not allow the call. Status 403.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Forbidden extends reason<Forbidden>()("Forbidden", {
  fields: { detail: Schema.String },
  isRetryable: false,
  message: ({ detail }) => `not allowed (${detail})`,
  advice: "use a session with the role that this call needs",
  userText: { en: "You are not allowed to do this.", zh: "您没有权限进行此操作。" }
}) {}

/**
 * What the call refers to does not exist. Status 404 or 410.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NotFound extends reason<NotFound>()("NotFound", {
  fields: { detail: Schema.String },
  isRetryable: false,
  message: ({ detail }) => `not found (${detail})`,
  advice: "check the id",
  userText: { en: "This no longer exists.", zh: "内容不存在或已被删除。" }
}) {}

/**
 * The current state does not allow the call. Status 409.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Conflict extends reason<Conflict>()("Conflict", {
  fields: { detail: Schema.String },
  isRetryable: false,
  message: ({ detail }) => `the present state does not allow it (${detail})`,
  advice: "read the state again",
  userText: { en: "The state has changed. Please refresh.", zh: "状态已变化，请刷新。" }
}) {}

/**
 * The SDK or the backend rejected an argument. `field` names it; it is empty when the backend did not say.
 *
 * @category reasons
 * @since 0.1.0
 */
export class InvalidRequest extends reason<InvalidRequest>()("InvalidRequest", {
  fields: { field: Schema.String, detail: Schema.String },
  isRetryable: false,
  message: ({ detail, field }) => `invalid ${field === "" ? "request" : field} (${detail})`,
  advice: "correct the argument",
  userText: { en: "The input is not valid.", zh: "输入有误，请修改。" }
}) {}

/**
 * The body (status 413) or the frame (close code 1009) is larger than the backend accepts. It was not processed.
 *
 * @category reasons
 * @since 0.1.0
 */
export class RequestTooLarge extends reason<RequestTooLarge>()("RequestTooLarge", {
  fields: { detail: Schema.String },
  isRetryable: false,
  message: ({ detail }) => `larger than the backend accepts (${detail})`,
  advice: "send less at once",
  userText: { en: "This is too long to be sent.", zh: "内容过长，无法发送。" }
}) {}

/**
 * Too many requests. Status 429. `retryAfterMillis` is the wait that the backend asked for, if it did, and at most a day.
 * `remedy` replaces the advice.
 *
 * @category reasons
 * @since 0.1.0
 */
export class RateLimited extends reason<RateLimited>()("RateLimited", {
  fields: { retryAfterMillis: Schema.optionalKey(Schema.Finite), remedy },
  isRetryable: true,
  message: ({ retryAfterMillis }) =>
    `too many requests${retryAfterMillis === undefined ? "" : `, allowed again in ${retryAfterMillis} ms`}`,
  advice: "wait, then try again",
  userText: { en: "Too many requests. Please wait a moment.", zh: "操作过于频繁，请稍后再试。" }
}) {}

/**
 * The backend failed. Status 408 or 5xx. `retryAfterMillis` is the wait that it asked for, if it did, and
 * at most a day. `remedy` replaces the advice.
 *
 * @category reasons
 * @since 0.1.0
 */
export class ServerFault extends reason<ServerFault>()("ServerFault", {
  fields: { status: Schema.Int, retryAfterMillis: Schema.optionalKey(Schema.Finite), remedy },
  isRetryable: true,
  message: ({ status }) => `the backend failed with status ${status}`,
  advice: "try again later",
  userText: { en: "The service has a problem. Please try again later.", zh: "服务出现问题，请稍后再试。" }
}) {}

/**
 * The response does not match the contract. `path` says where.
 *
 * @category reasons
 * @since 0.1.0
 */
export class UnexpectedResponse extends reason<UnexpectedResponse>()("UnexpectedResponse", {
  fields: { path: Schema.String, detail: Schema.String },
  isRetryable: false,
  message: ({ detail, path }) => `unexpected answer${path === "" ? "" : ` at ${path}`} (${detail})`,
  advice: "check that the base URL names a compatible backend",
  userText: { en: "The service gave an unexpected answer.", zh: "服务返回了无法识别的内容。" }
}) {}

/**
 * The response's body, or a frame, is larger than the session accepts. `limit` is in bytes, `option` sets it.
 *
 * @category reasons
 * @since 0.1.0
 */
export class ResponseTooLarge extends reason<ResponseTooLarge>()("ResponseTooLarge", {
  fields: { limit: Schema.Int, option: Schema.Literals(["maxBodySize", "maxFrameSize"]) },
  isRetryable: false,
  message: ({ limit }) => `the backend sent more than ${limit} bytes at once`,
  advice: ({ option }) => `ask for less, or raise \`${option}\``,
  userText: { en: "The service sent too much data.", zh: "服务返回的数据过大。" }
}) {}

/**
 * The account logged in elsewhere, which ended this session until `takeOver`. `remedy` replaces the advice.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Superseded extends reason<Superseded>()("Superseded", {
  fields: { remedy },
  isRetryable: false,
  message: "the account logged in elsewhere",
  advice: "call `takeOver` to take the session back",
  userText: { en: "Your account was opened in another place.", zh: "您的账号已在别处登录。" }
}) {}

/**
 * There is no connection at the moment. `remedy` replaces the advice.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NotConnected extends reason<NotConnected>()("NotConnected", {
  fields: { detail: Schema.String, remedy },
  isRetryable: true,
  message: ({ detail }) => `not connected (${detail})`,
  advice: "wait for the state `Connected`, or send through the outbox",
  userText: { en: "You are offline at the moment.", zh: "当前未连接。" }
}) {}

/**
 * A subscriber with the overflow policy `fail` was too slow and lost `dropped` events.
 *
 * @category reasons
 * @since 0.1.0
 */
export class SubscriberLagged extends reason<SubscriberLagged>()("SubscriberLagged", {
  fields: { dropped: Schema.Int },
  isRetryable: false,
  message: ({ dropped }) => `${dropped} events were lost because they were not taken in time`,
  advice: "subscribe again and re-read the conversations",
  userText: { en: "Some messages need to be reloaded.", zh: "部分消息需要重新加载。" }
}) {}

/**
 * The outbox is full. `capacity` is the number of sends that it holds.
 *
 * @category reasons
 * @since 0.1.0
 */
export class OutboxFull extends reason<OutboxFull>()("OutboxFull", {
  fields: { capacity: Schema.Int },
  isRetryable: true,
  message: ({ capacity }) => `the outbox already holds ${capacity} sends`,
  advice: "wait until some are sent, or raise its capacity",
  userText: { en: "Too many messages are waiting to be sent.", zh: "待发送的消息过多。" }
}) {}

/**
 * The send waited longer than its lifetime and was given up; it was not sent.
 *
 * @category reasons
 * @since 0.1.0
 */
export class OutboxExpired extends reason<OutboxExpired>()("OutboxExpired", {
  fields: { afterMillis: Schema.Finite },
  isRetryable: true,
  message: ({ afterMillis }) => `not sent within its lifetime of ${afterMillis} ms`,
  advice: "send it again",
  userText: { en: "The message could not be sent in time.", zh: "消息未能及时发送。" }
}) {}

/**
 * The send was cancelled before it was sent. `detail` says why, unless the app cancelled it; `remedy` replaces the advice.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Cancelled extends reason<Cancelled>()("Cancelled", {
  fields: { detail: Schema.optionalKey(Schema.String), remedy },
  isRetryable: false,
  message: ({ detail }) => `cancelled before it was sent${detail === undefined ? "" : ` (${detail})`}`,
  advice: "nothing to do",
  userText: { en: "Cancelled.", zh: "已取消。" }
}) {}

/**
 * The file is larger than the backend accepts. Status 413. `byteSize` is in bytes.
 *
 * @category reasons
 * @since 0.1.0
 */
export class UploadTooLarge extends reason<UploadTooLarge>()("UploadTooLarge", {
  fields: { byteSize: Schema.optionalKey(Schema.Int) },
  isRetryable: false,
  message: ({ byteSize }) => `the file${byteSize === undefined ? "" : ` of ${byteSize} bytes`} is too large`,
  advice: "send a smaller file",
  userText: { en: "The file is too large.", zh: "文件过大。" }
}) {}

/**
 * The file could not be read or stored.
 *
 * @category reasons
 * @since 0.1.0
 */
export class UploadFailed extends reason<UploadFailed>()("UploadFailed", {
  fields: { detail: Schema.String },
  isRetryable: true,
  message: ({ detail }) => `the upload failed (${detail})`,
  advice: "upload the file again",
  userText: { en: "The upload failed. Please try again.", zh: "上传失败，请重试。" }
}) {}

/**
 * The storage for tokens or queued sends failed.
 *
 * @category reasons
 * @since 0.1.0
 */
export class StorageFailed extends reason<StorageFailed>()("StorageFailed", {
  fields: { detail: Schema.String },
  isRetryable: true,
  message: ({ detail }) => `the storage failed (${detail})`,
  advice: "check the storage that was given in the options",
  userText: { en: "The local storage failed.", zh: "本地存储出错。" }
}) {}

/**
 * The session is closed. `remedy` replaces the advice.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Closed extends reason<Closed>()("Closed", {
  fields: { detail: Schema.String, remedy },
  isRetryable: false,
  message: ({ detail }) => `the session is closed (${detail})`,
  advice: "call `open` again, or build a new session",
  userText: { en: "The chat was closed.", zh: "会话连接已关闭。" }
}) {}

/**
 * Every reason of a {@link KefuError}.
 *
 * @category reasons
 * @since 0.1.0
 */
export const KefuErrorReason = lazySchema(() =>
  Schema.Union([
    NetworkUnreachable,
    ConnectionLost,
    ConnectTimeout,
    RequestTimeout,
    AckTimeout,
    DeliveryUnknown,
    Unauthorized,
    TokenUnavailable,
    Forbidden,
    NotFound,
    Conflict,
    InvalidRequest,
    RequestTooLarge,
    RateLimited,
    ServerFault,
    UnexpectedResponse,
    ResponseTooLarge,
    Superseded,
    NotConnected,
    SubscriberLagged,
    OutboxFull,
    OutboxExpired,
    Cancelled,
    UploadTooLarge,
    UploadFailed,
    StorageFailed,
    Closed
  ])
)

/**
 * Every reason of a {@link KefuError}, told apart by `_tag`.
 *
 * @category reasons
 * @since 0.1.0
 */
export type KefuErrorReason = SendReason | SubscriberLagged | OutboxFull | StorageFailed

/**
 * Why a request fails: no answer, no token, an answer with an error status, or one that cannot be read.
 *
 * @category reasons
 * @since 0.1.0
 */
export type RequestReason =
  | NetworkUnreachable
  | RequestTimeout
  | Unauthorized
  | TokenUnavailable
  | Forbidden
  | NotFound
  | Conflict
  | InvalidRequest
  | RequestTooLarge
  | RateLimited
  | ServerFault
  | UnexpectedResponse
  | ResponseTooLarge

/**
 * Why an upload fails: a reason of a request, or of the file.
 *
 * @category reasons
 * @since 0.1.0
 */
export type UploadReason = Exclude<RequestReason, RequestTooLarge> | UploadTooLarge | UploadFailed

/**
 * Why a connection does not open, or ends: a reason of the dial, of the open connection, or the end of the session.
 *
 * @category reasons
 * @since 0.1.0
 */
export type ConnectionReason = DialReason | ConnectionLost | Superseded | Closed

/**
 * Why a dial fails: it was not answered in time, or as the request that finds out why it was refused.
 *
 * @category reasons
 * @since 0.1.0
 */
export type DialReason = RequestReason | ConnectTimeout

/**
 * Why a command over the connection fails.
 *
 * @category reasons
 * @since 0.1.0
 */
export type CommandReason = ConnectionReason | NotConnected | AckTimeout

/**
 * Why a message is not sent, or not known to be.
 *
 * @category reasons
 * @since 0.1.0
 */
export type SendReason = CommandReason | UploadReason | DeliveryUnknown | OutboxExpired | Cancelled

/**
 * The request of a REST method of the documented client: the method in lower case, the path, the query parameters as they
 * were given, and the body as it was sent. The token is not in it.
 *
 * @category models
 * @since 0.1.0
 */
export const RequestConfig = Schema.Struct({
  method: Schema.String,
  url: Schema.String,
  params: Schema.optionalKey(Schema.Unknown),
  data: Schema.optionalKey(Schema.String)
})

/**
 * The request of a REST method of the documented client.
 *
 * @category models
 * @since 0.1.0
 */
export type RequestConfig = (typeof RequestConfig)["Type"]

/**
 * The HTTP response that made the call fail. `data` is the body: parsed where it is JSON, with its keys unchanged.
 *
 * @category models
 * @since 0.1.0
 */
export const ErrorResponse = Schema.Struct({
  status: Schema.Int,
  statusText: Schema.optionalKey(Schema.String),
  headers: Schema.Record(Schema.String, Schema.String),
  data: Schema.Unknown,
  config: Schema.optionalKey(RequestConfig)
})

/**
 * The HTTP response that made the call fail.
 *
 * @category models
 * @since 0.1.0
 */
export type ErrorResponse = (typeof ErrorResponse)["Type"]

/**
 * The one error of this SDK: which call failed (`method`), and why (`reason`).
 *
 * **Details**
 *
 * `reason` is a tagged union, so `Effect.catchReason` handles one cause and leaves the others. The type of each method
 * lists its reasons (`KefuError<RequestReason>`); `KefuError` alone stands for any. `isRetryable` says
 * whether the same call may succeed later, `userText` is a short sentence for end users, and `response` is the HTTP
 * response, if there was one. `config` is the request, where a REST method of the documented client failed. `cause` is
 * what led to it, if that was an error: another `KefuError`, or in place of a foreign error one with its name, its code and
 * the words of its message that can be no secret, without a stack. The token never appears in any of them.
 *
 * **Example** (Handling one reason)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import type { KefuError } from "effect-kefu/KefuError"
 *
 * const orNull = <A>(call: Effect.Effect<A, KefuError>) =>
 *   call.pipe(Effect.catchReason("KefuError", "NotFound", () => Effect.succeed(null)))
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class KefuError<out Reason extends KefuErrorReason = KefuErrorReason> extends Schema.TaggedError<KefuError>(
  "effect-kefu/KefuError"
)("KefuError", {
  method: Schema.String,
  reason: Schema.suspend(() => KefuErrorReason),
  response: Schema.optionalKey(ErrorResponse),
  config: Schema.optionalKey(RequestConfig)
}) {
  declare readonly reason: Reason

  // A decoded error has no cause: it is not encoded either.
  // @effect-diagnostics-next-line overriddenSchemaConstructor:off
  constructor(
    props: {
      readonly method: string
      readonly reason: Reason
      readonly response?: ErrorResponse
      readonly config?: RequestConfig
      readonly cause?: unknown
    },
    options?: Schema.MakeOptions
  ) {
    const { cause, ...fields } = props
    super(fields, options)
    if (cause !== undefined) this.cause = cause
  }

  /** Narrows to an error with any reason. */
  static override [Symbol.hasInstance](value: unknown): value is KefuError {
    return super[Symbol.hasInstance](value)
  }

  override get name(): "KefuError" {
    return "KefuError"
  }

  /**
   * Whether the same call may succeed later.
   *
   * @since 0.1.0
   */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }

  /**
   * `ECONNABORTED` if a request got no response in time, as the old client said it; undefined otherwise.
   *
   * @since 0.1.0
   */
  get code(): "ECONNABORTED" | undefined {
    return this.reason._tag === "RequestTimeout" ? "ECONNABORTED" : undefined
  }

  /**
   * A short sentence for end users, in English and in Simplified Chinese.
   *
   * @since 0.1.0
   */
  get userText(): UserText {
    return this.reason.userText
  }

  override get message(): string {
    return `${this.method}: ${this.reason.message}; ${this.reason.advice}`
  }

  /**
   * The same failure, reported for another method.
   *
   * @since 0.1.0
   */
  at(method: string): KefuError<Reason> {
    return new KefuError({ ...this, method })
  }

  /** Printed by Node, Deno and Bun: name, message and stack once, then the reason and the response. */
  [inspection](_depth: number, options?: object, inspect?: Inspect): string {
    const stack = this.stack ?? ""
    const frames = stack.includes("\n    at ") ? stack.slice(stack.indexOf("\n    at ")) : ""
    const answered = this.response === undefined ? "" : `\n  response: ${inline(this.response, options, inspect)}`
    const reason = inlineReason(this.reason, options, inspect)
    const caused = this.cause instanceof Error ? `\n  cause: ${String(this.cause)}` : ""
    return `${this.name}: ${this.message}${frames}\n  reason: ${reason}${answered}${caused}`
  }
}

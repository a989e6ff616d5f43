/**
 * The one public error and its reasons.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

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
 * The backend could not be reached: no connection, or none that answers.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NetworkUnreachable extends Schema.TaggedError<NetworkUnreachable>(
  "effect-kefu/KefuError/NetworkUnreachable"
)("NetworkUnreachable", { detail: Schema.String }) {
  readonly isRetryable: boolean = true
  readonly advice: string = "check the network and the base URL"
  readonly userText: UserText = {
    en: "Cannot reach the service. Please check your network.",
    zh: "无法连接服务，请检查网络。"
  }
  override get message(): string {
    return `the backend could not be reached (${this.detail})`
  }
}

/**
 * The connection ended while the call was waiting; `code` is the WebSocket close code.
 *
 * @category reasons
 * @since 0.1.0
 */
export class ConnectionLost extends Schema.TaggedError<ConnectionLost>("effect-kefu/KefuError/ConnectionLost")(
  "ConnectionLost",
  { code: Schema.Int, detail: Schema.String }
) {
  readonly isRetryable: boolean = true
  readonly advice: string = "it reconnects by itself; call again"
  readonly userText: UserText = { en: "The connection was lost. Reconnecting…", zh: "连接已断开，正在重连……" }
  override get message(): string {
    return `the connection was lost (${this.code}${this.detail === "" ? "" : ` ${this.detail}`})`
  }
}

/**
 * The WebSocket did not open in time.
 *
 * @category reasons
 * @since 0.1.0
 */
export class ConnectTimeout extends Schema.TaggedError<ConnectTimeout>("effect-kefu/KefuError/ConnectTimeout")(
  "ConnectTimeout",
  { afterMillis: Schema.Finite }
) {
  readonly isRetryable: boolean = true
  readonly advice: string = "check the network, or raise `connectTimeout`"
  readonly userText: UserText = { en: "The connection timed out. Please try again.", zh: "连接超时，请重试。" }
  override get message(): string {
    return `the connection did not open within ${this.afterMillis} ms`
  }
}

/**
 * The backend did not answer a request in time; whether it was carried out is not known. `option` is the one that set the
 * limit.
 *
 * @category reasons
 * @since 0.1.0
 */
export class RequestTimeout extends Schema.TaggedError<RequestTimeout>("effect-kefu/KefuError/RequestTimeout")(
  "RequestTimeout",
  {
    afterMillis: Schema.Finite,
    option: Schema.optionalKey(Schema.Literals(["requestTimeout", "uploadTimeout", "timeout"]))
  }
) {
  readonly isRetryable: boolean = true
  readonly advice: string =
    this.option === undefined
      ? "try again, or raise `requestTimeout` (for files `uploadTimeout`)"
      : `try again, or raise \`${this.option}\``
  readonly userText: UserText = {
    en: "The service did not answer in time. Please try again.",
    zh: "服务响应超时，请重试。"
  }
  override get message(): string {
    return `no answer within ${this.afterMillis} ms`
  }
}

/**
 * The backend did not acknowledge a command in time; whether it was carried out is not known. The backend has no negative
 * acknowledgement, so a refused command ends like this, too: repeating it blindly is refused again, or does it twice.
 *
 * @category reasons
 * @since 0.1.0
 */
export class AckTimeout extends Schema.TaggedError<AckTimeout>("effect-kefu/KefuError/AckTimeout")("AckTimeout", {
  afterMillis: Schema.Finite,
  sequenceId: Schema.Int
}) {
  readonly isRetryable: boolean = false
  readonly advice: string =
    "check that the command is allowed here, then read the conversation again before repeating it"
  readonly userText: UserText = {
    en: "No confirmation arrived. Please check before sending again.",
    zh: "未收到确认，重发前请先核对。"
  }
  override get message(): string {
    return `not acknowledged within ${this.afterMillis} ms; the backend refuses without saying so`
  }
}

/**
 * The message was handed to a connection that ended before the acknowledgement; it may have arrived or not.
 *
 * @category reasons
 * @since 0.1.0
 */
export class DeliveryUnknown extends Schema.TaggedError<DeliveryUnknown>("effect-kefu/KefuError/DeliveryUnknown")(
  "DeliveryUnknown",
  { detail: Schema.String }
) {
  readonly isRetryable: boolean = false
  readonly advice: string = "read the conversation before sending again, or it may arrive twice"
  readonly userText: UserText = { en: "It is not certain whether the message was sent.", zh: "消息是否送达尚不确定。" }
  override get message(): string {
    return `the outcome is unknown (${this.detail})`
  }
}

/**
 * The token is missing, unknown or expired, and could not be refreshed. Status 401.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Unauthorized extends Schema.TaggedError<Unauthorized>("effect-kefu/KefuError/Unauthorized")(
  "Unauthorized",
  { detail: Schema.String }
) {
  readonly isRetryable: boolean = false
  readonly advice: string = "supply a valid token"
  readonly userText: UserText = { en: "Please sign in again.", zh: "登录已失效，请重新登录。" }
  override get message(): string {
    return `the token was refused (${this.detail})`
  }
}

/**
 * There was no token to call with, since what provides it failed. Unlike after `Unauthorized`, the connection goes on
 * trying.
 *
 * @category reasons
 * @since 0.1.0
 */
export class TokenUnavailable extends Schema.TaggedError<TokenUnavailable>("effect-kefu/KefuError/TokenUnavailable")(
  "TokenUnavailable",
  { detail: Schema.String }
) {
  readonly isRetryable: boolean = true
  readonly advice: string = "check the token provider that was given in the options"
  readonly userText: UserText = { en: "Cannot sign in right now. Please try again.", zh: "暂时无法登录，请稍后重试。" }
  override get message(): string {
    return `there is no token (${this.detail})`
  }
}

/**
 * The session's role does not allow the call. Status 403.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Forbidden extends Schema.TaggedError<Forbidden>("effect-kefu/KefuError/Forbidden")("Forbidden", {
  detail: Schema.String
}) {
  readonly isRetryable: boolean = false
  readonly advice: string = "use a session with the role that this call needs"
  readonly userText: UserText = { en: "You are not allowed to do this.", zh: "您没有权限进行此操作。" }
  override get message(): string {
    return `not allowed (${this.detail})`
  }
}

/**
 * What the call names does not exist. Status 404 or 410.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NotFound extends Schema.TaggedError<NotFound>("effect-kefu/KefuError/NotFound")("NotFound", {
  detail: Schema.String
}) {
  readonly isRetryable: boolean = false
  readonly advice: string = "check the id"
  readonly userText: UserText = { en: "This no longer exists.", zh: "内容不存在或已被删除。" }
  override get message(): string {
    return `not found (${this.detail})`
  }
}

/**
 * The call does not fit the present state. Status 409.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Conflict extends Schema.TaggedError<Conflict>("effect-kefu/KefuError/Conflict")("Conflict", {
  detail: Schema.String
}) {
  readonly isRetryable: boolean = false
  readonly advice: string = "read the state again"
  readonly userText: UserText = { en: "The state has changed. Please refresh.", zh: "状态已变化，请刷新。" }
  override get message(): string {
    return `the present state does not allow it (${this.detail})`
  }
}

/**
 * An argument was refused, by us or by the backend; `field` names it (empty when the backend did not say).
 *
 * @category reasons
 * @since 0.1.0
 */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>("effect-kefu/KefuError/InvalidRequest")(
  "InvalidRequest",
  { field: Schema.String, detail: Schema.String }
) {
  readonly isRetryable: boolean = false
  readonly advice: string = "correct the argument"
  readonly userText: UserText = { en: "The input is not valid.", zh: "输入有误，请修改。" }
  override get message(): string {
    return `invalid ${this.field === "" ? "request" : this.field} (${this.detail})`
  }
}

/**
 * What was sent is larger than the backend takes: a body (status 413) or a frame (close code 1009). It was not handled.
 *
 * @category reasons
 * @since 0.1.0
 */
export class RequestTooLarge extends Schema.TaggedError<RequestTooLarge>("effect-kefu/KefuError/RequestTooLarge")(
  "RequestTooLarge",
  { detail: Schema.String }
) {
  readonly isRetryable: boolean = false
  readonly advice: string = "send less at once"
  readonly userText: UserText = { en: "This is too long to be sent.", zh: "内容过长，无法发送。" }
  override get message(): string {
    return `larger than the backend takes (${this.detail})`
  }
}

/**
 * Too many requests. Status 429. `retryAfterMillis` is what the backend asked for, if it did.
 *
 * @category reasons
 * @since 0.1.0
 */
export class RateLimited extends Schema.TaggedError<RateLimited>("effect-kefu/KefuError/RateLimited")("RateLimited", {
  retryAfterMillis: Schema.optionalKey(Schema.Finite)
}) {
  readonly isRetryable: boolean = true
  readonly advice: string = "wait, then try again"
  readonly userText: UserText = { en: "Too many requests. Please wait a moment.", zh: "操作过于频繁，请稍后再试。" }
  override get message(): string {
    return `too many requests${this.retryAfterMillis === undefined ? "" : `, allowed again in ${this.retryAfterMillis} ms`}`
  }
}

/**
 * The backend failed. `retryAfterMillis` is what it asked for, if it did.
 *
 * @category reasons
 * @since 0.1.0
 */
export class ServerFault extends Schema.TaggedError<ServerFault>("effect-kefu/KefuError/ServerFault")("ServerFault", {
  status: Schema.Int,
  retryAfterMillis: Schema.optionalKey(Schema.Finite)
}) {
  readonly isRetryable: boolean = true
  readonly advice: string = "try again later"
  readonly userText: UserText = {
    en: "The service has a problem. Please try again later.",
    zh: "服务出现问题，请稍后再试。"
  }
  override get message(): string {
    return `the backend failed with status ${this.status}`
  }
}

/**
 * The backend answered something that the contract does not allow; `path` says where.
 *
 * @category reasons
 * @since 0.1.0
 */
export class UnexpectedResponse extends Schema.TaggedError<UnexpectedResponse>(
  "effect-kefu/KefuError/UnexpectedResponse"
)("UnexpectedResponse", { path: Schema.String, detail: Schema.String }) {
  readonly isRetryable: boolean = false
  readonly advice: string = "check that the base URL names a compatible backend"
  readonly userText: UserText = { en: "The service gave an unexpected answer.", zh: "服务返回了无法识别的内容。" }
  override get message(): string {
    return `unexpected answer${this.path === "" ? "" : ` at ${this.path}`} (${this.detail})`
  }
}

/**
 * The account logged in elsewhere, which ended this session. It stays so until `takeOver`. `remedy` replaces the advice.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Superseded extends Schema.TaggedError<Superseded>("effect-kefu/KefuError/Superseded")("Superseded", {
  remedy: Schema.optionalKey(Schema.String)
}) {
  readonly isRetryable: boolean = false
  readonly advice: string = this.remedy ?? "call `takeOver` to take the session back"
  readonly userText: UserText = { en: "Your account was opened in another place.", zh: "您的账号已在别处登录。" }
  override get message(): string {
    return "the account logged in elsewhere"
  }
}

/**
 * There is no connection at the moment. `remedy` replaces the advice.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NotConnected extends Schema.TaggedError<NotConnected>("effect-kefu/KefuError/NotConnected")(
  "NotConnected",
  { detail: Schema.String, remedy: Schema.optionalKey(Schema.String) }
) {
  readonly isRetryable: boolean = true
  readonly advice: string = this.remedy ?? "wait for the state `Connected`, or send through the outbox"
  readonly userText: UserText = { en: "You are offline at the moment.", zh: "当前未连接。" }
  override get message(): string {
    return `not connected (${this.detail})`
  }
}

/**
 * A subscriber with the overflow policy `fail` was too slow and lost `dropped` events.
 *
 * @category reasons
 * @since 0.1.0
 */
export class SubscriberLagged extends Schema.TaggedError<SubscriberLagged>("effect-kefu/KefuError/SubscriberLagged")(
  "SubscriberLagged",
  { dropped: Schema.Int }
) {
  readonly isRetryable: boolean = false
  readonly advice: string = "subscribe again and re-read the conversations"
  readonly userText: UserText = { en: "Some messages need to be reloaded.", zh: "部分消息需要重新加载。" }
  override get message(): string {
    return `${this.dropped} events were lost because they were not taken in time`
  }
}

/**
 * The outbox holds as many sends as it may.
 *
 * @category reasons
 * @since 0.1.0
 */
export class OutboxFull extends Schema.TaggedError<OutboxFull>("effect-kefu/KefuError/OutboxFull")("OutboxFull", {
  capacity: Schema.Int
}) {
  readonly isRetryable: boolean = true
  readonly advice: string = "wait until some are sent, or raise its capacity"
  readonly userText: UserText = { en: "Too many messages are waiting to be sent.", zh: "待发送的消息过多。" }
  override get message(): string {
    return `the outbox already holds ${this.capacity} sends`
  }
}

/**
 * The send waited longer than its lifetime and was given up; it was not sent.
 *
 * @category reasons
 * @since 0.1.0
 */
export class OutboxExpired extends Schema.TaggedError<OutboxExpired>("effect-kefu/KefuError/OutboxExpired")(
  "OutboxExpired",
  { afterMillis: Schema.Finite }
) {
  readonly isRetryable: boolean = true
  readonly advice: string = "send it again"
  readonly userText: UserText = { en: "The message could not be sent in time.", zh: "消息未能及时发送。" }
  override get message(): string {
    return `not sent within its lifetime of ${this.afterMillis} ms`
  }
}

/**
 * The send was cancelled before it left; it was not sent.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Cancelled extends Schema.TaggedError<Cancelled>("effect-kefu/KefuError/Cancelled")("Cancelled", {}) {
  readonly isRetryable: boolean = false
  readonly advice: string = "nothing to do"
  readonly userText: UserText = { en: "Cancelled.", zh: "已取消。" }
  override get message(): string {
    return "cancelled before it was sent"
  }
}

/**
 * The file is larger than the backend takes. Status 413. `byteSize` is in bytes.
 *
 * @category reasons
 * @since 0.1.0
 */
export class UploadTooLarge extends Schema.TaggedError<UploadTooLarge>("effect-kefu/KefuError/UploadTooLarge")(
  "UploadTooLarge",
  { byteSize: Schema.optionalKey(Schema.Int) }
) {
  readonly isRetryable: boolean = false
  readonly advice: string = "send a smaller file"
  readonly userText: UserText = { en: "The file is too large.", zh: "文件过大。" }
  override get message(): string {
    return `the file${this.byteSize === undefined ? "" : ` of ${this.byteSize} bytes`} is too large`
  }
}

/**
 * The file could not be stored.
 *
 * @category reasons
 * @since 0.1.0
 */
export class UploadFailed extends Schema.TaggedError<UploadFailed>("effect-kefu/KefuError/UploadFailed")(
  "UploadFailed",
  { detail: Schema.String }
) {
  readonly isRetryable: boolean = true
  readonly advice: string = "upload the file again"
  readonly userText: UserText = { en: "The upload failed. Please try again.", zh: "上传失败，请重试。" }
  override get message(): string {
    return `the upload failed (${this.detail})`
  }
}

/**
 * The store that keeps tokens or queued sends failed.
 *
 * @category reasons
 * @since 0.1.0
 */
export class StorageFailed extends Schema.TaggedError<StorageFailed>("effect-kefu/KefuError/StorageFailed")(
  "StorageFailed",
  { detail: Schema.String }
) {
  readonly isRetryable: boolean = true
  readonly advice: string = "check the storage that was given in the options"
  readonly userText: UserText = { en: "The local storage failed.", zh: "本地存储出错。" }
  override get message(): string {
    return `the storage failed (${this.detail})`
  }
}

/**
 * The session was closed, so nothing more can be done with it. `remedy` replaces the advice.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Closed extends Schema.TaggedError<Closed>("effect-kefu/KefuError/Closed")("Closed", {
  detail: Schema.String,
  remedy: Schema.optionalKey(Schema.String)
}) {
  readonly isRetryable: boolean = false
  readonly advice: string = this.remedy ?? "call `open` again, or build a new session"
  readonly userText: UserText = { en: "The chat was closed.", zh: "会话连接已关闭。" }
  override get message(): string {
    return `the session is closed (${this.detail})`
  }
}

/**
 * Every reason of a {@link KefuError}.
 *
 * @category reasons
 * @since 0.1.0
 */
export const KefuErrorReason = Schema.Union([
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

/**
 * Every reason of a {@link KefuError}, told apart by `_tag`.
 *
 * @category reasons
 * @since 0.1.0
 */
export type KefuErrorReason = (typeof KefuErrorReason)["Type"]

/** What Node, Deno and Bun ask for how to print something. */
const inspection: unique symbol = Symbol.for("nodejs.util.inspect.custom") as typeof inspection

type Inspect = (value: unknown, options: object) => string

/** The fields in one line. */
const inline = (value: unknown, options: object | undefined, inspect: Inspect | undefined): string =>
  inspect === undefined ? JSON.stringify(value) : inspect(value, { ...options, compact: true, breakLength: Infinity })

const inlineReason = (reason: KefuErrorReason, options?: object, inspect?: Inspect): string => {
  const { advice: _, isRetryable: __, userText: ___, _tag, ...fields } = { ...reason }
  return Object.keys(fields).length === 0 ? _tag : `${_tag} ${inline(fields, options, inspect)}`
}

for (const { fields, prototype } of KefuErrorReason.members) {
  Object.defineProperties(prototype, {
    name: { configurable: true, writable: true, value: fields._tag.schema.literal },
    [inspection]: {
      configurable: true,
      value(this: KefuErrorReason, _depth: number, options?: object, inspect?: Inspect) {
        return inlineReason(this, options, inspect)
      }
    }
  })
}

/**
 * What the backend answered, where the call failed by an HTTP response. `data` is the body: parsed where it is JSON,
 * with the keys as they came.
 *
 * @category models
 * @since 0.1.0
 */
export const ErrorResponse = Schema.Struct({
  status: Schema.Int,
  headers: Schema.Record(Schema.String, Schema.String),
  data: Schema.Unknown
})

/**
 * What the backend answered, where the call failed by an HTTP response.
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
 * `reason` is a tagged union, so `Effect.catchReason` handles one cause and leaves the others. `isRetryable` says
 * whether the same call may succeed later, `userText` is a short sentence for end users, and `response` holds what the
 * backend answered, if that was the failure. A token never appears in any of them.
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
export class KefuError extends Schema.TaggedError<KefuError>("effect-kefu/KefuError")("KefuError", {
  method: Schema.String,
  reason: KefuErrorReason,
  response: Schema.optionalKey(ErrorResponse)
}) {
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
   * The same failure, told as that of another call.
   *
   * @since 0.1.0
   */
  at(method: string): KefuError {
    return new KefuError({ ...this, method })
  }

  /** How consoles of Node, Deno and Bun print it: name, message and stack once, then the reason and the response. */
  [inspection](_depth: number, options?: object, inspect?: Inspect): string {
    const stack = this.stack ?? ""
    const frames = stack.includes("\n    at ") ? stack.slice(stack.indexOf("\n    at ")) : ""
    const answered = this.response === undefined ? "" : `\n  response: ${inline(this.response, options, inspect)}`
    const reason = inlineReason(this.reason, options, inspect)
    return `${this.name}: ${this.message}${frames}\n  reason: ${reason}${answered}`
  }
}

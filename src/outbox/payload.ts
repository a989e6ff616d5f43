/**
 * The payload of a send, and how the history shows it.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { encodeUnknownResult } from "../codec/direct.ts"
import { lazyFunction } from "../codec/lazy.ts"
import { UserId } from "../domain/Id.ts"
import { Message, messageTypeCode } from "../domain/Message.ts"
import { InvalidRequest, KefuError } from "../KefuError.ts"
import { ClientFrameJson, SendPayload } from "../wire/Frame.ts"
import { invalid } from "../http/call.ts"

/** The type and content of a message after a round trip over the wire. */
export interface Content {
  readonly type: number
  readonly value: unknown
}

const encodeFrame = lazyFunction(() => encodeUnknownResult(ClientFrameJson))
const decodePayload = lazyFunction(() => Schema.decodeUnknownResult(Schema.toType(SendPayload)))
const decodeSent = lazyFunction(() =>
  Schema.decodeUnknownOption(
    Schema.fromJsonString(
      Schema.Struct({ payload: Schema.Struct({ message_type: Schema.Int, content: Schema.Unknown }) })
    )
  )
)
const decodeRecipient = lazyFunction(() => Schema.decodeUnknownOption(UserId))
const decodeMessage = lazyFunction(() => Schema.decodeUnknownOption(Message))

const frame = (payload: unknown) => encodeFrame({ sequenceId: 0, eventType: "Message", payload })

/** Whether it is a text, which nothing can change, with a recipient that is an id or missing. */
const isText = (payload: unknown): payload is SendPayload & { readonly content: string } =>
  Predicate.hasProperty(payload, "messageType") &&
  payload.messageType === "Text" &&
  Predicate.hasProperty(payload, "content") &&
  typeof payload.content === "string" &&
  (!Predicate.hasProperty(payload, "toId") || payload.toId === undefined || Number.isSafeInteger(payload.toId))

/** A payload that was JSON: that drops an undefined content, which is nevertheless the app's. */
export const whole = (copied: unknown): unknown =>
  Predicate.isObject(copied) ? { content: undefined, ...copied } : copied

/** Validates a payload and copies it as JSON, so that later changes to the app's objects do not affect it. */
export const fixed = (method: string, payload: unknown): Effect.Effect<SendPayload, KefuError<InvalidRequest>> => {
  if (isText(payload)) return Effect.succeed(payload)
  const encoded = frame(payload)
  if (Result.isFailure(encoded)) return Effect.fail(invalid(method, encoded.failure))
  const copied = Result.try((): unknown => JSON.parse(JSON.stringify(payload)))
  if (Result.isFailure(copied)) {
    const reason = new InvalidRequest({ field: "content", detail: "it cannot be sent as JSON" })
    return Effect.fail(new KefuError({ method, reason }))
  }
  return Effect.mapError(Effect.fromResult(decodePayload(whole(copied.success))), (error) => invalid(method, error))
}

/** The recipient of a send, whom the app may also have named by a text of digits, or by null. */
export const recipientOf = ({ toId }: { readonly toId?: UserId | undefined }): UserId | undefined => {
  const given: unknown = toId
  if (Predicate.isNullish(given) || given === "") return undefined
  const number = typeof given === "string" && given.trim() !== "" ? Number(given) : given
  return Option.getOrElse(decodeRecipient(number), () => toId)
}

export const ofMessage = (message: Message): Content => ({
  type: message.messageType === "Unknown" ? message.typeCode : messageTypeCode[message.messageType],
  value: message.content
})

/** How the history shows a send that the backend keeps unchanged. */
export const ofSend = (payload: SendPayload): Content =>
  isText(payload) ? { type: messageTypeCode.Text, value: payload.content } : decoded(payload)

const decoded = (payload: SendPayload): Content =>
  Result.getSuccess(frame(payload)).pipe(
    Option.flatMap(decodeSent),
    Option.flatMap(({ payload: sent }) => decodeMessage({ id: 0, conversation_id: 0, ...sent })),
    Option.match({
      onNone: () => ({ type: messageTypeCode[payload.messageType], value: payload.content }),
      onSome: ofMessage
    })
  )

/** Whether a message of the history may be a send: it holds all that was sent; the backend may have added fields. */
export const holds = (found: Content, sent: Content): boolean =>
  found.type === sent.type && contains(found.value, sent.value)

const contains = (found: unknown, sent: unknown): boolean => {
  if (Predicate.isNullish(sent)) return true
  if (Array.isArray(sent)) {
    return (
      Array.isArray(found) &&
      found.length === sent.length &&
      sent.every((item: unknown, index) => contains(found[index], item))
    )
  }
  if (typeof sent !== "object") return found === sent
  return (
    typeof found === "object" &&
    found !== null &&
    Object.entries(sent).every(([key, value]) =>
      contains(Object.hasOwn(found, key) ? (found as { readonly [key: string]: unknown })[key] : undefined, value)
    )
  )
}

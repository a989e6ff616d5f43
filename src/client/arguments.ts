/**
 * Checks what untyped code passes to the client, so that it gets a `KefuError` instead of a strange failure.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { unboxed } from "../codec/Key.ts"
import { didYouMean } from "../codec/similar.ts"
import { InvalidRequest, KefuError } from "../KefuError.ts"
import type { CallOptions, ClientOptions } from "./options.ts"
import type { SendableType } from "./types.ts"

export const invalid = (method: string, field: string, detail: string): KefuError =>
  new KefuError({ method, reason: new InvalidRequest({ field, detail }) })

/** The number that an app means by an id: also given as text, from an address or an attribute. */
export const numberOf = (value: unknown): number | undefined => {
  const raw = unboxed(value)
  const number = typeof raw === "string" && raw.trim() !== "" ? Number(raw) : raw
  return typeof number === "number" && Number.isSafeInteger(number) ? number : undefined
}

/** An id that is sent as the app has it: whether the backend knows it, the backend says. */
export const identifier = (
  method: string,
  field: string,
  value: unknown
): Effect.Effect<string | number, KefuError> => {
  const raw = unboxed(value)
  return (typeof raw === "number" && Number.isFinite(raw)) || (typeof raw === "string" && raw.trim() !== "")
    ? Effect.succeed(raw)
    : Effect.fail(invalid(method, field, "expected an id"))
}

/** Whom to address, as the app has it; undefined, null and the empty text leave it to the client, and go as given. */
export const addressee = (method: string, value: unknown) =>
  isNamed(value) ? identifier(method, "toId", value) : Effect.succeed(value)

/** Whether this names someone. */
export const isNamed = <A>(toId: A): toId is Exclude<A, undefined | null | ""> =>
  toId !== undefined && toId !== null && (toId as unknown) !== ""

/** Checks the id of something that the client itself holds. */
export const integer = (method: string, field: string, value: unknown): Effect.Effect<number, KefuError> => {
  const number = numberOf(value)
  return number === undefined ? Effect.fail(invalid(method, field, "expected an integer")) : Effect.succeed(number)
}

/** What the client sends of a message of the app. */
export interface Draft {
  readonly messageType: unknown
  readonly content: unknown
  /** Undefined if the message names no conversation. */
  readonly conversationId: number | undefined
}

const sendable: ReadonlySet<string> = new Set<SendableType>([
  "Text",
  "Image",
  "Video",
  "Attachment",
  "FAQAnswerMessage",
  "OrderMessage"
])

/** What a message is at the time of this call: the app may change its objects as soon as it has sent them. */
export const draftOf = (method: string, message: unknown): Effect.Effect<Draft, KefuError> => {
  if (!Predicate.isObject(message))
    return Effect.fail(invalid(method, "message", "expected a message, as from buildMessage"))
  const read = Result.try((): { readonly [key: string]: unknown } => ({ ...message }))
  const { content, conversationId, messageType } = Result.isSuccess(read) ? read.success : {}
  const kind = unboxed(messageType)
  if (typeof kind !== "string" || !sendable.has(kind))
    return Effect.fail(invalid(method, "messageType", `expected one of ${Array.from(sendable).join(", ")}`))
  const copied = Result.try(() => {
    const text: string | undefined = JSON.stringify(content)
    return text === undefined ? undefined : (JSON.parse(text) as unknown)
  })
  if (Result.isFailure(copied)) return Effect.fail(invalid(method, "content", "it cannot be sent as JSON"))
  const number = numberOf(conversationId) ?? 0
  return Effect.succeed({
    messageType: kind,
    content: copied.success,
    conversationId: number > 0 ? number : undefined
  })
}

const isSignal = (signal: unknown): boolean =>
  Predicate.isObject(signal) &&
  typeof signal["aborted"] === "boolean" &&
  typeof signal["addEventListener"] === "function" &&
  typeof signal["removeEventListener"] === "function"

/** What is wrong with the options of a call. */
export const callError = (method: string, options: CallOptions | null | undefined): KefuError | undefined => {
  if (options === undefined || options === null) return undefined
  if (typeof options !== "object") return invalid(method, "options", "expected an object")
  const signal: unknown = options.signal
  if (Predicate.isNotNullish(signal) && !isSignal(signal)) return invalid(method, "signal", "expected an AbortSignal")
  const timeout: unknown = options.timeout
  if (Predicate.isNullish(timeout) || (typeof timeout === "number" && timeout >= 0)) return undefined
  return invalid(method, "timeout", "expected milliseconds, as a number of at least 0")
}

/** Exactly the names of the options, so that none is told as unknown. */
const optionNames: { readonly [Name in keyof Required<ClientOptions>]: ReadonlyArray<string> } = {
  token: [],
  subChannelId: [],
  debug: [],
  baseUrl: [],
  retry: ["times", "base", "cap"],
  reconnect: ["base", "cap", "hiddenCap", "resetAfter"],
  storage: [],
  tokenKey: [],
  fetch: [],
  webSocket: [],
  requestTimeout: [],
  uploadTimeout: [],
  connectTimeout: [],
  ackTimeout: [],
  heartbeat: ["idle", "timeout"],
  catchUp: [],
  outbox: ["capacity", "lifetime", "persist"],
  shareTabs: [],
  inbox: ["withholdDraft", "queuePoll"],
  maxBodySize: [],
  maxFrameSize: []
}

/** The options that the client does not know, as errors. */
export const unknownOptions = (options: object): ReadonlyArray<KefuError> => {
  const known = new Map<string, ReadonlyArray<string>>(Object.entries(optionNames))
  return Object.entries(options).flatMap(([name, value]: [string, unknown]) => {
    const inner = known.get(name)
    if (inner === undefined) return [unknownName("new Client", name, Array.from(known.keys()), "option")]
    if (inner.length === 0 || !Predicate.isObject(value)) return []
    return Object.keys(value)
      .filter((key) => !inner.includes(key))
      .map((key) =>
        unknownName(
          "new Client",
          `${name}.${key}`,
          inner.map((each) => `${name}.${each}`),
          "option"
        )
      )
  })
}

/** That a name is not known, and which was meant, if one is similar. */
export const unknownName = (method: string, name: string, known: ReadonlyArray<string>, what: string): KefuError =>
  invalid(method, name, `there is no such ${what}${didYouMean(name, known)}`)

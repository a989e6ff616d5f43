/** What the program prints: one line of text for a message, an event, a conversation. */
import * as DateTime from "effect/DateTime"
import * as Predicate from "effect/Predicate"
import type { Conversation } from "../domain/Conversation.ts"
import type { UserId } from "../domain/Id.ts"
import type { Message } from "../domain/Message.ts"
import type { User } from "../domain/User.ts"
import { KefuError } from "../KefuError.ts"
import type { ConnectionState } from "../realtime/ConnectionState.ts"
import type { RealtimeEvent } from "../realtime/RealtimeEvent.ts"

// oxlint-disable-next-line no-control-regex -- text of others must not steer the terminal
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

/** Text of others without characters that steer a terminal. */
const harmless = (text: string): string => text.replaceAll(controls, "\uFFFD")

/** The same on one line. */
export const oneLine = (text: string): string => harmless(text.replaceAll(/\s*[\r\n\t]+\s*/g, " "))

/** The time of day here; a dash where the backend gave none. */
export const time = (millis: number | null | undefined): string =>
  Predicate.isNullish(millis)
    ? "-"
    : DateTime.formatLocal(DateTime.makeUnsafe(millis), { timeStyle: "medium", hourCycle: "h23", locale: "en" })

/** The fields of a content that a person wants to read, in this order. */
const readable = ["filename", "url", "answer", "candidates", "title", "orderNo", "nickname", "reason", "score"]

const fields = (content: object): string =>
  readable
    .map((name) => (Predicate.hasProperty(content, name) ? content[name] : undefined))
    .flatMap((value) => (Array.isArray(value) ? value : [value]))
    .filter((value) => typeof value === "string" || typeof value === "number")
    .join(" ")

/** What people and robots say needs no label. */
const isSpeech = (messageType: string) => messageType === "Text" || /^(Robot|FAQ)/.test(messageType)

/** What a message says, without its sender. */
export const content = (message: { readonly messageType: string; readonly content?: unknown }): string => {
  const { content: given, messageType } = message
  const said = typeof given === "string" ? given : Predicate.isObject(given) ? fields(given) : ""
  if (isSpeech(messageType) && said !== "") return said
  return `[${messageType}]${said === "" ? "" : ` ${said}`}`
}

export const name = (user: User | null | undefined): string =>
  user === null || user === undefined ? "-" : (user.nickname ?? `user ${user.id}`)

/** The names of the people of a conversation. */
export const names = (conversation: Conversation): ReadonlyMap<UserId, string> =>
  new Map(
    [conversation.customer, conversation.lastStaff, ...conversation.users]
      .filter(Predicate.isNotNullish)
      .map((user) => [user.id, name(user)])
  )

export const message = (said: Message, people: ReadonlyMap<UserId, string> = new Map()): string => {
  const sender = Predicate.isNullish(said.fromId) ? "system" : (people.get(said.fromId) ?? `user ${said.fromId}`)
  return oneLine(`${time(said.createdAt)}  #${said.id}  ${sender}: ${content(said)}`)
}

export const conversation = (found: Conversation): string => {
  const last = found.messages.at(-1)
  const said = last === undefined ? "" : `  ${content(last)}`
  return oneLine(
    `${String(found.id).padStart(6)}  ${found.state.padEnd(8)}  ${name(found.customer)} / ${name(found.lastStaff)}${said}`
  )
}

/** What the connection does, in a few words. */
export const connection = (state: ConnectionState): string => {
  switch (state._tag) {
    case "Waiting":
      return `disconnected, dials again at ${time(state.retryAt)}: ${state.cause.message}`
    case "Suspended":
      return `suspended: ${state.why}`
    case "Closed":
      return state.reason === undefined ? "closed" : `closed: ${state.reason.message}`
    case "Superseded":
      return "ended: the account logged in elsewhere"
    default:
      return state._tag.toLowerCase()
  }
}

export const event = (happened: RealtimeEvent): string => {
  switch (happened._tag) {
    case "MessageReceived":
      return `${message(happened.message)}  (conversation ${happened.message.conversationId}${happened.recovered ? ", recovered" : ""})`
    case "MessagesRead":
      return `read up to #${happened.messageId}  (conversation ${happened.conversationId})`
    case "Inputting":
      return oneLine(`typing: ${happened.payload.content ?? ""}  (conversation ${happened.conversationId})`)
    case "Resynced":
      return `up to date: ${happened.conversations.length} conversations${happened.complete ? "" : ", incomplete"}`
    case "GapUnresolved":
      return `messages may be missing  (conversation ${happened.conversationId ?? "unknown"}): ${happened.detail}`
    case "StateChanged":
      return connection(happened.state)
    case "Lagged":
      return `${happened.dropped} events were lost: this program is too slow`
    case "ActedElsewhere":
      return `another tab: ${happened.command}${happened.messageId === undefined ? "" : ` #${happened.messageId}`}`
    case "Superseded":
      return "the account logged in elsewhere"
    case "UnknownReceived":
      return `a frame of the unknown type ${happened.eventTypeCode}`
    case "Undecodable":
      return `a frame that cannot be read: ${happened.detail}`
  }
}

/** A value as one line of JSON; errors as their reason and message. */
export const line = (value: unknown): string =>
  JSON.stringify(value, function (this: Readonly<Record<string, unknown>>, key, item: unknown) {
    // `item` is what an error's own `toJSON` has made of it.
    const original = this[key]
    return original instanceof KefuError ? { reason: original.reason._tag, message: original.message } : item
  })

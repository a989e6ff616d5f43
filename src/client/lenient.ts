/**
 * Reads users and conversations as far as they can be read. One that is not what the contract says is taken apart, and
 * only those of its parts are left out that make no sense, so that one odd element never costs an app its whole list.
 */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { Conversation, ReadMark } from "../domain/Conversation.ts"
import { Message } from "../domain/Message.ts"
import { User } from "../domain/User.ts"
import * as Key from "../codec/Key.ts"

const decodeConversation = Schema.decodeUnknownOption(Conversation)
const decodeUser = Schema.decodeUnknownOption(User)
const decodeMessage = Schema.decodeUnknownOption(Message)
const decodeMark = Schema.decodeUnknownOption(ReadMark)

const isRecord = (value: unknown): value is { readonly [key: string]: unknown } =>
  Predicate.isObject(value) && !Array.isArray(value)

const hasId = (value: unknown): value is { readonly id: number; readonly [key: string]: unknown } =>
  isRecord(value) && Number.isSafeInteger(value["id"])

const each = <A>(values: unknown, read: (value: unknown) => Option.Option<A>): Array<A> =>
  Array.isArray(values) ? values.flatMap((value) => Option.toArray(read(value))) : []

/** A user of whom at least the id and the type make sense. */
export const user = (raw: unknown): Option.Option<User> =>
  Option.orElse(decodeUser(raw), () => {
    const given = Key.fromWire(raw)
    return hasId(given) && typeof given["userType"] === "string"
      ? Option.some({
          ...given,
          nickname: typeof given["nickname"] === "string" ? given["nickname"] : undefined
        } as unknown as User)
      : Option.none()
  })

/** A conversation of which at least the id makes sense. */
export const conversation = (raw: unknown): Option.Option<Conversation> =>
  Option.orElse(decodeConversation(raw), () => {
    if (!hasId(raw)) return Option.none()
    const given = Key.fromWire(raw) as { readonly [key: string]: unknown }
    const message = (value: unknown) => decodeMessage(isRecord(value) ? { conversation_id: raw.id, ...value } : value)
    return Option.some({
      ...given,
      state: typeof given["state"] === "string" ? given["state"] : "",
      customer: Option.getOrNull(user(raw["customer"])),
      lastStaff: Option.getOrNull(user(raw["last_staff"])),
      users: each(raw["users"], user),
      conversationsUser: each(raw["conversations_user"], decodeMark),
      messages: each(raw["messages"], message)
    } as unknown as Conversation)
  })

/** Those conversations of a list of which at least the id makes sense. */
export const conversations = (raw: unknown): Array<Conversation> => each(raw, conversation)

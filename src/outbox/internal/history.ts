/**
 * Reads conversations over REST to find out what has become of sends.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { ConversationApi } from "../../rest/ConversationApi.ts"
import type { CurrentUser } from "../../rest/CurrentUser.ts"
import type { Conversation } from "../../domain/Conversation.ts"
import type { ConversationId } from "../../domain/Id.ts"
import { isSystemMessage, type Message, messageTypeCode } from "../../domain/Message.ts"
import { isVisitor } from "../../domain/Perspective.ts"
import { newest as newestOf, type Target } from "./ledger.ts"
import { ofMessage } from "../payload.ts"

export type History = ReturnType<typeof make>

/** `replacements`: how often the token was replaced by one that may be another account's. */
export const make = (
  conversations: ConversationApi["Service"],
  currentUser: CurrentUser["Service"],
  replacements: Effect.Effect<number>
) => {
  const me = currentUser.get

  /** The named conversation; undefined if it may be that of a visitor's account which the present one has replaced. */
  const namedBy = (id: ConversationId) =>
    Effect.catchIf(
      conversations.get(id),
      ({ reason }) => reason._tag === "Forbidden" || reason._tag === "NotFound",
      (error) =>
        Effect.gen(function* () {
          if ((yield* replacements) > 0 && isVisitor(yield* me)) return undefined
          return yield* error
        })
    )

  /**
   * All conversations that may hold a message: the named one and, once that has ended, the later ones, because the
   * backend puts a visitor's message into the open conversation. Undefined if there may be more.
   */
  const candidates = Effect.fnUntraced(function* ({ conversationId, toId }: Target) {
    const named = conversationId === undefined ? undefined : yield* namedBy(conversationId)
    if (named !== undefined && named.state !== "FINISHED") return [named]
    const isMine = isVisitor(yield* me)
    const customerId = isMine ? undefined : (toId ?? named?.customer?.id)
    if (!isMine && customerId === undefined) return undefined
    const page = yield* conversations.list({ order: "DESC", ...(customerId === undefined ? {} : { customerId }) })
    return named === undefined ? page.conversations : [named, ...page.conversations.filter(({ id }) => id !== named.id)]
  })

  /** The greatest message id of a target; undefined if its conversations are not certain. */
  const newest = Effect.fnUntraced(function* (target: Target) {
    const found = yield* candidates(target)
    return found && newestOf(found.flatMap(({ messages }) => messages))
  })

  /** The own messages of a target after an id, and whether these are all. */
  const read = Effect.fnUntraced(function* (target: Target, after: number) {
    const found = yield* candidates(target)
    if (found === undefined) return { own: [], complete: false }
    const whole = yield* Effect.forEach(found, (conversation) =>
      conversation.id === target.conversationId || reachesBack(conversation, after)
        ? Effect.succeed(conversation)
        : conversations.get(conversation.id)
    )
    const newer = whole
      .flatMap(({ messages }) => messages)
      .filter(({ id }) => id > after)
      .toSorted((left, right) => left.id - right.id)
    const ids = new Set<number>(newer.map(({ id }) => id))
    const user = yield* me
    const { id: myId } = user
    const isMine = isVisitor(user)
    return {
      own: newer
        .filter((message) => message.fromId === myId && !isSystemMessage(message))
        .map((message) => ({ id: message.id, content: ofMessage(message) })),
      complete:
        whole.every(
          (conversation) => reachesBack(conversation, after) || (isMine && isFromItsBeginning(conversation))
        ) && newer.every((message) => !conceals(message, myId, (id) => id <= after || ids.has(id)))
    }
  })

  /** The visitor of a conversation. */
  const visitorOf = (id: ConversationId) => Effect.map(conversations.get(id), ({ customer }) => customer?.id)

  return { me, newest, read, visitorOf }
}

/** Whether a conversation's page holds all messages after an id. */
const reachesBack = ({ messages }: Conversation, after: number): boolean => messages.some(({ id }) => id <= after)

/** Whether a visitor's page begins with the conversation itself: a message about staff may also be that of a transfer. */
const isFromItsBeginning = ({ messages }: Conversation): boolean => {
  const [oldest] = messages.toSorted((left, right) => left.id - right.id)
  return oldest?.messageType === "ConversationBuilt" && oldest.content.userType !== "STAFF"
}

/** Whether a message shows that an own one may be missing: a recall, or a message without an author. */
const conceals = (message: Message, me: number, isKnown: (id: number) => boolean): boolean => {
  const isByOthers = Predicate.isNotNullish(message.fromId) && message.fromId !== me
  if (isByOthers) return false
  if (message.messageType === "MessageRecall") return !isKnown(message.content.messageId)
  if (message.messageType === "Unknown" && message.typeCode === messageTypeCode.MessageRecall) return true
  return !isSystemMessage(message) && message.fromId !== me
}

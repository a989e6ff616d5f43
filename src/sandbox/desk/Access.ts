/**
 * Who may see what.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { ConversationId, MessageId } from "../../domain/Id.ts"
import { Forbidden, NotFound } from "../../wire/ApiError.ts"
import { type Account, isEmployee } from "./Accounts.ts"
import { Conversations } from "./Conversations.ts"

/**
 * Refuses whoever is neither staff nor an administrator.
 *
 * @category guards
 * @since 0.1.0
 */
export const employeeOnly = (me: Account, message = "Only staff may do this"): Effect.Effect<void, Forbidden> =>
  isEmployee(me) ? Effect.void : new Forbidden({ message })

/**
 * Finds conversations and messages for a user: participants see their own, administrators see every conversation.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.map(Conversations, (conversations) => ({
  conversation: Effect.fn("Access.conversation")(function* (me: Account, id: ConversationId) {
    const conversation = yield* conversations.get(id)
    if (me.userType !== "ADMIN" && !conversation.marks.has(me.id)) {
      return yield* new Forbidden({ message: `Conversation ${id} is not one of yours` })
    }
    return conversation
  }),

  message: Effect.fn("Access.message")(function* (me: Account, id: MessageId) {
    const found = conversations.locate(id)
    if (found === undefined) return yield* new NotFound({ message: `There is no message ${id}` })
    if (!found.conversation.marks.has(me.id)) {
      return yield* new Forbidden({ message: `Message ${id} is in a conversation that is not one of yours` })
    }
    return found
  })
}))

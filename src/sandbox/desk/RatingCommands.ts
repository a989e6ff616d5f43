/**
 * The commands on ratings: staff invite a visitor to rate, visitors rate.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { UserId } from "../../domain/Id.ts"
import type { RatingInput } from "../../domain/Rating.ts"
import { Conflict, Forbidden } from "../../wire/ApiError.ts"
import * as Access from "./Access.ts"
import { type Account, Accounts } from "./Accounts.ts"
import { type ConversationRecord, Conversations } from "./Conversations.ts"
import { Lifecycle } from "./Lifecycle.ts"
import { RatingForm } from "./RatingForm.ts"
import { type Command, CurrentTurn } from "./Turns.ts"

/**
 * The commands on ratings. A visitor rates their latest conversation with staff, once.
 *
 * @category models
 * @since 0.1.0
 */
export interface RatingCommands {
  readonly inviteRate: (me: Account, customerId: UserId) => Command<void>
  readonly rate: (me: Account, rating: RatingInput) => Command<ConversationRecord>
}

/**
 * Makes the commands on ratings.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.gen(function* () {
  const accounts = yield* Accounts
  const conversations = yield* Conversations
  const form = yield* RatingForm
  const lifecycle = yield* Lifecycle
  const { employeeOnly } = Access
  const { post } = conversations
  const robotId = accounts.robot.id

  const commands: RatingCommands = {
    inviteRate: Effect.fn("RatingCommands.inviteRate")(function* (me, customerId) {
      const turn = yield* CurrentTurn
      yield* employeeOnly(me)
      yield* accounts.get(customerId)
      const conversation = conversations.of(customerId).findLast(({ marks }) => marks.has(me.id))
      if (conversation === undefined) {
        return yield* new Conflict({ message: `You never had a conversation with user ${customerId}` })
      }
      const possible = lifecycle.isServedByStaff(conversation) && conversation.servedBy === me.id && !conversation.rated
      if (possible) post(turn, conversation, { messageType: "RateInvite", fromId: me.id }, [customerId])
      else post(turn, conversation, { messageType: "RateInviteError", fromId: null, audience: "staff" }, [me.id])
    }),

    rate: Effect.fn("RatingCommands.rate")(function* (me, rating) {
      const turn = yield* CurrentTurn
      yield* form.check(rating)
      const { score, suggestion, ratingTagIds = [] } = rating
      if (me.userType !== "CUSTOMER") return yield* new Forbidden({ message: "Only visitors may rate" })
      const conversation = conversations
        .of(me.id)
        .findLast(({ servedBy }) => servedBy !== undefined && servedBy !== robotId)
      if (conversation === undefined) {
        return yield* new Conflict({ message: "There is no conversation with staff to rate yet" })
      }
      if (conversation.rated)
        return yield* new Conflict({ message: `Conversation ${conversation.id} is already rated` })
      conversation.rated = true
      post(
        turn,
        conversation,
        {
          messageType: "CustomerRate",
          content: { score, ...(suggestion === undefined ? {} : { suggestion }), ratingTagIds },
          fromId: me.id
        },
        lifecycle.others(conversation, me.id)
      )
      return conversation
    })
  }
  return commands
})

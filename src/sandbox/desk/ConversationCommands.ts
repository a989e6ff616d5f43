/**
 * The commands on conversations: arrive, request, transfer, close, terminate, remark.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { ConversationRequest } from "../../domain/Conversation.ts"
import type { ConversationId, SubChannelId, UserId } from "../../domain/Id.ts"
import { BadRequest, Conflict, Forbidden } from "../../wire/ApiError.ts"
import * as Access from "./Access.ts"
import { type Account, Accounts } from "./Accounts.ts"
import { type ConversationRecord, Conversations } from "./Conversations.ts"
import { endReason, Lifecycle } from "./Lifecycle.ts"
import { Presence } from "./Presence.ts"
import { Routing } from "./Routing.ts"
import { type Command, CurrentTurn } from "./Turns.ts"

/**
 * The commands on conversations. Closing an ended conversation succeeds without effect, since two sides may close it at
 * once.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConversationCommands {
  /** A user has connected: a visitor without a conversation gets one, staff get conversations from the queue. */
  readonly arrive: (me: Account, channelId: SubChannelId | undefined) => Effect.Effect<void, never, CurrentTurn>
  readonly request: (me: Account, request: ConversationRequest) => Command<ConversationRecord>
  readonly transfer: (me: Account, id: ConversationId, to: UserId | undefined) => Command<ConversationRecord>
  readonly close: (me: Account, id: ConversationId) => Command<void>
  readonly terminate: (me: Account, id: ConversationId) => Command<ConversationRecord>
  readonly remark: (me: Account, id: ConversationId, remark: string | undefined) => Command<ConversationRecord>
}

/**
 * Makes the commands on conversations.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.gen(function* () {
  const access = yield* Access.make
  const accounts = yield* Accounts
  const conversations = yield* Conversations
  const lifecycle = yield* Lifecycle
  const presence = yield* Presence
  const routing = yield* Routing
  const { employeeOnly } = Access
  const { post } = conversations
  const robotId = accounts.robot.id

  const commands: ConversationCommands = {
    arrive: Effect.fn("ConversationCommands.arrive")(function* (me, channelId) {
      const turn = yield* CurrentTurn
      if (me.userType === "STAFF") routing.drain(turn)
      if (me.userType !== "CUSTOMER") return
      lifecycle.enter(me.id, channelId)
      lifecycle.openOrBegin(turn, me.id)
    }),

    request: Effect.fn("ConversationCommands.request")(function* (me, { customerId, conversationId, subChannelId }) {
      const turn = yield* CurrentTurn
      const past = conversationId === undefined ? undefined : yield* access.conversation(me, conversationId)
      if (me.userType === "CUSTOMER") {
        if (customerId !== undefined && customerId !== me.id) {
          return yield* new Forbidden({ message: "A visitor can only ask for their own conversation" })
        }
        if (subChannelId !== undefined && subChannelId > 0) lifecycle.enter(me.id, subChannelId)
        return lifecycle.openOrBegin(turn, me.id)
      }
      if (me.userType !== "STAFF") return yield* new Forbidden({ message: "Administrators do not serve" })
      const wanted = customerId ?? past?.customerId
      if (wanted === undefined) {
        return yield* new BadRequest({ message: "A request by staff needs a customer", field: "customer_id" })
      }
      const customer = yield* accounts.get(wanted)
      if (customer.userType !== "CUSTOMER") {
        return yield* new BadRequest({ message: `User ${wanted} is not a customer`, field: "customer_id" })
      }
      const present = conversations.openOf(wanted)
      if (present === undefined) {
        return lifecycle.beginWith(turn, wanted, subChannelId, me.id)
      }
      if (present.servedBy === me.id) return present
      if (lifecycle.isServedByStaff(present)) {
        return yield* new Conflict({ message: `User ${wanted} is served by another member of staff` })
      }
      routing.handOver(turn, present, me.id)
      return present
    }),

    transfer: Effect.fn("ConversationCommands.transfer")(function* (me, id, to) {
      const turn = yield* CurrentTurn
      yield* employeeOnly(me)
      const conversation = yield* access.conversation(me, id)
      if (me.userType === "STAFF" && conversation.servedBy !== me.id) {
        return yield* new Forbidden({ message: `Conversation ${id} is served by another member of staff` })
      }
      if (conversation.state === "FINISHED") return yield* new Conflict({ message: `Conversation ${id} has ended` })
      if (to === undefined) return yield* new BadRequest({ message: "A transfer needs a recipient", field: "user_id" })
      const staff = yield* accounts.get(to)
      if (staff.userType !== "STAFF") {
        return yield* new BadRequest({ message: `User ${to} is not staff`, field: "user_id" })
      }
      if (conversation.servedBy === to) return yield* new Conflict({ message: `User ${to} already serves it` })
      if (!presence.isOnline(to)) return yield* new Conflict({ message: `User ${to} is not online` })
      if (!routing.hasRoom(staff)) return yield* new Conflict({ message: `User ${to} has no room for more` })
      const from = conversation.servedBy
      conversations.assign(conversation, to)
      conversation.activeAt = turn.now
      post(
        turn,
        conversation,
        {
          messageType: "ConversationTransfer",
          content: { fromUserId: from ?? null, toUserId: to, nickname: staff.profile.nickname ?? null },
          fromId: me.id
        },
        [conversation.customerId, ...(from === undefined || from === robotId ? [] : [from]), to]
      )
      routing.introduce(turn, conversation, to)
      routing.expectAnswer(turn, conversation)
      routing.drain(turn)
      return conversation
    }),

    close: Effect.fn("ConversationCommands.close")(function* (me, id) {
      const turn = yield* CurrentTurn
      const conversation = yield* access.conversation(me, id)
      if (conversation.state === "FINISHED") return
      if (me.userType === "CUSTOMER") return lifecycle.end(turn, conversation, endReason.customer, me.id)
      if (me.userType === "ADMIN") return lifecycle.end(turn, conversation, endReason.admin, me.id)
      if (conversation.servedBy !== me.id) {
        return yield* new Forbidden({ message: `Conversation ${id} is served by another member of staff` })
      }
      lifecycle.end(turn, conversation, endReason.staff, me.id)
    }),

    terminate: Effect.fn("ConversationCommands.terminate")(function* (me, id) {
      const turn = yield* CurrentTurn
      if (me.userType !== "ADMIN") return yield* new Forbidden({ message: "Only administrators may do this" })
      const conversation = yield* conversations.get(id)
      if (conversation.state === "FINISHED") return yield* new Conflict({ message: `Conversation ${id} has ended` })
      lifecycle.end(turn, conversation, endReason.admin, me.id)
      return conversation
    }),

    remark: Effect.fn("ConversationCommands.remark")(function* (me, id, remark) {
      yield* employeeOnly(me)
      const conversation = yield* access.conversation(me, id)
      if (remark !== undefined) conversation.remark = remark
      return conversation
    })
  }
  return commands
})

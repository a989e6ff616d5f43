/**
 * The service desk: what visitors, staff and administrators can do, and what the desk does by itself.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { ConversationRequest } from "../../domain/Conversation.ts"
import type { ConversationId, MenuItemId, MessageId, SubChannelId, UserId } from "../../domain/Id.ts"
import type { RatingInput } from "../../domain/Rating.ts"
import { BadRequest, Conflict, Forbidden, NotFound } from "../../wire/ApiError.ts"
import type { SendPayload } from "../../wire/Frame.ts"
import { type Account, Accounts, isEmployee } from "./Accounts.ts"
import { Timers } from "./Timers.ts"
import { Presence } from "./Presence.ts"
import { Conversations, type NewMessage, type ConversationRecord } from "./Conversations.ts"
import { KnowledgeBase } from "./KnowledgeBase.ts"
import { type Reply, Robot, talkToPerson } from "./Robot.ts"
import { Routing } from "./Routing.ts"
import { Settings } from "../SandboxOptions.ts"
import { type Turn, CurrentTurn } from "./Turns.ts"

/**
 * Why the desk refuses: over REST the error's status, over the socket no acknowledgement.
 *
 * @category errors
 * @since 0.1.0
 */
export type Refused = BadRequest | Forbidden | NotFound | Conflict

/**
 * A command: it runs as one turn, see `Turns.take`.
 *
 * @category models
 * @since 0.1.0
 */
export type Command<A> = Effect.Effect<A, Refused, CurrentTurn>

const endedByCustomer = 1
const endedByStaff = 2
const endedByTimeout = 3
const endedByAdmin = 4

/**
 * The service desk.
 *
 * **Details**
 *
 * - A message goes to the conversation that is open between the sender and the addressee: for a visitor their own,
 *   whoever they address; after its end a new one with the robot. The sender does not get it back, the acknowledgement
 *   tells that it arrived.
 * - Whoever writes has read what was written before.
 * - A recalled message leaves the history, the `MessageRecall` stays in it.
 * - Closing or typing into what has ended, and recalling what was recalled, succeed and do nothing: two sides may act at
 *   once, and the wire could not tell the second that it came late.
 * - Items of the menu are answered at any time, also while the visitor waits or a person serves; both sides see it.
 * - A conversation ends when nobody writes for `idleTimeout`. Waiting in the queue is not idling while the visitor is
 *   connected.
 *
 * @category services
 * @since 0.1.0
 */
export class Desk extends Context.Service<
  Desk,
  {
    /** A user has connected: a visitor without a conversation gets one, staff get what waits. */
    readonly arrive: (me: Account, channelId: SubChannelId | undefined) => Effect.Effect<void, never, CurrentTurn>
    readonly send: (me: Account, draft: SendPayload) => Command<MessageId>
    readonly read: (me: Account, id: MessageId) => Command<void>
    readonly type: (me: Account, id: ConversationId, draft: string) => Command<void>
    readonly close: (me: Account, id: ConversationId) => Command<void>
    readonly recall: (me: Account, id: MessageId) => Command<void>
    readonly inviteRate: (me: Account, customerId: UserId) => Command<void>
    readonly selectMenuItem: (me: Account, id: MenuItemId) => Command<void>
    readonly request: (me: Account, request: ConversationRequest) => Command<ConversationRecord>
    readonly transfer: (me: Account, id: ConversationId, to: UserId | undefined) => Command<ConversationRecord>
    readonly terminate: (me: Account, id: ConversationId) => Command<ConversationRecord>
    readonly remark: (me: Account, id: ConversationId, remark: string | undefined) => Command<ConversationRecord>
    readonly vote: (me: Account, id: MessageId, vote: "like" | "dislike") => Command<void>
    readonly rate: (me: Account, rating: RatingInput) => Command<ConversationRecord>
    /** A conversation that the user may see. */
    readonly find: (me: Account, id: ConversationId) => Effect.Effect<ConversationRecord, NotFound | Forbidden>
  }
>()("effect-kefu/sandbox/desk/Desk") {
  /**
   * @since 0.1.0
   */
  static readonly layer = Layer.effect(
    Desk,
    Effect.gen(function* () {
      const settings = yield* Settings
      const accounts = yield* Accounts
      const presence = yield* Presence
      const conversations = yield* Conversations
      const knowledge = yield* KnowledgeBase
      const robot = yield* Robot
      const routing = yield* Routing
      const timers = yield* Timers
      const { post } = conversations
      const robotId = accounts.robot.id
      /** Through which sub-channel each visitor came last. */
      const entrances = new Map<UserId, SubChannelId | undefined>()

      const isServedByStaff = (conversation: ConversationRecord) =>
        conversation.state === "ACTIVE" && conversation.servedBy !== robotId

      /** Everyone who should hear what `except` did in a conversation. */
      const others = (conversation: ConversationRecord, except: UserId): ReadonlyArray<UserId> =>
        [conversation.customerId, conversation.servedBy ?? robotId].filter((id) => id !== except && id !== robotId)

      /** Who takes part now; staff who handed a conversation over only look at it. */
      const takesPart = (me: Account, conversation: ConversationRecord): boolean =>
        conversation.customerId === me.id || conversation.servedBy === me.id

      const end = (turn: Turn, conversation: ConversationRecord, reason: number, by: UserId | null) => {
        post(
          turn,
          conversation,
          { messageType: "ConversationEnd", content: { reason }, fromId: by },
          others(conversation, robotId)
        )
        conversations.finish(conversation, reason)
        routing.drain(turn)
      }

      const watchIdleness = (conversation: ConversationRecord, after = settings.idleTimeout) =>
        timers.start(after, (turn) => {
          if (conversation.state === "FINISHED") return
          if (conversation.state === "PENDING" && presence.isOnline(conversation.customerId))
            conversation.activeAt = turn.now
          const rest = conversation.activeAt + settings.idleTimeout - turn.now
          if (rest > 0) watchIdleness(conversation, rest)
          else end(turn, conversation, endedByTimeout, null)
        })

      const open = (turn: Turn, customerId: UserId): ConversationRecord => {
        const channel = conversations.channel(entrances.get(customerId))
        const conversation = conversations.open(turn, customerId, channel, robotId)
        routing.introduce(turn, conversation, robotId)
        post(turn, conversation, { messageType: "ChannelMenu", content: robot.menu(channel), fromId: robotId }, [
          customerId
        ])
        watchIdleness(conversation)
        return conversation
      }

      const react = (turn: Turn, conversation: ConversationRecord, reply: Reply) => {
        if (reply._tag === "HandOver") return routing.queue(turn, conversation)
        const { _tag: _, ...message } = reply
        const id = post(
          turn,
          conversation,
          { ...message, fromId: robotId } as NewMessage,
          others(conversation, robotId)
        )
        conversations.mark(conversation, robotId, id)
      }

      const find = Effect.fn("Desk.find")(function* (me: Account, id: ConversationId) {
        const conversation = yield* conversations.get(id)
        if (me.userType !== "ADMIN" && !conversation.marks.has(me.id)) {
          return yield* new Forbidden({ message: `Conversation ${id} is not one of yours` })
        }
        return conversation
      })

      const findMessage = Effect.fn("Desk.findMessage")(function* (me: Account, id: MessageId) {
        const found = conversations.locate(id)
        if (found === undefined) return yield* new NotFound({ message: `There is no message ${id}` })
        if (!found.conversation.marks.has(me.id)) {
          return yield* new Forbidden({ message: `Message ${id} is in a conversation that is not one of yours` })
        }
        return found
      })

      /** The conversation that a message of `me` belongs to. */
      const target = Effect.fn("Desk.target")(function* (me: Account, to: UserId | undefined) {
        if (me.userType === "CUSTOMER") return conversations.openOf(me.id) ?? open(yield* CurrentTurn, me.id)
        if (to === undefined) return yield* new BadRequest({ message: "Say whom the message is for", field: "to_id" })
        const conversation = conversations.openOf(to)
        if (conversation === undefined || conversation.servedBy !== me.id) {
          return yield* new Conflict({ message: `You are not in a conversation with user ${to}` })
        }
        return conversation
      })

      const think = Effect.fn("Desk.think")(function* (
        conversation: ConversationRecord,
        { messageType, content }: SendPayload
      ) {
        if (messageType === "Text") return yield* robot.reply(content)
        if (messageType !== "FAQAnswerMessage") return robot.puzzled(conversation.channel)
        const question = typeof content === "string" ? content : (content.question ?? "")
        const known = knowledge.named(question)
        return known === undefined ? yield* robot.reply(question) : robot.answer(known)
      })

      const employeeOnly = (me: Account) =>
        isEmployee(me) ? Effect.void : new Forbidden({ message: "Only staff may do this" })

      return Desk.of({
        find,

        arrive: Effect.fn("Desk.arrive")(function* (me, channelId) {
          const turn = yield* CurrentTurn
          if (me.userType === "STAFF") routing.drain(turn)
          if (me.userType !== "CUSTOMER") return
          entrances.set(me.id, channelId)
          if (conversations.openOf(me.id) === undefined) open(turn, me.id)
        }),

        send: Effect.fn("Desk.send")(function* (me, draft) {
          const turn = yield* CurrentTurn
          const conversation = yield* target(me, draft.toId)
          const { toId: _, ...message } = draft
          const id = post(turn, conversation, { ...message, fromId: me.id }, others(conversation, me.id))
          conversations.mark(conversation, me.id, id)
          conversation.activeAt = turn.now
          if (me.userType !== "CUSTOMER") {
            conversation.unanswered = undefined
          } else if (isServedByStaff(conversation)) {
            if (conversation.unanswered === undefined) routing.expectAnswer(turn, conversation)
          } else if (conversation.state === "ACTIVE") {
            conversations.mark(conversation, robotId, id)
            react(turn, conversation, yield* think(conversation, draft))
          }
          return id
        }),

        read: Effect.fn("Desk.read")(function* (me, id) {
          const turn = yield* CurrentTurn
          const { conversation } = yield* findMessage(me, id)
          conversations.mark(conversation, me.id, id)
          if (!takesPart(me, conversation)) return
          const receipt = { eventType: "Read", payload: { messageId: id, conversationId: conversation.id } } as const
          for (const other of others(conversation, me.id)) turn.push(other, receipt)
        }),

        type: Effect.fn("Desk.type")(function* (me, id, content) {
          const turn = yield* CurrentTurn
          const conversation = yield* find(me, id)
          if (!takesPart(me, conversation)) {
            return yield* new Forbidden({ message: `Conversation ${id} is served by somebody else` })
          }
          if (conversation.state === "FINISHED") return
          const payload = { content, conversationId: id, fromId: me.id }
          for (const other of others(conversation, me.id)) turn.push(other, { eventType: "Inputting", payload })
        }),

        close: Effect.fn("Desk.close")(function* (me, id) {
          const turn = yield* CurrentTurn
          const conversation = yield* find(me, id)
          if (conversation.state === "FINISHED") return
          if (me.userType === "CUSTOMER") return end(turn, conversation, endedByCustomer, me.id)
          if (me.userType === "ADMIN") return end(turn, conversation, endedByAdmin, me.id)
          if (conversation.servedBy !== me.id) {
            return yield* new Forbidden({ message: `Conversation ${id} is served by somebody else` })
          }
          end(turn, conversation, endedByStaff, me.id)
        }),

        recall: Effect.fn("Desk.recall")(function* (me, id) {
          const turn = yield* CurrentTurn
          const { conversation, entry } = yield* findMessage(me, id)
          const { message } = entry
          if (message.fromId !== me.id) return yield* new Forbidden({ message: `Message ${id} is not yours` })
          if (entry.recalled) return
          if (turn.now - (message.createdAt ?? 0) > settings.recallWindow) {
            return yield* new Conflict({ message: `It is too late to recall message ${id}` })
          }
          if (conversation.state === "FINISHED") {
            return yield* new Conflict({ message: `Conversation ${conversation.id} has ended` })
          }
          conversations.remove(conversation, entry)
          post(
            turn,
            conversation,
            { messageType: "MessageRecall", content: { messageId: id }, fromId: me.id },
            others(conversation, me.id)
          )
        }),

        inviteRate: Effect.fn("Desk.inviteRate")(function* (me, customerId) {
          const turn = yield* CurrentTurn
          yield* employeeOnly(me)
          yield* accounts.get(customerId)
          const conversation = conversations.of(customerId).findLast(({ marks }) => marks.has(me.id))
          if (conversation === undefined) {
            return yield* new Conflict({ message: `You never had a conversation with user ${customerId}` })
          }
          const possible = isServedByStaff(conversation) && conversation.servedBy === me.id && !conversation.rated
          if (possible) post(turn, conversation, { messageType: "RateInvite", fromId: me.id }, [customerId])
          else post(turn, conversation, { messageType: "RateInviteError", fromId: null, audience: "staff" }, [me.id])
        }),

        selectMenuItem: Effect.fn("Desk.selectMenuItem")(function* (me, id) {
          const turn = yield* CurrentTurn
          if (me.userType !== "CUSTOMER") return yield* new Forbidden({ message: "Only visitors have a menu" })
          const known = knowledge.get(id)
          if (known === undefined && id !== talkToPerson) {
            return yield* new NotFound({ message: `There is no menu item ${id}` })
          }
          const conversation = conversations.openOf(me.id) ?? open(turn, me.id)
          conversation.activeAt = turn.now
          if (known !== undefined) return react(turn, conversation, robot.answer(known))
          if (conversation.servedBy === robotId) routing.queue(turn, conversation)
        }),

        request: Effect.fn("Desk.request")(function* (me, { customerId, conversationId, subChannelId }) {
          const turn = yield* CurrentTurn
          const past = conversationId === undefined ? undefined : yield* find(me, conversationId)
          if (me.userType === "CUSTOMER") {
            if (customerId !== undefined && customerId !== me.id) {
              return yield* new Forbidden({ message: "A visitor can only ask for their own conversation" })
            }
            if (subChannelId !== undefined) entrances.set(me.id, subChannelId)
            return conversations.openOf(me.id) ?? open(turn, me.id)
          }
          if (me.userType !== "STAFF") return yield* new Forbidden({ message: "Administrators do not serve" })
          const wanted = customerId ?? past?.customerId
          if (wanted === undefined) {
            return yield* new BadRequest({ message: "Say which customer", field: "customer_id" })
          }
          const customer = yield* accounts.get(wanted)
          if (customer.userType !== "CUSTOMER") {
            return yield* new BadRequest({ message: `User ${wanted} is not a customer`, field: "customer_id" })
          }
          const present = conversations.openOf(wanted)
          if (present === undefined) {
            const conversation = conversations.open(turn, wanted, conversations.channel(subChannelId), me.id)
            routing.handOver(turn, conversation, me.id)
            watchIdleness(conversation)
            return conversation
          }
          if (present.servedBy === me.id) return present
          if (isServedByStaff(present)) {
            return yield* new Conflict({ message: `User ${wanted} is served by somebody else` })
          }
          routing.handOver(turn, present, me.id)
          return present
        }),

        transfer: Effect.fn("Desk.transfer")(function* (me, id, to) {
          const turn = yield* CurrentTurn
          yield* employeeOnly(me)
          const conversation = yield* find(me, id)
          if (me.userType === "STAFF" && conversation.servedBy !== me.id) {
            return yield* new Forbidden({ message: `Conversation ${id} is served by somebody else` })
          }
          if (conversation.state === "FINISHED") return yield* new Conflict({ message: `Conversation ${id} has ended` })
          if (to === undefined) return yield* new BadRequest({ message: "Say to whom", field: "user_id" })
          const staff = yield* accounts.get(to)
          if (staff.userType !== "STAFF") {
            return yield* new BadRequest({ message: `User ${to} is not staff`, field: "user_id" })
          }
          if (conversation.servedBy === to) return yield* new Conflict({ message: `User ${to} serves it already` })
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

        terminate: Effect.fn("Desk.terminate")(function* (me, id) {
          const turn = yield* CurrentTurn
          if (me.userType !== "ADMIN") return yield* new Forbidden({ message: "Only administrators may do this" })
          const conversation = yield* conversations.get(id)
          if (conversation.state === "FINISHED") return yield* new Conflict({ message: `Conversation ${id} has ended` })
          end(turn, conversation, endedByAdmin, me.id)
          return conversation
        }),

        remark: Effect.fn("Desk.remark")(function* (me, id, remark) {
          yield* employeeOnly(me)
          const conversation = yield* find(me, id)
          if (remark !== undefined) conversation.remark = remark
          return conversation
        }),

        vote: Effect.fn("Desk.vote")(function* (me, id, vote) {
          const { conversation, entry } = yield* findMessage(me, id)
          if (conversation.customerId !== me.id) return yield* new Forbidden({ message: "Only the visitor may vote" })
          if (entry.message.fromId !== robotId || entry.message.messageType === "ChannelMenu") {
            return yield* new BadRequest({ message: `Message ${id} is no answer of the robot`, field: "id" })
          }
          if (entry.vote === vote) return
          const subject = entry.knowledge
          if (subject !== undefined) {
            if (entry.vote === "like") subject.likes -= 1
            if (entry.vote === "dislike") subject.dislikes -= 1
            if (vote === "like") subject.likes += 1
            else subject.dislikes += 1
          }
          entry.vote = vote
        }),

        rate: Effect.fn("Desk.rate")(function* (me, { score, suggestion, ratingTagIds = [] }) {
          const turn = yield* CurrentTurn
          if (me.userType !== "CUSTOMER") return yield* new Forbidden({ message: "Only visitors rate" })
          const conversation = conversations
            .of(me.id)
            .findLast(({ servedBy }) => servedBy !== undefined && servedBy !== robotId)
          if (conversation === undefined) {
            return yield* new Conflict({ message: "There is no conversation with staff to rate yet" })
          }
          if (conversation.rated)
            return yield* new Conflict({ message: `Conversation ${conversation.id} is rated already` })
          conversation.rated = true
          post(
            turn,
            conversation,
            {
              messageType: "CustomerRate",
              content: { score, ...(suggestion === undefined ? {} : { suggestion }), ratingTagIds },
              fromId: me.id
            },
            others(conversation, me.id)
          )
          return conversation
        })
      })
    })
  )
}

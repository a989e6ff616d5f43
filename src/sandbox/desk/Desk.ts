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
import { Alarms } from "./Alarms.ts"
import { Connections } from "./Connections.ts"
import { Conversations, type NewMessage, type Thread } from "./Conversations.ts"
import { KnowledgeBase } from "./KnowledgeBase.ts"
import { type Reply, Robot, talkToPerson } from "./Robot.ts"
import { Routing } from "./Routing.ts"
import { Settings } from "./Settings.ts"
import { type Outlet, Turn } from "./Turn.ts"

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
export type Command<A> = Effect.Effect<A, Refused, Turn>

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
    readonly arrive: (me: Account, channelId: SubChannelId | undefined) => Effect.Effect<void, never, Turn>
    readonly send: (me: Account, draft: SendPayload) => Command<MessageId>
    readonly read: (me: Account, id: MessageId) => Command<void>
    readonly type: (me: Account, id: ConversationId, draft: string) => Command<void>
    readonly close: (me: Account, id: ConversationId) => Command<void>
    readonly recall: (me: Account, id: MessageId) => Command<void>
    readonly inviteRate: (me: Account, customerId: UserId) => Command<void>
    readonly selectMenuItem: (me: Account, id: MenuItemId) => Command<void>
    readonly request: (me: Account, request: ConversationRequest) => Command<Thread>
    readonly transfer: (me: Account, id: ConversationId, to: UserId | undefined) => Command<Thread>
    readonly terminate: (me: Account, id: ConversationId) => Command<Thread>
    readonly remark: (me: Account, id: ConversationId, remark: string | undefined) => Command<Thread>
    readonly vote: (me: Account, id: MessageId, vote: "like" | "dislike") => Command<void>
    readonly rate: (me: Account, rating: RatingInput) => Command<Thread>
    /** A conversation that the user may see. */
    readonly find: (me: Account, id: ConversationId) => Effect.Effect<Thread, NotFound | Forbidden>
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
      const connections = yield* Connections
      const conversations = yield* Conversations
      const knowledge = yield* KnowledgeBase
      const robot = yield* Robot
      const routing = yield* Routing
      const alarms = yield* Alarms
      const { post } = conversations
      const robotId = accounts.robot.id
      /** Through which sub-channel each visitor came last. */
      const entrances = new Map<UserId, SubChannelId | undefined>()

      const isServedByStaff = (thread: Thread) => thread.state === "ACTIVE" && thread.servedBy !== robotId

      /** Everyone who should hear what `except` did in a conversation. */
      const others = (thread: Thread, except: UserId): ReadonlyArray<UserId> =>
        [thread.customerId, thread.servedBy ?? robotId].filter((id) => id !== except && id !== robotId)

      /** Who takes part now; staff who handed a conversation over only look at it. */
      const takesPart = (me: Account, thread: Thread): boolean =>
        thread.customerId === me.id || thread.servedBy === me.id

      const end = (turn: Outlet, thread: Thread, reason: number, by: UserId | null) => {
        post(turn, thread, { messageType: "ConversationEnd", content: { reason }, fromId: by }, others(thread, robotId))
        conversations.finish(thread, reason)
        routing.drain(turn)
      }

      const watchIdleness = (thread: Thread, after = settings.idleTimeout) =>
        alarms.set(after, (turn) => {
          if (thread.state === "FINISHED") return
          if (thread.state === "PENDING" && connections.isOnline(thread.customerId)) thread.activeAt = turn.now
          const rest = thread.activeAt + settings.idleTimeout - turn.now
          if (rest > 0) watchIdleness(thread, rest)
          else end(turn, thread, endedByTimeout, null)
        })

      const open = (turn: Outlet, customerId: UserId): Thread => {
        const channel = conversations.channel(entrances.get(customerId))
        const thread = conversations.open(turn, customerId, channel, robotId)
        routing.introduce(turn, thread, robotId)
        post(turn, thread, { messageType: "ChannelMenu", content: robot.menu(channel), fromId: robotId }, [customerId])
        watchIdleness(thread)
        return thread
      }

      const react = (turn: Outlet, thread: Thread, reply: Reply) => {
        if (reply._tag === "HandOver") return routing.queue(turn, thread)
        const { _tag: _, ...message } = reply
        const id = post(turn, thread, { ...message, fromId: robotId } as NewMessage, others(thread, robotId))
        conversations.mark(thread, robotId, id)
      }

      const find = Effect.fn("Desk.find")(function* (me: Account, id: ConversationId) {
        const thread = yield* conversations.get(id)
        if (me.userType !== "ADMIN" && !thread.marks.has(me.id)) {
          return yield* new Forbidden({ message: `Conversation ${id} is not one of yours` })
        }
        return thread
      })

      const findMessage = Effect.fn("Desk.findMessage")(function* (me: Account, id: MessageId) {
        const found = conversations.locate(id)
        if (found === undefined) return yield* new NotFound({ message: `There is no message ${id}` })
        if (!found.thread.marks.has(me.id)) {
          return yield* new Forbidden({ message: `Message ${id} is in a conversation that is not one of yours` })
        }
        return found
      })

      /** The conversation that a message of `me` belongs to. */
      const target = Effect.fn("Desk.target")(function* (me: Account, to: UserId | undefined) {
        if (me.userType === "CUSTOMER") return conversations.openOf(me.id) ?? open(yield* Turn, me.id)
        if (to === undefined) return yield* new BadRequest({ message: "Say whom the message is for", field: "to_id" })
        const thread = conversations.openOf(to)
        if (thread === undefined || thread.servedBy !== me.id) {
          return yield* new Conflict({ message: `You are not in a conversation with user ${to}` })
        }
        return thread
      })

      const think = Effect.fn("Desk.think")(function* (thread: Thread, { messageType, content }: SendPayload) {
        if (messageType === "Text") return yield* robot.reply(content)
        if (messageType !== "FAQAnswerMessage") return robot.puzzled(thread.channel)
        const question = typeof content === "string" ? content : (content.question ?? "")
        const known = knowledge.named(question)
        return known === undefined ? yield* robot.reply(question) : robot.answer(known)
      })

      const employeeOnly = (me: Account) =>
        isEmployee(me) ? Effect.void : new Forbidden({ message: "Only staff may do this" })

      return Desk.of({
        find,

        arrive: Effect.fn("Desk.arrive")(function* (me, channelId) {
          const turn = yield* Turn
          if (me.userType === "STAFF") routing.drain(turn)
          if (me.userType !== "CUSTOMER") return
          entrances.set(me.id, channelId)
          if (conversations.openOf(me.id) === undefined) open(turn, me.id)
        }),

        send: Effect.fn("Desk.send")(function* (me, draft) {
          const turn = yield* Turn
          const thread = yield* target(me, draft.toId)
          const { toId: _, ...message } = draft
          const id = post(turn, thread, { ...message, fromId: me.id }, others(thread, me.id))
          conversations.mark(thread, me.id, id)
          thread.activeAt = turn.now
          if (me.userType !== "CUSTOMER") {
            thread.unanswered = undefined
          } else if (isServedByStaff(thread)) {
            if (thread.unanswered === undefined) routing.expectAnswer(turn, thread)
          } else if (thread.state === "ACTIVE") {
            conversations.mark(thread, robotId, id)
            react(turn, thread, yield* think(thread, draft))
          }
          return id
        }),

        read: Effect.fn("Desk.read")(function* (me, id) {
          const turn = yield* Turn
          const { thread } = yield* findMessage(me, id)
          conversations.mark(thread, me.id, id)
          if (!takesPart(me, thread)) return
          const receipt = { eventType: "Read", payload: { messageId: id, conversationId: thread.id } } as const
          for (const other of others(thread, me.id)) turn.push(other, receipt)
        }),

        type: Effect.fn("Desk.type")(function* (me, id, content) {
          const turn = yield* Turn
          const thread = yield* find(me, id)
          if (!takesPart(me, thread)) {
            return yield* new Forbidden({ message: `Conversation ${id} is served by somebody else` })
          }
          if (thread.state === "FINISHED") return
          const payload = { content, conversationId: id, fromId: me.id }
          for (const other of others(thread, me.id)) turn.push(other, { eventType: "Inputting", payload })
        }),

        close: Effect.fn("Desk.close")(function* (me, id) {
          const turn = yield* Turn
          const thread = yield* find(me, id)
          if (thread.state === "FINISHED") return
          if (me.userType === "CUSTOMER") return end(turn, thread, endedByCustomer, me.id)
          if (me.userType === "ADMIN") return end(turn, thread, endedByAdmin, me.id)
          if (thread.servedBy !== me.id) {
            return yield* new Forbidden({ message: `Conversation ${id} is served by somebody else` })
          }
          end(turn, thread, endedByStaff, me.id)
        }),

        recall: Effect.fn("Desk.recall")(function* (me, id) {
          const turn = yield* Turn
          const { thread, entry } = yield* findMessage(me, id)
          const { message } = entry
          if (message.fromId !== me.id) return yield* new Forbidden({ message: `Message ${id} is not yours` })
          if (entry.recalled) return
          if (turn.now - (message.createdAt ?? 0) > settings.recallWindow) {
            return yield* new Conflict({ message: `It is too late to recall message ${id}` })
          }
          if (thread.state === "FINISHED") {
            return yield* new Conflict({ message: `Conversation ${thread.id} has ended` })
          }
          conversations.remove(thread, entry)
          post(
            turn,
            thread,
            { messageType: "MessageRecall", content: { messageId: id }, fromId: me.id },
            others(thread, me.id)
          )
        }),

        inviteRate: Effect.fn("Desk.inviteRate")(function* (me, customerId) {
          const turn = yield* Turn
          yield* employeeOnly(me)
          yield* accounts.get(customerId)
          const thread = conversations.of(customerId).findLast(({ marks }) => marks.has(me.id))
          if (thread === undefined) {
            return yield* new Conflict({ message: `You never had a conversation with user ${customerId}` })
          }
          const possible = isServedByStaff(thread) && thread.servedBy === me.id && !thread.rated
          if (possible) post(turn, thread, { messageType: "RateInvite", fromId: me.id }, [customerId])
          else post(turn, thread, { messageType: "RateInviteError", fromId: null, audience: "staff" }, [me.id])
        }),

        selectMenuItem: Effect.fn("Desk.selectMenuItem")(function* (me, id) {
          const turn = yield* Turn
          if (me.userType !== "CUSTOMER") return yield* new Forbidden({ message: "Only visitors have a menu" })
          const known = knowledge.get(id)
          if (known === undefined && id !== talkToPerson) {
            return yield* new NotFound({ message: `There is no menu item ${id}` })
          }
          const thread = conversations.openOf(me.id) ?? open(turn, me.id)
          thread.activeAt = turn.now
          if (known !== undefined) return react(turn, thread, robot.answer(known))
          if (thread.servedBy === robotId) routing.queue(turn, thread)
        }),

        request: Effect.fn("Desk.request")(function* (me, { customerId, conversationId, subChannelId }) {
          const turn = yield* Turn
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
            const thread = conversations.open(turn, wanted, conversations.channel(subChannelId), me.id)
            routing.handOver(turn, thread, me.id)
            watchIdleness(thread)
            return thread
          }
          if (present.servedBy === me.id) return present
          if (isServedByStaff(present)) {
            return yield* new Conflict({ message: `User ${wanted} is served by somebody else` })
          }
          routing.handOver(turn, present, me.id)
          return present
        }),

        transfer: Effect.fn("Desk.transfer")(function* (me, id, to) {
          const turn = yield* Turn
          yield* employeeOnly(me)
          const thread = yield* find(me, id)
          if (me.userType === "STAFF" && thread.servedBy !== me.id) {
            return yield* new Forbidden({ message: `Conversation ${id} is served by somebody else` })
          }
          if (thread.state === "FINISHED") return yield* new Conflict({ message: `Conversation ${id} has ended` })
          if (to === undefined) return yield* new BadRequest({ message: "Say to whom", field: "user_id" })
          const staff = yield* accounts.get(to)
          if (staff.userType !== "STAFF") {
            return yield* new BadRequest({ message: `User ${to} is not staff`, field: "user_id" })
          }
          if (thread.servedBy === to) return yield* new Conflict({ message: `User ${to} serves it already` })
          if (!connections.isOnline(to)) return yield* new Conflict({ message: `User ${to} is not online` })
          if (!routing.hasRoom(staff)) return yield* new Conflict({ message: `User ${to} has no room for more` })
          const from = thread.servedBy
          conversations.assign(thread, to)
          thread.activeAt = turn.now
          post(
            turn,
            thread,
            {
              messageType: "ConversationTransfer",
              content: { fromUserId: from ?? null, toUserId: to, nickname: staff.profile.nickname ?? null },
              fromId: me.id
            },
            [thread.customerId, ...(from === undefined || from === robotId ? [] : [from]), to]
          )
          routing.introduce(turn, thread, to)
          routing.expectAnswer(turn, thread)
          routing.drain(turn)
          return thread
        }),

        terminate: Effect.fn("Desk.terminate")(function* (me, id) {
          const turn = yield* Turn
          if (me.userType !== "ADMIN") return yield* new Forbidden({ message: "Only administrators may do this" })
          const thread = yield* conversations.get(id)
          if (thread.state === "FINISHED") return yield* new Conflict({ message: `Conversation ${id} has ended` })
          end(turn, thread, endedByAdmin, me.id)
          return thread
        }),

        remark: Effect.fn("Desk.remark")(function* (me, id, remark) {
          yield* employeeOnly(me)
          const thread = yield* find(me, id)
          if (remark !== undefined) thread.remark = remark
          return thread
        }),

        vote: Effect.fn("Desk.vote")(function* (me, id, vote) {
          const { thread, entry } = yield* findMessage(me, id)
          if (thread.customerId !== me.id) return yield* new Forbidden({ message: "Only the visitor may vote" })
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
          const turn = yield* Turn
          if (me.userType !== "CUSTOMER") return yield* new Forbidden({ message: "Only visitors rate" })
          const thread = conversations
            .of(me.id)
            .findLast(({ servedBy }) => servedBy !== undefined && servedBy !== robotId)
          if (thread === undefined) {
            return yield* new Conflict({ message: "There is no conversation with staff to rate yet" })
          }
          if (thread.rated) return yield* new Conflict({ message: `Conversation ${thread.id} is rated already` })
          thread.rated = true
          post(
            turn,
            thread,
            {
              messageType: "CustomerRate",
              content: { score, ...(suggestion === undefined ? {} : { suggestion }), ratingTagIds },
              fromId: me.id
            },
            others(thread, me.id)
          )
          return thread
        })
      })
    })
  )
}

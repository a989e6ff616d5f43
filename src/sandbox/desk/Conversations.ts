/**
 * The conversations of the desk and their messages.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Conversation } from "../../domain/Conversation.ts"
import { ConversationId, MessageId, SubChannelId, type UserId } from "../../domain/Id.ts"
import type { Message } from "../../domain/Message.ts"
import { NotFound } from "../../wire/ApiError.ts"
import { type Account, Accounts } from "./Accounts.ts"
import { Counters } from "./Counters.ts"
import type { Knowledge } from "./KnowledgeBase.ts"
import type { SeedChannel } from "./Seed.ts"
import { Settings } from "./Settings.ts"
import type { Outlet } from "./Turn.ts"

/**
 * Who sees a message in the history: everyone of the conversation, or one side only. Administrators see all.
 *
 * @category models
 * @since 0.1.0
 */
export type Audience = "everyone" | "customer" | "staff"

/**
 * A message as the desk keeps it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Entry {
  readonly message: Message
  readonly audience: Audience
  /** What the robot answered from. */
  readonly knowledge: Knowledge | undefined
  vote: "like" | "dislike" | undefined
  recalled: boolean
}

type Kind = Exclude<Message["messageType"], "Unknown">

/**
 * A message to be: the desk adds the id and the time.
 *
 * @category models
 * @since 0.1.0
 */
export type NewMessage = {
  readonly [K in Kind]: {
    readonly messageType: K
    readonly content?: Extract<Message, { readonly messageType: K }>["content"]
    readonly fromId: UserId | null
    readonly hasRecommend?: boolean
    readonly audience?: Audience
    readonly knowledge?: Knowledge | undefined
  }
}[Kind]

/**
 * A conversation as the desk keeps it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Thread {
  readonly id: ConversationId
  readonly customerId: UserId
  readonly channel: SeedChannel
  readonly openedAt: number
  readonly entries: Array<Entry>
  /** Everyone who took part, and how far they have read. */
  readonly marks: Map<UserId, MessageId | null>
  state: "ACTIVE" | "PENDING" | "FINISHED"
  /** The robot or the member of staff who serves it, or served it last; nobody while it waits. */
  servedBy: UserId | undefined
  /** When somebody last wrote. */
  activeAt: number
  updatedAt: number
  /** The customer waits for the staff's answer. */
  unanswered: { readonly since: number } | undefined
  endReason: number | undefined
  remark: string | undefined
  rated: boolean
}

/**
 * The conversations of the desk.
 *
 * @category services
 * @since 0.1.0
 */
export class Conversations extends Context.Service<
  Conversations,
  {
    readonly all: () => ReadonlyArray<Thread>
    readonly get: (id: ConversationId) => Effect.Effect<Thread, NotFound>
    readonly locate: (id: MessageId) => { readonly thread: Thread; readonly entry: Entry } | undefined
    /** The conversations that a user took part in, the oldest first. */
    readonly of: (userId: UserId) => ReadonlyArray<Thread>
    /** The customer's conversation that has not ended. */
    readonly openOf: (customerId: UserId) => Thread | undefined
    /** The conversations that a member of staff serves now. */
    readonly servedBy: (userId: UserId) => ReadonlySet<Thread>
    /** Those who wait for staff, in their order. */
    readonly waiting: () => Iterable<Thread>
    readonly waitingCount: () => number
    readonly positionOf: (thread: Thread) => number
    readonly open: (turn: Outlet, customerId: UserId, channel: SeedChannel, servedBy: UserId) => Thread
    readonly enqueue: (thread: Thread) => void
    readonly assign: (thread: Thread, servedBy: UserId) => void
    readonly finish: (thread: Thread, reason: number) => void
    /** Adds a message, and pushes it to `recipients`. */
    readonly post: (turn: Outlet, thread: Thread, message: NewMessage, recipients: ReadonlyArray<UserId>) => MessageId
    /** Takes a message out of the history. */
    readonly remove: (thread: Thread, entry: Entry) => void
    /** Moves a participant's read mark forward, never back. */
    readonly mark: (thread: Thread, userId: UserId, id: MessageId) => void
    readonly channel: (id: SubChannelId | undefined) => SeedChannel
    /** The messages that `viewer` may see, the latest `limit` of them. */
    readonly messages: (thread: Thread, viewer: Account, limit?: number) => ReadonlyArray<Message>
    /** The conversation as `viewer` may see it. */
    readonly view: (thread: Thread, viewer: Account) => Conversation
  }
>()("effect-kefu/sandbox/desk/Conversations") {
  /**
   * @since 0.1.0
   */
  static readonly layer = Layer.effect(
    Conversations,
    Effect.gen(function* () {
      const { seed, messagesPerConversation } = yield* Settings
      const accounts = yield* Accounts
      const counters = yield* Counters
      const threads: Array<Thread> = []
      const byUser = new Map<UserId, Array<Thread>>()
      const openByCustomer = new Map<UserId, Thread>()
      const servedByStaff = new Map<UserId, Set<Thread>>()
      const queue = new Set<Thread>()
      const byMessage = new Map<MessageId, { readonly thread: Thread; readonly entry: Entry }>()
      let messageIds = 0

      const join = (thread: Thread, userId: UserId) => {
        if (thread.marks.has(userId)) return
        thread.marks.set(userId, null)
        const threadsOfUser = byUser.get(userId)
        if (threadsOfUser === undefined) byUser.set(userId, [thread])
        else threadsOfUser.push(thread)
      }

      const served = (userId: UserId): Set<Thread> => {
        const found = servedByStaff.get(userId) ?? new Set()
        servedByStaff.set(userId, found)
        return found
      }

      const release = (thread: Thread) => {
        queue.delete(thread)
        if (thread.servedBy !== undefined) served(thread.servedBy).delete(thread)
        thread.unanswered = undefined
      }

      const assign = (thread: Thread, servedBy: UserId) => {
        release(thread)
        thread.state = "ACTIVE"
        thread.servedBy = servedBy
        served(servedBy).add(thread)
        join(thread, servedBy)
      }

      const finish = (thread: Thread, reason: number) => {
        release(thread)
        thread.state = "FINISHED"
        thread.endReason = reason
        openByCustomer.delete(thread.customerId)
      }

      const open = (turn: Outlet, customerId: UserId, channel: SeedChannel, servedBy: UserId): Thread => {
        const thread: Thread = {
          id: ConversationId.make(threads.length + 1),
          customerId,
          channel,
          openedAt: turn.now,
          entries: [],
          marks: new Map(),
          state: "ACTIVE",
          servedBy: undefined,
          activeAt: turn.now,
          updatedAt: turn.now,
          unanswered: undefined,
          endReason: undefined,
          remark: undefined,
          rated: false
        }
        threads.push(thread)
        openByCustomer.set(customerId, thread)
        join(thread, customerId)
        assign(thread, servedBy)
        return thread
      }

      const mark = (thread: Thread, userId: UserId, id: MessageId) => {
        const present = thread.marks.get(userId)
        if (present === undefined || (present !== null && present >= id)) return
        thread.marks.set(userId, id)
      }

      const post = (
        turn: Outlet,
        thread: Thread,
        { audience = "everyone", knowledge, ...fields }: NewMessage,
        recipients: ReadonlyArray<UserId>
      ): MessageId => {
        const id = MessageId.make(++messageIds)
        const message = { ...fields, id, conversationId: thread.id, createdAt: turn.now } as Message
        const entry: Entry = { message, audience, knowledge, vote: undefined, recalled: false }
        thread.entries.push(entry)
        thread.updatedAt = turn.now
        byMessage.set(id, { thread, entry })
        counters.add("messages")
        const frame = { eventType: "Message", payload: message } as const
        for (const recipient of recipients) turn.push(recipient, frame)
        return id
      }

      const isVisible = ({ audience }: Entry, viewer: Account): boolean =>
        audience === "everyone" ||
        viewer.userType === "ADMIN" ||
        (audience === "customer") === (viewer.userType === "CUSTOMER")

      const messages = (thread: Thread, viewer: Account, limit = Infinity): ReadonlyArray<Message> => {
        const found: Array<Message> = []
        for (let index = thread.entries.length - 1; index >= 0 && found.length < limit; index--) {
          const entry = thread.entries[index]
          if (entry !== undefined && isVisible(entry, viewer)) found.push(entry.message)
        }
        return found.toReversed()
      }

      const channel = (id: SubChannelId | undefined): SeedChannel =>
        seed.channels.find((candidate) => candidate.id === id) ?? seed.channels[0]

      const startedAt = yield* Clock.currentTimeMillis
      for (const past of seed.conversations) {
        const customer = accounts.seeded(past.customer)
        const staff = accounts.seeded(past.staff)
        if (customer === undefined || staff === undefined) continue
        const openedAt = startedAt - past.hoursAgo * 3_600_000
        const at = (seconds: number): Outlet => ({ now: openedAt + seconds * 1000, push: () => {} })
        const thread = open(at(0), customer.id, channel(SubChannelId.make(past.subChannelId)), staff.id)
        post(at(0), thread, { messageType: "ManualServiceStart", fromId: staff.id, audience: "customer" }, [])
        let last = 0
        for (const [seconds, from, content] of past.lines) {
          const fromId = accounts.seeded(from)?.id ?? customer.id
          const id = post(at(seconds), thread, { messageType: "Text", content, fromId }, [])
          for (const userId of thread.marks.keys()) mark(thread, userId, id)
          last = seconds
        }
        if (past.rating !== undefined) {
          thread.rated = true
          post(at(last + 20), thread, { messageType: "CustomerRate", content: past.rating, fromId: customer.id }, [])
        }
        post(
          at(last + 30),
          thread,
          { messageType: "ConversationEnd", content: { reason: past.endReason }, fromId: null },
          []
        )
        thread.remark = past.remark
        finish(thread, past.endReason)
      }

      return Conversations.of({
        all: () => threads,
        get: (id) => {
          const thread = threads[id - 1]
          return thread === undefined
            ? new NotFound({ message: `There is no conversation ${id}` })
            : Effect.succeed(thread)
        },
        locate: (id) => byMessage.get(id),
        of: (userId) => byUser.get(userId) ?? [],
        openOf: (customerId) => openByCustomer.get(customerId),
        servedBy: (userId) => served(userId),
        waiting: () => queue,
        waitingCount: () => queue.size,
        positionOf: (thread) => (queue.has(thread) ? Array.from(queue).indexOf(thread) + 1 : 0),
        open,
        enqueue: (thread) => {
          release(thread)
          thread.state = "PENDING"
          thread.servedBy = undefined
          queue.add(thread)
        },
        assign,
        finish,
        post,
        remove: (thread, entry) => {
          entry.recalled = true
          const index = thread.entries.lastIndexOf(entry)
          if (index >= 0) thread.entries.splice(index, 1)
        },
        mark,
        channel,
        messages,
        view: (thread, viewer) => ({
          id: thread.id,
          state: thread.state,
          customer: accounts.view(accounts.known(thread.customerId), viewer),
          lastStaff: thread.servedBy === undefined ? null : accounts.view(accounts.known(thread.servedBy), viewer),
          users: Array.from(thread.marks.keys(), (id) => accounts.view(accounts.known(id), viewer)),
          conversationsUser: Array.from(thread.marks, ([userId, latestReadMessageId]) => ({
            userId,
            latestReadMessageId
          })),
          messages: messages(thread, viewer, messagesPerConversation),
          subChannelId: SubChannelId.make(thread.channel.id),
          ...(thread.remark === undefined || viewer.userType === "CUSTOMER" ? {} : { remark: thread.remark }),
          ...(thread.endReason === undefined ? {} : { endReason: thread.endReason }),
          createdAt: thread.openedAt,
          updatedAt: thread.updatedAt
        })
      })
    })
  )
}

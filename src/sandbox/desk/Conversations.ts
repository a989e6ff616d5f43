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
import { Counters } from "../Counters.ts"
import type { Knowledge, Vote } from "./KnowledgeBase.ts"
import type { Seed, SeedChannel } from "../Seed.ts"
import { Settings } from "../SandboxOptions.ts"
import type { Turn } from "./Turns.ts"

/**
 * Who sees a message in the history: both sides or one. Administrators see all messages.
 *
 * @category models
 * @since 0.1.0
 */
export type Audience = "everyone" | "customer" | "staff"

/**
 * A message, as the desk stores it.
 *
 * @category models
 * @since 0.1.0
 */
export interface MessageRecord {
  readonly message: Message
  readonly audience: Audience
  /** The knowledge that the robot answered from. */
  readonly knowledge: Knowledge | undefined
  vote: Vote | undefined
  recalled: boolean
}

type Kind = Exclude<Message["messageType"], "Unknown">

interface Origin {
  readonly fromId: UserId | null
  readonly hasRecommend?: boolean
  readonly audience?: Audience
  readonly knowledge?: Knowledge | undefined
}

/**
 * A message whose content is not what its type expects; `typeCode` is the type's number. It is relayed and kept as it is.
 *
 * @category models
 * @since 0.1.0
 */
export interface OddMessage {
  readonly messageType: "Unknown"
  readonly typeCode: number
  readonly content: unknown
  readonly toId: UserId | undefined
}

/**
 * A message to post: the desk adds id and time. `Unknown` has the number of a type and content of another shape.
 *
 * @category models
 * @since 0.1.0
 */
export type NewMessage =
  | (Origin & { readonly messageType: "Unknown"; readonly typeCode: number; readonly content?: unknown })
  | {
      readonly [K in Kind]: Origin & {
        readonly messageType: K
        readonly content?: Extract<Message, { readonly messageType: K }>["content"]
      }
    }[Kind]

/**
 * A conversation, as the desk stores it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConversationRecord {
  readonly id: ConversationId
  readonly customerId: UserId
  readonly channel: SeedChannel
  readonly openedAt: number
  readonly entries: Array<MessageRecord>
  /** The participants with their read marks. */
  readonly marks: Map<UserId, MessageId | null>
  state: "ACTIVE" | "PENDING" | "FINISHED"
  /** The robot or the member of staff who serves the conversation or served it last; undefined while it waits. */
  servedBy: UserId | undefined
  /** The time of the last message that counts as activity. */
  activeAt: number
  updatedAt: number
  /** Set while the customer waits for an answer from staff. */
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
    readonly all: () => ReadonlyArray<ConversationRecord>
    readonly get: (id: ConversationId) => Effect.Effect<ConversationRecord, NotFound>
    readonly locate: (
      id: MessageId
    ) => { readonly conversation: ConversationRecord; readonly entry: MessageRecord } | undefined
    /** The conversations that a user took part in, the oldest first. */
    readonly of: (userId: UserId) => ReadonlyArray<ConversationRecord>
    /** The customer's conversation that has not ended. */
    readonly openOf: (customerId: UserId) => ConversationRecord | undefined
    /** The conversations that a member of staff serves now. */
    readonly servedBy: (userId: UserId) => ReadonlySet<ConversationRecord>
    /** The queue, in order. */
    readonly waiting: () => Iterable<ConversationRecord>
    readonly waitingCount: () => number
    readonly positionOf: (conversation: ConversationRecord) => number
    readonly open: (turn: Turn, customerId: UserId, channel: SeedChannel, servedBy: UserId) => ConversationRecord
    readonly enqueue: (conversation: ConversationRecord) => void
    readonly assign: (conversation: ConversationRecord, servedBy: UserId) => void
    readonly finish: (conversation: ConversationRecord, reason: number) => void
    /** Adds a message, and pushes it to `recipients`. */
    readonly post: (
      turn: Turn,
      conversation: ConversationRecord,
      message: NewMessage,
      recipients: ReadonlyArray<UserId>
    ) => MessageId
    /** Removes a message from the history. */
    readonly remove: (conversation: ConversationRecord, entry: MessageRecord) => void
    /** Moves a participant's read mark forward, never back. */
    readonly mark: (conversation: ConversationRecord, userId: UserId, id: MessageId) => void
    readonly channel: (id: SubChannelId | undefined) => SeedChannel
    /** The messages that `viewer` may see, the latest `limit` of them. */
    readonly messages: (conversation: ConversationRecord, viewer: Account, limit?: number) => ReadonlyArray<Message>
    /** The conversation as `viewer` may see it. */
    readonly view: (conversation: ConversationRecord, viewer: Account) => Conversation
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
      const records: Array<ConversationRecord> = []
      const byUser = new Map<UserId, Array<ConversationRecord>>()
      const openByCustomer = new Map<UserId, ConversationRecord>()
      const servedByStaff = new Map<UserId, Set<ConversationRecord>>()
      const queue = new Set<ConversationRecord>()
      const byMessage = new Map<
        MessageId,
        { readonly conversation: ConversationRecord; readonly entry: MessageRecord }
      >()
      let messageIds = 0

      const join = (conversation: ConversationRecord, userId: UserId) => {
        if (conversation.marks.has(userId)) return
        conversation.marks.set(userId, null)
        const joined = byUser.get(userId)
        if (joined === undefined) byUser.set(userId, [conversation])
        else joined.push(conversation)
      }

      const served = (userId: UserId): Set<ConversationRecord> => {
        const found = servedByStaff.get(userId) ?? new Set()
        servedByStaff.set(userId, found)
        return found
      }

      const release = (conversation: ConversationRecord) => {
        queue.delete(conversation)
        if (conversation.servedBy !== undefined) served(conversation.servedBy).delete(conversation)
        conversation.unanswered = undefined
      }

      const assign = (conversation: ConversationRecord, servedBy: UserId) => {
        release(conversation)
        conversation.state = "ACTIVE"
        conversation.servedBy = servedBy
        served(servedBy).add(conversation)
        join(conversation, servedBy)
      }

      const finish = (conversation: ConversationRecord, reason: number) => {
        release(conversation)
        conversation.state = "FINISHED"
        conversation.endReason = reason
        openByCustomer.delete(conversation.customerId)
      }

      const open = (turn: Turn, customerId: UserId, channel: SeedChannel, servedBy: UserId): ConversationRecord => {
        const conversation = makeRecord(ConversationId.make(records.length + 1), customerId, channel, turn.now)
        records.push(conversation)
        openByCustomer.set(customerId, conversation)
        join(conversation, customerId)
        assign(conversation, servedBy)
        return conversation
      }

      const mark = (conversation: ConversationRecord, userId: UserId, id: MessageId) => {
        const present = conversation.marks.get(userId)
        if (present === undefined || (present !== null && present >= id)) return
        conversation.marks.set(userId, id)
      }

      const post = (
        turn: Turn,
        conversation: ConversationRecord,
        { audience = "everyone", knowledge, ...fields }: NewMessage,
        recipients: ReadonlyArray<UserId>
      ): MessageId => {
        const id = MessageId.make(++messageIds)
        const message = { ...fields, id, conversationId: conversation.id, createdAt: turn.now } as Message
        const entry: MessageRecord = { message, audience, knowledge, vote: undefined, recalled: false }
        conversation.entries.push(entry)
        conversation.updatedAt = turn.now
        byMessage.set(id, { conversation, entry })
        counters.add("messages")
        const frame = { eventType: "Message", payload: message } as const
        for (const recipient of recipients) turn.push(recipient, frame)
        return id
      }

      const channel = (id: SubChannelId | undefined): SeedChannel =>
        seed.channels.find((candidate) => candidate.id === id) ?? seed.channels[0]

      const service = Conversations.of({
        all: () => records,
        get: (id) => {
          const conversation = records[id - 1]
          return conversation === undefined
            ? new NotFound({ message: `There is no conversation ${id}` })
            : Effect.succeed(conversation)
        },
        locate: (id) => byMessage.get(id),
        of: (userId) => byUser.get(userId) ?? [],
        openOf: (customerId) => openByCustomer.get(customerId),
        servedBy: (userId) => served(userId),
        waiting: () => queue,
        waitingCount: () => queue.size,
        positionOf: (conversation) => (queue.has(conversation) ? Array.from(queue).indexOf(conversation) + 1 : 0),
        open,
        enqueue: (conversation) => {
          release(conversation)
          conversation.state = "PENDING"
          conversation.servedBy = undefined
          queue.add(conversation)
        },
        assign,
        finish,
        post,
        remove: (conversation, entry) => {
          entry.recalled = true
          const index = conversation.entries.lastIndexOf(entry)
          if (index >= 0) conversation.entries.splice(index, 1)
        },
        mark,
        channel,
        messages: visibleMessages,
        view: (conversation, viewer) => viewOf(accounts, conversation, viewer, messagesPerConversation)
      })
      addPast(service, accounts, seed, yield* Clock.currentTimeMillis)
      return service
    })
  )
}

const isVisible = ({ audience }: MessageRecord, viewer: Account): boolean =>
  audience === "everyone" ||
  viewer.userType === "ADMIN" ||
  (audience === "customer") === (viewer.userType === "CUSTOMER")

const visibleMessages = (
  conversation: ConversationRecord,
  viewer: Account,
  limit = Infinity
): ReadonlyArray<Message> => {
  const found: Array<Message> = []
  for (let index = conversation.entries.length - 1; index >= 0 && found.length < limit; index--) {
    const entry = conversation.entries[index]
    if (entry !== undefined && isVisible(entry, viewer)) found.push(entry.message)
  }
  return found.toReversed()
}

const makeRecord = (id: ConversationId, customerId: UserId, channel: SeedChannel, now: number): ConversationRecord => ({
  id,
  customerId,
  channel,
  openedAt: now,
  entries: [],
  marks: new Map(),
  state: "ACTIVE",
  servedBy: undefined,
  activeAt: now,
  updatedAt: now,
  unanswered: undefined,
  endReason: undefined,
  remark: undefined,
  rated: false
})

const viewOf = (
  accounts: Accounts["Service"],
  conversation: ConversationRecord,
  viewer: Account,
  limit: number
): Conversation => ({
  id: conversation.id,
  state: conversation.state,
  customer: accounts.view(accounts.known(conversation.customerId), viewer),
  // The old public client cannot read a conversation that nobody serves.
  lastStaff: accounts.view(accounts.known(conversation.servedBy ?? accounts.robot.id), viewer),
  users: Array.from(conversation.marks.keys(), (id) => accounts.view(accounts.known(id), viewer)),
  conversationsUser: Array.from(conversation.marks, ([userId, latestReadMessageId]) => ({
    userId,
    latestReadMessageId
  })),
  messages: visibleMessages(conversation, viewer, limit),
  subChannelId: SubChannelId.make(conversation.channel.id),
  ...(conversation.remark === undefined || viewer.userType === "CUSTOMER" ? {} : { remark: conversation.remark }),
  ...(conversation.endReason === undefined ? {} : { endReason: conversation.endReason }),
  createdAt: conversation.openedAt,
  updatedAt: conversation.updatedAt
})

/** Adds the finished conversations of the seed. */
const addPast = (
  conversations: Conversations["Service"],
  accounts: Accounts["Service"],
  seed: Seed,
  startedAt: number
): void => {
  for (const past of seed.conversations) {
    const customer = accounts.seeded(past.customer)
    const staff = accounts.seeded(past.staff)
    if (customer === undefined || staff === undefined) continue
    const openedAt = startedAt - past.hoursAgo * 3_600_000
    const at = (seconds: number): Turn => ({ now: openedAt + seconds * 1000, push: () => {} })
    const conversation = conversations.open(
      at(0),
      customer.id,
      conversations.channel(SubChannelId.make(past.subChannelId)),
      staff.id
    )
    conversations.post(
      at(0),
      conversation,
      { messageType: "ManualServiceStart", fromId: staff.id, audience: "customer" },
      []
    )
    let last = 0
    for (const [seconds, from, content] of past.lines) {
      const fromId = accounts.seeded(from)?.id ?? customer.id
      const id = conversations.post(at(seconds), conversation, { messageType: "Text", content, fromId }, [])
      for (const userId of conversation.marks.keys()) conversations.mark(conversation, userId, id)
      last = seconds
    }
    if (past.rating !== undefined) {
      conversation.rated = true
      conversations.post(
        at(last + 20),
        conversation,
        { messageType: "CustomerRate", content: past.rating, fromId: customer.id },
        []
      )
    }
    conversations.post(
      at(last + 30),
      conversation,
      { messageType: "ConversationEnd", content: { reason: past.endReason }, fromId: null },
      []
    )
    conversation.remark = past.remark
    conversations.finish(conversation, past.endReason)
  }
}

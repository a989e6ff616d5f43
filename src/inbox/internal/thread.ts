/**
 * One conversation of the inbox: its timeline, read marks and whatever else changes. What an event costs here does not
 * depend on the length of the timeline.
 */
import * as Equal from "effect/Equal"
import * as Predicate from "effect/Predicate"
import type { Conversation } from "../../domain/Conversation.ts"
import type { ConversationId, MessageId, UserId } from "../../domain/Id.ts"
import { isSystemMessage, type Message } from "../../domain/Message.ts"
import type { User } from "../../domain/User.ts"
import type { OutboxDraft, OutboxEntry, OutboxKey } from "../../outbox/OutboxEntry.ts"
import type { InboxConversation, InboxDetails, InboxMessage, QueuePlace, Typing } from "../InboxSnapshot.ts"
import { type Content, holds, ofMessage, ofSend } from "../../outbox/payload.ts"
import {
  contentOf,
  counterpartOf,
  directionOf,
  isServedByRobot,
  isVisitor,
  readMarkOf,
  senderOf
} from "../../domain/Perspective.ts"
import { Timeline } from "./timeline.ts"

/** Whom the session belongs to, and whom it knows. */
export interface People {
  readonly me: User | undefined
  readonly users: ReadonlyMap<UserId, User>
}

/** Up to which message one has read, in several respects. */
interface Marks {
  /** What the backend says. */
  told: number
  /** What one has claimed, without an answer yet. */
  claimed: number
  /** The last message that one wrote while the inbox watched: whoever writes has read. */
  wrote: number
  /** What came while a robot served. */
  robot: number
}

/** A send that has not got its id yet. */
interface Echo {
  readonly item: InboxMessage
  readonly content: Content | undefined
  /** What had been said when it was begun: it comes later. */
  readonly after: number
  /** The message of the backend's that it seems to have become, before the outbox has said so. */
  readonly became: MessageId | undefined
}

type Settled = InboxMessage & { readonly id: MessageId }

export class Thread {
  readonly id: ConversationId
  /** Everyone who has to do with it. */
  readonly participants = new Set<UserId>()
  readonly #people: People
  readonly #changed: () => void
  #details: InboxDetails
  #timeline = new Timeline<Settled>()
  #isFresh = false
  #isKnown = false
  /** The latest message that `#details` knew of. */
  #asOf = 0
  readonly #marks: Marks = { told: 0, claimed: 0, wrote: 0, robot: 0 }
  #readByOthers = 0
  #unreadCount = 0
  #latestReceived: MessageId | undefined
  #typing: Typing | undefined
  #queue: QueuePlace | undefined
  readonly #echoes = new Map<OutboxKey, Echo>()
  readonly #recalled = new Set<number>()
  readonly #strangers = new Set<number>()
  /** The sends that are shown behind the messages. */
  #pending: ReadonlyArray<InboxMessage> = []
  #view: InboxConversation | undefined
  #isShown = false
  /** What the messages of the view are made of. */
  #shown: readonly [timeline: unknown, pending: unknown] = [undefined, undefined]

  constructor(id: ConversationId, people: People, changed: () => void) {
    this.id = id
    this.#people = people
    this.#changed = () => {
      this.#isShown = false
      changed()
    }
    this.#details = { id, state: "ACTIVE", users: [], conversationsUser: [] }
  }

  get state() {
    return this.#details.state
  }

  get isFresh(): boolean {
    return this.#isFresh
  }

  /** Whether the backend has ever been asked about it. */
  get isKnown(): boolean {
    return this.#isKnown
  }

  get isServedByRobot(): boolean {
    return isServedByRobot(this.#details)
  }

  get counterpart(): User | undefined {
    const person = counterpartOf(this.#details, this.#people)
    return person === undefined ? undefined : this.#people.users.get(person.id as UserId)
  }

  get unreadCount(): number {
    return this.#unreadCount
  }

  /** The latest message of the backend's. */
  get latest(): number {
    return this.#timeline.last?.id ?? 0
  }

  has(id: MessageId): boolean {
    return this.#timeline.get(id) !== undefined
  }

  /** The latest received message, if the backend has not been told that it was read. */
  get unacknowledged(): MessageId | undefined {
    const latest = this.#latestReceived
    return latest !== undefined && latest > Math.max(this.#marks.told, this.#marks.claimed) ? latest : undefined
  }

  // --- what was read over REST

  /**
   * Takes in what was read of the conversation. Messages and marks are always good; the rest only if nothing newer is
   * known, which the answer says.
   */
  merge(conversation: Conversation, isNewest = false): boolean {
    const { messages, ...details } = conversation
    const sorted = messages.toSorted((left, right) => left.id - right.id)
    const asOf = sorted.at(-1)?.id ?? 0
    const isCurrent = isNewest || asOf >= this.#asOf
    if (isCurrent) {
      this.#asOf = asOf
      this.#isFresh = true
      this.#isKnown = true
      this.#setDetails(details)
    }
    this.#mark("told", readMarkOf(conversation, this.#people.me) ?? 0)
    this.#markReadByOthers(readMarkOf(conversation, counterpartOf(conversation, this.#people)) ?? 0)
    for (const message of sorted) if (message.messageType === "MessageRecall") this.recall(message.content.messageId)
    this.#insert(sorted)
    this.#countAsRead()
    return isCurrent
  }

  /** What the inbox shows of it may be out of date. */
  doubt(): void {
    if (!this.#isFresh) return
    this.#isFresh = false
    this.#changed()
  }

  // --- what came in

  /** Whether the conversation should be read again after that. */
  receive(message: Message): boolean {
    const [item] = this.#insert([message])
    if (item === undefined) return false
    const needsReading = this.#follow(message) || !this.#isFresh
    if (!item.isSystemMessage) {
      if (item.direction === 1) {
        this.#markReadByOthers(message.id)
        this.setTyping(undefined)
      } else if (message.fromId === this.#people.me?.id) {
        this.#mark("wrote", message.id)
      }
    }
    this.#countAsRead()
    return this.#isSurprisedBy(item, message) || needsReading
  }

  /** What a system message says of the conversation itself; whether that should be read again. */
  #follow(message: Message): boolean {
    if (message.messageType === "MessageRecall") this.recall(message.content.messageId)
    if (!changesConversation(message)) return false
    if (message.id < this.#asOf) return true
    this.#asOf = message.id
    const { me, users } = this.#people
    const details = this.#details
    switch (message.messageType) {
      case "ConversationEnd":
        this.#setDetails({ ...details, state: "FINISHED", endReason: message.content.reason })
        return false
      case "ManualServiceStart": {
        const candidates = [find(users, message.fromId), details.lastStaff]
        const lastStaff = candidates.find((user) => Predicate.isNotNullish(user) && user.userType !== "ROBOT") ?? null
        this.#setDetails({ ...details, state: "ACTIVE", lastStaff })
        return true
      }
      case "ConversationBuilt": {
        const other = find(users, message.content.userId)
        if (other !== undefined && me !== undefined && !isVisitor(other) && isVisitor(me)) {
          this.#setDetails({ ...details, state: "ACTIVE", lastStaff: other })
        }
        return true
      }
      default:
        return true
    }
  }

  /** Whether a message does not fit what is known: from a stranger, or where nobody should write. */
  #isSurprisedBy(item: Settled, { fromId }: Message): boolean {
    if (item.isSystemMessage) return false
    if (item.direction === 1 && this.state !== "ACTIVE") return true
    if (Predicate.isNullish(fromId) || this.#people.users.has(fromId) || this.#strangers.has(fromId)) return false
    this.#strangers.add(fromId)
    return true
  }

  /** The other side has read up to a message. */
  readByOthers(messageId: MessageId): void {
    this.#markReadByOthers(messageId)
  }

  recall(messageId: MessageId): void {
    if (this.#recalled.has(messageId)) return
    this.#recalled.add(messageId)
    const item = this.#timeline.get(messageId)
    if (item === undefined) return
    if (this.#isUnread(item)) this.#unreadCount--
    this.#timeline = this.#timeline.set({ ...item, isRecalled: true })
    this.#changed()
  }

  // --- what one did oneself

  /** Counts as read up to a message, until the backend has answered. */
  claim(messageId: MessageId): void {
    this.#mark("claimed", messageId)
  }

  /** The backend has taken note. */
  acknowledge(messageId: MessageId): void {
    this.#mark("told", messageId)
  }

  /** The backend has not taken note. */
  disclaim(messageId: MessageId): void {
    if (this.#marks.claimed !== messageId) return
    const before = this.#readUpTo
    this.#marks.claimed = 0
    this.#recount(before)
  }

  setTyping(typing: Typing | undefined): void {
    const next = this.state === "FINISHED" ? undefined : typing
    if (Equal.equals(this.#typing, next)) return
    this.#typing = next
    this.#changed()
  }

  setQueue(place: QueuePlace | undefined): void {
    const next = this.state === "PENDING" ? place : undefined
    if (Equal.equals(this.#queue, next)) return
    this.#queue = next
    this.#changed()
  }

  // --- what one sends

  /** A send is on its way, has arrived, or is given up. Whether the conversation should be read again after that. */
  setEcho({ draft, enqueuedAt, key, state }: OutboxEntry): boolean {
    const known = this.#echoes.get(key)
    if (state._tag === "Sent") return this.#settle(key, state.id, known?.item ?? this.#itemOf(key, draft, enqueuedAt))
    const isLost = state._tag !== "Sending"
    if (known?.became !== undefined && isLost) this.#rename(known.became)
    if (state._tag === "Discarded" || (state._tag === "Failed" && state.reason._tag === "Cancelled")) {
      this.#echoes.delete(key)
    } else {
      this.#echoes.set(key, {
        item: { ...this.#itemOf(key, draft, enqueuedAt), delivery: state },
        content: draft.file === undefined ? ofSend(draft) : undefined,
        after: known?.after ?? this.latest,
        became: isLost ? undefined : known?.became
      })
    }
    this.#showEchoes()
    return false
  }

  #showEchoes(): void {
    this.#pending = Array.from(this.#echoes.values()).flatMap(({ became, item }) =>
      became === undefined ? [item] : []
    )
    this.#changed()
  }

  #itemOf(key: OutboxKey, message: OutboxDraft, createdAt: number): InboxMessage {
    return {
      key,
      id: undefined,
      conversationId: this.id,
      message,
      direction: 0,
      nickname: this.#people.me?.nickname ?? undefined,
      createdAt,
      isSystemMessage: false,
      isRead: false,
      isRecalled: false,
      outboxKey: key,
      delivery: undefined
    }
  }

  /** A send has become a message, which may be there already. After the end it is none of this conversation. */
  #settle(key: OutboxKey, id: MessageId, item: InboxMessage): boolean {
    const became = this.#echoes.get(key)?.became
    this.#echoes.delete(key)
    if (became !== undefined && became !== id) this.#rename(became)
    if (!this.has(id) && (this.state !== "FINISHED" || id < this.#asOf)) {
      const isRecalled = this.#recalled.has(id)
      const isRead = id <= this.#readByOthers
      this.#timeline = this.#timeline.set({ ...item, id, isRead, isRecalled, delivery: undefined })
    }
    if (this.has(id)) this.#mark("wrote", id)
    this.#countAsRead()
    this.#showEchoes()
    return !this.has(id)
  }

  /** A message was taken for a send that it is not. */
  #rename(id: MessageId): void {
    const item = this.#timeline.get(id)
    if (item !== undefined) this.#timeline = this.#timeline.set({ ...item, key: keyOf(id), outboxKey: undefined })
  }

  /** The send that a message seems to have become. */
  #echoOf(message: Message): OutboxKey | undefined {
    if (this.#echoes.size === 0 || message.fromId !== this.#people.me?.id || isSystemMessage(message)) return undefined
    const content = ofMessage(message)
    for (const [key, echo] of this.#echoes) {
      if (echo.item.delivery?._tag !== "Sending" || echo.became !== undefined) continue
      if (message.id <= echo.after || echo.content === undefined || !holds(content, echo.content)) continue
      this.#echoes.set(key, { ...echo, became: message.id })
      this.#showEchoes()
      return key
    }
    return undefined
  }

  // --- people

  /** Some are known differently from before; undefined: all. */
  reconsider(userIds: ReadonlyArray<UserId> | undefined): void {
    if (userIds !== undefined && !userIds.some((id) => this.participants.has(id))) return
    this.#latestReceived = undefined
    this.#timeline = this.#timeline.update(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, (item) => {
      if (!isTold(item.message)) return item
      const next = this.#derive(item.message, item.key, item.outboxKey)
      return Equal.equals(item, next) ? item : next
    })
    this.#unreadCount = this.#countUnread(this.#readUpTo, Number.POSITIVE_INFINITY)
    this.#changed()
  }

  // --- the view

  /** The same object until something in it changes. */
  get view(): InboxConversation {
    if (this.#isShown && this.#view !== undefined) return this.#view
    this.#isShown = true
    const timeline = this.#timeline
    const echoes = this.#pending
    let messages: ReadonlyArray<InboxMessage> | undefined
    const view: Omit<InboxConversation, "messages"> = {
      id: this.id,
      state: this.state,
      counterpart: this.counterpart,
      isServedByRobot: this.isServedByRobot,
      isNew: this.state !== "FINISHED" && Math.max(this.#marks.told, this.#marks.claimed, this.#marks.wrote) === 0,
      unreadCount: this.#unreadCount,
      readUpTo: this.#readUpTo,
      typing: this.#typing,
      queue: this.#queue,
      details: this.#details,
      isFresh: this.#isFresh,
      lastMessage: echoes.at(-1) ?? timeline.last
    }
    const isSame = this.#shown[0] === timeline && this.#shown[1] === echoes && isShallowlyEqual(this.#view, view)
    if (isSame && this.#view !== undefined) return this.#view
    this.#shown = [timeline, echoes]
    this.#view = Object.defineProperty(view as InboxConversation, "messages", {
      enumerable: true,
      get: () => {
        messages ??= echoes.length === 0 ? timeline.items : [...timeline.items, ...echoes]
        return messages
      }
    })
    return this.#view
  }

  #setDetails(details: InboxDetails): void {
    for (const user of [details.customer, details.lastStaff, ...details.users]) {
      if (Predicate.isNotNullish(user)) this.participants.add(user.id)
    }
    if (!Equal.equals(this.#details, details)) this.#details = details
    this.#changed()
    if (this.state !== "PENDING") this.setQueue(undefined)
    if (this.state === "FINISHED") this.setTyping(undefined)
  }

  /** Puts in what is not there yet, or only as a draft; returns what is new. */
  #insert(sorted: ReadonlyArray<Message>): ReadonlyArray<Settled> {
    const added: Array<Settled> = []
    for (const message of sorted) {
      const known = this.#timeline.get(message.id)
      if (added.at(-1)?.id === message.id) continue
      if (known === undefined) {
        const echo = this.#echoOf(message)
        const item = this.#derive(message, echo ?? keyOf(message.id), echo)
        if (this.#isUnread(item)) this.#unreadCount++
        added.push(item)
      } else if (!isTold(known.message)) {
        this.#timeline = this.#timeline.set(this.#derive(message, known.key, known.outboxKey))
        this.#changed()
      }
    }
    if (added.length === 0) return added
    this.#timeline = this.#timeline.setAll(added)
    this.#changed()
    return added
  }

  #derive(message: Message, key: string, outboxKey: OutboxKey | undefined): Settled {
    const { fromId, id } = message
    const sender = senderOf(message, this.#people)
    const direction = directionOf(message, this.#people)
    const content = contentOf(message, this.#people)
    if (Predicate.isNotNullish(fromId)) this.participants.add(fromId)
    if (message.messageType === "ConversationBuilt" && Predicate.isNotNullish(message.content.userId)) {
      this.participants.add(message.content.userId)
    }
    if (direction === 1 && id > (this.#latestReceived ?? 0)) this.#latestReceived = id
    return {
      key,
      id,
      conversationId: this.id,
      message: content === message.content ? message : ({ ...message, content } as Message),
      direction,
      nickname: sender?.nickname ?? undefined,
      createdAt: message.createdAt ?? undefined,
      isSystemMessage: isSystemMessage(message),
      isRead: direction === 1 || id <= this.#readByOthers,
      isRecalled: this.#recalled.has(id),
      outboxKey,
      delivery: undefined
    }
  }

  // --- marks

  get #readUpTo(): number {
    return Math.max(this.#marks.told, this.#marks.claimed, this.#marks.wrote, this.#marks.robot)
  }

  #mark(mark: keyof Marks, id: number): void {
    if (id <= this.#marks[mark]) return
    const before = this.#readUpTo
    this.#marks[mark] = id
    this.#recount(before)
  }

  #recount(before: number): void {
    const after = this.#readUpTo
    this.#unreadCount -= this.#countUnread(before, after)
    this.#unreadCount += this.#countUnread(after, before)
    this.#changed()
  }

  #markReadByOthers(id: number): void {
    if (id <= this.#readByOthers) return
    const before = this.#readByOthers
    this.#readByOthers = id
    const timeline = this.#timeline.update(before, id, (item) => (item.isRead ? item : { ...item, isRead: true }))
    if (timeline === this.#timeline) return
    this.#timeline = timeline
    this.#changed()
  }

  /** While a robot serves, everything counts as read, on both sides. */
  #countAsRead(): void {
    if (!this.isServedByRobot) return
    this.#markReadByOthers(this.latest)
    this.#mark("robot", this.latest)
  }

  #isUnread(item: Settled): boolean {
    return item.id > this.#readUpTo && isCounted(item)
  }

  #countUnread(after: number, upTo: number): number {
    let count = 0
    for (const item of this.#timeline.between(after, upTo)) if (isCounted(item)) count++
    return count
  }
}

/** Whether a system message tells that a conversation is not what it was. */
const changesConversation = ({ messageType }: Message): boolean =>
  messageType === "ConversationEnd" ||
  messageType === "ManualServiceStart" ||
  messageType === "ConversationBuilt" ||
  messageType === "ConversationTransfer" ||
  messageType === "StaffBusyEvent" ||
  messageType === "StaffOfflineEvent"

const keyOf = (id: MessageId): string => `m${id}`

/** Whether the backend has told a message, and not only acknowledged it. */
const isTold = (message: Message | OutboxDraft): message is Message => "id" in message

const isCounted = (item: InboxMessage): boolean => item.direction === 1 && !item.isSystemMessage && !item.isRecalled

const find = (users: ReadonlyMap<UserId, User>, id: UserId | null | undefined): User | undefined =>
  Predicate.isNullish(id) ? undefined : users.get(id)

/** Whether the fields of `right` are the same objects in `left`. */
export const isShallowlyEqual = <A extends object>(left: object | undefined, right: A): boolean =>
  left !== undefined && Object.entries(right).every(([key, value]) => Reflect.get(left, key) === value)

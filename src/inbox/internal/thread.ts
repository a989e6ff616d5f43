/**
 * One conversation of the inbox. The cost of an event here does not depend on the length of the timeline.
 */
import * as Equal from "effect/Equal"
import * as Predicate from "effect/Predicate"
import type { Conversation } from "../../domain/Conversation.ts"
import type { ConversationId, MessageId, UserId } from "../../domain/Id.ts"
import { oddOf, skippedOf } from "../../codec/Odd.ts"
import { isSystemMessage, type Message } from "../../domain/Message.ts"
import {
  contentOf,
  counterpartOf,
  directionOf,
  isServedByRobot,
  isVisitor,
  messageName,
  readMarkOf,
  senderOf
} from "../../domain/Perspective.ts"
import type { User } from "../../domain/User.ts"
import type { OutboxDraft, OutboxEntry, OutboxKey } from "../../outbox/OutboxEntry.ts"
import type { InboxConversation, InboxDetails, InboxMessage, QueuePlace, Typing } from "../InboxSnapshot.ts"
import { Echoes } from "./echoes.ts"
import { ReadMarks } from "./readMarks.ts"
import { type Arrived, isShallowlyEqual, Messages } from "./messages.ts"
import { staffStatus, type StaffStatus, statusMessages } from "./staffStatus.ts"
import { Timeline } from "./timeline.ts"

/** The account of the session, and everyone it knows. */
export interface People {
  readonly me: User | undefined
  readonly users: ReadonlyMap<UserId, User>
}

/** How a conversation was read. */
export interface Reading {
  /** Whether nothing has changed since. */
  readonly isNewest?: boolean
  /** The latest message that was known before: unless the backend has it, it is gone. 0 if that is not certain. */
  readonly knownBefore?: number
}

export class Thread {
  readonly id: ConversationId
  /** Everyone the conversation refers to. */
  readonly participants = new Set<UserId>()
  /** Whether nothing has been missed since it was read from the backend. */
  isFresh = false
  /** Whether it was ever read from the backend. */
  isKnown = false
  /** Whether it had ended before this session knew of it. */
  isPast = false
  /** Whether this account served it at some time. */
  wasMine = false
  readonly #people: People
  readonly #onChange: () => void
  readonly #marks = new ReadMarks()
  readonly #echoes = new Echoes()
  readonly #recalled = new Set<number>()
  /** Unknown senders for whom a read has been requested. */
  readonly #strangers = new Set<number>()
  #timeline = new Timeline<Arrived>()
  #details: InboxDetails
  /** The latest message that `#details` takes into account. */
  #asOf = 0
  /** What the backend said last about the staff, and by which message. */
  #staff: { readonly at: number; readonly status: StaffStatus } = { at: 0, status: undefined }
  #unreadCount = 0
  #latestReceived: MessageId | undefined
  #typing: Typing | undefined
  #queue: QueuePlace | undefined
  #messages = new Messages(this.#timeline, this.#echoes.pending)
  #view: InboxConversation | undefined
  #isViewCurrent = false

  constructor(id: ConversationId, people: People, onChange: () => void) {
    this.id = id
    this.#people = people
    this.#onChange = onChange
    this.#details = { id, state: "ACTIVE", users: [], conversationsUser: [] }
  }

  get state() {
    return this.#details.state
  }

  /** Whether somebody else serves it now instead of this account. */
  get isTaken(): boolean {
    const { lastStaff, state } = this.#details
    return this.wasMine && state !== "FINISHED" && lastStaff?.id !== this.#people.me?.id
  }

  /** Whether it has ended, or somebody of the staff serves it. */
  get #isAttended(): boolean {
    const { lastStaff, state } = this.#details
    return state === "FINISHED" || (Predicate.isNotNullish(lastStaff) && lastStaff.userType !== "ROBOT")
  }

  get counterpart(): User | undefined {
    const person = counterpartOf(this.#details, this.#people)
    return person === undefined ? undefined : this.#people.users.get(person.id as UserId)
  }

  /** The id of the latest message that has one; 0 if there is none. */
  get latest(): number {
    return this.#timeline.last?.id ?? 0
  }

  has(id: MessageId): boolean {
    return this.#timeline.get(id) !== undefined
  }

  /** The latest received message, unless the backend knows that it was read. */
  get unreported(): MessageId | undefined {
    const latest = this.#latestReceived
    return latest !== undefined && latest > this.#marks.reported ? latest : undefined
  }

  // --- read over REST

  /**
   * Merges a conversation as read. Its messages and marks are always valid; the rest counts only if nothing newer is
   * known, and the result says whether it did.
   */
  merge(conversation: Conversation, { isNewest = false, knownBefore = 0 }: Reading = {}): boolean {
    const { messages, ...details } = conversation
    const sorted = messages.toSorted((left, right) => left.id - right.id)
    const asOf = sorted.at(-1)?.id ?? 0
    const isCurrent = isNewest || asOf >= this.#asOf
    if (isCurrent) {
      this.isPast = details.state === "FINISHED" && (this.isPast || (!this.isKnown && this.latest === 0))
      this.#asOf = asOf
      this.isFresh = true
      this.isKnown = true
      this.#setDetails(this.#withoutOdd(details))
    }
    this.mark("told", readMarkOf(conversation, this.#people.me) ?? 0)
    this.mark("theirs", readMarkOf(conversation, counterpartOf(conversation, this.#people)) ?? 0)
    for (const message of sorted) if (message.messageType === "MessageRecall") this.recall(message.content.messageId)
    // An element that makes no sense may be any message.
    if (skippedOf(messages).length === 0) this.#removeMissing(sorted, knownBefore)
    this.#insert(sorted)
    this.#markServedByRobot()
    return isCurrent
  }

  /** Keeps what is known instead of fields that make no sense. */
  #withoutOdd(details: InboxDetails): InboxDetails {
    const { customer, lastStaff, state } = this.#details
    const odd = oddOf(details)
    return {
      ...details,
      state: details.state === "" ? state : details.state,
      customer: odd?.customer === undefined ? details.customer : (details.customer ?? customer),
      lastStaff: odd?.lastStaff === undefined ? details.lastStaff : (details.lastStaff ?? lastStaff)
    }
  }

  /**
   * Removes the messages that the backend no longer has: the page that was read begins before them, they were known when
   * it was read, and it lacks them. Histories may leave out system messages and recalled ones.
   */
  #removeMissing(sorted: ReadonlyArray<Message>, upTo: number): void {
    const [first] = sorted
    if (first === undefined) return
    const present = new Set<number>(sorted.map(({ id }) => id))
    const missing = new Set<number>()
    for (const { id, isRecalled, isSystemMessage } of this.#timeline.between(first.id, upTo)) {
      if (!present.has(id) && !isRecalled && !isSystemMessage) missing.add(id)
    }
    if (missing.size === 0) return
    this.#show(this.#timeline.without(missing))
    this.#latestReceived = this.#timeline.items.findLast(({ direction }) => direction === 1)?.id
    this.#countUnread()
  }

  /** Marks it as possibly out of date. */
  doubt(): void {
    if (!this.isFresh) return
    this.isFresh = false
    this.#changed()
  }

  // --- received

  /** Takes a message. Returns whether the conversation has to be read again. */
  receive(message: Message): boolean {
    const [item] = this.#insert([message])
    if (item === undefined) return false
    const isOutdated = this.#follow(message) || !this.isFresh
    if (!item.isSystemMessage) {
      if (item.direction === 1) {
        this.mark("theirs", message.id)
        this.setTyping(undefined)
      } else if (message.fromId === this.#people.me?.id) {
        this.mark("wrote", message.id)
      }
    }
    this.#markServedByRobot()
    return this.#isUnexpected(item, message) || isOutdated
  }

  /** Applies a system message to the details. Returns whether they have to be read again. */
  #follow(message: Message): boolean {
    if (message.messageType === "MessageRecall") this.recall(message.content.messageId)
    // A message whose content makes no sense still has the name of its kind.
    const name = messageName(message)
    if (name === undefined || !statusMessages.has(name)) return name !== message.messageType && name === "MessageRecall"
    if (message.id < this.#asOf) return true
    this.#asOf = message.id
    const { me, users } = this.#people
    const details = this.#details
    if (name === "ConversationEnd") {
      const endReason = message.messageType === "ConversationEnd" ? message.content.reason : undefined
      this.#setDetails({ ...details, state: "FINISHED", endReason })
      return false
    }
    switch (message.messageType) {
      case "ManualServiceStart": {
        const candidates = [find(users, message.fromId), details.lastStaff]
        const lastStaff = candidates.find((user) => Predicate.isNotNullish(user) && user.userType !== "ROBOT") ?? null
        this.#setDetails({ ...details, state: "ACTIVE", lastStaff })
        return true
      }
      case "ConversationBuilt": {
        const other = find(users, message.content.userId)
        if (other === undefined || me === undefined || isVisitor(other) === isVisitor(me)) return true
        if (isVisitor(me)) this.#setDetails({ ...details, state: "ACTIVE", lastStaff: other })
        else if (Predicate.isNullish(details.customer)) this.#setDetails({ ...details, customer: other })
        return true
      }
      default:
        return true
    }
  }

  /** Whether a message contradicts what is known: from an unknown sender, or where nobody is expected to write. */
  #isUnexpected(item: Arrived, { fromId }: Message): boolean {
    if (item.isSystemMessage) return false
    if (item.direction === 1 && this.state !== "ACTIVE") return true
    if (Predicate.isNullish(fromId) || this.#people.users.has(fromId) || this.#strangers.has(fromId)) return false
    this.#strangers.add(fromId)
    return true
  }

  recall(id: MessageId): void {
    if (this.#recalled.has(id)) return
    this.#recalled.add(id)
    const item = this.#timeline.get(id)
    if (item === undefined) return
    if (this.#isUnread(item)) this.#unreadCount--
    this.#show(this.#timeline.set({ ...item, isRecalled: true }))
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

  // --- what is read

  /** Moves a read mark forward. */
  mark(mark: Parameters<ReadMarks["advance"]>[0], id: number): void {
    const before = this.#marks.theirs
    if (!this.#marks.advance(mark, id)) return
    if (mark !== "theirs") this.#countUnread()
    else this.#show(this.#timeline.update(before, id, (item) => (item.isRead ? item : { ...item, isRead: true })))
  }

  /** Withdraws a claim that the backend has not acknowledged, unless a later one has replaced it. */
  withdraw(id: MessageId): void {
    if (this.#marks.claimed !== id) return
    this.#marks.claimed = 0
    this.#countUnread()
  }

  /** While a robot serves, everything counts as read, on both sides. */
  #markServedByRobot(): void {
    if (!isServedByRobot(this.#details)) return
    this.mark("theirs", this.latest)
    this.mark("robot", this.latest)
  }

  #countUnread(): void {
    this.#unreadCount = 0
    for (const item of this.#timeline.between(this.#marks.readUpTo, Number.POSITIVE_INFINITY)) {
      if (this.#isUnread(item)) this.#unreadCount++
    }
    this.#changed()
  }

  #isUnread(item: Arrived): boolean {
    return item.id > this.#marks.readUpTo && item.direction === 1 && !item.isSystemMessage && !item.isRecalled
  }

  // --- sends

  /** Takes the new state of a send. Returns whether it may have arrived in another conversation. */
  setEcho(entry: OutboxEntry): boolean {
    const { key, state } = entry
    const item = this.#itemOf(entry)
    const mismatch = this.#timeline.get(this.#echoes.update(entry, item, this.latest) ?? 0)
    if (mismatch !== undefined) {
      this.#show(this.#timeline.set({ ...mismatch, key: keyOf(mismatch.id), outboxKey: undefined }))
    }
    this.#changed()
    if (state._tag !== "Sent") return false
    const { id } = state
    const isNew = !this.has(id)
    if (isNew) {
      const isRecalled = this.#recalled.has(id)
      this.#show(this.#timeline.set({ ...item, key, id, isRead: id <= this.#marks.theirs, isRecalled }))
    } else {
      this.#identify(id, { outboxKey: key })
    }
    this.mark("wrote", id)
    this.#markServedByRobot()
    // What was sent after the end usually begins the next conversation.
    return isNew && this.state === "FINISHED" && id >= this.#asOf
  }

  /** Shows an arrived message as this send. */
  adopt(id: MessageId, key: OutboxKey): void {
    this.#identify(id, { key, outboxKey: key })
  }

  /** Removes a message that turned out to belong to another conversation. */
  release(id: MessageId): void {
    this.#show(this.#timeline.without(new Set([id])))
  }

  #identify(id: MessageId, keys: Partial<Pick<Arrived, "key" | "outboxKey">>): void {
    const item = this.#timeline.get(id)
    if (item !== undefined && !isShallowlyEqual(item, keys)) this.#show(this.#timeline.set({ ...item, ...keys }))
  }

  // --- people

  /** Derives the messages again after the data of these users has changed; undefined: of all. */
  reconsider(userIds: ReadonlyArray<UserId> | undefined): void {
    if (userIds !== undefined && !userIds.some((id) => this.participants.has(id))) return
    this.#latestReceived = undefined
    this.#timeline = this.#timeline.update(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, (item) => {
      if (!isComplete(item.message)) return item
      const next = this.#derive(item.message, item.key, item.outboxKey)
      return Equal.equals(item, next) ? item : next
    })
    this.#countUnread()
  }

  // --- the view

  /** The same object until something in it changes. */
  get view(): InboxConversation {
    if (this.#isViewCurrent && this.#view !== undefined) return this.#view
    this.#isViewCurrent = true
    const { pending } = this.#echoes
    const before = this.#messages
    if (before.arrived !== this.#timeline || before.pending !== pending) {
      this.#messages = new Messages(this.#timeline, pending)
    }
    const messages = this.#messages
    const fields: Omit<InboxConversation, "messages"> = {
      id: this.id,
      state: this.state,
      counterpart: this.counterpart,
      isServedByRobot: isServedByRobot(this.#details),
      staffStatus: this.#isAttended ? undefined : this.#staff.status,
      isNew: this.state !== "FINISHED" && this.#marks.isUntouched,
      unreadCount: this.#unreadCount,
      readUpTo: this.#marks.readUpTo,
      typing: this.#typing,
      queue: this.#queue,
      details: this.#details,
      isFresh: this.isFresh,
      mayHaveEarlierMessages: this.#timeline.first?.message.messageType !== "ConversationBuilt",
      lastMessage: pending.at(-1) ?? this.#timeline.last
    }
    if (this.#view !== undefined && messages === before && isShallowlyEqual(this.#view, fields)) return this.#view
    this.#view = {
      ...fields,
      get messages() {
        return messages.all
      }
    }
    return this.#view
  }

  #changed(): void {
    this.#isViewCurrent = false
    this.#onChange()
  }

  #show(timeline: Timeline<Arrived>): void {
    if (timeline === this.#timeline) return
    this.#timeline = timeline
    this.#changed()
  }

  #setDetails(details: InboxDetails): void {
    for (const user of [details.customer, details.lastStaff, ...details.users]) {
      if (Predicate.isNotNullish(user)) this.participants.add(user.id)
    }
    if (!Equal.equals(this.#details, details)) this.#details = details
    if (details.state !== "FINISHED") this.isPast = false
    if (details.lastStaff?.id === this.#people.me?.id) this.wasMine = true
    this.#changed()
    this.setQueue(this.#queue)
    this.setTyping(this.#typing)
  }

  /** Inserts the messages that are new, replaces those that have changed, and returns the new ones. */
  #insert(sorted: ReadonlyArray<Message>): ReadonlyArray<Arrived> {
    const added: Array<Arrived> = []
    let isRecountDue = false
    for (const message of sorted) {
      if (added.at(-1)?.id === message.id) continue
      const known = this.#timeline.get(message.id)
      if (known === undefined) {
        const echo = this.#echoes.match(message, this.#people.me?.id)
        const item = this.#derive(message, echo ?? keyOf(message.id), echo)
        if (this.#isUnread(item)) this.#unreadCount++
        added.push(item)
        const status = staffStatus.get(messageName(message))
        if (status !== undefined && message.id > this.#staff.at) this.#staff = { at: message.id, status }
      } else {
        const item = this.#derive(message, known.key, known.outboxKey)
        if (Equal.equals(known, item)) continue
        isRecountDue ||= this.#isUnread(known) !== this.#isUnread(item)
        this.#show(this.#timeline.set(item))
      }
    }
    this.#show(this.#timeline.setAll(added))
    if (isRecountDue) this.#countUnread()
    return added
  }

  #derive(message: Message, key: string, outboxKey: OutboxKey | undefined): Arrived {
    const { fromId, id } = message
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
      nickname: senderOf(message, this.#people)?.nickname ?? undefined,
      createdAt: message.createdAt ?? undefined,
      isSystemMessage: isSystemMessage(message),
      isRead: direction === 1 || id <= this.#marks.theirs,
      isRecalled: this.#recalled.has(id),
      outboxKey,
      delivery: undefined
    }
  }

  #itemOf({ draft, enqueuedAt, key }: OutboxEntry): InboxMessage {
    return {
      key,
      id: undefined,
      conversationId: this.id,
      message: draft,
      direction: 0,
      nickname: this.#people.me?.nickname ?? undefined,
      createdAt: enqueuedAt,
      isSystemMessage: false,
      isRead: false,
      isRecalled: false,
      outboxKey: key,
      delivery: undefined
    }
  }
}

const keyOf = (id: MessageId): string => `m${id}`

/** Whether a message came from the backend, and is not just the draft of an acknowledged send. */
const isComplete = (message: Message | OutboxDraft): message is Message => "id" in message

const find = (users: ReadonlyMap<UserId, User>, id: UserId | null | undefined): User | undefined =>
  Predicate.isNullish(id) ? undefined : users.get(id)

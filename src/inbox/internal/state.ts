/**
 * The state of the inbox: takes in what was read and what came in, and shows it as snapshots. Nothing here waits.
 */
import * as Equal from "effect/Equal"
import * as Predicate from "effect/Predicate"
import { ConnectionState } from "../../realtime/ConnectionState.ts"
import type { Conversation } from "../../domain/Conversation.ts"
import type { ConversationId, UserId } from "../../domain/Id.ts"
import type { Message } from "../../domain/Message.ts"
import type { User } from "../../domain/User.ts"
import type { InboxConversation, InboxSnapshot } from "../InboxSnapshot.ts"
import type { KefuError } from "../../KefuError.ts"
import type { OutboxDraft, OutboxEntry, OutboxKey } from "../../outbox/OutboxEntry.ts"
import { isVisitor } from "../../domain/Perspective.ts"
import { isShallowlyEqual, Thread } from "./thread.ts"

/** How many conversations that ended under our eyes are kept. */
export const endedKept = 100

/** What has come of a send. */
export interface Reception {
  /** Where it is shown; undefined while that is not known. */
  readonly conversationId: ConversationId | undefined
  readonly isNew: boolean
  /** Whether that conversation should be read again. */
  readonly needsReading: boolean
}

export class InboxStore {
  readonly #threads = new Map<ConversationId, Thread>()
  readonly #users = new Map<UserId, User>()
  readonly #ended = new Set<ConversationId>()
  /** Where the sends of the outbox are shown. */
  readonly #echoes = new Map<OutboxKey, ConversationId>()
  /** The sends whose conversation is not known yet. */
  readonly #homeless = new Map<OutboxKey, OutboxEntry>()
  readonly #people: { me: User | undefined; readonly users: Map<UserId, User> } = { me: undefined, users: this.#users }
  #connection: ConnectionState = ConnectionState.Idle()
  #error: KefuError | undefined
  #isLoaded = false
  /** The threads in the order of the last snapshot; undefined if that may have changed. */
  #order: ReadonlyArray<Thread> | undefined = []
  #snapshot: InboxSnapshot
  #isCurrent = true
  #areUsersCurrent = true
  #told: InboxSnapshot

  constructor() {
    this.#snapshot = {
      isLoaded: false,
      error: undefined,
      connection: this.#connection,
      me: undefined,
      users: new Map(),
      conversations: [],
      unreadCount: 0
    }
    this.#told = this.#snapshot
  }

  /** The same object until something has changed. */
  get snapshot(): InboxSnapshot {
    if (this.#isCurrent) return this.#snapshot
    this.#isCurrent = true
    const before = this.#snapshot
    const conversations = this.#conversations()
    const now: InboxSnapshot = {
      isLoaded: this.#isLoaded,
      error: this.#error,
      connection: this.#connection,
      me: this.#people.me,
      users: this.#areUsersCurrent ? before.users : new Map(this.#users),
      conversations,
      unreadCount: conversations.reduce((sum, { unreadCount }) => sum + unreadCount, 0)
    }
    this.#areUsersCurrent = true
    if (!isShallowlyEqual(before, now)) this.#snapshot = now
    return this.#snapshot
  }

  /** Whether anything has changed since this was last asked. */
  takeNews(): boolean {
    const told = this.#told
    this.#told = this.snapshot
    return told !== this.#told
  }

  thread(id: ConversationId): Thread | undefined {
    return this.#threads.get(id)
  }

  get threads(): Iterable<Thread> {
    return this.#threads.values()
  }

  get me(): User | undefined {
    return this.#people.me
  }

  setMe(me: User): void {
    const isSomebodyElse = this.#people.me?.id !== me.id
    if (Equal.equals(this.#people.me, me)) return
    this.#people.me = me
    this.#touch()
    this.know([me])
    if (isSomebodyElse) for (const thread of this.threads) thread.reconsider(undefined)
  }

  setConnection(connection: ConnectionState): void {
    this.#connection = connection
    this.#touch()
  }

  setError(error: KefuError | undefined): void {
    if (this.#error === error) return
    this.#error = error
    this.#touch()
  }

  setLoaded(): void {
    this.setError(undefined)
    if (this.#isLoaded) return
    this.#isLoaded = true
    this.#touch()
  }

  /** Takes note of people. Who one is oneself is known better. */
  know(users: Iterable<User>): void {
    const changed: Array<UserId> = []
    const { me } = this.#people
    for (const [id, user] of new Map(Array.from(users, (user) => [user.id, user]))) {
      if (Equal.equals(this.#users.get(id), user) || (id === me?.id && user !== me)) continue
      this.#users.set(id, user)
      changed.push(id)
    }
    if (changed.length === 0) return
    this.#areUsersCurrent = false
    this.#touch()
    for (const thread of this.threads) thread.reconsider(changed)
  }

  /**
   * Takes in a conversation as it was read; `isNewest` if it is known that nothing has changed since. Whether it should
   * be read again.
   */
  merge(conversation: Conversation, isNewest = false): boolean {
    const { customer, id, lastStaff, users } = conversation
    this.know([customer, lastStaff, ...users].filter(Predicate.isNotNullish))
    const wasOpen = this.#isOpen(id)
    const thread = this.open(id)
    const isCurrent = thread.merge(conversation, isNewest)
    if (wasOpen) this.#noteEnd(thread)
    for (const entry of this.#homeless.values()) this.echo(entry)
    return !isCurrent
  }

  /** Takes in a message; whether its conversation should be read again. */
  receive(message: Message): boolean {
    if (message.messageType === "ConversationBuilt") {
      const { nickname, userId, userType } = message.content
      if (Predicate.isNotNullish(userId) && Predicate.isNotNullish(userType) && !this.#users.has(userId)) {
        this.know([{ id: userId, userType, nickname: nickname ?? null }])
      }
    }
    const thread = this.open(message.conversationId)
    const wasOpen = this.#isOpen(thread.id)
    const needsReading = thread.receive(message)
    if (wasOpen) this.#noteEnd(thread)
    return needsReading
  }

  /** Takes in the state of a send. */
  echo(entry: OutboxEntry): Reception {
    const { draft, key, state } = entry
    const known = this.#echoes.get(key)
    const conversationId = known ?? this.#homeOf(draft)
    const isCancelled = state._tag === "Failed" && state.reason._tag === "Cancelled"
    const isOver = isCancelled || state._tag === "Sent" || state._tag === "Discarded"
    if (isOver) this.#echoes.delete(key)
    else if (conversationId !== undefined) this.#echoes.set(key, conversationId)
    if (isOver || conversationId !== undefined) this.#homeless.delete(key)
    else this.#homeless.set(key, entry)
    const needsReading = conversationId !== undefined && this.open(conversationId).setEcho(entry)
    return { conversationId, isNew: known === undefined, needsReading }
  }

  /** To which conversation a send belongs that may not name it. */
  #homeOf({ conversationId, toId }: OutboxDraft): ConversationId | undefined {
    if (conversationId !== undefined || this.#people.me === undefined) return conversationId
    const open = Array.from(this.threads).filter(({ isKnown, state }) => isKnown && state !== "FINISHED")
    const mine = isVisitor(this.#people.me) ? open : open.filter(({ counterpart }) => counterpart?.id === toId)
    return mine.reduce<Thread | undefined>((best, thread) => (thread.id > (best?.id ?? 0) ? thread : best), undefined)
      ?.id
  }

  /** Lets a conversation go, and those who took part in no other. */
  remove(id: ConversationId): void {
    const thread = this.#threads.get(id)
    if (thread === undefined) return
    this.#ended.delete(id)
    this.#threads.delete(id)
    this.#order = undefined
    this.#touch()
    const others = Array.from(this.threads)
    for (const userId of thread.participants) {
      if (userId === this.#people.me?.id || others.some(({ participants }) => participants.has(userId))) continue
      if (this.#users.delete(userId)) this.#areUsersCurrent = false
    }
  }

  #isOpen(id: ConversationId): boolean {
    const thread = this.#threads.get(id)
    return thread !== undefined && thread.state !== "FINISHED"
  }

  /** The thread of a conversation, an empty one if there is none. */
  open(id: ConversationId): Thread {
    const known = this.#threads.get(id)
    if (known !== undefined) return known
    const thread = new Thread(id, this.#people, () => this.#touch())
    this.#threads.set(id, thread)
    this.#order = undefined
    this.#touch()
    return thread
  }

  /** Lets the oldest of the conversations go that ended under our eyes. */
  #noteEnd({ id, state }: Thread): void {
    if (state !== "FINISHED") return
    this.#ended.add(id)
    if (this.#ended.size <= endedKept) return
    const [oldest] = this.#ended
    if (oldest !== undefined) this.remove(oldest)
  }

  #touch(): void {
    this.#isCurrent = false
  }

  #conversations(): ReadonlyArray<InboxConversation> {
    const before = this.#snapshot.conversations
    if (this.#order === undefined || !isOrdered(this.#order))
      this.#order = Array.from(this.threads).toSorted(latestFirst)
    const now = this.#order.map((thread) => thread.view)
    return now.length === before.length && now.every((view, index) => view === before[index]) ? before : now
  }
}

const latestFirst = (left: Thread, right: Thread): number => right.latest - left.latest || right.id - left.id

const isOrdered = (threads: ReadonlyArray<Thread>): boolean =>
  threads.every((thread, index) => {
    const next = threads[index + 1]
    return next === undefined || latestFirst(thread, next) <= 0
  })

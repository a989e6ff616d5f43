/**
 * The state of the inbox, and its snapshots. Synchronous: nothing here waits.
 */
import * as Equal from "effect/Equal"
import * as Predicate from "effect/Predicate"
import type { Conversation } from "../../domain/Conversation.ts"
import type { ConversationId, MessageId, UserId } from "../../domain/Id.ts"
import type { Message } from "../../domain/Message.ts"
import { isVisitor } from "../../domain/Perspective.ts"
import type { User } from "../../domain/User.ts"
import type { OutboxDraft, OutboxEntry, OutboxKey } from "../../outbox/OutboxEntry.ts"
import { ConnectionState } from "../../realtime/ConnectionState.ts"
import type { InboxConversation, InboxSnapshot } from "../InboxSnapshot.ts"
import { isOver } from "./echoes.ts"
import { isShallowlyEqual } from "./messages.ts"
import { type Reading, Thread } from "./thread.ts"

/** How many conversations that ended while the inbox watched are kept. */
const endedKept = 100

/** What became of the state of a send. */
export interface Reception {
  /** Where the send is shown; undefined while its conversation is unknown. */
  readonly conversationId: ConversationId | undefined
  readonly isNew: boolean
  /** What has to be read now. */
  readonly reads: ReadonlyArray<ConversationId | "all">
}

type Status = Pick<InboxSnapshot, "isLoaded" | "error" | "connection">

export class InboxState {
  readonly #threads = new Map<ConversationId, Thread>()
  /** The conversations that may be removed, the one that ended first first. */
  readonly #ended = new Set<ConversationId>()
  /** Where the sends of the outbox are shown. */
  readonly #shown = new Map<OutboxKey, ConversationId>()
  /** The messages of this account that may have begun another conversation than the ended one that shows them, if any. */
  readonly #strays = new Map<
    MessageId,
    { readonly key: OutboxKey; readonly conversationId: ConversationId | undefined }
  >()
  /** The conversations that were removed because somebody else serves them now. */
  readonly #taken = new Set<ConversationId>()
  /** The sends that are shown as pending, or will be once their conversation is known. */
  readonly #pending = new Map<OutboxKey, OutboxEntry>()
  /** The conversations of earlier accounts of the session. */
  readonly #foreign = new Set<ConversationId>()
  readonly #people: { me: User | undefined; readonly users: Map<UserId, User> } = { me: undefined, users: new Map() }
  #status: Status = { isLoaded: false, error: undefined, connection: ConnectionState.Idle() }
  #unplaced: ReadonlyArray<OutboxEntry> = []
  #snapshot: InboxSnapshot = {
    ...this.#status,
    me: undefined,
    users: new Map(),
    conversations: [],
    unplaced: this.#unplaced,
    unreadCount: 0
  }
  /** All threads, in the order of the snapshot unless `#isSorted` is false. */
  #order: Array<Thread> = []
  #isSorted = true
  #waiting: ReadonlySet<ConversationId> = new Set()
  // What of the snapshot is out of date.
  #isChanged = false
  #areUsersChanged = false
  #areThreadsChanged = false

  /** The same object until something changes. */
  get snapshot(): InboxSnapshot {
    if (!this.#isChanged) return this.#snapshot
    const now: InboxSnapshot = {
      ...this.#status,
      me: this.#people.me,
      users: this.#areUsersChanged ? new Map(this.#people.users) : this.#snapshot.users,
      unplaced: this.#unplaced,
      ...this.#overview()
    }
    this.#isChanged = this.#areUsersChanged = this.#areThreadsChanged = false
    if (!isShallowlyEqual(this.#snapshot, now)) this.#snapshot = now
    return this.#snapshot
  }

  /** The conversations of the snapshot that wait for staff. */
  get waiting(): ReadonlySet<ConversationId> {
    return this.#waiting
  }

  get threads(): Iterable<Thread> {
    return this.#threads.values()
  }

  get me(): User | undefined {
    return this.#people.me
  }

  thread(id: ConversationId): Thread | undefined {
    return this.#threads.get(id)
  }

  set(status: Partial<Status>): void {
    this.#status = { ...this.#status, ...status }
    this.#isChanged = true
  }

  /** Takes the data of the account. Another account knows nothing of the first one's users and conversations. */
  setMe(me: User): void {
    const before = this.#people.me
    if (Equal.equals(before, me)) return
    if (before !== undefined && before.id !== me.id) this.#clear()
    this.#people.me = me
    this.#listUnplaced()
    this.#isChanged = true
    this.know([me])
    if (before?.id !== me.id) for (const thread of this.threads) thread.reconsider(undefined)
  }

  #clear(): void {
    for (const id of this.#threads.keys()) this.#foreign.add(id)
    for (const known of [this.#threads, this.#ended, this.#shown, this.#strays, this.#taken, this.#people.users]) {
      known.clear()
    }
    this.#order = []
    this.#areUsersChanged = this.#areThreadsChanged = true
    this.set({ isLoaded: false, error: undefined })
  }

  /** Takes the data of users. That of the account itself counts only as given to `setMe`. */
  know(users: Iterable<User>): void {
    const changed: Array<UserId> = []
    const { me, users: known } = this.#people
    for (const [id, found] of new Map(Array.from(users, (user) => [user.id, user]))) {
      const before = known.get(id)
      // A type that makes no sense is empty.
      const user = found.userType === "" && before !== undefined ? { ...found, userType: before.userType } : found
      if (Equal.equals(before, user) || (id === me?.id && user !== me)) continue
      known.set(id, user)
      changed.push(id)
    }
    if (changed.length === 0) return
    this.#isChanged = this.#areUsersChanged = true
    for (const thread of this.threads) thread.reconsider(changed)
  }

  /** Merges a conversation as read. Returns whether it has to be read again. */
  merge(conversation: Conversation, reading?: Reading): boolean {
    const { customer, id, lastStaff, users } = conversation
    this.know([customer, lastStaff, ...users].filter(Predicate.isNotNullish))
    const isNew = !this.#threads.has(id)
    this.#foreign.delete(id)
    const isCurrent = this.#update(this.open(id), (thread) => thread.merge(conversation, reading), isNew)
    this.#settleStrays(id, conversation.messages)
    for (const entry of this.#pending.values()) if (!this.#shown.has(entry.key)) this.echo(entry)
    return !isCurrent
  }

  /** Takes a message. Returns whether its conversation has to be read again. */
  receive(message: Message): boolean {
    if (message.messageType === "ConversationBuilt") {
      const { nickname, userId, userType } = message.content
      if (Predicate.isNotNullish(userId) && userType && !this.#people.users.has(userId)) {
        this.know([{ id: userId, userType, nickname: nickname ?? null }])
      }
    }
    const needsReading = this.#update(this.open(message.conversationId), (thread) => thread.receive(message))
    this.#settleStrays(message.conversationId, [message])
    return needsReading
  }

  /** The latest message of every open conversation. */
  get latest(): ReadonlyMap<ConversationId, number> {
    return new Map(this.#order.flatMap(({ id, latest, state }) => (state === "FINISHED" ? [] : [[id, latest]])))
  }

  /** Takes the new state of a send. */
  echo(entry: OutboxEntry): Reception {
    const { draft, key, state } = entry
    const known = this.#shown.get(key)
    const conversationId = known ?? this.#homeOf(draft)
    if (isOver(state)) this.#shown.delete(key)
    else if (conversationId !== undefined) this.#shown.set(key, conversationId)
    if (isOver(state)) this.#pending.delete(key)
    else this.#pending.set(key, entry)
    const isNew = known === undefined
    this.#listUnplaced()
    if (conversationId === undefined) {
      if (state._tag !== "Sent") return { conversationId, isNew, reads: [] }
      this.#strays.set(state.id, { key, conversationId })
      return { conversationId, isNew, reads: ["all"] }
    }
    const thread = this.open(conversationId)
    if (this.#update(thread, () => thread.setEcho(entry)) && state._tag === "Sent") {
      this.#strays.set(state.id, { key, conversationId })
      return { conversationId, isNew, reads: [conversationId, "all"] }
    }
    return { conversationId, isNew, reads: isNew && !thread.isKnown && this.#status.isLoaded ? [conversationId] : [] }
  }

  #listUnplaced(): void {
    const unplaced = Array.from(this.#pending.values()).filter(({ key }) => !this.#shown.has(key))
    if (unplaced.length === this.#unplaced.length && unplaced.every((one, index) => one === this.#unplaced[index]))
      return
    this.#unplaced = unplaced
    this.#isChanged = true
  }

  /** Shows messages of this account where they have arrived. */
  #settleStrays(conversationId: ConversationId, messages: ReadonlyArray<Message>): void {
    if (this.#strays.size === 0) return
    for (const { id } of messages) {
      const stray = this.#strays.get(id)
      this.#strays.delete(id)
      if (stray === undefined || stray.conversationId === conversationId) continue
      const shown = stray.conversationId && this.#threads.get(stray.conversationId)
      if (shown) this.#update(shown, () => shown.release(id))
      this.open(conversationId).adopt(id, stray.key)
    }
  }

  /** The conversation of a send, which may not name it: the latest open one with its addressee. */
  #homeOf({ conversationId, toId }: OutboxDraft): ConversationId | undefined {
    const { me } = this.#people
    if (conversationId !== undefined && !this.#foreign.has(conversationId)) return conversationId
    if (me === undefined) return undefined
    let home: ConversationId | undefined
    for (const { counterpart, id, isKnown, state } of this.threads) {
      if (!isKnown || state === "FINISHED" || id < (home ?? 0)) continue
      if (isVisitor(me) || counterpart?.id === toId) home = id
    }
    return home
  }

  /** The thread of a conversation, a new one if there is none. */
  open(id: ConversationId): Thread {
    const known = this.#threads.get(id)
    if (known !== undefined) return known
    const thread = new Thread(id, this.#people, () => {
      this.#isChanged = this.#areThreadsChanged = true
    })
    thread.wasMine = this.#taken.has(id)
    this.#threads.set(id, thread)
    this.#order.push(thread)
    this.#isChanged = this.#areThreadsChanged = true
    this.#isSorted = false
    return thread
  }

  /** Keeps a conversation that the app asked for, whoever serves it. */
  keep(id: ConversationId): void {
    this.#taken.delete(id)
    const thread = this.#threads.get(id)
    if (thread?.isTaken === true) thread.wasMine = false
  }

  /** Removes a conversation, and the users that no other conversation refers to. */
  remove(id: ConversationId): void {
    const thread = this.#threads.get(id)
    if (thread === undefined) return
    if (thread.isTaken) this.#taken.add(id)
    this.#ended.delete(id)
    this.#threads.delete(id)
    this.#order = this.#order.filter((one) => one !== thread)
    this.#isChanged = this.#areThreadsChanged = true
    for (const userId of thread.participants) {
      if (userId === this.me?.id || this.#order.some(({ participants }) => participants.has(userId))) continue
      if (this.#people.users.delete(userId)) this.#areUsersChanged = true
    }
  }

  /** Updates a thread, keeps the order, and removes the conversation that ended first when too many have ended. */
  #update<A>(thread: Thread, f: (thread: Thread) => A, isNew = false): A {
    const { latest, state } = thread
    const result = f(thread)
    if (thread.latest !== latest) this.#isSorted = false
    if (isNew || state === "FINISHED" || thread.state !== "FINISHED") return result
    this.#ended.add(thread.id)
    const [oldest] = this.#ended
    if (this.#ended.size > endedKept && oldest !== undefined) this.remove(oldest)
    return result
  }

  /** Walks over all conversations once. */
  #overview(): Pick<InboxSnapshot, "conversations" | "unreadCount"> {
    const before = this.#snapshot
    if (!this.#areThreadsChanged) return { conversations: before.conversations, unreadCount: before.unreadCount }
    if (!this.#isSorted) this.#order.sort(latestFirst)
    this.#isSorted = true
    const conversations: Array<InboxConversation> = []
    const waiting = new Set<ConversationId>()
    let unreadCount = 0
    let isSame = this.#order.length === before.conversations.length
    for (const thread of this.#order) {
      const { view } = thread
      isSame &&= view === before.conversations[conversations.length]
      conversations.push(view)
      if (!thread.isPast) unreadCount += view.unreadCount
      if (view.state === "PENDING") waiting.add(view.id)
    }
    this.#waiting = waiting
    return { conversations: isSame ? before.conversations : conversations, unreadCount }
  }
}

const latestFirst = (left: Thread, right: Thread): number => right.latest - left.latest || right.id - left.id

/**
 * The log of what was delivered to the app. It decides which messages are new: which of the history are missing
 * (`newMessagesOf`), and of every message, live or recovered, whether it is delivered (`admit`). Its size does not grow with
 * the length of the history.
 */
import type { Conversation } from "../../domain/Conversation.ts"
import type { ConversationId, MessageId } from "../../domain/Id.ts"
import type { Message } from "../../domain/Message.ts"
import type { DeliveredConversation } from "../deliveredBefore.ts"

/** How many of each are remembered, the latest ones; delivered ids per conversation. */
const remembered = { delivered: 512, recalled: 512, own: 4096, ended: 256, conversations: 4096 }

/** By how many milliseconds one push may overtake another. */
const overtaking = 2000

interface Position {
  /** It appeared after all conversations had been listed, so it started after that. */
  readonly isNew: boolean
  /** Every message up to this id was delivered or is older than the login; undefined if not known. */
  settled: number | undefined
  /** Ids up to this one count as delivered: they are no longer remembered one by one. */
  forgotten: number
  /** The message with which the account joined, if it came in live. */
  joined: MessageId | undefined
  /** The greatest delivered id. */
  delivered: number
  readonly recent: Set<number>
}

interface Beginning {
  readonly settled: number
  readonly isSure: boolean
}

/** `late` is new, but a later message of the conversation has been delivered already. */
export type Admission = "new" | "late" | "duplicate"

export class DeliveryLog {
  readonly #positions = new Map<ConversationId, Position>()
  readonly #ended = new Set<ConversationId>()
  readonly #own = new Set<number>()
  readonly #recalled = new Set<number>()

  /** The greatest known id; that id at `#markedAt`; the id up to which no push is still on its way. */
  #latest = 0
  #mark = 0
  #horizon = 0
  #markedAt = -Infinity
  /** A message up to `#mark` has come in since. */
  #isLate = false
  /** A message beyond `#mark` has come in since. */
  #isPast = false
  /** The last messages at the first read of the conversations, while pushes up to `#snapshot` may be on their way. */
  #lastAtFirst: ReadonlyArray<Message> = []
  #snapshot = 0

  /** All conversations have been listed once: an unknown one started after that. */
  baselined = false

  /** Continues what an earlier session has delivered. */
  restore(before: ReadonlyArray<DeliveredConversation>): void {
    for (const { conversationId, delivered, hasEnded, settled } of before) {
      const position = this.#touched(conversationId)
      position.settled = settled
      for (const id of delivered) remember(position.recent, id, remembered.delivered)
      position.delivered = Math.max(settled ?? 0, ...position.recent)
      this.#latest = Math.max(this.#latest, position.delivered)
      if (hasEnded) this.noteEnd(conversationId)
    }
    this.baselined = true
  }

  /** Declares a conversation as known up to its last message, its messages in order. */
  settle({ id, messages, state }: Conversation): void {
    const position = this.#touched(id)
    const latest = messages.at(-1)?.id ?? 0
    position.settled = Math.max(position.settled ?? 0, latest)
    this.#latest = Math.max(this.#latest, latest)
    if (state === "FINISHED") this.noteEnd(id)
  }

  /** Declares all conversations as known, as they are now; `isEarlier` if that was before the connection opened. */
  resynced(conversations: ReadonlyArray<Conversation>, isEarlier = false): void {
    for (const conversation of conversations) this.settle(conversation)
    this.#lastAtFirst = isEarlier || this.baselined ? [] : conversations.flatMap(({ messages }) => messages.slice(-1))
    this.#snapshot = this.#latest
    this.baselined = true
  }

  /**
   * The conversations of which a push from before their first read may be lost, if the connection has ended since: pushes
   * and acks come in their order, so a later one shows that it came in.
   */
  unsureBeginnings(): ReadonlyArray<ConversationId> {
    if (this.#snapshot <= this.#horizon) this.#lastAtFirst = []
    let arrived = 0
    for (const id of this.#own) arrived = Math.max(arrived, id)
    for (const { delivered } of this.#positions.values()) arrived = Math.max(arrived, delivered)
    return this.#lastAtFirst.flatMap(({ conversationId, id }) => (id > arrived ? [conversationId] : []))
  }

  /** Decides whether a message is delivered. Unless it is a duplicate, it counts as delivered from now on. */
  admit(message: Message): Admission {
    const { conversationId, id } = message
    const position = this.#touched(conversationId)
    if (position.recent.has(id) || id <= position.forgotten) return "duplicate"
    position.forgotten = Math.max(position.forgotten, remember(position.recent, id, remembered.delivered) ?? 0)
    if (message.messageType === "ConversationBuilt" && message.content.userType !== "STAFF") position.joined ??= id
    this.#latest = Math.max(this.#latest, id)
    if (message.messageType === "ConversationEnd") this.noteEnd(conversationId)
    if (id < position.delivered) return "late"
    position.delivered = id
    return "new"
  }

  /** Notes the id of an own send, so that its copy in the history is not new. */
  noteSent(messageId: MessageId): void {
    remember(this.#own, messageId, remembered.own)
    this.#latest = Math.max(this.#latest, messageId)
  }

  /** Notes that a push has come in. If it was held up on its way, those pushed after it may still be. */
  noteArrival(message: Message): void {
    if (message.id > this.#mark) this.#isPast = true
    else if (!this.has(message)) this.#isLate = true
  }

  /**
   * Notes that frames come in while no gap is open, also the ack of a command that was sent at `answered`. Pushes up to the
   * ids of some time ago have all arrived, once a later push or the ack of a later command has: an earlier one's ack may
   * have been held up on its way with pushes behind it.
   */
  noteTime(now: number, answered = now): void {
    if (!this.#isLate) {
      if (now - this.#markedAt < overtaking || (answered <= this.#markedAt && !this.#isPast)) return
      this.#horizon = this.#mark
    }
    this.#isLate = this.#isPast = false
    this.#mark = this.#latest
    this.#markedAt = now
  }

  /** Notes an own recall, so that its notice in the history is not new. */
  noteRecalled(messageId: MessageId): void {
    remember(this.#recalled, messageId, remembered.recalled)
  }

  /** Whether a message was delivered, or is an own send or recall. */
  has(message: Message): boolean {
    const { conversationId, id } = message
    const position = this.#positions.get(conversationId)
    if (this.#own.has(id)) return true
    if (message.messageType === "MessageRecall" && this.#recalled.has(message.content.messageId)) return true
    return position !== undefined && (position.recent.has(id) || id <= position.forgotten)
  }

  /**
   * The messages of a conversation from the history, in order, that are new: not delivered, not own, and not older than
   * what the account was meant to receive. `complete` is true if the page surely holds all of them.
   */
  newMessagesOf({ id, messages }: Conversation): {
    readonly messages: ReadonlyArray<Message>
    readonly complete: boolean
  } {
    const position = this.#positions.get(id)
    // Nothing tells which of them are new.
    if (position === undefined && !this.baselined) return { messages: [], complete: false }
    const { isSure, settled } = this.#beginning(messages, position)
    const [oldest] = messages
    return {
      messages: messages.filter((message) => message.id > settled && !this.has(message)),
      complete:
        isSure && oldest !== undefined && (oldest.id <= settled + 1 || (oldest.id <= this.#horizon && this.has(oldest)))
    }
  }

  /** Whether the conversation is known. */
  knows(conversationId: ConversationId): boolean {
    return this.#positions.has(conversationId)
  }

  /** The known conversations that have not ended. */
  openConversations(): ReadonlyArray<ConversationId> {
    return Array.from(this.#positions.keys()).filter((id) => !this.#ended.has(id))
  }

  /** Notes that a conversation has ended; the latest ended ones stay known. */
  noteEnd(conversationId: ConversationId): void {
    const forgotten = remember(this.#ended, conversationId, remembered.ended)
    if (forgotten !== undefined) this.#positions.delete(forgotten)
  }

  get size(): number {
    return this.#positions.size + this.#ended.size + this.#own.size + this.#recalled.size
  }

  clear(): void {
    this.#positions.clear()
    this.#ended.clear()
    this.#own.clear()
    this.#latest = this.#mark = this.#horizon = this.#snapshot = 0
    this.#markedAt = -Infinity
    this.#isLate = this.#isPast = false
    this.#lastAtFirst = []
    this.#recalled.clear()
    this.baselined = false
  }

  /** The id up to which messages are not new, as they were settled or written before the account joined. */
  #beginning(messages: ReadonlyArray<Message>, position: Position | undefined): Beginning {
    if (position?.settled !== undefined) return { settled: position.settled, isSure: true }
    const joined = position?.joined
    if (joined !== undefined) {
      const at = messages.findIndex(({ id }) => id === joined)
      if (at > 0) return { settled: firstOf(messages, at) - 1, isSure: true }
      const isSure = joined <= this.#horizon || (at === 0 && entryOf(messages)?.isSure === true)
      return { settled: joined - 1, isSure }
    }
    if (position === undefined || position.isNew) {
      const entry = entryOf(messages)
      if (entry !== undefined) return entry
    }
    return { settled: Math.min(Infinity, ...(position?.recent ?? [1])) - 1, isSure: false }
  }

  /** The position of a conversation, which becomes the most recently used. */
  #touched(conversationId: ConversationId): Position {
    const position = this.#positions.get(conversationId) ?? {
      isNew: this.baselined,
      settled: undefined,
      joined: undefined,
      forgotten: 0,
      delivered: 0,
      recent: new Set()
    }
    this.#positions.delete(conversationId)
    this.#positions.set(conversationId, position)
    if (this.#positions.size > remembered.conversations) {
      const [quietest = conversationId] = this.#positions.keys()
      this.#positions.delete(quietest)
      // An unknown conversation may be this one from now on.
      if (!this.#ended.delete(quietest)) this.baselined = false
    }
    return position
  }
}

/** The notice of a transfer comes just before the message with which the new staff joins. */
const firstOf = (messages: ReadonlyArray<Message>, joined: number): number => {
  const before = messages[joined - 1]
  return before?.messageType === "ConversationTransfer" ? before.id : (messages[joined]?.id ?? 0)
}

/**
 * Where an unknown conversation begins for the account: for staff at the message that brought the customer to them, for a
 * visitor at the first message. It is not sure if the page holds several such messages, since it does not say who joined
 * with which, or if it begins with one, since a transfer may stand before it.
 */
const entryOf = (messages: ReadonlyArray<Message>): Beginning | undefined => {
  const builts = messages.flatMap((message, at) =>
    message.messageType === "ConversationBuilt" ? [{ at, about: message.content.userType }] : []
  )
  const joinings = builts.filter(({ about }) => about === "CUSTOMER")
  const joined = joinings.at(-1)
  if (joined !== undefined) {
    return { settled: firstOf(messages, joined.at) - 1, isSure: joinings.length === 1 && joined.at > 0 }
  }
  const [first] = builts
  return first?.at === 0 && first.about !== "STAFF" ? { settled: firstOf(messages, 0) - 1, isSure: true } : undefined
}

/** Adds an id to a bounded set, and returns the oldest id if that was dropped. */
const remember = <Id extends number>(ids: Set<Id>, id: Id, limit: number): Id | undefined => {
  ids.add(id)
  if (ids.size <= limit) return undefined
  const [oldest] = ids
  if (oldest !== undefined) ids.delete(oldest)
  return oldest
}

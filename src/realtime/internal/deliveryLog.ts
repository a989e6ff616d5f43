/**
 * What the app has been given: where each conversation begins for it, and the ids that were delivered, so that nothing
 * is given twice and nothing is missed unseen. Costs do not grow with the length of the history.
 */
import type { Conversation } from "../../domain/Conversation.ts"
import type { ConversationId, MessageId } from "../../domain/Id.ts"
import type { Message } from "../../domain/Message.ts"

/** How many delivered ids are remembered for each conversation, and of recalls of our own. */
const remembered = 512

/** How long one push may overtake another, in milliseconds. */
const overtaking = 2000

/** How many ids of our own sends are remembered. */
const ownRemembered = 4096

/** How many ended conversations are remembered. */
const endedRemembered = 256

/** How many conversations are remembered in all; the one that was quiet for longest is forgotten first. */
const conversationsRemembered = 4096

interface Position {
  /** All conversations were known when this one was met, so that it was new. */
  readonly isNew: boolean
  /** No message up to this id is missing: the app has it, or it was there before; undefined if that is not known. */
  settled: number | undefined
  /** All ids up to this one count as delivered, since they are not remembered any more. */
  forgotten: number
  /** The message with which the account joined it, if that came live. */
  joined: MessageId | undefined
  /** The greatest id that was delivered. */
  delivered: number
  readonly recent: Set<number>
}

/** `late` means that a later message of the conversation was delivered before. */
export type Admission = "new" | "late" | "duplicate"

export class DeliveryLog {
  readonly #positions = new Map<ConversationId, Position>()
  readonly #ended = new Set<ConversationId>()
  readonly #own = new Set<number>()
  readonly #recalled = new Set<number>()

  /** The greatest id known, the same some time before, and the one up to which nothing is on its way any more. */
  #latest = 0
  #mark = 0
  #horizon = 0
  #markedAt = -Infinity

  /** Whether all conversations have been seen once: one that is not known is new then. */
  baselined = false

  /** Declares a conversation as known up to its last message, its messages in order. */
  settle({ id, messages, state }: Conversation): void {
    const position = this.#touched(id)
    position.settled = Math.max(position.settled ?? 0, messages.at(-1)?.id ?? 0)
    if (state === "FINISHED") this.end(id)
  }

  /** Declares all conversations as known, as they are now. */
  resynced(conversations: ReadonlyArray<Conversation>): void {
    for (const conversation of conversations) this.settle(conversation)
    this.baselined = true
  }

  /** Whether a message is to be delivered; if so, it counts as delivered from now on. */
  admit(message: Message): Admission {
    const { conversationId, id } = message
    const position = this.#touched(conversationId)
    if (position.recent.has(id) || id <= position.forgotten) return "duplicate"
    position.forgotten = Math.max(position.forgotten, remember(position.recent, id) ?? 0)
    if (message.messageType === "ConversationBuilt" && message.content.userType !== "STAFF") position.joined ??= id
    this.#latest = Math.max(this.#latest, id)
    if (message.messageType === "ConversationEnd") this.end(conversationId)
    if (id < position.delivered) return "late"
    position.delivered = id
    return "new"
  }

  /** Notes the id of a message that this session sent. */
  sent(messageId: MessageId): void {
    remember(this.#own, messageId, ownRemembered)
    this.#latest = Math.max(this.#latest, messageId)
  }

  /** Frames come in, and no gap is open: what was known for a while has nothing before it that is still to come. */
  tick(now: number): void {
    if (now - this.#markedAt < overtaking) return
    this.#horizon = this.#mark
    this.#mark = this.#latest
    this.#markedAt = now
  }

  /** Notes the id of a message that this session recalled: the recall is no news then. */
  recalled(messageId: MessageId): void {
    remember(this.#recalled, messageId)
  }

  /** Whether the app has a message: it was given to it, or it is its own doing. */
  has(message: Message): boolean {
    const { conversationId, id } = message
    const position = this.#positions.get(conversationId)
    if (this.#own.has(id)) return true
    if (message.messageType === "MessageRecall" && this.#recalled.has(message.content.messageId)) return true
    return position !== undefined && (position.recent.has(id) || id <= position.forgotten)
  }

  /**
   * What is missing of a conversation, as it is now, its messages in order: neither given to the app nor sent by it nor
   * older than the session. `complete` tells whether that is surely all.
   */
  missing({ id, messages }: Conversation): { readonly messages: ReadonlyArray<Message>; readonly complete: boolean } {
    const position = this.#positions.get(id)
    // Nobody knows which of them are new.
    if (position === undefined && !this.baselined) return { messages: [], complete: false }
    const beginning =
      position?.settled === undefined
        ? this.#beginning(messages, position)
        : { settled: position.settled, isSure: true }
    const { isSure, settled } = beginning
    const [oldest] = messages
    return {
      messages: messages.filter((message) => message.id > settled && !this.has(message)),
      complete:
        isSure && oldest !== undefined && (oldest.id <= settled + 1 || (oldest.id <= this.#horizon && this.has(oldest)))
    }
  }

  /** Whether the session has met this conversation. */
  knows(conversationId: ConversationId): boolean {
    return this.#positions.has(conversationId)
  }

  /** The conversations that may have gone on, as far as we know. */
  open(): ReadonlyArray<ConversationId> {
    return Array.from(this.#positions.keys()).filter((id) => !this.#ended.has(id))
  }

  /** Lets go of an ended conversation, in time. */
  end(conversationId: ConversationId): void {
    const forgotten = remember(this.#ended, conversationId, endedRemembered)
    if (forgotten !== undefined) this.#positions.delete(forgotten)
  }

  get size(): number {
    return this.#positions.size + this.#ended.size + this.#own.size + this.#recalled.size
  }

  clear(): void {
    this.#positions.clear()
    this.#ended.clear()
    this.#own.clear()
    this.#latest = this.#mark = this.#horizon = 0
    this.#markedAt = -Infinity
    this.#recalled.clear()
    this.baselined = false
  }

  /** Up to where a conversation was none of the account's business. */
  #beginning(
    messages: ReadonlyArray<Message>,
    position: Position | undefined
  ): { readonly settled: number; readonly isSure: boolean } {
    const joined = position?.joined
    if (joined !== undefined) {
      const at = messages.findIndex(({ id }) => id === joined)
      if (at > 0) return { settled: firstOf(messages, at) - 1, isSure: true }
      return {
        settled: joined - 1,
        isSure: joined <= this.#horizon || (at === 0 && entryOf(messages)?.isSure === true)
      }
    }
    if (position === undefined || position.isNew) {
      const entry = entryOf(messages)
      if (entry !== undefined) return entry
    }
    return { settled: Math.min(Infinity, ...(position?.recent ?? [1])) - 1, isSure: false }
  }

  /** The position of a conversation, which counts as the latest one from now on. */
  #touched(conversationId: ConversationId): Position {
    const known = this.#positions.get(conversationId)
    const position = known ?? {
      isNew: this.baselined,
      settled: undefined,
      joined: undefined,
      forgotten: 0,
      delivered: 0,
      recent: new Set()
    }
    if (known !== undefined) this.#positions.delete(conversationId)
    this.#positions.set(conversationId, position)
    if (this.#positions.size > conversationsRemembered) {
      for (const quietest of this.#positions.keys()) {
        this.#positions.delete(quietest)
        // From now on one that is not known may be this one.
        if (!this.#ended.delete(quietest)) this.baselined = false
        break
      }
    }
    return position
  }
}

/** Whoever is brought into a conversation by a transfer is told of that first. */
const firstOf = (messages: ReadonlyArray<Message>, joined: number): number => {
  const before = messages[joined - 1]
  return before?.messageType === "ConversationTransfer" ? before.id : (messages[joined]?.id ?? 0)
}

/**
 * Where a conversation begins for somebody who has not met it: for staff with the message that brought them the customer,
 * since what was said before was never theirs to receive; for a visitor with the first. A page with several of the former
 * does not tell which of them was for whom, and one that begins with it not whether there was a transfer.
 */
const entryOf = (
  messages: ReadonlyArray<Message>
): { readonly settled: number; readonly isSure: boolean } | undefined => {
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

/** Adds an id to a bounded set, and returns the oldest one if it had to go. */
const remember = <Id extends number>(ids: Set<Id>, id: Id, limit = remembered): Id | undefined => {
  ids.add(id)
  if (ids.size <= limit) return undefined
  for (const oldest of ids) {
    ids.delete(oldest)
    return oldest
  }
  return undefined
}

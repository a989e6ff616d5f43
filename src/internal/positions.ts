/**
 * What the app has been given: where each conversation begins for it, and the ids that were delivered, so that nothing
 * is given twice and nothing is missed unseen. Costs do not grow with the length of the history.
 */
import type { Conversation } from "../domain/Conversation.ts"
import type { ConversationId, MessageId } from "../domain/Id.ts"
import type { Message } from "../domain/Message.ts"

/** How many delivered ids are remembered for each conversation, and of recalls of our own. */
const remembered = 512

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
  /** The greatest id that was delivered. */
  delivered: number
  readonly recent: Set<number>
}

/** `late` means that a later message of the conversation was delivered before. */
export type Admission = "new" | "late" | "duplicate"

export class Positions {
  readonly #positions = new Map<ConversationId, Position>()
  readonly #ended = new Set<ConversationId>()
  readonly #own = new Set<number>()
  readonly #sentInGap = new Set<number>()
  readonly #recalled = new Set<number>()

  /** Whether all conversations have been seen once: one that is not known is new then. */
  baselined = false

  /** Declares everything up to an id as settled: the app has it, or it was there before the session. */
  settle(conversationId: ConversationId, messageId: number): void {
    const position = this.#touched(conversationId)
    position.settled = Math.max(position.settled ?? 0, messageId)
  }

  /** Whether a message is to be delivered; if so, it counts as delivered from now on. */
  admit(message: Message): Admission {
    const { conversationId, id, messageType } = message
    const position = this.#touched(conversationId)
    if (position.recent.has(id) || id <= position.forgotten) return "duplicate"
    position.forgotten = Math.max(position.forgotten, remember(position.recent, id) ?? 0)
    // Whoever joins a conversation is told so, and has no part in what was before.
    if (messageType === "ConversationBuilt") position.settled ??= id - 1
    if (messageType === "ConversationEnd") this.end(conversationId)
    if (id < position.delivered) return "late"
    position.delivered = id
    return "new"
  }

  /**
   * Notes the id of a message that this session sent. While a gap is open, what was before it may be missing all the same.
   */
  sent(messageId: MessageId, isGapOpen: boolean): void {
    remember(this.#own, messageId, ownRemembered)
    if (isGapOpen) remember(this.#sentInGap, messageId)
  }

  /** What was missed has been given, or told as a gap. */
  closeGap(): void {
    this.#sentInGap.clear()
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
    const isNew = position?.isNew ?? true
    const entry = isNew && position?.settled === undefined ? entryOf(messages) : undefined
    const settled = position?.settled ?? (entry?.at ?? Math.min(Infinity, ...(position?.recent ?? [1]))) - 1
    const isMissing = (message: Message) => message.id > settled && !this.has(message)
    const [oldest] = messages
    return {
      messages: messages.filter(isMissing),
      complete:
        (position?.settled !== undefined || entry?.isCertain === true) &&
        oldest !== undefined &&
        ((!isMissing(oldest) && !this.#sentInGap.has(oldest.id)) || oldest.id === settled + 1)
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
    this.#sentInGap.clear()
    this.#recalled.clear()
    this.baselined = false
  }

  /** The position of a conversation, which counts as the latest one from now on. */
  #touched(conversationId: ConversationId): Position {
    const known = this.#positions.get(conversationId)
    const position = known ?? {
      isNew: this.baselined,
      settled: undefined,
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

/**
 * Where a conversation begins for somebody who has not met it: for staff with the message that brought them the customer,
 * since what was said before was never theirs to receive; for a visitor with the first. A page with several of the former
 * does not tell which of them was for whom.
 */
const entryOf = (
  messages: ReadonlyArray<Message>
): { readonly at: MessageId; readonly isCertain: boolean } | undefined => {
  const [oldest] = messages
  const builts = messages.flatMap((message) =>
    message.messageType === "ConversationBuilt" ? [{ id: message.id, about: message.content.userType }] : []
  )
  const joinings = builts.filter(({ about }) => about === "CUSTOMER")
  const joined = joinings.at(-1)
  if (joined !== undefined) return { at: joined.id, isCertain: joinings.length === 1 }
  const [first] = builts
  return first !== undefined && first.id === oldest?.id && first.about !== "STAFF"
    ? { at: first.id, isCertain: true }
    : undefined
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

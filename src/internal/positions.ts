/**
 * What the app has been given: how far each conversation is settled, and the ids beyond, so that nothing is given twice
 * and nothing is missed unseen. Costs do not grow with the length of the history.
 */
import type { ConversationId, MessageId } from "../domain/Id.ts"
import type { Message } from "../domain/Message.ts"

/** How many ids beyond the settled one are remembered for each conversation, and of our own sends. */
const remembered = 512

/** How many ended conversations are remembered. */
const endedRemembered = 256

/** How many conversations are remembered in all; the one that was quiet for longest is forgotten first. */
const conversationsRemembered = 4096

interface Position {
  /** Every message up to this id is with the app, or was there before the session. */
  settled: number
  /** The greatest id that was delivered. */
  delivered: number
  /** The ids beyond `settled` that were delivered. */
  readonly recent: Set<number>
}

/** `late` means that a later message of the conversation was delivered before. */
export type Admission = "new" | "late" | "duplicate"

export class Positions {
  readonly #positions = new Map<ConversationId, Position>()
  readonly #ended = new Set<ConversationId>()
  readonly #own = new Set<number>()

  /** Declares everything up to an id as settled: the app has it, or it was there before the session. */
  settle(conversationId: ConversationId, messageId: number): void {
    const position = this.#touched(conversationId)
    position.settled = Math.max(position.settled, messageId)
  }

  /** Whether a message is to be delivered; if so, it counts as delivered from now on. */
  admit(message: Message): Admission {
    const position = this.#touched(message.conversationId)
    if (position.recent.has(message.id)) return "duplicate"
    if (message.id <= position.settled) return "duplicate"
    const evicted = remember(position.recent, message.id)
    if (evicted !== undefined) position.settled = Math.max(position.settled, evicted)
    if (message.messageType === "ConversationEnd") this.end(message.conversationId)
    if (message.id < position.delivered) return "late"
    position.delivered = message.id
    return "new"
  }

  /** Notes the id of a message that this session sent. */
  sent(messageId: MessageId): void {
    remember(this.#own, messageId)
  }

  /** Whether a message of the history is missing: neither given to the app nor sent by it nor older than the session. */
  misses(message: Message): boolean {
    const position = this.#positions.get(message.conversationId)
    if (this.#own.has(message.id)) return false
    return position === undefined || (message.id > position.settled && !position.recent.has(message.id))
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

  clear(): void {
    this.#positions.clear()
    this.#ended.clear()
    this.#own.clear()
  }

  /** The position of a conversation, which counts as the latest one from now on. */
  #touched(conversationId: ConversationId): Position {
    const known = this.#positions.get(conversationId)
    const position = known ?? { settled: 0, delivered: 0, recent: new Set() }
    if (known !== undefined) this.#positions.delete(conversationId)
    this.#positions.set(conversationId, position)
    if (this.#positions.size > conversationsRemembered) {
      for (const quietest of this.#positions.keys()) {
        this.#positions.delete(quietest)
        this.#ended.delete(quietest)
        break
      }
    }
    return position
  }
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

/**
 * Distinguishes the app's own sends from new messages. If a connection ends before an acknowledgement, the history may
 * return a message that the app already holds. Whether it is that one is known once the send has settled, so such
 * messages are held back until then.
 */
import { remember } from "./remember.ts"

/** How many sends are remembered. */
const maxSends = 512

interface Received {
  readonly id: number
  readonly conversationId: number
}

export class OwnSends<Message extends Received> {
  /** The number of unsettled sends by conversation; those without a conversation may be in any. */
  readonly #unsettled = new Map<number | undefined, number>()
  readonly #arrived = new Map<number, true>()
  #held: Array<Message> = []
  readonly #release: (message: Message) => void

  constructor(release: (message: Message) => void) {
    this.#release = release
  }

  begin(conversationId: number | undefined): void {
    this.#unsettled.set(conversationId, (this.#unsettled.get(conversationId) ?? 0) + 1)
  }

  /** A send arrived as this message. */
  arrived(id: number): void {
    remember(this.#arrived, id, true, maxSends)
  }

  /** A send has settled. */
  end(conversationId: number | undefined): void {
    const left = (this.#unsettled.get(conversationId) ?? 1) - 1
    if (left > 0) this.#unsettled.set(conversationId, left)
    else this.#unsettled.delete(conversationId)
    const held = this.#held
    this.#held = []
    for (const message of held) if (this.isNew(message)) this.#release(message)
  }

  /** Whether the app does not hold this message of its own account. If undecided, it is held back and released later. */
  isNew(message: Message): boolean {
    if (this.#arrived.has(message.id)) return false
    if (!this.#unsettled.has(message.conversationId) && !this.#unsettled.has(undefined)) return true
    this.#held.push(message)
    return false
  }
}

/**
 * Tells the app's own messages apart from news. Where a connection ended before the acknowledgement, the history gives a
 * message back that the app holds already; whether it is that one is known once the send has settled.
 */

/** How many sends are remembered. */
const remembered = 512

interface Received {
  readonly id: number
  readonly conversationId: number
}

export class OwnSends<Message extends Received> {
  /** How many are under way, by conversation. Sends without one may be in any. */
  readonly #underWay = new Map<number | undefined, number>()
  readonly #sent = new Set<number>()
  #held: Array<Message> = []
  readonly #release: (message: Message) => void

  constructor(release: (message: Message) => void) {
    this.#release = release
  }

  begin(conversationId: number | undefined): void {
    this.#underWay.set(conversationId, (this.#underWay.get(conversationId) ?? 0) + 1)
  }

  /** The send has become this message. */
  arrived(id: number): void {
    this.#sent.add(id)
    if (this.#sent.size <= remembered) return
    for (const oldest of this.#sent) {
      this.#sent.delete(oldest)
      break
    }
  }

  /** The send has settled, one way or another. */
  end(conversationId: number | undefined): void {
    const left = (this.#underWay.get(conversationId) ?? 1) - 1
    if (left > 0) this.#underWay.set(conversationId, left)
    else this.#underWay.delete(conversationId)
    const held = this.#held
    this.#held = []
    for (const message of held) if (this.isNews(message)) this.#release(message)
  }

  /** Whether a message of one's own is one that the app does not hold. What is not known yet is released later. */
  isNews(message: Message): boolean {
    if (this.#sent.has(message.id)) return false
    if (!this.#underWay.has(message.conversationId) && !this.#underWay.has(undefined)) return true
    this.#held.push(message)
    return false
  }
}

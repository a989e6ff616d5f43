/**
 * Distinguishes the app's own sends from new messages. If a connection ends before an acknowledgement, the history may
 * return a message that the app already holds. Whether it is that one is known once the send has settled.
 */
import type { Message } from "../domain/Message.ts"
import type { SendPayload } from "../wire/Frame.ts"
import { type Content, holds, ofMessage, ofSend } from "../outbox/payload.ts"
import { remember } from "./remember.ts"

/** How many sends are remembered. */
const maxSends = 512

export class OwnSends {
  readonly #unsettled = new Set<Content>()
  readonly #arrived = new Map<number, true>()

  /** A send was accepted; returns what to call once it has settled, with the id if it arrived. */
  begin(payload: SendPayload): (id: number | undefined) => void {
    const content = ofSend(payload)
    this.#unsettled.add(content)
    return (id) => {
      this.#unsettled.delete(content)
      if (id !== undefined) remember(this.#arrived, id, true, maxSends)
    }
  }

  /** Whether the app holds this message of its own account as a send of its own. */
  has({ id }: Message): boolean {
    return this.#arrived.has(id)
  }

  /** Whether this message of the own account may be a send that has not settled. */
  mayBe(message: Message): boolean {
    if (this.#unsettled.size === 0) return false
    const found = ofMessage(message)
    return Array.from(this.#unsettled).some((sent) => holds(found, sent))
  }
}

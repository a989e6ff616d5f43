/**
 * Sends of the outbox, shown as messages of a conversation until the backend has acknowledged them.
 */
import type { MessageId, UserId } from "../../domain/Id.ts"
import { isSystemMessage, type Message } from "../../domain/Message.ts"
import type { OutboxEntry, OutboxKey } from "../../outbox/OutboxEntry.ts"
import type { OutboxState } from "../../outbox/OutboxState.ts"
import { type Content, holds, ofMessage, ofSend } from "../../outbox/payload.ts"
import type { InboxMessage } from "../InboxSnapshot.ts"

interface Echo {
  readonly item: InboxMessage
  /** What the message will contain; undefined while its file is not uploaded. */
  readonly content: Content | undefined
  /** The latest message when the send began: its own message has a higher id. */
  readonly after: number
  /** The message that matches the send, before the outbox has confirmed it. */
  readonly match: MessageId | undefined
}

/** Whether a send is not shown as pending any more. */
export const isOver = (state: OutboxState): boolean =>
  state._tag === "Sent" || state._tag === "Discarded" || (state._tag === "Failed" && state.reason._tag === "Cancelled")

export class Echoes {
  readonly #echoes = new Map<OutboxKey, Echo>()
  #pending: ReadonlyArray<InboxMessage> = []

  /** The sends that match no message, oldest first; the same array until one of them changes. */
  get pending(): ReadonlyArray<InboxMessage> {
    return this.#pending
  }

  /** Takes the new state of a send, shown as `item`. Returns the message that was wrongly matched with it, if any. */
  update({ draft, key, state }: OutboxEntry, item: InboxMessage, latest: number): MessageId | undefined {
    const known = this.#echoes.get(key)
    const match = known?.match
    const isConfirmed = state._tag === "Sending" || (state._tag === "Sent" && state.id === match)
    if (isOver(state)) this.#echoes.delete(key)
    else {
      this.#echoes.set(key, {
        item: { ...item, delivery: state },
        content: draft.file === undefined ? ofSend(draft) : undefined,
        after: known?.after ?? latest,
        match: isConfirmed ? match : undefined
      })
    }
    this.#list()
    return isConfirmed ? undefined : match
  }

  /** Finds the send that a new message of `me` seems to be, before its ack has come. */
  match(message: Message, me: UserId | undefined): OutboxKey | undefined {
    if (this.#echoes.size === 0 || message.fromId !== me || isSystemMessage(message)) return undefined
    const found = ofMessage(message)
    for (const [key, echo] of this.#echoes) {
      if (echo.item.delivery?._tag !== "Sending" || echo.match !== undefined) continue
      if (message.id <= echo.after || echo.content === undefined || !holds(found, echo.content)) continue
      this.#echoes.set(key, { ...echo, match: message.id })
      this.#list()
      return key
    }
    return undefined
  }

  #list(): void {
    this.#pending = Array.from(this.#echoes.values()).flatMap(({ item, match }) => (match === undefined ? [item] : []))
  }
}

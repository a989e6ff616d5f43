/**
 * What is known of the order of message ids, so that the history can be read for sends without an acknowledgement.
 *
 * Ids grow within the backend. So an id that was seen before a send went out is less than the send's own, and whatever
 * this account had written before is not greater than the latest of them, provided that the id is from this session: from
 * an acknowledgement, a live event, or a page of the conversation itself.
 */
import type { Conversation } from "../../domain/Conversation.ts"
import type { ConversationId, MessageId, UserId } from "../../domain/Id.ts"
import type { Content } from "../payload.ts"

/** Where the outcome of a send is looked up. */
export interface Target {
  readonly conversationId: ConversationId | undefined
  readonly toId: UserId | undefined
}

/** A send that was handed to a connection and not acknowledged. */
export interface Attempt {
  readonly target: Target
  readonly content: Content
  /** No own message up to this id is this one; undefined if that is not known. */
  readonly after: number | undefined
  /** The connection that took it; 0 if that was one of an earlier process. */
  readonly session: number
  readonly order: number
  readonly handedAt: number
  /** That connection has ended. */
  ended: boolean
  /** The backend said that it handled the send, but not under which id. */
  acknowledged: boolean
  /** Its outcome stays unknown, unless it turns up. */
  unknown: boolean
  /** The backend had certainly handled or lost it when it gave out this id. */
  over: number | undefined
}

/** How many of our latest ids are remembered, lest one be taken for another send. */
const remembered = 512

export class Ledger {
  #latest = 0
  #orders = 0
  #pages: ReadonlyMap<ConversationId, number> = new Map()
  readonly #attempts = new Set<Attempt>()
  readonly #ours = new Set<number>()

  /** A message has come in, live. */
  saw(id: MessageId): void {
    this.#latest = Math.max(this.#latest, id)
  }

  /** The conversations as they are now. */
  read(conversations: ReadonlyArray<Conversation>): void {
    this.#pages = new Map(
      conversations.flatMap(({ id, messages }) =>
        messages.length === 0 ? [] : [[id, Math.max(...messages.map((message) => message.id))] as const]
      )
    )
  }

  /** What a send that goes out now surely comes after; undefined if nothing is known yet. */
  bound(conversationId: ConversationId | undefined): number | undefined {
    const page = conversationId === undefined ? undefined : this.#pages.get(conversationId)
    const bound = Math.max(page ?? 0, this.#latest)
    return bound === 0 ? undefined : bound
  }

  begin(fields: Pick<Attempt, "target" | "content" | "after" | "session" | "handedAt">): Attempt {
    const attempt: Attempt = {
      ...fields,
      order: ++this.#orders,
      ended: false,
      acknowledged: false,
      unknown: false,
      over: undefined
    }
    this.#attempts.add(attempt)
    return attempt
  }

  /** A send has turned out to be this message. */
  sent(attempt: Attempt, id: MessageId): void {
    this.saw(id)
    this.end(attempt)
    this.own(id)
  }

  /** A message is known to be another send than those that are open. */
  own(id: number): void {
    this.#ours.add(id)
    for (const oldest of this.#ours) {
      if (this.#ours.size <= remembered) break
      this.#ours.delete(oldest)
    }
  }

  /** The ids of ours that might be taken for one of the open sends if nobody knew better. */
  get ours(): ReadonlyArray<number> {
    const least = Math.min(...Array.from(this.#attempts, ({ after = Infinity }) => after))
    return Array.from(this.#ours).filter((id) => id > least)
  }

  /** The backend has acknowledged a send: all before it have been handled, or never will be. */
  acknowledged(attempt: Attempt, id: MessageId): void {
    this.sent(attempt, id)
    for (const earlier of this.#attempts) {
      if (earlier.unknown && earlier.order < attempt.order) earlier.over ??= id
    }
    const open = Array.from(this.#attempts).filter((other) => !other.unknown)
    for (const stray of this.#attempts) {
      if (stray.over !== undefined && open.every((other) => isOver(stray, other))) this.end(stray)
    }
  }

  /** A send is not there and will not come. */
  end(attempt: Attempt): void {
    this.#attempts.delete(attempt)
  }

  /** Other sends that may stand among those newer than `attempt.after`. */
  strays(attempt: Attempt): ReadonlyArray<Content> {
    return Array.from(this.#attempts)
      .filter((other) => other !== attempt && meets(attempt.target, other.target) && !isOver(other, attempt))
      .map(({ content }) => content)
  }

  isOurs(id: MessageId): boolean {
    return this.#ours.has(id)
  }
}

/** Whether a send cannot be among the messages in which another one is looked for. */
const isOver = (stray: Attempt, other: Attempt): boolean =>
  stray.over !== undefined && other.after !== undefined && other.after >= stray.over

const meets = (left: Target, right: Target): boolean =>
  left.conversationId === undefined ||
  right.conversationId === undefined ||
  left.conversationId === right.conversationId

/**
 * What is known of message ids and their order, so that the history can be read for sends without an acknowledgement.
 *
 * Ids grow within the backend. So an id that was seen before a hand-over is less than the id of the send, and no earlier
 * message of the account has a greater id than the latest one seen, provided that this session has seen it: in an
 * acknowledgement, a live event, or a page of the conversation itself.
 */
import type { Conversation } from "../../domain/Conversation.ts"
import type { ConversationId, MessageId, UserId } from "../../domain/Id.ts"
import type { SendReason } from "../../KefuError.ts"
import { type Content, holds, ofMessage } from "../payload.ts"
import { isSystemMessage, type Message } from "../../domain/Message.ts"

/** Where the outcome of a send is looked up. */
export interface Target {
  readonly conversationId: ConversationId | undefined
  readonly toId: UserId | undefined
}

/** The hand-over of a send to a connection. */
export interface Attempt {
  readonly target: Target
  readonly content: Content
  /** No own message up to this id is this one; undefined if that is not known. */
  readonly after: number | undefined
  /** The connection that took it; 0 if that was one of an earlier process. */
  readonly connection: number
  readonly order: number
  /** In elapsed milliseconds. */
  readonly handedAt: number
  /** Whose message it is, and how often the token had been replaced by then. */
  readonly account: UserId | undefined
  readonly generation: number | undefined
  /** Another session of the account has connected since. An equal message in the history may be that session's. */
  superseded: boolean
  /** That connection has ended. */
  ended: boolean
  /** Why no usable acknowledgement came. */
  failure: SendReason | undefined
  /** Its outcome stays unknown, unless the history shows it later. */
  unknown: boolean
  /** An id that the backend assigned after it had handled or lost this attempt. */
  over: number | undefined
}

/** How many own messages are remembered, so that none is mistaken for another send. */
const remembered = 512

export class Ledger {
  #latest = 0
  #orders = 0
  #pages: ReadonlyMap<ConversationId, number> = new Map()
  #visitors = new Map<ConversationId, UserId>()
  readonly #attempts = new Set<Attempt>()
  readonly #ours = new Set<number>()
  readonly #seen = new Map<MessageId, { readonly fromId: UserId; readonly content: Content }>()

  /** Notes a message that came in. */
  received(message: Message): void {
    this.saw(message.id)
    this.#note(message)
  }

  #note(message: Message): void {
    const { fromId } = message
    if (isSystemMessage(message) || fromId === null || fromId === undefined) return
    this.#seen.set(message.id, { fromId, content: ofMessage(message) })
    trim(this.#seen)
  }

  /**
   * The message that an attempt has become, if it has come in: the only one of the account since the hand-over, which is
   * no other send.
   */
  sighting(attempt: Attempt): MessageId | undefined {
    const { account, after, content, superseded } = attempt
    if (after === undefined || account === undefined || superseded) return undefined
    const own = Array.from(this.#seen).filter(
      ([id, { fromId }]) => id > after && fromId === account && !this.isOurs(id)
    )
    const [found] = own
    if (found === undefined || own.length > 1 || !holds(found[1].content, content)) return undefined
    return this.strays(attempt).some((other) => holds(found[1].content, other)) ? undefined : found[0]
  }

  saw(id: MessageId): void {
    this.#latest = Math.max(this.#latest, id)
  }

  /** Notes the present conversations. */
  read(conversations: ReadonlyArray<Conversation>): void {
    this.#pages = new Map(conversations.map(({ id, messages }) => [id, newest(messages)]))
    for (const { customer, id, messages } of conversations) {
      for (const message of messages) this.#note(message)
      if (customer !== null && customer !== undefined) this.#visitors.set(id, customer.id)
    }
  }

  /** The visitor of a conversation, as far as known. */
  visitorOf(conversationId: ConversationId): UserId | undefined {
    return this.#visitors.get(conversationId)
  }

  /** Forgets what concerns the account, because the session has another one now. */
  forgetAccount(): void {
    this.#attempts.clear()
    this.#pages = new Map()
    this.#visitors.clear()
  }

  /** Notes that another session of the account has connected. */
  supersede(superseded: boolean): void {
    for (const attempt of this.#attempts) attempt.superseded = superseded
  }

  /** An id that a send handed over now will exceed; undefined if none is known yet. */
  bound(conversationId: ConversationId | undefined): number | undefined {
    const page = conversationId === undefined ? 0 : (this.#pages.get(conversationId) ?? 0)
    return Math.max(page, this.#latest) || undefined
  }

  begin(
    fields: Pick<Attempt, "target" | "content" | "after" | "connection" | "handedAt" | "account" | "generation">
  ): Attempt {
    const attempt: Attempt = {
      ...fields,
      order: ++this.#orders,
      superseded: false,
      ended: false,
      failure: undefined,
      unknown: false,
      over: undefined
    }
    this.#attempts.add(attempt)
    return attempt
  }

  /** Notes which message a send has become. */
  sent(attempt: Attempt, id: MessageId): void {
    this.saw(id)
    this.end(attempt)
    this.own(id)
  }

  /** Notes that a message is none of the open sends. */
  own(id: number): void {
    this.#ours.add(id)
    trim(this.#ours)
  }

  /** Notes an acknowledgement: the backend has handled all earlier sends, or never will. */
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

  /** Forgets a send that will not arrive. */
  end(attempt: Attempt): void {
    this.#attempts.delete(attempt)
  }

  /** Other sends that may be among the messages newer than `attempt.after`. */
  strays(attempt: Attempt): ReadonlyArray<Content> {
    return Array.from(this.#attempts)
      .filter((other) => other !== attempt && meets(attempt.target, other.target) && !isOver(other, attempt))
      .map(({ content }) => content)
  }

  isOurs(id: MessageId): boolean {
    return this.#ours.has(id)
  }
}

const trim = (remembering: Pick<Map<number, unknown>, "size" | "keys" | "delete">): void => {
  for (const oldest of remembering.keys()) {
    if (remembering.size <= remembered) break
    remembering.delete(oldest as never)
  }
}

/** Whether a send cannot be among the messages that are searched for another one. */
const isOver = (stray: Attempt, other: Attempt): boolean =>
  stray.over !== undefined && other.after !== undefined && other.after >= stray.over

/** Whether messages to both may be in one conversation. To a visitor all are: the backend chooses the open one. */
const meets = (left: Target, right: Target): boolean =>
  left.toId === undefined || right.toId === undefined || left.toId === right.toId

/** The greatest id of messages; 0 without any. */
export const newest = (messages: ReadonlyArray<{ readonly id: number }>): number =>
  messages.reduce((greatest, { id }) => Math.max(greatest, id), 0)

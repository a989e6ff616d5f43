/**
 * Who is who, and who is in which conversation: the current user, the users whom the client has seen, and the visitor of
 * each conversation. Completes the messages that the app built before their sender or their conversation was known.
 */
import type { Conversation } from "../domain/Conversation.ts"
import { type Message, isSystemMessage } from "../domain/Message.ts"
import { isVisitor, messageName, type Person, type Viewer } from "../domain/Perspective.ts"
import type { Flagged } from "./readFlags.ts"
import { remember } from "./remember.ts"

/** A message that the app built before the current user was known. */
export interface Unsigned {
  fromId: number
  nickname: string
}

/** A message that was sent before its conversation was known. */
export interface Unplaced extends Flagged {
  conversationId: number
}

/** How many users are remembered; the oldest is forgotten first. */
const maxUsers = 10_000

/** How many conversations, visitors and incomplete messages are remembered; the oldest is forgotten first. */
const maxEntries = 4096

export class Directory implements Viewer {
  me: Person | undefined
  readonly users = new Map<number, Person>()
  /** How often the account may have changed, and the value at which `me` was fetched. */
  generation = 0
  #identifiedAt = -1
  readonly #onPlaced: (message: Unplaced) => void
  /** The visitor of each conversation. */
  readonly #visitors = new Map<number, number>()
  /** The conversation in which each visitor is now. */
  readonly #current = new Map<number, number>()
  #unsigned: Array<WeakRef<Unsigned>> = []
  #unplaced: Array<{ readonly visitor: number; readonly message: WeakRef<Unplaced> }> = []

  constructor(onPlaced: (message: Unplaced) => void) {
    this.#onPlaced = onPlaced
  }

  /** Whether the current user has been fetched since the account may have changed. */
  get isIdentified(): boolean {
    return this.#identifiedAt === this.generation
  }

  /** Sets the current user, who was fetched in this generation. */
  setMe(me: Person, generation = this.generation): void {
    this.me = me
    this.#identifiedAt = generation
    if (!this.isIdentified) return
    const unsigned = this.#unsigned
    this.#unsigned = []
    for (const reference of unsigned) {
      const message = reference.deref()
      if (message !== undefined) this.sign(message)
    }
  }

  /** Adds a user. With `onlyNew`, a known user is not replaced. */
  add(user: Person, onlyNew = false): void {
    if (!onlyNew || !this.users.has(user.id)) remember(this.users, user.id, user, maxUsers)
  }

  /** Sets the sender of a message that the app has built, now or once the current user is known. */
  sign(message: Unsigned): void {
    if (this.me === undefined || !this.isIdentified) return push(this.#unsigned, new WeakRef(message))
    Reflect.set(message, "fromId", this.me.id)
    Reflect.set(message, "nickname", this.me.nickname ?? "")
  }

  /** The visitor of a conversation. */
  visitorOf(conversationId: number): number | undefined {
    return this.#visitors.get(conversationId)
  }

  /** Learns from a fetched conversation. */
  readConversation({ customer, id, state, users }: Conversation): void {
    for (const user of users) this.add(user)
    if (customer !== undefined && customer !== null) this.#learn(customer.id, id, state !== "FINISHED")
  }

  /** Learns from a received message. */
  readMessage(message: Message): void {
    const { conversationId, fromId } = message
    const { me } = this
    if (me === undefined || conversationId <= 0) return
    if (messageName(message) === "ConversationEnd") return this.#end(conversationId)
    if (isVisitor(me)) return this.#learn(me.id, conversationId, true)
    if (message.messageType === "ConversationBuilt") {
      const { userId, userType } = message.content
      if (userType === "CUSTOMER" && typeof userId === "number") this.#learn(userId, conversationId, true)
      return
    }
    if (fromId === undefined || fromId === null || isSystemMessage(message)) return
    const sender = this.users.get(fromId)
    if (sender !== undefined && isVisitor(sender)) this.#learn(fromId, conversationId, true)
  }

  /** Sets the conversation of a message that was sent without one, now or once it is known. */
  place(message: Unplaced, toId: number | undefined): void {
    const { me } = this
    const visitor = me !== undefined && isVisitor(me) ? me.id : toId
    if (me === undefined || visitor === undefined) return
    const conversationId = this.#current.get(visitor)
    if (conversationId === undefined) push(this.#unplaced, { visitor, message: new WeakRef(message) })
    else this.#settle(message, conversationId)
  }

  #settle(message: Unplaced, conversationId: number): void {
    Reflect.set(message, "conversationId", conversationId)
    this.#onPlaced(message)
  }

  #learn(visitor: number, conversationId: number, isActive: boolean): void {
    remember(this.#visitors, conversationId, visitor, maxEntries)
    if (!isActive) return this.#end(conversationId)
    remember(this.#current, visitor, conversationId, maxEntries)
    const unplaced = this.#unplaced
    if (unplaced.length === 0) return
    this.#unplaced = unplaced.filter((entry) => entry.visitor !== visitor)
    for (const entry of unplaced) {
      const message = entry.visitor === visitor ? entry.message.deref() : undefined
      if (message !== undefined) this.#settle(message, conversationId)
    }
  }

  #end(conversationId: number): void {
    const visitor = this.#visitors.get(conversationId)
    if (visitor !== undefined && this.#current.get(visitor) === conversationId) this.#current.delete(visitor)
  }
}

const push = <A>(list: Array<A>, item: A): void => {
  if (list.length >= maxEntries) list.shift()
  list.push(item)
}

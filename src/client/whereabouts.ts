/**
 * Which visitor is in which conversation, as far as it was told. Finds whom a message is for, and places messages that
 * were sent before their conversation was known.
 */
import type { Conversation } from "../domain/Conversation.ts"
import { type Message, isSystemMessage } from "../domain/Message.ts"
import { isVisitor, messageName, type Viewer } from "../domain/Perspective.ts"

/** A message that has not been placed. */
export interface Homeless {
  readonly id: number
  conversationId: number
}

/** How many are remembered of each; who was met first is forgotten first. */
const remembered = 4096

export class Whereabouts {
  readonly #viewer: Viewer
  readonly #placed: (message: Homeless) => void
  readonly #visitors = new Map<number, number>()
  readonly #current = new Map<number, number>()
  #homeless: Array<{ readonly visitor: number; readonly message: WeakRef<Homeless> }> = []

  constructor(viewer: Viewer, placed: (message: Homeless) => void) {
    this.#viewer = viewer
    this.#placed = placed
  }

  /** The visitor of a conversation. */
  visitorOf(conversationId: number): number | undefined {
    return this.#visitors.get(conversationId)
  }

  /** Takes in what a fetched conversation tells. */
  read({ customer, id, state }: Conversation): void {
    if (customer !== undefined && customer !== null) this.#note(customer.id, id, state !== "FINISHED")
  }

  /** Takes in what a message that came in tells. */
  hear(message: Message): void {
    const { conversationId, fromId } = message
    const { me } = this.#viewer
    if (me === undefined || conversationId <= 0) return
    if (messageName(message) === "ConversationEnd") return this.#end(conversationId)
    if (isVisitor(me)) return this.#note(me.id, conversationId, true)
    if (fromId === undefined || fromId === null || isSystemMessage(message)) return
    const sender = this.#viewer.users.get(fromId)
    if (sender !== undefined && isVisitor(sender)) this.#note(fromId, conversationId, true)
  }

  /** Places a message that was sent without its conversation, now or once that is known. */
  place(message: Homeless, toId: number | undefined): void {
    const { me } = this.#viewer
    const visitor = me !== undefined && isVisitor(me) ? me.id : toId
    if (me === undefined || visitor === undefined) return
    const conversationId = this.#current.get(visitor)
    if (conversationId !== undefined) return this.#settle(message, conversationId)
    if (this.#homeless.length >= remembered) this.#homeless.shift()
    this.#homeless.push({ visitor, message: new WeakRef(message) })
  }

  #settle(message: Homeless, conversationId: number): void {
    message.conversationId = conversationId
    this.#placed(message)
  }

  #note(visitor: number, conversationId: number, goesOn: boolean): void {
    set(this.#visitors, conversationId, visitor)
    if (!goesOn) return this.#end(conversationId)
    set(this.#current, visitor, conversationId)
    if (this.#homeless.length === 0) return
    const waiting = this.#homeless
    this.#homeless = waiting.filter((entry) => entry.visitor !== visitor)
    for (const entry of waiting) {
      const message = entry.visitor === visitor ? entry.message.deref() : undefined
      if (message !== undefined) this.#settle(message, conversationId)
    }
  }

  #end(conversationId: number): void {
    const visitor = this.#visitors.get(conversationId)
    if (visitor !== undefined && this.#current.get(visitor) === conversationId) this.#current.delete(visitor)
  }
}

const set = (map: Map<number, number>, key: number, value: number): void => {
  map.delete(key)
  map.set(key, value)
  if (map.size <= remembered) return
  for (const oldest of map.keys()) {
    map.delete(oldest)
    break
  }
}

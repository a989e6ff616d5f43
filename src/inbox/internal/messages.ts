/**
 * The messages that a conversation shows.
 */
import type { MessageId } from "../../domain/Id.ts"
import type { InboxMessage } from "../InboxSnapshot.ts"
import type { Timeline } from "./timeline.ts"

/** A message that has its id. */
export type Arrived = InboxMessage & { readonly id: MessageId }

/** The messages of a view. The array is made when it is first asked for, and shared by the views that have the same. */
export class Messages {
  readonly arrived: Timeline<Arrived>
  readonly pending: ReadonlyArray<InboxMessage>
  #all: ReadonlyArray<InboxMessage> | undefined

  constructor(arrived: Timeline<Arrived>, pending: ReadonlyArray<InboxMessage>) {
    this.arrived = arrived
    this.pending = pending
  }

  get all(): ReadonlyArray<InboxMessage> {
    this.#all ??= this.pending.length === 0 ? this.arrived.items : [...this.arrived.items, ...this.pending]
    return this.#all
  }
}

/** Whether `left` has the fields of `right`, as the same objects. */
export const isShallowlyEqual = <A extends object>(left: object, right: A): boolean =>
  Object.entries(right).every(([key, value]) => Reflect.get(left, key) === value)

/**
 * The rule that reads the outcome of unacknowledged sends from the history.
 *
 * The wire carries no id of ours on a message, but it is ordered: of the sends that a lost connection left open, the
 * backend handled the first few. These are in the history, in their order, after what was known to be there before. So
 * the newer own messages must be a prefix of the open sends. If they are, they are those sends, and the others never
 * arrived. If they are not, another writer interfered, and every outcome stays unknown.
 *
 * Equal sends are interchangeable: nobody can tell which of two "ok" arrived, and the conversation reads the same when
 * the other one follows.
 */
import type { MessageId } from "../../domain/Id.ts"

export interface Own<A> {
  readonly id: MessageId
  readonly content: A
}

export interface Evidence<A> {
  /** The sends to decide on, in the order of their hand-over to one connection. */
  readonly open: ReadonlyArray<A>
  /** Other sends, each of which may be anywhere in the history or not at all. */
  readonly strays: ReadonlyArray<A>
  /** The own messages of the history newer than the known ones, in their order. */
  readonly own: ReadonlyArray<Own<A>>
  /** Whether the history certainly holds all of them. */
  readonly complete: boolean
}

export type Outcome =
  | { readonly _tag: "Arrived"; readonly id: MessageId }
  | { readonly _tag: "Missing" }
  | { readonly _tag: "Unclear"; readonly detail: string }

/** The outcome of each open send. `holds` tells whether a message of the history may be a send. */
export const outcomes = <A>(
  { complete, open, own, strays }: Evidence<A>,
  holds: (found: A, sent: A) => boolean
): ReadonlyArray<Outcome> => {
  const unclear = (detail: string) => open.map((): Outcome => ({ _tag: "Unclear", detail }))
  const left = [...strays]
  const rest: Array<Own<A>> = []
  for (const message of own) {
    const stray = left.findIndex((sent) => holds(message.content, sent))
    if (stray < 0) rest.push(message)
    else if (open.some((sent) => holds(message.content, sent))) {
      return unclear("the conversation holds a message that may be this one or another one like it")
    } else left.splice(stray, 1)
  }
  const isPrefix =
    rest.length <= open.length &&
    rest.every(({ content }, index) => {
      const sent = open[index]
      return sent !== undefined && holds(content, sent)
    })
  if (!isPrefix) return unclear("the conversation's own messages are not those that were sent")
  if (!complete && rest.length < open.length) {
    return unclear("the history does not reach back to what was known before")
  }
  return open.map((_, index): Outcome => {
    const arrived = rest[index]
    return arrived === undefined ? { _tag: "Missing" } : { _tag: "Arrived", id: arrived.id }
  })
}

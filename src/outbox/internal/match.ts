/**
 * The rule by which the outcome of sends without an acknowledgement is read from the history.
 *
 * The wire has no id of ours on a message, but it is ordered: of the sends that a lost connection left open, the backend
 * handled the first few, and these stand in the history in their order, after what was known to be there before. So the
 * own messages that are newer must be a prefix of the open sends. If they are, they are those sends, and the others
 * never arrived. If they are not, something happened that is not ours to know, and every outcome stays unknown.
 *
 * Sends that are equal may change places: nobody can tell which of two "ok" arrived, and the conversation reads the same
 * when the other one follows.
 */
import type { MessageId } from "../../domain/Id.ts"

export interface Own<A> {
  readonly id: MessageId
  readonly content: A
}

export interface Evidence<A> {
  /** The sends to decide on, in the order in which they went out over one connection. */
  readonly open: ReadonlyArray<A>
  /** Other sends, each of which may be among the history's messages or not, anywhere. */
  readonly strays: ReadonlyArray<A>
  /** The own messages of the history that are newer than all that were known, in their order. */
  readonly own: ReadonlyArray<Own<A>>
  /** Whether the history surely holds all of them. */
  readonly complete: boolean
}

export type Outcome =
  | { readonly _tag: "Arrived"; readonly id: MessageId }
  | { readonly _tag: "Missing" }
  | { readonly _tag: "Unclear"; readonly detail: string }

/** `holds` tells whether a message of the history may be a send. Gives the outcome of each open send. */
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

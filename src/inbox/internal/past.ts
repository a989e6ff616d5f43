/**
 * The pages of ended conversations.
 *
 * The backend's pages are numbered, and the list moves: conversations end, and others are removed. Therefore the page
 * after those that were seen is read, then the pages before it, back to one that holds something seen.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Semaphore from "effect/Semaphore"
import type { Conversation, ConversationPage } from "../../domain/Conversation.ts"
import type { ConversationId, UserId } from "../../domain/Id.ts"
import type { KefuError, RequestReason } from "../../KefuError.ts"

/** Which ended conversations to read: of one visitor, or of all. */
export interface Query {
  readonly state: "FINISHED"
  readonly order: "DESC"
  readonly page: number
  readonly limit: number
  readonly customerId: UserId | undefined
}

/** `take` gets the conversations of each page. */
export const make = (
  list: (query: Query) => Effect.Effect<ConversationPage, KefuError<RequestReason>>,
  take: (conversations: ReadonlyArray<Conversation>) => Effect.Effect<void>
) => {
  const alone = Semaphore.makeUnsafe(1)
  /** By visitor: the conversations that were read, and the size to which the backend limits pages. */
  const past = new Map<UserId | undefined, { readonly seen: ReadonlySet<ConversationId>; readonly size?: number }>()

  const readMore = Effect.fnUntraced(function* (customerId: UserId | undefined, limit: number) {
    const { seen, size: known = limit } = past.get(customerId) ?? { seen: new Set<ConversationId>() }
    const isSeen = ({ id }: Conversation) => seen.has(id)
    const read = (page: number) => list({ state: "FINISHED", order: "DESC", page, limit, customerId })
    let page = Math.floor(seen.size / Math.min(known, limit)) + 1
    let answer = yield* read(page)
    let found = answer.conversations
    for (let before = page - 1; before > 0 && !found.some(isSeen); before--) {
      found = [...(yield* read(before)).conversations, ...found]
    }
    const size = Math.max(1, Math.min(answer.limit ?? limit, limit))
    const hasMore = () =>
      Predicate.isNotNullish(answer.total) ? page * size < answer.total : answer.conversations.length >= size
    while (found.every(isSeen) && hasMore()) {
      answer = yield* read(++page)
      found = answer.conversations
    }
    past.set(customerId, { seen: new Set([...seen, ...found.map(({ id }) => id)]), size })
    yield* take(found)
    return hasMore()
  })

  return {
    /** Reads the next page. Returns whether there are more. */
    loadMore: (customerId: UserId | undefined, limit: number) =>
      alone.withPermit(readMore(customerId, Math.max(1, limit))),
    /** Begins anew. */
    forget: () => past.clear()
  }
}

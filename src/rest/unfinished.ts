/**
 * The conversations that have not ended, also of older backends, which have no list of them.
 */
import * as Effect from "effect/Effect"
import { skippedOf } from "../codec/Odd.ts"
import type { Conversation } from "../domain/Conversation.ts"
import type { KefuError, RequestReason } from "../KefuError.ts"
import type { ConversationApi } from "./ConversationApi.ts"

export interface Unfinished {
  readonly conversations: ReadonlyArray<Conversation>
  /** Whether these are all: no list left out an element, and no page was full. */
  readonly isWhole: boolean
}

const pageSize = 100

/** Reads them; one of the two lists of an older backend after the other. */
export const read = ({
  current,
  list
}: Pick<ConversationApi["Service"], "current" | "list">): Effect.Effect<Unfinished, KefuError<RequestReason>> => {
  const pages = Effect.forEach(["ACTIVE", "PENDING"] as const, (state) =>
    Effect.map(list({ state, limit: pageSize }), ({ conversations }) => conversations)
  )
  return current.pipe(
    Effect.map((all) => ({ lists: [all], isFull: false })),
    Effect.catchReason("KefuError", "NotFound", () =>
      Effect.map(pages, (lists) => ({ lists, isFull: lists.some(({ length }) => length >= pageSize) }))
    ),
    Effect.map(({ isFull, lists }) => ({
      conversations: lists.flat(),
      isWhole: !isFull && lists.every((list) => skippedOf(list).length === 0)
    }))
  )
}

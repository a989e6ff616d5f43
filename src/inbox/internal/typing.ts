/**
 * Typing: what goes out is throttled, what comes in expires.
 */
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as FiberSet from "effect/FiberSet"
import type { ConversationId } from "../../domain/Id.ts"

/** How long somebody counts as typing after the last sign of it. */
export const expiry = "10 seconds"

/** How far apart the drafts of one conversation go out. */
export const pace = "1 second"

/** What stands for a draft that is withheld: an empty one would mean that nobody types. */
export const withheld = "…"

const longest = 1000

/** The beginning of a draft: a long one, told at every key, could end the connection as too large. */
export const beginning = (draft: string): string =>
  draft.length <= longest ? draft : draft.slice(0, longest).replace(/[\ud800-\udbff]$/, "")

export interface Drafts {
  /** Tells the draft, at once or when the pace allows. Of several that wait, the last one goes. */
  readonly write: (id: ConversationId, draft: string) => Effect.Effect<void>
  /** The draft has become a message: what waits is not told any more. */
  readonly clear: (id: ConversationId) => void
}

/** `tell` must not wait for long: it is interrupted when the scope closes. */
export const makeDrafts = Effect.fnUntraced(function* (
  tell: (id: ConversationId, draft: string) => Effect.Effect<void>
) {
  const paces = yield* FiberMap.make<ConversationId, void>()
  const telling = yield* FiberSet.make<void>()
  /** The drafts that wait, of the conversations where the pace does not allow another yet. */
  const waiting = new Map<ConversationId, string | undefined>()
  /** Where the other side believes that one is typing. */
  const told = new Set<ConversationId>()

  const run = Effect.fnUntraced(function* (id: ConversationId, first: string) {
    for (let draft: string | undefined = first; draft !== undefined; draft = waiting.get(id)) {
      waiting.set(id, undefined)
      if (draft !== "" || told.has(id)) {
        if (draft === "") told.delete(id)
        else told.add(id)
        yield* FiberSet.run(telling, tell(id, draft))
      }
      yield* Effect.sleep(pace)
    }
    waiting.delete(id)
  })

  const drafts: Drafts = {
    write: (id, draft) =>
      Effect.suspend(() => {
        if (waiting.has(id)) {
          waiting.set(id, draft)
          return Effect.void
        }
        if (draft === "" && !told.has(id)) return Effect.void
        return Effect.asVoid(FiberMap.run(paces, id, run(id, draft)))
      }),
    clear: (id) => {
      told.delete(id)
      if (waiting.has(id)) waiting.set(id, undefined)
    }
  }
  return drafts
})

/**
 * Reads the account and its conversations from the backend into the state, and reads again what may be out of date.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Predicate from "effect/Predicate"
import * as Semaphore from "effect/Semaphore"
import type { Conversation } from "../../domain/Conversation.ts"
import type { ConversationId, UserId } from "../../domain/Id.ts"
import type { KefuError } from "../../KefuError.ts"
import { ConversationApi } from "../../rest/ConversationApi.ts"
import { UserApi } from "../../rest/UserApi.ts"
import { guarded } from "./guarded.ts"
import * as refresher from "./refresher.ts"
import type { InboxState } from "./state.ts"

export interface Loader extends Effect.Success<ReturnType<typeof make>> {}

export const make = Effect.fnUntraced(function* (state: InboxState, commit: Effect.Effect<void>) {
  const api = yield* ConversationApi
  const users = yield* UserApi
  const introduced = Latch.makeUnsafe(false)
  const introducing = yield* Semaphore.make(1)
  const paging = yield* Semaphore.make(1)
  const pagesRead = new Map<string, number>()

  const readMe = Effect.flatMap(users.me, (me) => {
    state.setMe(me)
    return Effect.andThen(introduced.open, commit)
  })

  /** Reads the account unless it is known. */
  const introduce = introducing.withPermit(Effect.suspend(() => (state.me === undefined ? readMe : Effect.void)))

  const current = api.current.pipe(
    // Older backends lack the list of current conversations.
    Effect.catchReason("KefuError", "NotFound", () =>
      Effect.map(
        Effect.forEach(["ACTIVE", "PENDING"], (state) => api.list({ state })),
        (pages) => pages.flatMap(({ conversations }) => conversations)
      )
    )
  )

  /** Merges conversations that may be older than what events have told; those are read again. */
  const take = (conversations: ReadonlyArray<Conversation>) =>
    Effect.forEach(
      conversations,
      (one) =>
        Effect.suspend(() => (state.merge(one) ? request(one.id) : Effect.void)).pipe(
          guarded("merging a conversation", Effect.void)
        ),
      { discard: true }
    )

  /** Merges all current conversations. Those that are open here and not among them have changed unnoticed. */
  const takeCurrent = Effect.fnUntraced(function* (conversations: ReadonlyArray<Conversation>) {
    yield* take(conversations)
    const present = new Set(conversations.map(({ id }) => id))
    for (const thread of state.threads) {
      if (thread.state !== "FINISHED" && !present.has(thread.id)) yield* request(thread.id)
    }
    state.set({ isLoaded: true, error: undefined })
    yield* commit
  })

  const readAll = introduce.pipe(Effect.andThen(current), Effect.flatMap(takeCurrent))

  const readOne = Effect.fnUntraced(function* (id: ConversationId) {
    yield* introduce
    const conversation = yield* api.get(id)
    state.merge(conversation, !reads.isDue(id))
    yield* commit
  })

  const giveUp = (what: ConversationId | "all", error: KefuError) => {
    if (what === "all") return state.set({ error })
    const isGone = error.reason._tag === "NotFound" || error.reason._tag === "Forbidden"
    const thread = state.thread(what)
    if (isGone && thread?.isKnown === true) state.remove(what)
    else thread?.doubt()
  }

  const reads: refresher.Refresher<ConversationId | "all"> = yield* refresher.make<ConversationId | "all">({
    read: (what) => (what === "all" ? readAll : readOne(what)),
    onRetry: (what, error) => {
      if (what === "all") state.set({ error })
      return commit
    },
    onFailure: (what, error) => {
      giveUp(what, error)
      return commit
    }
  })

  const request = (what: ConversationId | "all"): Effect.Effect<void> => reads.request(what)

  return {
    /** Waits until the account is known. */
    introduced: introduced.await,
    takeCurrent,
    /** Reads a conversation, or all current ones, in the background. */
    request,
    /** The same, and marks it as out of date until then. */
    doubt: (what: ConversationId | "all") =>
      Effect.suspend(() => {
        if (what !== "all") state.thread(what)?.doubt()
        else for (const thread of state.threads) if (thread.state !== "FINISHED") thread.doubt()
        return request(what)
      }),
    /** Reads the account and all current conversations now. */
    refresh: Effect.andThen(readMe, readAll),
    /** Reads a conversation now unless it is up to date. */
    open: Effect.fnUntraced(function* (id: ConversationId) {
      yield* introduce
      if (state.thread(id)?.isFresh !== true) {
        yield* take([yield* api.get(id)])
        yield* commit
      }
      return state.open(id).view
    }),
    /** Reads the next page of ended conversations. Returns whether there are more. */
    loadMore: (customerId: UserId | undefined, limit: number) =>
      Effect.gen(function* () {
        yield* introduce
        const filter = `${customerId} ${limit}`
        const page = (pagesRead.get(filter) ?? 0) + 1
        const { conversations, total } = yield* api.list({ state: "FINISHED", order: "DESC", page, limit, customerId })
        pagesRead.set(filter, page)
        yield* take(conversations)
        yield* commit
        return Predicate.isNotNullish(total) ? page * limit < total : conversations.length >= limit
      }).pipe(paging.withPermit)
  }
})

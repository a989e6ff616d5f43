/**
 * Reads the account and its conversations from the backend into the state, and reads again what may be out of date.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Predicate from "effect/Predicate"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { Conversation } from "../../domain/Conversation.ts"
import type { ConversationId, UserId } from "../../domain/Id.ts"
import type { User } from "../../domain/User.ts"
import type { KefuError, RequestReason } from "../../KefuError.ts"
import { ConversationApi } from "../../rest/ConversationApi.ts"
import { CurrentUser } from "../../rest/CurrentUser.ts"
import * as unfinished from "../../rest/unfinished.ts"
import { UserApi } from "../../rest/UserApi.ts"
import { guarded } from "./guarded.ts"
import * as refresher from "./refresher.ts"
import type { InboxState } from "./state.ts"

/** The latest messages that were known before a read. */
type Known = ReadonlyMap<ConversationId, number>

const isGone = ({ reason }: KefuError): boolean => reason._tag === "NotFound" || reason._tag === "Forbidden"

export interface Loader extends Effect.Success<ReturnType<typeof make>> {}

export const make = Effect.fnUntraced(function* (state: InboxState, commit: Effect.Effect<void>) {
  const api = yield* ConversationApi
  const currentUser = yield* CurrentUser
  const users = yield* UserApi
  const introduced = Latch.makeUnsafe(false)
  const paging = yield* Semaphore.make(1)
  /** What `loadMore` has read, by visitor: the conversations, and the size to which the backend limits pages. */
  const past = new Map<UserId | undefined, { readonly seen: ReadonlySet<ConversationId>; readonly size?: number }>()
  /** The conversations of the latest list of current ones. */
  let accounts = 1
  let listed: ReadonlySet<ConversationId> = new Set()

  /** Takes the data of the account, which may have become another one. */
  const adopt = (me: User) =>
    Effect.suspend(() => {
      if (state.me !== undefined && state.me.id !== me.id) {
        accounts++
        past.clear()
        listed = new Set()
      }
      state.setMe(me)
      return Effect.andThen(introduced.open, commit)
    })

  const introduce = Effect.flatMap(currentUser.get, (me) => (state.me?.id === me.id ? Effect.void : adopt(me)))

  /** Reads something for the account, once more if the account has changed meanwhile. */
  const asAccount = <A>(read: Effect.Effect<A, KefuError<RequestReason>>): Effect.Effect<A, KefuError<RequestReason>> =>
    Effect.gen(function* () {
      yield* introduce
      const before = accounts
      const answer = yield* Effect.result(read)
      yield* introduce
      return yield* accounts === before ? Effect.fromResult(answer) : asAccount(read)
    })

  const current = Effect.map(unfinished.read(api), ({ conversations }) => conversations)

  /** Merges conversations. Returns those that may be older than what events have told, which are to be read again. */
  const merge = (conversations: ReadonlyArray<Conversation>, known?: Known) =>
    Effect.filter(conversations, (one) =>
      Effect.sync(() => state.merge(one, { knownBefore: known?.get(one.id) ?? 0 })).pipe(
        guarded("merging a conversation", Effect.succeed(false))
      )
    )

  const requestAll = (conversations: ReadonlyArray<{ readonly id: ConversationId }>) =>
    Effect.forEach(conversations, ({ id }) => request(id), { discard: true })

  /**
   * Merges all current conversations, and returns those that are to be read: those that are open here and not among them
   * have changed unnoticed.
   */
  const mergeCurrent = Effect.fnUntraced(function* (conversations: ReadonlyArray<Conversation>, known?: Known) {
    const outdated = yield* merge(conversations, known)
    listed = new Set(conversations.map(({ id }) => id))
    const absent = Array.from(state.threads).filter(({ id, state }) => state !== "FINISHED" && !listed.has(id))
    for (const thread of absent) if (thread.isFresh && thread.isTaken) state.remove(thread.id)
    state.set({ isLoaded: true, error: undefined })
    yield* commit
    return [...outdated, ...absent.filter(({ id }) => state.thread(id) !== undefined)]
  })

  const takeCurrent = (conversations: ReadonlyArray<Conversation>, known?: Known) =>
    Effect.flatMap(mergeCurrent(conversations, known), requestAll)

  const readAll = Effect.flatMap(asAccount(current), (conversations) => takeCurrent(conversations))

  const readOne = Effect.fnUntraced(function* (id: ConversationId, knownBefore = 0) {
    const conversation = yield* asAccount(api.get(id))
    const thread = state.thread(id)
    if (thread === undefined) return
    state.merge(conversation, { isNewest: !reads.isDue(id), knownBefore })
    // What the backend still lists as current stays.
    if (thread.isTaken && listed.has(id)) yield* request("all")
    else if (thread.isTaken) state.remove(id)
    yield* commit
  })

  const refresh = Effect.gen(function* () {
    const known = state.latest
    yield* Effect.flatMap(users.me, adopt)
    const due = yield* mergeCurrent(yield* asAccount(current), known)
    const read = ({ id }: { readonly id: ConversationId }) =>
      Effect.catch(readOne(id, known.get(id)), (error) =>
        isGone(error)
          ? Effect.andThen(
              Effect.sync(() => giveUp(id, error)),
              commit
            )
          : Effect.fail(error)
      )
    yield* Effect.forEach(due, read, { concurrency: 4, discard: true })
  })

  const giveUp = (what: ConversationId | "all", error: KefuError<RequestReason>) => {
    if (what === "all") return state.set({ error })
    const thread = state.thread(what)
    if (isGone(error) && thread?.isKnown === true) state.remove(what)
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

  /**
   * Reads the next page of ended conversations. Returns whether there are more.
   *
   * The backend's pages are numbered, and the list moves: conversations end, and others are removed. Therefore the page
   * after those that were seen is read, then the pages before it, back to one that holds something seen.
   */
  const loadMore = Effect.fnUntraced(function* (customerId: UserId | undefined, limit: number) {
    const { seen, size: known = limit } = past.get(customerId) ?? { seen: new Set<ConversationId>() }
    const isSeen = ({ id }: Conversation) => seen.has(id)
    const read = (page: number) => asAccount(api.list({ state: "FINISHED", order: "DESC", page, limit, customerId }))
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
    yield* requestAll(yield* merge(found))
    yield* commit
    return hasMore()
  })

  return {
    /** Reads the account, unless it is known. */
    introduce,
    /** Waits until the account is known. */
    introduced: introduced.await,
    /** Follows the account as it becomes another one. */
    followAccount: Stream.runForEach(currentUser.changes, (me) => Effect.andThen(adopt(me), request("all"))),
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
    /** Reads the account and all current conversations now, and what they leave open. */
    refresh,
    /** Reads a conversation now unless it is up to date. */
    open: Effect.fnUntraced(function* (id: ConversationId) {
      yield* introduce
      state.keep(id)
      if (state.thread(id)?.isFresh !== true) {
        yield* requestAll(yield* merge([yield* asAccount(api.get(id))]))
        yield* commit
      }
      return state.open(id).view
    }),
    loadMore: (customerId: UserId | undefined, limit: number) =>
      paging.withPermit(loadMore(customerId, Math.max(1, limit)))
  }
})

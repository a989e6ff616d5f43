/**
 * Reads the conversations from the backend into the state, and reads again what may be out of date. `currentAccount` says
 * whose they are, `past` pages through the ended ones.
 */
import * as Effect from "effect/Effect"
import type { Conversation } from "../../domain/Conversation.ts"
import type { ConversationId } from "../../domain/Id.ts"
import type { KefuError, RequestReason } from "../../KefuError.ts"
import { ConversationApi } from "../../rest/ConversationApi.ts"
import * as unfinished from "../../rest/unfinished.ts"
import { UserApi } from "../../rest/UserApi.ts"
import * as accounts from "./currentAccount.ts"
import { guarded } from "./guarded.ts"
import * as pasts from "./past.ts"
import * as refresher from "./refresher.ts"
import type { InboxState } from "./state.ts"

/** The latest messages that were known before a read. */
type Known = ReadonlyMap<ConversationId, number>

const isGone = ({ reason }: KefuError): boolean => reason._tag === "NotFound" || reason._tag === "Forbidden"

export interface Loader extends Effect.Success<ReturnType<typeof make>> {}

export const make = Effect.fnUntraced(function* (state: InboxState, commit: Effect.Effect<void>) {
  const api = yield* ConversationApi
  const users = yield* UserApi
  /** The conversations of the latest list of current ones. */
  let listed: ReadonlySet<ConversationId> = new Set()

  const account = yield* accounts.make(state, commit, () => {
    listed = new Set()
    past.forget()
  })

  const current = Effect.map(unfinished.read(api), ({ conversations }) => conversations)

  /** Merges conversations. Returns those that may be older than what events have told, which are to be read again. */
  const merge = (conversations: ReadonlyArray<Conversation>, known?: Known) =>
    Effect.filter(conversations, (one) =>
      Effect.sync(() => state.merge(one, { knownBefore: known?.get(one.id) ?? 0 })).pipe(
        guarded("merging a conversation", Effect.succeed(false), one.id)
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

  const readAll = Effect.flatMap(account.read(current), (conversations) => takeCurrent(conversations))

  const readOne = Effect.fnUntraced(function* (id: ConversationId, knownBefore = 0) {
    const conversation = yield* account.read(api.get(id))
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
    yield* Effect.flatMap(users.me, account.adopt)
    const due = yield* mergeCurrent(yield* account.read(current), known)
    const read = ({ id }: { readonly id: ConversationId }) =>
      Effect.catchIf(readOne(id, known.get(id)), isGone, (error) => giveUp(id, error))
    yield* Effect.forEach(due, read, { concurrency: 4, discard: true })
  })

  const giveUp = (what: ConversationId | "all", error: KefuError<RequestReason>) =>
    Effect.suspend(() => {
      const thread = what === "all" ? undefined : state.thread(what)
      if (what === "all") state.set({ error })
      else if (isGone(error) && thread?.isKnown === true) state.remove(what)
      else thread?.doubt()
      return commit
    })

  const reads: refresher.Refresher<ConversationId | "all"> = yield* refresher.make<ConversationId | "all">({
    read: (what) => (what === "all" ? readAll : readOne(what)),
    onRetry: (what, error) => {
      if (what === "all") state.set({ error })
      return commit
    },
    onFailure: giveUp
  })

  const request = (what: ConversationId | "all"): Effect.Effect<void> => reads.request(what)

  const past = pasts.make(
    (query) => account.read(api.list(query)),
    (found) => Effect.andThen(Effect.flatMap(merge(found), requestAll), commit)
  )

  return {
    introduce: account.introduce,
    introduced: account.introduced,
    followAccount: account.follow(request("all")),
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
      yield* account.introduce
      state.keep(id)
      if (state.thread(id)?.isFresh !== true) {
        yield* requestAll(yield* merge([yield* account.read(api.get(id))]))
        yield* commit
      }
      return state.open(id).view
    }),
    loadMore: past.loadMore
  }
})

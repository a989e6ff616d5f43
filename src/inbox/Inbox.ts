/**
 * The state that a chat screen needs, kept up by the SDK.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberMap from "effect/FiberMap"
import * as FiberSet from "effect/FiberSet"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { ConversationApi } from "../rest/ConversationApi.ts"
import type { Conversation } from "../domain/Conversation.ts"
import { type ConversationId, type MessageId, UserId } from "../domain/Id.ts"
import type { InboxConversation, InboxSnapshot } from "./InboxSnapshot.ts"
import { InboxStore } from "./internal/state.ts"
import { Page } from "../platform/Lifecycle.ts"
import { isVisitor } from "../domain/Perspective.ts"
import * as queuePosition from "./internal/queue.ts"
import * as rereads from "./internal/refresher.ts"
import type { Thread } from "./internal/thread.ts"
import * as typing from "./internal/typing.ts"
import { KefuConfig } from "../KefuConfig.ts"
import { Closed, KefuError } from "../KefuError.ts"
import { Outbox } from "../outbox/Outbox.ts"
import { Realtime } from "../realtime/Realtime.ts"
import type { RealtimeEvent } from "../realtime/RealtimeEvent.ts"
import { UserApi } from "../rest/UserApi.ts"

/**
 * Which of the past conversations to load, see `Inbox.loadMore`.
 *
 * @category options
 * @since 0.1.0
 */
export interface LoadMoreOptions {
  /** Only those with this visitor. */
  readonly customerId?: UserId | undefined
  /** How many at once. Default: 20. */
  readonly limit?: number | undefined
}

/**
 * The state that a chat screen needs: who one is, whom one knows, conversations with their timelines, what is unread,
 * what the other side has read, who is typing, and the place in the queue.
 *
 * **Details**
 *
 * The inbox begins when it is first used, with anything but `getSnapshot` and `getConversation`; with `connect: "auto"`
 * that opens the connection too. It subscribes before it reads, so nothing is lost in between, and reads again what may
 * have been missed. What an event costs does not depend on the length of the history.
 *
 * `subscribe` and `getSnapshot` are what UI frameworks ask of a store (React's `useSyncExternalStore`, Svelte, Solid,
 * Vue): the snapshot is the same object until something has changed, and what did not change inside it is shared.
 *
 * Open conversations are kept whole. Of those that end meanwhile the latest 100 are kept, and all that were asked for.
 *
 * **Gotchas**
 *
 * The inbox knows of what goes through it or the `Outbox`, and of what the backend tells. The backend does not tell a
 * session of its own commands: recall by `Inbox.recall`, mark as read by `Inbox.markRead` and send by `Outbox.send`, or
 * the state lags behind until the conversation is read again.
 *
 * **Example** (Watching the unread messages)
 *
 * ```ts
 * import * as Console from "effect/Console"
 * import * as Stream from "effect/Stream"
 * import { Inbox } from "effect-kefu/inbox/Inbox"
 *
 * const watch = Inbox.use(({ changes }) =>
 *   changes.pipe(
 *     Stream.map((snapshot) => snapshot.unreadCount),
 *     Stream.changes,
 *     Stream.runForEach((count) => Console.log(`${count} unread`))
 *   )
 * )
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class Inbox extends Context.Service<
  Inbox,
  {
    /** The state now. Does not wait until it has been loaded: see `isLoaded` in it, and `ready`. */
    readonly snapshot: Effect.Effect<InboxSnapshot>
    /** The state once it has been loaded; fails with why it could not be. */
    readonly ready: Effect.Effect<InboxSnapshot, KefuError>
    /** The state now and after every change. Who is slow gets the latest one, not every one. */
    readonly changes: Stream.Stream<InboxSnapshot>
    /** Calls `listener` after every change, until the returned function is called. */
    subscribe(listener: () => void): () => void
    /** The state now: the same object until something has changed. */
    getSnapshot(): InboxSnapshot
    /** A conversation of the present state. */
    getConversation(id: ConversationId): InboxConversation | undefined
    /** A conversation, read from the backend and taken in where it is not there yet. */
    conversation(id: ConversationId): Effect.Effect<InboxConversation, KefuError>
    /** Tells the backend that one has read all that was received in a conversation. Counts at once. */
    markRead(id: ConversationId): Effect.Effect<void, KefuError>
    /**
     * Tells the other side what one is typing; an empty draft means that one has stopped. At most one a second goes out,
     * the last one always; of a long draft the beginning. Nothing goes to robots, where nobody listens, and while there
     * is no connection.
     */
    typing(id: ConversationId, draft: string): Effect.Effect<void>
    /** Recalls a message of one's own. */
    recall(id: MessageId): Effect.Effect<void, KefuError>
    /** Reads everything again. */
    readonly refresh: Effect.Effect<void, KefuError>
    /** Takes in a further page of conversations that have ended, the latest first; false if there are no more. */
    loadMore(options?: LoadMoreOptions): Effect.Effect<boolean, KefuError>
  }
>()("effect-kefu/inbox/Inbox") {
  /**
   * Over the session's services.
   *
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<Inbox, never, ConversationApi | KefuConfig | Outbox | Realtime | UserApi> =
    Layer.effect(
      Inbox,
      Effect.suspend(() => make)
    )

  /**
   * A partial implementation for tests; what is missing dies when it is used.
   *
   * @since 0.1.0
   */
  static readonly layerTest = (partial: Layer.PartialEffectful<Inbox["Service"]>): Layer.Layer<Inbox> =>
    Layer.mock(Inbox, partial)
}

/** How many past conversations make a page. */
const pageOfPast = 20

const make = Effect.gen(function* () {
  const api = yield* ConversationApi
  const config = yield* KefuConfig
  const outbox = yield* Outbox
  const page = yield* Page
  const realtime = yield* Realtime
  const users = yield* UserApi
  const store = new InboxStore()
  const run = yield* FiberSet.makeRuntime<never, void>()
  const expiries = yield* FiberMap.make<ConversationId, void>()
  const listeners = new Set<() => void>()
  const watchers = new Set<Queue.Queue<InboxSnapshot, Cause.Done>>()
  const introduced = Latch.makeUnsafe(false)
  const introducing = yield* Semaphore.make(1)
  const paging = yield* Semaphore.make(1)
  const pagesOfPast = new Map<string, number>()
  let begun = false

  // --- telling

  /** Tells whoever listens, after the state has been changed. */
  const commit = Effect.suspend(() => {
    if (!store.takeNews()) return Effect.void
    followQueue()
    for (const watcher of watchers) Queue.offerUnsafe(watcher, store.snapshot)
    const failures: Array<unknown> = []
    for (const listener of Array.from(listeners)) {
      const told = Result.try(listener)
      if (Result.isFailure(told)) failures.push(told.failure)
    }
    return Effect.forEach(failures, (failure) => Effect.logError("A listener of the inbox failed", failure), {
      discard: true
    })
  })

  const change = (f: () => void) => Effect.andThen(Effect.sync(f), commit)

  // --- reading

  /** In the background. */
  const readAgain = (what: ConversationId | "all"): Effect.Effect<void> => reads.request(what)

  /** Learns whose session it is, unless that is known. */
  const introduce = introducing.withPermit(Effect.suspend(() => (store.me === undefined ? meet : Effect.void)))

  const meet = Effect.flatMap(users.me, (me) => {
    store.setMe(me)
    return introduced.open
  })

  const current = api.current.pipe(
    // The list of current conversations came with newer backends; the old ones page through the open ones.
    Effect.catchReason("KefuError", "NotFound", () =>
      Effect.map(
        Effect.forEach(["ACTIVE", "PENDING"], (state) => api.list({ state })),
        (pages) => pages.flatMap(({ conversations }) => conversations)
      )
    )
  )

  /** Takes in what was read of several conversations, which may be older than what events have told since. */
  const take = (conversations: ReadonlyArray<Conversation>) =>
    Effect.forEach(
      conversations.filter((conversation) => store.merge(conversation)),
      ({ id }) => readAgain(id),
      { discard: true }
    )

  /** Takes in all current conversations. Those that are open here and not among them have changed unseen. */
  const takeCurrent = Effect.fnUntraced(function* (conversations: ReadonlyArray<Conversation>) {
    yield* take(conversations)
    const present = new Set(conversations.map(({ id }) => id))
    for (const { id, state } of store.threads) if (state !== "FINISHED" && !present.has(id)) yield* readAgain(id)
    yield* change(() => store.setLoaded())
  })

  const readAll = introduce.pipe(Effect.andThen(current), Effect.flatMap(takeCurrent))

  const readOne = Effect.fnUntraced(function* (id: ConversationId) {
    yield* introduce
    const conversation = yield* api.get(id)
    yield* change(() => store.merge(conversation, !reads.isDue(id)))
  })

  const giveUp = (what: ConversationId | "all", error: KefuError) => {
    if (what === "all") return store.setError(error)
    const isGone = error.reason._tag === "NotFound" || error.reason._tag === "Forbidden"
    if (isGone && store.thread(what)?.isKnown === true) store.remove(what)
    else store.thread(what)?.doubt()
  }

  const reads: rereads.Rereads<ConversationId | "all"> = yield* rereads.make<ConversationId | "all">({
    read: (what) => (what === "all" ? readAll : readOne(what)),
    onRetry: (what, error) => (what === "all" ? change(() => store.setError(error)) : Effect.void),
    onFailure: (what, error) => change(() => giveUp(what, error))
  })

  // --- following

  const follow = (event: RealtimeEvent): Effect.Effect<void> => {
    switch (event._tag) {
      case "MessageReceived": {
        const { message } = event
        return store.receive(message) ? readAgain(message.conversationId) : Effect.void
      }
      case "MessagesRead":
        return Effect.sync(() => store.thread(event.conversationId)?.readByOthers(event.messageId))
      case "Inputting":
        return showTyping(event)
      case "Resynced":
        return takeCurrent(event.conversations)
      case "GapUnresolved":
        return event.conversationId === undefined ? doubtAll : doubt(event.conversationId)
      case "Lagged":
        return doubtAll
      default:
        return Effect.void
    }
  }

  const doubt = (id: ConversationId) => {
    store.thread(id)?.doubt()
    return readAgain(id)
  }

  const doubtAll = Effect.suspend(() => {
    for (const thread of store.threads) if (thread.state !== "FINISHED") thread.doubt()
    return readAgain("all")
  })

  const showTyping = ({ conversationId, payload }: Extract<RealtimeEvent, { readonly _tag: "Inputting" }>) => {
    const thread = store.thread(conversationId)
    const userId = typeof payload.fromId === "number" ? UserId.make(payload.fromId) : undefined
    if (thread === undefined || (userId !== undefined && userId === store.me?.id)) return Effect.void
    const stop = change(() => thread.setTyping(undefined))
    if (payload.content === "") return stop
    thread.setTyping({ draft: payload.content ?? undefined, userId })
    return Effect.asVoid(FiberMap.run(expiries, conversationId, Effect.delay(stop, typing.expiry)))
  }

  const places =
    config.inbox.queuePoll === undefined
      ? undefined
      : yield* queuePosition.make({
          base: config.inbox.queuePoll,
          page,
          read: api.pendingPosition,
          show: (id, place) => change(() => store.thread(id)?.setQueue(place)),
          doubt: readAgain
        })

  const followQueue = () => {
    if (places === undefined || store.me === undefined || !isVisitor(store.me)) return
    const waiting = Array.from(store.threads).filter(({ state }) => state === "PENDING")
    places.follow(new Set(waiting.map(({ id }) => id)))
  }

  const main = Effect.gen(function* () {
    const events = yield* realtime.subscribe({ overflow: "lagged" })
    yield* readAgain("all")
    const following = Effect.andThen(
      introduced.await,
      Stream.runForEachArray(events, (batch) =>
        Effect.andThen(Effect.forEach(batch, follow, { discard: true }), commit)
      )
    )
    const connection = Stream.runForEach(realtime.states, (state) =>
      Effect.andThen(
        change(() => store.setConnection(state)),
        state._tag === "Connected" && (!config.catchUp || store.me === undefined) ? doubtAll : Effect.void
      )
    )
    const signals = Stream.runForEach(page.signals, (signal) =>
      signal === "wake" && places !== undefined ? places.wake : Effect.void
    )
    const sends = Stream.runForEach(outbox.changes, (entry) =>
      Effect.suspend(() => {
        const { conversationId, isNew, needsReading } = store.echo(entry)
        if (conversationId === undefined) return commit
        if (isNew) drafts.clear(conversationId)
        return needsReading ? Effect.andThen(commit, readAgain(conversationId)) : commit
      })
    )
    yield* Effect.all([following, connection, signals, sends], { concurrency: "unbounded", discard: true })
  }).pipe(
    Effect.scoped,
    Effect.catch((error) => change(() => store.setError(error)))
  )

  const begin = () => {
    if (begun) return
    begun = true
    run(main)
  }

  // --- writing

  /** Whom a draft in a conversation would reach. */
  const listenerOf = (id: ConversationId): UserId | undefined => {
    const thread = store.thread(id)
    const counterpart = thread?.counterpart
    const isDeaf = thread === undefined || thread.state === "FINISHED" || counterpart?.userType === "ROBOT"
    return isDeaf ? undefined : counterpart?.id
  }

  const drafts = yield* typing.makeDrafts((conversationId, draft) =>
    Effect.gen(function* () {
      const toId = listenerOf(conversationId)
      if (toId === undefined || (yield* realtime.state)._tag !== "Connected") return
      const content = draft !== "" && config.inbox.withholdDraft ? typing.withheld : typing.beginning(draft)
      yield* realtime.inputting({ content, conversationId, toId })
    }).pipe(Effect.ignore)
  )

  /** Without an acknowledgement, only reading again tells what has become of a command. */
  const orLookUp =
    (threads: ReadonlyArray<Thread>) =>
    <A>(command: Effect.Effect<A, KefuError>) =>
      Effect.tapError(command, ({ reason }) =>
        reason._tag === "AckTimeout" || reason._tag === "ConnectionLost"
          ? Effect.forEach(threads, ({ id }) => readAgain(id), { discard: true })
          : Effect.void
      )

  const afterBeginning = <A, E>(effect: Effect.Effect<A, E>) => Effect.andThen(Effect.sync(begin), effect)

  const changes = Stream.unwrap(
    Effect.gen(function* () {
      const watcher = yield* Queue.sliding<InboxSnapshot, Cause.Done>(1)
      yield* Effect.acquireRelease(
        Effect.sync(() => watchers.add(watcher)),
        () => Effect.sync(() => watchers.delete(watcher))
      )
      begin()
      Queue.offerUnsafe(watcher, store.snapshot)
      return Stream.fromQueue(watcher)
    })
  )

  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      begun = true
      listeners.clear()
      for (const watcher of watchers) Queue.endUnsafe(watcher)
    })
  )

  return Inbox.of({
    snapshot: afterBeginning(Effect.sync(() => store.snapshot)),
    ready: changes.pipe(
      Stream.filter(({ error, isLoaded }) => isLoaded || error?.isRetryable === false),
      Stream.runHead,
      Effect.flatMap(
        Option.match({
          onNone: () =>
            Effect.fail(new KefuError({ method: "Inbox.ready", reason: new Closed({ detail: "the session ended" }) })),
          onSome: (snapshot) =>
            snapshot.isLoaded || snapshot.error === undefined
              ? Effect.succeed(snapshot)
              : Effect.fail(snapshot.error.at("Inbox.ready"))
        })
      )
    ),
    changes,
    subscribe: (listener) => {
      // An object of its own, since the same function may listen twice.
      const own = () => listener()
      listeners.add(own)
      begin()
      return () => {
        listeners.delete(own)
      }
    },
    getSnapshot: () => store.snapshot,
    getConversation: (id) => store.thread(id)?.view,
    conversation: (id) =>
      Effect.gen(function* () {
        yield* introduce
        if (store.thread(id)?.isFresh !== true) {
          const conversation = yield* api.get(id)
          yield* Effect.andThen(take([conversation]), commit)
        }
        return store.open(id).view
      }).pipe(afterBeginning, named("Inbox.conversation")),
    markRead: (id) =>
      Effect.suspend(() => {
        const thread = store.thread(id)
        const latest = thread?.unacknowledged
        if (thread === undefined || latest === undefined) return Effect.void
        return Effect.acquireUseRelease(
          change(() => thread.claim(latest)),
          () => realtime.read(latest).pipe(orLookUp([thread])),
          (_, exit) => change(() => (Exit.isSuccess(exit) ? thread.acknowledge(latest) : thread.disclaim(latest)))
        )
      }).pipe(Effect.asVoid, afterBeginning, named("Inbox.markRead")),
    typing: (id, draft) =>
      afterBeginning(Effect.suspend(() => (listenerOf(id) === undefined ? Effect.void : drafts.write(id, draft)))),
    recall: (id) =>
      Effect.suspend(() => {
        const holders = Array.from(store.threads).filter((thread) => thread.has(id))
        return Effect.andThen(
          realtime.recall(id).pipe(orLookUp(holders)),
          change(() => holders.forEach((thread) => thread.recall(id)))
        )
      }).pipe(afterBeginning, named("Inbox.recall")),
    refresh: users.me.pipe(
      Effect.flatMap((me) => change(() => store.setMe(me))),
      Effect.andThen(introduced.open),
      Effect.andThen(readAll),
      afterBeginning,
      named("Inbox.refresh")
    ),
    loadMore: ({ customerId, limit = pageOfPast } = {}) =>
      Effect.gen(function* () {
        yield* introduce
        const filter = `${customerId} ${limit}`
        const page = (pagesOfPast.get(filter) ?? 0) + 1
        const { conversations, total } = yield* api.list({ state: "FINISHED", order: "DESC", page, limit, customerId })
        pagesOfPast.set(filter, page)
        yield* Effect.andThen(take(conversations), commit)
        return Predicate.isNotNullish(total) ? page * limit < total : conversations.length >= limit
      }).pipe(paging.withPermit, afterBeginning, named("Inbox.loadMore"))
  })
})

const named =
  (method: string) =>
  <A>(effect: Effect.Effect<A, KefuError>) =>
    effect.pipe(
      Effect.mapError((error) => error.at(method)),
      Effect.withSpan(method)
    )

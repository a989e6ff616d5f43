/**
 * The state that a chat screen needs, kept up to date by the SDK.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ConversationId, MessageId, UserId } from "../domain/Id.ts"
import { isVisitor } from "../domain/Perspective.ts"
import { KefuConfig } from "../KefuConfig.ts"
import {
  Closed,
  type CommandReason,
  type ConnectionReason,
  type SubscriberLagged,
  KefuError,
  type KefuErrorReason,
  type RequestReason,
  RequestTimeout
} from "../KefuError.ts"
import type { Outbox } from "../outbox/Outbox.ts"
import { lazily } from "../platform/lazily.ts"
import { Lifecycle } from "../platform/Lifecycle.ts"
import { withSpan } from "../platform/span.ts"
import { Realtime } from "../realtime/Realtime.ts"
import { ConversationApi } from "../rest/ConversationApi.ts"
import type { CurrentUser } from "../rest/CurrentUser.ts"
import type { UserApi } from "../rest/UserApi.ts"
import type { InboxConversation, InboxSnapshot } from "./InboxSnapshot.ts"
import * as announcer from "./internal/announcer.ts"
import * as following from "./internal/follow.ts"
import { guarded } from "./internal/guarded.ts"
import { make as makeLoader } from "./internal/loader.ts"
import * as queue from "./internal/queue.ts"
import { InboxState } from "./internal/state.ts"
import type { Thread } from "./internal/thread.ts"
import * as typing from "./internal/typing.ts"

/**
 * Which ended conversations `Inbox.loadMore` reads.
 *
 * @category options
 * @since 0.1.0
 */
export interface LoadMoreOptions {
  /** Only those with this visitor. */
  readonly customerId?: UserId | undefined
  /** The size of a page. Default: 20. */
  readonly limit?: number | undefined
}

/**
 * The state that a chat screen needs: the account, the users it knows, conversations with their timelines, unread
 * counts, read flags, typing, and the place in the queue.
 *
 * **Details**
 *
 * The inbox starts on first use of anything but `getSnapshot` and `getConversation`; with `connect: "auto"` that opens
 * the connection too. It subscribes before it reads, so that nothing is lost in between, and reads again what it may
 * have missed. The cost of an event does not depend on the length of the history.
 *
 * `subscribe` and `getSnapshot` form the store that UI frameworks expect (React's `useSyncExternalStore`, Svelte, Solid,
 * Vue): the snapshot is the same object until something changes, and shares what has not changed with the previous one.
 *
 * If the session becomes another account's (an anonymous visitor's token was replaced), that account's state takes the
 * place of the first one's. A conversation that is transferred to a colleague leaves the inbox.
 *
 * Open conversations are kept in full. Of those that end while the inbox watches, the latest 100 are kept, and so are
 * those read by `conversation` and `loadMore`.
 *
 * **Gotchas**
 *
 * The backend does not echo a session's own commands: use `Inbox.recall`, `Inbox.markRead` and `Outbox.send`, or the
 * state lags behind until the conversation is read again.
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
    /** The current state, which may not be loaded yet: see its `isLoaded`, and `ready`. */
    readonly snapshot: Effect.Effect<InboxSnapshot>
    /**
     * The state once it is loaded. Fails if loading fails for good, and with the last error, or \`RequestTimeout\`, after
     * a minute; the inbox continues to load in the background.
     */
    readonly ready: Effect.Effect<InboxSnapshot, KefuError<ConnectionReason | SubscriberLagged>>
    /** The current state, then the state after every change. A slow consumer gets the latest, not every one. */
    readonly changes: Stream.Stream<InboxSnapshot>
    /** Calls `listener` after every change, until the returned function is called. */
    subscribe(listener: () => void): () => void
    /** The current state: the same object until something changes. */
    getSnapshot(): InboxSnapshot
    /** A conversation of the current state. */
    getConversation(id: ConversationId): InboxConversation | undefined
    /** A conversation, read from the backend unless it is in the state and up to date. */
    conversation(id: ConversationId): Effect.Effect<InboxConversation, KefuError<RequestReason>>
    /** Marks all received messages of a conversation as read, in the state at once and at the backend. */
    markRead(id: ConversationId): Effect.Effect<void, KefuError<CommandReason>>
    /**
     * Shows the other side the draft that is being typed; an empty one means that typing has stopped. At most one a
     * second is sent, the last one always; of a long draft the first 1,000 characters. Nothing is sent to robots, where
     * nobody serves, or without a connection.
     */
    typing(id: ConversationId, draft: string): Effect.Effect<void>
    /** Recalls a message of this account. */
    recall(id: MessageId): Effect.Effect<void, KefuError<CommandReason>>
    /**
     * Reads the account and all current conversations again, and returns when the state is up to date. Messages that have
     * changed show their latest version; those that the backend no longer has are removed.
     */
    readonly refresh: Effect.Effect<void, KefuError<RequestReason>>
    /**
     * Reads the next page of ended conversations, the latest first; false if there are no more. From the second page on
     * the page before is read too, because the list may have moved.
     */
    loadMore(options?: LoadMoreOptions): Effect.Effect<boolean, KefuError<RequestReason>>
  }
>()("effect-kefu/inbox/Inbox") {
  /**
   * Makes the service of {@link Inbox.layer}.
   *
   * @since 0.1.0
   */
  static readonly make: Effect.Effect<
    Inbox["Service"],
    never,
    ConversationApi | CurrentUser | KefuConfig | Outbox | Realtime | UserApi | Scope.Scope
  > = Effect.suspend(() => lazily(make))

  /**
   * The inbox of the session's services.
   *
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<
    Inbox,
    never,
    ConversationApi | CurrentUser | KefuConfig | Outbox | Realtime | UserApi
  > = Layer.effect(Inbox, Inbox.make)

  /**
   * A partial implementation for tests; missing methods die when used.
   *
   * @since 0.1.0
   */
  static readonly layerTest = (partial: Layer.PartialEffectful<Inbox["Service"]>): Layer.Layer<Inbox> =>
    Layer.mock(Inbox, partial)
}

/** How long \`ready\` waits while the backend fails or does not answer. */
const patience = Duration.minutes(1)

const unanswered = () =>
  new KefuError({
    method: "Inbox.ready",
    reason: new RequestTimeout({ afterMillis: Duration.toMillis(patience) })
  })

/** Who would see a draft in a conversation; undefined if nobody would. */
const readerOf = (thread: Thread | undefined): UserId | undefined => {
  if (thread === undefined || thread.state === "FINISHED") return undefined
  const { counterpart } = thread
  return counterpart?.userType === "ROBOT" ? undefined : counterpart?.id
}

/** Sends what is typed to those who would see it. */
const makeDrafts = Effect.fnUntraced(function* (state: InboxState) {
  const { inbox } = yield* KefuConfig
  const realtime = yield* Realtime
  return yield* typing.makeDrafts((conversationId, draft) =>
    Effect.gen(function* () {
      const toId = readerOf(state.thread(conversationId))
      if (toId === undefined || (yield* realtime.state)._tag !== "Connected") return
      const content = draft !== "" && inbox.withholdDraft ? typing.withheld : typing.beginning(draft)
      yield* realtime.inputting({ content, conversationId, toId })
    }).pipe(Effect.ignore, guarded("sending a draft", Effect.void))
  )
})

/** The first loaded state. */
const loaded = (changes: Stream.Stream<InboxSnapshot>, lastError: () => InboxSnapshot["error"]) =>
  changes.pipe(
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
    ),
    Effect.timeoutOrElse({
      duration: patience,
      orElse: () => Effect.suspend(() => Effect.fail(lastError()?.at("Inbox.ready") ?? unanswered()))
    })
  )

const make = Effect.gen(function* () {
  const api = yield* ConversationApi
  const config = yield* KefuConfig
  const page = yield* Lifecycle
  const realtime = yield* Realtime
  const run = yield* FiberSet.makeRuntime<never, void>()
  const state = new InboxState()
  const { changes, commit: announce, listen } = yield* announcer.make(() => state.snapshot)
  let begun = false

  const commit = Effect.suspend(() => {
    const { me } = state.snapshot
    if (me !== undefined && isVisitor(me)) places.follow(state.waiting)
    return announce
  })

  const change = (f: () => void) => Effect.andThen(Effect.sync(f), commit)

  const loader = yield* makeLoader(state, commit)

  const places =
    config.inbox.queuePoll === undefined
      ? queue.none
      : yield* queue.make({
          base: config.inbox.queuePoll,
          page,
          read: api.pendingPosition,
          show: (id, place) => change(() => state.thread(id)?.setQueue(place)),
          doubt: loader.request
        })

  const drafts = yield* makeDrafts(state)

  const follow = yield* following.make({ state, commit, loader, drafts, places })

  const begin = () => {
    if (begun) return
    begun = true
    run(follow)
  }
  yield* Effect.addFinalizer(() => Effect.sync(() => (begun = true)))

  /** A method of the service: its first use begins the inbox. */
  const method =
    (name: string) =>
    <A, Reason extends KefuErrorReason>(effect: Effect.Effect<A, KefuError<Reason>>) =>
      Effect.andThen(Effect.sync(begin), effect).pipe(
        Effect.mapError((error) => error.at(name)),
        withSpan(name)
      )

  /** Reads conversations again after a command without an ack: it may have been executed. */
  const orRead =
    (threads: ReadonlyArray<Thread>) =>
    <A>(command: Effect.Effect<A, KefuError<CommandReason>>) =>
      Effect.tapError(command, ({ reason }) =>
        reason._tag === "AckTimeout" || reason._tag === "ConnectionLost"
          ? Effect.forEach(threads, ({ id }) => loader.request(id), { discard: true })
          : Effect.void
      )

  const allChanges = Stream.unwrap(Effect.as(Effect.sync(begin), changes))

  return Inbox.of({
    snapshot: Effect.sync(() => {
      begin()
      return state.snapshot
    }),
    ready: loaded(allChanges, () => state.snapshot.error),
    changes: allChanges,
    subscribe: (listener) => {
      const stop = listen(listener)
      begin()
      return stop
    },
    getSnapshot: () => state.snapshot,
    getConversation: (id) => state.thread(id)?.view,
    conversation: (id) => method("Inbox.conversation")(loader.open(id)),
    markRead: (id) =>
      Effect.suspend(() => {
        const thread = state.thread(id)
        const latest = thread?.unreported
        if (thread === undefined || latest === undefined) return Effect.void
        return Effect.acquireUseRelease(
          change(() => thread.mark("claimed", latest)),
          () => realtime.read(latest).pipe(orRead([thread])),
          (_, exit) => change(() => (Exit.isSuccess(exit) ? thread.mark("told", latest) : thread.withdraw(latest)))
        )
      }).pipe(Effect.asVoid, method("Inbox.markRead")),
    typing: (id, draft) =>
      Effect.suspend(() => {
        begin()
        return readerOf(state.thread(id)) === undefined ? Effect.void : drafts.write(id, draft)
      }),
    recall: (id) =>
      Effect.suspend(() => {
        const holders = Array.from(state.threads).filter((thread) => thread.has(id))
        return Effect.andThen(
          realtime.recall(id).pipe(orRead(holders)),
          change(() => holders.forEach((thread) => thread.recall(id)))
        )
      }).pipe(method("Inbox.recall")),
    refresh: method("Inbox.refresh")(loader.refresh),
    loadMore: ({ customerId, limit = 20 } = {}) => method("Inbox.loadMore")(loader.loadMore(customerId, limit))
  })
})

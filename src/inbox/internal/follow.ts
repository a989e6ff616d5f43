/**
 * Loads the inbox, then follows events, sends and the page.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { ConversationId } from "../../domain/Id.ts"
import { isSystemMessage, type Message } from "../../domain/Message.ts"
import { KefuConfig } from "../../KefuConfig.ts"
import { Outbox } from "../../outbox/Outbox.ts"
import type { OutboxEntry } from "../../outbox/OutboxEntry.ts"
import { Lifecycle } from "../../platform/Lifecycle.ts"
import { Realtime } from "../../realtime/Realtime.ts"
import type { RealtimeEvent } from "../../realtime/RealtimeEvent.ts"
import { guarded } from "./guarded.ts"
import type { Loader } from "./loader.ts"
import type * as queue from "./queue.ts"
import type { InboxState } from "./state.ts"
import * as typing from "./typing.ts"

/** How long the inbox waits for a connection that is being opened before it reads the conversations itself. */
const unhurried = Duration.seconds(1)

interface Parts {
  readonly state: InboxState
  readonly commit: Effect.Effect<void>
  readonly loader: Loader
  readonly drafts: typing.Drafts
  readonly places: queue.Places
}

/** Builds the effect that loads everything, then follows events, sends and the page, as long as the session lasts. */
export const make = Effect.fnUntraced(function* ({ commit, drafts, loader, places, state }: Parts) {
  const config = yield* KefuConfig
  const outbox = yield* Outbox
  const page = yield* Lifecycle
  const realtime = yield* Realtime
  /** The latest messages before the connection. */
  let known: ReadonlyMap<ConversationId, number> = new Map()
  const signs = yield* typing.makeSigns(state, commit)

  const follow = (event: RealtimeEvent): Effect.Effect<void> =>
    guarded(`the event ${event._tag}`, loader.doubt("all"))(Effect.suspend(() => followUnguarded(event)))

  const followUnguarded = (event: RealtimeEvent): Effect.Effect<void> => {
    switch (event._tag) {
      case "MessageReceived":
        return receive(event.message)
      case "MessagesRead":
        return Effect.sync(() => state.thread(event.conversationId)?.mark("theirs", event.messageId))
      case "ActedElsewhere":
        return Effect.sync(() => followElsewhere(event))
      case "Inputting":
        return signs.show(event)
      case "StateChanged":
        return Effect.sync(() => {
          if (event.state._tag === "Connected") known = state.latest
        })
      case "Resynced":
        return loader.takeCurrent(event.conversations, known)
      case "GapUnresolved":
        return loader.doubt(event.conversationId ?? "all")
      case "Lagged":
        return loader.doubt("all")
      default:
        return Effect.void
    }
  }

  /** What another tab sends is read from the history. */
  const followElsewhere = ({ command, messageId: id }: Extract<RealtimeEvent, { readonly _tag: "ActedElsewhere" }>) => {
    if (id === undefined) return
    for (const thread of state.threads) {
      if (!thread.has(id)) continue
      if (command === "Read") thread.mark("told", id)
      if (command === "Recall") thread.recall(id)
    }
  }

  const receive = Effect.fnUntraced(function* (message: Message) {
    const needsReading = state.receive(message)
    const thread = state.thread(message.conversationId)
    if (thread !== undefined && !isSystemMessage(message) && message.fromId !== state.me?.id) {
      yield* signs.hear(thread, message)
    }
    if (needsReading) yield* loader.request(message.conversationId)
  })

  const connection = Stream.runForEach(realtime.states, (connection) => {
    state.set({ connection })
    const { _tag } = connection
    const { error, isLoaded } = state.snapshot
    const isUnread = _tag === "Connected" ? !config.catchUp || error !== undefined : _tag !== "Connecting" && !isLoaded
    return Effect.andThen(commit, isUnread ? loader.doubt("all") : Effect.void)
  })

  const signals = Stream.runForEach(page.signals, (signal) => (signal === "wake" ? places.wake : Effect.void))

  const showSend = Effect.fnUntraced(function* (entry: OutboxEntry) {
    const { conversationId, isNew, reads } = state.echo(entry)
    if (isNew && conversationId !== undefined) drafts.clear(conversationId)
    yield* commit
    yield* Effect.forEach(reads, loader.request, { discard: true })
  })

  const sends = Stream.runForEach(outbox.changes, (entry) => guarded("a send", Effect.void)(showSend(entry)))

  /** A connection that opens reads the conversations itself. Loads without it once it fails or takes its time. */
  const loadLater = Effect.all(
    [
      Effect.catch(loader.introduce, () => loader.request("all")),
      Effect.delay(
        Effect.suspend(() => (state.snapshot.connection._tag === "Connecting" ? loader.request("all") : Effect.void)),
        unhurried
      )
    ],
    { concurrency: 2, discard: true }
  )

  const warn = Effect.flatMap(realtime.state, ({ _tag }) =>
    _tag === "Idle"
      ? Effect.logWarning("The inbox is not live: its connection was not opened. Open it to receive events")
      : Effect.void
  )

  return Effect.gen(function* () {
    // Subscribes before it reads, so that nothing is lost in between.
    const events = yield* realtime.subscribe({ overflow: "lagged", lasting: true })
    const isOpening = config.catchUp && (yield* realtime.state)._tag === "Connecting"
    yield* isOpening ? Effect.forkScoped(loadLater) : loader.request("all")
    const following = Stream.runForEachArray(events, (batch) =>
      Effect.andThen(Effect.forEach(batch, follow, { discard: true }), commit)
    )
    yield* Effect.all(
      [
        loader.introduced.pipe(Effect.andThen(warn), Effect.andThen(following)),
        connection,
        signals,
        sends,
        loader.followAccount
      ],
      {
        concurrency: "unbounded",
        discard: true
      }
    )
  }).pipe(
    Effect.scoped,
    Effect.catch((error) => {
      state.set({ error })
      return commit
    })
  )
})

/**
 * Sends that survive faults: queued while there is no connection, in order, and never twice.
 *
 * **When the connection ends before the acknowledgement**
 *
 * The wire has no id of ours on a message, so that nobody could tell a repeated send from a second message. What it has
 * is order: the backend handles the frames of a connection one after the other. The outbox keeps one send of each
 * conversation on its way at a time and notes, as it hands one over, the latest message id that it has seen. After the
 * connection is back it waits a second and reads the conversation's history:
 *
 * - The one message of our own that is newer than the noted id, and is what was sent, is that send: `Sent`.
 * - No message of our own is newer, and the history reaches back to the noted id: the send was lost. It goes out again,
 *   before all that wait behind it.
 * - All else is `DeliveryUnknown`, and nothing is sent again unasked: other messages of our own, a history that is cut
 *   short or cannot be read, a recalled message that may have been this one, an equal message whose own outcome is
 *   unknown.
 *
 * This relies on three things besides the order. Ids grow. The account writes from one connection at a time: the backend
 * ends the older one of two (event 301), so that frames of a lost connection which are still on their way when the new
 * one has been open for a second are not handled any more. And the history shows what was handled.
 *
 * **When nothing is acknowledged though the connection lives**
 *
 * There is no negative acknowledgement; a message that the backend refuses is passed over in silence. After `ackTimeout`
 * the outbox sends a ping. As the frames are handled in order, the answer to the ping shows that the message was either
 * handled, and then stands in the history (`Sent`), or refused (`Failed` with `AckTimeout`). It is not sent again, since
 * it would be refused again. If the ping is not answered either, the outcome is `DeliveryUnknown`.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import { ConnectionState } from "../realtime/ConnectionState.ts"
import { ConversationApi } from "../rest/ConversationApi.ts"
import type { ConversationId, MessageId, UserId } from "../domain/Id.ts"
import { Leftovers } from "../platform/leftovers.ts"
import * as metrics from "../platform/metrics.ts"
import * as outboxFeed from "./internal/changes.ts"
import * as outboxHistory from "./internal/history.ts"
import { type Attempt, Ledger, type Target } from "./internal/ledger.ts"
import { type Outcome, outcomes } from "./internal/match.ts"
import * as outboxMessage from "./payload.ts"
import * as outboxStore from "./internal/store.ts"
import * as uploadSource from "../rest/source.ts"
import { KefuConfig } from "../KefuConfig.ts"
import {
  Cancelled,
  Closed,
  DeliveryUnknown,
  InvalidRequest,
  KefuError,
  type KefuErrorReason,
  NotFound,
  OutboxExpired,
  OutboxFull
} from "../KefuError.ts"
import { type FileDraft, type OutboxDraft, type OutboxEntry, OutboxKey, type SentEntry } from "./OutboxEntry.ts"
import { isSettled, OutboxState } from "./OutboxState.ts"
import { Realtime } from "../realtime/Realtime.ts"
import type { RealtimeEvent } from "../realtime/RealtimeEvent.ts"
import { UploadApi } from "../rest/UploadApi.ts"
import { UserApi } from "../rest/UserApi.ts"
import type { SendPayload } from "../wire/Frame.ts"

/**
 * Sends messages in the order of each conversation, over lost connections and restarts.
 *
 * **Details**
 *
 * - The conversations are independent: what waits in one holds nothing up in another. Sends without a `conversationId`
 *   have an order of their own.
 * - At most `outbox.capacity` sends may be under way (256); more fail with `OutboxFull`.
 * - Each waits `outbox.lifetime` (5 minutes) for a connection, counted from when it was given or its file was uploaded;
 *   then it fails with `OutboxExpired`. Once handed to a connection it no longer expires. If the connection is not back
 *   within the same time after that, the outcome is `DeliveryUnknown`.
 * - With `outbox.storage` the sends are also kept there, for this account and backend, from the first connection on.
 *   After a restart those that waited go out; those that were under way are looked up in the history first. Files that
 *   are not uploaded yet are not kept. A store that fails or holds nonsense is logged and gone without.
 * - When the connection is closed by the app or for good, all that waits fails with that reason, and what was under way
 *   is `DeliveryUnknown`. When the layer is closed, the same happens here, but not in the store.
 * - The last 256 settled sends are remembered, for `result` and `retry`.
 *
 * **Gotchas**
 *
 * - Messages that are sent past the outbox (`Realtime.send`) look like those of the outbox in the history. Send those of
 *   one conversation one way.
 * - A store holds messages as they are, readable.
 *
 * **Example** (Saying hello, whenever the connection is there)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Outbox } from "effect-kefu/outbox/Outbox"
 *
 * const hello = Outbox.use((outbox) => outbox.send({ messageType: "Text", content: "你好" })).pipe(
 *   Effect.catchReason("KefuError", "DeliveryUnknown", () => Effect.log("Look into the conversation before repeating it"))
 * )
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class Outbox extends Context.Service<
  Outbox,
  {
    /**
     * Sends a message and waits until it has settled. Fails with `OutboxFull`, `OutboxExpired`, `Cancelled`,
     * `DeliveryUnknown`, `AckTimeout` (refused), `RequestTooLarge`, `InvalidRequest`, `Closed` and whatever an upload
     * fails with.
     *
     * Interrupting it cancels the send as long as it waits or uploads; later it goes on without being waited for.
     */
    send(draft: OutboxDraft): Effect.Effect<SentEntry, KefuError>
    /** Takes a message and returns at once. Fails with `OutboxFull`, `InvalidRequest` and `Closed`. */
    enqueue(draft: OutboxDraft): Effect.Effect<OutboxEntry, KefuError>
    /** Waits until a send has settled. Fails with `NotFound` if it is not known (any more). */
    result(key: OutboxKey): Effect.Effect<SentEntry, KefuError>
    /** Takes a send back that waits or uploads; false if it was too late. */
    cancel(key: OutboxKey): Effect.Effect<boolean>
    /**
     * Sends once more what is `Failed` or `DeliveryUnknown`, as the last of its conversation. In the latter case the
     * history is read once more before, and what is there is not sent again; where it still does not tell, the message
     * is sent and may arrive twice. Does nothing to others. Fails with `NotFound`, `OutboxFull` and `Closed`.
     */
    retry(key: OutboxKey): Effect.Effect<OutboxEntry, KefuError>
    /** Takes a send off the list: cancels it if it waits or uploads; false if it is under way, sent, or not there. */
    discard(key: OutboxKey): Effect.Effect<boolean>
    /** What is under way, and what is `Failed` or `DeliveryUnknown` and was not discarded, in their order. */
    readonly entries: Effect.Effect<ReadonlyArray<OutboxEntry>>
    /**
     * The `entries`, then each one that changes, also as it is `Sent`, cancelled or `Discarded`. Who takes them slowly
     * gets the latest state of each.
     */
    readonly changes: Stream.Stream<OutboxEntry>
  }
>()("effect-kefu/outbox/Outbox") {
  /**
   * Over the session's connection and REST services.
   *
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<Outbox, never, ConversationApi | KefuConfig | Realtime | UploadApi | UserApi> =
    Layer.effect(
      Outbox,
      Effect.suspend(() => make)
    )

  /**
   * A partial implementation for tests; what is missing dies when it is used.
   *
   * @since 0.1.0
   */
  static readonly layerTest = (partial: Layer.PartialEffectful<Outbox["Service"]>): Layer.Layer<Outbox> =>
    Layer.mock(Outbox, partial)
}

interface Item {
  entry: OutboxEntry
  /** What goes out; undefined until the file is uploaded. */
  message: SendPayload | undefined
  /** When it gives up waiting for a connection. */
  deadline: number
  /** It was handed to a connection, and the outcome is not known. */
  attempt: Attempt | undefined
  /** Earlier attempts whose outcome stayed unknown, until the app asked for one more. */
  doubts: ReadonlyArray<Attempt>
  /** These have been looked for once more. */
  rechecked: boolean
  /** Why the backend seems to have refused it. */
  refusal: KefuErrorReason | undefined
  /** How often the upload or the reading of the history has failed. */
  failures: number
  /** The store has it. */
  stored: boolean
  done: Deferred.Deferred<SentEntry, KefuError>
  /** Opens as it settles. */
  over: Latch.Latch
}

/** The sends of one conversation, in their order. */
interface Lane {
  readonly items: Array<Item>
  running: boolean
}

const method = "Outbox.send"

/** How long after a reconnection the frames of the connection before may still be handled. */
const settling = Duration.seconds(1)

/** How long a send waits to learn what came before it. */
const orientation = Duration.seconds(2)

/** How long the layer waits for the store as it closes. */
const farewell = Duration.seconds(1)

/** How often a history that cannot be read is tried again. */
const rereads = 4

const isConnected = ConnectionState.$is("Connected")

const pause = (failures: number) => Duration.seconds(Math.min(30, 2 ** failures))

const isCancelled = ({ state }: OutboxEntry) => state._tag === "Failed" && state.reason._tag === "Cancelled"

const isListed = ({ entry }: Item) => entry.state._tag !== "Sent" && !isCancelled(entry)

const isWaiting = ({ entry: { state } }: Item) => state._tag === "Queued" || state._tag === "Uploading"

/** A text that no other session has. */
const unique = Effect.map(Effect.all([Random.nextInt, Random.nextInt]), (numbers) =>
  numbers.map((number) => Math.abs(number).toString(36)).join("")
)

const make = Effect.gen(function* () {
  const { baseUrl, outbox: options } = yield* KefuConfig
  const lifetime = Duration.toMillis(options.lifetime)
  const realtime = yield* Realtime
  const uploads = yield* UploadApi
  const history = outboxHistory.make(yield* ConversationApi, yield* UserApi)
  const store =
    options.storage === undefined
      ? undefined
      : outboxStore.make(
          Context.get(yield* Layer.build(options.storage), KeyValueStore.KeyValueStore),
          baseUrl,
          yield* unique
        )
  const scope = yield* Effect.scope
  const workers = yield* FiberSet.make<void>()
  const work = yield* FiberSet.runtime(workers)<never>()
  const ledger = new Ledger()
  const items = new Map<OutboxKey, Item>()
  const lanes = new Map<ConversationId | undefined, Lane>()
  const leftovers = yield* Leftovers
  leftovers("outbox entries", () => items.size)
  leftovers("outbox lanes", () => lanes.size)
  const listed = () =>
    Array.from(items.values())
      .filter(isListed)
      .map(({ entry }) => entry)
      .toSorted((left, right) => left.enqueuedAt - right.enqueuedAt)
  const feed = outboxFeed.make(listed)
  const lock = yield* Semaphore.make(1)
  let keys = 0
  let listening = false
  let closing = false
  let claimed = 0
  let refusals = 0
  let wanted = 0
  let written = 0
  let lastWrite: outboxStore.Written = "not claimed"

  // --- entries

  const unsettled = () => Array.from(items.values()).filter(({ entry }) => !isSettled(entry.state))

  const gauge = Effect.suspend(() => Metric.update(metrics.outboxDepth, unsettled().length))

  const show = (item: Item, state: OutboxState, changes?: Partial<OutboxEntry>) => {
    item.entry = { ...item.entry, ...changes, state }
    feed.push(item.entry)
  }

  /** Enters a state on the way, unless the send has settled. */
  const enter = (item: Item, state: OutboxState) => {
    if (!isSettled(item.entry.state)) show(item, state)
  }

  const laneOf = ({ entry }: Item): Lane => {
    const found = lanes.get(entry.draft.conversationId) ?? { items: [], running: false }
    lanes.set(entry.draft.conversationId, found)
    return found
  }

  const leave = (item: Item) => {
    const lane = laneOf(item)
    const index = lane.items.indexOf(item)
    if (index >= 0) lane.items.splice(index, 1)
    if (lane.items.length === 0 && !lane.running) lanes.delete(item.entry.draft.conversationId)
  }

  /** Forgets the oldest of those that have settled. */
  const evict = () => {
    const settled = Array.from(items.values()).filter(({ entry }) => isSettled(entry.state))
    for (const { entry } of settled.slice(0, Math.max(0, settled.length - options.capacity))) items.delete(entry.key)
  }

  const settle = (item: Item, state: OutboxState): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (isSettled(item.entry.state)) return Effect.void
      leave(item)
      const isUnknown = state._tag === "DeliveryUnknown"
      if (isUnknown && item.attempt !== undefined) item.attempt.unknown = true
      show(item, state)
      // Behind those that settled before.
      items.delete(item.entry.key)
      items.set(item.entry.key, item)
      evict()
      Deferred.doneUnsafe(item.done, outcome(item.entry))
      item.over.openUnsafe()
      return Effect.all([isUnknown ? Metric.update(metrics.outboxUnknowns, 1) : Effect.void, gauge, saveSoon], {
        discard: true
      })
    })

  const unknown = (item: Item, detail: string) => settle(item, OutboxState.DeliveryUnknown({ detail }))

  /** It was not sent, unless an earlier attempt was. */
  const fail = (item: Item, reason: KefuErrorReason) =>
    item.doubts.length === 0
      ? settle(item, OutboxState.Failed({ reason }))
      : unknown(item, `an earlier attempt may have arrived; this one: ${reason.message}`)

  const expired = (item: Item) => fail(item, new OutboxExpired({ afterMillis: lifetime }))

  const arrived = (item: Item, id: MessageId) => settle(item, OutboxState.Sent({ id }))

  // --- the store

  const save: Effect.Effect<outboxStore.Written> = Effect.suspend(() => {
    if (store === undefined || closing) return Effect.succeed("not claimed")
    const version = ++wanted
    return lock.withPermit(
      Effect.suspend(() => {
        if (written >= version) return Effect.succeed(lastWrite)
        written = wanted
        const kept = Array.from(items.values()).filter(isKept)
        return Effect.tap(store.write(kept.flatMap(toStored), ledger.ours), (result) => {
          lastWrite = result
          if (result === "written") for (const item of kept) item.stored = true
          return result === "claimed by another" ? disown : Effect.void
        })
      })
    )
  })

  const saveSoon = Effect.suspend(() =>
    store === undefined || closing ? Effect.void : Effect.forkIn(save, scope, { startImmediately: true })
  )

  /** Another session has taken what the store held. */
  const disown = Effect.suspend(() => {
    claimed = 0
    return Effect.forEach(
      unsettled().filter(({ stored }) => stored),
      (item) => unknown(item, "another session of this account has taken it over"),
      { discard: true }
    )
  })

  const adopt = Effect.fnUntraced(function* (stored: outboxStore.Stored) {
    if (items.has(stored.key)) return
    const { conversationId, deadline, enqueuedAt, key, message } = stored
    const { content, messageType, toId } = message
    const draft = { conversationId, toId, messageType, content } as OutboxDraft
    const item = newItem({ key, draft, enqueuedAt, state: OutboxState.Queued() }, message, deadline)
    item.stored = true
    items.set(key, item)
    if (stored.attempt !== undefined) {
      item.attempt = ledger.begin({
        target: { conversationId, toId },
        content: outboxMessage.ofSend(message),
        after: stored.attempt.after,
        session: 0,
        handedAt: yield* Clock.currentTimeMillis
      })
    }
    if (stored.unknown !== undefined) return yield* unknown(item, stored.unknown)
    enter(item, item.attempt === undefined ? OutboxState.Queued() : OutboxState.Sending())
    const lane = laneOf(item)
    lane.items.push(item)
    lane.items.sort((left, right) => left.entry.enqueuedAt - right.entry.enqueuedAt)
    watch(item)
  })

  /**
   * Takes over what other sessions of the account have left, once for each connection. False if that cannot be done yet:
   * what is in the store goes before what came later.
   */
  const claim = (session: number): Effect.Effect<boolean> =>
    store === undefined || claimed === session
      ? Effect.succeed(true)
      : Effect.matchEffect(history.me, {
          onFailure: (error) =>
            Effect.as(Effect.logWarning("The stored outbox cannot be looked for yet", error.message), false),
          onSuccess: ({ id }) => lock.withPermit(claimFor(store, id, session))
        })

  const claimFor = Effect.fnUntraced(function* (from: outboxStore.Store, account: UserId, session: number) {
    if (claimed === session) return true
    const { entries, isForeign, sent } = yield* from.claim(account)
    if (isForeign) {
      const present = new Set(entries.map(({ key }) => key))
      for (const item of unsettled()) {
        if (!item.stored || present.has(item.entry.key)) continue
        yield* unknown(item, "another session of this account has taken it over")
      }
      for (const id of sent) ledger.own(id)
      yield* Effect.forEach(entries, adopt, { discard: true })
      yield* gauge
    }
    claimed = session
    refusals = 0
    for (const conversationId of lanes.keys()) kick(conversationId)
    yield* saveSoon
    return true
  })

  // --- the connection

  const connection = (least: number): Effect.Effect<number> =>
    realtime.states.pipe(
      Stream.filter(isConnected),
      Stream.map(({ connection }) => connection),
      Stream.filter((session) => session >= least),
      Stream.runHead,
      Effect.flatMap(Option.match({ onNone: () => Effect.never, onSome: Effect.succeed }))
    )

  const lost = (session: number): Effect.Effect<undefined> =>
    realtime.states.pipe(
      Stream.filter((state) => !isConnected(state) || state.connection !== session),
      Stream.runHead,
      Effect.flatMap(Option.match({ onNone: () => Effect.never, onSome: () => Effect.undefined }))
    )

  const until = (time: number): Effect.Effect<undefined> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.as(Effect.sleep(Math.max(0, time - now)), undefined))

  const observe = (event: RealtimeEvent) =>
    Effect.sync(() => {
      if (event._tag === "MessageReceived") ledger.saw(event.message.id)
      if (event._tag === "Resynced") ledger.read(event.conversations)
    })

  /** Uses the connection, which opens it, and follows what comes in. */
  const listen = Effect.suspend(() => {
    if (listening) return Effect.void
    listening = true
    return realtime.subscribe({ overflow: "lagged" }).pipe(
      Effect.flatMap((events) => Effect.forkIn(Effect.ignore(Stream.runForEach(events, observe)), scope)),
      Scope.provide(scope)
    )
  })

  // --- one send

  const upload = Effect.fnUntraced(function* (item: Item, draft: OutboxDraft & FileDraft) {
    enter(item, OutboxState.Uploading({ loaded: 0, total: 0 }))
    const uploaded = yield* uploads.uploadWithProgress(draft.file).pipe(
      Stream.tap((event) =>
        Effect.sync(() => {
          if (event._tag === "Progress") enter(item, OutboxState.Uploading(event))
        })
      ),
      Stream.runLast,
      Effect.result
    )
    if (Result.isFailure(uploaded)) {
      const { reason } = uploaded.failure
      if (!reason.isRetryable) return yield* fail(item, reason)
      enter(item, OutboxState.Queued())
      return yield* Effect.sleep(pause(item.failures++))
    }
    const event = Option.getOrUndefined(uploaded.success)
    if (event?._tag !== "Uploaded") return yield* Effect.die("an upload ended without a result")
    const { byteSize, contentType, filename } = yield* Effect.orDie(uploadSource.read(draft.file))
    const { conversationId, messageType, toId } = draft
    const content = { ...draft.content, url: event.file.url, filename, contentType, byteSize, blobId: event.file.id }
    item.message = yield* Effect.orDie(outboxMessage.fixed(method, { messageType, content, toId }))
    item.deadline = (yield* Clock.currentTimeMillis) + lifetime
    item.failures = 0
    show(item, OutboxState.Queued(), { draft: { conversationId, toId, messageType, content } })
    watch(item)
    yield* saveSoon
  })

  /** What is in the conversation already, as far as that can be learned quickly. */
  const orient = (target: Target): Effect.Effect<number | undefined> =>
    Effect.suspend(() => {
      const bound = ledger.bound(target.conversationId)
      return bound === undefined
        ? history.newest(target).pipe(
            Effect.timeoutOrElse({ duration: orientation, orElse: () => Effect.undefined }),
            Effect.orElseSucceed(() => undefined)
          )
        : Effect.succeed(bound)
    })

  const handOver = Effect.fnUntraced(function* (item: Item, message: SendPayload, session: number) {
    const target = { conversationId: item.entry.draft.conversationId, toId: message.toId }
    const after = yield* Effect.raceFirst(orient(target), Effect.as(item.over.await, undefined))
    if (isSettled(item.entry.state) || laneOf(item).items[0] !== item) return
    const handedAt = yield* Clock.currentTimeMillis
    const attempt = ledger.begin({ target, content: outboxMessage.ofSend(message), after, session, handedAt })
    item.attempt = attempt
    item.refusal = undefined
    enter(item, OutboxState.Sending())
    // The store learns of it first, so that no restart takes it for one that waits.
    const saved = yield* save
    if (isSettled(item.entry.state)) return
    if (saved === "failed" && item.stored) {
      backToQueue(item, attempt)
      return yield* Effect.raceFirst(Effect.sleep(pause(0)), item.over.await)
    }
    const sent = yield* Effect.result(realtime.send(message, { connection: session }))
    if (Result.isSuccess(sent)) {
      ledger.acknowledged(attempt, sent.success.messageId)
      return yield* arrived(item, sent.success.messageId)
    }
    const { reason } = sent.failure
    switch (reason._tag) {
      case "DeliveryUnknown":
        attempt.ended = true
        return
      case "AckTimeout":
        item.refusal = reason
        return
      case "RequestTooLarge":
        attempt.ended = true
        item.refusal = reason
        return
      case "UnexpectedResponse":
        attempt.acknowledged = true
        return
      case "InvalidRequest":
        backToQueue(item, attempt)
        return yield* fail(item, reason)
      default:
        backToQueue(item, attempt)
        yield* Effect.yieldNow
    }
  })

  /** It did not go out, or got lost. */
  const backToQueue = (item: Item, attempt: Attempt) => {
    ledger.end(attempt)
    item.attempt = undefined
    enter(item, OutboxState.Queued())
  }

  /** What the history says of a send. */
  const look = (attempt: Attempt): Effect.Effect<Result.Result<Outcome, KefuError>> => {
    const { after, content, target } = attempt
    if (after === undefined) {
      return Effect.succeed(
        Result.succeed({ _tag: "Unclear", detail: "it was not known what the conversation held before" })
      )
    }
    return history.read(target, after).pipe(
      Effect.map(({ complete, own }): Outcome => {
        const [outcome] = outcomes(
          {
            open: [content],
            strays: ledger.strays(attempt),
            own: own.filter(({ id }) => !ledger.isOurs(id)),
            complete
          },
          outboxMessage.holds
        )
        return outcome ?? { _tag: "Missing" }
      }),
      Effect.result
    )
  }

  /** Finds out what has become of a send without an acknowledgement. */
  const reconcile = Effect.fn("Outbox.reconcile")(function* (item: Item, attempt: Attempt) {
    const session = yield* Effect.raceFirst(
      connection(attempt.ended ? attempt.session + 1 : 0),
      until(Math.max(item.deadline, attempt.handedAt + lifetime))
    )
    if (session === undefined) return yield* unknown(item, "no connection came back in time to look for it")
    yield* claim(session)
    const isSame = session === attempt.session
    if (isSame) {
      const ping = yield* Effect.result(realtime.ping({ connection: session }))
      if (Result.isFailure(ping)) {
        if (ping.failure.reason._tag !== "AckTimeout") attempt.ended = true
        else yield* unknown(item, "neither it nor a later frame was acknowledged")
        return
      }
    } else {
      yield* Effect.raceFirst(Effect.sleep(settling), lost(session))
    }
    const found = yield* Effect.raceFirst(look(attempt), lost(session))
    if (found === undefined || isSettled(item.entry.state)) return
    if (Result.isFailure(found)) {
      const { reason } = found.failure
      if (reason.isRetryable && item.failures++ < rereads) return yield* Effect.sleep(pause(item.failures))
      return yield* unknown(item, `the history could not be read: ${reason.message}`)
    }
    item.failures = 0
    const outcome = found.success
    if (outcome._tag === "Unclear") return yield* unknown(item, outcome.detail)
    if (outcome._tag === "Arrived") {
      ledger.sent(attempt, outcome.id)
      return yield* arrived(item, outcome.id)
    }
    if (attempt.acknowledged) return yield* unknown(item, "it was acknowledged, but the history does not show it")
    backToQueue(item, attempt)
    const { refusal } = item
    if (refusal !== undefined && (isSame || refusal._tag === "RequestTooLarge")) return yield* fail(item, refusal)
    yield* Metric.update(metrics.outboxResends, 1)
  })

  /** Looks once more for what the app wants to have sent again. */
  const recheck = Effect.fnUntraced(function* (item: Item) {
    for (const attempt of item.doubts) {
      const found = yield* look(attempt)
      if (Result.isFailure(found) || found.success._tag === "Unclear") continue
      ledger.end(attempt)
      item.doubts = item.doubts.filter((doubt) => doubt !== attempt)
      if (found.success._tag === "Missing") continue
      ledger.sent(attempt, found.success.id)
      return yield* arrived(item, found.success.id)
    }
  })

  const step = Effect.fnUntraced(function* (item: Item) {
    if (item.attempt !== undefined) return yield* reconcile(item, item.attempt)
    if ((yield* Clock.currentTimeMillis) >= item.deadline) return yield* expired(item)
    const session = yield* Effect.raceFirst(connection(0), Effect.as(item.over.await, undefined))
    if (session === undefined) return
    if (!(yield* claim(session))) {
      return yield* Effect.raceFirst(Effect.sleep(pause(refusals++)), item.over.await)
    }
    const { draft } = item.entry
    if (draft.file !== undefined) return yield* Effect.raceFirst(upload(item, draft), item.over.await)
    if (!item.rechecked) {
      item.rechecked = true
      yield* Effect.raceFirst(recheck(item), item.over.await)
    }
    if (isSettled(item.entry.state) || item.message === undefined) return
    yield* handOver(item, item.message, session)
  })

  const serve = (conversationId: ConversationId | undefined, lane: Lane) =>
    Effect.gen(function* () {
      for (let item = lane.items[0]; item !== undefined; item = lane.items[0]) {
        const current = item
        yield* Effect.catchDefect(step(item), (defect) =>
          Effect.andThen(
            Effect.logError("A send ended because of a defect", defect),
            unknown(current, "a defect ended it")
          )
        )
      }
    }).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          lane.running = false
          if (lane.items.length === 0) lanes.delete(conversationId)
          else if (Exit.isSuccess(exit)) kick(conversationId)
        })
      )
    )

  const kick = (conversationId: ConversationId | undefined) => {
    const lane = lanes.get(conversationId)
    if (lane === undefined || lane.running || closing) return
    lane.running = true
    work(serve(conversationId, lane))
  }

  /** Gives up on it in time if it still waits by then. */
  const watch = (item: Item) => {
    const { deadline } = item
    work(
      Effect.raceFirst(
        Effect.andThen(
          until(deadline),
          Effect.suspend(() =>
            item.deadline === deadline && item.entry.state._tag === "Queued" ? expired(item) : Effect.void
          )
        ),
        item.over.await
      )
    )
  }

  // --- what the app asks for

  const open = Effect.fnUntraced(function* (called: string) {
    const state = yield* realtime.state
    if (state._tag === "Closed") {
      return yield* new KefuError({ method: called, reason: state.reason?.reason ?? closedByApp })
    }
    if (closing) return yield* new KefuError({ method: called, reason: new Closed({ detail: "the layer was closed" }) })
    if (unsettled().length >= options.capacity) {
      return yield* new KefuError({ method: called, reason: new OutboxFull({ capacity: options.capacity }) })
    }
  })

  const begin = Effect.fnUntraced(function* (item: Item) {
    items.set(item.entry.key, item)
    laneOf(item).items.push(item)
    feed.push(item.entry)
    watch(item)
    kick(item.entry.draft.conversationId)
    yield* gauge
    yield* saveSoon
    yield* listen
  })

  const add = Effect.fnUntraced(function* (called: string, draft: OutboxDraft) {
    const { messageType, toId } = draft
    const conversationId = draft.conversationId ?? undefined
    if (conversationId !== undefined && !Number.isSafeInteger(conversationId)) {
      const reason = new InvalidRequest({ field: "conversationId", detail: "expected a whole number" })
      return yield* new KefuError({ method: called, reason })
    }
    if (draft.file !== undefined) yield* Effect.mapError(uploadSource.read(draft.file), (error) => error.at(called))
    const content = draft.file === undefined ? draft.content : { ...draft.content, url: "" }
    const message = yield* outboxMessage.fixed(called, { messageType, content, toId })
    const now = yield* Clock.currentTimeMillis
    const key = OutboxKey.make(`${now.toString(36)}-${++keys}-${yield* unique}`)
    const kept = draft.file === undefined ? ({ ...draft, content: message.content } as OutboxDraft) : draft
    yield* open(called)
    const item = newItem(
      { key, draft: { ...kept, conversationId, toId }, enqueuedAt: now, state: OutboxState.Queued() },
      draft.file === undefined ? message : undefined,
      now + lifetime
    )
    yield* begin(item)
    return item
  })

  const known = (called: string, key: OutboxKey): Effect.Effect<Item, KefuError> => {
    const item = items.get(key)
    if (item !== undefined) return Effect.succeed(item)
    const reason = new NotFound({ detail: "the outbox holds no such send" })
    return Effect.fail(new KefuError({ method: called, reason }))
  }

  const cancel = (item: Item | undefined): Effect.Effect<boolean> =>
    item !== undefined && isWaiting(item) ? Effect.as(fail(item, new Cancelled({})), true) : Effect.succeed(false)

  /** Settles all that is on its way, since there is no way any more. */
  const abandon = Effect.fnUntraced(function* (reason: KefuErrorReason) {
    yield* FiberSet.clear(workers)
    for (const item of unsettled()) {
      yield* item.attempt === undefined ? fail(item, reason) : unknown(item, reason.message)
    }
  })

  const follow = (state: ConnectionState): Effect.Effect<unknown> => {
    if (state._tag === "Connected") return Effect.forkIn(claim(state.connection), scope)
    return state._tag === "Closed" ? abandon(state.reason?.reason ?? closedByApp) : Effect.void
  }

  yield* Effect.forkScoped(Stream.runForEach(realtime.states, follow))
  if (store !== undefined) {
    yield* history.me.pipe(
      Effect.flatMap(({ id }) => store.isEmpty(id)),
      Effect.flatMap((isEmpty) => (isEmpty ? Effect.void : listen)),
      Effect.ignore,
      Effect.forkScoped
    )
  }
  yield* Effect.addFinalizer(() =>
    Effect.gen(function* () {
      yield* Effect.timeoutOption(Effect.interruptible(save), farewell)
      closing = true
      yield* abandon(new Closed({ detail: "the layer was closed" }))
      yield* feed.end
      items.clear()
    })
  )

  return Outbox.of({
    send: Effect.fn("Outbox.send")((draft) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(add("Outbox.send", draft), (item) =>
          Effect.onInterrupt(restore(Deferred.await(item.done)), () => cancel(item))
        )
      )
    ),
    enqueue: Effect.fn("Outbox.enqueue")((draft) => Effect.map(add("Outbox.enqueue", draft), ({ entry }) => entry)),
    result: Effect.fn("Outbox.result")((key) =>
      Effect.flatMap(known("Outbox.result", key), ({ done }) => Deferred.await(done))
    ),
    cancel: Effect.fn("Outbox.cancel")((key) => Effect.suspend(() => cancel(items.get(key)))),
    retry: Effect.fn("Outbox.retry")(function* (key) {
      const item = yield* known("Outbox.retry", key)
      const { state } = item.entry
      if (state._tag !== "Failed" && state._tag !== "DeliveryUnknown") return item.entry
      yield* open("Outbox.retry")
      const enqueuedAt = yield* Clock.currentTimeMillis
      if (item.attempt !== undefined) item.doubts = [...item.doubts, item.attempt]
      item.attempt = undefined
      item.rechecked = false
      item.refusal = undefined
      item.failures = 0
      item.deadline = enqueuedAt + lifetime
      item.done = Deferred.makeUnsafe()
      item.over = Latch.makeUnsafe()
      item.entry = { ...item.entry, enqueuedAt, state: OutboxState.Queued() }
      items.delete(key)
      yield* begin(item)
      return item.entry
    }),
    discard: Effect.fn("Outbox.discard")(function* (key) {
      const item = items.get(key)
      if (item === undefined || !isListed(item) || item.entry.state._tag === "Sending") return false
      yield* cancel(item)
      items.delete(key)
      feed.push({ ...item.entry, state: OutboxState.Discarded() })
      yield* saveSoon
      return true
    }),
    entries: Effect.sync(listed),
    changes: feed.changes
  })
})

const closedByApp = new Closed({ detail: "closed by the app" })

const newItem = (entry: OutboxEntry, message: SendPayload | undefined, deadline: number): Item => ({
  entry,
  message,
  deadline,
  attempt: undefined,
  doubts: [],
  rechecked: true,
  refusal: undefined,
  failures: 0,
  stored: false,
  done: Deferred.makeUnsafe(),
  over: Latch.makeUnsafe()
})

/** What waiting for a settled send gives. */
const outcome = (entry: OutboxEntry): Exit.Exit<SentEntry, KefuError> => {
  switch (entry.state._tag) {
    case "Sent":
      return Exit.succeed({ ...entry, id: entry.state.id })
    case "Failed":
      return Exit.fail(new KefuError({ method, reason: entry.state.reason }))
    case "DeliveryUnknown":
      return Exit.fail(new KefuError({ method, reason: new DeliveryUnknown({ detail: entry.state.detail }) }))
    default:
      return Exit.die(`a send settled as ${entry.state._tag}`)
  }
}

/** Whether it is kept in the store: what waits and what is under way, and what the app has to decide on. */
const isKept = ({ entry: { state }, message }: Item): boolean =>
  message !== undefined && (!isSettled(state) || state._tag === "DeliveryUnknown")

const toStored = ({ attempt, deadline, entry, message }: Item): ReadonlyArray<outboxStore.Stored> => {
  const { draft, enqueuedAt, key, state } = entry
  if (message === undefined) return []
  return [
    {
      key,
      message,
      enqueuedAt,
      deadline,
      ...(draft.conversationId === undefined ? {} : { conversationId: draft.conversationId }),
      ...(attempt === undefined ? {} : { attempt: attempt.after === undefined ? {} : { after: attempt.after } }),
      ...(state._tag === "DeliveryUnknown" ? { unknown: state.detail } : {})
    }
  ]
}

/**
 * Sends that survive lost connections and restarts, in order, each at most once.
 *
 * `Outbox` takes what the app asks for; `internal/lane` is the way of one send; `internal/reconcile` decides what happens
 * to a send whose connection breaks before the acknowledgement; `internal/persistence` keeps sends over a restart.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import type { User } from "../domain/User.ts"
import { Transport } from "../http/Transport.ts"
import { KefuConfig } from "../KefuConfig.ts"
import {
  Cancelled,
  Closed,
  InvalidRequest,
  KefuError,
  type KefuErrorReason,
  NotFound,
  OutboxFull,
  Superseded
} from "../KefuError.ts"
import * as elapsed from "../platform/elapsed.ts"
import { Leftovers } from "../platform/leftovers.ts"
import type { ConnectionState } from "../realtime/ConnectionState.ts"
import { Realtime } from "../realtime/Realtime.ts"
import { ConversationApi } from "../rest/ConversationApi.ts"
import { CurrentUser } from "../rest/CurrentUser.ts"
import * as source from "../rest/source.ts"
import { UploadApi } from "../rest/UploadApi.ts"
import * as calms from "./internal/calm.ts"
import * as conversationHistory from "./internal/history.ts"
import * as identities from "./internal/identity.ts"
import * as lane from "./internal/lane.ts"
import { Ledger } from "./internal/ledger.ts"
import * as persistence from "./internal/persistence.ts"
import type { Needs } from "./internal/reconcile.ts"
import { isListed, isWaiting, makeSend, Registry, type Send, writesToVisitors } from "./internal/registry.ts"
import * as sightings from "./internal/sightings.ts"
import * as outboxStore from "./internal/store.ts"
import { type OutboxDraft, type OutboxEntry, OutboxKey, type SentEntry } from "./OutboxEntry.ts"
import { OutboxState } from "./OutboxState.ts"
import * as payload from "./payload.ts"

/**
 * Sends messages in the order of each conversation, over lost connections and restarts.
 *
 * **Details**
 *
 * - Conversations are independent: a send that waits in one delays none in another. Sends without a `conversationId` have
 *   an order of their own.
 * - At most `outbox.capacity` sends may be unsettled (256); more fail with `OutboxFull`.
 * - Each send waits `outbox.lifetime` (5 minutes) for a connection, counted from the call or from the end of its upload;
 *   then it fails with `OutboxExpired`. Once handed to a connection it no longer expires. If the connection then breaks
 *   and none comes back within the same time, the outcome is `DeliveryUnknown`.
 * - When the connection breaks before the acknowledgement, the history decides after the reconnection: a send that arrived
 *   is `Sent`, a lost one goes out again. Where the history is ambiguous, the outcome is `DeliveryUnknown`, and the message
 *   is not sent again unasked.
 * - With `outbox.storage` the sends are also stored, for this account and backend, from the first connection on. After a
 *   restart, waiting sends go out; sends that were handed over are looked up in the history first. Files that are not
 *   uploaded yet are not stored. A store that fails or holds invalid data is logged; the outbox continues without
 *   persistence.
 * - When the connection is closed, by the app or for good, waiting sends fail with that reason, and sends that were
 *   handed over are `DeliveryUnknown`. Closing the layer does the same here, but not in the store.
 * - The last 256 settled sends are remembered for `result` and `retry`.
 *
 * **Gotchas**
 *
 * - In the history, messages sent past the outbox (`Realtime.send`) look like those of the outbox. Use one of the two for
 *   a conversation.
 * - The store holds messages in plain text.
 *
 * **Example** (Sending once there is a connection)
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
     * `DeliveryUnknown`, `AckTimeout` (refused), `RequestTooLarge`, `InvalidRequest`, `Closed` and the reasons of an
     * upload.
     *
     * Interruption cancels a send that waits or uploads; a send that was handed over continues in the background.
     */
    send(draft: OutboxDraft): Effect.Effect<SentEntry, KefuError>
    /** Accepts a message and returns at once. Fails with `OutboxFull`, `InvalidRequest` and `Closed`. */
    enqueue(draft: OutboxDraft): Effect.Effect<OutboxEntry, KefuError>
    /** Waits until a send has settled. Fails with `NotFound` if the outbox does not remember it. */
    result(key: OutboxKey): Effect.Effect<SentEntry, KefuError>
    /** Cancels a send that waits or uploads; false if it is too late. */
    cancel(key: OutboxKey): Effect.Effect<boolean>
    /**
     * Sends a `Failed` or `DeliveryUnknown` message again, as the last of its conversation. After `DeliveryUnknown` the
     * history is read once more, and a message that has arrived is not sent again; where the history still does not
     * decide, the message is sent and may arrive twice. Does nothing in other states. Fails with `NotFound`,
     * `OutboxFull` and `Closed`.
     */
    retry(key: OutboxKey): Effect.Effect<OutboxEntry, KefuError>
    /** Removes an entry and cancels a send that waits or uploads; false if it is `Sending`, sent or not found. */
    discard(key: OutboxKey): Effect.Effect<boolean>
    /** The unsettled sends, and the `Failed` and `DeliveryUnknown` ones that were not discarded, in their order. */
    readonly entries: Effect.Effect<ReadonlyArray<OutboxEntry>>
    /**
     * The `entries`, then each entry that changes, also when it is `Sent`, cancelled or `Discarded`. A slow consumer gets
     * the latest state of each.
     */
    readonly changes: Stream.Stream<OutboxEntry>
  }
>()("effect-kefu/outbox/Outbox") {
  /**
   * Over the session's connection and REST services.
   *
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<
    Outbox,
    never,
    ConversationApi | CurrentUser | KefuConfig | Realtime | Transport | UploadApi
  > = Layer.effect(
    Outbox,
    Effect.suspend(() => make)
  )

  /**
   * A partial implementation for tests; missing members die when used.
   *
   * @since 0.1.0
   */
  static readonly layerTest = (partial: Layer.PartialEffectful<Outbox["Service"]>): Layer.Layer<Outbox> =>
    Layer.mock(Outbox, partial)
}

/** A text that no other session has. */
const unique = Effect.map(Effect.all([Random.nextInt, Random.nextInt]), (numbers) =>
  numbers.map((number) => Math.abs(number).toString(36)).join("")
)

const closedByApp = new Closed({ detail: "closed by the app" })
const layerClosed = new Closed({ detail: "the layer was closed" })

/** Why no send can be accepted in this state of the connection. */
const refusal = (state: ConnectionState): KefuErrorReason | undefined =>
  state._tag === "Superseded"
    ? new Superseded({})
    : state._tag === "Closed"
      ? (state.reason?.reason ?? closedByApp)
      : undefined

/** The mechanisms of the outbox, composed. */
const assemble = Effect.gen(function* () {
  const { baseUrl, outbox: options } = yield* KefuConfig
  const lifetime = Duration.toMillis(options.lifetime)
  const realtime = yield* Realtime
  const currentUser = yield* CurrentUser
  const { fingerprint, tokenGeneration } = yield* Transport
  const uploads = yield* UploadApi
  const history = conversationHistory.make(yield* ConversationApi, currentUser)
  const scope = yield* Effect.scope
  const lanes = yield* FiberSet.make<void>()
  const run = yield* FiberSet.runtime(lanes)<never>()
  const ledger = new Ledger()
  const identity = identities.make(currentUser)
  const calm = calms.make(realtime)
  const sends: Registry = new Registry({
    capacity: options.capacity,
    lifetime,
    ledger,
    user: identity.user,
    serve: (added) => void run(lane.serve(needs, added)),
    // Not in the layer's scope, whose end would interrupt it: the last step of `persistence` waits for it.
    onSettled: (send) =>
      Effect.suspend(() => Effect.forkDetach(needs.persistence.settled(send), { startImmediately: true }))
  })
  const session = options.storage === undefined ? "" : yield* unique
  const store =
    options.storage &&
    outboxStore.make(Context.get(yield* Layer.build(options.storage), KeyValueStore.KeyValueStore), baseUrl, session)
  const kept = persistence.make({ store, session, login: fingerprint, currentUser, ledger, sends, calm: calm.await })
  const needs: Needs = {
    calm: calm.await,
    generation: tokenGeneration,
    history,
    identified: identity.identified,
    ledger,
    lifetime,
    persistence: kept,
    realtime,
    sends,
    uploads,
    user: identity.user
  }
  return { ...needs, capacity: options.capacity, calm, currentUser, identity, lanes, scope }
})

const make = Effect.gen(function* () {
  const parts = yield* assemble
  const { calm, capacity, currentUser, identity, lanes, ledger, lifetime, realtime, scope, sends } = parts
  const kept = parts.persistence
  const leftovers = yield* Leftovers
  leftovers("outbox entries", () => sends.all.length)
  leftovers("outbox lanes", () => sends.laneCount)
  let keys = 0
  let listening = false
  let closed = false
  const observe = sightings.make(parts)

  /** Uses the connection, which opens it, and notes the messages that come in. */
  const listen = Effect.suspend(() => {
    if (listening) return Effect.void
    listening = true
    return realtime.subscribe({ overflow: "lagged", lasting: true }).pipe(
      Effect.flatMap((events) =>
        Effect.forkIn(Effect.ignore(Stream.runForEach(events, (event) => unharmed("an event", observe(event)))), scope)
      ),
      Effect.andThen(Effect.forkIn(identity.fetch, scope)),
      Scope.provide(scope)
    )
  })

  /** Settles all open sends, since no connection will come. */
  const abandon = Effect.fnUntraced(function* (reason: KefuErrorReason) {
    yield* FiberSet.clear(lanes)
    for (const send of sends.open) {
      yield* send.attempt === undefined ? sends.fail(send, reason) : sends.unknown(send, reason.message)
    }
  })

  const follow = Effect.fnUntraced(function* (state: ConnectionState) {
    if (state._tag === "Connected") {
      yield* calm.opened(state.connection)
      yield* Effect.forkIn(unharmed("a claim of the store", kept.claim(state.connection)), scope)
    }
    if (state._tag === "Superseded") ledger.supersede(true)
    if (state._tag === "Closed") yield* abandon(state.reason?.reason ?? closedByApp)
  })

  /** The history of another account tells nothing of what was under way. */
  const change = Effect.fnUntraced(function* (user: User) {
    identity.changed(user)
    for (const send of sends.open) {
      if (send.attempt !== undefined) yield* sends.unknown(send, "the session has another account since")
    }
    ledger.forgetAccount()
    yield* kept.moved
    yield* follow(yield* realtime.state)
  })

  /** Fails where no send can be accepted. */
  const accepts = Effect.fnUntraced(function* (method: string) {
    const reason = refusal(yield* realtime.state) ?? (closed ? layerClosed : undefined)
    if (reason !== undefined) return yield* new KefuError({ method, reason })
    if (sends.open.length >= capacity) return yield* new KefuError({ method, reason: new OutboxFull({ capacity }) })
  })

  /** Names the recipient of a message of the staff, as far as that needs no request. */
  const addressed = (method: string, { conversationId, toId }: Pick<OutboxDraft, "conversationId" | "toId">) => {
    const user = identity.user()
    if (toId !== undefined || user === undefined || !writesToVisitors(user)) return Effect.succeed(toId)
    if (conversationId !== undefined) return Effect.succeed(ledger.visitorOf(conversationId))
    return Effect.fail(new KefuError({ method, reason: lane.unaddressed }))
  }

  const add = Effect.fnUntraced(function* (method: string, draft: OutboxDraft) {
    const { messageType } = draft
    const conversationId = draft.conversationId ?? undefined
    if (conversationId !== undefined && !Number.isSafeInteger(conversationId)) {
      const reason = new InvalidRequest({ field: "conversationId", detail: "expected a whole number" })
      return yield* new KefuError({ method, reason })
    }
    const toId = yield* addressed(method, { conversationId, toId: draft.toId ?? undefined })
    if (draft.file !== undefined) yield* Effect.mapError(source.read(draft.file), (error) => error.at(method))
    const content = draft.file === undefined ? draft.content : { ...draft.content, url: "" }
    const message = yield* payload.fixed(method, { messageType, content, toId })
    const enqueuedAt = yield* Clock.currentTimeMillis
    const key = OutboxKey.make(`${enqueuedAt.toString(36)}-${++keys}-${yield* unique}`)
    const fixed = draft.file === undefined ? ({ ...draft, content: message.content } as OutboxDraft) : draft
    yield* accepts(method)
    const send = makeSend(
      { key, draft: { ...fixed, conversationId, toId }, enqueuedAt, state: OutboxState.Queued() },
      draft.file === undefined ? message : undefined,
      (yield* elapsed.now) + lifetime,
      sends.nextOrder()
    )
    return yield* begin(send)
  })

  /** Gives a send to its lane, and stores it. */
  const begin = Effect.fnUntraced(function* (send: Send) {
    yield* sends.add(send)
    yield* listen
    yield* kept.save(send)
    return send
  })

  const known = (method: string, key: OutboxKey): Effect.Effect<Send, KefuError> => {
    const send = sends.get(key)
    if (send !== undefined) return Effect.succeed(send)
    return Effect.fail(new KefuError({ method, reason: new NotFound({ detail: "the outbox holds no such send" }) }))
  }

  const cancel = (send: Send | undefined): Effect.Effect<boolean> =>
    send !== undefined && isWaiting(send) ? Effect.as(sends.fail(send, new Cancelled({})), true) : Effect.succeed(false)

  yield* Effect.forkScoped(Stream.runForEach(realtime.states, (state) => unharmed("a state", follow(state))))
  yield* Effect.forkScoped(
    Stream.runForEach(currentUser.changes, (user) => unharmed("an account", change(user))),
    {
      startImmediately: true
    }
  )
  yield* Effect.forkScoped(
    unharmed(
      "the store",
      Effect.flatMap(kept.hasSends, (hasSends) => (hasSends ? listen : Effect.void))
    ),
    { startImmediately: true }
  )
  yield* Effect.addFinalizer(() =>
    Effect.gen(function* () {
      yield* kept.close
      closed = true
      yield* abandon(layerClosed)
      sends.end()
    })
  )

  return Outbox.of({
    send: Effect.fn("Outbox.send")((draft) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(add("Outbox.send", draft), (send) =>
          Effect.onInterrupt(restore(Deferred.await(send.done)), () => cancel(send))
        )
      )
    ),
    enqueue: Effect.fn("Outbox.enqueue")((draft) => Effect.map(add("Outbox.enqueue", draft), ({ entry }) => entry)),
    result: Effect.fn("Outbox.result")((key) =>
      Effect.flatMap(known("Outbox.result", key), ({ done }) => Deferred.await(done))
    ),
    cancel: Effect.fn("Outbox.cancel")((key) => Effect.suspend(() => cancel(sends.get(key)))),
    retry: Effect.fn("Outbox.retry")(function* (key) {
      const { attempt, doubts, entry, message } = yield* known("Outbox.retry", key)
      if (entry.state._tag !== "Failed" && entry.state._tag !== "DeliveryUnknown") return entry
      yield* accepts("Outbox.retry")
      const send = makeSend(
        { ...entry, enqueuedAt: yield* Clock.currentTimeMillis, state: OutboxState.Queued() },
        message,
        (yield* elapsed.now) + lifetime,
        sends.nextOrder(),
        attempt === undefined ? doubts : [...doubts, attempt]
      )
      return (yield* begin(send)).entry
    }),
    discard: Effect.fn("Outbox.discard")(function* (key) {
      const send = sends.get(key)
      if (send === undefined || !isListed(send) || send.entry.state._tag === "Sending") return false
      yield* cancel(send)
      sends.discard(send)
      yield* kept.discard(send)
      return true
    }),
    entries: Effect.sync(() => sends.entries),
    changes: sends.changes
  })
})

/** Logs a defect, which ends nothing else. */
const unharmed = <A, E, R>(name: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A | void, E, R> =>
  Effect.catchDefect(effect, (defect) => Effect.logError(`The outbox could not handle ${name}`, defect))

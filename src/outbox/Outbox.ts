/**
 * Sends that survive lost connections and restarts, in order, each at most once.
 *
 * `Outbox` is the API; `internal/intake` accepts sends; `internal/registry` holds them; `internal/lane` is the way of one
 * send; `internal/reconcile` decides what happens to a send whose connection breaks before the acknowledgement;
 * `internal/persistence` keeps sends over a restart; `internal/follow` follows the connection and the account.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Transport } from "../http/Transport.ts"
import { KefuConfig } from "../KefuConfig.ts"
import {
  Cancelled,
  type ConnectionReason,
  KefuError,
  NotFound,
  type OutboxFull,
  type SendReason
} from "../KefuError.ts"
import { lazily } from "../platform/lazily.ts"
import { Leftovers } from "../platform/leftovers.ts"
import { ids, messaging, withSpan } from "../platform/span.ts"
import type { Realtime } from "../realtime/Realtime.ts"
import type { ConversationApi } from "../rest/ConversationApi.ts"
import type { CurrentUser } from "../rest/CurrentUser.ts"
import type { UploadApi } from "../rest/UploadApi.ts"
import * as following from "./internal/follow.ts"
import * as intake from "./internal/intake.ts"
import * as assembly from "./internal/parts.ts"
import { isListed, isWaiting, type Send } from "./internal/registry.ts"
import type { OutboxDraft, OutboxEntry, OutboxKey, SendOptions, SentEntry } from "./OutboxEntry.ts"

/**
 * Sends messages in the order of each conversation, over lost connections and restarts.
 *
 * **Details**
 *
 * - All that a visitor says is one order, whether a send names a conversation or not. The staff's sends have an order for
 *   each visitor: one that waits delays none to another visitor. A send of the staff without `toId` goes to the visitor of
 *   its conversation; without both it fails with `InvalidRequest`.
 * - At most `outbox.capacity` sends may be unsettled (256); more fail with `OutboxFull`.
 * - Each send waits `outbox.lifetime` (5 minutes) for a connection, counted from the call or from the end of its upload;
 *   then it fails with `OutboxExpired`. Once handed to a connection it no longer expires. If the connection then breaks
 *   and none comes back within the same time, the outcome is `DeliveryUnknown`.
 * - When the connection breaks before the acknowledgement, the history decides after the reconnection: a send that arrived
 *   is `Sent`, a lost one goes out again. Where the history is ambiguous, the outcome is `DeliveryUnknown`, and the message
 *   is not sent again unasked. It becomes `Sent` if the message comes in later.
 * - If another session of the account has connected meanwhile, an equal message may be that session's: `DeliveryUnknown`,
 *   unless both share a store. A dial of this session that was given up and arrives late looks like another session. What
 *   was handed over with another account (an anonymous token was replaced) is `DeliveryUnknown`; what waits goes out with
 *   the new account, unless another session has taken it over.
 * - With `outbox.storage` the sends are also stored, for this account and backend, before `enqueue` returns; before the
 *   first connection, for this token. After a restart, waiting sends go out; sends that were handed over are looked up in
 *   the history first. What another session or an earlier run has stored expires by the wall clock. Expired sends and
 *   those of unknown outcome stay until they are retried or discarded. A process that is killed in the middle of a write
 *   loses no stored send. Files that are not uploaded yet are not stored. A value that cannot be read is logged and left as
 *   it is. A store that fails, does not keep what is written, or takes longer than 2 seconds, is logged once; the outbox
 *   continues without persistence. A store that responds after all is used again, and what it has missed is stored. Where
 *   another session may have taken over what waits in a store that tells nothing, it is `DeliveryUnknown`.
 * - When the connection is closed, by the app or for good, waiting sends fail with that reason, and sends that were
 *   handed over are `DeliveryUnknown`. Closing the layer does the same here, but not in the store, from which another
 *   session of the account may send them. While superseded, new sends fail with `Superseded`; waiting ones wait for
 *   `Realtime.takeOver`.
 * - `Failed` and `DeliveryUnknown` sends are kept until they are discarded, and the last 256 sent ones for `result`.
 *
 * **Gotchas**
 *
 * - In the history, messages sent past the outbox (`Realtime.send`) look like those of the outbox. Use one of the two for
 *   a conversation. So do equal messages that another device sent while this session had no connection.
 * - A store that refuses or loses what is written tells nothing of it after the process was killed. If it began to refuse
 *   while a send waited, it still holds that send as waiting: whoever uses the store later, after a kill or as another
 *   session, sends the message once more.
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
     * `DeliveryUnknown`, `AckTimeout` (refused), `RequestTooLarge`, `InvalidRequest`, `Superseded`, `Closed` and the
     * reasons of an upload.
     *
     * Interruption cancels a send that waits or uploads; a send that was handed over continues in the background.
     */
    send(draft: OutboxDraft, options?: SendOptions): Effect.Effect<SentEntry, KefuError<SendReason | OutboxFull>>
    /** Accepts a message and returns at once. Fails with `OutboxFull`, `InvalidRequest`, `Superseded` and `Closed`. */
    enqueue(
      draft: OutboxDraft,
      options?: SendOptions
    ): Effect.Effect<OutboxEntry, KefuError<ConnectionReason | OutboxFull>>
    /**
     * Waits until a send has settled. Fails with `NotFound` if the outbox does not remember it; with a store only after
     * the first connection, over which it takes over what the store holds.
     */
    result(key: OutboxKey): Effect.Effect<SentEntry, KefuError<SendReason>>
    /** Cancels a send that waits or uploads; false if it is too late. */
    cancel(key: OutboxKey): Effect.Effect<boolean>
    /**
     * Sends a `Failed` or `DeliveryUnknown` message again, after all earlier ones. After `DeliveryUnknown` the
     * history is read once more, and a message that has arrived is not sent again; where the history still does not
     * decide, the message is sent and may arrive twice. Does nothing in other states. Fails with `NotFound`,
     * `OutboxFull`, `Superseded` and `Closed`.
     */
    retry(key: OutboxKey): Effect.Effect<OutboxEntry, KefuError<ConnectionReason | OutboxFull>>
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
   * Makes the service of {@link Outbox.layer}.
   *
   * @since 0.1.0
   */
  static readonly make: Effect.Effect<
    Outbox["Service"],
    never,
    ConversationApi | CurrentUser | KefuConfig | Realtime | Transport | UploadApi | Scope.Scope
  > = // What a store has kept goes out unasked.
    KefuConfig.use(({ outbox }) => (outbox.storage === undefined ? lazily(make) : make))

  /**
   * Over the session's connection and REST services.
   *
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<
    Outbox,
    never,
    ConversationApi | CurrentUser | KefuConfig | Realtime | Transport | UploadApi
  > = Layer.effect(Outbox, Outbox.make)

  /**
   * A partial implementation for tests; missing members die when used.
   *
   * @since 0.1.0
   */
  static readonly layerTest = (partial: Layer.PartialEffectful<Outbox["Service"]>): Layer.Layer<Outbox> =>
    Layer.mock(Outbox, partial)
}

/** What the span of a send that the outbox takes tells. */
const creation = (operation: string, draft: OutboxDraft) => ({
  kind: "producer" as const,
  attributes: () => ({ ...messaging(operation, "create"), ...ids(draft) }),
  found: ({ state }: OutboxEntry) => ids({ messageId: state._tag === "Sent" ? state.id : undefined })
})

const make = Effect.gen(function* () {
  const parts = yield* assembly.make
  const { persistence: kept, sends } = parts
  const leftovers = yield* Leftovers
  leftovers("outbox entries", () => sends.all.length)
  leftovers("outbox lanes", () => sends.laneCount)
  let closed = false
  const { abandon, listen } = yield* following.make(parts)
  const { add, again } = intake.make(parts, listen, () => closed)

  const known = (method: string, key: OutboxKey): Effect.Effect<Send, KefuError<NotFound>> => {
    const send = sends.get(key)
    if (send !== undefined) return Effect.succeed(send)
    return Effect.fail(new KefuError({ method, reason: new NotFound({ detail: "the outbox holds no such send" }) }))
  }

  const cancel = (send: Send | undefined): Effect.Effect<boolean> =>
    send !== undefined && isWaiting(send) ? Effect.as(sends.fail(send, new Cancelled({})), true) : Effect.succeed(false)

  yield* Effect.addFinalizer(() =>
    Effect.gen(function* () {
      yield* kept.close
      closed = true
      yield* abandon(intake.layerClosed())
      sends.end()
    })
  )

  return Outbox.of({
    send: (draft, options) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(add("Outbox.send", draft, options), (send) =>
          Effect.onInterrupt(restore(Deferred.await(send.done)), () => cancel(send))
        )
      ).pipe(withSpan("Outbox.send", creation("send", draft))),
    enqueue: (draft, options) =>
      Effect.map(add("Outbox.enqueue", draft, options), ({ entry }) => entry).pipe(
        withSpan("Outbox.enqueue", creation("enqueue", draft))
      ),
    result: (key) =>
      Effect.suspend(() => (sends.get(key) === undefined ? kept.claimed : Effect.void)).pipe(
        Effect.andThen(Effect.suspend(() => known("Outbox.result", key))),
        Effect.flatMap(({ done }) => Deferred.await(done)),
        withSpan("Outbox.result")
      ),
    cancel: Effect.fn("Outbox.cancel")((key) => Effect.suspend(() => cancel(sends.get(key)))),
    retry: Effect.fn("Outbox.retry")(function* (key) {
      const send = yield* known("Outbox.retry", key)
      const { _tag } = send.entry.state
      if (_tag !== "Failed" && _tag !== "DeliveryUnknown") return send.entry
      return (yield* again("Outbox.retry", send)).entry
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

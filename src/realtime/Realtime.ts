/**
 * The live side of a session: a connection that keeps itself, typed events, and commands that always settle.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ConversationId, MenuItemId, MessageId, UserId } from "../domain/Id.ts"
import type { Transport } from "../http/Transport.ts"
import { KefuConfig, type Overflow } from "../KefuConfig.ts"
import { KefuError, UnexpectedResponse } from "../KefuError.ts"
import { Leftovers } from "../platform/leftovers.ts"
import * as metrics from "../platform/metrics.ts"
import type { AckPayload, SendPayload } from "../wire/Frame.ts"
import type { ConnectionState } from "./ConnectionState.ts"
import * as commands from "./internal/command.ts"
import { DeliveryLog } from "./internal/deliveryLog.ts"
import * as supervisors from "./internal/supervisor.ts"
import { RealtimeEvent } from "./RealtimeEvent.ts"
import * as subscribers from "./subscribers.ts"

/**
 * How one subscriber is buffered; what is left out comes from the session's options.
 *
 * @category options
 * @since 0.1.0
 */
export interface SubscribeOptions {
  /** How many events may wait; `Infinity` for no bound. */
  readonly bufferSize?: number | undefined
  /** What happens past that. */
  readonly overflow?: Overflow | undefined
}

/**
 * How one command goes out.
 *
 * @category options
 * @since 0.1.0
 */
export interface CommandOptions {
  /**
   * Only over the connection of this number (`Connected.connection`). Once that one has ended, the command is not sent
   * and fails with `NotConnected`.
   */
  readonly connection?: number | undefined
}

/**
 * The connection of a session.
 *
 * **Details**
 *
 * With `connect: "auto"` the connection opens at the first use of anything but `state`; it then stays, and reconnects
 * by itself. Commands resolve with the backend's acknowledgement and fail within the deadline (`ackTimeout`); they wait
 * for a connection that is being opened, and fail with `NotConnected` at once while it waits to dial again.
 *
 * **Gotchas**
 *
 * The backend has no negative acknowledgement: a command that it refuses ends in `AckTimeout`.
 *
 * @category services
 * @since 0.1.0
 */
export class Realtime extends Context.Service<
  Realtime,
  {
    /** What the connection is doing. */
    readonly state: Effect.Effect<ConnectionState>
    /** The present state and every later one. */
    readonly states: Stream.Stream<ConnectionState>
    /** Connects unless that is under way, and waits until connected. Also leaves `Closed`, but not `Superseded`. */
    readonly open: Effect.Effect<void, KefuError>
    /** Ends the connection. Waiting commands fail with `Closed`. */
    readonly close: Effect.Effect<void>
    /** Dials at once instead of waiting for the backoff or the page. */
    readonly retryNow: Effect.Effect<void>
    /** Takes a superseded session back, which ends the other login. */
    readonly takeOver: Effect.Effect<void, KefuError>
    /** All events from the moment on when the stream is run. */
    readonly events: Stream.Stream<RealtimeEvent, KefuError>
    /** All events from this very moment on, whenever the stream is run. */
    subscribe(options?: SubscribeOptions): Effect.Effect<Stream.Stream<RealtimeEvent, KefuError>, never, Scope.Scope>
    /** The events of one kind, from the moment on when the stream is run. */
    on<Tag extends RealtimeEvent["_tag"]>(
      tag: Tag
    ): Stream.Stream<Extract<RealtimeEvent, { readonly _tag: Tag }>, KefuError>
    /**
     * Sends a message once (event 101). If the connection ends before the acknowledgement, the outcome is
     * `DeliveryUnknown`; use `Outbox.send` to have that found out. Fails with `RequestTooLarge` if the connection ended
     * because of this very message.
     */
    send(
      message: SendPayload,
      options?: CommandOptions
    ): Effect.Effect<AckPayload & { readonly messageId: MessageId }, KefuError>
    /**
     * Asks for an acknowledgement and nothing else (event 201). The backend handles the frames of a connection in order,
     * so that it has handled every earlier one by then.
     */
    ping(options?: CommandOptions): Effect.Effect<AckPayload, KefuError>
    /** Recalls a message of one's own (event 203). */
    recall(messageId: MessageId): Effect.Effect<AckPayload, KefuError>
    /** Tells that everything up to this message has been read (event 104). */
    read(messageId: MessageId): Effect.Effect<AckPayload, KefuError>
    /** Ends a conversation (event 202). */
    closeConversation(conversationId: ConversationId): Effect.Effect<AckPayload, KefuError>
    /** Staff: invites a visitor to rate (event 204). */
    inviteRate(userId: UserId): Effect.Effect<AckPayload, KefuError>
    /** Visitors: chooses an item of the channel's menu (event 205). */
    selectMenuItem(menuItemId: MenuItemId): Effect.Effect<AckPayload, KefuError>
    /** Tells the other side that one is typing, with the draft (event 105). */
    inputting(draft: {
      readonly content: string
      readonly conversationId: ConversationId
      readonly toId?: UserId
    }): Effect.Effect<AckPayload, KefuError>
  }
>()("effect-kefu/realtime/Realtime") {
  /**
   * Over the session's `Transport`.
   *
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<Realtime, never, Transport | KefuConfig> = Layer.effect(
    Realtime,
    Effect.suspend(() => make)
  )

  /**
   * A partial implementation for tests; what is missing dies when it is used.
   *
   * @since 0.1.0
   */
  static readonly layerTest = (partial: Layer.PartialEffectful<Realtime["Service"]>): Layer.Layer<Realtime> =>
    Layer.mock(Realtime, partial)
}

const make = Effect.gen(function* () {
  const config = yield* KefuConfig
  const leftovers = yield* Leftovers
  const log = new DeliveryLog()
  const broadcast = yield* Effect.acquireRelease(
    Effect.sync(() => subscribers.make<RealtimeEvent>((dropped) => RealtimeEvent.Lagged({ dropped }))),
    ({ end }) => end
  )
  leftovers("subscribers", broadcast.size)
  leftovers("delivery log", () => log.size)

  const publish = (event: RealtimeEvent) =>
    Effect.suspend(() => {
      broadcast.publish(event)
      return Metric.update(Metric.withAttributes(metrics.events, { kind: event._tag }), 1)
    })

  const supervisor = yield* supervisors.make({ log, publish })
  const { connected, start } = supervisor

  const use = Effect.flatMap(supervisor.state, ({ _tag }) =>
    config.connect === "auto" && _tag === "Idle" ? start : Effect.void
  )

  const command = commands.make({ supervisor, use, ackTimeout: config.ackTimeout })

  const subscribe = (options?: SubscribeOptions) =>
    Effect.tap(
      broadcast.subscribe({
        bufferSize: options?.bufferSize ?? config.bufferSize,
        overflow: options?.overflow ?? config.overflow
      }),
      use
    )

  const events = Stream.unwrap(subscribe())

  return Realtime.of({
    state: supervisor.state,
    states: supervisor.states,
    open: Effect.gen(function* () {
      if ((yield* supervisor.state)._tag !== "Superseded") yield* start
      yield* connected("Realtime.open", supervisors.keepsTrying)
    }),
    close: supervisor.stop,
    retryNow: supervisor.retryNow,
    takeOver: Effect.gen(function* () {
      if ((yield* supervisor.state)._tag === "Superseded") yield* start
      yield* connected("Realtime.takeOver", supervisors.keepsTrying)
    }),
    events,
    subscribe,
    on: (tag) => Stream.filter(events, RealtimeEvent.$is(tag)),
    send: (message, options) =>
      Effect.flatMap(
        command("Realtime.send", { eventType: "Message", payload: message }, options?.connection),
        ({ messageId, ...ack }) => {
          if (messageId !== null && messageId !== undefined) return Effect.succeed({ ...ack, messageId })
          const reason = new UnexpectedResponse({ path: "payload.message_id", detail: "the ack has no message id" })
          return Effect.fail(new KefuError({ method: "Realtime.send", reason }))
        }
      ),
    ping: (options) => command("Realtime.ping", { eventType: "Ping", payload: "ping" }, options?.connection),
    recall: (messageId) =>
      Effect.tap(command("Realtime.recall", { eventType: "Recall", payload: { messageId } }), () =>
        Effect.sync(() => log.recalled(messageId))
      ),
    read: (messageId) => command("Realtime.read", { eventType: "Read", payload: { messageId } }),
    closeConversation: (conversationId) =>
      command("Realtime.closeConversation", { eventType: "CloseConversation", payload: { conversationId } }),
    inviteRate: (userId) => command("Realtime.inviteRate", { eventType: "InviteRate", payload: { userId } }),
    selectMenuItem: (menuItemId) =>
      command("Realtime.selectMenuItem", { eventType: "SelectMenuItem", payload: { menuItemId } }),
    inputting: (draft) => command("Realtime.inputting", { eventType: "Inputting", payload: draft })
  })
})

/**
 * A connection that reconnects automatically, typed events, and commands that always settle.
 *
 * `Realtime` is the API; `internal/supervisor` starts and ends the session; `internal/dialling` backs off, and
 * `internal/wakefulness` says whether to dial at all; `internal/connection` leads from a dial to the connection's end;
 * `internal/link` serves it, and `internal/frames` says what its frames mean; `internal/heartbeat` detects a dead one;
 * `internal/catchUp` reads what was missed; `internal/eventOrder` delivers the missed events before the live ones;
 * `internal/deliveryLog` decides which messages are new; `internal/command` settles one command; `subscribers` buffers the
 * events of each subscriber.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ConversationId, MenuItemId, MessageId, UserId } from "../domain/Id.ts"
import type { Message } from "../domain/Message.ts"
import type { Transport } from "../http/Transport.ts"
import { KefuConfig, type Overflow } from "../KefuConfig.ts"
import {
  type CommandReason,
  type ConnectionReason,
  KefuError,
  type NotConnected,
  type SubscriberLagged,
  Superseded,
  UnexpectedResponse,
  DeliveryUnknown
} from "../KefuError.ts"
import { Leftovers } from "../platform/leftovers.ts"
import * as metrics from "../platform/metrics.ts"
import { ids, messaging, withSpan } from "../platform/span.ts"
import { CurrentUser } from "../rest/CurrentUser.ts"
import { UserApi } from "../rest/UserApi.ts"
import type { AckPayload, SendPayload } from "../wire/Frame.ts"
import type { ConnectionState } from "./ConnectionState.ts"
import { DeliveredBefore } from "./deliveredBefore.ts"
import * as commands from "./internal/command.ts"
import { DeliveryLog } from "./internal/deliveryLog.ts"
import { keepsTrying } from "./internal/phase.ts"
import * as supervisors from "./internal/supervisor.ts"
import { RealtimeEvent } from "./RealtimeEvent.ts"
import * as subscribers from "./subscribers.ts"

/**
 * The buffer of one subscriber. The defaults are `bufferSize` and `overflow` of the session's options.
 *
 * @category options
 * @since 0.1.0
 */
export interface SubscribeOptions {
  /** How many events may wait; `Infinity` for no bound. */
  readonly bufferSize?: number | undefined
  /** What happens when the buffer is full. */
  readonly overflow?: Overflow | undefined
  /**
   * Whether the stream goes on after the session has ended for good, for what comes after a later `open` or `takeOver`.
   * Default: false, it fails with the reason (`Superseded`, `Unauthorized` ...).
   */
  readonly lasting?: boolean | undefined
}

/**
 * Options of one command.
 *
 * @category options
 * @since 0.1.0
 */
export interface CommandOptions {
  /**
   * Sends only over the connection with this number (`Connected.connection`). If that one is not open, the command fails
   * with `NotConnected` and is not sent.
   */
  readonly connection?: number | undefined
}

/**
 * The connection to the backend.
 *
 * **Details**
 *
 * With `connect: "auto"` the first subscription or command opens the connection, which then reconnects automatically.
 * Commands resolve with the backend's ack, or fail within the deadline (`ackTimeout`, 10 s by default). They wait while
 * the connection is being opened, and fail with `NotConnected` at once while it waits to dial again.
 *
 * **Gotchas**
 *
 * The backend sends no negative ack: a command that it refuses ends in `AckTimeout`.
 *
 * @category services
 * @since 0.1.0
 */
export class Realtime extends Context.Service<
  Realtime,
  {
    /** The present state. */
    readonly state: Effect.Effect<ConnectionState>
    /** The present state and every later one. */
    readonly states: Stream.Stream<ConnectionState>
    /** Connects, also after `Closed`, and waits until connected. Fails with `Superseded` until `takeOver`. */
    readonly open: Effect.Effect<void, KefuError<ConnectionReason | NotConnected>>
    /** Ends the connection until `open`. Waiting commands fail with `Closed`. */
    readonly close: Effect.Effect<void>
    /** Dials at once instead of waiting for the backoff or the page; does nothing while connected. */
    readonly retryNow: Effect.Effect<void>
    /** Connects after `Superseded`, which ends the other login, and waits until connected. */
    readonly takeOver: Effect.Effect<void, KefuError<ConnectionReason | NotConnected>>
    /**
     * All events from when the stream is run. Like all streams of events, it fails when the session ends for good: with
     * `Superseded` until `takeOver`, with `Unauthorized` or another permanent failure until `open`. It outlasts `close`.
     */
    readonly events: Stream.Stream<RealtimeEvent, KefuError<ConnectionReason | SubscriberLagged>>
    /** All events from now on, whenever the stream is run. */
    subscribe(
      options?: SubscribeOptions
    ): Effect.Effect<Stream.Stream<RealtimeEvent, KefuError<ConnectionReason | SubscriberLagged>>, never, Scope.Scope>
    /** The events of one kind from when the stream is run. */
    on<Tag extends RealtimeEvent["_tag"]>(
      tag: Tag
    ): Stream.Stream<Extract<RealtimeEvent, { readonly _tag: Tag }>, KefuError<ConnectionReason | SubscriberLagged>>
    /**
     * Sends a message once (event 101). Fails with `DeliveryUnknown` if the connection ends before the ack (`Outbox.send`
     * finds out the outcome), and with `RequestTooLarge` if it ended because this message is too large.
     */
    send(
      message: SendPayload,
      options?: CommandOptions
    ): Effect.Effect<AckPayload & { readonly messageId: MessageId }, KefuError<CommandReason | DeliveryUnknown>>
    /**
     * Asks for an ack and nothing else (event 201). The backend handles the frames of a connection in order, so the ack
     * also tells that it has handled every earlier frame.
     */
    ping(options?: CommandOptions): Effect.Effect<AckPayload, KefuError<CommandReason>>
    /** Recalls an own message (event 203). */
    recall(messageId: MessageId): Effect.Effect<AckPayload, KefuError<CommandReason>>
    /** Marks everything up to this message as read (event 104). */
    read(messageId: MessageId): Effect.Effect<AckPayload, KefuError<CommandReason>>
    /** Ends a conversation (event 202). */
    closeConversation(conversationId: ConversationId): Effect.Effect<AckPayload, KefuError<CommandReason>>
    /** Staff: invites a visitor to rate (event 204). */
    inviteRate(userId: UserId): Effect.Effect<AckPayload, KefuError<CommandReason>>
    /** Visitors: chooses an item of the channel's menu (event 205). */
    selectMenuItem(menuItemId: MenuItemId): Effect.Effect<AckPayload, KefuError<CommandReason>>
    /** Shows the draft to the other side as being typed (event 105). */
    inputting(draft: {
      readonly content: string
      readonly conversationId: ConversationId
      readonly toId?: UserId
    }): Effect.Effect<AckPayload, KefuError<CommandReason>>
  }
>()("effect-kefu/realtime/Realtime") {
  /**
   * Makes the service of {@link Realtime.layer}.
   *
   * @since 0.1.0
   */
  static readonly make: Effect.Effect<Realtime["Service"], never, Transport | KefuConfig | CurrentUser | Scope.Scope> =
    Effect.suspend(() => make)

  /**
   * Over `Transport`.
   *
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<Realtime, never, Transport | KefuConfig> = Layer.effect(
    Realtime,
    Realtime.make
  ).pipe(Layer.provide(CurrentUser.layer), Layer.provide(UserApi.layer))

  /**
   * A partial implementation for tests; the use of a missing member dies.
   *
   * @since 0.1.0
   */
  static readonly layerTest = (partial: Layer.PartialEffectful<Realtime["Service"]>): Layer.Layer<Realtime> =>
    Layer.mock(Realtime, partial)
}

/** Why the session has ended for good, if it has. */
const endOf = (state: ConnectionState): KefuError<ConnectionReason> | undefined => {
  if (state._tag === "Closed") return state.reason?.at("Realtime.events")
  return state._tag === "Superseded"
    ? new KefuError({ method: "Realtime.events", reason: new Superseded({}) })
    : undefined
}

/** Without an ack, a message that was handed over may have arrived or not. */
const unacknowledged = (error: KefuError<CommandReason>) =>
  error.reason._tag === "RequestTooLarge"
    ? error
    : new KefuError({
        method: error.method,
        reason: new DeliveryUnknown({ detail: error.reason.message }),
        cause: error
      })

/** What the span of a message that came in tells. It has no parent: nothing of this process has caused it. */
const delivery = ({ conversationId, id }: Message) => ({
  kind: "consumer" as const,
  root: true,
  attributes: () => ({ ...messaging("deliver", "process"), ...ids({ messageId: id, conversationId }) })
})

const make = Effect.gen(function* () {
  const config = yield* KefuConfig
  const leftovers = yield* Leftovers
  const log = new DeliveryLog()
  const before = yield* DeliveredBefore
  if (before?.conversations !== undefined) log.restore(before.conversations)
  const broadcast = yield* Effect.acquireRelease(
    Effect.sync(() => subscribers.make<RealtimeEvent>((dropped) => RealtimeEvent.Lagged({ dropped }))),
    ({ end }) => end
  )
  leftovers("subscribers", broadcast.size)
  leftovers("delivery log", () => log.size)

  const broadcasting = (event: RealtimeEvent) =>
    Effect.contextWith((context: Context.Context<never>) => {
      broadcast.publish(event)
      const reason = event._tag === "StateChanged" ? endOf(event.state) : undefined
      if (reason !== undefined) broadcast.fail(reason)
      metrics.eventsOf(event._tag).updateUnsafe(1, context)
      return Effect.void
    })

  const publish = (event: RealtimeEvent) =>
    event._tag === "MessageReceived"
      ? withSpan("Realtime.deliver", delivery(event.message))(broadcasting(event))
      : broadcasting(event)

  const supervisor = yield* supervisors.make(log, publish)
  const { connected, start } = supervisor

  const command = commands.make(supervisor, config)

  const subscribe = Effect.fnUntraced(function* (options?: SubscribeOptions) {
    const lasting = options?.lasting ?? false
    const end = lasting ? undefined : endOf(yield* supervisor.state)
    if (end !== undefined) return Stream.fail(end)
    const events = yield* broadcast.subscribe({
      bufferSize: options?.bufferSize ?? config.bufferSize,
      overflow: options?.overflow ?? config.overflow,
      lasting
    })
    yield* supervisor.use
    return events
  })

  const events = Stream.unwrap(subscribe())

  return Realtime.of({
    state: supervisor.state,
    states: supervisor.states,
    open: Effect.gen(function* () {
      if ((yield* supervisor.state)._tag !== "Superseded") yield* start
      yield* connected("Realtime.open", keepsTrying)
    }),
    close: supervisor.stop,
    retryNow: supervisor.retryNow,
    takeOver: Effect.gen(function* () {
      if ((yield* supervisor.state)._tag === "Superseded") yield* start
      yield* connected("Realtime.takeOver", keepsTrying)
    }),
    events,
    subscribe,
    on: (tag) => Stream.filter(events, RealtimeEvent.$is(tag)),
    send: (message, options) =>
      Effect.flatMap(
        command("Realtime.send", { eventType: "Message", payload: message }, options?.connection, unacknowledged),
        ({ messageId, ...ack }) => {
          if (messageId !== null && messageId !== undefined) return Effect.succeed({ ...ack, messageId })
          const reason = new UnexpectedResponse({ path: "payload.message_id", detail: "the ack has no message id" })
          return Effect.fail(new KefuError({ method: "Realtime.send", reason }))
        }
      ),
    ping: (options) => command("Realtime.ping", { eventType: "Ping", payload: "ping" }, options?.connection),
    recall: (messageId) =>
      Effect.tap(command("Realtime.recall", { eventType: "Recall", payload: { messageId } }), () =>
        Effect.sync(() => log.noteRecalled(messageId))
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

/**
 * The live side of a session: a connection that keeps itself, typed events, and commands that always settle.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { ConnectionState } from "./ConnectionState.ts"
import type { ConversationId, MenuItemId, MessageId, UserId } from "../domain/Id.ts"
import * as backoff from "../platform/backoff.ts"
import * as broadcast from "./subscribers.ts"
import { invalid } from "../http/call.ts"
import * as catchUp from "./internal/catchUp.ts"
import { verdict } from "./internal/closeCodes.ts"
import { Leftovers } from "../platform/leftovers.ts"
import * as metrics from "../platform/metrics.ts"
import { Lifecycle } from "../platform/Lifecycle.ts"
import { Positions } from "./internal/deliveryLog.ts"
import * as session from "./internal/link.ts"
import { KefuConfig, type Overflow } from "../KefuConfig.ts"
import {
  AckTimeout,
  Closed,
  DeliveryUnknown,
  KefuError,
  NotConnected,
  Superseded,
  UnexpectedResponse
} from "../KefuError.ts"
import { RealtimeEvent } from "./RealtimeEvent.ts"
import { Transport } from "../http/Transport.ts"
import { type AckPayload, type ClientFrame, ClientFrameJson, type SendPayload } from "../wire/Frame.ts"

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

type Command = ClientFrame extends infer Frame
  ? Frame extends ClientFrame
    ? Pick<Frame, "eventType" | "payload">
    : never
  : never

const encodeFrame = Schema.encodeUnknownResult(ClientFrameJson)

const make = Effect.gen(function* () {
  const config = yield* KefuConfig
  const transport = yield* Transport
  const page = yield* Lifecycle
  const state = yield* SubscriptionRef.make<ConnectionState>(ConnectionState.Idle())
  const supervisor = yield* FiberHandle.make<void, never>()
  const supervise = yield* FiberHandle.runtime(supervisor)<never>()
  const events = yield* Effect.acquireRelease(
    Effect.sync(() => broadcast.make<RealtimeEvent>((dropped) => RealtimeEvent.Lagged({ dropped }))),
    (events) => events.end
  )
  const positions = new Positions()
  const leftovers = yield* Leftovers
  leftovers("subscribers", events.size)
  leftovers("positions", () => positions.size)
  const gap = config.catchUp ? catchUp.make(transport, positions) : undefined
  const wake = Latch.makeUnsafe(false)
  let current: session.Session | undefined
  let sessions = 0
  let running = false
  let ended = false
  let forced = false
  /** Whether there was a connection since the app opened the session. */
  let begun = false

  const enter = (next: ConnectionState) =>
    Effect.andThen(
      SubscriptionRef.set(state, next),
      Effect.sync(() => {
        events.publish(RealtimeEvent.StateChanged({ state: next }))
      })
    )

  const publish = (event: RealtimeEvent) =>
    Effect.suspend(() => {
      events.publish(event)
      return Metric.update(Metric.withAttributes(metrics.events, { kind: event._tag }), 1)
    })

  // --- the connection

  /** Waits while nothing should be dialled: a hidden page, a device that is offline. */
  const untilAwake = Effect.gen(function* () {
    while (true) {
      yield* wake.close
      const why = forced ? undefined : yield* page.suspension
      if (why === undefined) return
      yield* enter(ConnectionState.Suspended({ why }))
      yield* wake.await
    }
  })

  const baseline = Effect.gen(function* () {
    if (gap === undefined || begun || positions.baselined) return
    yield* gap.start
  }).pipe(Effect.ignore)

  /** One connection, from the dial to its end. */
  const connection = Effect.gen(function* () {
    yield* Metric.update(metrics.dials, 1)
    const link = yield* transport.connect
    const since = yield* Clock.currentTimeMillis
    yield* Metric.update(metrics.connections, 1)
    const next = yield* session.make({
      link,
      heartbeat: config.heartbeat,
      positions,
      publish,
      gap: gap && (begun ? gap.read : Effect.suspend(() => (positions.baselined ? gap.read : gap.restart)))
    })
    current = next
    sessions++
    forced = false
    begun = true
    yield* enter(ConnectionState.Connected({ since, connection: sessions }))
    return yield* next.run
  }).pipe(
    Effect.scoped,
    Effect.ensuring(
      Effect.sync(() => {
        current = undefined
      })
    )
  )

  const wait = Effect.fnUntraced(function* (attempt: number, policy: backoff.Policy, cause: KefuError) {
    const asked = "retryAfterMillis" in cause.reason ? cause.reason.retryAfterMillis : undefined
    const delay = asked === undefined ? yield* backoff.delay(policy, attempt) : Duration.millis(asked)
    const retryAt = (yield* Clock.currentTimeMillis) + Duration.toMillis(delay)
    yield* wake.close
    yield* enter(ConnectionState.Waiting({ attempt, retryAt, cause }))
    yield* Effect.raceFirst(Effect.sleep(delay), wake.await)
  })

  const dialling = Effect.gen(function* () {
    let attempt = 0
    while (true) {
      yield* untilAwake
      const before = yield* SubscriptionRef.get(state)
      if (before._tag !== "Connecting") yield* enter(ConnectionState.Connecting({ attempt }))
      yield* baseline
      const dialled = yield* Clock.currentTimeMillis
      const error = yield* Effect.flip(connection)
      const meaning = verdict(error)
      if (meaning === "superseded") {
        yield* publish(RealtimeEvent.Superseded())
        return yield* enter(ConnectionState.Superseded())
      }
      if (meaning === "terminal" || config.reconnect === undefined) {
        return yield* enter(ConnectionState.Closed({ reason: error }))
      }
      const lasted = (yield* Clock.currentTimeMillis) - dialled
      if (lasted >= Duration.toMillis(config.reconnect.resetAfter)) attempt = 0
      if (meaning === "later") attempt = Math.max(attempt, 3)
      yield* wait(attempt, config.reconnect, error)
      attempt++
    }
  })

  const signals = Stream.runForEach(page.signals, (signal) =>
    Effect.suspend(() => {
      if (signal === "freeze") return current?.freeze ?? Effect.void
      if (signal === "sleep") return Effect.void
      return Effect.andThen(wake.open, current?.check ?? Effect.void)
    })
  )

  const start = Effect.suspend(() => {
    if (running || ended) return Effect.void
    running = true
    const serving = Effect.raceFirst(dialling, Effect.andThen(signals, Effect.never)).pipe(
      Effect.catchDefect((defect) =>
        Effect.andThen(
          Effect.logError("The connection stopped because of a defect", defect),
          enter(ConnectionState.Closed({ reason: undefined }))
        )
      ),
      Effect.ensuring(
        Effect.sync(() => {
          running = false
        })
      )
    )
    return Effect.andThen(
      enter(ConnectionState.Connecting({ attempt: 0 })),
      Effect.sync(() => supervise(serving))
    )
  })

  const startIfAuto = Effect.suspend(() =>
    config.connect === "auto" && SubscriptionRef.getUnsafe(state)._tag === "Idle" ? start : Effect.void
  )

  const stop = Effect.gen(function* () {
    yield* FiberHandle.clear(supervisor)
    positions.clear()
    begun = false
    yield* enter(ConnectionState.Closed({ reason: undefined }))
  })

  /** Waits for a connection as long as `patient` says; fails once there will be none. */
  const connected = Effect.fnUntraced(function* (method: string, patient: (state: ConnectionState) => boolean) {
    const settled = yield* SubscriptionRef.changes(state).pipe(
      Stream.filter((next) => !patient(next)),
      Stream.runHead
    )
    if (Option.isSome(settled) && settled.value._tag === "Connected" && current !== undefined) return current
    return yield* unavailable(method, Option.getOrElse(settled, ConnectionState.Idle))
  })

  // --- commands

  const command = <A>(
    method: string,
    frame: Command,
    onAck: (ack: AckPayload) => Effect.Effect<A, KefuError>,
    options?: CommandOptions
  ) => {
    let sequenceId = 0
    return Effect.gen(function* () {
      yield* startIfAuto
      const began = yield* Clock.currentTimeMillis
      const only = options?.connection
      const connection = yield* connected(method, (next) => next._tag === "Connecting" && only === undefined)
      if (only !== undefined && only !== sessions) {
        return yield* new KefuError({ method, reason: new NotConnected({ detail: "that connection has ended" }) })
      }
      const encoded = encodeFrame({ sequenceId: connection.sequenceId + 1, ...frame })
      if (Result.isFailure(encoded)) return yield* invalid(method, encoded.failure)
      sequenceId = ++connection.sequenceId
      const ack = yield* connection.request(sequenceId, encoded.success)
      yield* Metric.update(metrics.ackMillis, (yield* Clock.currentTimeMillis) - began)
      return yield* onAck(ack)
    }).pipe(
      Effect.mapError((error) => {
        const { reason } = error
        const isTold = reason._tag === "UnexpectedResponse" || reason._tag === "RequestTooLarge"
        if (frame.eventType !== "Message" || sequenceId === 0 || isTold) return error.at(method)
        return new KefuError({ method, reason: new DeliveryUnknown({ detail: reason.message }) })
      }),
      Effect.timeoutOrElse({
        duration: config.ackTimeout,
        orElse: () => {
          const afterMillis = Duration.toMillis(config.ackTimeout)
          const reason =
            sequenceId === 0
              ? new NotConnected({ detail: `still connecting after ${afterMillis} ms` })
              : new AckTimeout({ afterMillis, sequenceId })
          return Effect.fail(new KefuError({ method, reason }))
        }
      }),
      Effect.withSpan(method)
    )
  }

  const subscribe = (options?: SubscribeOptions) =>
    Effect.tap(
      events.subscribe({
        bufferSize: options?.bufferSize ?? config.bufferSize,
        overflow: options?.overflow ?? config.overflow
      }),
      startIfAuto
    )

  const all = Stream.unwrap(subscribe())

  yield* Effect.addFinalizer(() => {
    ended = true
    positions.clear()
    return enter(ConnectionState.Closed({ reason: undefined }))
  })

  return Realtime.of({
    state: SubscriptionRef.get(state),
    states: SubscriptionRef.changes(state),
    open: Effect.gen(function* () {
      const { _tag } = yield* SubscriptionRef.get(state)
      if (_tag === "Idle" || _tag === "Closed") yield* start
      yield* connected("Realtime.open", keepsTrying)
    }),
    close: stop,
    retryNow: Effect.suspend(() => {
      forced = true
      return wake.open
    }),
    takeOver: Effect.gen(function* () {
      if ((yield* SubscriptionRef.get(state))._tag === "Superseded") yield* start
      yield* connected("Realtime.takeOver", keepsTrying)
    }),
    events: all,
    subscribe,
    on: (tag) => Stream.filter(all, RealtimeEvent.$is(tag)),
    send: (message, options) =>
      command(
        "Realtime.send",
        { eventType: "Message", payload: message },
        (ack) =>
          ack.messageId === null || ack.messageId === undefined
            ? Effect.fail(
                new KefuError({
                  method: "Realtime.send",
                  reason: new UnexpectedResponse({ path: "payload.message_id", detail: "the ack bears no message id" })
                })
              )
            : Effect.succeed({ ...ack, messageId: ack.messageId }),
        options
      ),
    ping: (options) => command("Realtime.ping", { eventType: "Ping", payload: "ping" }, Effect.succeed, options),
    recall: (messageId) =>
      command("Realtime.recall", { eventType: "Recall", payload: { messageId } }, (ack) =>
        Effect.sync(() => {
          positions.recalled(messageId)
          return ack
        })
      ),
    read: (messageId) => command("Realtime.read", { eventType: "Read", payload: { messageId } }, Effect.succeed),
    closeConversation: (conversationId) =>
      command(
        "Realtime.closeConversation",
        { eventType: "CloseConversation", payload: { conversationId } },
        Effect.succeed
      ),
    inviteRate: (userId) =>
      command("Realtime.inviteRate", { eventType: "InviteRate", payload: { userId } }, Effect.succeed),
    selectMenuItem: (menuItemId) =>
      command("Realtime.selectMenuItem", { eventType: "SelectMenuItem", payload: { menuItemId } }, Effect.succeed),
    inputting: (draft) => command("Realtime.inputting", { eventType: "Inputting", payload: draft }, Effect.succeed)
  })
})

const keepsTrying = (state: ConnectionState): boolean =>
  state._tag === "Connecting" || state._tag === "Waiting" || state._tag === "Suspended"

const unavailable = (method: string, state: ConnectionState): KefuError => {
  switch (state._tag) {
    case "Superseded":
      return new KefuError({ method, reason: new Superseded({}) })
    case "Closed":
      return state.reason?.at(method) ?? new KefuError({ method, reason: new Closed({ detail: "closed by the app" }) })
    case "Waiting":
      return new KefuError({ method, reason: new NotConnected({ detail: state.cause.reason.message }) })
    case "Suspended":
      return new KefuError({ method, reason: new NotConnected({ detail: `the page is ${state.why}` }) })
    case "Idle":
      return new KefuError({ method, reason: new NotConnected({ detail: "call `Realtime.open` first" }) })
    default:
      return new KefuError({ method, reason: new NotConnected({ detail: "the connection has just ended" }) })
  }
}

/**
 * One open connection: frames in and out, acknowledgements, heartbeat, and the gap before it.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { ConversationId } from "../../domain/Id.ts"
import type { Message } from "../../domain/Message.ts"
import { Closed, ConnectionLost, KefuError, Superseded } from "../../KefuError.ts"
import { RealtimeEvent } from "../RealtimeEvent.ts"
import type { Connection } from "../../http/Transport.ts"
import { type AckPayload, ClientFrameJson, eventTypeCode, ServerFrameJson } from "../../wire/Frame.ts"
import * as acks from "./acks.ts"
import * as backoff from "../../platform/backoff.ts"
import { invalid } from "../../http/call.ts"
import * as heartbeat from "./heartbeat.ts"
import { Leftovers } from "../../platform/leftovers.ts"
import * as metrics from "../../platform/metrics.ts"
import type { Positions } from "./deliveryLog.ts"

export interface Options {
  readonly link: Connection
  readonly heartbeat: { readonly idle: Duration.Duration; readonly timeout: Duration.Duration }
  readonly positions: Positions
  readonly publish: (event: RealtimeEvent) => Effect.Effect<void>
  /** Reads what was missed before this connection; undefined if nobody wants to know. */
  readonly gap: Effect.Effect<ReadonlyArray<RealtimeEvent>, KefuError> | undefined
}

export interface Session {
  /** The number of the last frame that was sent. */
  sequenceId: number
  /** Sends a frame and waits for its acknowledgement. */
  readonly request: (sequenceId: number, text: string) => Effect.Effect<AckPayload, KefuError>
  /** Has the link checked at once. */
  readonly check: Effect.Effect<unknown>
  /** Ends the connection because the page is being frozen. */
  readonly freeze: Effect.Effect<unknown>
  /** Serves the connection until it ends. */
  readonly run: Effect.Effect<never, KefuError>
}

/** How many events may be held back while the gap is being closed. */
const heldLimit = 10_000

/** How long the gap waits for the acks of sends that the history may hold already, so that they are known as ours. */
const patience = Duration.seconds(2)

/** Whose message it would have been, if so much can be read. */
const conversationOf = (payload: unknown): ConversationId | undefined =>
  Option.getOrUndefined(decodeWhose(payload))?.conversationId

/** How soon the history is read again when something may be missing. */
const healing = { base: Duration.seconds(4), cap: Duration.seconds(60) }

const decodeWhose = Schema.decodeUnknownOption(Schema.Struct({ conversationId: ConversationId }))
const decodeFrame = Schema.decodeUnknownResult(ServerFrameJson)
const encodePing = Schema.encodeSync(ClientFrameJson)

export const make = Effect.fnUntraced(function* (options: Options) {
  const { link, positions, publish } = options
  const pending = acks.make()
  let lastPing = 0
  ;(yield* Leftovers)("acks", pending.size)
  const outgoing = yield* Queue.unbounded<string>()
  const check = Latch.makeUnsafe(false)
  const freeze = Latch.makeUnsafe(false)
  const overfull = Latch.makeUnsafe(false)
  const doubt = Latch.makeUnsafe(false)
  const held: Array<RealtimeEvent> = []
  let live = options.gap === undefined
  let lastInbound = yield* Clock.currentTimeMillis

  // --- events, in order: first the gap, then what came meanwhile, then live

  const deliver = Effect.fnUntraced(function* (message: Message, recovered: boolean) {
    const admission = positions.admit(message)
    if (admission === "duplicate") return yield* Metric.update(metrics.duplicates, 1)
    if (admission === "late") {
      const detail = `message ${message.id} came after a later one`
      yield* publish(RealtimeEvent.GapUnresolved({ conversationId: message.conversationId, detail }))
    }
    yield* publish(RealtimeEvent.MessageReceived({ message, recovered }))
  })

  const emit = (event: RealtimeEvent) =>
    event._tag === "MessageReceived" ? deliver(event.message, event.recovered) : publish(event)

  const receive = (event: RealtimeEvent): Effect.Effect<unknown> => {
    if (live) return emit(event)
    held.push(event)
    return held.length > heldLimit ? overfull.open : Effect.void
  }

  const unresolved = (detail: string) => publish(RealtimeEvent.GapUnresolved({ conversationId: undefined, detail }))

  const settle = (event: RealtimeEvent) => {
    if (event._tag !== "Resynced") return
    for (const { id, messages, state } of event.conversations) {
      positions.settle(id, Math.max(0, ...messages.map((message) => message.id)))
      if (state === "FINISHED") positions.end(id)
    }
    positions.baselined = true
  }

  const isMissing = (event: RealtimeEvent) => event._tag !== "MessageReceived" || !positions.has(event.message)

  type Gap = NonNullable<Options["gap"]>

  const readGap = (gap: Gap) =>
    Effect.flatMap(Effect.tap(gap, Effect.timeoutOption(pending.settled, patience)), (missed) =>
      Effect.forEach(
        missed.filter(isMissing),
        (event) =>
          Effect.andThen(
            emit(event),
            Effect.sync(() => settle(event))
          ),
        { discard: true }
      )
    )

  /** Closes the gap, or tells that it is open. */
  const closeGap = (gap: Gap) =>
    Effect.matchEffect(readGap(gap), {
      onFailure: ({ reason }) => {
        if (reason.isRetryable) doubt.openUnsafe()
        return unresolved(`the history could not be read: ${reason.message}`)
      },
      onSuccess: () => Effect.void
    }).pipe(
      Effect.raceFirst(
        Effect.flatMap(overfull.await, () => {
          doubt.openUnsafe()
          return unresolved("too much came in while the history was read")
        })
      )
    )

  /** Reads the history again whenever something may be missing, though not too often; meanwhile the events flow. */
  const heal = Effect.fnUntraced(function* (gap: Gap) {
    let attempt = 0
    let last = -Infinity
    while (true) {
      yield* doubt.await
      const now = yield* Clock.currentTimeMillis
      if (now - last > Duration.toMillis(healing.cap)) attempt = 0
      yield* Effect.sleep(Duration.sum(patience, yield* backoff.delay(healing, attempt++)))
      yield* doubt.close
      last = yield* Clock.currentTimeMillis
      const read = yield* Effect.result(readGap(gap))
      if (Result.isFailure(read) && read.failure.reason.isRetryable) doubt.openUnsafe()
    }
  })

  const goLive = Effect.gen(function* () {
    const { gap } = options
    if (gap !== undefined) yield* closeGap(gap)
    for (let event = held.shift(); event !== undefined; event = held.shift()) yield* emit(event)
    live = true
    return yield* gap === undefined ? Effect.never : heal(gap)
  })

  // --- frames

  const onFrame = (text: string): Effect.Effect<unknown, KefuError> => {
    const decoded = decodeFrame(text)
    if (Result.isFailure(decoded)) return skip(decoded.failure)
    const frame = decoded.success
    switch (frame.eventType) {
      case "Message":
        return receive(RealtimeEvent.MessageReceived({ message: frame.payload, recovered: false }))
      case "MessageBatch":
        return Effect.forEach(frame.payload, (message) =>
          receive(RealtimeEvent.MessageReceived({ message, recovered: false }))
        )
      case "Ack":
        if (Predicate.isNotNullish(frame.payload.messageId)) positions.sent(frame.payload.messageId)
        return frame.payload.sequenceId === lastPing || pending.settle(frame.payload)
          ? Effect.void
          : Metric.update(metrics.unknownAcks, 1)
      case "Read":
        return receive(RealtimeEvent.MessagesRead(frame.payload))
      case "Inputting":
        return receive(
          RealtimeEvent.Inputting({ conversationId: frame.payload.conversationId, payload: frame.payload })
        )
      case "MultipleLogin":
        return Effect.fail(new KefuError({ method: "Realtime", reason: new Superseded({}) }))
      case "Unknown": {
        const { eventTypeCode: code, payload } = frame
        const unknown = receive(RealtimeEvent.UnknownReceived({ eventTypeCode: code, payload }))
        const isMessage = code === eventTypeCode.Message || code === eventTypeCode.MessageBatch
        return isMessage ? Effect.andThen(unknown, lost(conversationOf(payload))) : unknown
      }
    }
  }

  /** A frame that was, or may have been, a message. */
  const lost = (conversationId: ConversationId | undefined) => {
    doubt.openUnsafe()
    return receive(
      RealtimeEvent.GapUnresolved({ conversationId, detail: "a frame that may have held a message could not be read" })
    )
  }

  const skip = (error: Schema.SchemaError) => {
    const detail = invalid("Realtime", error).reason.message
    return Effect.logWarning("Skipped a frame that could not be decoded", detail).pipe(
      Effect.andThen(Metric.update(metrics.skippedFrames, 1)),
      Effect.andThen(receive(RealtimeEvent.Undecodable({ detail }))),
      Effect.andThen(lost(undefined))
    )
  }

  const read = Effect.gen(function* () {
    while (true) {
      const frames = yield* link.pull
      lastInbound = yield* Clock.currentTimeMillis
      if (live) positions.tick(lastInbound)
      for (const text of frames) yield* onFrame(text)
    }
  })

  const write = Effect.forever(Effect.flatMap(Queue.take(outgoing), (text) => link.write(text)))

  const ping = Effect.suspend(() => {
    session.sequenceId++
    lastPing = session.sequenceId
    return Queue.offer(outgoing, encodePing({ sequenceId: session.sequenceId, eventType: "Ping", payload: "ping" }))
  })

  const frozen = Effect.andThen(
    freeze.await,
    new KefuError({ method: "Realtime", reason: new ConnectionLost({ code: 1001, detail: "the page was frozen" }) })
  )

  const closed = new KefuError({ method: "Realtime", reason: new Closed({ detail: "closed by the app" }) })

  const session: Session = {
    sequenceId: 0,
    request: (sequenceId, text) =>
      pending.request(sequenceId, text, (frame) => {
        Queue.offerUnsafe(outgoing, frame)
      }),
    check: check.open,
    freeze: freeze.open,
    run: Effect.raceAllFirst([
      read,
      write,
      goLive,
      frozen,
      heartbeat.run(options.heartbeat, { lastInbound: () => lastInbound, ping: Effect.asVoid(ping), check })
    ]).pipe(
      Effect.tapError((error) => Effect.sync(() => pending.fail(error))),
      Effect.onInterrupt(() => Effect.sync(() => pending.fail(closed)))
    )
  }
  return session
})

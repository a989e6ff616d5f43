/**
 * One open connection: frames in and out, acks, heartbeat.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Metric from "effect/Metric"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { encodeUnknownResult } from "../../codec/direct.ts"
import { lazyFunction } from "../../codec/lazy.ts"
import { invalid } from "../../http/call.ts"
import type { Connection } from "../../http/Transport.ts"
import {
  Closed,
  type CommandReason,
  type ConnectionReason,
  KefuError,
  NotConnected,
  Superseded
} from "../../KefuError.ts"
import * as elapsed from "../../platform/elapsed.ts"
import { Leftovers } from "../../platform/leftovers.ts"
import * as metrics from "../../platform/metrics.ts"
import { type AckPayload, type ClientFrame, ClientFrameJson } from "../../wire/Frame.ts"
import type { RealtimeEvent } from "../RealtimeEvent.ts"
import * as acks from "./acks.ts"
import * as eventOrder from "./eventOrder.ts"
import type { DeliveryLog } from "./deliveryLog.ts"
import * as frames from "./frames.ts"
import * as heartbeat from "./heartbeat.ts"

export interface Options {
  readonly socket: Connection
  readonly heartbeat: { readonly idle: Duration.Duration; readonly timeout: Duration.Duration }
  /** How long a command waits for its ack. */
  readonly ackTimeout: Duration.Duration
  readonly log: DeliveryLog
  readonly publish: (event: RealtimeEvent) => Effect.Effect<void>
  /** Reads what was missed before this connection; undefined if the app does not want it. */
  readonly gap: eventOrder.Gap | undefined
  /** The number of the next frame; the numbers go on over reconnections. */
  readonly nextSequenceId: () => number
}

/** A frame of the client without its sequence id. */
export type Command = ClientFrame extends infer Frame
  ? Frame extends ClientFrame
    ? Pick<Frame, "eventType" | "payload">
    : never
  : never

export interface Link {
  /**
   * Sends a command and waits for its ack, since when it was given, in elapsed milliseconds. `onSent` gets the sequence id
   * as soon as the frame is handed over; before that, nothing has been sent.
   */
  readonly request: (
    command: Command,
    since: number,
    onSent: (sequenceId: number) => void
  ) => Effect.Effect<AckPayload, KefuError<CommandReason>>
  /** Pings at once. */
  readonly check: Effect.Effect<unknown>
  /** Ends the connection with this error. */
  readonly end: (error: KefuError<ConnectionReason>) => Effect.Effect<unknown>
  /** Serves the connection until it ends. */
  readonly run: Effect.Effect<never, KefuError<ConnectionReason>>
}

const encodeFrame = lazyFunction(() => encodeUnknownResult(ClientFrameJson))
const encodePing = lazyFunction(() => Schema.encodeSync(ClientFrameJson))

const skip = (detail: string) =>
  Effect.andThen(
    Effect.logWarning("Skipped a frame that could not be decoded", detail),
    Metric.update(metrics.skippedFrames, 1)
  )

const failure = <Reason extends CommandReason>(reason: Reason) => new KefuError({ method: "Realtime", reason })

export const make = Effect.fnUntraced(function* (options: Options) {
  const { log, socket } = options
  const clock = yield* Clock.Clock
  const check = Latch.makeUnsafe(false)
  const inbound = Latch.makeUnsafe(false)
  let isOverdue = false
  const pending = acks.make({
    timeout: Duration.toMillis(options.ackTimeout),
    // Pings at once, and only an ack is an answer.
    onOverdue: () => {
      isOverdue = true
      check.openUnsafe()
    },
    now: () => elapsed.nowUnsafe(clock)
  })
  ;(yield* Leftovers)("acks", pending.size)
  const events = eventOrder.make({ ...options, acknowledged: pending.settled })
  const ended = Deferred.makeUnsafe<never, KefuError<ConnectionReason>>()
  let ping = { sequenceId: 0, sentAt: 0 }
  let hasEnded = false
  let lastInbound = yield* elapsed.now
  let received = 0
  let acknowledged = 0
  /** When the latest command was sent that has been acknowledged. */
  let answered = -Infinity

  // --- in

  const onAck = (ack: AckPayload) => {
    acknowledged++
    isOverdue = false
    if (ack.sequenceId === ping.sequenceId) {
      answered = Math.max(answered, ping.sentAt)
      return Effect.void
    }
    const waited = pending.settle(ack)
    if (waited === undefined) return Metric.update(metrics.unknownAcks, 1)
    answered = Math.max(answered, elapsed.nowUnsafe(clock) - waited)
    return Metric.update(metrics.ackSeconds, waited / 1000)
  }

  const receive = (event: RealtimeEvent): Effect.Effect<unknown> => {
    if (event._tag === "MessageReceived") log.noteArrival(event.message)
    if (event._tag === "ActedElsewhere" && event.command !== "Read") {
      return Effect.andThen(events.receive(event), Effect.sync(events.reread))
    }
    return event._tag === "Undecodable"
      ? Effect.andThen(skip(event.detail), events.receive(event))
      : events.receive(event)
  }

  const read = Effect.gen(function* () {
    while (true) {
      const texts = yield* socket.pull
      lastInbound = elapsed.nowUnsafe(clock)
      received += texts.length
      for (const text of texts) {
        const meaning = frames.interpret(text)
        switch (meaning._tag) {
          case "Ack":
            yield* onAck(meaning.ack)
            break
          case "Superseded":
            return yield* failure(new Superseded({}))
          case "Events":
            if (meaning.isLossy) events.doubt()
            for (const event of meaning.events) yield* receive(event)
        }
      }
      inbound.openUnsafe()
      if (events.isWhole()) log.noteTime(lastInbound, answered)
    }
  })

  // --- out

  const write = (frame: string) => {
    const written = socket.write(frame)
    if (Result.isFailure(written)) Deferred.doneUnsafe(ended, Effect.fail(written.failure))
  }

  const sendPing = Effect.sync(() => {
    ping = { sequenceId: options.nextSequenceId(), sentAt: elapsed.nowUnsafe(clock) }
    write(encodePing({ sequenceId: ping.sequenceId, eventType: "Ping", payload: "ping" }))
  })

  const request: Link["request"] = (command, since, onSent) =>
    Effect.suspend((): ReturnType<Link["request"]> => {
      if (hasEnded) return Effect.fail(failure(new NotConnected({ detail: "the connection has just ended" })))
      const sequenceId = options.nextSequenceId()
      const encoded = encodeFrame({ sequenceId, ...command })
      if (Result.isFailure(encoded)) return Effect.fail(invalid("Realtime", encoded.failure))
      onSent(sequenceId)
      return pending.request({
        sequenceId,
        frame: encoded.success,
        since,
        send: write,
        onAck: ({ messageId }) => {
          if (command.eventType === "Message" && Predicate.isNotNullish(messageId)) log.noteSent(messageId)
        }
      })
    })

  // --- the end

  const stop = (error: KefuError<ConnectionReason>) =>
    Effect.sync(() => {
      hasEnded = true
      pending.fail(error)
    })

  const link: Link = {
    request,
    check: check.open,
    end: (error) => Deferred.fail(ended, error),
    run: Effect.raceAllFirst([
      read,
      events.run,
      pending.expire,
      Deferred.await(ended),
      heartbeat.run(options.heartbeat, {
        lastInbound: () => lastInbound,
        frames: () => received,
        acks: () => acknowledged,
        isOverdue: () => isOverdue,
        ping: sendPing,
        inbound,
        check
      })
    ]).pipe(
      Effect.tapError(stop),
      Effect.onInterrupt(() => stop(failure(new Closed({ detail: "closed by the app" }))))
    )
  }
  return link
})

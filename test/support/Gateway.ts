/**
 * The arrangement of tests over a scripted gateway: open a connection, lose it, accept the next one, push a message,
 * acknowledge a frame.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { ConversationId, MessageId, UserId } from "../../src/domain/Id.ts"
import type { Message } from "../../src/domain/Message.ts"
import * as Kefu from "../../src/Kefu.ts"
import { KefuConfig, type Options } from "../../src/KefuConfig.ts"
import type { ConnectionState } from "../../src/realtime/ConnectionState.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import type { RealtimeEvent } from "../../src/realtime/RealtimeEvent.ts"
import { type TestConnection, TestGateway } from "../../src/testing/TestGateway.ts"
import type { ClientFrame } from "../../src/wire/Frame.ts"

/** Redials within a millisecond. */
export const reconnect = { base: 1, cap: 1, resetAfter: 1 }

/** All services of one session, and the gateway that they talk to. */
export const layer = (options: Options = {}) =>
  Kefu.layerServices.pipe(
    Layer.provideMerge(TestGateway.layer),
    Layer.provideMerge(KefuConfig.layer({ baseUrl: "http://gateway.test", reconnect, ...options }))
  )

/** Runs everything that needs no time. */
export const settle = Effect.repeat(Effect.yieldNow, { times: 200 })

/** Moves the clock, with everything that needs no time before and after. */
export const pass = (duration: Parameters<typeof TestClock.adjust>[0]) =>
  Effect.andThen(settle, Effect.andThen(TestClock.adjust(duration), settle))

/** Accepts the next dial, redials included, and waits until the client has noticed. */
export const accept = Effect.gen(function* () {
  const gateway = yield* TestGateway
  yield* pass(reconnect.cap)
  const connection = yield* gateway.accept
  yield* settle
  return connection
})

/** Has the client connect. */
export const open = Effect.gen(function* () {
  const realtime = yield* Realtime
  yield* Effect.forkScoped(Effect.ignore(realtime.open))
  return yield* accept
})

/** Breaks a connection; any other close code where the test gives one. */
export const lose = (connection: TestConnection, code = 1006) => Effect.andThen(connection.close(code), settle)

/** Breaks a connection and accepts the next one. */
export const replace = (connection: TestConnection, code?: number) => Effect.andThen(lose(connection, code), accept)

/** The client's next frame that is a message; frames of other kinds are acknowledged. */
export const message = (connection: TestConnection): Effect.Effect<ClientFrame> =>
  Effect.flatMap(connection.next, (frame) =>
    frame.eventType === "Message"
      ? Effect.succeed(frame)
      : Effect.andThen(
          connection.ack(frame),
          Effect.suspend(() => message(connection))
        )
  )

/** Acknowledges the client's next message with an id. */
export const acknowledge = (connection: TestConnection, messageId: number) =>
  Effect.tap(message(connection), (frame) => Effect.andThen(connection.ack(frame, MessageId.make(messageId)), settle))

/** A text message as the client receives it, by default in conversation 7 from user 2. */
export const text = (id: number, fields: { conversation?: number; from?: number; content?: string } = {}): Message => ({
  id: MessageId.make(id),
  conversationId: ConversationId.make(fields.conversation ?? 7),
  fromId: UserId.make(fields.from ?? 2),
  messageType: "Text",
  content: fields.content ?? `${id}`
})

/** Pushes messages to the client, one frame each. */
export const push = (connection: TestConnection, ...messages: ReadonlyArray<Message>) =>
  Effect.andThen(
    Effect.forEach(messages, (payload) => connection.push({ eventType: "Message", payload }), { discard: true }),
    settle
  )

/** Every state of the connection from now on, with the time of its beginning. */
export const watch = Effect.gen(function* () {
  const realtime = yield* Realtime
  const seen: Array<ConnectionState & { readonly at: number }> = []
  yield* realtime.states.pipe(
    Stream.runForEach((state) => Effect.map(Clock.currentTimeMillis, (at) => seen.push({ ...state, at }))),
    Effect.forkScoped({ startImmediately: true })
  )
  return seen
})

/** Every event from now on, without the changes of state. */
export const collect: Effect.Effect<ReadonlyArray<RealtimeEvent>, never, Realtime | Scope.Scope> = Effect.gen(
  function* () {
    const realtime = yield* Realtime
    const events: Array<RealtimeEvent> = []
    yield* (yield* realtime.subscribe()).pipe(
      Stream.filter((event) => event._tag !== "StateChanged"),
      Stream.runForEach((event) => Effect.sync(() => events.push(event))),
      Effect.forkScoped({ startImmediately: true })
    )
    return events
  }
)

export const tags = (events: ReadonlyArray<{ readonly _tag: string }>) => events.map(({ _tag }) => _tag)

/** The messages among events. */
export const received = (events: ReadonlyArray<RealtimeEvent>): ReadonlyArray<Message> =>
  events.flatMap((event) => (event._tag === "MessageReceived" ? [event.message] : []))

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import { MessageId } from "../../src/domain/Id.ts"
import { Lifecycle, type LifecycleSignal } from "../../src/platform/Lifecycle.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import { type TestConnection, TestGateway } from "../../src/testing/TestGateway.ts"
import { accept, layer, open, pass, push, settle, text } from "../support/Gateway.ts"
import * as WallClock from "../support/WallClock.ts"

/** Dials again within a second. */
const options = { reconnect: { base: 1000, cap: 1000 } }

/** Acknowledges every frame of the client from now on. */
const acknowledgeAll = (connection: TestConnection) =>
  Effect.forkScoped(
    Effect.forever(Effect.flatMap(connection.next, (frame) => connection.ack(frame, MessageId.make(1))))
  )

const stateOf = Effect.flatMap(Realtime, (realtime) => Effect.map(realtime.state, ({ _tag }) => _tag))

const hello = { messageType: "Text", content: "hello" } as const

describe("a wall clock that is set", () => {
  for (const by of ["-1 hours", "1 hours"] as const) {
    it.effect(`by ${by} does not hide that a connection is dead`, () =>
      Effect.flatMap(WallClock.make, (wall) =>
        Effect.gen(function* () {
          const connection = yield* open
          yield* pass("1 second")
          yield* wall.jump(by)
          yield* pass("30 seconds")
          assert.strictEqual((yield* connection.frames).at(-1)?.eventType, "Ping")
          assert.notStrictEqual(yield* stateOf, "Connected")
        }).pipe(Effect.scoped, Effect.provide(layer(options)), wall.run)
      )
    )

    it.effect(`by ${by} in the middle of a ping does not end a living connection`, () =>
      Effect.flatMap(WallClock.make, (wall) =>
        Effect.gen(function* () {
          const connection = yield* open
          yield* pass("20 seconds")
          const ping = yield* connection.next
          assert.strictEqual(ping.eventType, "Ping")
          yield* wall.jump(by)
          yield* pass("2 seconds")
          yield* connection.ack(ping)
          yield* pass("10 seconds")
          assert.strictEqual(yield* stateOf, "Connected")
        }).pipe(Effect.scoped, Effect.provide(layer(options)), wall.run)
      )
    )
  }
})

describe("a connection over which nothing reaches the backend any more", () => {
  it.effect("ends 5 seconds after a command got no ack in time, and not after the next idle ping", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      const connection = yield* open
      yield* pass("10 seconds")
      yield* push(connection, text(1))
      const sending = yield* Effect.forkChild(Effect.flip(realtime.send(hello)))
      yield* pass("10 seconds")
      assert.strictEqual((yield* Fiber.join(sending)).reason._tag, "AckTimeout")
      assert.strictEqual(yield* stateOf, "Connected")
      yield* pass("5 seconds")
      assert.notStrictEqual(yield* stateOf, "Connected")
    }).pipe(Effect.scoped, Effect.provide(layer(options)))
  )

  it.effect("ends although messages still come in, once a command and a ping got no ack", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      const connection = yield* open
      yield* Effect.forkChild(Effect.ignore(realtime.read(MessageId.make(1))))
      for (let id = 1; id <= 16; id++) {
        yield* pass("1 second")
        yield* push(connection, text(id))
      }
      assert.notStrictEqual(yield* stateOf, "Connected")
    }).pipe(Effect.scoped, Effect.provide(layer(options)))
  )

  it.effect("ends 5 seconds after a command got no ack in time, also where an idle ping went out just before", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      const connection = yield* open
      yield* pass("12 seconds")
      yield* Effect.forkChild(Effect.ignore(realtime.send(hello)))
      yield* pass("9 seconds")
      assert.strictEqual((yield* connection.frames).at(-1)?.eventType, "Ping")
      yield* pass("2 seconds")
      yield* push(connection, text(1))
      yield* pass("4 seconds")
      assert.notStrictEqual(yield* stateOf, "Connected")
    }).pipe(Effect.scoped, Effect.provide(layer(options)))
  )

  it.effect("ends although messages still come in, once two pings in a row got no ack", () =>
    Effect.gen(function* () {
      const connection = yield* open
      yield* pass("22 seconds")
      for (let id = 1; id <= 12; id++) {
        yield* push(connection, text(id))
        yield* pass("2 seconds")
      }
      assert.notStrictEqual(yield* stateOf, "Connected")
    }).pipe(Effect.scoped, Effect.provide(layer(options)))
  )

  it.effect("lives on where the backend refuses a command, but acknowledges the ping after it", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      const connection = yield* open
      const reading = yield* Effect.forkChild(Effect.flip(realtime.read(MessageId.make(1))))
      yield* settle
      assert.strictEqual((yield* connection.next).eventType, "Read")
      yield* acknowledgeAll(connection)
      yield* pass("1 minute")
      assert.strictEqual((yield* Fiber.join(reading)).reason._tag, "AckTimeout")
      assert.strictEqual(yield* stateOf, "Connected")
    }).pipe(Effect.scoped, Effect.provide(layer(options)))
  )

  it.effect("is checked at once when the device goes offline", () =>
    Effect.gen(function* () {
      const signals = yield* PubSub.unbounded<LifecycleSignal>()
      const device = { isOffline: false }
      const page = Layer.succeed(Lifecycle, {
        suspension: Effect.sync(() => (device.isOffline ? "offline" : undefined)),
        isHidden: Effect.succeed(false),
        signals: Stream.fromPubSub(signals)
      })
      yield* Effect.gen(function* () {
        const connection = yield* open
        yield* pass("1 second")
        device.isOffline = true
        yield* PubSub.publish(signals, "sleep")
        yield* settle
        assert.strictEqual((yield* connection.frames).at(-1)?.eventType, "Ping")
        yield* pass("6 seconds")
        assert.strictEqual(yield* stateOf, "Suspended")
      }).pipe(Effect.provide(Layer.provide(layer(options), page)))
    }).pipe(Effect.scoped)
  )
})

describe("sequence ids", () => {
  it.effect("begin at 1 and go on over reconnections, failed commands and pings included", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      const gateway = yield* TestGateway
      const first = yield* open
      yield* Effect.forkChild(Effect.ignore(realtime.send(hello)))
      yield* Effect.forkChild(Effect.ignore(realtime.ping()))
      yield* settle
      yield* first.close(1006)
      yield* pass("1 second")
      const second = yield* gateway.accept
      yield* settle
      yield* Effect.forkChild(Effect.ignore(realtime.read(MessageId.make(1))))
      yield* pass("20 seconds")
      const sent = [...(yield* first.frames), ...(yield* second.frames)]
      assert.deepStrictEqual(
        sent.map(({ eventType, sequenceId }) => [eventType, sequenceId]),
        [
          ["Message", 1],
          ["Ping", 2],
          ["Read", 3],
          ["Ping", 4]
        ]
      )
    }).pipe(Effect.scoped, Effect.provide(layer(options)))
  )
})

describe("a late ack", () => {
  it.effect("does not make a message count as delivered whose command has failed already", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      const gateway = yield* TestGateway
      const own = { id: 50, conversation_id: 7, from_id: 1, message_type: 1, content: "hello" }
      const conversation = { id: 7, state: "ACTIVE", users: [], messages: [own] }
      const connection = yield* open
      const recovered = yield* realtime
        .on("MessageReceived")
        .pipe(Stream.take(1), Stream.runCollect, Effect.forkChild({ startImmediately: true }))
      const sending = yield* Effect.forkChild(Effect.flip(realtime.send(hello)))
      const frame = yield* connection.next
      yield* pass("10 seconds")
      assert.strictEqual((yield* Fiber.join(sending)).reason._tag, "AckTimeout")
      yield* connection.ack(frame, MessageId.make(50))
      yield* settle
      yield* gateway.respond(({ path }) => (path === "/im/current_list" ? { body: [conversation] } : undefined))
      yield* connection.close(1006)
      yield* pass("1 second")
      yield* accept
      yield* pass("2 seconds")
      const [event] = yield* Fiber.join(recovered)
      assert.deepInclude(event, { recovered: true })
      assert.strictEqual(event?.message.id, 50)
    }).pipe(Effect.scoped, Effect.provide(layer(options)))
  )
})

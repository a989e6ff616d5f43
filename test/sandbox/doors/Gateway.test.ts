import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Socket from "effect/socket/Socket"
import * as TestClock from "effect/testing/TestClock"
import { DialRefused, Fate, FaultHooks, noFaults } from "../../../src/sandbox/faults/FaultHooks.ts"
import { Sandbox } from "../../../src/sandbox/Sandbox.ts"
import type { SandboxOptions } from "../../../src/sandbox/SandboxOptions.ts"
import { alice, chen, dial, kinds, li, rest, served, text } from "../Client.ts"

const provide = (options?: SandboxOptions) => Effect.provide(Sandbox.layer(options))
const withFaults = (hooks: Partial<FaultHooks>) =>
  Effect.provide(Sandbox.layer().pipe(Layer.provide(Layer.succeed(FaultHooks, { ...noFaults, ...hooks }))))

const closeCodeOf = <A>(pull: Effect.Effect<A, Socket.SocketError>) =>
  pull.pipe(
    Effect.forever,
    Effect.flip,
    Effect.map(({ reason }) => (reason._tag === "SocketCloseError" ? reason.code : reason._tag))
  )

describe("dialling", () => {
  it.effect("requires a known token that has not expired", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const refused = (token: string) => Effect.flip(Effect.scoped(sandbox.connect({ token })))
      assert.deepInclude(yield* refused(""), { _tag: "DialRefused", status: 401 })
      assert.deepInclude(yield* refused("nonsense"), { status: 401 })
      const { json } = yield* rest(undefined, "POST", "/im/tokens")
      yield* dial(json.token)
      yield* TestClock.adjust("1 day")
      assert.include((yield* refused(json.token)).message, "expired")
      assert.strictEqual((yield* rest(json.token, "GET", "/im/users/me")).status, 401)
      yield* sandbox.revokeToken(chen)
      assert.strictEqual((yield* refused(chen)).status, 401)
      assert.deepInclude(yield* sandbox.counters, { dials: 5, dialsRefused: 4, connectionsOpened: 1 })
    }).pipe(provide({ anonymousTokenLifetime: "1 day" }))
  )

  it.effect("a second login notifies the first with event 301, then closes it normally", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const first = yield* dial(chen)
      yield* first.sync
      const second = yield* dial(chen)
      assert.deepStrictEqual(yield* first.next, { event_type: 301 })
      assert.strictEqual(yield* closeCodeOf(first.next), 1000)
      yield* second.call(101, text("你好"))
      assert.deepStrictEqual(kinds(yield* second.sync), [6])
      assert.strictEqual((yield* sandbox.connections).length, 1)
      assert.deepInclude(yield* sandbox.counters, { superseded: 1, connectionsOpened: 2, connectionsClosed: 1 })
    }).pipe(provide())
  )

  it.effect("a client that closes is offline, and may reconnect", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const first = yield* dial(chen)
      yield* first.sync
      yield* first.close
      assert.strictEqual(yield* closeCodeOf(first.next), 1000)
      yield* Effect.yieldNow
      assert.deepStrictEqual(yield* sandbox.connections, [])
      assert.isTrue((yield* Effect.exit(first.raw("x")))._tag === "Failure")
      yield* (yield* dial(chen)).sync
    }).pipe(provide())
  )
})

describe("frames", () => {
  it.effect("are acknowledged in order, each before the frames that it causes", () =>
    Effect.gen(function* () {
      const visitor = yield* dial(chen)
      yield* visitor.sync
      for (const question of ["你好", "谢谢", "再见"]) yield* visitor.send(101, text(question))
      const frames = yield* visitor.take(6)
      assert.deepStrictEqual(kinds(frames), [1103, 6, 1103, 6, 1103, 6])
      const ids = frames.map(({ payload }) => payload.message_id ?? payload.id)
      assert.deepStrictEqual(
        ids,
        ids.toSorted((left, right) => left - right)
      )
    }).pipe(provide())
  )

  it.effect("get an ack with a message id only for messages", () =>
    Effect.gen(function* () {
      const visitor = yield* dial(chen)
      assert.deepStrictEqual(yield* visitor.call(201, "ping"), { sequence_id: 1 })
      const ack = yield* visitor.call(101, text("你好"))
      assert.deepStrictEqual(Object.keys(ack), ["sequence_id", "message_id"])
    }).pipe(provide())
  )

  it.effect("that are invalid are skipped and counted, and the connection stays open", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const visitor = yield* dial(chen)
      yield* visitor.sync
      for (const raw of [
        "not json",
        "",
        "42",
        "null",
        '{"sequence_id":1',
        "[]",
        '{"sequence_id":1,"event_type":999,"payload":{}}',
        '{"sequence_id":1}',
        '{"event_type":101,"payload":{"message_type":1,"content":"no sequence id"}}',
        '{"sequence_id":1,"event_type":101,"payload":{"message_type":99,"content":"?"}}',
        '{"sequence_id":1,"event_type":101,"payload":{"message_type":5,"content":{"not":"sendable"}}}',
        '{"sequence_id":1,"event_type":104,"payload":{"message_id":"seven"}}',
        '{"sequence_id":1,"event_type":201,"payload":"pong"}',
        `{"__proto__":{"polluted":true},"sequence_id":1,"event_type":104,"payload":${"[".repeat(5000)}${"]".repeat(5000)}}`
      ]) {
        yield* visitor.raw(raw)
      }
      assert.deepStrictEqual(yield* visitor.sync, [])
      assert.deepInclude(yield* sandbox.counters, { malformedFrames: 5, unknownEvents: 3, undecodableFrames: 6 })
      yield* visitor.call(101, text("你好"))
    }).pipe(provide())
  )

  it.effect("that nest too deeply are not relayed, and leave the conversation readable", () =>
    Effect.gen(function* () {
      const { visitor, staff, conversationId } = yield* served(chen, li)
      const send = (levels: number) =>
        visitor.raw(
          `{"sequence_id":1,"event_type":101,"payload":{"message_type":2,"content":{"url":"u","x":${"[".repeat(levels)}${"]".repeat(levels)}}}}`
        )
      yield* send(400)
      yield* send(6000)
      yield* visitor.sync
      assert.deepStrictEqual(kinds(yield* staff.sync), [2])
      assert.strictEqual((yield* Sandbox.use(({ counters }) => counters)).undecodableFrames, 1)
      assert.strictEqual((yield* rest(li, "GET", `/im/conversations/${conversationId}`)).status, 200)
    }).pipe(provide())
  )

  it.effect("that are too large close their own connection with 1009", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const visitor = yield* dial(chen)
      const other = yield* dial(alice)
      yield* other.sync
      yield* visitor.call(101, text("好".repeat(300)))
      yield* visitor.sync
      yield* visitor.send(101, text("好".repeat(340)))
      assert.strictEqual(yield* closeCodeOf(visitor.next), 1009)
      assert.deepStrictEqual(yield* other.sync, [])
      assert.strictEqual((yield* sandbox.counters).oversizedFrames, 1)
      yield* (yield* dial(chen)).sync
    }).pipe(provide({ maxFrameBytes: 1024 }))
  )

  it.effect("that the desk refuses are recorded with the reason", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const visitor = yield* dial(chen)
      yield* visitor.sync
      const sequenceId = yield* visitor.send(202, { conversation_id: 1234 })
      yield* visitor.sync
      assert.deepStrictEqual(yield* sandbox.refusals, [
        {
          userId: (yield* sandbox.connections)[0]!.userId,
          sequenceId,
          command: "CloseConversation",
          error: "NotFound",
          message: "There is no conversation 1234"
        }
      ])
    }).pipe(provide())
  )
})

describe("a client that does not read", () => {
  it.effect("holds up no other and is closed with 1013", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const { staff, visitor, visitorId } = yield* served(chen, li)
      for (let index = 0; index < 200; index++) yield* staff.call(101, text(`${index}`, visitorId))
      assert.strictEqual(yield* closeCodeOf(visitor.next), 1013)
      assert.strictEqual((yield* sandbox.counters).slowConsumers, 1)
      const back = yield* dial(chen)
      yield* staff.call(101, text("还在吗", visitorId))
      assert.deepStrictEqual(kinds(yield* back.sync), [1])
    }).pipe(provide({ maxOutgoingFrames: 100 }))
  )

  it.effect("does not keep a superseded connection open", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const { staff, visitorId } = yield* served(chen, li)
      for (let index = 0; index < 80; index++) yield* staff.call(101, text(`${index}`, visitorId))
      yield* dial(chen)
      assert.strictEqual((yield* sandbox.connections).length, 3)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* sandbox.connections).length, 2)
    }).pipe(provide())
  )
})

describe("faults", () => {
  it.effect("refuse and delay dials", () => {
    let dials = 0
    return Effect.gen(function* () {
      const refused = yield* Effect.flip(dial(chen))
      assert.deepInclude(refused, { _tag: "DialRefused", status: 503 })
      const fiber = yield* Effect.forkChild(dial(chen), { startImmediately: true })
      yield* TestClock.adjust("2 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 second")
      yield* (yield* Fiber.join(fiber)).sync
    }).pipe(
      withFaults({
        dial: () =>
          Effect.suspend(() =>
            ++dials === 1 ? new DialRefused({ status: 503, message: "busy" }) : Effect.sleep("3 seconds")
          )
      })
    )
  })

  it.effect("change frames in both directions", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const visitor = yield* dial(chen)
      assert.deepStrictEqual(kinds(yield* visitor.take(4)), [102, 102, 5, 5])
      yield* visitor.send(101, text("swallow me"))
      yield* visitor.send(101, text("cut me"))
      assert.deepStrictEqual(kinds(yield* visitor.sync), [])
      assert.deepStrictEqual(kinds(yield* visitor.take(1)), [1103])
      assert.deepInclude(yield* sandbox.counters, { malformedFrames: 1 })
    }).pipe(
      withFaults({
        link: () =>
          Effect.succeed({
            inbound: (frame) =>
              Effect.succeed(
                frame.includes("swallow")
                  ? []
                  : [Fate.deliver(frame.includes("cut") ? frame.slice(0, frame.length / 2) : frame)]
              ),
            outbound: (frame) => Effect.succeed([Fate.deliver(frame), Fate.deliver(frame)])
          })
      })
    )
  )

  it.effect("delay what a client is told of a second login, but not that its frames are handled no more", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const first = yield* dial(chen)
      yield* TestClock.adjust("3 seconds")
      const second = yield* dial(chen)
      yield* first.send(101, text("too late"))
      yield* TestClock.adjust("1 second")
      yield* second.close
      yield* first.send(101, text("later still"))
      yield* TestClock.adjust("1 second")
      const texts = (yield* sandbox.conversations).flatMap(({ messages }) => messages.map(({ content }) => content))
      assert.notInclude(texts, "too late")
      assert.notInclude(texts, "later still")
    }).pipe(
      withFaults({
        link: () =>
          Effect.succeed({
            inbound: (frame) => Effect.succeed([Fate.deliver(frame)]),
            outbound: (frame) => Effect.delay(Effect.succeed([Fate.deliver(frame)]), "3 seconds")
          })
      })
    )
  )

  for (const [fate, code] of [
    [Fate.reset, 1006],
    [Fate.close(1012, "restart"), 1012]
  ] as const) {
    it.effect(`end a connection with ${code} on a frame`, () =>
      Effect.gen(function* () {
        const visitor = yield* dial(chen)
        yield* visitor.sync
        yield* visitor.send(101, text("die"))
        assert.strictEqual(yield* closeCodeOf(visitor.next), code)
      }).pipe(
        withFaults({
          link: () =>
            Effect.succeed({
              inbound: (frame) => Effect.succeed([frame.includes("die") ? fate : Fate.deliver(frame)]),
              outbound: (frame) => Effect.succeed([Fate.deliver(frame)])
            })
        })
      )
    )
  }

  it.effect("act on a connection without a frame", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const visitor = yield* dial(chen)
      yield* visitor.sync
      const [connection] = yield* sandbox.connections
      yield* connection!.inject('{"event_type":777}')
      assert.deepStrictEqual(yield* visitor.next, { event_type: 777 })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* closeCodeOf(visitor.next), 1006)
    }).pipe(
      withFaults({
        link: (connection) => Effect.as(Effect.forkScoped(Effect.delay(connection.reset, "1 minute")), undefined)
      })
    )
  )

  it.effect("close a connection from outside with a code", () =>
    Effect.gen(function* () {
      const visitor = yield* dial(chen)
      yield* visitor.sync
      const [connection] = yield* (yield* Sandbox).connections
      yield* connection!.close(1011, "oops")
      assert.strictEqual(yield* closeCodeOf(visitor.next), 1011)
    }).pipe(provide())
  )
})

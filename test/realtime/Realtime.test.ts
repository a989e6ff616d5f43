import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { MessageId } from "../../src/domain/Id.ts"
import * as metrics from "../../src/platform/metrics.ts"
import { Lifecycle, type LifecycleSignal, suspendedWhileHidden } from "../../src/platform/Lifecycle.ts"
import type * as Kefu from "../../src/Kefu.ts"
import { Transport } from "../../src/http/Transport.ts"
import { KefuConfig } from "../../src/KefuConfig.ts"
import { KefuError } from "../../src/KefuError.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import type { RealtimeEvent } from "../../src/realtime/RealtimeEvent.ts"
import { DialRefused, Fate, FaultHooks, noFaults } from "../../src/sandbox/faults/FaultHooks.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import type { SandboxOptions } from "../../src/sandbox/SandboxOptions.ts"
import { TestGateway } from "../../src/testing/TestGateway.ts"
import * as TestKefu from "../../src/testing/TestKefu.ts"
import { collect, open, received, settle, tags, watch } from "../support/Gateway.ts"

const sandboxWith = (faults: Partial<FaultHooks>, options?: SandboxOptions) =>
  Sandbox.layer(options).pipe(Layer.provide(Layer.succeed(FaultHooks, { ...noFaults, ...faults })))

const session = (options: Kefu.Options = {}, sandbox: Layer.Layer<Sandbox> = Sandbox.layer()) =>
  TestKefu.layerSession(options).pipe(Layer.provideMerge(sandbox))

const connections = Sandbox.use((sandbox) => sandbox.connections)
const reset = Effect.flatMap(connections, (open) => Effect.forEach(open, (connection) => connection.reset))
const inject = (text: string) =>
  Effect.flatMap(connections, (open) => Effect.forEach(open, (connection) => connection.inject(text)))

const isClosed = (event: RealtimeEvent) => event._tag === "StateChanged" && event.state._tag === "Closed"

describe("dialling", () => {
  it.effect("CONN-1 opens no connection for a program that uses only REST, and connects at the first use", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const realtime = yield* Realtime
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* sandbox.counters).dials, 0)
      assert.strictEqual((yield* realtime.state)._tag, "Idle")
      yield* realtime.send({ messageType: "Text", content: "hello" })
      assert.strictEqual((yield* sandbox.counters).dials, 1)
    }).pipe(Effect.provide(session()))
  )

  it.effect("CONN-1 waits for `open` when it connects manually", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      yield* Effect.asVoid(realtime.subscribe())
      const error = yield* Effect.flip(realtime.read(MessageId.make(1)))
      assert.strictEqual(error.reason._tag, "NotConnected")
      assert.strictEqual((yield* Sandbox.use((sandbox) => sandbox.counters)).dials, 0)
      yield* realtime.open
      assert.strictEqual((yield* realtime.state)._tag, "Connected")
    }).pipe(Effect.scoped, Effect.provide(session({ connect: "manual" })))
  )

  it.effect("CONN-1 reads the token at every dial, and has it refreshed once when it is refused", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const given: Array<string> = []
      yield* Effect.gen(function* () {
        const realtime = yield* Realtime
        yield* realtime.open
        const first = given[0] ?? ""
        yield* sandbox.revokeToken(first)
        yield* reset
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual((yield* realtime.state)._tag, "Connected")
        assert.strictEqual(given.length, 2)
      }).pipe(
        Effect.provide(
          TestKefu.layerSession({
            token: Effect.map(sandbox.createVisitor(), ({ token }) => {
              given.push(token)
              return token
            })
          })
        )
      )
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("CONN-2 waits with full jitter: within U(0, min(20 s, 0.5 s * 2^n)), also at the cap", () =>
    Effect.gen(function* () {
      const seen = yield* watch
      yield* Effect.forkScoped(Realtime.use((realtime) => realtime.open))
      yield* TestClock.adjust("10 minutes")
      const delays = seen.flatMap((state) => (state._tag === "Waiting" ? [state.retryAt - state.at] : []))
      assert.isAtLeast(delays.length, 40)
      delays.forEach((delay, n) => assert.isAtMost(delay, Math.min(20_000, 500 * 2 ** n)))
      const capped = delays.slice(6)
      assert.isAbove(Math.max(...capped), 15_000)
      assert.isBelow(Math.min(...capped), 5_000)
      assert.isAtLeast(new Set(capped).size, capped.length - 2)
    }).pipe(
      Effect.scoped,
      Effect.provide(session({}, sandboxWith({ dial: () => new DialRefused({ status: 503, message: "down" }) }))),
      Random.withSeed("jitter")
    )
  )

  it.effect("CONN-3 resets the backoff after a connection of 10 seconds", () =>
    Effect.gen(function* () {
      const seen = yield* watch
      const realtime = yield* Realtime
      yield* realtime.open
      for (let n = 0; n < 6; n++) {
        yield* reset
        yield* TestClock.adjust("20 seconds")
      }
      const steady = seen.flatMap((state) => (state._tag === "Waiting" ? [state.attempt] : []))
      assert.deepStrictEqual(steady, [0, 0, 0, 0, 0, 0])
    }).pipe(Effect.scoped, Effect.provide(session({})), Random.withSeed("reset"))
  )

  it.effect("CONN-3 keeps backing off while every connection breaks within a second", () =>
    Effect.gen(function* () {
      const seen = yield* watch
      yield* Realtime.use((realtime) => realtime.open)
      yield* TestClock.adjust("1 minute")
      const attempts = seen.flatMap((state) => (state._tag === "Waiting" ? [state.attempt] : []))
      assert.isAtLeast(attempts.length, 5)
      assert.deepStrictEqual(
        attempts,
        attempts.map((_, n) => n)
      )
    }).pipe(
      Effect.scoped,
      Effect.provide(
        session(
          {},
          sandboxWith({
            link: (connection) => Effect.as(Effect.forkScoped(Effect.delay(connection.reset, "1 second")), undefined)
          })
        )
      ),
      Random.withSeed("flapping")
    )
  )

  it.effect("CONN-4 gives up a dial that does not open within 10 seconds", () =>
    Effect.gen(function* () {
      const seen = yield* watch
      yield* Effect.forkScoped(Realtime.use((realtime) => realtime.open))
      yield* TestClock.adjust("10 seconds")
      const waiting = seen.find((state) => state._tag === "Waiting")
      assert.strictEqual(waiting?._tag === "Waiting" && waiting.cause.reason._tag, "ConnectTimeout")
      assert.strictEqual(waiting?.at, 10_000)
    }).pipe(Effect.scoped, Effect.provide(session({}, sandboxWith({ dial: () => Effect.never }))))
  )

  for (const code of [1000, 1001, 1006, 1011, 1012, 1013, 4000]) {
    it.effect(`CONN-5 reconnects after close code ${code}`, () =>
      Effect.gen(function* () {
        const realtime = yield* Realtime
        yield* realtime.open
        for (const connection of yield* connections) yield* connection.close(code)
        yield* TestClock.adjust("10 seconds")
        const state = yield* realtime.state
        assert.strictEqual(state._tag === "Connected" && state.connection, 2)
      }).pipe(Effect.provide(session()))
    )
  }

  it.effect("CONN-5 stays closed after a lost connection when `reconnect` is false", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      yield* realtime.open
      yield* reset
      yield* TestClock.adjust("1 hour")
      const state = yield* realtime.state
      assert.strictEqual(state._tag === "Closed" && state.reason?.reason._tag, "ConnectionLost")
      yield* realtime.open
      assert.strictEqual((yield* realtime.state)._tag, "Connected")
    }).pipe(Effect.provide(session({ reconnect: false })))
  )

  it.effect("CONN-6 reports why a dial was refused, and stops when the token is bad", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      const error = yield* Effect.flip(realtime.open)
      assert.strictEqual(error.reason._tag, "Unauthorized")
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* Sandbox.use((sandbox) => sandbox.counters)).dials, 1)
    }).pipe(Effect.provide(session({ token: "nobody's" })))
  )

  it.effect("CONN-7 waits for the Retry-After of a refused dial, and then for the backoff", () =>
    Effect.gen(function* () {
      const seen = yield* watch
      yield* Effect.forkScoped(Realtime.use((realtime) => realtime.open))
      yield* TestClock.adjust("1 minute")
      const delays = seen.flatMap((state) => (state._tag === "Waiting" ? [state.retryAt - state.at] : []))
      assert.isAtLeast(delays.length, 2)
      delays.forEach((delay, n) => {
        assert.isAtLeast(delay, 17_000)
        assert.isAtMost(delay, Math.max(17_000 * 1.25, Math.min(20_000, 500 * 2 ** n)))
      })
      assert.strictEqual(new Set(delays).size, delays.length)
    }).pipe(
      Effect.scoped,
      Effect.provide(
        session(
          {},
          sandboxWith({
            dial: () => new DialRefused({ status: 429, message: "too many" }),
            request: ({ path }, handle) =>
              path.endsWith("/users/me")
                ? Effect.succeed(HttpServerResponse.empty({ status: 429, headers: { "retry-after": "17" } }))
                : handle
          })
        )
      )
    )
  )

  it.effect("CONN-10 shows the cause of a lost connection, when it dials again, and since when it is connected", () =>
    Effect.gen(function* () {
      const seen = yield* watch
      const realtime = yield* Realtime
      yield* realtime.open
      yield* TestClock.adjust("12 seconds")
      yield* reset
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(tags(seen), ["Idle", "Connecting", "Connected", "Waiting", "Connecting", "Connected"])
      const waiting = seen[3]
      const dialling = seen[4]
      assert.strictEqual(waiting?._tag === "Waiting" && waiting.cause.reason._tag, "ConnectionLost")
      assert.strictEqual(waiting?._tag === "Waiting" && waiting.retryAt, dialling?.at)
      const again = seen[5]
      assert.strictEqual(again?._tag === "Connected" && again.connection, 2)
      assert.strictEqual(again?._tag === "Connected" && again.since, again?.at)
    }).pipe(Effect.scoped, Effect.provide(session()), Random.withSeed("states"))
  )

  it.effect("CONN-11 `retryNow` dials at once", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      yield* realtime.open
      yield* reset
      yield* settle
      assert.strictEqual((yield* realtime.state)._tag, "Waiting")
      yield* realtime.retryNow
      yield* settle
      assert.strictEqual((yield* realtime.state)._tag, "Connected")
      assert.strictEqual(yield* Clock.currentTimeMillis, 0)
    }).pipe(Effect.provide(session()), Random.withSeed("now"))
  )
})

describe("the page", () => {
  const paged = Effect.fnUntraced(function* () {
    const signals = yield* Queue.unbounded<LifecycleSignal>()
    const page = { why: undefined as "offline" | undefined, isHidden: false }
    const lifecycle: Lifecycle = {
      suspension: Effect.sync(() => page.why),
      isHidden: Effect.sync(() => page.isHidden),
      signals: Stream.fromQueue(signals)
    }
    return {
      signals,
      page,
      lifecycle,
      layer: session().pipe(Layer.provide(Layer.succeed(Lifecycle, lifecycle)))
    }
  })

  it.effect("CONN-12 dials while hidden, too, and dials at once when it is shown", () =>
    Effect.gen(function* () {
      const { layer, page, signals } = yield* paged()
      yield* Effect.gen(function* () {
        const realtime = yield* Realtime
        yield* realtime.open
        page.isHidden = true
        yield* Queue.offer(signals, "sleep")
        yield* reset
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* realtime.state)._tag, "Connected")
      }).pipe(Effect.provide(layer))
    })
  )

  it.effect("CONN-12 waits 60 s at most between dials while hidden, 20 s at most when it is shown", () =>
    Effect.gen(function* () {
      const { lifecycle, page, signals } = yield* paged()
      const down = sandboxWith({ dial: () => new DialRefused({ status: 503, message: "down" }) })
      yield* Effect.gen(function* () {
        const states = yield* watch
        page.isHidden = true
        yield* Effect.forkScoped(Realtime.use((realtime) => realtime.open))
        const longest = Effect.gen(function* () {
          states.splice(0)
          yield* TestClock.adjust("15 minutes")
          return Math.max(...states.flatMap((state) => (state._tag === "Waiting" ? [state.retryAt - state.at] : [])))
        })
        const hidden = yield* longest
        assert.isAbove(hidden, 45_000)
        assert.isAtMost(hidden, 60_000)
        page.isHidden = false
        yield* Queue.offer(signals, "wake")
        const shown = yield* longest
        assert.isAbove(shown, 15_000)
        assert.isAtMost(shown, 20_000)
      }).pipe(Effect.provide(Layer.provide(session({}, down), Layer.succeed(Lifecycle, lifecycle))))
    }).pipe(Effect.scoped, Random.withSeed("hidden"))
  )

  it.effect("CONN-12 does not dial while hidden where the app wants that, and dials at once when it is shown", () =>
    Effect.gen(function* () {
      const { lifecycle, page, signals } = yield* paged()
      yield* Effect.gen(function* () {
        const realtime = yield* Realtime
        yield* realtime.open
        page.isHidden = true
        yield* Queue.offer(signals, "sleep")
        yield* reset
        yield* TestClock.adjust("1 hour")
        assert.deepInclude(yield* realtime.state, { _tag: "Suspended", why: "hidden" })
        assert.strictEqual((yield* Sandbox.use((sandbox) => sandbox.counters)).dials, 1)
        const before = yield* Clock.currentTimeMillis
        page.isHidden = false
        yield* Queue.offer(signals, "wake")
        yield* settle
        assert.strictEqual((yield* realtime.state)._tag, "Connected")
        assert.strictEqual(yield* Clock.currentTimeMillis, before)
      }).pipe(Effect.provide(Layer.provide(session(), Layer.succeed(Lifecycle, suspendedWhileHidden(lifecycle)))))
    })
  )

  it.effect("CONN-12 pings at once when the page wakes", () =>
    Effect.gen(function* () {
      const { layer, signals } = yield* paged()
      yield* Effect.gen(function* () {
        const realtime = yield* Realtime
        yield* realtime.open
        yield* TestClock.adjust("3 seconds")
        const { framesIn } = yield* Sandbox.use((sandbox) => sandbox.counters)
        yield* Queue.offer(signals, "wake")
        yield* settle
        assert.strictEqual((yield* Sandbox.use((sandbox) => sandbox.counters)).framesIn, framesIn + 1)
      }).pipe(Effect.provide(layer))
    })
  )

  it.effect("CONN-13 closes its socket when the page is frozen, and reconnects when the page is shown", () =>
    Effect.gen(function* () {
      const { layer, page, signals } = yield* paged()
      yield* Effect.gen(function* () {
        const realtime = yield* Realtime
        yield* realtime.open
        page.isHidden = true
        yield* Queue.offer(signals, "freeze")
        yield* Queue.offer(signals, "sleep")
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual(yield* connections, [])
        page.isHidden = false
        yield* Queue.offer(signals, "wake")
        yield* settle
        assert.strictEqual((yield* connections).length, 1)
      }).pipe(Effect.provide(layer))
    })
  )

  it.effect("CONN-11 dials on `retryNow` while offline, but not because of a `retryNow` while connected", () =>
    Effect.gen(function* () {
      const { layer, page } = yield* paged()
      yield* Effect.gen(function* () {
        const realtime = yield* Realtime
        yield* realtime.open
        yield* realtime.retryNow
        page.why = "offline"
        yield* reset
        yield* TestClock.adjust("1 hour")
        assert.strictEqual((yield* realtime.state)._tag, "Suspended")
        yield* realtime.retryNow
        yield* settle
        assert.strictEqual((yield* realtime.state)._tag, "Connected")
      }).pipe(Effect.provide(layer))
    })
  )
})

describe("a second login", () => {
  const token = "visitor-alice-token"

  it.effect("CONN-14 ends the connection until `takeOver`", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const realtime = yield* Realtime
      const events = yield* collect
      yield* realtime.open
      const scope = yield* Scope.make()
      yield* Scope.provide(sandbox.connect({ token }), scope)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* realtime.state)._tag, "Superseded")
      assert.include(tags(events), "Superseded")
      assert.strictEqual((yield* sandbox.counters).dials, 2)
      const error = yield* Effect.flip(realtime.open)
      assert.strictEqual(error.reason._tag, "Superseded")
      yield* realtime.takeOver
      assert.strictEqual((yield* realtime.state)._tag, "Connected")
      yield* Scope.close(scope, Exit.void)
    }).pipe(Effect.scoped, Effect.provide(session({ token })))
  )
})

describe("the heartbeat", () => {
  const silent = (from: Latch.Latch) =>
    sandboxWith({
      link: () =>
        Effect.succeed({
          inbound: (text) => Effect.succeed(from.isOpen() ? [] : [Fate.deliver(text)]),
          outbound: (text) => Effect.succeed(from.isOpen() ? [] : [Fate.deliver(text)])
        })
    })

  it.effect("CONN-9 detects a silent connection within 25 seconds", () => {
    const silence = Latch.makeUnsafe(false)
    return Effect.gen(function* () {
      const seen = yield* watch
      const realtime = yield* Realtime
      yield* realtime.open
      yield* TestClock.adjust("47 seconds")
      const { framesIn } = yield* Sandbox.use((sandbox) => sandbox.counters)
      assert.strictEqual(framesIn, 2)
      yield* silence.open
      yield* TestClock.adjust("25 seconds")
      const lost = seen.find((state) => state._tag === "Waiting")
      assert.isDefined(lost)
      assert.isAtMost(lost.at, 47_000 + 25_000)
      assert.strictEqual(lost._tag === "Waiting" && lost.cause.reason._tag, "ConnectionLost")
    }).pipe(Effect.scoped, Effect.provide(session({}, silent(silence))))
  })

  it.effect("CONN-9 pings only after 20 seconds without inbound traffic", () =>
    Effect.gen(function* () {
      yield* Realtime.use((realtime) => realtime.open)
      for (let n = 0; n < 10; n++) {
        yield* TestClock.adjust("19 seconds")
        yield* inject('{"event_type":999}')
        yield* settle
      }
      assert.strictEqual((yield* Sandbox.use((sandbox) => sandbox.counters)).framesIn, 0)
    }).pipe(Effect.provide(session()))
  )
})

describe("commands", () => {
  it.effect("CONN-15 settle on their ack, on the deadline, and on the loss of the connection", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      yield* realtime.open
      const refused = yield* Effect.forkChild(Effect.flip(realtime.recall(MessageId.make(999_999))))
      yield* TestClock.adjust("10 seconds")
      const deadline = yield* Fiber.join(refused)
      assert.strictEqual(deadline.reason._tag, "AckTimeout")
      assert.strictEqual(deadline.method, "Realtime.recall")

      const recall = yield* Effect.forkChild(Effect.flip(realtime.recall(MessageId.make(999_999))))
      yield* settle
      yield* reset
      assert.strictEqual((yield* Fiber.join(recall)).reason._tag, "ConnectionLost")
      const error = yield* Effect.flip(realtime.send({ messageType: "Text", content: "x" }))
      assert.strictEqual(error.reason._tag, "NotConnected")
    }).pipe(Effect.provide(session()), Random.withSeed("commands"))
  )

  it.effect("CONN-15 report a send whose connection ends before the ack as DeliveryUnknown", () => {
    const acks = Latch.makeUnsafe(true)
    return Effect.gen(function* () {
      const realtime = yield* Realtime
      yield* realtime.open
      yield* acks.close
      const send = yield* Effect.forkChild(Effect.flip(realtime.send({ messageType: "Text", content: "hello?" })))
      yield* settle
      yield* reset
      const error = yield* Fiber.join(send)
      assert.strictEqual(error.reason._tag, "DeliveryUnknown")
      assert.strictEqual(error.cause instanceof KefuError ? error.cause.reason._tag : error.cause, "ConnectionLost")
    }).pipe(
      Effect.provide(
        session(
          {},
          sandboxWith({
            link: () =>
              Effect.succeed({
                inbound: (text) => Effect.succeed([Fate.deliver(text)]),
                outbound: (text) => Effect.succeed(acks.isOpen() ? [Fate.deliver(text)] : [])
              })
          })
        )
      )
    )
  })

  it.effect(
    "CONN-15 fail with RequestTooLarge for the frame that was too large, and with ConnectionLost for the others",
    () =>
      Effect.gen(function* () {
        const realtime = yield* Realtime
        const text = (content: string) => Effect.flip(realtime.send({ messageType: "Text", content }))
        yield* realtime.open
        const [before, large, later] = yield* Effect.all(
          [text("held back"), text("长".repeat(400)), Effect.flip(realtime.recall(MessageId.make(1)))],
          { concurrency: "unbounded" }
        )
        assert.strictEqual(before.reason._tag, "DeliveryUnknown")
        assert.strictEqual(later.reason._tag, "ConnectionLost")
        assert.strictEqual(large.method, "Realtime.send")
        assert.deepInclude(large.reason, {
          _tag: "RequestTooLarge",
          detail: "a frame of 1276 bytes, but a frame has at most 1000 bytes"
        })
        yield* TestClock.adjust("1 second")
        yield* realtime.send({ messageType: "Text", content: "short" })
      }).pipe(
        Effect.provide(
          session(
            {},
            sandboxWith(
              {
                link: () =>
                  Effect.succeed({
                    inbound: (text) => Effect.succeed(text.includes("held back") ? [] : [Fate.deliver(text)]),
                    outbound: (text) => Effect.succeed([Fate.deliver(text)])
                  })
              },
              { maxFrameBytes: 1000 }
            )
          )
        )
      )
  )

  it.effect("CONN-15 can be interrupted; the late ack is ignored and counted", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      yield* realtime.open
      const before = (yield* Metric.value(metrics.unknownAcks)).count
      const send = yield* Effect.forkChild(realtime.recall(MessageId.make(999_999)))
      yield* settle
      yield* Fiber.interrupt(send)
      yield* inject('{"event_type":103,"payload":{"sequence_id":1}}')
      yield* inject('{"event_type":103,"payload":{"sequence_id":77}}')
      yield* settle
      assert.strictEqual((yield* Metric.value(metrics.unknownAcks)).count, before + 2)
      assert.isAbove((yield* realtime.send({ messageType: "Text", content: "still here" })).messageId, 0)
    }).pipe(Effect.provide(session()))
  )

  it.effect("CONN-15 do not count the answers to heartbeats as unknown acks", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      yield* realtime.open
      const before = (yield* Metric.value(metrics.unknownAcks)).count
      yield* TestClock.adjust("2 minutes")
      assert.isAbove((yield* Sandbox.use((sandbox) => sandbox.counters)).framesIn, 2)
      assert.strictEqual((yield* Metric.value(metrics.unknownAcks)).count, before)
    }).pipe(Effect.provide(session()))
  )

  it.effect("CONN-15 refuse a payload that cannot be encoded, and send nothing", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      yield* realtime.open
      const cyclic: Record<string, unknown> = { orderNo: "1" }
      cyclic["self"] = cyclic
      const error = yield* Effect.flip(realtime.send({ messageType: "OrderMessage", content: cyclic }))
      assert.strictEqual(error.reason._tag, "InvalidRequest")
      assert.strictEqual((yield* Sandbox.use((sandbox) => sandbox.counters)).framesIn, 0)
    }).pipe(Effect.provide(session()))
  )
})

describe("events", () => {
  it.effect("CONN-16 skips and reports frames that cannot be decoded", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      const events = yield* collect
      yield* realtime.open
      for (const text of [
        "",
        "nope",
        "[]",
        "null",
        '{"event_type":"101"}',
        '{"event_type":101,"payload":{"id":"x"}}'
      ]) {
        yield* inject(text)
      }
      yield* inject('{"event_type":4711,"payload":{"some_key":1}}')
      yield* settle
      // Each may have held a message, except for the last: its type is known not to be a message.
      const lost = ["Undecodable", "GapUnresolved"]
      assert.deepStrictEqual(tags(events).slice(-13), [
        ...lost,
        ...lost,
        ...lost,
        ...lost,
        "UnknownReceived",
        "GapUnresolved",
        "UnknownReceived",
        "GapUnresolved",
        "UnknownReceived"
      ])
      assert.deepInclude(events.at(-1), { eventTypeCode: 4711, payload: { someKey: 1 } })
      const { messageId } = yield* realtime.send({ messageType: "Text", content: "多久发货？" })
      yield* settle
      assert.isTrue(received(events).some(({ id }) => id > messageId))
    }).pipe(Effect.scoped, Effect.provide(session()))
  )

  it.effect("CONN-17 drop the oldest for a slow subscriber, say how many, and affect no other subscriber", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      const events = yield* collect
      yield* realtime.open
      yield* settle
      const seen = events.length
      const slow = yield* realtime.subscribe({ bufferSize: 2 })
      for (let n = 0; n < 5; n++) yield* inject(`{"event_type":${9000 + n}}`)
      yield* settle
      assert.strictEqual(events.length, seen + 5)
      const late = Array.from(yield* slow.pipe(Stream.take(3), Stream.runCollect))
      assert.deepStrictEqual(tags(late), ["Lagged", "UnknownReceived", "UnknownReceived"])
      assert.deepInclude(late[0], { dropped: 3 })
      assert.deepInclude(late[2], { eventTypeCode: 9004 })
    }).pipe(Effect.scoped, Effect.provide(session()))
  )

  it.effect("CONN-17 keep the oldest with `suspend`, and fail the stream with `fail`", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      yield* realtime.open
      yield* settle
      const suspended = yield* realtime.subscribe({ bufferSize: 2, overflow: "suspend" })
      const failing = yield* realtime.subscribe({ bufferSize: 2, overflow: "fail" })
      for (let n = 0; n < 5; n++) yield* inject(`{"event_type":${9000 + n}}`)
      yield* settle
      const kept = Array.from(yield* suspended.pipe(Stream.take(3), Stream.runCollect))
      assert.deepStrictEqual(tags(kept), ["UnknownReceived", "UnknownReceived", "Lagged"])
      assert.deepInclude(kept[0], { eventTypeCode: 9000 })
      assert.deepInclude(kept[2], { dropped: 3 })
      const error = yield* Effect.flip(Stream.runDrain(failing))
      assert.strictEqual(error.reason._tag, "SubscriberLagged")
    }).pipe(Effect.scoped, Effect.provide(session()))
  )

  it.effect("CONN-18 reach a subscriber from the call of `subscribe` on, not from the first pull", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      yield* realtime.open
      yield* settle
      const events = yield* realtime.subscribe()
      yield* inject('{"event_type":9001}')
      yield* settle
      const first = Array.from(yield* events.pipe(Stream.take(1), Stream.runCollect))
      assert.deepInclude(first[0], { eventTypeCode: 9001 })
    }).pipe(Effect.scoped, Effect.provide(session()))
  )

  it.effect("CONN-18 all reach the subscriber that opens the connection", () =>
    Effect.gen(function* () {
      const events = yield* collect
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(
        received(events).map(({ messageType }) => messageType),
        ["ConversationBuilt", "ChannelMenu"]
      )
      assert.include(tags(events), "Resynced")
    }).pipe(Effect.scoped, Effect.provide(session()))
  )

  it.effect("CONN-18 come with the changes of state in the order in which they occur", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      const all = yield* realtime.subscribe({ bufferSize: Infinity })
      yield* TestClock.adjust("1 second")
      yield* inject('{"event_type":9001}')
      yield* settle
      yield* reset
      yield* TestClock.adjust("1 second")
      for (let n = 0; n < 5000; n++) yield* inject('{"event_type":9002}')
      yield* settle
      yield* realtime.close
      const seen = Array.from(yield* all.pipe(Stream.takeUntil(isClosed), Stream.runCollect), (event) =>
        event._tag === "StateChanged" ? event.state._tag : event._tag
      )
      assert.deepStrictEqual(seen.slice(0, 10), [
        "Connecting",
        "Connected",
        "Resynced",
        "MessageReceived",
        "MessageReceived",
        "UnknownReceived",
        "Waiting",
        "Connecting",
        "Connected",
        "Resynced"
      ])
      assert.deepStrictEqual(seen.slice(10), [...Array<string>(5000).fill("UnknownReceived"), "Closed"])
    }).pipe(Effect.scoped, Effect.provide(session()), Random.withSeed("order"))
  )

  it.effect("CONN-18 are narrowed to one kind by `on`", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      const fiber = yield* realtime
        .on("UnknownReceived")
        .pipe(Stream.take(1), Stream.runCollect, Effect.forkChild({ startImmediately: true }))
      yield* realtime.open
      yield* inject('{"event_type":9001}')
      assert.deepStrictEqual(
        Array.from(yield* Fiber.join(fiber), (event) => event.eventTypeCode),
        [9001]
      )
    }).pipe(Effect.provide(session()))
  )
})

describe("catching up", () => {
  const staff = Effect.fnUntraced(function* () {
    const context = yield* Layer.build(TestKefu.layerSession({ token: "staff-li-token" }))
    const realtime = yield* Realtime.pipe(Effect.provide(context))
    yield* realtime.open
    return realtime
  })

  it.effect("CONN-19 recovers missed messages once and in order, before new ones", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      const li = yield* staff()
      const events = yield* collect
      yield* realtime.send({ messageType: "Text", content: "转人工" })
      yield* settle
      const conversation = received(events)[0]?.conversationId
      const me = (yield* Sandbox.use((sandbox) => sandbox.conversations)).find(
        ({ id }) => id === conversation
      )?.customer
      if (me?.id === undefined) return assert.fail("no visitor")
      yield* li.send({ messageType: "Text", content: "one", toId: me.id })
      yield* settle
      for (const connection of yield* connections) if (connection.userId === me.id) yield* connection.reset
      yield* li.send({ messageType: "Text", content: "two", toId: me.id })
      yield* li.send({ messageType: "Text", content: "three", toId: me.id })
      yield* TestClock.adjust("1 second")
      yield* li.send({ messageType: "Text", content: "four", toId: me.id })
      yield* settle
      const texts = events.flatMap((event) =>
        event._tag === "MessageReceived" && event.message.messageType === "Text"
          ? [[event.message.content, event.recovered]]
          : []
      )
      assert.deepStrictEqual(texts, [
        ["one", false],
        ["two", true],
        ["three", true],
        ["four", false]
      ])
      assert.notInclude(tags(events), "GapUnresolved")
    }).pipe(Effect.scoped, Effect.provide(session()), Random.withSeed("gap"))
  )

  it.effect("CONN-19 does not recover a message of which the ack is on its way", () => {
    const history = Latch.makeUnsafe(true)
    const acks = Latch.makeUnsafe(true)
    return Effect.gen(function* () {
      const realtime = yield* Realtime
      const events = yield* collect
      yield* realtime.open
      yield* TestClock.adjust("1 second")
      yield* reset
      yield* history.close
      yield* TestClock.adjust("1 second")
      yield* acks.close
      const send = yield* Effect.forkChild(realtime.send({ messageType: "Text", content: "mine" }))
      yield* settle
      yield* history.open
      yield* settle
      yield* acks.open
      const { messageId } = yield* Fiber.join(send)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(events.filter((event) => event._tag === "Resynced").length, 2)
      assert.notInclude(
        received(events).map(({ id }) => id),
        messageId
      )
    }).pipe(
      Effect.scoped,
      Effect.provide(
        session(
          {},
          sandboxWith({
            request: (_, handle) => Effect.andThen(history.await, handle),
            link: () =>
              Effect.succeed({
                inbound: (text) => Effect.succeed([Fate.deliver(text)]),
                outbound: (text) => Effect.as(acks.await, [Fate.deliver(text)])
              })
          })
        )
      ),
      Random.withSeed("mine")
    )
  })

  it.effect("CONN-19 recovers for staff a new conversation from where it became theirs", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      const events = yield* collect
      yield* realtime.open
      yield* settle
      const visitor = yield* Effect.flatMap(Layer.build(TestKefu.layerSession()), (context) =>
        Effect.provide(Realtime, context)
      )
      yield* visitor.send({ messageType: "Text", content: "多久发货？" })
      for (const mine of (yield* connections).slice(0, 1)) yield* mine.reset
      yield* visitor.send({ messageType: "Text", content: "转人工" })
      yield* visitor.send({ messageType: "Text", content: "有人吗？" })
      yield* TestClock.adjust("5 seconds")
      yield* settle
      assert.deepStrictEqual(
        received(events).map(({ messageType }) => messageType),
        ["ConversationBuilt"]
      )
      assert.notInclude(tags(events), "GapUnresolved")
    }).pipe(Effect.scoped, Effect.provide(session({ token: "staff-li-token" })), Random.withSeed("entry"))
  )

  it.effect("CONN-20 reports GapUnresolved when the page of messages does not reach back far enough", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      const li = yield* staff()
      const events = yield* collect
      yield* realtime.send({ messageType: "Text", content: "转人工" })
      yield* settle
      const conversation = received(events)[0]?.conversationId
      const me = (yield* Sandbox.use((sandbox) => sandbox.conversations)).find(
        ({ id }) => id === conversation
      )?.customer
      if (me?.id === undefined) return assert.fail("no visitor")
      for (const connection of yield* connections) if (connection.userId === me.id) yield* connection.reset
      for (const content of ["1", "2", "3", "4", "5"]) yield* li.send({ messageType: "Text", content, toId: me.id })
      yield* TestClock.adjust("1 second")
      const gap = events.find((event) => event._tag === "GapUnresolved")
      assert.deepInclude(gap, { conversationId: conversation })
      const texts = received(events).flatMap((message) => (message.messageType === "Text" ? [message.content] : []))
      assert.deepStrictEqual(texts, ["3", "4", "5"])
    }).pipe(
      Effect.scoped,
      Effect.provide(session({}, Sandbox.layer({ messagesPerConversation: 3 }))),
      Random.withSeed("gap")
    )
  )

  it.effect("CONN-19 drops a message that is pushed twice, and reports one that comes late", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      const events = yield* collect
      yield* realtime.open
      yield* settle
      const before = events.length
      const push = (id: number) =>
        inject(`{"event_type":101,"payload":{"id":${id},"conversation_id":77,"message_type":1,"content":"${id}"}}`)
      for (const id of [1000, 1000, 1002, 1001, 1001, 1003]) yield* push(id)
      yield* settle
      assert.deepStrictEqual(tags(events.slice(before)), [
        "MessageReceived",
        "MessageReceived",
        "GapUnresolved",
        "MessageReceived",
        "MessageReceived"
      ])
      assert.deepStrictEqual(
        received(events.slice(before)).map(({ id }) => Number(id)),
        [1000, 1002, 1001, 1003]
      )
    }).pipe(Effect.scoped, Effect.provide(session()))
  )
})

describe("the end", () => {
  it.effect("CONN-21 `close` settles waiting commands and closes the socket, and `open` connects again", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      yield* realtime.open
      const waiting = yield* Effect.forkChild(Effect.flip(realtime.recall(MessageId.make(999_999))))
      yield* settle
      yield* realtime.close
      assert.strictEqual((yield* Fiber.join(waiting)).reason._tag, "Closed")
      yield* settle
      assert.deepStrictEqual(yield* connections, [])
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* Sandbox.use((sandbox) => sandbox.counters)).dials, 1)
      assert.strictEqual((yield* Effect.flip(realtime.read(MessageId.make(1)))).reason._tag, "Closed")
      yield* realtime.open
      assert.strictEqual((yield* realtime.state)._tag, "Connected")
    }).pipe(Effect.provide(session()))
  )

  it.effect("CONN-21 the end of the layer ends subscribers and closes the socket", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Scope.provide(Layer.build(TestKefu.layerSession()), scope)
      const realtime = yield* Realtime.pipe(Effect.provide(context))
      const events = yield* realtime.subscribe()
      yield* realtime.open
      const drained = yield* Effect.forkChild(Stream.runDrain(events))
      yield* settle
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(drained)
      yield* settle
      assert.deepStrictEqual(yield* connections, [])
    }).pipe(Effect.scoped, Effect.provide(Sandbox.layer()))
  )

  it.effect("CONN-21 an interrupted `close` over a socket that closes slowly leaves the connection closed", () => {
    const closes = Latch.makeUnsafe(false)
    return Effect.gen(function* () {
      const realtime = yield* Realtime
      yield* open
      const closing = yield* Effect.forkChild(realtime.close)
      yield* settle
      yield* Fiber.interrupt(closing)
      assert.strictEqual((yield* realtime.state)._tag, "Closed")
      assert.strictEqual((yield* Effect.flip(realtime.read(MessageId.make(1)))).reason._tag, "Closed")
      yield* open
      assert.deepInclude(yield* realtime.state, { _tag: "Connected", connection: 2 })
      yield* closes.open
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Realtime.layer.pipe(
          Layer.provide(
            Layer.effect(
              Transport,
              Transport.useSync((transport) => ({
                ...transport,
                connect: Effect.andThen(
                  Effect.addFinalizer(() => closes.await),
                  transport.connect
                )
              }))
            )
          ),
          Layer.provideMerge(TestGateway.layer),
          Layer.provideMerge(KefuConfig.layer({ baseUrl: "http://gateway.test" }))
        )
      )
    )
  })
})

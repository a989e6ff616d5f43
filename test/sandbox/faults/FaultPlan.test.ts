import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as Socket from "effect/socket/Socket"
import * as TestClock from "effect/testing/TestClock"
import type { Fault } from "../../../src/sandbox/faults/Fault.ts"
import { faultsPath } from "../../../src/sandbox/faults/FaultApi.ts"
import * as FaultPlan from "../../../src/sandbox/faults/FaultPlan.ts"
import { DialRefused, Fate, FaultHooks, type Link, noFaults } from "../../../src/sandbox/faults/FaultHooks.ts"
import { origin, Sandbox } from "../../../src/sandbox/Sandbox.ts"
import { SandboxFaults } from "../../../src/sandbox/faults/SandboxFaults.ts"
import type { SandboxOptions } from "../../../src/sandbox/SandboxOptions.ts"
import * as WallClock from "../../support/WallClock.ts"
import { alice, chen, type Client, dial, li, rest, served, text } from "../Client.ts"

const provide = (options?: SandboxOptions, plan: FaultPlan.FaultPlan = []) =>
  Effect.provide(Sandbox.layer(options).pipe(Layer.provideMerge(FaultPlan.layer(plan))))

const inject = (...faults: ReadonlyArray<Fault>) => SandboxFaults.use((service) => service.inject(...faults))
const clear = SandboxFaults.use((service) => service.clear)

const endOf = (client: Client) =>
  client.next.pipe(
    Effect.forever,
    Effect.flip,
    Effect.map(({ reason }: Socket.SocketError) => (reason._tag === "SocketCloseError" ? reason.code : reason._tag))
  )

/** Waits until every frame in flight has arrived. */
const settled = Effect.repeat(Effect.yieldNow, { times: 50 })

/** The frames received so far, without a command. */
const received = (client: Client) =>
  Effect.gen(function* () {
    const frames: Array<unknown> = []
    const reader = yield* Effect.forkChild(
      Effect.forever(
        Effect.map(client.next, (frame) => {
          frames.push(frame)
        })
      )
    )
    yield* settled
    yield* Fiber.interrupt(reader)
    return frames
  })

const dialFails = (token: string) =>
  Sandbox.use((sandbox) => Effect.flip(Effect.scoped(sandbox.connect({ token, subChannelId: undefined }))))

describe("faults on dials", () => {
  it.effect("refuse dials of the named user for the given time, with Retry-After", () =>
    Effect.gen(function* () {
      const visitor = yield* dial(chen)
      const { json: me } = yield* rest(chen, "GET", "/im/users/me")
      yield* visitor.close
      yield* inject({ _tag: "RefuseDials", from: 1000, until: 3000, status: 503, retryAfter: 7, userId: me.id })
      yield* Effect.scoped(dial(chen))
      yield* TestClock.adjust(1000)
      const refused = yield* dialFails(chen)
      assert.deepInclude(refused, { status: 503, headers: { "retry-after": "7" } })
      yield* Effect.scoped(dial(alice))
      yield* TestClock.adjust(2000)
      yield* Effect.scoped(dial(chen))
    }).pipe(provide())
  )

  it.effect("delay dials, and stop at once when cleared", () =>
    Effect.gen(function* () {
      yield* inject({ _tag: "DelayDials", millis: 60_000 })
      const first = yield* Effect.forkScoped(dial(chen), { startImmediately: true })
      yield* TestClock.adjust("59 seconds")
      assert.isUndefined(first.pollUnsafe())
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(first)
      const second = yield* Effect.forkScoped(dial(alice), { startImmediately: true })
      yield* TestClock.adjust(1)
      yield* clear
      yield* Fiber.join(second)
    }).pipe(provide())
  )
})

describe("faults on connections", () => {
  it.effect("reset, close with a code or kick at the given moment", () =>
    Effect.gen(function* () {
      yield* inject(
        { _tag: "Reset", from: 1000 },
        { _tag: "Close", from: 2000, code: 1011, reason: "oops" },
        { _tag: "Close", from: 3000, code: 1006 },
        { _tag: "Kick", from: 4000 }
      )
      for (const code of [1006, 1011, 1006]) {
        const visitor = yield* dial(chen)
        yield* visitor.sync
        yield* TestClock.adjust(1000)
        assert.strictEqual(yield* endOf(visitor), code)
      }
      const visitor = yield* dial(chen)
      yield* visitor.sync
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(yield* visitor.next, { event_type: 301 })
      assert.strictEqual(yield* endOf(visitor), 1000)
    }).pipe(provide())
  )

  it.effect("reset a connection after the given bytes, in either direction", () =>
    Effect.gen(function* () {
      const visitor = yield* dial(chen)
      yield* visitor.sync
      yield* inject({ _tag: "DropAfter", direction: "inbound", bytes: 300 })
      const before = yield* Sandbox.use((sandbox) => sandbox.counters)
      for (let count = 0; count < 6; count++) yield* visitor.send(201, "ping")
      assert.strictEqual(yield* endOf(visitor), 1006)
      const { framesIn } = yield* Sandbox.use((sandbox) => sandbox.counters)
      const size = '{"sequence_id":2,"event_type":201,"payload":"ping"}'.length
      assert.strictEqual(framesIn - before.framesIn, Math.floor(300 / size))
      yield* clear
      const again = yield* dial(chen)
      yield* again.sync
      yield* inject({ _tag: "DropAfter", direction: "outbound", bytes: 60 })
      yield* again.send(201, "ping")
      yield* again.send(201, "ping")
      assert.strictEqual((yield* again.next).event_type, 103)
      assert.strictEqual(yield* endOf(again), 1006)
    }).pipe(provide())
  )

  it.effect("silence one or both directions for good without closing", () =>
    Effect.gen(function* () {
      const { staff, visitor, visitorId } = yield* served(chen, li)
      yield* inject({ _tag: "Silence", direction: "outbound", until: 1000, userId: visitorId })
      yield* visitor.send(101, text("do you hear me?"))
      assert.strictEqual((yield* staff.message(1)).content, "do you hear me?")
      yield* TestClock.adjust("1 minute")
      yield* staff.call(101, text("yes", visitorId))
      assert.deepStrictEqual(yield* received(visitor), [])
      yield* inject({ _tag: "Silence", direction: "inbound", until: 1000, userId: visitorId })
      yield* visitor.send(101, text("nobody hears this"))
      yield* settled
      yield* clear
      yield* visitor.send(101, text("nor this"))
      assert.deepStrictEqual(yield* staff.sync, [])
      assert.strictEqual((yield* Sandbox.use((sandbox) => sandbox.connections)).length, 2)
    }).pipe(provide())
  )

  it.effect("stall a client until too many frames wait for it", () =>
    Effect.gen(function* () {
      const { staff, visitor, visitorId } = yield* served(chen, li)
      yield* inject({ _tag: "Stall", until: 10_000, userId: visitorId })
      for (let count = 0; count < 5; count++) yield* staff.call(101, text(`${count}`, visitorId))
      assert.deepStrictEqual(yield* received(visitor), [])
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(
        (yield* visitor.sync).map(({ payload }) => payload.content),
        ["0", "1", "2", "3", "4"]
      )
      yield* inject({ _tag: "Stall", userId: visitorId })
      for (let count = 0; count < 12; count++) yield* staff.call(101, text(`${count}`, visitorId))
      assert.strictEqual(yield* endOf(visitor), 1013)
      assert.strictEqual((yield* Sandbox.use((sandbox) => sandbox.counters)).slowConsumers > 0, true)
    }).pipe(provide({ maxOutgoingFrames: 8 }))
  )

  it.effect("delay frames and keep their order", () =>
    Effect.gen(function* () {
      const { staff, visitor, visitorId } = yield* served(chen, li)
      yield* inject({ _tag: "Delay", direction: "outbound", millis: 1500, userId: visitorId })
      yield* staff.call(101, text("a", visitorId))
      yield* staff.call(101, text("b", visitorId))
      yield* TestClock.adjust(1499)
      assert.deepStrictEqual(yield* received(visitor), [])
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* received(visitor)).length, 1)
      yield* TestClock.adjust(1500)
      assert.strictEqual((yield* received(visitor)).length, 1)
    }).pipe(provide())
  )
})

describe("faults on frames", () => {
  const exchange = (fault: Fault) =>
    Effect.gen(function* () {
      const { staff, visitor, visitorId } = yield* served(chen, li)
      yield* inject({ ...fault, userId: visitorId })
      for (let count = 1; count <= 4; count++) yield* staff.call(101, text(`${count}`, visitorId))
      yield* TestClock.adjust(500)
      return (yield* visitor.sync).map(({ payload }) => payload.content)
    })

  it.effect("duplicate pushes, at once or later", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Effect.scoped(exchange({ _tag: "Duplicate", every: 2 })), [
        "1",
        "2",
        "2",
        "3",
        "4",
        "4"
      ])
    }).pipe(provide())
  )

  it.effect("duplicate pushes later", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Effect.scoped(exchange({ _tag: "Duplicate", every: 2, lag: 1 })), [
        "1",
        "2",
        "3",
        "2",
        "4"
      ])
    }).pipe(provide())
  )

  it.effect("reorder pushes without losing any", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Effect.scoped(exchange({ _tag: "Reorder", every: 1 })), ["2", "1", "4", "3"])
    }).pipe(provide())
  )

  it.effect("reorder single pushes", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Effect.scoped(exchange({ _tag: "Reorder", every: 3 })), ["1", "2", "4", "3"])
    }).pipe(provide())
  )

  it.effect("send a reordered push after half a second at the latest", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Effect.scoped(exchange({ _tag: "Reorder", every: 4 })), ["1", "2", "3", "4"])
    }).pipe(provide())
  )

  it.effect("send a reordered push through the hooks of the sandbox, as every other frame", () =>
    Effect.gen(function* () {
      const passed: Array<string> = []
      const link = () =>
        Effect.succeed<Link>({
          inbound: (frame) => Effect.succeed([Fate.deliver(frame)]),
          outbound: (frame) => Effect.sync(() => (passed.push(frame), [Fate.deliver(frame)]))
        })
      yield* Effect.gen(function* () {
        const { staff, visitor, visitorId } = yield* served(chen, li)
        yield* inject({ _tag: "Reorder", every: 1, userId: visitorId })
        yield* staff.call(101, text("alone", visitorId))
        yield* TestClock.adjust(500)
        assert.lengthOf(yield* received(visitor), 1)
        assert.lengthOf(
          passed.filter((frame) => frame.includes("alone")),
          1
        )
      }).pipe(provide(), Effect.provideService(FaultHooks, { ...noFaults, link }))
    })
  )

  it.effect("truncate and malform", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const visitor = yield* dial(chen)
      yield* visitor.sync
      yield* inject({ _tag: "Truncate", direction: "inbound", every: 2 })
      for (let count = 0; count < 4; count++) yield* visitor.send(201, "ping")
      assert.strictEqual((yield* received(visitor)).length, 2)
      assert.strictEqual((yield* sandbox.counters).malformedFrames, 2)
      yield* clear
      yield* inject({ _tag: "Malform", direction: "inbound", every: 1 })
      for (let count = 0; count < 10; count++) yield* visitor.send(201, "ping")
      yield* settled
      const { malformedFrames, undecodableFrames, unknownEvents } = yield* sandbox.counters
      assert.strictEqual(malformedFrames + undecodableFrames + unknownEvents, 12)
      yield* clear
      assert.deepStrictEqual(yield* visitor.sync, [])
    }).pipe(provide())
  )
})

describe("faults on requests", () => {
  it.effect("respond with a status, or drop the request before or after it is handled", () =>
    Effect.gen(function* () {
      yield* inject(
        { _tag: "FailRequests", status: 429, retryAfter: 3, path: "/api/v1/im/users", method: "GET", until: 1000 },
        { _tag: "DropRequests", when: "before", from: 1000, until: 2000 },
        { _tag: "DropRequests", when: "after", from: 2000, until: 3000 },
        { _tag: "DelayRequests", millis: 500, from: 3000 }
      )
      const refused = yield* rest(chen, "GET", "/im/users/me")
      assert.strictEqual(refused.status, 429)
      assert.strictEqual(refused.headers["retry-after"], "3")
      assert.strictEqual((yield* rest(chen, "GET", "/im/current_list")).status, 200)
      const words = Effect.map(rest(li, "GET", "/im/common_words"), ({ json }) => json.common_words.length as number)
      const known = yield* words
      const add = rest(li, "POST", "/im/common_words", { title: "Hello", content: "Hello there" })
      yield* TestClock.adjust(1000)
      assert.strictEqual((yield* Effect.flip(add)).reason._tag, "TransportError")
      yield* TestClock.adjust(1000)
      assert.strictEqual((yield* Effect.flip(add)).reason._tag, "TransportError")
      yield* TestClock.adjust(1000)
      const late = yield* Effect.forkChild(words, { startImmediately: true })
      yield* TestClock.adjust(499)
      assert.isUndefined(late.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* Fiber.join(late), known + 1)
    }).pipe(provide())
  )
})

describe("FaultPlan", () => {
  it.effect("keeps hooks provided below in force", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* dialFails(chen)).status, 418)
      yield* inject({ _tag: "RefuseDials", status: 503 })
      assert.strictEqual((yield* dialFails(chen)).status, 503)
    }).pipe(
      provide(),
      Effect.provideService(FaultHooks, {
        ...noFaults,
        dial: () => new DialRefused({ status: 418, message: "a teapot" })
      })
    )
  )

  it.effect("lists the faults that have not ended", () =>
    Effect.gen(function* () {
      const list = SandboxFaults.use((service) => service.faults)
      const plan: FaultPlan.FaultPlan = [
        { _tag: "Reset", from: 1000 },
        { _tag: "Stall", from: 0, until: 2000 },
        { _tag: "Stall", from: 3000 }
      ]
      assert.deepStrictEqual(yield* list, plan)
      yield* TestClock.adjust(1500)
      assert.deepStrictEqual(yield* list, plan.slice(1))
      yield* TestClock.adjust("1 day")
      assert.deepStrictEqual(yield* list, plan.slice(2))
      yield* clear
      assert.deepStrictEqual(yield* list, [])
    }).pipe(
      provide({}, [
        { _tag: "Reset", from: 1000 },
        { _tag: "Stall", from: 0, until: 2000 },
        { _tag: "Stall", from: 3000 }
      ])
    )
  )

  it.effect("is the same for the same seed, ends in time and round-trips as JSON", () =>
    Effect.gen(function* () {
      const drawn = (seed: number) => Random.withSeed(FaultPlan.generate({ within: "10 minutes", count: 12 }), seed)
      const seen = new Set<string>()
      for (let seed = 0; seed < 200; seed++) {
        const plan = yield* drawn(seed)
        assert.deepStrictEqual(yield* drawn(seed), plan)
        assert.deepStrictEqual(
          yield* Schema.decodeUnknownEffect(FaultPlan.FaultPlan)(JSON.parse(FaultPlan.format(plan))),
          plan
        )
        for (const fault of plan) {
          seen.add(fault._tag)
          assert.isAtMost(("until" in fault ? fault.until : fault.from) ?? Infinity, 600_000)
        }
      }
      assert.strictEqual(seen.size, 16)
      const faults = yield* SandboxFaults.use((service) => service.faults).pipe(Effect.provide(FaultPlan.layer("seed")))
      assert.deepStrictEqual(faults, yield* Random.withSeed(FaultPlan.generate(), "seed"))
    })
  )
})

describe("the fault API", () => {
  const control = Effect.fnUntraced(function* (method: "GET" | "POST" | "DELETE", body?: unknown) {
    const { httpClient } = yield* Sandbox
    const request = HttpClientRequest.make(method)(`${origin}${faultsPath}`)
    const response = yield* httpClient.execute(
      body === undefined ? request : HttpClientRequest.bodyJsonUnsafe(request, body)
    )
    const content = yield* response.text
    const json: unknown = content === "" ? undefined : JSON.parse(content)
    return { status: response.status, json }
  })

  it.effect("injects, lists and clears, also while requests fail", () =>
    Effect.gen(function* () {
      const plan = [{ _tag: "FailRequests", status: 500 }]
      assert.strictEqual((yield* control("POST", plan)).status, 204)
      assert.strictEqual((yield* rest(chen, "GET", "/im/users/me")).status, 500)
      assert.deepStrictEqual((yield* control("GET")).json, plan)
      assert.strictEqual((yield* control("POST", [{ _tag: "FailRequests", status: 7 }])).status, 400)
      assert.strictEqual((yield* control("DELETE")).status, 204)
      assert.strictEqual((yield* rest(chen, "GET", "/im/users/me")).status, 200)
    }).pipe(Effect.provide(Sandbox.layer({ faultControl: true })))
  )

  it.effect("adds to the plan in force", () =>
    Effect.gen(function* () {
      yield* control("DELETE")
      assert.deepStrictEqual(yield* SandboxFaults.use((service) => service.faults), [])
    }).pipe(provide({ faultControl: true }, [{ _tag: "Stall" }]))
  )

  it.effect("exists only when enabled", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* control("GET")).status, 404)
    }).pipe(provide())
  )

  it.effect("refuses callers on other machines", () =>
    Effect.gen(function* () {
      const { httpApp } = yield* Sandbox
      const from = Effect.fnUntraced(function* (address: string) {
        const request = HttpServerRequest.fromWeb(new Request(`${origin}${faultsPath}`)).modify({
          remoteAddress: Option.some(address)
        })
        const response = yield* Effect.provideService(httpApp, HttpServerRequest.HttpServerRequest, request)
        return response.status
      })
      assert.strictEqual(yield* from("127.0.0.1"), 200)
      assert.strictEqual(yield* from("::1"), 200)
      assert.strictEqual(yield* from("::ffff:127.0.0.1"), 200)
      assert.strictEqual(yield* from("192.168.1.5"), 403)
      assert.strictEqual(yield* from("::ffff:192.168.1.5"), 403)
    }).pipe(Effect.provide(Sandbox.layer({ faultControl: true })))
  )
})

describe("a wall clock that is set", () => {
  for (const by of ["-1 hour", "1 hour"] as const) {
    it.effect(`by ${by} changes nothing about when a fault begins and ends`, () =>
      Effect.gen(function* () {
        const wall = yield* WallClock.make
        yield* Effect.gen(function* () {
          yield* inject({ _tag: "RefuseDials", status: 503, from: 10_000, until: 20_000 })
          yield* wall.jump(by)
          yield* Effect.scoped(dial(chen))
          yield* TestClock.adjust("15 seconds")
          assert.strictEqual((yield* dialFails(chen)).status, 503)
          yield* TestClock.adjust("5 seconds")
          yield* Effect.scoped(dial(chen))
        }).pipe(provide(), wall.run)
      })
    )
  }
})

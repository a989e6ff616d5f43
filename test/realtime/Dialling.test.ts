import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as PubSub from "effect/PubSub"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { ConnectTimeout, type KefuError, NetworkUnreachable, RateLimited, Unauthorized } from "../../src/KefuError.ts"
import { Lifecycle, type LifecycleSignal } from "../../src/platform/Lifecycle.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import { DialRefused, FaultHooks, noFaults } from "../../src/sandbox/faults/FaultHooks.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import { TestGateway } from "../../src/testing/TestGateway.ts"
import * as TestKefu from "../../src/testing/TestKefu.ts"
import { collect, layer, lose, open, pass, settle, tags, watch } from "../support/Gateway.ts"

const sandboxSession = (faults: Partial<FaultHooks>) =>
  TestKefu.layerSession().pipe(
    Layer.provideMerge(Sandbox.layer().pipe(Layer.provide(Layer.succeed(FaultHooks, { ...noFaults, ...faults }))))
  )

const waits = (seen: Effect.Success<typeof watch>) =>
  seen.flatMap((state) =>
    state._tag === "Waiting" ? [{ attempt: state.attempt, delay: state.retryAt - state.at }] : []
  )

/** Dials again within a second. */
const options = { reconnect: { base: 1000, cap: 1000 } }

const timedOut = new ConnectTimeout({ afterMillis: 10_000 })

const superseded = { eventType: "MultipleLogin" } as const

const stateOf = Effect.flatMap(Realtime, (realtime) => Effect.map(realtime.state, ({ _tag }) => _tag))

describe("the backoff", () => {
  it.effect("grows while every dial takes its 10 seconds and then times out", () =>
    Effect.gen(function* () {
      const seen = yield* watch
      yield* Effect.forkScoped(Realtime.use((realtime) => realtime.open))
      yield* TestClock.adjust("3 minutes")
      const attempts = waits(seen).map(({ attempt }) => attempt)
      assert.isAtLeast(attempts.length, 6)
      assert.deepStrictEqual(
        attempts,
        attempts.map((_, n) => n)
      )
    }).pipe(Effect.scoped, Effect.provide(sandboxSession({ dial: () => Effect.never })), Random.withSeed("timeouts"))
  )

  for (const retryAfter of ["0", "-3", "1e-9", "Thu, 01 Jan 1970 00:00:00 GMT", "soon", "99999999999", "Infinity"]) {
    it.effect(`stays within its bounds when the backend asks to retry after "${retryAfter}"`, () =>
      Effect.gen(function* () {
        const seen = yield* watch
        yield* Effect.forkScoped(Realtime.use((realtime) => realtime.open))
        yield* TestClock.adjust("30 minutes")
        const all = waits(seen)
        assert.isAtLeast(all.length, 4)
        assert.isAtMost(all.length, 300)
        assert.isAbove(Math.max(...all.map(({ delay }) => delay)), 5000)
        for (const { attempt, delay } of all) {
          assert.isAtMost(delay, retryAfter === "99999999999" ? 375_000 : Math.min(20_000, 500 * 2 ** attempt))
        }
        assert.deepStrictEqual(
          all.map(({ attempt }) => attempt),
          all.map((_, n) => n)
        )
      }).pipe(
        Effect.scoped,
        Effect.provide(
          sandboxSession({
            dial: () => new DialRefused({ status: 503, message: "down" }),
            request: ({ path }, handle) =>
              path.endsWith("/users/me")
                ? Effect.succeed(HttpServerResponse.empty({ status: 429, headers: { "retry-after": retryAfter } }))
                : handle
          })
        ),
        Random.withSeed(retryAfter)
      )
    )
  }

  it.effect("is logged: each lost connection and failed dial once, with the reason and the time until the next", () => {
    const warnings: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => {
      if (logLevel === "Warn") warnings.push(String(message))
    })
    return Effect.gen(function* () {
      const gateway = yield* TestGateway
      const connection = yield* open
      yield* connection.close(1011, "restarting")
      yield* pass("1 second")
      yield* gateway.refuse(new NetworkUnreachable({ detail: "ECONNREFUSED" }))
      yield* pass("1 second")
      yield* gateway.accept
      yield* settle
      assert.strictEqual(warnings.length, 2)
      assert.match(warnings[0] ?? "", /connection was lost.*1011 restarting.*next dial is in \d+ ms/s)
      assert.match(warnings[1] ?? "", /dial failed.*ECONNREFUSED.*next dial is in \d+ ms/s)
    }).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(layer(options), Logger.layer([logger]))))
  })
})

describe("a schedule in place of the backoff", () => {
  const unreachable = new NetworkUnreachable({ detail: "ECONNREFUSED" })
  const refuse = TestGateway.use((gateway) => Effect.andThen(gateway.refuse(unreachable), settle))
  /** Fails one dial, and waits as long as the next one needs. */
  const refused = (delay: Parameters<typeof pass>[0]) => Effect.andThen(refuse, pass(delay))
  const doubling = { reconnect: Schedule.exponential("1 second") }

  it.effect("sets the delays, without jitter, and starts anew after a connection that lasted 10 seconds", () =>
    Effect.gen(function* () {
      const gateway = yield* TestGateway
      const seen = yield* watch
      yield* Effect.forkScoped(Effect.ignore(Realtime.use((realtime) => realtime.open)))
      yield* settle
      yield* refused("1 second")
      yield* refused("2 seconds")
      const short = yield* gateway.accept
      yield* pass("9 seconds")
      yield* short.close(1006)
      yield* pass("4 seconds")
      const long = yield* gateway.accept
      yield* pass("10 seconds")
      yield* long.close(1006)
      yield* pass("1 second")
      yield* gateway.accept
      yield* settle
      assert.deepStrictEqual(
        waits(seen).map(({ delay }) => delay),
        [1000, 2000, 4000, 1000]
      )
      assert.strictEqual(yield* stateOf, "Connected")
    }).pipe(Effect.scoped, Effect.provide(layer(doubling)))
  )

  it.effect("is given why the dial failed or the connection was lost", () => {
    const given: Array<string> = []
    const reconnect = Schedule.spaced("1 second").pipe(
      Schedule.tap(({ input }: { readonly input: KefuError }) => Effect.sync(() => given.push(input.reason._tag)))
    )
    return Effect.gen(function* () {
      yield* lose(yield* open)
      yield* pass("1 second")
      yield* refused("1 second")
      assert.deepStrictEqual(given, ["ConnectionLost", "NetworkUnreachable"])
    }).pipe(Effect.scoped, Effect.provide(layer({ reconnect })))
  })

  it.effect("that ends ends the session with the last failure, until `open`, which starts it anew", () =>
    Effect.gen(function* () {
      const gateway = yield* TestGateway
      const realtime = yield* Realtime
      const subscription = yield* realtime.subscribe()
      const end = yield* Effect.forkScoped(Effect.flip(Stream.runDrain(subscription)), { startImmediately: true })
      yield* settle
      yield* refused("1 second")
      yield* refused("1 second")
      assert.strictEqual(yield* stateOf, "Connecting")
      yield* refuse
      const state = yield* realtime.state
      assert.strictEqual(state._tag === "Closed" && state.reason?.reason._tag, "NetworkUnreachable")
      assert.strictEqual((yield* Fiber.join(end)).reason._tag, "NetworkUnreachable")
      yield* realtime.retryNow
      yield* pass("1 hour")
      assert.strictEqual(yield* stateOf, "Closed")
      const opened = yield* Effect.forkScoped(realtime.open, { startImmediately: true })
      yield* settle
      yield* refused("1 second")
      yield* refused("1 second")
      yield* gateway.accept
      yield* Fiber.join(opened)
      assert.strictEqual(yield* stateOf, "Connected")
    }).pipe(
      Effect.scoped,
      Effect.provide(layer({ reconnect: Schedule.spaced("1 second").pipe(Schedule.upTo({ times: 2 })) }))
    )
  )

  it.effect("that is endless, with an endless delay, waits for `retryNow`", () =>
    Effect.gen(function* () {
      const gateway = yield* TestGateway
      const realtime = yield* Realtime
      yield* Effect.forkScoped(Effect.ignore(realtime.open))
      yield* settle
      yield* refused("30 days")
      assert.strictEqual(yield* stateOf, "Waiting")
      yield* realtime.retryNow
      yield* settle
      yield* gateway.accept
      yield* settle
      assert.strictEqual(yield* stateOf, "Connected")
    }).pipe(Effect.scoped, Effect.provide(layer({ reconnect: Schedule.spaced(Duration.infinity) })))
  )

  it.effect("is prolonged by what the backend asks for, and does not redial a refused token", () =>
    Effect.gen(function* () {
      const gateway = yield* TestGateway
      const seen = yield* watch
      yield* Effect.forkScoped(Effect.ignore(Realtime.use((realtime) => realtime.open)))
      yield* settle
      yield* gateway.refuse(new RateLimited({ retryAfterMillis: 60_000 }))
      yield* pass("75 seconds")
      const [{ delay } = { delay: 0 }] = waits(seen)
      assert.isAtLeast(delay, 60_000)
      assert.isAtMost(delay, 75_000)
      yield* gateway.refuse(new Unauthorized({ detail: "expired" }))
      yield* settle
      assert.strictEqual(yield* stateOf, "Closed")
    }).pipe(Effect.scoped, Effect.provide(layer(doubling)))
  )
})

describe("the first dial", () => {
  it.effect("does not wait for REST that hangs", () =>
    Effect.gen(function* () {
      const gateway = yield* TestGateway
      yield* gateway.respond(() => Effect.never)
      yield* Effect.forkScoped(Realtime.use((realtime) => realtime.open))
      yield* settle
      yield* gateway.accept
      yield* settle
      assert.strictEqual(yield* stateOf, "Connected")
    }).pipe(Effect.scoped, Effect.provide(layer(options)))
  )

  it.effect("has each list of conversations, and the current user, read once", () =>
    Effect.gen(function* () {
      const gateway = yield* TestGateway
      yield* open
      yield* pass("10 seconds")
      const asked = (yield* gateway.requests).map(({ path, query }) => `${path} ${query["state"] ?? ""}`)
      assert.sameMembers(asked, ["/im/current_list ", "/im/conversations FINISHED", "/im/users/me "])
    }).pipe(Effect.scoped, Effect.provide(layer(options)))
  )
})

describe("`retryNow`", () => {
  const page = Effect.gen(function* () {
    const signals = yield* PubSub.unbounded<LifecycleSignal>()
    const device = { isOffline: false }
    return {
      device,
      layer: Layer.succeed(Lifecycle, {
        suspension: Effect.sync(() => (device.isOffline ? "offline" : undefined)),
        isHidden: Effect.succeed(false),
        signals: Stream.fromPubSub(signals)
      })
    }
  })

  it.effect("asks for one dial while the device is offline, not for all later ones", () =>
    Effect.gen(function* () {
      const { device, layer: lifecycle } = yield* page
      device.isOffline = true
      yield* Effect.gen(function* () {
        const gateway = yield* TestGateway
        const realtime = yield* Realtime
        yield* Effect.forkScoped(Effect.ignore(realtime.open))
        yield* settle
        assert.strictEqual(yield* stateOf, "Suspended")
        yield* realtime.retryNow
        yield* settle
        assert.strictEqual(yield* stateOf, "Connecting")
        yield* gateway.refuse(new NetworkUnreachable({ detail: "offline" }))
        yield* pass("1 minute")
        assert.strictEqual(yield* stateOf, "Suspended")
      }).pipe(Effect.provide(Layer.provide(layer(options), lifecycle)))
    }).pipe(Effect.scoped)
  )

  it.effect("does nothing for a closed connection, also not for when it is opened again", () =>
    Effect.gen(function* () {
      const { device, layer: lifecycle } = yield* page
      yield* Effect.gen(function* () {
        const realtime = yield* Realtime
        yield* open
        yield* realtime.close
        yield* realtime.retryNow
        device.isOffline = true
        yield* Effect.forkScoped(Effect.ignore(realtime.open))
        yield* pass("1 second")
        assert.strictEqual(yield* stateOf, "Suspended")
      }).pipe(Effect.provide(Layer.provide(layer(options), lifecycle)))
    }).pipe(Effect.scoped)
  )
})

describe("another login that may be an own dial which arrives late", () => {
  it.effect("after a dial that timed out: dials once more, and believes the next one", () =>
    Effect.gen(function* () {
      const gateway = yield* TestGateway
      const realtime = yield* Realtime
      const events = yield* collect
      yield* Effect.forkScoped(Effect.ignore(realtime.open))
      yield* settle
      yield* gateway.refuse(timedOut)
      yield* pass("1 second")
      const second = yield* gateway.accept
      yield* settle
      yield* second.push(superseded)
      yield* pass("1 second")
      const third = yield* gateway.accept
      yield* pass("1 second")
      assert.strictEqual(yield* stateOf, "Connected")
      assert.notInclude(tags(events), "Superseded")
      yield* third.push(superseded)
      yield* pass("1 minute")
      assert.strictEqual(yield* stateOf, "Superseded")
      assert.include(tags(events), "Superseded")
    }).pipe(Effect.scoped, Effect.provide(layer(options)))
  )

  it.effect("after a dial that `close` interrupted: dials once more", () =>
    Effect.gen(function* () {
      const gateway = yield* TestGateway
      const realtime = yield* Realtime
      const opening = yield* Effect.forkScoped(Effect.ignore(realtime.open))
      yield* settle
      yield* gateway.dial
      yield* realtime.close
      yield* Fiber.join(opening)
      yield* Effect.forkScoped(Effect.ignore(realtime.open))
      yield* settle
      const connection = yield* gateway.accept
      yield* settle
      yield* connection.push(superseded)
      yield* pass("1 second")
      yield* gateway.accept
      yield* settle
      assert.strictEqual(yield* stateOf, "Connected")
    }).pipe(Effect.scoped, Effect.provide(layer(options)))
  )

  it.effect("is a stranger's where no dial was given up, or where that is long ago", () =>
    Effect.gen(function* () {
      const gateway = yield* TestGateway
      const realtime = yield* Realtime
      yield* Effect.forkScoped(Effect.ignore(realtime.open))
      yield* settle
      yield* gateway.refuse(new NetworkUnreachable({ detail: "ECONNREFUSED" }))
      yield* pass("1 second")
      const first = yield* gateway.accept
      yield* settle
      yield* first.push(superseded)
      yield* settle
      assert.strictEqual(yield* stateOf, "Superseded")

      yield* Effect.forkScoped(Effect.ignore(realtime.takeOver))
      yield* settle
      yield* gateway.refuse(timedOut)
      yield* pass("1 second")
      const second = yield* gateway.accept
      yield* Effect.forkScoped(Effect.forever(Effect.flatMap(second.next, (frame) => second.ack(frame))))
      yield* pass("10 minutes")
      yield* second.push(superseded)
      yield* settle
      assert.strictEqual(yield* stateOf, "Superseded")
    }).pipe(Effect.scoped, Effect.provide(layer(options)))
  )
})

describe("`takeOver`", () => {
  it.effect("by two clients at each loss of the login leaves each of them connected for ever longer", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const { token } = yield* sandbox.createVisitor()
      const client = Effect.gen(function* () {
        const realtime = yield* Realtime
        yield* Stream.runForEach(realtime.states, ({ _tag }) =>
          _tag === "Superseded" ? Effect.ignore(realtime.takeOver) : Effect.void
        ).pipe(Effect.forkScoped({ startImmediately: true }))
        yield* Effect.ignore(realtime.open)
        return yield* Effect.never
      }).pipe(Effect.scoped, Effect.provide(TestKefu.layerSession({ token })))
      yield* Effect.forkScoped(client)
      yield* TestClock.adjust("5 minutes")
      yield* Effect.forkScoped(client)
      yield* TestClock.adjust("1 second")
      assert.isAtMost((yield* sandbox.counters).dials, 6)
      yield* TestClock.adjust("20 minutes")
      const dials = (yield* sandbox.counters).dials
      yield* TestClock.adjust("20 minutes")
      assert.isAtMost((yield* sandbox.counters).dials - dials, 100)
    }).pipe(Effect.scoped, Effect.provide(Sandbox.layer()), Random.withSeed("contested"))
  )
})

import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { Realtime } from "../../src/realtime/Realtime.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import * as Device from "../../src/testing/Device.ts"
import * as TestKefu from "../../src/testing/TestKefu.ts"
import { pass } from "../support/Gateway.ts"

describe("Device", () => {
  it.effect("makes timers late while it sleeps", () =>
    Effect.gen(function* () {
      const device = yield* Device.make
      const rang: Array<number> = []
      const ring = (after: number) =>
        Effect.sleep(after).pipe(
          Effect.andThen(Clock.currentTimeMillis),
          Effect.map((at) => rang.push(at)),
          device.run
        )
      for (const after of [500, 1500, 2500, 5000]) yield* Effect.forkScoped(ring(after))
      yield* Effect.forkScoped(Effect.delay(device.sleep(3000), 1000))
      yield* Effect.forkScoped(Effect.delay(device.sleep(1000), 1500))
      yield* TestClock.adjust(3999)
      assert.deepStrictEqual(rang, [500])
      assert.strictEqual(yield* device.timers, 3)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(rang, [500, 4000, 4000, 5000])
      assert.strictEqual(yield* device.timers, 0)
    })
  )

  it.effect("receives nothing from the network while it sleeps", () =>
    Effect.gen(function* () {
      const device = yield* Device.make
      const log: Array<string> = []
      yield* Effect.gen(function* () {
        const realtime = yield* Realtime
        const events = yield* realtime.subscribe()
        yield* realtime.open
        yield* Effect.forkScoped(
          Stream.runForEach(events, (event) =>
            Effect.map(Clock.currentTimeMillis, (at) => log.push(`${at} ${event._tag}`))
          )
        )
        yield* Effect.sleep(1000)
        yield* realtime.send({ messageType: "Text", content: "你好" })
        return yield* Effect.never
      }).pipe(Effect.provide(TestKefu.layerSession({ token: "visitor-chen-token" })), device.run, Effect.forkScoped)
      yield* pass(900)
      log.length = 0
      yield* Effect.forkScoped(device.sleep(3_600_000))
      yield* TestClock.adjust("59 minutes")
      assert.deepStrictEqual(log, [])
      assert.strictEqual((yield* Sandbox.use((sandbox) => sandbox.connections)).length, 1)
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(Array.from(new Set(log)), ["3600900 MessageReceived"])
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("gives the link a grace period after waking", () =>
    Effect.gen(function* () {
      const device = yield* Device.make
      const states: Array<string> = []
      yield* Realtime.use((realtime) =>
        realtime.open.pipe(
          Effect.andThen(Stream.runForEach(realtime.states, (state) => Effect.sync(() => states.push(state._tag))))
        )
      ).pipe(Effect.provide(TestKefu.layerSession()), device.run, Effect.forkScoped)
      yield* TestClock.adjust("22 seconds")
      yield* Effect.forkScoped(device.sleep("1 hour"))
      yield* TestClock.adjust("2 hours")
      assert.deepStrictEqual(states, ["Connected"])
    }).pipe(Effect.provide(Layer.fresh(Sandbox.layer())))
  )
})

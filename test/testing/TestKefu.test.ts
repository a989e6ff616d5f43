import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { Realtime } from "../../src/realtime/Realtime.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import { SandboxFaults } from "../../src/sandbox/faults/SandboxFaults.ts"
import * as TestKefu from "../../src/testing/TestKefu.ts"
import { UserApi } from "../../src/rest/UserApi.ts"

describe("TestKefu", () => {
  it.effect("runs a visitor's session on a sandbox of its own", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      const me = yield* UserApi.use((api) => api.me)
      assert.strictEqual(me.userType, "CUSTOMER")
      const events = yield* realtime.subscribe()
      const ack = yield* realtime.send({ messageType: "Text", content: "多久发货？" })
      const answer = yield* events.pipe(
        Stream.filter((event) => event._tag === "MessageReceived" && event.message.id > ack.messageId),
        Stream.runHead
      )
      const event = Option.getOrThrow(answer)
      assert.strictEqual(event._tag === "MessageReceived" && event.message.messageType, "RobotCanAnswerMessage")
    }).pipe(Effect.provide(TestKefu.layer()))
  )

  it.effect("survives a day of lost connections in virtual time", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      const sandbox = yield* Sandbox
      yield* realtime.open
      for (let hour = 0; hour < 24; hour++) {
        yield* TestClock.adjust("1 hour")
        for (const connection of yield* sandbox.connections) yield* connection.reset
      }
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* realtime.state)._tag, "Connected")
      const { connectionsOpened, framesIn } = yield* sandbox.counters
      assert.strictEqual(connectionsOpened, 25)
      assert.isAtLeast(framesIn, (24 * 3600) / 25)
    }).pipe(Effect.provide(TestKefu.layer()))
  )

  it.effect("interrupts a request at once, and the sandbox handles it nevertheless", () =>
    Effect.gen(function* () {
      yield* SandboxFaults.use((faults) => faults.inject({ _tag: "DelayRequests", method: "PUT", millis: 5000 }))
      const updating = yield* Effect.forkChild(UserApi.use((api) => api.updateMe({ nickname: "小红" })))
      yield* Effect.repeat(Effect.yieldNow, { times: 100 })
      yield* Fiber.interrupt(updating)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* UserApi.use((api) => api.me)).nickname, "小红")
    }).pipe(Effect.provide(TestKefu.layer()))
  )

  it.effect("reports the reason of a refused dial, as in a browser", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Realtime.use((realtime) => realtime.open))
      assert.strictEqual(error.reason._tag, "Unauthorized")
    }).pipe(Effect.provide(TestKefu.layerSession({ token: "nobody's" }).pipe(Layer.provide(Sandbox.layer()))))
  )
})

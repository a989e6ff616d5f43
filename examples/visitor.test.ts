/**
 * Tests of an app: the real client against the sandbox, in virtual time, with faults. No port, no backend, no waiting. In
 * your project, import from `effect-kefu`, `effect-kefu/sandbox` and `effect-kefu/testing`.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { CurrentUser, Outbox, Realtime } from "../src/index.ts"
import { Sandbox } from "../src/sandbox/index.ts"
import { TestKefu } from "../src/testing/index.ts"

/** The app: asks the robot, and gives up after 5 minutes. */
const ask = Effect.fn("ask")(function* (question: string) {
  const answers = yield* Realtime.use((realtime) => realtime.subscribe({ lasting: true }))
  yield* Outbox.use((outbox) => outbox.send({ messageType: "Text", content: question }))
  return yield* answers.pipe(
    Stream.filter((event) => event._tag === "MessageReceived"),
    Stream.filter(({ message }) => message.messageType === "RobotCanAnswerMessage"),
    Stream.runHead,
    Effect.timeoutOption("5 minutes"),
    Effect.map((found) => (found._tag === "Some" ? "answered" : "no answer"))
  )
}, Effect.scoped)

/** Runs the app while 10 minutes pass. */
const outcome = Effect.gen(function* () {
  const asking = yield* Effect.forkChild(ask("多久发货？"))
  yield* TestClock.adjust("10 minutes")
  return yield* Fiber.join(asking)
})

/** How often the backend has the question: what really arrived, not what the client believes. */
const arrived = Effect.gen(function* () {
  const me = yield* CurrentUser.use((user) => user.get)
  const conversations = yield* Sandbox.use((sandbox) => sandbox.conversations)
  return conversations.flatMap(({ messages }) => messages).filter(({ fromId }) => fromId === me.id).length
})

describe("asking the robot", () => {
  it.effect("is answered", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* outcome, "answered")
    }).pipe(Effect.provide(TestKefu.layer()))
  )

  it.effect("is answered after an outage, and asked once", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* outcome, "answered")
      assert.strictEqual(yield* arrived, 1)
    }).pipe(
      // The acknowledgement never comes, the connection is lost, and there is none for two minutes.
      Effect.provide(
        TestKefu.layer({
          faults: [
            { _tag: "Silence", direction: "outbound", until: 5_000 },
            { _tag: "Reset", from: 5_000 },
            { _tag: "RefuseDials", from: 5_000, until: 120_000, status: 503 }
          ]
        })
      )
    )
  )

  for (const seed of ["spring", "summer", "autumn", "winter"]) {
    it.effect(`is asked at most once in the bad network "${seed}"`, () =>
      Effect.gen(function* () {
        yield* Effect.exit(outcome)
        assert.isAtMost(yield* arrived, 1)
      }).pipe(Effect.provide(TestKefu.layer({ faults: seed })), Random.withSeed(seed))
    )
  }
})

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { MessageId } from "../../src/domain/Id.ts"
import { Transport } from "../../src/http/Transport.ts"
import { Inbox } from "../../src/inbox/Inbox.ts"
import { KefuConfig } from "../../src/KefuConfig.ts"
import { Unauthorized } from "../../src/KefuError.ts"
import { Outbox } from "../../src/outbox/Outbox.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import { TestGateway } from "../../src/testing/TestGateway.ts"
import * as TestKefu from "../../src/testing/TestKefu.ts"
import { accept, acknowledge, layer, open, pass, push, received, settle, text } from "../support/Gateway.ts"

const superseded = { eventType: "MultipleLogin" } as const

/** Runs a public stream of events in the background until it ends. */
const follow = <E, R>(events: Stream.Stream<unknown, E, R>) =>
  Effect.forkChild(Effect.exit(Stream.runDrain(events)), { startImmediately: true })

const failureOf = <A, E>(fiber: Fiber.Fiber<Effect.Success<ReturnType<typeof Effect.exit<A, E, never>>>>) =>
  Effect.flatMap(Fiber.join(fiber), (exit) => Effect.flip(exit))

describe("a session that has ended for good", () => {
  it.effect("fails its streams with Unauthorized when the token is refused", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      const all = yield* follow(realtime.events)
      const messages = yield* follow(realtime.on("MessageReceived"))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* failureOf(all)).reason._tag, "Unauthorized")
      assert.strictEqual((yield* failureOf(messages)).reason._tag, "Unauthorized")
      assert.strictEqual((yield* Effect.flip(Stream.runDrain(realtime.events))).reason._tag, "Unauthorized")
    }).pipe(Effect.provide(TestKefu.layerSession({ token: "nobody's" }).pipe(Layer.provideMerge(Sandbox.layer()))))
  )

  it.effect("fails its streams with Unauthorized when the token is revoked while it is connected", () =>
    Effect.gen(function* () {
      const gateway = yield* TestGateway
      const realtime = yield* Realtime
      const connection = yield* open
      const all = yield* follow(realtime.events)
      yield* connection.close(4401)
      yield* pass("1 second")
      yield* gateway.refuse(new Unauthorized({ detail: "revoked" }))
      yield* settle
      assert.strictEqual((yield* failureOf(all)).reason._tag, "Unauthorized")
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("fails its streams with Superseded, after the events that came before", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      const connection = yield* open
      const subscription = yield* realtime.subscribe()
      yield* push(connection, text(1))
      yield* connection.push(superseded)
      yield* settle
      const seen: Array<string> = []
      const error = yield* subscription.pipe(
        Stream.runForEach((event) => Effect.sync(() => seen.push(event._tag))),
        Effect.flip
      )
      assert.strictEqual(error.reason._tag, "Superseded")
      assert.deepStrictEqual(seen, ["MessageReceived", "Superseded", "StateChanged"])
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("leaves a lasting stream, the inbox and the outbox for a later `takeOver`", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      const outbox = yield* Outbox
      const inbox = yield* Inbox
      const shown = Effect.map(inbox.snapshot, ({ conversations }) => conversations.flatMap(({ messages }) => messages))
      yield* shown
      const first = yield* open
      const lasting = yield* realtime.subscribe({ lasting: true })
      yield* push(first, text(1))
      yield* first.push(superseded)
      yield* settle
      yield* Effect.forkScoped(Effect.ignore(realtime.takeOver))
      const second = yield* accept
      yield* push(second, text(2))
      yield* pass("5 seconds")
      const sending = yield* Effect.forkChild(outbox.send({ messageType: "Text", content: "hello" }))
      yield* pass("3 seconds")
      yield* acknowledge(second, 3)
      assert.strictEqual((yield* Fiber.join(sending)).id, 3)
      const messages = yield* lasting.pipe(
        Stream.takeUntil((event) => received([event])[0]?.id === 2),
        Stream.runCollect
      )
      assert.deepStrictEqual(
        received(Array.from(messages)).map(({ id }) => Number(id)),
        [1, 2]
      )
      assert.includeMembers(
        (yield* shown).map(({ id }) => Number(id)),
        [1, 2]
      )
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("keeps its streams when the app closes it", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      yield* open
      const messages = yield* Effect.forkChild(Stream.runHead(realtime.on("MessageReceived")), {
        startImmediately: true
      })
      yield* realtime.close
      yield* Effect.forkScoped(Effect.ignore(realtime.open))
      const connection = yield* accept
      yield* push(connection, text(1))
      yield* Fiber.join(messages)
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("fails commands at once with Superseded", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      const connection = yield* open
      yield* connection.push(superseded)
      yield* settle
      for (const command of [
        realtime.send({ messageType: "Text", content: "hello" }),
        realtime.read(MessageId.make(1)),
        realtime.ping()
      ]) {
        assert.strictEqual((yield* Effect.flip(command)).reason._tag, "Superseded")
      }
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("tells a defect of its own as the reason, and logs it", () => {
    const logged: Array<string> = []
    const logger = Logger.make(({ cause, logLevel, message }) => {
      if (logLevel === "Error") logged.push(`${String(message)} ${String(cause)}`)
    })
    return Effect.gen(function* () {
      const realtime = yield* Realtime
      const all = yield* follow(realtime.events)
      yield* settle
      assert.match((yield* failureOf(all)).reason.message, /defect/)
      const state = yield* realtime.state
      assert.match((state._tag === "Closed" && state.reason?.reason.message) || "", /defect/)
      assert.strictEqual(logged.length, 1)
      assert.include(logged[0], "the dial has a bug")
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Realtime.layer.pipe(
          Layer.provide(
            Layer.effect(
              Transport,
              Effect.map(Transport, (transport) => ({
                ...transport,
                connect: Effect.die(new Error("the dial has a bug"))
              }))
            )
          ),
          Layer.provide(TestGateway.layer),
          Layer.provide(KefuConfig.layer({ baseUrl: "http://gateway.test", catchUp: false })),
          Layer.provideMerge(Logger.layer([logger]))
        )
      )
    )
  })
})

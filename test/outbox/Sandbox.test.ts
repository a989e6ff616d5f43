import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { ConversationApi } from "../../src/rest/ConversationApi.ts"
import * as metrics from "../../src/platform/metrics.ts"
import { Outbox } from "../../src/outbox/Outbox.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import { Fate, FaultHooks, noFaults } from "../../src/sandbox/faults/FaultHooks.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import type { SandboxOptions } from "../../src/sandbox/SandboxOptions.ts"
import * as Device from "../../src/testing/Device.ts"
import * as TestKefu from "../../src/testing/TestKefu.ts"
import { failure } from "../support/OutboxDesk.ts"
import * as Spans from "../support/Spans.ts"

const text = (content: string) => ({ messageType: "Text", content }) as const

/** A sandbox whose connections break this many times, at an incoming message or at its acknowledgement. */
const breaking = (at: "message" | "acknowledgement", times: number, options?: SandboxOptions) => {
  let left = times
  const pattern = at === "message" ? /"event_type":101/ : /"event_type":103.*"message_id"/
  const pass = (frame: string) =>
    Effect.sync(() => (pattern.test(frame) && left-- > 0 ? [Fate.reset] : [Fate.deliver(frame)]))
  const through = (frame: string) => Effect.succeed([Fate.deliver(frame)])
  const link = {
    inbound: at === "message" ? pass : through,
    outbound: at === "acknowledgement" ? pass : through
  }
  return Sandbox.layer(options).pipe(
    Layer.provide(Layer.succeed(FaultHooks, { ...noFaults, link: () => Effect.succeed(link) }))
  )
}

const session = (sandbox: Layer.Layer<Sandbox>, token?: string) =>
  TestKefu.layerSession({ token }).pipe(Layer.provideMerge(sandbox))

/** The texts that visitors have written. */
const written = Effect.gen(function* () {
  const sandbox = yield* Sandbox
  return (yield* sandbox.conversations)
    .flatMap(({ customer, messages }) => messages.filter(({ fromId }) => fromId === customer?.id))
    .filter(({ messageType }) => messageType === "Text")
    .map(({ content }) => content)
})

describe("an outbox over the sandbox", () => {
  for (const at of ["message", "acknowledgement"] as const) {
    it.effect(`sends each message once though the connection repeatedly breaks with the ${at}`, () =>
      Effect.gen(function* () {
        const outbox = yield* Outbox
        const before = yield* written
        const [conversation] = yield* ConversationApi.use((api) =>
          Effect.andThen(
            Realtime.use((realtime) => realtime.open),
            api.current
          )
        )
        const keys = yield* Effect.forEach(["ok", "ok", "how much", "ok"], (content) =>
          Effect.map(outbox.enqueue({ ...text(content), conversationId: conversation?.id }), ({ key }) => key)
        )
        yield* TestClock.adjust("2 minutes")
        const sent = yield* Effect.forEach(keys, outbox.result)
        const ids = sent.map(({ id }) => id)
        assert.deepStrictEqual(
          ids,
          ids.toSorted((left, right) => left - right)
        )
        assert.deepStrictEqual((yield* written).slice(before.length), ["ok", "ok", "how much", "ok"])
        const { connectionsOpened } = yield* Sandbox.use((sandbox) => sandbox.counters)
        assert.strictEqual(connectionsOpened, at === "message" ? 6 : 5)
      }).pipe(Effect.provide(session(breaking(at, 5))))
    )
  }

  it.effect("leaves the outcome unknown where the history shows no messages", () =>
    Effect.gen(function* () {
      const outbox = yield* Outbox
      const { key } = yield* outbox.enqueue(text("hello"))
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual((yield* failure(outbox.result(key)))._tag, "DeliveryUnknown")
      assert.strictEqual((yield* written).filter((content) => content === "hello").length, 1)
    }).pipe(Effect.provide(session(breaking("acknowledgement", 1, { messagesPerConversation: 0 }))))
  )

  it.effect("fails a staff member's refused message and keeps the connection", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const { userId } = yield* sandbox.createVisitor()
      const { token } = yield* sandbox.createStaff()
      yield* Effect.gen(function* () {
        const outbox = yield* Outbox
        // There is no conversation with this visitor.
        const refused = yield* outbox.enqueue({ ...text("hello"), toId: userId })
        yield* TestClock.adjust("11 seconds")
        assert.strictEqual((yield* failure(outbox.result(refused.key)))._tag, "AckTimeout")
        assert.strictEqual((yield* sandbox.counters).connectionsOpened, 1)
      }).pipe(Effect.provide(TestKefu.layerSession({ token })))
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("counts waiting, resent and unknown sends", () =>
    Effect.gen(function* () {
      const read = Effect.all({
        depth: Metric.value(metrics.outboxDepth),
        resends: Metric.value(metrics.outboxResends),
        unknowns: Metric.value(metrics.outboxUnknowns)
      })
      const before = yield* read
      const outbox = yield* Outbox
      const { key } = yield* outbox.enqueue(text("a"))
      assert.strictEqual((yield* read).depth.value, 1)
      yield* TestClock.adjust("1 minute")
      yield* outbox.result(key)
      yield* outbox.enqueue(text("b"))
      yield* Realtime.use((realtime) => realtime.close)
      yield* TestClock.adjust("1 second")
      const after = yield* read
      assert.strictEqual(after.depth.value, 0)
      assert.strictEqual(after.resends.count - before.resends.count, 1)
      assert.isAtMost(after.unknowns.count - before.unknowns.count, 1)
    }).pipe(Effect.provide(session(breaking("message", 1))))
  )

  it.effect("has a span for each call and for each reconciliation", () =>
    Effect.gen(function* () {
      const { spans, tracer } = Spans.make()
      yield* Effect.gen(function* () {
        const outbox = yield* Outbox
        const { key } = yield* outbox.enqueue(text("a"))
        yield* TestClock.adjust("1 minute")
        yield* outbox.result(key)
        yield* outbox.send(text("b"))
      }).pipe(Effect.provide(session(breaking("acknowledgement", 1))), Effect.withTracer(tracer))
      for (const name of ["Outbox.enqueue", "Outbox.result", "Outbox.send", "Outbox.reconcile"]) {
        assert.include(
          spans.map((span) => span.name),
          name
        )
      }
    })
  )

  it.effect("leaves no timer behind", () =>
    Effect.gen(function* () {
      const device = yield* Device.make
      const scope = yield* Scope.make()
      const context = yield* Layer.build(TestKefu.layerSession()).pipe(Scope.provide(scope), device.run)
      const outbox = Context.get(context, Outbox)
      const use = Effect.gen(function* () {
        yield* outbox.enqueue(text("a"))
        yield* Realtime.use((realtime) => realtime.close)
        yield* Realtime.use((realtime) => realtime.open)
        yield* outbox.enqueue(text("b"))
        for (const conversation of [1, 2, 3]) {
          yield* outbox.enqueue({ ...text("c"), conversationId: conversation as never })
        }
      })
      yield* device.run(Effect.provideContext(use, context))
      yield* TestClock.adjust("1 second")
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* device.timers, 0)
      assert.deepStrictEqual(yield* outbox.entries, [])
    }).pipe(Effect.provide(Sandbox.layer()))
  )
})

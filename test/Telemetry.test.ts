/**
 * What a session tells a tracer, a logger and the metrics, by the names of OpenTelemetry.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Tracer from "effect/Tracer"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import { MessageId } from "../src/domain/Id.ts"
import { Inbox } from "../src/inbox/Inbox.ts"
import * as Kefu from "../src/Kefu.ts"
import { Outbox } from "../src/outbox/Outbox.ts"
import { ConversationApi } from "../src/rest/ConversationApi.ts"
import { Realtime } from "../src/realtime/Realtime.ts"
import { Sandbox } from "../src/sandbox/Sandbox.ts"
import * as SandboxPlatform from "../src/testing/SandboxPlatform.ts"
import * as TestKefu from "../src/testing/TestKefu.ts"
import * as Gateway from "./support/Gateway.ts"
import * as Spans from "./support/Spans.ts"

/** A tracer that keeps its spans. */
const recorder = () => {
  const { spans, tracer } = Spans.make()
  const named = (name: string): Readonly<Record<string, unknown>> => {
    const span = spans.find((one) => one.name === name)
    assert.isDefined(span, `no span is named ${name}`)
    return { ...Object.fromEntries(span.attributes), kind: span.kind, hasParent: span.parent._tag === "Some" }
  }
  return { spans, named, layer: Layer.succeed(Tracer.Tracer, tracer) }
}

const backend = { "server.address": "sandbox.test", "server.port": 80 }

describe("spans", () => {
  it.effect(
    "of a send tell who it is for and which message it became; those of a message that comes in have no parent",
    () => {
      const { layer, named } = recorder()
      return Effect.gen(function* () {
        const realtime = yield* Realtime
        const events = yield* realtime.subscribe()
        const { state } = yield* Effect.withSpan(
          Outbox.use((outbox) => outbox.send({ messageType: "Text", content: "多久发货？" })),
          "visit"
        )
        const answer = yield* events.pipe(
          Stream.filter((event) => event._tag === "MessageReceived"),
          Stream.runHead,
          Effect.map((found) => (found._tag === "Some" ? found.value.message : undefined))
        )
        const sent = state._tag === "Sent" ? `${state.id}` : state._tag
        assert.deepStrictEqual(named("Outbox.send"), {
          kind: "producer",
          hasParent: true,
          "messaging.system": "kefu",
          "messaging.operation.name": "send",
          "messaging.operation.type": "create",
          "messaging.message.id": sent
        })
        assert.deepInclude(named("Realtime.send"), {
          ...backend,
          kind: "client",
          "messaging.system": "kefu",
          "messaging.operation.name": "send",
          "messaging.operation.type": "send",
          "messaging.message.id": sent
        })
        assert.deepStrictEqual(named("Realtime.deliver"), {
          kind: "consumer",
          hasParent: false,
          "messaging.system": "kefu",
          "messaging.operation.name": "deliver",
          "messaging.operation.type": "process",
          "messaging.message.id": `${answer?.id}`,
          "messaging.message.conversation_id": `${answer?.conversationId}`
        })
        assert.deepInclude(named("Transport.connect"), {
          ...backend,
          kind: "client",
          "network.protocol.name": "websocket"
        })
      }).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(TestKefu.layer(), layer)))
    }
  )

  it.effect("of a command that is not acknowledged tell why", () => {
    const { layer, named } = recorder()
    return Effect.gen(function* () {
      const realtime = yield* Realtime
      yield* realtime.open
      const recall = yield* Effect.forkChild(Effect.flip(realtime.recall(MessageId.make(1))))
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* Fiber.join(recall)).reason._tag, "AckTimeout")
      assert.deepInclude(named("Realtime.recall"), {
        "messaging.operation.name": "recall",
        "messaging.message.id": "1",
        "error.type": "AckTimeout"
      })
      assert.notProperty(named("Realtime.recall"), "messaging.operation.type")
    }).pipe(Effect.provide(Layer.provideMerge(TestKefu.layer(), layer)))
  })

  it.effect("of a request are the call's, and within it the client's of the HTTP request", () => {
    const { named, layer } = recorder()
    return Effect.gen(function* () {
      yield* ConversationApi.use((api) => api.pendingCount)
      assert.strictEqual(named("ConversationApi.pendingCount").kind, "internal")
      assert.deepInclude(named("GET"), {
        ...backend,
        kind: "client",
        hasParent: true,
        "http.request.method": "GET",
        "http.response.status_code": 200
      })
    }).pipe(Effect.provide(Layer.provideMerge(TestKefu.layer(), layer)))
  })
})

it.effect("the time until an ack is measured in seconds", () =>
  Effect.gen(function* () {
    const connection = yield* Gateway.open
    const ping = yield* Effect.forkChild(Realtime.use((realtime) => realtime.ping()))
    const frame = yield* connection.next
    yield* Gateway.pass("250 millis")
    yield* connection.ack(frame)
    yield* Fiber.join(ping)
    yield* Gateway.settle
    const snapshot = yield* Metric.snapshot
    const acks = snapshot.find(({ id }) => id === "kefu_ack_duration_seconds")
    assert.deepInclude(acks?.attributes, { unit: "seconds" })
    assert.deepInclude(acks?.state, { count: 1, sum: 0.25 })
    for (const { id } of snapshot) assert.notMatch(id, /millis|_ms$/)
  }).pipe(Effect.scoped, Effect.provide(Gateway.layer()), Effect.provideService(Metric.MetricRegistry, new Map()))
)

describe("the lines of the log", () => {
  const recording = () => {
    const lines: Array<{ readonly message: string; readonly annotations: Readonly<Record<string, unknown>> }> = []
    const logger = Logger.make(({ fiber, message }) => {
      lines.push({ message: String(message), annotations: fiber.getRef(References.CurrentLogAnnotations) })
    })
    return { lines, layer: Logger.layer([logger]) }
  }

  it.effect("name their session, and what the app has annotated its layer with", () => {
    const { layer, lines } = recording()
    const session = (shop: string) =>
      Layer.effectContext(Effect.annotateLogs(Layer.build(TestKefu.layerSession()), { shop }))
    const visit = Effect.gen(function* () {
      yield* Realtime.use((realtime) => realtime.open)
      for (const connection of yield* Sandbox.use((sandbox) => sandbox.connections)) yield* connection.reset
      yield* TestClock.adjust("1 minute")
    })
    return Effect.gen(function* () {
      yield* Effect.provide(visit, session("tea"))
      yield* Effect.provide(visit, session("coffee"))
      const lost = lines.filter(({ message }) => message.startsWith("The connection was lost"))
      assert.deepStrictEqual(
        lost.map(({ annotations }) => annotations["shop"]),
        ["tea", "coffee"]
      )
      const [first, second] = lost.map(({ annotations }) => annotations["kefu.session"])
      assert.isNumber(first)
      assert.isNumber(second)
      assert.notStrictEqual(first, second)
    }).pipe(Effect.provide(Layer.merge(Sandbox.layer(), layer)))
  })

  it.effect("name their session also where a fiber of the app writes them", () => {
    const { layer, lines } = recording()
    const broken = Layer.succeed(
      KeyValueStore.KeyValueStore,
      KeyValueStore.makeStringOnly({
        get: () => Effect.die("broken"),
        set: () => Effect.die("broken"),
        remove: () => Effect.die("broken"),
        clear: Effect.die("broken"),
        size: Effect.die("broken"),
        keys: Effect.die("broken")
      })
    )
    return Effect.gen(function* () {
      yield* ConversationApi.use((api) => api.pendingCount)
      const [line] = lines.filter(({ message }) => message.includes("kept in memory"))
      assert.isNumber(line?.annotations["kefu.session"])
    }).pipe(Effect.provide(Layer.provideMerge(TestKefu.layer({ storage: broken }), layer)))
  })

  it.effect("name the conversation that a defect is about", () => {
    const { layer, lines } = recording()
    const odd = Layer.effect(
      ConversationApi,
      Effect.map(ConversationApi, (api) => ({
        ...api,
        current: Effect.map(api.current, (all) => all.map((one) => Object.create(one, { messages: { get: broken } })))
      }))
    )
    const broken = () => {
      throw new Error("a getter of the app")
    }
    return Effect.gen(function* () {
      yield* Outbox.use((outbox) => outbox.send({ messageType: "Text", content: "你好" }))
      const [current] = yield* ConversationApi.use((api) => api.current)
      yield* Inbox.use((inbox) => inbox.ready)
      const [line] = lines.filter(({ message }) => message.includes("merging a conversation"))
      assert.strictEqual(line?.annotations["kefu.conversation"], current?.id)
    }).pipe(
      Effect.provide(
        Inbox.layer.pipe(
          Layer.provideMerge(odd),
          Layer.provideMerge(Kefu.layerPlatform({ baseUrl: "http://sandbox.test" })),
          Layer.provide(SandboxPlatform.layer),
          Layer.provideMerge(Sandbox.layer()),
          Layer.provideMerge(layer)
        )
      )
    )
  })
})

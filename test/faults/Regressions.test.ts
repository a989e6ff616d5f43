/** Failures found by the random fault schedules, each reduced to its smallest case. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { ConversationId, MenuItemId, UserId } from "../../src/domain/Id.ts"
import type * as Kefu from "../../src/Kefu.ts"
import { Outbox } from "../../src/outbox/Outbox.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import type { RealtimeEvent } from "../../src/realtime/RealtimeEvent.ts"
import type { Fault } from "../../src/sandbox/faults/Fault.ts"
import * as FaultPlan from "../../src/sandbox/faults/FaultPlan.ts"
import { origin, Sandbox } from "../../src/sandbox/Sandbox.ts"
import { SandboxFaults } from "../../src/sandbox/faults/SandboxFaults.ts"
import type { SandboxOptions } from "../../src/sandbox/SandboxOptions.ts"
import * as TestKefu from "../../src/testing/TestKefu.ts"

const provide = (options?: SandboxOptions) =>
  Effect.provide(Sandbox.layer(options).pipe(Layer.provideMerge(FaultPlan.layer())))

const inject = (...faults: ReadonlyArray<Fault>) => SandboxFaults.use((service) => service.inject(...faults))
const reset = inject({ _tag: "Reset" }).pipe(Effect.andThen(TestClock.adjust("30 seconds")))

/** A session and the events that it received. */
const join = Effect.fnUntraced(function* (token: string, options?: Kefu.Options) {
  const context = yield* Layer.build(TestKefu.layerSession({ token, connect: "manual", ...options }))
  return yield* Effect.provideContext(follow, context)
})

const follow = Effect.gen(function* () {
  const realtime = yield* Realtime
  const events: Array<RealtimeEvent> = []
  yield* Stream.runForEach(yield* realtime.subscribe(), (event) => Effect.sync(() => events.push(event))).pipe(
    Effect.forkScoped({ startImmediately: true })
  )
  yield* realtime.open
  yield* TestClock.adjust(10)
  return {
    ...realtime,
    events,
    /** Events since the previous call. */
    news: Effect.sync(() => events.splice(0))
  }
})

const text = (content: string) => ({ messageType: "Text", content }) as const

const idsOf = (events: ReadonlyArray<RealtimeEvent>) =>
  events.flatMap((event) => (event._tag === "MessageReceived" ? [event.message.id] : []))

const gapsOf = (events: ReadonlyArray<RealtimeEvent>) => events.filter(({ _tag }) => _tag === "GapUnresolved")

const visitor = "visitor-chen-token"
const staff = "staff-li-token"

describe("after a reconnect", () => {
  it.effect("staff do not receive messages from before they joined the conversation", () =>
    Effect.gen(function* () {
      const chen = yield* join(visitor)
      yield* chen.send(text("你好"))
      const li = yield* join(staff)
      yield* chen.selectMenuItem(MenuItemId.make(1000))
      yield* TestClock.adjust(10)
      assert.isNotEmpty(idsOf(yield* li.news))
      yield* reset
      const events = yield* li.news
      assert.deepStrictEqual(idsOf(events), [])
      assert.deepStrictEqual(gapsOf(events), [])
    }).pipe(Effect.scoped, provide())
  )

  it.effect("an own recall is not delivered as new", () =>
    Effect.gen(function* () {
      const chen = yield* join(visitor)
      const { messageId } = yield* chen.send(text("你好"))
      yield* chen.recall(messageId)
      yield* chen.send(text("再见"))
      yield* TestClock.adjust(10)
      yield* chen.news
      yield* reset
      const events = yield* chen.news
      assert.deepStrictEqual(idsOf(events), [])
      assert.deepStrictEqual(gapsOf(events), [])
    }).pipe(Effect.scoped, provide())
  )
})

describe("a message that was pushed before the first read of the history, and lost with that connection", () => {
  it.effect("is reported as a gap", () =>
    Effect.gen(function* () {
      yield* inject({ _tag: "Delay", direction: "outbound", millis: 500, until: 400 }, { _tag: "Reset", from: 400 })
      const chen = yield* join(visitor)
      yield* TestClock.adjust("30 seconds")
      const events = yield* chen.news
      assert.deepStrictEqual(idsOf(events), [])
      assert.strictEqual(gapsOf(events).length, 1)
    }).pipe(Effect.scoped, provide())
  )

  it.effect("is not feared once a later frame has come in", () =>
    Effect.gen(function* () {
      const chen = yield* join(visitor)
      yield* TestClock.adjust("30 seconds")
      yield* reset
      yield* reset
      assert.deepStrictEqual(gapsOf(yield* chen.news), [])
    }).pipe(Effect.scoped, provide())
  )
})

describe("catch-up after a silent link", () => {
  it.effect("reports a conversation that began and ended meanwhile", () =>
    Effect.gen(function* () {
      const li = yield* join(staff)
      const chen = yield* join(visitor)
      yield* li.news
      yield* inject({ _tag: "Silence", direction: "outbound", until: 1000, userId: UserId.make(2) })
      yield* chen.selectMenuItem(MenuItemId.make(1000))
      yield* chen.send(text("anybody?"))
      const [received] = (yield* chen.news).flatMap((event) =>
        event._tag === "MessageReceived" ? [event.message] : []
      )
      yield* chen.closeConversation(received!.conversationId)
      yield* reset
      const events = yield* li.news
      const [built, question, end] = events.flatMap((event) =>
        event._tag === "MessageReceived" ? [event.message.messageType] : []
      )
      assert.deepStrictEqual([built, question, end], ["ConversationBuilt", "Text", "ConversationEnd"])
      assert.deepStrictEqual(gapsOf(events), [])
    }).pipe(Effect.scoped, provide())
  )

  it.effect("reports a transfer when the page does not show whether it was the first", () =>
    Effect.gen(function* () {
      const li = yield* join(staff)
      const wang = yield* join("staff-wang-token", { token: "staff-wang-token" })
      const chen = yield* join(visitor)
      yield* chen.selectMenuItem(MenuItemId.make(1000))
      yield* TestClock.adjust(10)
      const taken = (yield* li.news).concat(yield* wang.news)
      const [message] = taken.flatMap((event) => (event._tag === "MessageReceived" ? [event.message] : []))
      yield* inject({ _tag: "Silence", direction: "outbound", until: 1000 })
      const { httpClient } = yield* Sandbox
      const transfer = HttpClientRequest.put(
        `${origin}/api/v1/im/conversations/${message!.conversationId}/transfer`
      ).pipe(HttpClientRequest.bearerToken(staff), HttpClientRequest.bodyJsonUnsafe({ user_id: 3 }))
      assert.strictEqual((yield* httpClient.execute(transfer)).status, 200)
      yield* reset
      const events = yield* wang.news
      assert.deepStrictEqual(
        events.flatMap((event) => (event._tag === "MessageReceived" ? [event.message.messageType] : [])).slice(0, 2),
        ["ConversationTransfer", "ConversationBuilt"]
      )
    }).pipe(Effect.scoped, provide())
  )
})

describe("an undecodable frame", () => {
  it.effect("may have been a message, so a gap is reported", () =>
    Effect.gen(function* () {
      const chen = yield* join(visitor)
      yield* chen.news
      yield* inject({ _tag: "Truncate", direction: "outbound", every: 2 })
      yield* chen.send(text("你好"))
      yield* TestClock.adjust(10)
      const [undecodable, gap] = yield* chen.news
      assert.strictEqual(undecodable?._tag, "Undecodable")
      assert.deepInclude(gap, { _tag: "GapUnresolved", conversationId: undefined })
    }).pipe(Effect.scoped, provide())
  )

  it.effect("reports the gap of its conversation if that is readable", () =>
    Effect.gen(function* () {
      const chen = yield* join(visitor)
      yield* chen.news
      const [connection] = yield* Sandbox.use((sandbox) => sandbox.connections)
      yield* connection!.inject('{"event_type":101,"payload":{"id":"x","conversation_id":7}}')
      yield* connection!.inject('{"event_type":105,"payload":{"conversation_id":"x"}}')
      yield* TestClock.adjust(10)
      const events = yield* chen.news
      assert.deepStrictEqual(
        events.map(({ _tag }) => _tag),
        ["UnknownReceived", "GapUnresolved", "UnknownReceived"]
      )
      assert.deepInclude(events[1], { conversationId: ConversationId.make(7) })
    }).pipe(Effect.scoped, provide())
  )
})

describe("an unresolved gap", () => {
  it.effect("is closed later, without another reconnect", () =>
    Effect.gen(function* () {
      const chen = yield* join(visitor)
      const li = yield* join(staff)
      yield* chen.selectMenuItem(MenuItemId.make(1000))
      yield* TestClock.adjust("10 seconds")
      yield* li.news
      yield* inject(
        { _tag: "Reset", userId: UserId.make(2) },
        { _tag: "RefuseDials", status: 503, until: 5000, userId: UserId.make(2) },
        { _tag: "FailRequests", status: 503, until: 60_000, userId: UserId.make(2) }
      )
      yield* TestClock.adjust(1000)
      const { messageId } = yield* chen.send(text("anybody?"))
      yield* TestClock.adjust("55 seconds")
      const before = yield* li.news
      assert.strictEqual(gapsOf(before).length, 1)
      assert.deepStrictEqual(idsOf(before), [])
      yield* TestClock.adjust("70 seconds")
      assert.deepStrictEqual(idsOf(yield* li.news), [messageId])
    }).pipe(Effect.scoped, provide())
  )

  it.effect("that an undecodable frame left is closed from the history", () =>
    Effect.gen(function* () {
      const chen = yield* join(visitor)
      const li = yield* join(staff)
      yield* chen.selectMenuItem(MenuItemId.make(1000))
      yield* TestClock.adjust("10 seconds")
      yield* li.news
      yield* inject({ _tag: "Truncate", direction: "outbound", every: 1, until: 1000, userId: UserId.make(2) })
      const { messageId } = yield* chen.send(text("anybody?"))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(idsOf(yield* li.news), [messageId])
    }).pipe(Effect.scoped, provide())
  )

  it.effect("is not retried without limit", () =>
    Effect.gen(function* () {
      yield* join(visitor)
      yield* TestClock.adjust("10 seconds")
      const before = yield* Sandbox.use((sandbox) => sandbox.counters)
      const [connection] = yield* Sandbox.use((sandbox) => sandbox.connections)
      for (let second = 0; second < 300; second++) {
        yield* connection!.inject("nonsense")
        yield* TestClock.adjust("1 second")
      }
      const after = yield* Sandbox.use((sandbox) => sandbox.counters)
      assert.isAtMost(after.requests - before.requests, 60)
    }).pipe(Effect.scoped, provide())
  )
})

describe("while the first history read fails", () => {
  it.effect("messages that arrive are delivered, although the history contains them later", () =>
    Effect.gen(function* () {
      yield* inject(
        { _tag: "FailRequests", status: 500, until: 1000 },
        { _tag: "DelayRequests", millis: 3000, from: 1000 },
        { _tag: "DelayDials", millis: 1000 }
      )
      const context = yield* Layer.build(TestKefu.layerSession({ token: visitor, connect: "manual", retry: false }))
      const opened = yield* Effect.forkScoped(Effect.provideContext(follow, context))
      yield* TestClock.adjust(1500)
      const connections = yield* Sandbox.use((sandbox) => sandbox.connections)
      assert.strictEqual(connections.length, 1)
      yield* TestClock.adjust("10 seconds")
      const chen = yield* Effect.flatten(Effect.sync(() => opened.pollUnsafe()!))
      const events = yield* chen.news
      assert.deepStrictEqual(gapsOf(events), [])
      assert.strictEqual(idsOf(events).length, 2)
    }).pipe(Effect.scoped, provide())
  )

  it.effect("earlier messages are never delivered as missed", () =>
    Effect.gen(function* () {
      const chen = yield* join(visitor)
      const li = yield* join(staff)
      yield* chen.selectMenuItem(MenuItemId.make(1000))
      yield* chen.send(text("old"))
      yield* TestClock.adjust(10)
      yield* li.close
      yield* li.news
      yield* inject({ _tag: "FailRequests", status: 500, until: 60_000 })
      yield* li.open
      yield* TestClock.adjust("30 seconds")
      assert.isNotEmpty(gapsOf(yield* li.news))
      yield* reset
      yield* TestClock.adjust("2 minutes")
      yield* li.news
      yield* chen.send(text("new"))
      yield* TestClock.adjust(10)
      const before = idsOf(yield* li.news)
      assert.strictEqual(before.length, 1)
      yield* reset
      const events = yield* li.news
      assert.deepStrictEqual(idsOf(events), [])
    }).pipe(Effect.scoped, provide())
  )
})

describe("a send that was lost", () => {
  it.effect("is sent again also where staff have ended the conversation and another one has begun", () =>
    Effect.gen(function* () {
      const { token, userId } = yield* Sandbox.use((sandbox) => sandbox.createVisitor())
      const context = yield* Layer.build(TestKefu.layerSession({ token, connect: "manual" }))
      const outbox = yield* Effect.provideContext(Outbox, context)
      const visitor = yield* Effect.provideContext(follow, context)
      const li = yield* join(staff)
      yield* visitor.selectMenuItem(MenuItemId.make(1000))
      yield* outbox.send(text("before"))
      yield* TestClock.adjust(10)
      const [received] = (yield* li.news).flatMap((event) => (event._tag === "MessageReceived" ? [event.message] : []))
      yield* inject({ _tag: "Silence", direction: "inbound", until: 1000, userId })
      const { key } = yield* outbox.enqueue(text("lost"))
      yield* li.closeConversation(received!.conversationId)
      yield* TestClock.adjust("1 minute")
      const { id } = yield* outbox.result(key)
      const all = (yield* Sandbox.use((sandbox) => sandbox.conversations)).flatMap(({ messages }) => messages)
      assert.deepStrictEqual(
        all.flatMap((message) => (message.content === "lost" ? [message.id] : [])),
        [id]
      )
    }).pipe(Effect.scoped, provide())
  )
})

describe("a send whose acknowledgement was lost", () => {
  it.effect("is found where it names a conversation of the account that a visitor had before", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const before = yield* sandbox.createVisitor()
      const after = yield* sandbox.createVisitor()
      const tokens = [before.token]
      const token = Effect.sync(() => tokens.shift() ?? after.token)
      const context = yield* Layer.build(TestKefu.layerSession({ token, connect: "manual" }))
      const outbox = yield* Effect.provideContext(Outbox, context)
      yield* Effect.provideContext(follow, context)
      const [earlier] = yield* sandbox.conversations
      yield* sandbox.revokeToken(before.token)
      yield* reset
      yield* inject({ _tag: "Silence", direction: "outbound", until: 1000, userId: after.userId })
      const { key } = yield* outbox.enqueue({ ...text("hello"), conversationId: earlier!.id })
      yield* TestClock.adjust(10)
      yield* reset
      const { id } = yield* outbox.result(key)
      const all = (yield* sandbox.conversations).flatMap(({ messages }) => messages)
      assert.deepStrictEqual(
        all.flatMap((message) => (message.content === "hello" ? [message.id] : [])),
        [id]
      )
    }).pipe(Effect.scoped, provide())
  )
})

describe("after the layer is closed", () => {
  it.effect("opening and subscribing fail with Closed", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(TestKefu.layerSession({ token: visitor }), scope)
      const realtime = yield* Effect.provideContext(Realtime, context)
      yield* realtime.open
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Effect.flip(realtime.open)).reason._tag, "Closed")
      assert.strictEqual((yield* Effect.flip(realtime.takeOver)).reason._tag, "Closed")
      assert.strictEqual((yield* Effect.flip(realtime.send(text("你好")))).reason._tag, "Closed")
      assert.strictEqual(yield* Stream.runCount(realtime.events), 0)
      assert.strictEqual((yield* Sandbox.use((sandbox) => sandbox.connections)).length, 0)
    }).pipe(Effect.scoped, provide())
  )
})

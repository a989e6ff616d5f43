import { assert, layer } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { monitorEventLoopDelay } from "node:perf_hooks"
import type { ConnectionState } from "../../src/realtime/ConnectionState.ts"
import { UserId } from "../../src/domain/Id.ts"
import { KefuConfig } from "../../src/KefuConfig.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import * as SandboxNode from "../../src/sandbox/doors/SandboxNode.ts"
import { join, type Person } from "../support/Person.ts"
import * as TcpProxy from "../support/TcpProxy.ts"

const heartbeat = { idle: 300, timeout: 150 }

/** Timer delay allowed on a busy machine, in addition to the measured event loop delay. */
const slack = 200

const enters = <Tag extends ConnectionState["_tag"]>(
  { realtime }: Person,
  tag: Tag,
  fits: (state: Extract<ConnectionState, { readonly _tag: Tag }>) => boolean = () => true
) =>
  realtime.states.pipe(
    Stream.filter((state): state is Extract<ConnectionState, { readonly _tag: Tag }> => state._tag === tag),
    Stream.filter(fits),
    Stream.runHead,
    Effect.map(Option.getOrThrow)
  )

const chat = Effect.gen(function* () {
  const { logins } = yield* Sandbox
  const proxy = yield* TcpProxy.make(yield* SandboxNode.baseUrl)
  const token = logins.find(({ userType }) => userType === "STAFF")?.token
  const staff = yield* join("staff", { token })
  yield* staff.realtime.open
  const visitor = yield* join("visitor", {
    baseUrl: proxy.baseUrl,
    heartbeat,
    connectTimeout: 300,
    requestTimeout: 1000,
    reconnect: { base: 50, cap: 100 }
  })
  yield* visitor.realtime.open
  yield* visitor.realtime.send({ messageType: "Text", content: "转人工" })
  yield* visitor.hear("ManualServiceStart")
  const say = (content: string) =>
    staff.realtime.send({ messageType: "Text", content, toId: UserId.make(visitor.me.id) })
  return { proxy, say, staff, visitor }
})

/** The greatest event loop delay, in milliseconds. */
const lateness = Effect.acquireRelease(
  Effect.sync(() => {
    const monitor = monitorEventLoopDelay({ resolution: 5 })
    monitor.enable()
    return monitor
  }),
  (monitor) => Effect.sync(() => monitor.disable())
)

layer(SandboxNode.layer(), { excludeTestServices: true })("a silent peer over TCP", (it) => {
  it.effect(
    "CONN-9 is noticed within idle + timeout, which is 25 seconds by default",
    () =>
      Effect.gen(function* () {
        const { proxy, say, visitor } = yield* chat
        yield* say("before")
        yield* visitor.hear("Text")
        const monitor = yield* lateness
        const began = performance.now()
        yield* proxy.silence
        const { cause } = yield* enters(visitor, "Waiting")
        const noticed = performance.now() - began
        const late = monitor.max / 1e6
        console.log(
          `silent peer: noticed after ${noticed.toFixed(0)} ms, the event loop was ${late.toFixed(0)} ms late`
        )
        assert.strictEqual(cause.reason._tag, "ConnectionLost")
        assert.isAbove(proxy.swallowed(), 0)
        // The ping is sent at most `idle` after the silence began, and the connection ends `timeout` after the ping.
        assert.isAtLeast(noticed, heartbeat.timeout)
        assert.isAtMost(noticed, heartbeat.idle + heartbeat.timeout + slack + 3 * late)

        const config = yield* Effect.provide(KefuConfig, KefuConfig.layer({ baseUrl: proxy.baseUrl }))
        assert.strictEqual(Duration.toMillis(Duration.sum(config.heartbeat.idle, config.heartbeat.timeout)), 25_000)
      }).pipe(Effect.scoped),
    60_000
  )

  it.effect(
    "CONN-19 missed messages are recovered once and in order after the reconnect",
    () =>
      Effect.gen(function* () {
        const { proxy, say, visitor } = yield* chat
        yield* say("one")
        yield* visitor.hear("Text")
        yield* proxy.silence
        yield* say("two")
        yield* enters(visitor, "Waiting")
        yield* say("three")
        // Every dial times out while the proxy is silent.
        yield* enters(visitor, "Waiting", ({ cause }) => cause.reason._tag === "ConnectTimeout")
        yield* say("four")
        const back = yield* Effect.forkChild(enters(visitor, "Connected"), { startImmediately: true })
        yield* proxy.forward
        assert.strictEqual((yield* Fiber.join(back)).connection, 2)
        yield* visitor.next("Resynced")
        yield* say("five")
        yield* visitor.hear("Text", ({ content }) => content === "five")
        const texts = visitor.events.flatMap((event) =>
          event._tag === "MessageReceived" && event.message.messageType === "Text"
            ? [[event.message.content, event.recovered]]
            : []
        )
        assert.deepStrictEqual(texts, [
          ["one", false],
          ["two", true],
          ["three", true],
          ["four", true],
          ["five", false]
        ])
        assert.isFalse(visitor.events.some(({ _tag }) => _tag === "GapUnresolved" || _tag === "Lagged"))
      }).pipe(Effect.scoped),
    60_000
  )

  it.effect(
    "CONN-5 a connection that was cut is restored",
    () =>
      Effect.gen(function* () {
        const { proxy, say, visitor } = yield* chat
        yield* say("one")
        yield* visitor.hear("Text")
        const back = yield* Effect.forkChild(
          enters(visitor, "Connected", ({ connection }) => connection === 2),
          { startImmediately: true }
        )
        yield* proxy.cut
        yield* Fiber.join(back)
        yield* say("two")
        yield* visitor.hear("Text", ({ content }) => content === "two")
      }).pipe(Effect.scoped),
    60_000
  )
})

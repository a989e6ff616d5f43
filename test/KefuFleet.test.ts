import { assert, describe, it } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HashMap from "effect/HashMap"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { KefuFleet, type Options } from "../src/KefuFleet.ts"
import * as Kefu from "../src/Kefu.ts"
import { Outbox } from "../src/outbox/Outbox.ts"
import { Realtime } from "../src/realtime/Realtime.ts"
import { Sandbox } from "../src/sandbox/Sandbox.ts"
import * as SandboxPlatform from "../src/testing/SandboxPlatform.ts"
import { pass } from "./support/Gateway.ts"

/** A fleet whose logins are tokens of a sandbox. */
const fleet = (options: Partial<Options> = {}) =>
  KefuFleet.layerPlatform({ session: (token) => ({ baseUrl: "http://sandbox.test", token }), ...options }).pipe(
    Layer.provideMerge(SandboxPlatform.layer),
    Layer.provideMerge(Sandbox.layer())
  )

const visitors = (count: number) =>
  Sandbox.use(({ createVisitor }) =>
    Effect.forEach(Array.range(1, count), () => Effect.map(createVisitor(), ({ token }) => token))
  )

/** The services of a login's session, in use until the scope ends. */
const use = (login: string) => KefuFleet.use(({ get }) => Layer.build(get(login)))

/** Starts to connect the session of a login, and uses it until the scope ends. */
const start = (login: string) =>
  Effect.flatMap(use(login), (session) => Effect.forkScoped(Context.get(session, Realtime).open))

const states = Effect.map(
  KefuFleet.use(({ state }) => state),
  HashMap.map(({ _tag }) => _tag)
)

const openConnections = Effect.map(
  Sandbox.use(({ connections }) => connections),
  ({ length }) => length
)

/** The metrics of a gauge, by the value of its only attribute. */
const gauge = (id: string) =>
  Effect.map(Metric.snapshot, (all) =>
    Object.fromEntries(
      all.flatMap((metric) =>
        metric.id === id && metric.type === "Gauge"
          ? [[Object.values(metric.attributes ?? {})[0] ?? "", metric.state.value]]
          : []
      )
    )
  )

const ownMetrics = Effect.provideService(Metric.MetricRegistry, new Map())

describe("KefuFleet", () => {
  it.effect("opens a session at its first use, shares it, and closes it after a time without use", () =>
    Effect.gen(function* () {
      const [ann = ""] = yield* visitors(2)
      const scope = yield* Scope.make()
      const one = yield* Scope.provide(use(ann), scope)
      const other = yield* Effect.scoped(use(ann))
      assert.strictEqual(Context.get(one, Outbox), Context.get(other, Outbox))
      assert.strictEqual(yield* openConnections, 0, "nobody needed a connection yet")

      yield* Scope.provide(start(ann), scope)
      yield* pass("1 hour")
      assert.deepStrictEqual(Array.fromIterable(yield* states), [[ann, "Connected"]])
      yield* Scope.close(scope, Exit.void)
      yield* pass("9 seconds")
      assert.strictEqual(yield* openConnections, 1)
      yield* pass("1 second")
      assert.strictEqual(yield* openConnections, 0)
      assert.deepStrictEqual(Array.fromIterable(yield* states), [])
    }).pipe(Effect.provide(fleet({ idleTimeToLive: "10 seconds" })))
  )

  it.effect("dials for all logins in turn, as often as it may", () =>
    Effect.gen(function* () {
      const { counters } = yield* Sandbox
      const dials = Effect.map(counters, (counts) => counts.dials)
      yield* Effect.forEach(yield* visitors(30), start)
      yield* pass("950 millis")
      assert.strictEqual(yield* dials, 10)
      yield* pass("1 second")
      assert.strictEqual(yield* dials, 20)
      const connecting = Array.fromIterable(HashMap.values(yield* states)).filter((state) => state === "Connecting")
      assert.lengthOf(connecting, 10)
      yield* pass("1 second")
      assert.strictEqual(yield* dials, 30)
      assert.strictEqual(yield* openConnections, 30)

      // After a restart of the backend, too.
      const { connections } = yield* Sandbox
      yield* Effect.forEach(yield* connections, (connection) => connection.reset)
      yield* pass("950 millis")
      assert.isAbove(yield* dials, 30)
      assert.isAtMost(yield* dials, 41)
      yield* pass("1 minute")
      assert.strictEqual(yield* dials, 60)
      assert.strictEqual(yield* openConnections, 30)
    }).pipe(
      Effect.provide(
        fleet({
          dialsPerSecond: 10,
          session: (token) => ({ baseUrl: "http://sandbox.test", token, reconnect: { base: 1, cap: 1 } })
        })
      )
    )
  )

  it.effect("tells the state of each login, and counts the sessions in each", () =>
    Effect.gen(function* () {
      const logins = yield* visitors(3)
      const [ann = "", bob = "", cid = ""] = logins
      const seen: Array<string> = []
      yield* KefuFleet.use(({ states }) =>
        states.pipe(
          Stream.map(HashMap.get(ann)),
          Stream.runForEach((state) => Effect.sync(() => seen.push(state._tag === "Some" ? state.value._tag : "none"))),
          Effect.forkScoped({ startImmediately: true })
        )
      )
      yield* Effect.forEach(logins, start)
      yield* pass("1 second")
      assert.deepStrictEqual(yield* gauge("kefu_fleet_sessions"), { Idle: 0, Connecting: 0, Connected: 3 })

      // Somebody else logs in as ann, and bob loses his connection.
      const stranger = yield* Layer.build(
        Kefu.layerPlatform({ baseUrl: "http://sandbox.test", token: ann }).pipe(Layer.fresh)
      )
      yield* Effect.forkScoped(Context.get(stranger, Realtime).open)
      yield* pass("5 seconds")
      const now = yield* states
      assert.deepStrictEqual(
        [ann, bob, cid].map((login) => [login, HashMap.getUnsafe(now, login)]),
        [
          [ann, "Superseded"],
          [bob, "Connected"],
          [cid, "Connected"]
        ]
      )
      assert.deepStrictEqual(yield* gauge("kefu_fleet_sessions"), {
        Idle: 0,
        Connecting: 0,
        Connected: 2,
        Superseded: 1
      })
      const changes = seen.filter((state, index) => state !== seen[index - 1])
      assert.deepStrictEqual(changes, ["none", "Idle", "Connecting", "Connected", "Superseded"])
    }).pipe(Effect.scoped, Effect.provide(fleet()), ownMetrics)
  )

  it.effect("sums the unsettled sends of all logins", () =>
    Effect.gen(function* () {
      const { connections } = yield* Sandbox
      const logins = yield* visitors(2)
      const scope = yield* Scope.make()
      const sessions = yield* Effect.forEach(logins, (login) => Scope.provide(use(login), scope))
      yield* Effect.forEach(sessions, (session, index) =>
        Effect.forEach(Array.range(0, index), (number) =>
          Context.get(session, Outbox).enqueue({ messageType: "Text", content: `${number}` })
        )
      )
      assert.deepStrictEqual(yield* gauge("kefu_outbox_depth"), { "": 3 })
      yield* pass("1 minute")
      assert.deepStrictEqual(yield* gauge("kefu_outbox_depth"), { "": 0 })
      assert.lengthOf(yield* connections, 2)
      yield* Scope.close(scope, Exit.void)
    }).pipe(Effect.provide(fleet()), ownMetrics)
  )

  it.effect("opens the next session of a login once the one before has closed", () => {
    let open = 0
    let most = 0
    const mayClose = Latch.makeUnsafe()
    const slowToClose = Layer.effectDiscard(
      Effect.acquireRelease(
        Effect.sync(() => {
          most = Math.max(most, ++open)
        }),
        () =>
          Effect.andThen(
            mayClose.await,
            Effect.sync(() => open--)
          )
      )
    ).pipe(Layer.provideMerge(KeyValueStore.layerMemory))
    return Effect.gen(function* () {
      const [ann = ""] = yield* visitors(1)
      yield* Effect.scoped(Effect.andThen(start(ann), pass("1 second")))
      yield* pass("1 second")
      const next = yield* Effect.forkScoped(start(ann))
      yield* pass("1 minute")
      assert.strictEqual(next.pollUnsafe(), undefined)
      yield* mayClose.open
      yield* pass("1 second")
      assert.strictEqual(yield* openConnections, 1)
      assert.deepStrictEqual([open, most], [1, 1])
      const { superseded } = yield* Sandbox.use(({ counters }) => counters)
      assert.strictEqual(superseded, 0)
    }).pipe(
      Effect.ensuring(mayClose.open),
      Effect.scoped,
      Effect.provide(
        fleet({
          idleTimeToLive: "1 second",
          session: (token) => ({
            baseUrl: "http://sandbox.test",
            token,
            outbox: { storage: Layer.fresh(slowToClose) }
          })
        })
      )
    )
  })

  it.effect("names an invalid option", () =>
    Effect.gen(function* () {
      const session = () => ({})
      for (const [field, options] of [
        ["dialsPerSecond", { session, dialsPerSecond: 0 }],
        ["dialsPerSecond", { session, dialsPerSecond: Number.NaN }],
        ["idleTimeToLive", { session, idleTimeToLive: "soon" as "1 second" }]
      ] as const) {
        const { reason } = yield* Effect.flip(Layer.build(KefuFleet.layer(options)))
        assert.strictEqual(reason.field, field)
      }
      const broken = KefuFleet.layer({ session: () => ({ baseUrl: "ftp://chat.example.com" }) })
      const { reason } = yield* Effect.flip(Effect.provide(use("ann"), broken))
      assert.strictEqual(reason.field, "baseUrl")
    }).pipe(Effect.scoped)
  )
})

import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as HttpClient from "effect/http/HttpClient"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as TestClock from "effect/testing/TestClock"
import { inspect } from "node:util"
import { afterEach, vi } from "vitest"
import { Credentials } from "../../src/http/Credentials.ts"
import { KefuConfig } from "../../src/KefuConfig.ts"
import { TokenApi } from "../../src/http/TokenApi.ts"
import { Transport } from "../../src/http/Transport.ts"
import * as Device from "../../src/testing/Device.ts"
import * as Recorder from "../support/Recorder.ts"
import * as WallClock from "../support/WallClock.ts"

const value = (token: Effect.Success<Credentials["Service"]["token"]>) => Redacted.value(token)

const open = (layer: Layer.Layer<Credentials>) =>
  Effect.map(Layer.build(layer), (context) => Context.get(context, Credentials))

/** A provider that counts its calls, and returns `token 1`, `token 2` ... */
const provider = (answer?: (nth: number) => Effect.Effect<string, string>) => {
  let asked = 0
  const layer = Credentials.layerProvider(
    Effect.suspend(() => {
      asked++
      return answer === undefined ? Effect.succeed(`token ${asked}`) : answer(asked)
    })
  )
  return { layer, asked: () => asked }
}

const many = <A, E>(effect: Effect.Effect<A, E>) => {
  return Effect.forkChild(
    Effect.all(
      Array.from({ length: 50 }, () => Effect.exit(effect)),
      { concurrency: "unbounded" }
    ),
    {
      startImmediately: true
    }
  )
}

/** The value with which all of them succeeded. */
const distinct = <A, E>(exits: ReadonlyArray<Exit.Exit<A, E>>) => [
  ...new Set(exits.map((exit) => (Exit.isSuccess(exit) ? exit.value : exit.cause)))
]

afterEach(() => {
  vi.unstubAllGlobals()
})

describe("Credentials", () => {
  describe("a fixed token", () => {
    it.effect("is returned unchanged, and cannot be refreshed", () =>
      Effect.gen(function* () {
        for (const token of ["abc", Redacted.make("abc")]) {
          const credentials = yield* open(Credentials.layer(token))
          assert.strictEqual(value(yield* credentials.token), "abc")
          const error = yield* Effect.flip(credentials.refresh(Redacted.make("abc")))
          assert.strictEqual(error.reason._tag, "Unauthorized")
          assert.strictEqual(error.method, "Credentials.token")
        }
      })
    )
  })

  describe("a provider", () => {
    it.effect("runs at the first use only", () =>
      Effect.gen(function* () {
        const { asked, layer } = provider()
        const credentials = yield* open(layer)
        assert.strictEqual(asked(), 0)
        assert.strictEqual(value(yield* credentials.token), "token 1")
        assert.strictEqual(value(yield* credentials.token), "token 1")
        assert.strictEqual(asked(), 1)
      })
    )

    it.effect("may use services, and return redacted tokens", () =>
      Effect.gen(function* () {
        const layer = Credentials.layerProvider(
          Effect.map(KefuConfig, ({ baseUrl }) => Redacted.make(`token of ${baseUrl}`))
        )
        const credentials = yield* open(
          Layer.provide(layer, Layer.orDie(KefuConfig.layer({ baseUrl: "https://kefu.test" })))
        )
        assert.strictEqual(value(yield* credentials.token), "token of https://kefu.test")
      })
    )

    it.effect("runs once for 50 concurrent first uses", () =>
      Effect.gen(function* () {
        const { asked, layer } = provider((nth) => Effect.delay(Effect.succeed(`token ${nth}`), "1 second"))
        const credentials = yield* open(layer)
        const fiber = yield* many(Effect.map(credentials.token, value))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(distinct(yield* Fiber.join(fiber)), ["token 1"])
        assert.strictEqual(asked(), 1)
      })
    )

    it.effect("runs once for 50 concurrent refused requests", () =>
      Effect.gen(function* () {
        const { asked, layer } = provider((nth) => Effect.delay(Effect.succeed(`token ${nth}`), "1 second"))
        const backend = Recorder.make((seen) =>
          seen.headers.authorization === "Bearer token 2" ? Recorder.json({}) : new Response(null, { status: 401 })
        )
        yield* Effect.gen(function* () {
          const { httpClient } = yield* Transport
          const fiber = yield* many(Effect.asVoid(httpClient.post("/api/v1/x")))
          yield* TestClock.adjust("2 seconds")
          const exits = yield* Fiber.join(fiber)
          assert.isTrue(exits.every(Exit.isSuccess))
        }).pipe(Effect.provide(Recorder.transport(backend.client, { credentials: layer })))
        assert.strictEqual(asked(), 2)
        assert.strictEqual(backend.seen.length, 100)
      })
    )

    it.effect(
      "that fails is TokenUnavailable for all waiting callers without another attempt; the next caller makes one",
      () =>
        Effect.gen(function* () {
          const { asked, layer } = provider((nth) =>
            nth === 1
              ? Effect.delay(Effect.fail("the login server refused eyJhbGciOiJIUzI1NiJ9.s3cret-part"), "1 second")
              : Effect.succeed("token")
          )
          const credentials = yield* open(layer)
          const fiber = yield* many(Effect.flip(credentials.token))
          yield* TestClock.adjust("1 second")
          for (const exit of yield* Fiber.join(fiber)) {
            assert.isTrue(Exit.isSuccess(exit))
            if (Exit.isSuccess(exit)) {
              assert.strictEqual(exit.value.reason._tag, "TokenUnavailable")
              assert.isTrue(exit.value.isRetryable)
              assert.include(exit.value.message, "the token provider failed: the login server refused <redacted>")
              assert.propertyVal(exit.value.cause, "message", "the login server refused <redacted>")
              assert.notInclude(inspect(exit.value, { depth: 10 }), "s3cret")
            }
          }
          assert.strictEqual(asked(), 1)
          assert.strictEqual(value(yield* credentials.token), "token")
        })
    )

    it.effect("that hangs is given up after 10 seconds for all waiting callers", () =>
      Effect.gen(function* () {
        const { asked, layer } = provider(() => Effect.never)
        const credentials = yield* open(layer)
        const fiber = yield* many(Effect.andThen(Effect.flip(credentials.token), Clock.currentTimeMillis))
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual(distinct(yield* Fiber.join(fiber)), [10_000])
        assert.strictEqual(asked(), 1)
      })
    )

    it.effect("that hangs at a refresh delays 50 callers no longer than that", () =>
      Effect.gen(function* () {
        const { asked, layer } = provider((nth) => (nth === 1 ? Effect.succeed("old") : Effect.never))
        const credentials = yield* open(layer)
        const old = yield* credentials.token
        const fiber = yield* many(Effect.andThen(Effect.flip(credentials.refresh(old)), Clock.currentTimeMillis))
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual(distinct(yield* Fiber.join(fiber)), [10_000])
        assert.strictEqual(asked(), 2)
      })
    )

    it.effect("serves the other callers when the first one is interrupted", () =>
      Effect.gen(function* () {
        const { asked, layer } = provider((nth) => Effect.delay(Effect.succeed(`token ${nth}`), "1 second"))
        const credentials = yield* open(layer)
        const first = yield* Effect.forkChild(credentials.token, { startImmediately: true })
        const second = yield* Effect.forkChild(credentials.token, { startImmediately: true })
        yield* Fiber.interrupt(first)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(value(yield* Fiber.join(second)), "token 2")
        assert.strictEqual(asked(), 2)
      })
    )

    it.effect("does not run for a token that was already replaced", () =>
      Effect.gen(function* () {
        const { asked, layer } = provider()
        const credentials = yield* open(layer)
        const old = yield* credentials.token
        assert.strictEqual(value(yield* credentials.refresh(old)), "token 2")
        assert.strictEqual(value(yield* credentials.refresh(old)), "token 2")
        assert.strictEqual(value(yield* credentials.token), "token 2")
        assert.strictEqual(asked(), 2)
      })
    )

    it.effect("does not run again within five seconds if its new token is refused too", () =>
      Effect.gen(function* () {
        const { asked, layer } = provider()
        const credentials = yield* open(layer)
        const fresh = yield* credentials.refresh(yield* credentials.token)
        yield* TestClock.adjust(4_999)
        const error = yield* Effect.flip(credentials.refresh(fresh))
        assert.include(error.message, "a fresh token was refused, too")
        assert.strictEqual(error.reason._tag, "Unauthorized")
        assert.strictEqual(asked(), 2)
        yield* TestClock.adjust(1)
        assert.strictEqual(value(yield* credentials.refresh(fresh)), "token 3")
      })
    )

    it.effect("is told when its token was replaced, not when it was only read or returned again", () =>
      Effect.gen(function* () {
        const { layer } = provider((nth) => Effect.succeed(nth < 3 ? "same" : `token ${nth}`))
        const credentials = yield* open(layer)
        const seen: Array<number> = []
        yield* Effect.forkScoped(
          Stream.runForEach(credentials.changes, (generation) => Effect.sync(() => seen.push(generation))),
          { startImmediately: true }
        )
        const first = yield* credentials.token
        yield* credentials.refresh(first)
        assert.strictEqual(yield* credentials.generation, 0)
        yield* TestClock.adjust("5 seconds")
        yield* credentials.refresh(first)
        yield* credentials.refresh(first)
        yield* TestClock.adjust(0)
        assert.strictEqual(yield* credentials.generation, 1)
        assert.deepStrictEqual(seen, [0, 1])
      })
    )

    it.effect("runs again for a refused token, however the wall clock was set meanwhile", () =>
      Effect.gen(function* () {
        const wall = yield* WallClock.make
        yield* Effect.gen(function* () {
          const { layer } = provider()
          const credentials = yield* open(layer)
          const fresh = yield* credentials.refresh(yield* credentials.token)
          yield* wall.jump("-1 hour")
          yield* TestClock.adjust("6 seconds")
          assert.strictEqual(value(yield* credentials.refresh(fresh)), "token 3")
        }).pipe(wall.run)
      })
    )

    it.effect("runs again immediately after a failure, and its failure is reported unchanged", () =>
      Effect.gen(function* () {
        const { layer } = provider((nth) => (nth === 2 ? Effect.fail("offline") : Effect.succeed(`token ${nth}`)))
        const credentials = yield* open(layer)
        const old = yield* credentials.token
        const error = yield* Effect.flip(credentials.refresh(old))
        assert.strictEqual(error.reason._tag, "TokenUnavailable")
        assert.strictEqual(value(yield* credentials.refresh(old)), "token 3")
      })
    )
  })

  describe("an anonymous visitor", () => {
    const defaultKey = "effect-kefu/token/https://kefu.test"

    /** A browser's storage that fails on demand. */
    const storage = (entries: Record<string, string> = {}, failing: { get?: boolean; set?: boolean } = {}) => {
      const items = new Map(Object.entries(entries))
      const refuse = () => {
        throw new Error("QuotaExceededError")
      }
      const layer = KeyValueStore.layerStorage(() => ({
        getItem: (key) => (failing.get === true ? refuse() : (items.get(key) ?? null)),
        setItem: (key, text) => (failing.set === true ? refuse() : void items.set(key, text)),
        removeItem: (key) => void items.delete(key),
        clear: () => items.clear(),
        key: (index) => [...items.keys()][index] ?? null,
        length: items.size
      }))
      return { items, layer }
    }

    const issue = () => {
      let issued = 0
      return Recorder.make((seen) =>
        seen.path === "/api/v1/im/tokens" ? Recorder.json({ token: `visitor ${++issued}` }) : Recorder.json({})
      )
    }

    const anonymous = (
      backend: ReturnType<typeof Recorder.make>,
      store: Layer.Layer<KeyValueStore.KeyValueStore>,
      options?: { readonly key?: string }
    ): Layer.Layer<Credentials> =>
      Credentials.layerAnonymous(options).pipe(
        Layer.provide([TokenApi.layer, store]),
        Layer.provide([
          Layer.orDie(KefuConfig.layer({ baseUrl: "https://kefu.test" })),
          Layer.succeed(HttpClient.HttpClient, backend.client)
        ])
      )

    it.effect("requests a token, stores it, and stays the same after a reload", () =>
      Effect.gen(function* () {
        const backend = issue()
        const { items, layer } = storage()
        const first = yield* open(anonymous(backend, layer))
        assert.strictEqual(backend.seen.length, 0)
        assert.strictEqual(value(yield* first.token), "visitor 1")
        assert.deepStrictEqual([...items], [[defaultKey, "visitor 1"]])
        const [asked] = backend.seen
        assert.deepInclude(asked, { method: "POST", path: "/api/v1/im/tokens", query: "", body: undefined })
        assert.deepStrictEqual(Object.keys(asked?.headers ?? {}), [])
        const reloaded = yield* open(Layer.fresh(anonymous(backend, layer)))
        assert.strictEqual(value(yield* reloaded.token), "visitor 1")
        assert.strictEqual(backend.seen.length, 1)
      })
    )

    it.effect("stores it under another key, and ignores an empty one", () =>
      Effect.gen(function* () {
        const { items, layer } = storage({ mine: "" })
        const credentials = yield* open(anonymous(issue(), layer, { key: "mine" }))
        assert.strictEqual(value(yield* credentials.token), "visitor 1")
        assert.deepStrictEqual([...items], [["mine", "visitor 1"]])
      })
    )

    it.effect("replaces a refused token, and stores the new one", () =>
      Effect.gen(function* () {
        const backend = issue()
        const { items, layer } = storage({ [defaultKey]: "expired" })
        const credentials = yield* open(anonymous(backend, layer))
        const expired = yield* credentials.token
        assert.strictEqual(value(expired), "expired")
        assert.strictEqual(value(yield* credentials.refresh(expired)), "visitor 1")
        assert.strictEqual(items.get(defaultKey), "visitor 1")
      })
    )

    it.effect("adopts the token that another tab has stored, instead of becoming another visitor", () =>
      Effect.gen(function* () {
        const backend = issue()
        const { items, layer } = storage({ [defaultKey]: "expired" })
        const credentials = yield* open(anonymous(backend, layer))
        const expired = yield* credentials.token
        items.set(defaultKey, "of another tab")
        assert.strictEqual(yield* credentials.generation, 0)
        assert.strictEqual(value(yield* credentials.refresh(expired)), "of another tab")
        assert.strictEqual(yield* credentials.generation, 1)
        assert.strictEqual(backend.seen.length, 0)
        assert.strictEqual(value(yield* credentials.refresh(Redacted.make("of another tab"))), "visitor 1")
      })
    )

    it.effect("requests one token for 50 concurrent first uses", () =>
      Effect.gen(function* () {
        const backend = issue()
        const credentials = yield* open(anonymous(backend, storage().layer))
        const exits = yield* Fiber.join(yield* many(Effect.map(credentials.token, value)))
        assert.deepStrictEqual(distinct(exits), ["visitor 1"])
        assert.strictEqual(backend.seen.length, 1)
      })
    )

    const captured = () => {
      const lines: Array<unknown> = []
      return { lines, layer: Logger.layer([Logger.make(({ logLevel, message }) => lines.push([logLevel, message]))]) }
    }

    const failures: ReadonlyArray<readonly [what: string, failing: { get?: boolean; set?: boolean }]> = [
      ["cannot be read", { get: true, set: true }],
      ["cannot be read, but written", { get: true }],
      ["cannot be written", { set: true }]
    ]
    for (const [what, failing] of failures) {
      it.effect(`can chat when the store ${what}, which is logged once and without the token`, () =>
        Effect.gen(function* () {
          const logged = captured()
          const backend = issue()
          const { items, layer } = storage({ [defaultKey]: "" }, failing)
          const credentials = yield* open(anonymous(backend, layer))
          yield* Effect.gen(function* () {
            const token = yield* credentials.token
            assert.strictEqual(value(token), "visitor 1")
            assert.strictEqual(value(yield* credentials.token), "visitor 1")
            assert.strictEqual(value(yield* credentials.refresh(token)), "visitor 2")
          }).pipe(Effect.provide(logged.layer))
          assert.strictEqual(backend.seen.length, 2)
          assert.strictEqual(logged.lines.length, 1)
          assert.include(inspect(logged.lines, { depth: 9 }), "the storage failed")
          assert.notInclude(inspect(logged.lines, { depth: 9 }), "visitor")
          assert.deepStrictEqual([...items], [[defaultKey, ""]])
        })
      )
    }

    it.effect("can chat when the store never answers", () =>
      Effect.gen(function* () {
        const store = Layer.succeed(
          KeyValueStore.KeyValueStore,
          KeyValueStore.makeStringOnly({
            get: () => Effect.never,
            set: () => Effect.never,
            remove: () => Effect.never,
            clear: Effect.never,
            size: Effect.never,
            keys: Effect.never
          })
        )
        const credentials = yield* open(anonymous(issue(), store))
        const token = yield* Effect.forkChild(credentials.token, { startImmediately: true })
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual(value(yield* Fiber.join(token)), "visitor 1")
      })
    )

    /** A store whose steps wait until it responds. */
    const slow = (entries: Record<string, string> = {}) => {
      const responds = Latch.makeUnsafe(false)
      const { items, layer } = storage(entries)
      const late = Layer.effect(
        KeyValueStore.KeyValueStore,
        Effect.map(KeyValueStore.KeyValueStore, (store) =>
          KeyValueStore.make({
            ...store,
            get: (key) => Effect.andThen(responds.await, store.get(key)),
            set: (key, text) => Effect.andThen(responds.await, store.set(key, text))
          })
        )
      )
      return { items, responds, layer: Layer.provide(late, layer) }
    }

    const after = <A, E>(duration: Duration.Input, effect: Effect.Effect<A, E>) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
        yield* TestClock.adjust(duration)
        return yield* Fiber.join(fiber)
      })

    it.effect("is stored as soon as a store responds that did not for a while, which is logged once", () =>
      Effect.gen(function* () {
        const logged = captured()
        const backend = issue()
        const { items, layer, responds } = slow()
        const credentials = yield* open(anonymous(backend, layer))
        yield* Effect.gen(function* () {
          const token = yield* after("5 seconds", credentials.token)
          assert.strictEqual(value(yield* credentials.refresh(token)), "visitor 2")
          assert.deepStrictEqual([...items], [])
          yield* Effect.andThen(responds.open, TestClock.adjust(0))
          assert.deepStrictEqual([...items], [[defaultKey, "visitor 2"]])
          yield* TestClock.adjust("1 minute")
          assert.strictEqual(value(yield* credentials.refresh(Redacted.make("visitor 2"))), "visitor 3")
        }).pipe(Effect.provide(logged.layer))
        assert.deepStrictEqual([...items], [[defaultKey, "visitor 3"]])
        assert.strictEqual(logged.lines.length, 1)
      })
    )

    it.effect("takes the place of the refused one as soon as the store responds again", () =>
      Effect.gen(function* () {
        const backend = issue()
        const { items, layer, responds } = slow()
        yield* responds.open
        const credentials = yield* open(anonymous(backend, layer))
        const token = yield* credentials.token
        yield* Effect.andThen(responds.close, TestClock.adjust("1 minute"))
        assert.strictEqual(value(yield* after("5 seconds", credentials.refresh(token))), "visitor 2")
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(value(yield* credentials.refresh(Redacted.make("visitor 2"))), "visitor 3")
        yield* Effect.andThen(responds.open, TestClock.adjust(0))
        assert.deepStrictEqual([...items], [[defaultKey, "visitor 3"]])
      })
    )

    it.effect(
      "leaves the token of another tab in a store that responds late, and adopts it when its own is refused",
      () =>
        Effect.gen(function* () {
          const { items, layer, responds } = slow({ [defaultKey]: "of another tab" })
          const credentials = yield* open(anonymous(issue(), layer))
          const token = yield* after("5 seconds", credentials.token)
          assert.strictEqual(value(token), "visitor 1")
          yield* Effect.andThen(responds.open, TestClock.adjust(0))
          assert.deepStrictEqual([...items], [[defaultKey, "of another tab"]])
          assert.strictEqual(value(yield* credentials.refresh(token)), "of another tab")
        })
    )

    it.effect("stays the same when the process was suspended while its token was read", () =>
      Effect.gen(function* () {
        const device = yield* Device.make
        const { layer, responds } = slow({ [defaultKey]: "of before" })
        const credentials = yield* open(anonymous(issue(), layer))
        yield* Effect.forkChild(device.sleep("1 hour"), { startImmediately: true })
        yield* device.awake.pipe(
          Effect.andThen(Effect.sleep("1 second")),
          Effect.andThen(responds.open),
          Effect.forkChild({ startImmediately: true })
        )
        const token = yield* after("2 hours", device.run(credentials.token))
        assert.strictEqual(value(token), "of before")
      })
    )

    it.effect("is the same one in two tabs that start at the same instant, and that are refused at once", () =>
      Effect.gen(function* () {
        let issued = 0
        const backend = Recorder.make(() =>
          Effect.delay(
            Effect.sync(() => Recorder.json({ token: `visitor ${++issued}` })),
            "1 second"
          )
        )
        const { items, layer } = storage()
        const tabs = yield* Effect.forEach([1, 2], () => open(Layer.fresh(anonymous(backend, layer))))
        const starting = yield* Effect.forkChild(
          Effect.forEach(tabs, (tab) => tab.token, { concurrency: "unbounded" }),
          { startImmediately: true }
        )
        yield* TestClock.adjust("2 seconds")
        const [first, second] = yield* Fiber.join(starting)
        if (first === undefined || second === undefined) return assert.fail("no tokens")
        assert.strictEqual(value(first), value(second))
        assert.strictEqual(value(first), items.get(defaultKey))
        yield* TestClock.adjust("1 minute")
        const refusing = yield* Effect.forkChild(
          Effect.forEach(tabs, (tab) => tab.refresh(first), { concurrency: "unbounded" }),
          { startImmediately: true }
        )
        yield* TestClock.adjust("2 seconds")
        const [third, fourth] = yield* Fiber.join(refusing)
        if (third === undefined || fourth === undefined) return assert.fail("no tokens")
        assert.strictEqual(value(third), value(fourth))
        assert.notStrictEqual(value(third), value(first))
        assert.strictEqual(value(third), items.get(defaultKey))
      })
    )

    it.effect("is requested once by the tabs of a browser that has locks", () =>
      Effect.gen(function* () {
        let held: Promise<unknown> = Promise.resolve()
        const names: Array<string> = []
        vi.stubGlobal("navigator", {
          locks: {
            request: (name: string, _: unknown, hold: () => Promise<void>) => {
              names.push(name)
              held = held.then(hold)
              return held
            }
          }
        })
        const backend = issue()
        const { layer } = storage()
        const tabs = yield* Effect.forEach([1, 2], () => open(Layer.fresh(anonymous(backend, layer))))
        const tokens = yield* Effect.forEach(tabs, (tab) => tab.token, { concurrency: "unbounded" })
        assert.deepStrictEqual(tokens.map(value), ["visitor 1", "visitor 1"])
        assert.strictEqual(backend.seen.length, 1)
        assert.deepStrictEqual(names, [defaultKey, defaultKey])
      })
    )

    for (const [what, request] of [
      ["never granted", () => new Promise<void>(() => {})],
      ["refused", () => Promise.reject(new Error("SecurityError"))],
      [
        "not available",
        () => {
          throw new Error("InvalidStateError")
        }
      ]
    ] as const) {
      it.effect(`gets a token also where the lock is ${what}`, () =>
        Effect.gen(function* () {
          vi.stubGlobal("navigator", { locks: { request } })
          const credentials = yield* open(anonymous(issue(), storage().layer))
          const token = yield* Effect.forkChild(credentials.token, { startImmediately: true })
          yield* TestClock.adjust("15 seconds")
          assert.strictEqual(value(yield* Fiber.join(token)), "visitor 1")
        })
      )
    }

    it.effect("is another one for each backend on one storage", () =>
      Effect.gen(function* () {
        const { items, layer } = storage()
        for (const baseUrl of ["https://a.test", "https://b.test/chat"]) {
          const issuer = Recorder.make(() => Recorder.json({ token: `of ${baseUrl}` }))
          const credentials = yield* open(
            Credentials.layerAnonymous().pipe(
              Layer.provide([TokenApi.layer, layer]),
              Layer.provideMerge(Layer.orDie(KefuConfig.layer({ baseUrl }))),
              Layer.provide(Layer.succeed(HttpClient.HttpClient, issuer.client)),
              Layer.fresh
            )
          )
          assert.strictEqual(value(yield* credentials.token), `of ${baseUrl}`)
        }
        assert.deepStrictEqual(
          [...items],
          [
            ["effect-kefu/token/https://a.test", "of https://a.test"],
            ["effect-kefu/token/https://b.test/chat", "of https://b.test/chat"]
          ]
        )
      })
    )

    it.effect("reports why there is no token", () =>
      Effect.gen(function* () {
        const backend = Recorder.make(() => new Response(null, { status: 429 }))
        const credentials = yield* open(anonymous(backend, storage().layer))
        const error = yield* Effect.flip(credentials.token)
        assert.strictEqual(error.method, "TokenApi.anonymous")
        assert.strictEqual(error.reason._tag, "RateLimited")
      })
    )

    it.effect("does not change the response of the call that needs the token", () =>
      Effect.gen(function* () {
        const backend = issue()
        const response = yield* Transport.use(({ httpClient }) => httpClient.get("/api/v1/x")).pipe(
          Effect.provide(Recorder.transport(backend.client, { credentials: anonymous(backend, storage().layer) }))
        )
        assert.strictEqual(backend.seen.length, 2)
        assert.deepStrictEqual(yield* response.json, {})
      })
    )
  })

  it.effect("can be mocked in part", () =>
    Effect.gen(function* () {
      const credentials = yield* open(Credentials.layerTest({ token: Effect.succeed(Redacted.make("t")) }))
      assert.strictEqual(value(yield* credentials.token), "t")
      assert.isTrue(Exit.hasDies(yield* Effect.exit(credentials.refresh(Redacted.make("t")))))
    })
  )
})

import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import { afterEach, vi } from "vitest"
import { config, KefuConfig, type Options } from "../src/KefuConfig.ts"

const load = (options?: Options) => KefuConfig.pipe(Effect.provide(KefuConfig.layer(options)))
const baseUrl = "https://kefu.test"

afterEach(() => {
  vi.unstubAllGlobals()
})

describe("KefuConfig", () => {
  it.effect("accepts a base URL that names the path of the API", () =>
    Effect.gen(function* () {
      for (const [given, expected] of [
        ["https://kefu.test/api/v1", "https://kefu.test"],
        ["https://kefu.test/api/v1/", "https://kefu.test"],
        ["https://kefu.test/chat/api/v1", "https://kefu.test/chat"],
        ["https://kefu.test/api/v10", "https://kefu.test/api/v10"]
      ] as const) {
        assert.strictEqual((yield* load({ baseUrl: given })).baseUrl, expected)
      }
    })
  )

  it.effect("applies the documented defaults", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* load({ baseUrl }), {
        baseUrl,
        subChannelId: undefined,
        connect: "auto",
        requestTimeout: Duration.seconds(10),
        uploadTimeout: Duration.minutes(5),
        connectTimeout: Duration.seconds(10),
        ackTimeout: Duration.seconds(10),
        retry: { times: 3, base: Duration.millis(500), cap: Duration.seconds(10) },
        reconnect: {
          base: Duration.millis(500),
          cap: Duration.seconds(20),
          hiddenCap: Duration.seconds(60),
          resetAfter: Duration.seconds(10)
        },
        heartbeat: { idle: Duration.seconds(20), timeout: Duration.seconds(5) },
        catchUp: true,
        bufferSize: 4096,
        overflow: "lagged",
        outbox: { capacity: 256, lifetime: Duration.minutes(5), storage: undefined },
        inbox: { withholdDraft: false, queuePoll: Duration.seconds(5) },
        tracePropagation: false
      })
    })
  )

  it.effect("accepts every option", () =>
    Effect.gen(function* () {
      const options = {
        baseUrl,
        subChannelId: 3,
        connect: "manual",
        requestTimeout: 1,
        uploadTimeout: "2 seconds",
        connectTimeout: "3 seconds",
        ackTimeout: "4 seconds",
        retry: { times: 0, base: "5 seconds", cap: "6 seconds" },
        reconnect: { base: "7 seconds", cap: "8 seconds", hiddenCap: "10 seconds", resetAfter: "9 seconds" },
        heartbeat: { idle: "10 seconds", timeout: "11 seconds" },
        catchUp: false,
        bufferSize: 1,
        overflow: "fail",
        outbox: { capacity: 2, lifetime: "12 seconds", storage: KeyValueStore.layerMemory },
        inbox: { withholdDraft: true, queuePoll: "13 seconds" },
        tracePropagation: true
      } as const
      assert.deepInclude(yield* load(options), {
        ...options,
        requestTimeout: Duration.millis(1),
        uploadTimeout: Duration.seconds(2),
        connectTimeout: Duration.seconds(3),
        ackTimeout: Duration.seconds(4),
        retry: { times: 0, base: Duration.seconds(5), cap: Duration.seconds(6) },
        reconnect: {
          base: Duration.seconds(7),
          cap: Duration.seconds(8),
          hiddenCap: Duration.seconds(10),
          resetAfter: Duration.seconds(9)
        },
        heartbeat: { idle: Duration.seconds(10), timeout: Duration.seconds(11) },
        outbox: { ...options.outbox, lifetime: Duration.seconds(12) },
        inbox: { withholdDraft: true, queuePoll: Duration.seconds(13) }
      })
    })
  )

  it.effect("turns retries, reconnecting and queue polling off with false", () =>
    Effect.gen(function* () {
      const off = { retry: false, reconnect: false, inbox: { queuePoll: false } } as const
      const { inbox, reconnect, retry } = yield* load({ baseUrl, ...off })
      assert.isUndefined(inbox.queuePoll)
      assert.propertyVal(retry, "times", 0)
      assert.isUndefined(reconnect)
    })
  )

  it.effect("takes schedules for retries and for reconnecting", () =>
    Effect.gen(function* () {
      const schedule = Schedule.spaced("1 second")
      const { reconnect, retry } = yield* load({ baseUrl, retry: schedule, reconnect: schedule })
      assert.strictEqual(retry, schedule)
      assert.strictEqual(reconnect, schedule)
    })
  )

  const invalid: ReadonlyArray<readonly [field: string, options: object]> = [
    ["baseUrl", { baseUrl: "kefu.test" }],
    ["baseUrl", { baseUrl: "/api" }],
    ["baseUrl", { baseUrl: "ftp://kefu.test" }],
    ["baseUrl", { baseUrl: "wss://kefu.test" }],
    ["baseUrl", { baseUrl: "" }],
    ["subChannelId", { subChannelId: 1.5 }],
    ["subChannelId", { subChannelId: -1 }],
    ["subChannelId", { subChannelId: Number.NaN }],
    ["subChannelId", { subChannelId: "5" }],
    ["connect", { connect: "later" }],
    ["requestTimeout", { requestTimeout: 0 }],
    ["requestTimeout", { requestTimeout: "soon" }],
    ["requestTimeout", { requestTimeout: -5 }],
    ["requestTimeout", { requestTimeout: Number.NaN }],
    ["uploadTimeout", { uploadTimeout: "0 seconds" }],
    ["connectTimeout", { connectTimeout: {} }],
    ["ackTimeout", { ackTimeout: "-1 second" }],
    ["retry.times", { retry: { times: -1 } }],
    ["retry.times", { retry: { times: 0.5 } }],
    ["retry.base", { retry: { base: 0 } }],
    ["retry.cap", { retry: { cap: "never" } }],
    ["reconnect.base", { reconnect: { base: 0 } }],
    ["reconnect.cap", { reconnect: { cap: 0 } }],
    ["reconnect.hiddenCap", { reconnect: { hiddenCap: 0 } }],
    ["reconnect.resetAfter", { reconnect: { resetAfter: "x" } }],
    ["heartbeat.idle", { heartbeat: { idle: 0 } }],
    ["heartbeat.timeout", { heartbeat: { timeout: 0 } }],
    ["catchUp", { catchUp: "yes" }],
    ["bufferSize", { bufferSize: 0 }],
    ["bufferSize", { bufferSize: 1e300 }],
    ["overflow", { overflow: "drop" }],
    ["inbox.queuePoll", { inbox: { queuePoll: 0 } }],
    ["inbox.withholdDraft", { inbox: { withholdDraft: "yes" } }],
    ["outbox.capacity", { outbox: { capacity: 0 } }],
    ["outbox.lifetime", { outbox: { lifetime: "never" } }],
    ["tracePropagation", { tracePropagation: 1 }]
  ]

  for (const [field, options] of invalid) {
    it.effect(`names the option: ${JSON.stringify(options)}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(load({ baseUrl, ...options }))
        assert.strictEqual(error.method, "KefuConfig.layer")
        assert.strictEqual(error.reason._tag === "InvalidRequest" && error.reason.field, field)
        assert.include(error.message, `invalid ${field} (`)
      })
    )
  }

  const addresses: ReadonlyArray<readonly [given: string | URL, kept: string]> = [
    ["https://kefu.test/", "https://kefu.test"],
    ["https://kefu.test///", "https://kefu.test"],
    ["http://kefu.test:8787", "http://kefu.test:8787"],
    ["https://kefu.test:443", "https://kefu.test"],
    ["https://KEFU.test/shop/chat/", "https://kefu.test/shop/chat"],
    ["https://user:password@kefu.test/a?b=c#d", "https://kefu.test/a"],
    [new URL("https://kefu.test/a"), "https://kefu.test/a"],
    ["http://[::1]:8787", "http://[::1]:8787"]
  ]

  for (const [given, kept] of addresses) {
    it.effect(`reads the base URL ${given} as ${kept}`, () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* load({ baseUrl: given })).baseUrl, kept)
      })
    )
  }

  it.effect("0 and nothing count as no sub-channel", () =>
    Effect.gen(function* () {
      for (const subChannelId of [0, undefined, null as unknown as undefined]) {
        assert.isUndefined((yield* load({ baseUrl, subChannelId })).subChannelId)
      }
    })
  )

  it.effect("uses the page's origin in a page", () =>
    Effect.gen(function* () {
      vi.stubGlobal("location", { origin: "https://shop.test", protocol: "https:", pathname: "/chat" })
      assert.strictEqual((yield* load()).baseUrl, "https://shop.test")
      assert.strictEqual((yield* load({ baseUrl })).baseUrl, baseUrl)
    })
  )

  it.effect("requires a base URL outside of pages, and in a page without an origin", () =>
    Effect.gen(function* () {
      const outside = yield* Effect.flip(load())
      vi.stubGlobal("location", { origin: "null", protocol: "file:", pathname: "/index.html" })
      const local = yield* Effect.flip(load({}))
      for (const { message } of [outside, local]) {
        assert.include(message, "invalid baseUrl (there is no page to take the origin from, so set one")
      }
    })
  )

  it.effect("reads the environment's configuration", () =>
    Effect.gen(function* () {
      const read = (env: Record<string, string>) =>
        config.pipe(Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(env)))
      assert.deepStrictEqual(yield* read({ KEFU_BASE_URL: baseUrl, KEFU_SUB_CHANNEL_ID: "7" }), {
        baseUrl,
        subChannelId: 7
      })
      assert.deepStrictEqual(yield* read({ KEFU_BASE_URL: baseUrl }), { baseUrl, subChannelId: undefined })
      assert.deepStrictEqual(yield* read({}), { baseUrl: undefined, subChannelId: undefined })
      yield* Effect.flip(read({ KEFU_BASE_URL: baseUrl, KEFU_SUB_CHANNEL_ID: "seven" }))
    })
  )
})

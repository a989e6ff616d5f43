import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import { Credentials } from "../src/http/Credentials.ts"
import * as Kefu from "../src/Kefu.ts"
import { KefuConfig } from "../src/KefuConfig.ts"
import { Sandbox } from "../src/sandbox/Sandbox.ts"
import * as SandboxPlatform from "../src/testing/SandboxPlatform.ts"
import { UserApi } from "../src/rest/UserApi.ts"

const sessionOf = (token: string) =>
  Kefu.layerPlatform({ baseUrl: "http://sandbox.test", token }).pipe(Layer.provide(SandboxPlatform.layer))

const nickname = Effect.map(
  UserApi.use((api) => api.me),
  (me) => me.nickname
)

describe("Kefu", () => {
  it.effect("separates a session from the one around it", () =>
    Effect.gen(function* () {
      const inner = yield* nickname.pipe(Effect.provide(sessionOf("visitor-alice-token")))
      assert.deepStrictEqual([yield* nickname, inner], ["李静", "Alice Green"])
    }).pipe(Effect.provide(sessionOf("staff-li-token").pipe(Layer.provideMerge(Sandbox.layer()))))
  )

  it.effect("shares one session wherever the same layer is provided", () =>
    Effect.gen(function* () {
      const session = sessionOf("staff-li-token")
      const both = yield* UserApi.pipe(
        Effect.flatMap((outer) => Effect.map(Effect.provide(UserApi, session), (inner) => inner === outer)),
        Effect.provide(session)
      )
      assert.isTrue(both)
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("reads its configuration, over which options take precedence", () =>
    Effect.gen(function* () {
      const { baseUrl, subChannelId } = yield* KefuConfig
      assert.strictEqual(baseUrl, "https://chat.example.com")
      assert.strictEqual(subChannelId, 9)
    }).pipe(
      Effect.provide(Kefu.layerConfig({ subChannelId: 9 })),
      Effect.provideService(
        ConfigProvider.ConfigProvider,
        ConfigProvider.fromUnknown({ KEFU_BASE_URL: "https://chat.example.com/", KEFU_SUB_CHANNEL_ID: "3" })
      )
    )
  )

  it.effect("reads its configuration where an option is given as undefined", () =>
    Effect.gen(function* () {
      const { baseUrl, subChannelId } = yield* KefuConfig
      assert.strictEqual(baseUrl, "https://chat.example.com")
      assert.strictEqual(subChannelId, 3)
      assert.strictEqual(Redacted.value(yield* Credentials.use(({ token }) => token)), "t0ken")
    }).pipe(
      Effect.provide(Kefu.layerConfig({ baseUrl: undefined, subChannelId: undefined, token: undefined })),
      Effect.provideService(
        ConfigProvider.ConfigProvider,
        ConfigProvider.fromUnknown({
          KEFU_BASE_URL: "https://chat.example.com/",
          KEFU_SUB_CHANNEL_ID: "3",
          KEFU_TOKEN: "t0ken"
        })
      )
    )
  )

  it.effect("names the variable only if it is read", () =>
    Effect.gen(function* () {
      const details: Array<string> = []
      for (const layer of [Kefu.layer(), Kefu.layerConfig()]) {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
        details.push(error._tag === "KefuError" ? error.reason.message : error.message)
      }
      assert.notInclude(details[0], "KEFU_BASE_URL")
      assert.include(details[1], "KEFU_BASE_URL")
    }).pipe(Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown({})))
  )

  it.effect("lets a visitor chat where the storage cannot even be named, and says so once", () =>
    Effect.gen(function* () {
      const lines: Array<unknown> = []
      const blocked = KeyValueStore.layerStorage(() => {
        throw new Error("SecurityError")
      })
      const me = yield* UserApi.use((api) => api.me).pipe(
        Effect.provide(
          Kefu.layerPlatform({ baseUrl: "http://sandbox.test", storage: blocked }).pipe(
            Layer.provide(SandboxPlatform.layer),
            Layer.provide(Logger.layer([Logger.make(({ logLevel, message }) => lines.push([logLevel, message]))]))
          )
        )
      )
      assert.strictEqual(me.userType, "CUSTOMER")
      assert.deepStrictEqual(lines, [["Warn", ["The token is kept in memory only", "the storage failed"]]])
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("names an invalid option", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Layer.build(Kefu.layer({ baseUrl: "ftp://chat.example.com" })))
      assert.strictEqual(error.reason._tag === "InvalidRequest" && error.reason.field, "baseUrl")
    }).pipe(Effect.scoped)
  )
})

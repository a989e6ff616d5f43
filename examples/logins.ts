/**
 * Many logins in one process: a session for each account, opened at its first use, shared while in use, and closed after a
 * minute without use. Set `KEFU_BASE_URL`, and `KEFU_TOKENS` with commas between the tokens.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { CurrentUser, Outbox } from "../src/index.ts"
import { KefuFleet } from "../src/KefuFleet.ts"

const tokens = Config.map(Config.String("KEFU_TOKENS"), (all) => all.split(","))

const fleet = Layer.unwrap(
  Effect.map(Config.String("KEFU_BASE_URL"), (baseUrl) =>
    KefuFleet.layer({ session: (token) => ({ baseUrl, token }), dialsPerSecond: 20 })
  )
)

const greet = Effect.gen(function* () {
  const { nickname } = yield* CurrentUser.use((user) => user.get)
  const { state } = yield* Outbox.use((outbox) => outbox.send({ messageType: "Text", content: "你好" }))
  yield* Effect.log(`${nickname}: ${state._tag}`)
})

const program = Effect.gen(function* () {
  const { get } = yield* KefuFleet
  yield* Effect.forEach(yield* tokens, (token) => Effect.provide(greet, get(token)), { concurrency: "unbounded" })
})

program.pipe(Effect.provide(fleet), NodeRuntime.runMain)

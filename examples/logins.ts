/**
 * Many logins in one process: a session for each account, opened at its first use, shared while in use, and closed after a
 * minute without use. Set `KEFU_BASE_URL`, and `KEFU_TOKENS` with commas between the tokens.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as LayerMap from "effect/LayerMap"
import { CurrentUser, Kefu, Outbox } from "../src/index.ts"

const program = Effect.gen(function* () {
  const baseUrl = yield* Config.String("KEFU_BASE_URL")
  const tokens = (yield* Config.String("KEFU_TOKENS")).split(",")
  const sessions = yield* LayerMap.make((token: string) => Kefu.layer({ baseUrl, token }), {
    idleTimeToLive: "1 minute"
  })
  const greet = Effect.gen(function* () {
    const { nickname } = yield* CurrentUser.use((user) => user.get)
    const { state } = yield* Outbox.use((outbox) => outbox.send({ messageType: "Text", content: "你好" }))
    yield* Effect.log(`${nickname}: ${state._tag}`)
  })
  yield* Effect.forEach(tokens, (token) => Effect.provide(greet, sessions.get(token)), { concurrency: "unbounded" })
})

program.pipe(Effect.scoped, NodeRuntime.runMain)

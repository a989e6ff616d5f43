/** `effect-kefu token`: a token for a new visitor. */
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { TokenApi } from "../http/TokenApi.ts"
import * as session from "./session.ts"
import * as text from "./text.ts"

export const token = Command.make("token", { ...session.backendFlags, json: session.json }, (input) =>
  Effect.gen(function* () {
    const value = Redacted.value(yield* TokenApi.use((api) => api.anonymous))
    yield* Console.log(input.json ? text.line({ token: value }) : value)
  }).pipe(Effect.provide(session.layerBackend(input)), session.reported)
).pipe(
  Command.withDescription("Print a token for a new visitor without an account"),
  Command.withExamples([
    {
      command: "KEFU_TOKEN=$(effect-kefu token -b http://127.0.0.1:8787) effect-kefu chat",
      description: "Stay the same visitor"
    }
  ])
)

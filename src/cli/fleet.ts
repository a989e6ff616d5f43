/** `effect-kefu fleet`: many accounts, connected for good, with a webhook or a handler for their events and an HTTP API. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { load } from "./fleet/config.ts"
import * as session from "./session.ts"

export const fleet = Command.make(
  "fleet",
  {
    config: Flag.File("config", { mustExist: true }).pipe(
      Flag.withDescription("The file of the fleet, in JSON. Default: fleet.json"),
      Flag.withDefault("fleet.json")
    )
  },
  ({ config }) =>
    Effect.gen(function* () {
      const loaded = yield* load(config)
      // The other commands do without the cluster.
      const { run } = yield* Effect.promise(() => import("./fleet/run.ts"))
      return yield* run(loaded)
    }).pipe(session.reported)
).pipe(
  Command.withDescription(
    "Keep many accounts connected, shared with the other runners of the same PostgreSQL, or alone over SQLite; give their events to a webhook or a handler, and serve an HTTP API"
  ),
  Command.withExamples([{ command: "effect-kefu fleet --config fleet.json", description: "One runner of a fleet" }])
)

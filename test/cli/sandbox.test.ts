import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { command } from "../../src/cli/command.ts"
import * as nodeNetwork from "../../src/cli/nodeNetwork.ts"
import { run } from "../support/Program.ts"

describe("effect-kefu", () => {
  it.live(
    "runs a sandbox until it is interrupted",
    () =>
      Effect.gen(function* () {
        const child = yield* run(["sandbox", "--port", "0"])
        const base = yield* child.until(/REST +(http:\/\/127\.0\.0\.1:\d+)\/api\/v1[\s\S]*Ctrl/)
        assert.match(child.output(), /staff-li-token +staff +李静/)
        assert.include(child.output(), `${base}/docs`)
        const response = yield* Effect.promise(() =>
          fetch(`${base}/api/v1/im/users/me`, { headers: { authorization: "Bearer staff-li-token" } })
        )
        assert.strictEqual(response.status, 200)
        child.kill("SIGINT")
        assert.strictEqual(yield* child.exit, 130)
        assert.notInclude(child.output(), "Error")
      }),
    300_000
  )

  it.live(
    "serves pages of other hosts only when --allow-host names them",
    () =>
      Effect.gen(function* () {
        const child = yield* run([
          "sandbox",
          "--port",
          "0",
          "--allow-host",
          "shop.example",
          "--allow-host",
          "desk.example"
        ])
        const base = yield* child.until(/REST +(http:\/\/127\.0\.0\.1:\d+)\/api\/v1[\s\S]*Ctrl/)
        const statusFor = (origin: string) =>
          Effect.promise(() =>
            fetch(`${base}/api/v1/im/users/me`, { headers: { authorization: "Bearer staff-li-token", origin } })
          ).pipe(Effect.map(({ status }) => status))
        assert.strictEqual(yield* statusFor("https://shop.example"), 200)
        assert.strictEqual(yield* statusFor("https://desk.example"), 200)
        assert.strictEqual(yield* statusFor("https://evil.example"), 403)
      }),
    300_000
  )

  it.effect("reports invalid options", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Command.runWith(command, { version: "0", renderErrors: false })(["sandbox", "--port", "99999"])
      )
      assert.strictEqual(error._tag, "ShowHelp")
      assert.match(String(error._tag === "ShowHelp" && error.errors[0]), /from 0 to 65535, got 99999/)
    }).pipe(Effect.provide([NodeServices.layer, nodeNetwork.layer]))
  )
})

/** What the file of a fleet may say, and how its errors are told. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as CliError from "effect/cli/CliError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Redacted from "effect/Redacted"
import { readmes } from "../../support/Readme.ts"
import { load } from "../../../src/cli/fleet/config.ts"

/** Reads a text as `fleet.json`, beside other files. */
const read = (text: string, files: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const folder = yield* Effect.orDie(fs.makeTempDirectoryScoped())
    for (const [name, content] of Object.entries({ "fleet.json": text, ...files }))
      yield* Effect.orDie(fs.writeFileString(path.join(folder, name), content))
    return yield* load(path.join(folder, "fleet.json")).pipe(
      Effect.mapError((error) =>
        error instanceof CliError.UserError ? (CliError.getUserMessage(error) ?? "").replaceAll(`${folder}/`, "") : ""
      )
    )
  }).pipe(
    Effect.scoped,
    Effect.provide([
      NodeServices.layer,
      ConfigProvider.layer(
        ConfigProvider.fromEnv({
          env: {
            ANN: "token-of-ann",
            ANN_TOKEN: "t",
            DATABASE_URL: "postgres://db/kefu",
            HOST_ADDRESS: "10.0.0.7",
            PORT: "8080",
            SECRET: "s3cr3t-s3cr3t-s3cr3t"
          }
        })
      )
    ])
  )

const base = { baseUrl: "https://chat.example.com", accounts: [{ name: "ann", token: "t" }] }
const wrong = (config: object) => Effect.flip(read(JSON.stringify(config)))

describe("fleet.json", () => {
  for (const { blocks, name } of readmes) {
    it.effect(`reads the example of ${name}`, () =>
      Effect.gen(function* () {
        const examples = blocks.filter(({ language }) => language === "json")
        assert.lengthOf(examples, 1)
        const { accounts, runner, storage } = yield* read(
          (examples[0]?.code ?? "").replace("/run/secrets/fleet", "secret.txt"),
          { "secret.txt": "a-secret-for-tests" }
        )
        assert.deepStrictEqual(
          accounts.map((account) => account.name),
          ["ann", "bob"]
        )
        assert.strictEqual(runner?.host, "10.0.0.7")
        assert.isDefined(storage?.postgres)
      })
    )
  }

  it.effect("takes secrets and numbers from the environment and from files", () =>
    Effect.gen(function* () {
      const { accounts, http } = yield* read(
        JSON.stringify({
          baseUrl: "https://chat.example.com",
          accounts: [{ name: "ann", token: { env: "ANN" } }, { name: "bob", token: { file: "bob.txt" } }, "cat"],
          tokenCommand: ["./token.sh"],
          http: { port: { env: "PORT" }, secret: { env: "SECRET" } }
        }),
        { "bob.txt": "token-of-bob\n" }
      )
      assert.deepStrictEqual(
        accounts.map(({ name, token }) => [name, token && Redacted.value(token)]),
        [
          ["ann", "token-of-ann"],
          ["bob", "token-of-bob"],
          ["cat", undefined]
        ]
      )
      assert.strictEqual(http?.port, 8080)
      assert.notInclude(JSON.stringify([accounts, http]), "token-of")
      assert.notInclude(JSON.stringify([accounts, http]), "s3cr3t")
    })
  )

  it.effect("reads durations", () =>
    Effect.gen(function* () {
      const { sharding } = yield* read(JSON.stringify({ ...base, sharding: { shardLockExpiration: "20 seconds" } }))
      assert.deepStrictEqual(sharding?.shardLockExpiration, Duration.seconds(20))
    })
  )

  it.effect("names every field that is wrong, and no secret", () =>
    Effect.gen(function* () {
      const told = yield* wrong({
        baseUrl: "chat.example.com",
        acounts: [],
        accounts: [{ name: "ann", token: 7 }, { name: "" }],
        http: { port: 99999, secret: "too-short" },
        webhook: { url: "https://shop.example.com" },
        storage: { postgres: "mysql://kefu:pass-word@db/kefu" },
        sharding: { shardLockExpiration: "soon" }
      })
      assert.deepStrictEqual(told.split("\n  ").toSorted(), [
        "fleet.json: accounts[0].token: expected string",
        "fleet.json: accounts[1].name: expected a text that is not empty",
        "fleet.json: acounts: there is no such field; did you mean accounts?",
        "fleet.json: baseUrl: expected an address that begins with http:// or https://",
        "fleet.json: http.port: expected a port from 0 to 65535",
        "fleet.json: http.secret: expected at least 16 characters",
        'fleet.json: sharding.shardLockExpiration: expected a duration, such as "30 seconds"',
        "fleet.json: storage.postgres: expected an address that begins with postgres:// or postgresql://",
        "fleet.json: webhook.secret: it is missing"
      ])
    })
  )

  it.effect("names variables and files that are missing", () =>
    Effect.gen(function* () {
      const told = yield* wrong({
        ...base,
        accounts: [
          { name: "ann", token: { env: "NOBODY" } },
          { name: "bob", token: { file: "nowhere.txt" } }
        ]
      })
      assert.deepStrictEqual(told.split("\n  "), [
        "fleet.json: accounts[0].token: the environment has no NOBODY",
        "fleet.json: accounts[1].token: the file nowhere.txt cannot be read"
      ])
    })
  )

  it.effect("reports contradictions", () =>
    Effect.gen(function* () {
      assert.match(yield* wrong({ ...base, accounts: ["ann"] }), /accounts\[0\]: it has no token/)
      assert.match(
        yield* wrong({ ...base, accounts: [{ name: "ann", token: "t", tokenCommand: ["x"] }] }),
        /accounts\[0\]: it has both token and tokenCommand/
      )
      assert.match(
        yield* wrong({ ...base, accounts: [...base.accounts, ...base.accounts] }),
        /accounts\[1\]: a second account is called ann/
      )
      assert.match(yield* wrong({ ...base, storage: { postgres: "postgres://db/kefu" } }), /runner: it is missing/)
      assert.match(
        yield* wrong({
          ...base,
          handler: "./h.ts",
          webhook: { url: "https://shop.example.com", secret: "x" }
        }),
        /handler: there is a webhook, too/
      )
      assert.match(
        yield* wrong({ ...base, accounts: [{ ...base.accounts[0], webhook: "https://shop.example.com" }] }),
        /accounts\[0\]\.webhook: it needs the field webhook/
      )
    })
  )

  it.effect("says where the JSON breaks, without its text", () =>
    Effect.gen(function* () {
      const told = yield* Effect.flip(read('{ "accounts": [{ "token": "pass-word" ]'))
      assert.match(told, /^fleet\.json: it is no JSON/)
      assert.notInclude(told, "pass-word")
    })
  )
})

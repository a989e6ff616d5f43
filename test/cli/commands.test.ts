/** The commands as a person types them, against a sandbox on a port. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it, layer } from "@effect/vitest"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Path from "effect/Path"
import * as Redacted from "effect/Redacted"
import * as TestConsole from "effect/testing/TestConsole"
import { command } from "../../src/cli/command.ts"
import { diagnose, type Finding, Network } from "../../src/cli/doctor.ts"
import * as nodeNetwork from "../../src/cli/nodeNetwork.ts"
import * as SandboxNode from "../../src/sandbox/doors/SandboxNode.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"

/** As the program has it. */
const Platform = Layer.mergeAll(
  NodeServices.layer,
  nodeNetwork.layer,
  Logger.layer([Logger.withConsoleError(Logger.formatSimple)])
)

/** Runs a command in an environment that names the sandbox; gives its lines and, if it failed, what was reported. */
const run = (args: ReadonlyArray<string>, environment: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function* () {
    const env = { KEFU_BASE_URL: yield* SandboxNode.baseUrl, ...environment }
    const error = yield* Command.runWith(command, { version: "0", renderErrors: false })(args).pipe(
      Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))),
      Effect.flip,
      Effect.option
    )
    const lines = (yield* TestConsole.logLines).map(String)
    const failure = error._tag === "None" ? undefined : error.value
    return {
      lines,
      failure,
      told: failure instanceof Error ? (CliError.getUserMessage(failure) ?? failure.message) : undefined
    }
  }).pipe(Effect.provide([TestConsole.layer, Platform]))

const inFolder = <A, E, R>(use: (file: (name: string) => string) => Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const path = yield* Path.Path
    const folder = yield* FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped())
    return yield* use((name) => path.join(folder, name))
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

const staff = { KEFU_TOKEN: "staff-li-token" }

layer(SandboxNode.layer(), { excludeTestServices: true })("effect-kefu", (it) => {
  it.effect("token prints a token that works", () =>
    Effect.gen(function* () {
      const { lines } = yield* run(["token"])
      const [token = ""] = lines
      const { lines: found } = yield* run(["doctor", "--rest-only", "--json", "--token", token])
      assert.include(found.join("\n"), '"check":"token","status":"ok"')
    })
  )

  it.effect("conversations: list, search and show, as text and as JSON", () =>
    Effect.gen(function* () {
      const { lines } = yield* run(["conversations", "list"], staff)
      assert.match(lines[0] ?? "", /^ +1 {2}FINISHED {2}陈晓明 \/ 李静/)
      const { lines: json } = yield* run(["conversations", "list", "--json", "--state", "FINISHED"], staff)
      assert.strictEqual(JSON.parse(json[0] ?? "").customer.nickname, "陈晓明")
      const { lines: hits } = yield* run(["conversations", "search", "断连"], staff)
      assert.lengthOf(hits, 1)
      assert.lengthOf((yield* run(["conversations", "search", "没有人说过"], staff)).lines, 0)
      const { lines: shown } = yield* run(["conversations", "show", "1"], staff)
      assert.strictEqual(shown[0], "Conversation 1, FINISHED: 陈晓明 / 李静")
      assert.match(shown[1] ?? "", /^\d\d:\d\d:\d\d {2}#\d+ {2}陈晓明: 耳机左耳老是断连/)
    })
  )

  it.effect("conversations export writes the file", () =>
    inFolder((file) =>
      Effect.gen(function* () {
        const { lines } = yield* run(["conversations", "export", file("a.csv")], staff)
        assert.deepStrictEqual(lines, [`1 conversations are in ${file("a.csv")}`])
        assert.match(yield* FileSystem.FileSystem.use((fs) => fs.readFileString(file("a.csv"))), /断连/)
        const { told } = yield* run(["conversations", "export", file("a.xls")], staff)
        assert.strictEqual(told, `The ending of ${file("a.xls")} names no format: add --format`)
      })
    )
  )

  it.effect("upload stores a file under its name and type", () =>
    inFolder((file) =>
      Effect.gen(function* () {
        const bytes = new Uint8Array(200_000).map((_, index) => index % 251)
        yield* FileSystem.FileSystem.use((fs) => fs.writeFile(file("a b.png"), bytes))
        const { lines } = yield* run(["upload", "--json", file("a b.png")], staff)
        const { url } = JSON.parse(lines[0] ?? "") as { readonly url: string }
        const response = yield* Effect.promise(() => fetch(url))
        assert.strictEqual(response.headers.get("content-type"), "image/png")
        assert.deepStrictEqual(new Uint8Array(yield* Effect.promise(() => response.arrayBuffer())), bytes)
      })
    )
  )

  it.effect("tail prints events until the session ends, and then says why", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const { token } = yield* sandbox.createVisitor()
      const other = Effect.gen(function* () {
        // Logs in as soon as the command has, which ends the command's session.
        while ((yield* sandbox.connections).length === 0) yield* Effect.yieldNow
        yield* sandbox.connect({ token })
      })
      const [{ lines, told }] = yield* Effect.all(
        [run(["tail", "--json"], { KEFU_TOKEN: token }), Effect.scoped(other)],
        { concurrency: 2 }
      )
      const tags = lines.map((line) => (JSON.parse(line) as { readonly _tag: string })._tag)
      assert.strictEqual(tags[0], "StateChanged")
      assert.include(tags, "Superseded")
      assert.match(told ?? "", /logged in elsewhere/)
    })
  )

  it.effect("settings come from a flag, then the environment, then a file", () =>
    inFolder((file) =>
      Effect.gen(function* () {
        const me = (args: ReadonlyArray<string>, environment = {}) =>
          Effect.map(
            run(["doctor", "--rest-only", "--json", "--env-file", file("env"), ...args], environment),
            ({ lines }) => lines.map((line) => JSON.parse(line) as Finding).find(({ check }) => check === "token")
          )
        yield* FileSystem.FileSystem.use((fs) => fs.writeFileString(file("env"), "KEFU_TOKEN=staff-li-token\n"))
        assert.include((yield* me([]))?.detail, "李静")
        assert.include((yield* me([], { KEFU_TOKEN: "admin-zhao-token" }))?.detail, "赵敏")
        assert.include((yield* me(["--token", "staff-wang-token"], { KEFU_TOKEN: "admin-zhao-token" }))?.detail, "王磊")
        assert.include((yield* me(["--anonymous"], { KEFU_TOKEN: "admin-zhao-token" }))?.detail, "CUSTOMER")
      })
    )
  )

  it.effect("says which setting is missing or wrong, in one line and without the token", () =>
    Effect.gen(function* () {
      assert.match((yield* run(["conversations", "list"])).told ?? "", /--token, set KEFU_TOKEN, or .* --anonymous/)
      const wrong = yield* run(["conversations", "list", "--token", "a-secret-token"])
      assert.match(wrong.told ?? "", /the token was refused/)
      assert.notInclude(JSON.stringify(wrong), "a-secret-token")
      assert.match((yield* run(["conversations", "show", "999"], staff)).told ?? "", /There is no conversation 999/)
      assert.match((yield* run(["token", "--base-url", "ftp://a"])).told ?? "", /http or https/)
    })
  )

  it.effect("doctor finds everything in order, and names each step", () =>
    Effect.gen(function* () {
      const { failure, lines } = yield* run(["doctor", "--json", "--anonymous"])
      assert.isUndefined(failure)
      assert.deepStrictEqual(
        lines.map((line) => JSON.parse(line) as Finding).map(({ check, status }) => [check, status]),
        ["URL", "DNS", "REST", "clock", "token", "WebSocket", "ack", "upload"].map((check) => [check, "ok"])
      )
    })
  )

  it.effect("doctor --rest-only leaves another login of the account alone", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const { token } = yield* sandbox.createStaff()
      yield* sandbox.connect({ token })
      const before = (yield* sandbox.counters).superseded
      yield* run(["doctor", "--rest-only"], { KEFU_TOKEN: token })
      assert.strictEqual((yield* sandbox.counters).superseded, before)
    }).pipe(Effect.scoped)
  )

  it.effect("doctor finds a broken token, says what to do, skips what needs it, and fails", () =>
    Effect.gen(function* () {
      const { lines, told } = yield* run(["doctor", "--json", "--token", "broken"])
      const findings = lines.map((line) => JSON.parse(line) as Finding)
      const token = findings.find(({ check }) => check === "token")
      assert.strictEqual(token?.status, "failed")
      assert.match(token?.detail ?? "", /refused.*new token from whoever runs the backend/)
      assert.deepStrictEqual(
        findings.filter(({ status }) => status === "skipped").map(({ check }) => check),
        ["WebSocket", "ack", "upload"]
      )
      assert.match(told ?? "", /wrong/)
    })
  )
})

describe("doctor", () => {
  const examine = (baseUrl: string, network: Network["Service"]) =>
    Effect.gen(function* () {
      const findings: Array<Finding> = []
      const options = { baseUrl, token: Redacted.make("x"), subChannelId: undefined }
      const healthy = yield* diagnose(options, true, (finding) => Effect.sync(() => findings.push(finding)))
      return { healthy, findings: new Map(findings.map((finding) => [finding.check, finding])) }
    }).pipe(Effect.provideService(Network, network))

  const addressed = Effect.succeed(["192.0.2.1"])

  it.live("tells a host without an address", () =>
    Effect.gen(function* () {
      const { findings, healthy } = yield* examine("https://no.invalid", {
        lookup: () => Effect.fail("getaddrinfo ENOTFOUND"),
        certificate: () => Effect.die("not asked")
      })
      assert.isFalse(healthy)
      assert.match(findings.get("DNS")?.detail ?? "", /no\.invalid has no address/)
      assert.strictEqual(findings.get("TLS")?.status, "skipped")
      assert.strictEqual(findings.get("token")?.status, "skipped")
    })
  )

  it.live("tells a certificate that is wrong, and warns of one that soon expires and of plain http", () =>
    Effect.gen(function* () {
      const wrong = yield* examine("https://a.invalid", {
        lookup: () => addressed,
        certificate: () => Effect.fail("self-signed certificate")
      })
      assert.match(wrong.findings.get("TLS")?.detail ?? "", /self-signed certificate/)
      assert.strictEqual(wrong.findings.get("TLS")?.status, "failed")
      const soon = yield* examine("https://127.0.0.1:1", {
        lookup: () => addressed,
        certificate: () => Effect.succeed({ issuer: "CA", validUntil: 0 })
      })
      assert.strictEqual(soon.findings.get("TLS")?.status, "warning")
      const plain = yield* examine("http://chat.invalid:1", {
        lookup: () => Effect.fail("none"),
        certificate: () => Effect.die("not asked")
      })
      assert.match(plain.findings.get("TLS")?.detail ?? "", /everybody on the way can read tokens/)
    })
  )

  it.live("tells a port on which nothing answers", () =>
    Effect.gen(function* () {
      const { findings } = yield* examine("http://127.0.0.1:1", {
        lookup: () => addressed,
        certificate: () => Effect.die("not asked")
      })
      assert.match(findings.get("REST")?.detail ?? "", /nothing answers/)
    })
  )

  it.live("refuses an address that is none", () =>
    Effect.gen(function* () {
      const network = { lookup: () => addressed, certificate: () => Effect.die("not asked") }
      assert.match(String(yield* Effect.flip(examine("chat.example.com", network))), /is no address/)
    })
  )

  it.live("asks Node's resolver and TLS", () =>
    Effect.gen(function* () {
      const network = yield* Network
      assert.include(yield* network.lookup("127.0.0.1"), "127.0.0.1")
      assert.include(yield* network.lookup("[::1]"), "::1")
      assert.isString(yield* Effect.flip(network.lookup("no-such-host.invalid")))
      assert.match(yield* Effect.flip(network.certificate("127.0.0.1", 1)), /ECONNREFUSED/)
    }).pipe(Effect.provide(nodeNetwork.layer))
  )
})

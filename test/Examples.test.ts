/**
 * The example programs, run as their comments say. The build runs `demo.ts`, and `test/examples` runs those that are modules.
 */
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Http from "node:http"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Kefu from "../src/Kefu.ts"
import { Realtime } from "../src/realtime/Realtime.ts"
import { CurrentUser } from "../src/rest/CurrentUser.ts"
import * as SandboxNode from "../src/sandbox/doors/SandboxNode.ts"
import { SandboxFaults } from "../src/sandbox/faults/SandboxFaults.ts"
import * as Loopback from "./support/Loopback.ts"
import * as Visitor from "./support/Visitor.ts"

const examples = Path.resolve(import.meta.dirname, "..", "examples")

/** Starts an example and stops it with the scope. */
const start = Effect.fnUntraced(function* (name: string, env: Record<string, string>) {
  const baseUrl = yield* SandboxNode.baseUrl
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      ChildProcess.spawn(process.execPath, [Path.join(examples, name)], {
        env: { ...process.env, KEFU_BASE_URL: baseUrl, ...env }
      })
    ),
    // Until it has exited it may write to its files.
    (child) =>
      Effect.callback<void>((resume) => {
        if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
        child.once("exit", () => resume(Effect.void))
        child.kill()
      })
  )
  const output: Array<string> = []
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => output.push(String(chunk)))
  const says = (text: string) =>
    Effect.callback<void>((resume) => {
      const look = () => {
        if (output.join("").includes(text)) resume(Effect.void)
      }
      look()
      child.stdout.on("data", look)
      return Effect.sync(() => child.stdout.off("data", look))
    })
  const exit = Effect.callback<number | null>((resume) => {
    child.once("close", (code) => resume(Effect.succeed(code)))
  })
  const kill = Effect.andThen(
    Effect.sync(() => child.kill("SIGKILL")),
    exit
  )
  return { says, exit, kill, output: () => output.join("") }
})

layer(SandboxNode.layer().pipe(Layer.provideMerge(SandboxFaults.layer)), { excludeTestServices: true })(
  "examples",
  (it) => {
    it.effect(
      "bot.ts answers a visitor with a staff account",
      () =>
        Effect.gen(function* () {
          const bot = yield* start("bot.ts", { KEFU_TOKEN: "staff-emma-token" })
          yield* bot.says("on duty")
          const baseUrl = yield* SandboxNode.baseUrl
          const context = yield* Layer.build(Kefu.layer({ baseUrl, token: "visitor-alice-token" }))
          const realtime = Context.get(context, Realtime)
          const events = yield* realtime.subscribe()
          const texts = events.pipe(
            Stream.filter((event) => event._tag === "MessageReceived"),
            Stream.map(({ message }) => message),
            Stream.filter((message) => message.messageType === "Text" || message.messageType === "ManualServiceStart")
          )
          yield* realtime.send({ messageType: "Text", content: "talk to a person" })
          const started = yield* Stream.runHead(texts)
          assert.strictEqual(Option.getOrThrow(started).messageType, "ManualServiceStart")
          yield* realtime.send({ messageType: "Text", content: "Hi there" })
          const answer = Option.getOrThrow(yield* Stream.runHead(texts))
          assert.strictEqual(answer.content, "收到：Hi there")
        }).pipe(Effect.scoped),
      120_000
    )

    it.effect(
      "promise.ts asks the robot and exits",
      () =>
        Effect.gen(function* () {
          const script = yield* start("promise.ts", {})
          assert.strictEqual(yield* script.exit, 0, script.output())
          assert.include(script.output(), "RobotCanAnswerMessage")
        }).pipe(Effect.scoped),
      120_000
    )

    it.effect(
      "suggestion-bot.ts answers from suggestions, sends after a restart what it had not sent, and hands over",
      () =>
        Effect.gen(function* () {
          const baseUrl = yield* SandboxNode.baseUrl
          const folder = yield* Effect.acquireRelease(
            Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-kefu-bot-"))),
            (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
          )
          const env = { KEFU_TOKEN: "staff-emma-token", KEFU_FILE: Path.join(folder, "bot.sqlite") }
          const faults = yield* SandboxFaults
          const first = yield* start("suggestion-bot.ts", env)
          yield* first.says("on duty")
          const session = (token: string) => Layer.build(Kefu.layer({ baseUrl, token }))
          const visitor = Context.get(yield* Layer.build(Kefu.layer({ baseUrl })), Realtime)
          const events = yield* visitor.subscribe()
          const next = (types: ReadonlyArray<string>) =>
            events.pipe(
              Stream.filter((event) => event._tag === "MessageReceived"),
              Stream.map(({ message }) => message),
              Stream.filter(({ messageType }) => types.includes(messageType)),
              Stream.runHead,
              Effect.map(Option.getOrThrow)
            )
          yield* visitor.send({ messageType: "Text", content: "talk to a person" })
          yield* next(["ManualServiceStart"])
          yield* Context.get(yield* session("staff-li-token"), Realtime).open

          const { id } = yield* Context.get(yield* session("staff-emma-token"), CurrentUser).get
          yield* faults.inject({ _tag: "Silence", direction: "inbound", userId: id })
          yield* visitor.send({ messageType: "Text", content: "refund" })
          yield* first.says("answering")
          yield* first.kill
          yield* faults.clear

          yield* start("suggestion-bot.ts", env)
          assert.match(String((yield* next(["Text"])).content), /^Did you mean: /)
          yield* visitor.send({ messageType: "Text", content: "qwzx" })
          yield* next(["ConversationTransfer"])
        }).pipe(Effect.scoped),
      120_000
    )

    it.effect(
      "dashboard.ts prints the figures of the desk",
      () =>
        Effect.gen(function* () {
          const dashboard = yield* start("dashboard.ts", { KEFU_TOKEN: "admin-zhao-token" })
          yield* dashboard.says("waiting")
          assert.match(dashboard.output(), /"count":\{[^}]*\}/)
        }).pipe(Effect.scoped),
      120_000
    )

    it.effect(
      "logins.ts greets with each account",
      () =>
        Effect.gen(function* () {
          const logins = yield* start("logins.ts", { KEFU_TOKENS: "visitor-chen-token,visitor-alice-token" })
          assert.strictEqual(yield* logins.exit, 0, logins.output())
          assert.lengthOf(logins.output().match(/: Sent/g) ?? [], 2)
        }).pipe(Effect.scoped),
      120_000
    )

    it.effect(
      "webhook.ts relays an order to a conversation, and says whether to report it again",
      () =>
        Effect.gen(function* () {
          const env = { KEFU_TOKEN: "staff-emma-token", WEBHOOK_SECRET: "s3cret", PORT: "0" }
          const server = yield* start("webhook.ts", env)
          yield* server.says("listening on")
          const address = /http:\/\/\S+/.exec(server.output())?.[0] ?? ""
          const report = (body: unknown, secret = "s3cret") =>
            Effect.promise(async () => {
              const response = await fetch(`${address}/shipped`, {
                method: "POST",
                headers: { authorization: `Bearer ${secret}` },
                body: JSON.stringify(body)
              })
              return { status: response.status, text: await response.text() }
            })
          const { conversationId, next } = yield* Visitor.withStaff

          const shipment = { conversationId, order: "A1" }
          assert.strictEqual((yield* report(shipment, "wrong")).status, 401)
          assert.strictEqual((yield* report({ order: "A1" })).status, 400)
          const relayed = yield* report(shipment)
          assert.strictEqual(relayed.status, 201, relayed.text)
          const message = yield* next("Text")
          assert.strictEqual(message.content, "您的订单 A1 已发货")
          assert.deepStrictEqual(JSON.parse(relayed.text), { id: message.id })

          const faults = yield* SandboxFaults
          yield* faults.inject({ _tag: "Reset" }, { _tag: "RefuseDials", status: 503 })
          assert.strictEqual((yield* report(shipment)).status, 503)
          yield* faults.clear
        }).pipe(Effect.scoped),
      120_000
    )

    it.effect(
      "telemetry.ts exports the spans and metrics of a visit",
      () =>
        Effect.gen(function* () {
          const received = new Map<string, string>()
          const collector = Http.createServer((request, response) => {
            let body = ""
            request.on("data", (chunk) => (body += String(chunk)))
            request.on("end", () => {
              const path = request.url ?? ""
              received.set(path, (received.get(path) ?? "") + body)
              response.end("{}")
            })
          })
          const endpoint = yield* Loopback.listen(collector)
          const visit = yield* start("telemetry.ts", { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint })
          assert.strictEqual(yield* visit.exit, 0, visit.output())
          for (const name of ["visit", "Outbox.send"]) assert.include(received.get("/v1/traces"), `"name":"${name}"`)
          assert.include(received.get("/v1/metrics"), `"kefu_dials"`)
        }).pipe(Effect.scoped),
      120_000
    )
  }
)

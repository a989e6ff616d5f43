/** `effect-kefu fleet` as a process, over SQLite and against a sandbox on a port. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import { createHmac } from "node:crypto"
import * as Http from "node:http"
import * as SandboxNode from "../../src/sandbox/doors/SandboxNode.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import * as Loopback from "../support/Loopback.ts"
import { run } from "../support/Program.ts"
import * as Visitor from "../support/Visitor.ts"

const secret = "a-secret-for-tests"

/** A folder with a fleet of one member of staff. */
const folderWith = Effect.fnUntraced(function* (config: object, files: Readonly<Record<string, string>> = {}) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = yield* fs.makeTempDirectoryScoped()
  const baseUrl = yield* SandboxNode.baseUrl
  const all = {
    "fleet.json": JSON.stringify({ baseUrl, http: { port: 0, secret: { env: "FLEET_SECRET" } }, ...config }),
    ...files
  }
  for (const [name, text] of Object.entries(all)) yield* fs.writeFileString(path.join(folder, name), text)
  return folder
})

const start = (cwd: string) => run(["fleet"], { cwd, env: { FLEET_SECRET: secret } })

/** Options of a Node that does not find a package. */
const without = (name: string) => {
  const hooks = `import { registerHooks } from "node:module"
    registerHooks({
      resolve: (specifier, context, next) => {
        if (!specifier.startsWith("${name}")) return next(specifier, context)
        throw Object.assign(new Error("Cannot find package '${name}'"), { code: "ERR_MODULE_NOT_FOUND" })
      }
    })`
  return ["--import", `data:text/javascript,${encodeURIComponent(hooks)}`]
}

/** Calls the API until a runner answers. */
const call = (base: string, path: string, init: RequestInit = {}, authorization = `Bearer ${secret}`) =>
  Effect.gen(function* () {
    const response = yield* Effect.tryPromise(() =>
      fetch(`${base}${path}`, {
        ...init,
        headers: { authorization, "content-type": "application/json", ...init.headers }
      })
    )
    const text = yield* Effect.promise(() => response.text())
    return { status: response.status, text, json: () => JSON.parse(text) as Readonly<Record<string, unknown>> }
  })

const connected = (base: string, account: string) =>
  call(base, `/accounts/${account}`).pipe(
    Effect.filterOrFail(({ text }) => text.includes('"Connected"')),
    Effect.retry(Schedule.spaced("100 millis"))
  )

/** How often the history has a text. */
const occurrences = (text: string) =>
  Effect.map(
    Sandbox.use(({ conversations }) => conversations),
    (all) => all.flatMap(({ messages }) => messages).filter(({ content }) => content === text).length
  )

const handler = `
let isFirst = true
export default async (event, account) => {
  const { content, messageType } = event.message
  if (messageType !== "Text") return
  await account.send("heard " + content)
  // The reply to what fails has gone out.
  if (content === "one" && isFirst) {
    isFirst = false
    throw new Error("it fails after its reply")
  }
}`

layer(SandboxNode.layer(), { excludeTestServices: true })("effect-kefu fleet", (it) => {
  it.effect(
    "answers with a handler, sends over HTTP, and goes on after a kill",
    () =>
      Effect.gen(function* () {
        const folder = yield* folderWith(
          { accounts: [{ name: "li", token: "staff-li-token" }], handler: "./handler.mjs" },
          { "handler.mjs": handler }
        )
        const first = yield* start(folder)
        const base = yield* first.until(/HTTP API: (http:\S+)/)
        yield* connected(base, "li")
        const { conversationId, next, say } = yield* Visitor.withStaff
        yield* say("one")
        assert.strictEqual((yield* next("Text")).content, "heard one")
        yield* say("two")
        assert.strictEqual((yield* next("Text")).content, "heard two")
        assert.strictEqual(yield* occurrences("heard one"), 1)

        const messages = "/accounts/li/messages"
        const order = {
          method: "POST",
          headers: { "idempotency-key": "order-1" },
          body: JSON.stringify({ messageType: "Text", content: "your order has left", conversationId })
        }
        const sent = yield* call(base, messages, order)
        assert.strictEqual(sent.status, 200, sent.text)
        const message = yield* next("Text")
        assert.strictEqual(message.content, "your order has left")
        assert.deepStrictEqual(sent.json(), { messageId: message.id })
        assert.strictEqual((yield* call(base, messages, order)).text, sent.text)
        const unread = yield* call(base, `/accounts/li/messages/${message.id}/recall`, { method: "POST" })
        assert.strictEqual(unread.status, 204, unread.text)

        assert.strictEqual((yield* call(base, "/accounts", {}, "Bearer wrong")).status, 401)
        assert.strictEqual((yield* call(base, "/accounts", {}, "")).status, 401)
        assert.strictEqual((yield* call(base, "/accounts/nobody")).status, 404)
        const malformed = yield* call(base, messages, { method: "POST", body: '{"messageType":"Text"}' })
        assert.strictEqual(malformed.status, 400)
        assert.include(malformed.text, "content")
        const listed: unknown = JSON.parse((yield* call(base, "/accounts")).text)
        assert.deepStrictEqual(listed, [
          { account: "li", state: { connection: "Connected", isKept: true, runner: "localhost:34431" } }
        ])

        const health = yield* call(base, "/health", {}, "")
        assert.strictEqual(health.status, 200)
        assert.deepInclude(health.json(), { storage: true, shards: 300 })
        assert.deepInclude(health.json()["sessions"], { Connected: 1, Waiting: 0 })
        const metrics = (yield* call(base, "/metrics", {}, "")).text
        assert.match(metrics, /^kefu_fleet_sessions\{state="Connected"\} 1$/m)
        assert.match(metrics, /^kefu_fleet_deliveries\{outcome="failed"\} 1$/m)
        const openapi = yield* call(base, "/openapi.json", {}, "")
        assert.include(openapi.text, "/accounts/{account}/messages")

        first.kill("SIGKILL")
        yield* first.exit
        yield* say("three")
        const second = yield* start(folder)
        yield* connected(yield* second.until(/HTTP API: (http:\S+)/), "li")
        assert.strictEqual((yield* next("Text")).content, "heard three")
        for (const text of ["heard one", "heard two", "heard three", "your order has left"])
          assert.isAtMost(yield* occurrences(text), 1, text)
        second.kill("SIGTERM")
        yield* second.exit
        assert.notInclude(first.output() + second.output(), "staff-li-token")
        assert.notInclude(first.output() + second.output(), secret)
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    300_000
  )

  it.effect(
    "posts each event to a webhook until that takes it, and runs a command for the token",
    () =>
      Effect.gen(function* () {
        const received = yield* Queue.unbounded<{ readonly headers: Http.IncomingHttpHeaders; readonly body: string }>()
        let posts = 0
        const receiver = Http.createServer((request, response) => {
          let body = ""
          request.on("data", (chunk) => (body += String(chunk)))
          request.on("end", () => {
            Queue.offerUnsafe(received, { headers: request.headers, body })
            response.writeHead(++posts === 1 ? 503 : 204).end()
          })
        })
        const folder = yield* folderWith({
          accounts: ["emma"],
          tokenCommand: ["node", "-p", "`staff-${process.env.KEFU_ACCOUNT}-token`"],
          webhook: { url: yield* Loopback.listen(receiver), secret: "the-webhook-secret" }
        })
        const fleet = yield* start(folder)
        yield* connected(yield* fleet.until(/HTTP API: (http:\S+)/), "emma")
        const { say } = yield* Visitor.withStaff
        yield* say("hello")
        const first = yield* Queue.take(received)
        const again = yield* Queue.take(received)
        assert.strictEqual(again.headers["webhook-id"], first.headers["webhook-id"])
        assert.strictEqual(again.body, first.body)
        let last = again
        while (!last.body.includes('"hello"')) last = yield* Queue.take(received)
        const { "webhook-id": id, "webhook-signature": signature, "webhook-timestamp": time } = last.headers
        const expected = createHmac("sha256", "the-webhook-secret")
          .update(`${id}.${time}.${last.body}`)
          .digest("base64")
        assert.strictEqual(signature, `v1,${expected}`)
        assert.deepInclude(JSON.parse(last.body), { id, account: "emma" })
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    300_000
  )

  it.effect(
    "says what to install or to mend",
    () =>
      Effect.gen(function* () {
        const folder = yield* folderWith({
          accounts: [{ name: "li", token: "staff-li-token" }],
          storage: { postgres: "postgres://kefu:pass-word@127.0.0.1:1/kefu" },
          runner: { host: "127.0.0.1" }
        })
        const options = { cwd: folder, env: { FLEET_SECRET: secret } }
        const bare = yield* run(["fleet"], { ...options, node: without("@effect/sql-pg") })
        assert.strictEqual(yield* bare.exit, 1)
        assert.include(bare.output(), "storage.postgres needs the package @effect/sql-pg: npm install @effect/sql-pg")

        const barer = yield* run(["fleet"], { ...options, node: without("@effect/platform-node") })
        assert.strictEqual(yield* barer.exit, 1)
        assert.strictEqual(
          barer.output(),
          "effect-kefu needs the package @effect/platform-node: npm install @effect/platform-node\n"
        )

        const refused = yield* folderWith({ accounts: ["ann"], tokenCommand: ["./nothing"] })
        const waiting = yield* run(["fleet"], { ...options, cwd: refused })
        assert.include(
          yield* waiting.until(/(.*The dial failed.*)\n/),
          "the command for it cannot be started); the next dial is in"
        )
        assert.match(waiting.output(), /The dial failed.*kefu\.account=ann/)
        waiting.kill("SIGTERM")

        const unreachable = yield* run(["fleet"], options)
        assert.strictEqual(yield* unreachable.exit, 1)
        assert.include(unreachable.output(), "The database 127.0.0.1:1/kefu cannot be opened")
        assert.notInclude(unreachable.output(), "pass-word")
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    300_000
  )
})

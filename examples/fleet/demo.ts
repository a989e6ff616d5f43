/**
 * A fleet of six bots on this machine: three runners of `effect-kefu fleet` over a PostgreSQL of their own, against the
 * sandbox. Visitors chat with the bots, a runner is killed, and the others take over its accounts. Without PostgreSQL, or with
 * `--sqlite`, one runner over SQLite is killed and started again. Exits 0 only if every question was answered once.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { type ChildProcess, spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { parseArgs } from "node:util"
import * as Kefu from "../../src/Kefu.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import * as SandboxNode from "../../src/sandbox/doors/SandboxNode.ts"
import * as Postgres from "./Postgres.ts"

const secret = "the-secret-of-the-demo"
const program = Path.join(import.meta.dirname, "../../src/cli/bin.ts")

const said = (who: string, text: string) => Console.log(`${who.padStart(10)}  ${text}`)
const note = (text: string) => Console.log(`\n${text}`)

/** Ends the program with a message. */
const check = (isSo: boolean, otherwise: string) => (isSo ? Effect.void : Effect.die(new Error(otherwise)))

interface Runner {
  readonly name: string
  readonly api: string
  readonly process: ChildProcess
  readonly kill: Effect.Effect<void>
}

/** Starts `effect-kefu fleet`. What it logs is shown. */
const start = Effect.fnUntraced(function* (name: string, config: string, env: Readonly<Record<string, string>>) {
  const port = `${yield* Postgres.freePort}`
  const child = spawn(process.execPath, [program, "fleet", "--config", config], {
    env: { ...process.env, ...env, PORT: port, FLEET_SECRET: secret },
    stdio: ["ignore", "ignore", "inherit"]
  })
  const exited = Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
  })
  const end = (signal: NodeJS.Signals) =>
    Effect.andThen(
      Effect.sync(() => child.kill(signal)),
      exited
    )
  yield* Effect.addFinalizer(() => end("SIGKILL"))
  const runner: Runner = { name, api: `http://127.0.0.1:${port}`, process: child, kill: end("SIGKILL") }
  return runner
})

interface Account {
  readonly account: string
  readonly state: { readonly connection: string; readonly runner: string } | null
}

/** What a runner says of all accounts, once all of them are connected. */
const connected = ({ api }: Runner) =>
  Effect.tryPromise(async () => {
    const response = await fetch(`${api}/accounts`, { headers: { authorization: `Bearer ${secret}` } })
    return (await response.json()) as ReadonlyArray<Account>
  }).pipe(
    Effect.filterOrFail((all) => all.every(({ state }) => state?.connection === "Connected")),
    Effect.retry(Schedule.spaced("250 millis")),
    Effect.timeout("2 minutes"),
    Effect.orDie
  )

/** The accounts of each runner. */
const shares = (all: ReadonlyArray<Account>) =>
  Array.from(new Set(all.map(({ state }) => state?.runner ?? "")), (runner) => ({
    runner,
    names: all.flatMap(({ account, state }) => (state?.runner === runner ? [account] : []))
  }))

const showShares = (all: ReadonlyArray<Account>) =>
  Effect.forEach(shares(all), ({ names, runner }) => said(runner.replace("127.0.0.1", ""), names.join(", ")), {
    discard: true
  })

/** A visitor, whom the sandbox gives to a bot. */
const visit = Effect.fnUntraced(function* (name: string) {
  const session = yield* Layer.build(Kefu.layer({ baseUrl: yield* SandboxNode.baseUrl }))
  const realtime = Context.get(session, Realtime)
  const messages = (yield* realtime.subscribe()).pipe(
    Stream.filter((event) => event._tag === "MessageReceived"),
    Stream.map(({ message }) => message)
  )
  const next = (type: string) =>
    messages.pipe(
      Stream.filter(({ messageType }) => messageType === type),
      Stream.runHead,
      Effect.map(Option.getOrThrow),
      Effect.timeout("2 minutes"),
      Effect.orDie
    )
  yield* realtime.send({ messageType: "Text", content: "转人工" })
  yield* next("ManualServiceStart")
  return {
    ask: (question: string) =>
      Effect.andThen(said(name, question), realtime.send({ messageType: "Text", content: question })),
    answer: Effect.tap(
      Effect.map(next("Text"), ({ content }) => String(content)),
      (content) => said("→", content)
    )
  }
})

const demo = Effect.gen(function* () {
  const sandbox = yield* Sandbox
  const { values } = parseArgs({ options: { sqlite: { type: "boolean", default: false } } })
  const hasPostgres = !values.sqlite && Postgres.binaries() !== undefined
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-kefu-fleet-"))),
    (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
  )
  const tokens = yield* Effect.forEach([1, 2, 3, 4, 5, 6], (number) =>
    Effect.map(sandbox.createStaff({ nickname: `机器人 ${number}` }), ({ token }) => [`BOT_${number}_TOKEN`, token])
  )
  const env: Record<string, string> = { ...Object.fromEntries(tokens), KEFU_BASE_URL: yield* SandboxNode.baseUrl }
  let config = Path.join(import.meta.dirname, "fleet.json")

  let first: Runner
  let others: ReadonlyArray<Runner> = []
  const launch = Effect.fnUntraced(function* () {
    const runnerPort = `${yield* Postgres.freePort}`
    return yield* start(`127.0.0.1:${runnerPort}`, config, { ...env, RUNNER_PORT: runnerPort })
  })
  if (hasPostgres) {
    const port = yield* Postgres.start
    env["DATABASE_URL"] = `postgres://kefu@127.0.0.1:${port}/postgres`
    yield* note(`PostgreSQL runs on port ${port}. Three runners of effect-kefu fleet start.`)
    const all = [yield* launch(), yield* launch(), yield* launch()]
    // All runners know of each other before the accounts are counted.
    yield* Effect.forEach(all, connected, { discard: true })
    const owned = shares(yield* connected(all[0]!))
    const busiest = owned.toSorted((left, right) => right.names.length - left.names.length)[0]
    first = all.find(({ name }) => name === busiest?.runner) ?? all[0]!
    others = all.filter((runner) => runner !== first)
  } else {
    const why = values.sqlite ? "" : "PostgreSQL is not installed (apt-get install postgresql). "
    yield* note(`${why}One runner of effect-kefu fleet starts, over SQLite.`)
    const { runner: _, ...single } = JSON.parse(Fs.readFileSync(config, "utf8")) as Record<string, unknown>
    config = Path.join(folder, "fleet.json")
    const handler = Path.join(import.meta.dirname, "handler.ts")
    Fs.writeFileSync(config, JSON.stringify({ ...single, handler, storage: { sqlite: "fleet.db" } }))
    first = yield* launch()
  }
  yield* note("Each account is connected by one runner:")
  yield* showShares(yield* connected(first))

  yield* note("Visitors chat with the bots.")
  const visitors = yield* Effect.forEach(["小张", "小王", "小李"], visit)
  for (const [index, visitor] of visitors.entries()) {
    yield* visitor.ask(`第 ${index + 1} 个问题：你们几点上班？`)
    yield* visitor.answer
  }

  yield* note(
    hasPostgres
      ? `The runner ${first.name} is killed, while the visitors ask on.`
      : "The runner is killed and started again, while the visitors ask on."
  )
  const from = yield* Clock.currentTimeMillis
  yield* first.kill
  yield* Effect.forEach(visitors, (visitor, index) => visitor.ask(`还有 ${index + 1} 件事`), { discard: true })
  const survivor = others[0] ?? (yield* launch())
  const after = yield* connected(survivor).pipe(
    Effect.filterOrFail((all) => all.every(({ state }) => !hasPostgres || state?.runner !== first.name)),
    Effect.retry(Schedule.spaced("250 millis")),
    Effect.orDie
  )
  const millis = (yield* Clock.currentTimeMillis) - from
  const answers = yield* Effect.forEach(visitors, (visitor) => visitor.answer, { concurrency: "unbounded" })
  yield* note(`All six accounts are connected again after ${(millis / 1000).toFixed(1)} s:`)
  yield* showShares(after)

  const history = (yield* sandbox.conversations).flatMap(({ messages }) => messages)
  for (const answer of answers) {
    const times = history.filter(({ content }) => content === answer).length
    yield* check(times === 1, `“${answer}” was sent ${times} times`)
  }
  const { superseded } = yield* sandbox.counters
  yield* check(superseded === 0, `${superseded} logins ended another one`)
  yield* note("Every question was answered once, and no login ended another one.")
})

demo.pipe(
  Effect.scoped,
  Effect.provide(SandboxNode.layer({ idleTimeout: "1 day", staffTimeout: "1 day" })),
  NodeRuntime.runMain
)

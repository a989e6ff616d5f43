/**
 * A cluster of three processes over a PostgreSQL of its own: `npm run fleet -- --accounts 60`.
 *
 * Visitors' accounts chat while their runners are killed, restarted and cut off from the database. The backend's
 * history decides whether each message was sent once and in order, each account was told the truth, and no login ended
 * another one.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { type ChildProcess, fork } from "node:child_process"
import * as Path from "node:path"
import { parseArgs } from "node:util"
import { KefuCluster } from "../../src/cluster/KefuCluster.ts"
import * as KefuRunner from "../../src/cluster/KefuRunner.ts"
import * as SandboxNode from "../../src/sandbox/doors/SandboxNode.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import * as Postgres from "./fleet/Postgres.ts"
import { database, type Part, sharding } from "./fleet/Settings.ts"
import { make as makeProxy, type Proxy } from "./tcp/Proxy.ts"

/** How long anything may take, in milliseconds. No machine is as slow as that. */
const patience = 240_000

const now = Clock.currentTimeMillis
const note = (text: string) =>
  Effect.map(now, (at) => console.log(`${new Date(at).toISOString().slice(11, 21)} ${text}`))

interface Runner {
  readonly part: Part
  readonly proxy: Proxy
  process: ChildProcess | undefined
  output: string
}

/** Starts or restarts the process of a runner. */
const start = (runner: Runner) =>
  Effect.sync(() => {
    const child = fork(Path.join(import.meta.dirname, "fleet/runner.ts"), [JSON.stringify(runner.part)], {
      stdio: ["ignore", "pipe", "pipe", "ipc"]
    })
    runner.process = child
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        runner.output = (runner.output + chunk.toString()).slice(-20_000)
      })
    }
  })

/** Ends a process that was started here, and waits until it has ended. */
const end = ({ process }: Runner, signal: "SIGKILL" | "SIGTERM") =>
  Effect.callback<void>((resume) => {
    if (process === undefined || process.exitCode !== null || process.signalCode !== null) return resume(Effect.void)
    process.once("exit", () => resume(Effect.void))
    process.kill(signal)
  })

/** How long it takes until it is so; undefined if it never is. */
const until = Effect.fnUntraced(function* <E>(isSo: Effect.Effect<boolean, E>, every = 100) {
  const from = yield* now
  while (!(yield* isSo)) {
    if ((yield* now) > from + patience) return undefined
    yield* Effect.sleep(every)
  }
  return (yield* now) - from
})

interface Account {
  readonly token: string
  readonly userId: number
  readonly sends: Array<{ readonly text: string; outcome: string | undefined }>
  readonly received: Array<{ readonly id: number; readonly position: number }>
}

const trial = Effect.fnUntraced(function* (count: number) {
  const sandbox = yield* Sandbox
  const baseUrl = yield* SandboxNode.baseUrl
  const databasePort = yield* Postgres.start
  const violations: Array<string> = []

  const runners: Array<Runner> = []
  for (let index = 0; index < 3; index++) {
    const proxy = yield* makeProxy(databasePort)
    const part = { port: yield* Postgres.freePort, databasePort: Number(new URL(proxy.baseUrl).port), baseUrl }
    const runner: Runner = { part, proxy, process: undefined, output: "" }
    yield* Effect.addFinalizer(() => end(runner, "SIGKILL"))
    yield* start(runner)
    runners.push(runner)
  }

  const client = yield* Layer.build(KefuRunner.layerClient({ sharding }).pipe(Layer.provide(database(databasePort))))
  const cluster = Context.get(client, KefuCluster)

  const accounts = yield* Effect.replicateEffect(
    Effect.map(sandbox.createVisitor(), ({ token, userId }): Account => ({ token, userId, sends: [], received: [] })),
    count
  )
  const superseded = Effect.map(sandbox.counters, (counters) => counters.superseded)
  const connections = Effect.map(
    sandbox.connections,
    (open) => new Map(open.map(({ id, userId }) => [userId as number, id]))
  )
  /** The connections of the accounts that a runner owns, by user. */
  const connectionsOf = Effect.fnUntraced(function* ({ part }: Runner) {
    const open = yield* connections
    const owned = yield* Effect.forEach(
      accounts,
      ({ token, userId }) => Effect.map(cluster.state(token), ({ runner }) => ({ runner, userId })),
      { concurrency: 8 }
    )
    return owned.flatMap(({ runner, userId }) => {
      const id = open.get(userId)
      return runner.endsWith(`:${part.port}`) && id !== undefined ? [[userId, id] as const] : []
    })
  })
  /** The runner that owns the most accounts, and their connections. */
  const busiest = Effect.map(
    Effect.forEach(runners, (runner) => Effect.map(connectionsOf(runner), (owned) => ({ runner, owned }))),
    (all) => all.toSorted((left, right) => right.owned.length - left.owned.length)[0]!
  )
  const owners = Effect.map(
    Effect.forEach(accounts, ({ token }) => cluster.state(token), { concurrency: 8 }),
    (states) => {
      const owned = new Map<string, number>()
      for (const { runner } of states) owned.set(runner, (owned.get(runner) ?? 0) + 1)
      return Array.from(owned.values(), String).join(" + ")
    }
  )
  /** Waits until all accounts are connected, some by another connection than before, and says how long that took. */
  const whole = Effect.fnUntraced(function* (
    what: string,
    limit: number,
    before: Effect.Success<ReturnType<typeof connectionsOf>> = []
  ) {
    const millis = yield* until(
      Effect.map(connections, (open) => open.size === count && before.every(([user, id]) => open.get(user) !== id))
    )
    yield* note(
      `${what}: all ${count} connected, ${before.length} of them anew, after ${millis ?? "more than"} ms; superseded ${yield* superseded}`
    )
    if (millis === undefined || millis > limit)
      violations.push(`${what}: it took ${millis} ms until all were connected`)
    if (millis === undefined) violations.push(...runners.map(({ output }) => output.slice(-3000)))
  })

  yield* note(`${count} accounts, PostgreSQL on port ${databasePort}`)
  yield* Effect.forEach(accounts, ({ token }) => Effect.retry(cluster.connect(token), { times: 20 }), {
    concurrency: 8
  })
  yield* whole("start", patience)
  yield* note(`spread: ${yield* owners}`)

  for (const account of accounts) {
    yield* cluster.events(account.token).pipe(
      Stream.runForEach(({ message, position }) =>
        Effect.sync(() => account.received.push({ id: message.id, position }))
      ),
      Effect.forkScoped
    )
  }

  const chatting = { isOver: false }
  const chat = Effect.fnUntraced(function* (account: Account, index: number) {
    yield* Effect.sleep((index % 20) * 100)
    while (!chatting.isOver) {
      const send: Account["sends"][number] = { text: `${index}-${account.sends.length + 1}`, outcome: undefined }
      account.sends.push(send)
      const draft = { messageType: "Text", content: send.text } as const
      send.outcome = yield* cluster.send(account.token, draft, { id: send.text }).pipe(
        Effect.map((id) => `Sent ${id}`),
        Effect.catch(({ reason }) => Effect.succeed(reason._tag))
      )
      yield* Effect.sleep(2000)
    }
  })
  const chats = yield* Effect.forEach(accounts, (account, index) => Effect.forkScoped(chat(account, index)))

  const expiry = sharding.shardLockExpiration + sharding.refreshAssignmentsInterval
  yield* Effect.sleep(3000)
  const killed = yield* busiest
  yield* note("a runner is killed")
  yield* end(killed.runner, "SIGKILL")
  yield* whole("kill", expiry + 15_000, killed.owned)
  yield* start(killed.runner)
  yield* Effect.sleep(8000)

  for (let restarts = 0; restarts < 3; restarts++) {
    const restarted = yield* busiest
    yield* note("a runner is restarted")
    yield* end(restarted.runner, "SIGTERM")
    yield* whole("handover", patience, restarted.owned)
    yield* start(restarted.runner)
    yield* Effect.sleep(8000)
  }

  const cut = yield* busiest
  yield* note("a runner is cut off from the database")
  cut.runner.proxy.stall(["up", "down"], patience)
  cut.runner.proxy.refuse(patience)
  yield* whole("split", patience, cut.owned)
  cut.runner.proxy.heal()
  yield* whole("end", patience)
  yield* note(`spread: ${yield* owners}`)

  chatting.isOver = true
  const settled = yield* until(Effect.sync(() => chats.every((fiber) => fiber.pollUnsafe() !== undefined)))
  if (settled === undefined) violations.push("a send was never answered")
  yield* Effect.forEach(chats, Fiber.interrupt, { discard: true })

  const history = yield* sandbox.conversations
  const messagesOf = ({ userId }: Account) =>
    history.filter(({ customer }) => customer?.id === userId).flatMap(({ messages }) => messages)
  const missing = () =>
    accounts.filter((account) => {
      const ids = new Set(account.received.map(({ id }) => id))
      return messagesOf(account).some(({ fromId, id }) => fromId !== account.userId && !ids.has(id))
    })
  yield* until(Effect.sync(() => missing().length === 0))

  const outcomes = new Map<string, number>()
  for (const account of accounts) {
    const messages = messagesOf(account)
    const own = messages.flatMap((one) =>
      one.messageType === "Text" && one.fromId === account.userId ? [{ id: one.id, text: one.content }] : []
    )
    for (const { outcome = "nothing", text } of account.sends) {
      const tag = outcome.split(" ")[0] ?? ""
      outcomes.set(tag, (outcomes.get(tag) ?? 0) + 1)
      const found = own.filter((one) => one.text === text)
      if (found.length > 1) violations.push(`${text} was sent ${found.length} times`)
      if (tag === "Sent" && `Sent ${found[0]?.id}` !== outcome)
        violations.push(`${text}: ${outcome}, not in the history`)
      if (tag !== "Sent" && tag !== "DeliveryUnknown") violations.push(`${text}: ${outcome}`)
    }
    const order = own.map(({ text }) => Number(text.split("-")[1]))
    if (order.some((number, at) => number < (order[at - 1] ?? 0))) violations.push(`out of order: ${order.join(" ")}`)
    const ids = account.received.map(({ id }) => id)
    const expected = messages.flatMap(({ fromId, id }) => (fromId === account.userId ? [] : [id]))
    if (ids.join() !== expected.toSorted((left, right) => left - right).join()) {
      violations.push(`${account.token} received ${ids.join(" ")}, not ${expected.join(" ")}`)
    }
  }
  if ((yield* superseded) > 0) violations.push(`${yield* superseded} logins ended another one`)
  const told = Array.from(outcomes, ([outcome, number]) => `${outcome} ${number}`).join(", ")
  yield* note(`told: ${told}; ${accounts.reduce((sum, { received }) => sum + received.length, 0)} received`)
  yield* note(`${violations.length} violations`)
  return violations
}, Effect.scoped)

const { values } = parseArgs({ options: { accounts: { type: "string", default: "60" } } })
const found = await Effect.runPromise(
  trial(Number(values.accounts)).pipe(
    Effect.provide(SandboxNode.layer({ idleTimeout: "1 day", messagesPerConversation: 2000 }))
  )
)
for (const violation of found.slice(0, 40)) console.error(violation)
process.exit(found.length === 0 ? 0 : 1)

/**
 * Real processes over real TCP through a faulty proxy: `npm run tcp -- --minutes 10 --seed 1`.
 *
 * Visitors and staff, by the façade and by the Effect API, chat while connections are cut, fall silent, stall and are held
 * up, and while processes of either side are stopped and continued. One visitor, whose outbox is in files, is killed in the
 * midst and started again over the same files. Then everything heals, and the backend's history, read past the proxy, decides
 * whether everybody was told the truth.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import { type ChildProcess, fork } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { parseArgs } from "node:util"
import { type Actor, begin, leave, type Life, lifeOf, say } from "./tcp/Actor.ts"
import { askForPerson, broken, type History, undecided } from "./tcp/Promises.ts"
import { type Direction, make as makeProxy } from "./tcp/Proxy.ts"
import type { Answer, Part, Question } from "./tcp/Talk.ts"

/** How long everything may take to settle, and a process to end. No machine is as slow as that. */
const patience = { settling: 300_000, leaving: 120_000 }

const people = [
  { name: "li", api: "effect", isStaff: true },
  { name: "wang", api: "façade", isStaff: true },
  { name: "ann", api: "façade", isStaff: false },
  { name: "bob", api: "effect", isStaff: false },
  { name: "cid", api: "effect", isStaff: false, durable: true }
] as const

/** Limits that let much happen in a minute. The promises do not depend on them. */
const tight: Part["options"] = {
  ackTimeout: 3000,
  connectTimeout: 3000,
  requestTimeout: 3000,
  heartbeat: { idle: 2000, timeout: 2000 },
  reconnect: { cap: 2000, resetAfter: 1000 },
  outbox: { lifetime: 1_800_000, capacity: 10_000 }
}
const usual: Part["options"] = { outbox: { lifetime: 1_800_000, capacity: 10_000 } }

const now = Clock.currentTimeMillis

/** Ends a child, and waits until it has ended; only ever one that was started here. */
const end = (child: ChildProcess) =>
  Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGKILL")
  })

const startBackend = Effect.gen(function* () {
  const count = (isStaff: boolean) => String(people.filter((one) => one.isStaff === isStaff).length)
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => fork(Path.join(import.meta.dirname, "tcp/sandbox.ts"), [count(true), count(false)])),
    end
  )
  const answers = yield* Queue.unbounded<Answer>()
  child.on("message", (answer: Answer) => Queue.offerUnsafe(answers, answer))
  child.once("exit", (code, signal) => {
    Queue.shutdown(answers).pipe(Effect.runFork)
    if (signal !== "SIGKILL") console.error(`the backend has ended with ${signal ?? code}`)
  })
  const ready = yield* Queue.take(answers)
  if (ready._tag !== "Ready") return yield* Effect.die(`the backend began with ${ready._tag}`)
  const report: Effect.Effect<History> = Effect.gen(function* () {
    child.send({ _tag: "Report" } satisfies Question)
    const answer = yield* Queue.take(answers)
    return answer._tag === "Report" ? answer : yield* Effect.die(`the backend reported ${answer._tag}`)
  })
  return { child, ready, report }
})

const between = (from: number, to: number) => Random.nextIntBetween(from, to)

/** Asks until it is so; false if it never is. */
const until = Effect.fnUntraced(function* <E>(isSo: Effect.Effect<boolean, E>, millis: number, every = 200) {
  const latest = (yield* now) + millis
  while (!(yield* isSo)) {
    if ((yield* now) > latest) return false
    yield* Effect.sleep(every)
  }
  return true
})

const run = Effect.fnUntraced(function* (minutes: number, seed: string) {
  const clock = yield* Clock.Clock
  const { child: backend, ready, report } = yield* startBackend
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-kefu-tcp-"))),
    (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
  )
  const logins = { true: ready.staff.slice(), false: ready.visitors.slice() }
  const patient = yield* between(0, people.length)
  const actors: Array<Actor> = []
  for (const [index, { api, isStaff, name, ...rest }] of people.entries()) {
    const { id, token } = logins[`${isStaff}`].shift()!
    const proxy = yield* makeProxy(ready.port)
    const options = index === patient ? usual : tight
    const part: Part = { name, api, token, baseUrl: proxy.baseUrl, options, ...("durable" in rest ? { folder } : {}) }
    actors.push({ name, id, isStaff, part, proxy, lives: [], sends: [] })
  }
  yield* Effect.addFinalizer(() =>
    Effect.forEach(
      actors.flatMap(({ lives }) => lives),
      ({ process }) => end(process),
      { discard: true }
    )
  )
  const start = (actor: Actor) => Effect.sync(() => begin(actor, () => clock.currentTimeMillisUnsafe()))
  const staff = actors.filter(({ isStaff }) => isStaff)
  const visitors = actors.filter(({ isStaff }) => !isStaff)

  // Everybody is connected and served before anything goes wrong.
  const isConnected = (actor: Actor) => lifeOf(actor).states.at(-1) === "Connected"
  const isServed = ({ id }: Actor, { talks }: History) =>
    talks.some(({ customerId, staffId }) => customerId === id && staff.some((one) => one.id === staffId))
  yield* Effect.forEach(staff, start)
  const begun = [
    yield* until(
      Effect.sync(() => staff.every(isConnected)),
      patience.leaving
    )
  ]
  yield* Effect.forEach(visitors, start)
  for (const visitor of visitors) {
    begun.push(
      yield* until(
        Effect.sync(() => isConnected(visitor)),
        patience.leaving
      )
    )
    say(visitor, askForPerson)
  }
  begun.push(
    yield* until(
      Effect.map(report, (history) => visitors.every((visitor) => isServed(visitor, history))),
      patience.leaving
    )
  )
  if (begun.includes(false)) {
    return [`nothing could begin: ${actors.map((one) => `${one.name}: ${JSON.stringify(lifeOf(one))}`).join("\n")}`]
  }
  const { talks } = yield* report
  const served = (actor: Actor) =>
    talks.filter(({ staffId }) => staffId === actor.id).map(({ customerId }) => customerId)

  const counts = new Map<string, number>()
  const fibers = yield* FiberSet.make<unknown>()
  /** Continues what was stopped, also when the trial ends meanwhile. */
  const stop = (child: ChildProcess, millis: number) =>
    Effect.acquireUseRelease(
      Effect.sync(() => child.kill("SIGSTOP")),
      () => Effect.sleep(millis),
      () => Effect.sync(() => child.kill("SIGCONT"))
    )

  const mishap = Effect.gen(function* () {
    const actor = yield* Random.choice(actors as [Actor, ...Array<Actor>])
    const { proxy } = actor
    const directions = yield* Random.choice([["up"], ["down"], ["up", "down"]] satisfies [
      ReadonlyArray<Direction>,
      ...Array<ReadonlyArray<Direction>>
    ])
    const kind = yield* Random.choice([
      "cut",
      "cut within a response",
      "silence",
      "silence",
      "stall",
      "stall",
      "hold",
      "hold",
      "refuse",
      "tear",
      "stop a client",
      "stop the backend"
    ])
    const millis = yield* between(500, 6000)
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
    switch (kind) {
      case "cut":
        return proxy.cut()
      case "cut within a response":
        return proxy.cutWithin(yield* between(1, 700))
      case "silence":
        return proxy.silence(directions, Math.floor(millis / 2))
      case "stall":
        return proxy.stall(directions, millis)
      case "hold":
        proxy.hold(1500, yield* between(1000, 14_000))
        return proxy.cut()
      case "refuse":
        proxy.refuse(millis)
        return proxy.cut()
      case "tear":
        return proxy.tear(millis)
      case "stop a client":
        return yield* FiberSet.run(fibers, stop(lifeOf(actor).process, millis))
      case "stop the backend":
        return yield* FiberSet.run(fibers, stop(backend, Math.floor(millis / 2)))
    }
  })

  const talk = (actor: Actor) =>
    Effect.forever(
      Effect.gen(function* () {
        yield* Effect.sleep(yield* between(150, 700))
        const targets = served(actor)
        const to = actor.isStaff ? targets[yield* between(0, Math.max(1, targets.length))] : undefined
        if ((actor.isStaff && to === undefined) || lifeOf(actor).killedAt !== undefined) return
        const isRepeated = actor.part.folder === undefined && (yield* Random.next) < 0.1
        say(actor, isRepeated ? "ok" : `${actor.name} ${actor.sends.length + 1}`, to)
      })
    )

  /** Kills the visitor whose outbox is in files, with sends waiting, and starts it again. */
  const killing = Effect.gen(function* () {
    const actor = actors.find(({ part }) => part.folder !== undefined)!
    yield* Effect.sleep(yield* between(15_000, 30_000))
    actor.proxy.refuse(9000)
    actor.proxy.cut()
    yield* Effect.sleep(yield* between(4000, 8000))
    const life: Life = lifeOf(actor)
    life.killedAt = yield* now
    counts.set("kill", (counts.get("kill") ?? 0) + 1)
    yield* end(life.process)
    yield* Effect.sleep(yield* between(500, 3000))
    yield* start(actor)
    yield* until(
      Effect.sync(() => lifeOf(actor).up),
      patience.leaving
    )
    yield* Effect.sleep(30_000)
  })

  yield* Effect.all(
    [
      ...actors.map(talk),
      Effect.forever(Effect.andThen(Effect.flatMap(between(300, 2500), Effect.sleep), mishap)),
      Effect.forever(killing)
    ],
    { concurrency: "unbounded", discard: true }
  ).pipe(Effect.timeoutOption(minutes * 60_000))

  // Everything heals.
  yield* FiberSet.clear(fibers)
  for (const actor of actors) {
    actor.proxy.heal()
    if (lifeOf(actor).killedAt !== undefined) yield* start(actor)
  }
  const judged = Effect.map(report, (history) => broken(actors, history))
  const healed = yield* now
  yield* until(
    Effect.map(judged, (problems) => problems.length === 0),
    patience.settling,
    1000
  )
  const settled = ((yield* now) - healed) / 1000
  // What comes late would come now.
  yield* Effect.sleep(3000)
  const violations = [...(yield* judged), ...undecided(actors)]

  for (const actor of actors) leave(actor)
  yield* until(
    Effect.sync(() => actors.every((actor) => lifeOf(actor).exit !== undefined)),
    patience.leaving
  )
  for (const actor of actors) {
    const { exit, output } = lifeOf(actor)
    if (exit !== 0) violations.push(`${actor.name} left, and its process ${exit ?? "lives on"}: ${output}`)
  }
  const outcomes = new Map<string, number>()
  for (const { told } of actors.flatMap(({ sends }) => sends)) {
    const outcome = told?.outcome ?? "nothing"
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  const heard = actors.flatMap(({ lives }) => lives.flatMap((life) => life.heard))
  const gaps = actors.flatMap(({ lives }) => lives.flatMap((life) => life.gaps))
  const connections = actors
    .flatMap(({ lives }) => lives.flatMap(({ states }) => states))
    .filter((one) => one === "Connected")
  const list = (found: ReadonlyMap<string, number>) =>
    Array.from(found, ([what, count]) => `${what} ${count}`).join(", ")
  console.log(
    `tcp: ${minutes} min, seed ${seed}: ${list(counts)}; ${connections.length} connections; told: ${list(outcomes)}; ` +
      `${heard.length} received, of these ${heard.filter(({ recovered }) => recovered).length} recovered; ` +
      `${gaps.length} gaps named; settled after ${settled.toFixed(1)} s; ${violations.length} violations`
  )
  if (connections.length <= actors.length || !outcomes.has("Sent"))
    violations.push("nothing went wrong, or nothing was sent")
  return violations
}, Effect.scoped)

const { values } = parseArgs({ options: { minutes: { type: "string" }, seed: { type: "string" } } })
const chosen = values.seed ?? String(Math.floor(Math.random() * 2 ** 32))
const found = await Effect.runPromise(run(Number(values.minutes ?? 1), chosen).pipe(Random.withSeed(chosen)))
for (const violation of found.slice(0, 40)) console.error(violation)
process.exit(found.length === 0 ? 0 : 1)

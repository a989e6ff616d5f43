/**
 * Visitors and staff chat over real sockets under frequent small faults. In the end every message must have arrived once,
 * and no socket, timer or memory may be left. `npm run soak -- --minutes 10 --seed 1`.
 *
 * The sandbox runs in its own thread, so that its history does not count as memory of the clients.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import { parseArgs } from "node:util"
import type * as Kefu from "../../src/Kefu.ts"
import { heapUsed } from "./fuzz.ts"
import { backend, type Said, staffCount } from "./soak/Backend.ts"
import { audience, judge } from "./soak/Counts.ts"
import { askPerson, attend, passBy, type PassedBy, person, talk } from "./soak/Person.ts"

const visitorCount = 8

/** Allowed heap growth after the first quarter, for example by compiled code. */
const allowance = 12 * 2 ** 20

const handles = Effect.sync(() => {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
})

type Handles = Readonly<Record<string, number>>

const sockets = (counts: Handles) =>
  Object.entries(counts)
    .filter(([kind]) => /tcp|socket|tls/i.test(kind))
    .reduce((sum, [, count]) => sum + count, 0)

const timers = (counts: Handles) => counts["Timeout"] ?? 0

const count = (violations: Array<string>, what: string, isSo: boolean) => {
  if (!isSo) violations.push(what)
}

const run = Effect.fnUntraced(function* (minutes: number, seed: string) {
  const violations: Array<string> = []
  const before = yield* handles
  const scope = yield* Scope.make()
  const { calm, ready, report, trouble } = yield* Scope.provide(backend(seed), scope)
  const { baseUrl } = ready
  const people = yield* Scope.fork(scope)
  const join = (name: string, options: Kefu.Options = {}) =>
    Scope.provide(person(name, { baseUrl, ...options }), people)

  const staff = yield* Effect.forEach(ready.staff, (token, n) => join(`staff${n}`, { token }), {
    concurrency: "unbounded"
  })
  const visitors = yield* Effect.forEach(Array.from({ length: visitorCount }), (_, n) => join(`visitor${n}`), {
    concurrency: "unbounded"
  })
  const conversations = yield* Effect.forEach(visitors, askPerson, { concurrency: "unbounded" })
  // Everyone is connected and served: faults may begin.
  yield* trouble
  const passing: Array<PassedBy> = []
  const traffic = yield* Effect.all(
    [
      ...visitors.map((visitor, n) => talk(visitor, conversations[n]!)),
      ...[0, 1].map((lane) =>
        Effect.gen(function* () {
          for (let n = 1; ; n++) passing.push(yield* passBy(`passer${lane}-${n}`, baseUrl))
        })
      )
    ],
    { concurrency: "unbounded", discard: true }
  ).pipe(Effect.forkChild)
  const service = yield* Effect.forEach(staff, attend, { concurrency: "unbounded", discard: true }).pipe(
    Effect.forkChild
  )

  const quarter = (minutes * 60_000) / 4
  const sample = Effect.gen(function* () {
    yield* Effect.raceFirst(Effect.sleep(quarter), Fiber.join(traffic))
    const sent = [...visitors, ...staff].reduce((sum, one) => sum + one.sent.length, 0)
    return { sent, passing: passing.length, heap: yield* heapUsed, handles: yield* handles }
  })
  const samples = [yield* sample, yield* sample, yield* sample, yield* sample] as const
  const [early, , , late] = samples

  // Traffic stops, and pending messages arrive.
  yield* Fiber.interrupt(traffic)
  const { faults } = yield* calm
  const everyone = [...visitors, ...staff]
  yield* Effect.forEach(visitors, ({ settled }) => settled)
  const { said: asked } = yield* report
  const cast = { staff, visitors }
  const arrives = (said: ReadonlyArray<Said>) =>
    Effect.forEach(
      audience(cast, said),
      ({ message, to }) =>
        to.until(
          () => to.received.has(message.id) || to.gaps.has(message.conversationId as never) || to.gaps.has(undefined)
        ),
      { discard: true }
    ).pipe(Effect.timeoutOption("5 minutes"))
  count(violations, "not all questions arrived within five minutes", Option.isSome(yield* arrives(asked)))
  yield* Effect.forEach(staff, ({ settled }) => settled)
  yield* Fiber.interrupt(service)
  const { connections, said } = yield* report
  count(violations, "not all answers arrived within five minutes", Option.isSome(yield* arrives(said)))

  const judged = judge(cast, passing, said)
  const { delivered, failed, named, sent, unknown } = judged
  violations.push(...judged.violations)
  const gaps = everyone.reduce((sum, one) => sum + one.gaps.size, 0)
  const dials = everyone.reduce((sum, one) => sum + one.connections(), 0)

  // The end.
  yield* Scope.close(people, Exit.void)
  yield* Scope.close(scope, Exit.void)
  const isReleased = (counts: Handles) => sockets(counts) <= sockets(before) && timers(counts) <= timers(before) + 1
  // A WebSocket waits 3 seconds for the answer to its close frame before it is cut.
  const after = yield* Effect.gen(function* () {
    for (let tries = 0; ; tries++) {
      const counts = yield* handles
      if (isReleased(counts) || tries === 100) return counts
      yield* Effect.sleep("100 millis")
    }
  })
  // Records of this program itself: map and list entries per message and per passer-by.
  const noted = 500 * (late.sent - early.sent) + 2000 * (late.passing - early.passing)
  const growth = late.heap - early.heap - noted
  count(violations, `the heap grew by ${(growth / 2 ** 20).toFixed(1)} MB`, growth < allowance)
  const most = sockets(early.handles) + 2 * (visitorCount + staffCount)
  count(violations, `from ${sockets(early.handles)} to ${sockets(late.handles)} sockets`, sockets(late.handles) <= most)
  count(violations, `${sockets(after)} sockets are left: ${JSON.stringify(after)}`, sockets(after) <= sockets(before))
  count(violations, `timers are left: ${JSON.stringify(after)}`, timers(after) <= timers(before) + 1)
  count(violations, "hardly anything was sent", sent > 100 * minutes)
  count(violations, "nothing went wrong", faults > 0 && dials > everyone.length)

  const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MB`
  console.log(
    `soak: ${minutes} min, seed ${seed}: ${faults} faults, ${dials} connections of ${everyone.length} people, ` +
      `${passing.length} passers-by; ${sent} sent and in the history once, ${failed} failed, ${unknown} unknown; ` +
      `${delivered} delivered once, ${named} in named gaps (${gaps}); heap at each quarter ${samples.map(({ heap }) => megabytes(heap)).join(", ")}; ` +
      `sockets ${samples.map(({ handles }) => sockets(handles)).join(", ")}, in the end ${sockets(after)}; ` +
      `${connections} connections at the sandbox; ${violations.length} violations`
  )
  return violations
})

const main = Effect.gen(function* () {
  const { values } = parseArgs({ options: { minutes: { type: "string" }, seed: { type: "string" } } })
  const seed = values.seed ?? String(Math.floor(Math.random() * 2 ** 32))
  const violations = yield* run(Number(values.minutes ?? 1), seed).pipe(
    Random.withSeed(seed),
    // Lost connections are what this is about.
    Effect.provideService(References.MinimumLogLevel, "Error")
  )
  for (const violation of violations.slice(0, 20)) console.error(violation)
  process.exitCode = violations.length === 0 ? 0 : 1
})

await Effect.runPromise(main)

/**
 * Runs any number of random fault schedules: `npm run faults -- --schedules 100000 --seed nightly`. A failure prints its
 * seed and the smallest schedule that still fails; `--replay '<schedule>'` or `--only <seed>` runs one again.
 */
import { parseArgs } from "node:util"
import * as Effect from "effect/Effect"
import { check, tally } from "./Promises.ts"
import { draw } from "./Draw.ts"
import { format, parse, type Schedule, shrink, standing, type Switch, switches } from "./Schedule.ts"
import { simulate } from "./Simulation.ts"

const { values } = parseArgs({
  options: {
    schedules: { type: "string", default: "2000" },
    /** The number of the first one: a long run can be done in parts. */
    from: { type: "string", default: "0" },
    seed: { type: "string", default: "faults" },
    only: { type: "string" },
    replay: { type: "string" },
    keep: { type: "boolean", default: false },
    /** Not shrunk. */
    first: { type: "boolean", default: false },
    /** What else goes wrong: names of `Schedule.ts` with commas between, or `all`. */
    switches: { type: "string", default: standing.join(",") }
  }
})

const on: ReadonlyArray<Switch> =
  values.switches === "all" ? switches : switches.filter((name) => values.switches.split(",").includes(name))

const problemsOf = (schedule: Schedule) => Effect.map(simulate(schedule), check)
const began = performance.now()
const elapsed = () => `${((performance.now() - began) / 1000).toFixed(1)} s`
let failures = 0

const report = async (schedule: Schedule, problems: ReadonlyArray<string>) => {
  failures++
  process.stdout.write(`\nschedule "${schedule.seed}" fails:\n${problems.map((line) => `  ${line}\n`).join("")}`)
  if (values.first) return
  const smallest = await Effect.runPromise(
    shrink(schedule, (candidate) => Effect.map(problemsOf(candidate), (found) => found.length > 0))
  )
  const left = await Effect.runPromise(problemsOf(smallest))
  process.stdout.write(`shrunk:\n${left.map((line) => `  ${line}\n`).join("")}${format(smallest)}\n\n`)
}

const totals = new Map<string, number>()

const one = async (schedule: Schedule) => {
  const run = await Effect.runPromise(simulate(schedule))
  for (const [what, count] of tally(run)) totals.set(what, (totals.get(what) ?? 0) + count)
  const problems = check(run)
  if (problems.length > 0) await report(schedule, problems)
}

if (values.replay !== undefined) {
  await one(parse(values.replay))
} else if (values.only !== undefined) {
  await one(await Effect.runPromise(draw(values.only, on)))
} else {
  for (let index = 0; index < Number(values.schedules); index++) {
    await one(await Effect.runPromise(draw(`${values.seed}-${Number(values.from) + index}`, on)))
    if (failures > 0 && !values.keep) break
    if ((index + 1) % 100 === 0) process.stdout.write(`${index + 1} schedules, ${failures} failed, ${elapsed()}\n`)
  }
}
process.stdout.write(`${Array.from(totals, ([what, count]) => `${what}: ${count}`).join(", ")}; ${elapsed()}\n`)
process.exitCode = failures === 0 ? 0 : 1

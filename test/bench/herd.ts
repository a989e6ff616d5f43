/**
 * Many sessions lose the link together, in virtual time, and the backend refuses dials for a minute: how long after that
 * the last one is back, and how many dials come at once. `node herd.ts COUNT`.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as TestClock from "effect/testing/TestClock"
import type { Connection } from "../../src/http/Transport.ts"
import * as Herd from "../support/Herd.ts"

const count = Number(process.argv[2] ?? "5000")

const outage = 60_000

const program = Effect.gen(function* () {
  const back: Array<number> = []
  const recovered = Effect.map(Clock.currentTimeMillis, (now): Connection => {
    back.push(now)
    return { pull: Effect.never, write: () => Result.void }
  })
  const { busiest, dials, lose } = yield* Herd.open(count, outage, recovered)
  yield* lose
  // Ends before the heartbeat of the first that are back, to whom nothing answers.
  yield* TestClock.adjust(outage + 20_000)
  return {
    back: back.length,
    lastMillis: Math.max(...back) - outage,
    dials: dials.length,
    peak: busiest(0)
  }
}).pipe(Effect.scoped, Random.withSeed("herd"), Effect.provide([TestClock.layer(), Logger.layer([])]))

process.stdout.write(`${JSON.stringify(await Effect.runPromise(program))}\n`)
process.exit(0)

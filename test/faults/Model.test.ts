/**
 * Random fault schedules against the model: `Schedule.ts` draws them, `Simulation.ts` runs them, `Properties.ts` judges.
 *
 * That the properties can fail was tried by breaking the code in single places, with the seed `mutation`; in brackets the
 * first schedule that noticed. In the connection: messages are not told apart from their repeats (0); nothing missed is
 * given (2); every page counts as complete (9); conversations that are gone are not read (26); a history that cannot be
 * read is not told (6); nor is a message that comes late (5), nor a frame that cannot be read (27); what comes while the
 * gap is open is lost (93); one's own recalls are told as news (12); staff are given what was before them (0); a silent
 * link is never noticed (64); 1000 means stop; what was dropped for a slow subscriber is not told (10); a subscriber or a
 * position stays after closing (31, 0). In the outbox: what has no acknowledgement goes out again unasked, after a lost
 * connection (5) or a time-out (5); every page of the history counts as complete (9); the order of a conversation is
 * turned round (2).
 *
 * What it cannot notice: a send that waits for its time-out though its connection has ended, and one that is looked for
 * too early, since the sandbox handles nothing more of a connection once the next one stands.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { check, tally } from "./Promises.ts"
import { draw } from "./Draw.ts"
import { format, parse, Schedule, shrink } from "./Schedule.ts"
import { simulate } from "./Simulation.ts"

const chunks = 20
const chunk = 100

const problemsOf = (schedule: Schedule) => Effect.map(simulate(schedule), check)

/** Runs a schedule; if it fails, says what is the least that is needed for it. */
const judge = Effect.fnUntraced(function* (schedule: Schedule) {
  const run = yield* simulate(schedule)
  const problems = check(run)
  if (problems.length === 0) return tally(run)
  const smallest = yield* shrink(schedule, (candidate) =>
    Effect.map(problemsOf(candidate), (found) => found.length > 0)
  )
  return assert.fail(
    `The schedule "${schedule.seed}" breaks a promise:\n${problems.join("\n")}\n\nThe least that is needed, for ` +
      `\`npm run faults -- --replay '...'\`:\n${(yield* problemsOf(smallest)).join("\n")}\n${format(smallest)}`
  )
})

describe("whatever goes wrong", () => {
  const totals = new Map<string, number>()

  for (let from = 0; from < chunks * chunk; from += chunk) {
    it.live(
      `what was sent and what was received is as it was told: schedules ${from} to ${from + chunk - 1}`,
      () =>
        Effect.gen(function* () {
          for (let index = from; index < from + chunk; index++) {
            for (const [what, count] of yield* judge(yield* draw(`ci-${index}`))) {
              totals.set(what, (totals.get(what) ?? 0) + count)
            }
          }
        }),
      300_000
    )
  }

  it("enough happened for that to mean something", () => {
    console.log(`${chunks * chunk} schedules: ${Array.from(totals, ([what, count]) => `${what} ${count}`).join(", ")}`)
    const total = (what: string) => totals.get(what) ?? 0
    assert.isAtLeast(total("send Sent"), 10 * chunks * chunk)
    assert.isAtLeast(total("recovered"), chunks * chunk)
    assert.isAtLeast(total("connections"), 4 * chunks * chunk)
    for (const what of ["send DeliveryUnknown", "send OutboxExpired", "GapUnresolved", "Lagged", "Undecodable"]) {
      assert.isAtLeast(total(what), 20, what)
    }
  })
})

describe("a schedule", () => {
  it.live("is the same for the same seed, and so is its run", () =>
    Effect.gen(function* () {
      const schedule = yield* draw("same")
      assert.deepStrictEqual(yield* draw("same"), schedule)
      assert.deepStrictEqual(parse(format(schedule)), schedule)
      const [first, second] = [yield* simulate(schedule), yield* simulate(schedule)]
      assert.deepStrictEqual(
        second.people.map(({ logs }) => logs.map(({ heard }) => heard)),
        first.people.map(({ logs }) => logs.map(({ heard }) => heard))
      )
      assert.deepStrictEqual(second.history, first.history)
    })
  )

  it.effect("shrinks to what is needed", () =>
    Effect.gen(function* () {
      const schedule = yield* draw("shrink-3")
      const needed = schedule.actions.at(-1)!
      const smallest = yield* shrink(schedule, (candidate) =>
        Effect.succeed(candidate.actions.some((action) => action === needed))
      )
      assert.deepStrictEqual(smallest.actions, [needed])
      assert.deepStrictEqual([smallest.faults, smallest.naps, smallest.listeners], [[], [], []])
      assert.isTrue(Schema.is(Schedule)(smallest))
    })
  )
})

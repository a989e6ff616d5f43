import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as TestClock from "effect/testing/TestClock"
import * as Herd from "../support/Herd.ts"

const clients = 10_000
const outage = 120_000

describe("a herd", () => {
  it.effect(
    "CONN-2 10,000 clients that lose their connection at once spread their dials",
    () =>
      Effect.gen(function* () {
        const { busiest, dials, lose } = yield* Herd.open(clients, outage, Effect.never)
        assert.strictEqual(dials.length, clients)
        yield* lose
        yield* TestClock.adjust("150 seconds")
        const crowd = busiest(1000)
        const share = crowd / dials.length
        console.log(
          `herd: ${clients} clients made ${dials.length} dials; after the first second the busiest ${Herd.slot} ms slot saw ` +
            `${crowd} of them, ${(100 * share).toFixed(2)} %`
        )
        assert.isAtLeast(dials.length, 10 * clients)
        assert.isAtMost(share, 0.01)
      }).pipe(Random.withSeed("herd")),
    3_600_000
  )
})

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fuzz from "./fuzz.ts"

describe("hostile frames", () => {
  it.live(
    "CONN-16 20,000 of them do nothing to the client, and every good frame in between arrives",
    () =>
      Effect.gen(function* () {
        const report = yield* fuzz.client({ frames: 20_000, seed: "ci" })
        console.log(fuzz.summary("the client", report))
        assert.isAtLeast(report.frames, 20_000)
        assert.isTrue(Object.values(report.kinds).every((count) => count > 0))
        assert.isBelow(report.heapLate - report.heapEarly, fuzz.growth)
      }),
    120_000
  )
})

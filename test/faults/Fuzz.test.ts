import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fuzz from "./fuzz.ts"

describe("hostile frames", () => {
  it.live(
    "CONN-16 the client survives 20,000 of them and delivers every valid frame in between",
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

  it.live(
    "the façade and its inbox survive them",
    () =>
      Effect.gen(function* () {
        const report = yield* fuzz.facade({ frames: 3000, seed: "ci" })
        console.log(fuzz.summary("the façade", report))
        assert.isAtLeast(report.events["onMessage"] ?? 0, report.good)
        // A lost frame may have been a message, so the inbox reads again, but not for every frame.
        assert.isBelow(report.events["requests"] ?? 0, report.frames / 10)
      }),
    120_000
  )

  it.live(
    "the sandbox survives them while two others keep chatting",
    () =>
      Effect.gen(function* () {
        const report = yield* fuzz.sandbox({ frames: 5000, seed: "ci" })
        console.log(fuzz.summary("the sandbox", report))
        for (const counter of [
          "malformedFrames",
          "unknownEvents",
          "undecodableFrames",
          "oversizedFrames",
          "refusals"
        ]) {
          assert.isAbove(report.events[counter] ?? 0, 0, counter)
        }
      }),
    120_000
  )
})

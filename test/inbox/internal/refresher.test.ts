import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as refresher from "../../../src/inbox/internal/refresher.ts"
import * as WallClock from "../../support/WallClock.ts"

const settle = Effect.repeat(Effect.yieldNow, { times: 50 })

const recorded = Effect.gen(function* () {
  const reads: Array<readonly [what: string, at: number]> = []
  const { request } = yield* refresher.make<string>({
    read: (what) => Effect.map(Clock.currentTimeMillis, (at) => reads.push([what, at])),
    onRetry: () => Effect.void,
    onFailure: () => Effect.void
  })
  return { reads, request: (what: string) => Effect.andThen(request(what), settle) }
})

describe("refresher", () => {
  it.effect("reads at once, and less and less often what is requested again and again", () =>
    Effect.gen(function* () {
      const { reads, request } = yield* recorded
      for (let tenth = 0; tenth < 1200; tenth++) {
        yield* request("all")
        yield* TestClock.adjust(100)
      }
      const seconds = reads.map(([, at]) => Math.round(at / 1000))
      assert.deepStrictEqual(seconds, [0, 0, 0, 1, 3, 7, 15, 31, 61, 91])
    })
  )

  it.effect("reads at the same pace however the wall clock is set", () =>
    Effect.gen(function* () {
      const wall = yield* WallClock.make
      const { reads, request } = yield* wall.run(recorded)
      for (let n = 0; n < 4; n++) yield* request("all")
      yield* TestClock.adjust("1 second")
      yield* wall.jump("-1 hour")
      yield* TestClock.adjust("1 minute")
      for (let n = 0; n < 3; n++) yield* wall.run(request("all"))
      assert.lengthOf(reads, 7)
    })
  )

  it.effect("forgets no request made in a pause, which does not delay other things", () =>
    Effect.gen(function* () {
      const { reads, request } = yield* recorded
      for (let n = 0; n < 10; n++) yield* request("all")
      yield* request("one")
      assert.deepStrictEqual(
        reads.map(([what]) => what),
        ["all", "all", "all", "one"]
      )
      yield* TestClock.adjust("1 second")
      yield* settle
      assert.deepStrictEqual(reads.at(-1), ["all", 1000])
    })
  )

  it.effect("reads at once again after a minute without reads", () =>
    Effect.gen(function* () {
      const { reads, request } = yield* recorded
      for (let n = 0; n < 3; n++) yield* request("all")
      yield* TestClock.adjust("1 minute")
      for (let n = 0; n < 3; n++) yield* request("all")
      assert.deepStrictEqual(
        reads.map(([, at]) => at),
        [0, 0, 0, 60_000, 60_000, 60_000]
      )
    })
  )
})

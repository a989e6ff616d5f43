import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as typing from "../../../src/inbox/internal/typing.ts"
import { cid, settle } from "../../support/Chat.ts"

const make = Effect.gen(function* () {
  const told: Array<readonly [at: number, id: number, draft: string]> = []
  const drafts = yield* typing.makeDrafts((id, draft) =>
    Effect.map(Clock.currentTimeMillis, (at) => {
      told.push([at, id, draft])
    })
  )
  const at = (millis: number) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.andThen(TestClock.adjust(millis - now), settle))
  const write = (millis: number, draft: string, id = 1) => Effect.andThen(at(millis), drafts.write(cid(id), draft))
  return { told, drafts, at, write }
})

describe("drafts", () => {
  it.effect("are sent at once, then one a second, and the last one always", () =>
    Effect.gen(function* () {
      const { at, told, write } = yield* make
      yield* write(0, "h")
      yield* write(100, "he")
      yield* write(950, "hel")
      yield* write(1000, "hell")
      yield* write(1400, "hello")
      yield* at(60_000)
      assert.deepStrictEqual(told, [
        [0, 1, "h"],
        [1000, 1, "hel"],
        [2000, 1, "hello"]
      ])
      yield* write(60_000, "hello!")
      assert.deepStrictEqual(told.at(-1), [60_000, 1, "hello!"])
    })
  )

  it.effect("of several conversations do not wait for each other", () =>
    Effect.gen(function* () {
      const { at, told, write } = yield* make
      yield* write(0, "a", 1)
      yield* write(300, "b", 2)
      yield* write(400, "aa", 1)
      yield* write(500, "bb", 2)
      yield* at(5000)
      assert.deepStrictEqual(told, [
        [0, 1, "a"],
        [300, 2, "b"],
        [1000, 1, "aa"],
        [1300, 2, "bb"]
      ])
    })
  )

  it.effect("that wait are dropped once the message is sent, and the pace is kept after that", () =>
    Effect.gen(function* () {
      const { at, drafts, told, write } = yield* make
      yield* write(0, "h")
      yield* write(200, "hello")
      drafts.clear(cid(1))
      yield* at(500)
      yield* write(500, "next")
      yield* at(10_000)
      assert.deepStrictEqual(told, [
        [0, 1, "h"],
        [1000, 1, "next"]
      ])
    })
  )

  it.effect("that are emptied are sent, unless the other side has seen none", () =>
    Effect.gen(function* () {
      const { at, drafts, told, write } = yield* make
      yield* write(0, "")
      yield* write(100, "h")
      yield* write(5000, "")
      yield* write(5100, "")
      yield* at(10_000)
      assert.deepStrictEqual(told, [
        [100, 1, "h"],
        [5000, 1, ""]
      ])
      yield* write(10_000, "again")
      drafts.clear(cid(1))
      yield* write(20_000, "")
      assert.lengthOf(told, 3)
    })
  )

  it.effect("end with the scope", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { at, told, write } = yield* Scope.provide(make, scope)
      yield* write(0, "h")
      yield* write(200, "he")
      yield* Scope.close(scope, Exit.void)
      yield* at(10_000)
      assert.lengthOf(told, 1)
    })
  )
})

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { lazily } from "../../src/platform/lazily.ts"
import { Inbox } from "../../src/inbox/Inbox.ts"
import * as TestKefu from "../../src/testing/TestKefu.ts"

describe("a service that is built at its first use", () => {
  it.effect("is built once, by the first member that is used, and can be spread, listed and searched", () =>
    Effect.gen(function* () {
      let built = 0
      const service = yield* lazily(
        Effect.sync(() => {
          built += 1
          return { one: () => 1, two: () => built }
        })
      )
      assert.strictEqual(built, 0)
      assert.strictEqual(service.one(), 1)
      assert.strictEqual(service.two(), 1)
      assert.isTrue("two" in service)
      assert.deepStrictEqual(Object.keys(service), ["one", "two"])
      assert.strictEqual({ ...service, one: () => 3 }.two(), 1)
      assert.strictEqual(built, 1)
    })
  )

  it.effect("an app can replace one method of a session's service", () =>
    Effect.gen(function* () {
      const inbox = yield* Inbox
      const mine = Inbox.of({ ...inbox, typing: () => Effect.void })
      assert.strictEqual(yield* mine.snapshot, yield* inbox.snapshot)
    }).pipe(Effect.provide(TestKefu.layer()))
  )
})

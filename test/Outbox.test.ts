import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Outbox } from "../src/Outbox.ts"
import * as TestKefu from "../src/testing/TestKefu.ts"

describe("Outbox over the sandbox", () => {
  it.effect("sends", () =>
    Effect.gen(function* () {
      const outbox = yield* Outbox
      const sent = yield* outbox.send({ messageType: "Text", content: "多久发货？" })
      assert.isAbove(sent.id, 0)
      assert.deepStrictEqual(yield* outbox.entries, [])
    }).pipe(Effect.provide(TestKefu.layer()))
  )
})

/** Only event 301 is a second login: no close code is, whatever some server means by it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Realtime } from "../../src/realtime/Realtime.ts"
import * as Sandbox from "../../src/sandbox/index.ts"
import * as TestKefu from "../../src/testing/TestKefu.ts"
import { layer, open, pass, replace } from "../support/Gateway.ts"

const state = Effect.flatMap(Realtime, (realtime) => realtime.state)

describe("a second login", () => {
  for (const code of [1000, 1008, 4000, 4001, 4999]) {
    it.effect(`is no connection that was closed with ${code}`, () =>
      Effect.gen(function* () {
        const connection = yield* open
        yield* pass("1 second")
        yield* replace(connection, code)
        assert.strictEqual((yield* state)._tag, "Connected")
      }).pipe(Effect.provide(layer()))
    )
  }

  it.effect("at the sandbox ends the session of the first, which the sandbox closes with 1000", () =>
    Effect.gen(function* () {
      const realtime = yield* Realtime
      yield* realtime.open
      const { connect } = yield* Sandbox.Sandbox
      yield* Effect.forkScoped(Effect.scoped(Effect.andThen(connect({ token: "visitor-chen-token" }), Effect.never)))
      yield* pass("1 minute")
      assert.strictEqual((yield* state)._tag, "Superseded")
    }).pipe(Effect.provide(TestKefu.layer({ token: "visitor-chen-token", connect: "manual" })))
  )
})

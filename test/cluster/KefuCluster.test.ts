/** A cluster of one, over an embedded database, on a sandbox in this process and in virtual time. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Context from "effect/Context"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Outbox } from "../../src/outbox/Outbox.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import * as TestKefu from "../../src/testing/TestKefu.ts"
import { pass } from "../support/Gateway.ts"
import { during, newVisitor, startRunner, textsIn, world } from "../support/Cluster.ts"

describe("KefuCluster", () => {
  it.effect("sends each message once for each id, and tells what an account received", () =>
    Effect.gen(function* () {
      const cluster = yield* startRunner()
      const { token } = yield* newVisitor
      assert.deepInclude(yield* during(cluster.state(token)), { connection: "Idle", isKept: false })
      yield* during(cluster.connect(token))
      yield* pass("2 seconds")
      assert.deepInclude(yield* during(cluster.state(token)), { connection: "Connected", isKept: true })

      const say = (content: string, id: string) => cluster.send(token, { messageType: "Text", content }, { id })
      const one = yield* during(say("one", "1"))
      const again = yield* during(say("one", "1"))
      const two = yield* during(say("two", "2"))
      assert.strictEqual(one, again)
      assert.isAbove(two, one)
      assert.deepStrictEqual(
        (yield* textsIn).filter((text) => text === "one" || text === "two"),
        ["one", "two"]
      )

      const received = yield* during(cluster.events(token).pipe(Stream.take(3), Stream.runCollect))
      const ids = received.map(({ message }) => message.id)
      assert.deepStrictEqual(
        ids,
        Array.from(new Set(ids)).toSorted((left, right) => left - right)
      )
      assert.notInclude(ids, one)

      yield* during(cluster.disconnect(token))
      yield* pass("1 hour")
      assert.lengthOf(yield* Sandbox.use(({ connections }) => connections), 0)
      assert.isAbove(yield* during(say("three", "3")), two)
    }).pipe(Effect.scoped, Effect.provide(world))
  )

  it.effect("continues on the next runner where the last one ended", () =>
    Effect.gen(function* () {
      const { connections, conversations, counters } = yield* Sandbox
      const staff = yield* Layer.build(TestKefu.layerSession({ token: "staff-emma-token" }))
      const write = (content: string) =>
        Effect.gen(function* () {
          const open = (yield* conversations).find(({ customer }) => customer?.id === userId)
          yield* during(
            Context.get(staff, Outbox).send({ messageType: "Text", content, conversationId: open?.id, toId: userId })
          )
        })
      yield* during(Context.get(staff, Realtime).open)
      const { token, userId } = yield* newVisitor
      const scope = yield* Scope.make()
      const first = yield* Scope.provide(startRunner(), scope)
      yield* during(first.connect(token))
      yield* pass("2 seconds")
      yield* during(first.send(token, { messageType: "Text", content: "human" }))
      yield* pass("2 seconds")
      yield* write("while connected")
      yield* pass("2 seconds")
      yield* during(Scope.close(scope, Exit.void))
      assert.lengthOf(yield* connections, 1, "only the staff's is left")
      yield* write("between the runners")

      const next = yield* startRunner()
      yield* pass("20 seconds")
      assert.lengthOf(yield* connections, 2)
      assert.strictEqual((yield* counters).superseded, 0)
      yield* write("after the move")
      yield* pass("2 seconds")
      const known = (yield* conversations)
        .filter(({ customer }) => customer?.id === userId)
        .flatMap(({ messages }) => messages)
        .filter(({ fromId }) => fromId !== userId)
        .map(({ id }) => id)
        .toSorted((left, right) => left - right)
      assert.isAbove(known.length, 3)
      const received = yield* during(next.events(token).pipe(Stream.take(known.length), Stream.runCollect))
      assert.deepStrictEqual(
        received.map(({ message }) => message.id),
        known
      )
      const last = received.at(-2)?.position
      const resumed = yield* during(next.events(token, { after: last }).pipe(Stream.take(1), Stream.runCollect))
      assert.deepStrictEqual(resumed, received.slice(-1))
    }).pipe(Effect.scoped, Effect.provide(world))
  )
})

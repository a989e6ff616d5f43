/** What an app's `onEvent` is given: every event, in order, also across failures and restarts. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { KefuCluster, type Options } from "../../src/cluster/KefuCluster.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import { during, newVisitor, startRunner, textsIn, world } from "../support/Cluster.ts"
import { pass } from "../support/Gateway.ts"

type Handle = NonNullable<Options["onEvent"]>

/** What others have said to a visitor, by the backend's history. */
const saidTo = Effect.fnUntraced(function* (userId: number) {
  const all = yield* Sandbox.use(({ conversations }) => conversations)
  return all
    .filter(({ customer }) => customer?.id === userId)
    .flatMap(({ messages }) => messages)
    .filter(({ fromId }) => fromId !== userId)
    .map(({ id }) => id)
    .toSorted((left, right) => left - right)
})

describe("onEvent", () => {
  it.effect("runs until it succeeds, for each event in order, while other accounts go on", () =>
    Effect.gen(function* () {
      const blocked = yield* newVisitor
      const other = yield* newVisitor
      const attempts: Array<number> = []
      const handled: Record<string, Array<number>> = { [blocked.token]: [], [other.token]: [] }
      let isBroken = true
      const onEvent: Handle = ({ message }, account) =>
        Effect.suspend(() => {
          if (account === blocked.token) attempts.push(message.id)
          if (account === blocked.token && isBroken) return Effect.fail("the receiver is down")
          handled[account]?.push(message.id)
          return Effect.void
        })
      const cluster = yield* startRunner({ onEvent })
      for (const { token } of [blocked, other]) {
        yield* during(cluster.connect(token))
        yield* pass("2 seconds")
        for (const text of ["one", "two"]) {
          yield* during(cluster.send(token, { messageType: "Text", content: text }))
          yield* pass("2 seconds")
        }
      }
      yield* pass("10 minutes")
      const expected = yield* saidTo(other.userId)
      assert.isAbove(expected.length, 1)
      assert.deepStrictEqual(handled[other.token], expected)
      assert.deepStrictEqual(handled[blocked.token], [])
      assert.isAtLeast(attempts.length, 10, "a pause is at most a minute")
      assert.strictEqual(new Set(attempts).size, 1, "the second event waits for the first")

      isBroken = false
      yield* pass("2 minutes")
      assert.deepStrictEqual(handled[blocked.token], yield* saidTo(blocked.userId))
    }).pipe(Effect.scoped, Effect.provide(world))
  )

  it.effect("begins after what has been handled when a runner restarts, and with what has not", () =>
    Effect.gen(function* () {
      const { token, userId } = yield* newVisitor
      const seen: Array<number> = []
      const record: Handle = ({ message }) => Effect.sync(() => seen.push(message.id))
      const scope = yield* Scope.make()
      const first = yield* Scope.provide(startRunner(), scope)
      yield* during(first.connect(token))
      yield* pass("2 seconds")
      yield* during(first.send(token, { messageType: "Text", content: "one" }))
      yield* pass("2 seconds")
      yield* during(Scope.close(scope, Exit.void))

      const second = yield* Scope.make()
      yield* Scope.provide(startRunner({ onEvent: record }), second)
      yield* pass("20 seconds")
      assert.deepStrictEqual(seen, yield* saidTo(userId))
      yield* during(Scope.close(second, Exit.void))

      const before = seen.length
      const third = yield* startRunner({ onEvent: record })
      yield* pass("20 seconds")
      assert.lengthOf(seen, before)
      yield* during(third.send(token, { messageType: "Text", content: "two" }))
      yield* pass("5 seconds")
      assert.isAbove(seen.length, before)
      assert.deepStrictEqual(seen, yield* saidTo(userId))
    }).pipe(Effect.scoped, Effect.provide(world))
  )

  it.effect("gives a later runner nothing that was over before the account was first connected", () =>
    Effect.gen(function* () {
      const { conversations } = yield* Sandbox
      const token = "staff-li-token"
      assert.isNotEmpty((yield* conversations).filter(({ state }) => state === "FINISHED"))
      const scope = yield* Scope.make()
      const first = yield* Scope.provide(startRunner(), scope)
      yield* during(first.connect(token))
      yield* pass("5 seconds")
      yield* during(Scope.close(scope, Exit.void))

      const seen: Array<number> = []
      yield* startRunner({ onEvent: ({ message }) => Effect.sync(() => seen.push(message.id)) })
      yield* pass("20 seconds")
      assert.lengthOf(yield* Sandbox.use(({ connections }) => connections), 1)
      assert.deepStrictEqual(seen, [])
    }).pipe(Effect.scoped, Effect.provide(world))
  )

  it.effect("sends a reply once, though the event comes again", () =>
    Effect.gen(function* () {
      const { token } = yield* newVisitor
      let runs = 0
      const onEvent: Handle = Effect.fnUntraced(function* ({ position }, account) {
        const draft = { messageType: "Text", content: `reply to ${position}` } as const
        yield* KefuCluster.use((cluster) => cluster.send(account, draft, { id: `reply-${position}` }))
        // The first event's handling fails after its reply.
        if (runs++ === 0) return yield* Effect.fail("it dies here")
        return yield* Effect.never
      })
      const cluster = yield* startRunner({ onEvent })
      yield* during(cluster.connect(token))
      yield* pass("2 seconds")
      yield* during(cluster.send(token, { messageType: "Text", content: "hello" }))
      yield* pass("30 seconds")
      assert.isAbove(runs, 1)
      const replies = (yield* textsIn).filter((text) => text.startsWith("reply"))
      assert.lengthOf(replies, 1)
    }).pipe(Effect.scoped, Effect.provide(world))
  )
})

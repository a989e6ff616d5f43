/** What moves with an account when its runner ends at the worst instant, or goes on although another one owns the account. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as SqlClient from "effect/sql/SqlClient"
import type { KefuCluster } from "../../src/cluster/KefuCluster.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import { pass } from "../support/Gateway.ts"
import {
  during,
  newVisitor,
  startDoomedRunner,
  startMortalRunner,
  startRunner,
  textsIn,
  world,
  writtenTo
} from "../support/Cluster.ts"

type Cluster = KefuCluster["Service"]

const say = (cluster: Cluster, token: string, content: string) =>
  cluster.send(token, { messageType: "Text", content }, { id: content })

const receivedBy = (cluster: Cluster, token: string, count: number) =>
  Effect.map(during(cluster.events(token).pipe(Stream.take(count), Stream.runCollect)), (found) =>
    found.map(({ message }) => message.id)
  )

const connectionOf = (cluster: Cluster, token: string) =>
  Effect.map(during(cluster.state(token)), ({ connection }) => connection)

describe("an account whose runner ends", () => {
  it.effect("before it has stored the first messages has them from the next runner", () =>
    Effect.gen(function* () {
      const { token, userId } = yield* newVisitor
      const doomed = yield* startDoomedRunner(/INSERT INTO kefu_events/)
      yield* during(doomed.cluster.connect(token))
      yield* pass("2 seconds")
      assert.isTrue(doomed.isReached())
      const greeting = yield* writtenTo(userId)
      assert.isNotEmpty(greeting)
      yield* doomed.end

      const next = yield* startRunner()
      yield* pass("20 seconds")
      assert.deepStrictEqual(yield* receivedBy(next, token, greeting.length), greeting)
    }).pipe(Effect.scoped, Effect.provide(world))
  )

  it.effect("does not have from the next runner what had ended before it was first connected", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const { token, userId } = yield* newVisitor
      yield* Effect.gen(function* () {
        const visitor = yield* sandbox.connect({ token })
        yield* visitor.pull
        const [conversation] = (yield* sandbox.conversations).filter(({ customer }) => customer?.id === userId)
        yield* visitor.write(
          JSON.stringify({ sequence_id: 1, event_type: 202, payload: { conversation_id: conversation?.id } })
        )
        yield* pass("1 second")
      }).pipe(Effect.scoped)
      assert.isTrue(
        (yield* sandbox.conversations).some((one) => one.customer?.id === userId && one.state === "FINISHED")
      )
      const before = yield* writtenTo(userId)
      const first = yield* startMortalRunner
      yield* during(first.cluster.connect(token))
      yield* pass("5 seconds")
      yield* first.end
      const next = yield* startRunner()
      yield* pass("20 seconds")
      const since = (yield* writtenTo(userId)).filter((id) => !before.includes(id))
      assert.isNotEmpty(before)
      assert.isNotEmpty(since)
      assert.deepStrictEqual(yield* receivedBy(next, token, since.length), since)
    }).pipe(Effect.scoped, Effect.provide(world))
  )

  for (const [when, at] of [
    ["before it has stored a send that it has begun", /INSERT INTO kefu_outbox/],
    ["between the acknowledgement of a send and the note of its outcome", /INTO kefu_sends.*outcome|UPDATE kefu_sends/s]
  ] as const) {
    it.effect(`${when} has it sent once, and told as sent`, () =>
      Effect.gen(function* () {
        const { token } = yield* newVisitor
        let isDoomed = false
        const doomed = yield* startDoomedRunner(at, () => isDoomed)
        yield* during(doomed.cluster.connect(token))
        yield* during(say(doomed.cluster, token, "before"))
        isDoomed = true
        const lost = yield* Effect.forkChild(say(doomed.cluster, token, "one"))
        yield* pass("2 seconds")
        assert.isTrue(doomed.isReached())
        assert.isUndefined(lost.pollUnsafe())
        yield* doomed.end

        const next = yield* startRunner()
        const id = yield* during(say(next, token, "one"))
        assert.strictEqual(yield* during(say(next, token, "one")), id)
        yield* during(say(next, token, "two"))
        const own = (yield* textsIn).filter((text) => ["before", "one", "two"].includes(text))
        assert.deepStrictEqual(own, ["before", "one", "two"])
      }).pipe(Effect.scoped, Effect.provide(world))
    )
  }

  it.effect("takes no send that has waited longer than its lifetime for a runner", () =>
    Effect.gen(function* () {
      const { token } = yield* newVisitor
      const doomed = yield* startDoomedRunner(/SELECT outcome FROM kefu_sends/)
      yield* during(doomed.cluster.connect(token))
      yield* Effect.forkChild(say(doomed.cluster, token, "too late"))
      yield* pass("2 seconds")
      assert.isTrue(doomed.isReached())
      yield* doomed.end
      yield* pass("6 minutes")

      const next = yield* startRunner()
      const error = yield* during(Effect.flip(say(next, token, "too late")))
      assert.strictEqual(error.reason._tag, "OutboxExpired")
      yield* during(say(next, token, "in time"))
      const own = (yield* textsIn).filter((text) => text === "too late" || text === "in time")
      assert.deepStrictEqual(own, ["in time"])
    }).pipe(Effect.scoped, Effect.provide(world))
  )
})

describe("a login elsewhere", () => {
  it.effect("soon after a move is a stranger's, and stays so wherever the account goes until it is taken back", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const { token } = yield* newVisitor
      const first = yield* startMortalRunner
      yield* during(first.cluster.connect(token))
      yield* pass("2 seconds")
      yield* first.end
      const second = yield* startMortalRunner
      yield* pass("2 seconds")
      assert.strictEqual(yield* connectionOf(second.cluster, token), "Connected")
      yield* sandbox.connect({ token })
      yield* pass("10 seconds")
      assert.strictEqual(yield* connectionOf(second.cluster, token), "Superseded")
      yield* second.end

      const third = yield* startRunner()
      yield* pass("10 minutes")
      assert.strictEqual(yield* connectionOf(third, token), "Superseded")
      assert.strictEqual((yield* sandbox.counters).superseded, 1, "nobody has ended the stranger's login")
      const refused = yield* during(Effect.flip(say(third, token, "refused")))
      assert.strictEqual(refused.reason._tag, "Superseded")
      yield* during(third.takeOver(token))
      assert.strictEqual(yield* connectionOf(third, token), "Connected")
      yield* during(say(third, token, "taken"))
    }).pipe(Effect.scoped, Effect.provide(world))
  )

  it.effect("is not a stranger's if the earlier owner was dialling when the account moved", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const { token } = yield* newVisitor
      const doomed = yield* startDoomedRunner(/is_dialling = 0/)
      yield* Effect.forkChild(doomed.cluster.connect(token))
      yield* pass("2 seconds")
      assert.isTrue(doomed.isReached())
      yield* doomed.end
      const next = yield* startRunner()
      yield* pass("2 seconds")
      // The dial of the earlier owner arrives late.
      yield* sandbox.connect({ token })
      yield* pass("10 seconds")
      assert.strictEqual(yield* connectionOf(next, token), "Connected")
    }).pipe(Effect.scoped, Effect.provide(world))
  )
})

describe("a runner that does not know yet that another one owns its account", () => {
  it.effect("neither dials nor stores anything", () =>
    Effect.gen(function* () {
      const { connections, counters } = yield* Sandbox
      const { token, userId } = yield* newVisitor
      const zombie = yield* startRunner()
      yield* during(zombie.connect(token))
      yield* pass("2 seconds")
      // The new owner gets no further than to own the account.
      const owner = yield* startDoomedRunner(/is_dialling = 1/)
      yield* pass("2 seconds")
      assert.isTrue(owner.isReached())
      const [connection] = yield* connections
      yield* connection?.reset ?? Effect.die("it is not connected")
      yield* pass("10 minutes")
      assert.isEmpty(yield* connections)
      const unheard = yield* Effect.forkChild(say(zombie, token, "a zombie's"))
      yield* pass("1 minute")
      assert.isUndefined(unheard.pollUnsafe())
      yield* owner.end
      const next = yield* startRunner()
      yield* pass("20 seconds")
      assert.lengthOf(yield* connections, 1)
      assert.strictEqual((yield* counters).superseded, 0)
      const written = yield* writtenTo(userId)
      assert.deepStrictEqual(yield* receivedBy(next, token, written.length), written)
      yield* Fiber.interrupt(unheard)
    }).pipe(Effect.scoped, Effect.provide(world))
  )
})

describe("a runner that does not reach the database", () => {
  it.effect("closes its connections at once when it lets go of its accounts", () =>
    Effect.gen(function* () {
      const { connections } = yield* Sandbox
      const { token } = yield* newVisitor
      let isCut = false
      // As a driver's statement that cannot be ended as long as nothing comes back.
      const stalled = Effect.andThen(Effect.uninterruptible(Effect.sleep("1 minute")), Effect.never)
      const runner = yield* startDoomedRunner(/./, () => isCut, stalled)
      yield* during(runner.cluster.connect(token))
      yield* pass("2 seconds")
      assert.lengthOf(yield* connections, 1)
      isCut = true
      yield* Effect.forkChild(say(runner.cluster, token, "under way"))
      const [connection] = yield* connections
      yield* connection?.inject("not even JSON") ?? Effect.die("it is not connected")
      yield* pass("1 second")
      const ended = yield* Effect.forkChild(runner.letGo)
      yield* pass("2 seconds")
      assert.isEmpty(yield* connections)
      yield* pass("3 minutes")
      yield* Fiber.join(ended)
    }).pipe(Effect.scoped, Effect.provide(world))
  )
})

describe("a call", () => {
  it.effect("fails if no runner answers within 30 seconds", () =>
    Effect.gen(function* () {
      const { token } = yield* newVisitor
      const doomed = yield* startDoomedRunner(/INSERT INTO kefu_accounts/)
      const error = yield* during(Effect.flip(doomed.cluster.state(token)))
      assert.strictEqual(error.reason._tag, "NotConnected")
      yield* doomed.end
    }).pipe(Effect.scoped, Effect.provide(world))
  )
})

describe("the database", () => {
  it.effect("keeps what is younger than its retention, and nothing else grows", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { token, userId } = yield* newVisitor
      const cluster = yield* startRunner({ retention: "1 hour" })
      yield* during(cluster.connect(token))
      yield* pass("2 seconds")
      for (let number = 1; number <= 20; number++) yield* during(say(cluster, token, `old ${number}`))
      const old = yield* writtenTo(userId)
      assert.isAbove(old.length, 20)
      yield* pass("65 minutes")
      const older = yield* writtenTo(userId)
      yield* during(say(cluster, token, "young"))
      yield* pass("56 minutes")
      const rows = (table: string) =>
        Effect.map(sql`SELECT COUNT(*) AS count FROM ${sql(table)}`, ([row]) => Number(row?.["count"]))
      assert.strictEqual(yield* rows("kefu_sends"), 1)
      assert.isAtMost(yield* rows("cluster_replies"), 1)
      assert.isAtMost(yield* rows("cluster_messages"), 2, "the send, and the request that keeps the account connected")
      const kept = (yield* sql<{ message_id: number }>`SELECT message_id FROM kefu_events ORDER BY position`).map(
        ({ message_id }) => message_id
      )
      assert.isEmpty(kept.filter((id) => old.some((one) => one === id)))
      const young = (yield* writtenTo(userId)).filter((id) => !older.includes(id))
      assert.isNotEmpty(young)
      assert.deepStrictEqual(kept.slice(-young.length), young)
    }).pipe(Effect.scoped, Effect.provide(world))
  )
})

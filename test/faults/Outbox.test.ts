import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as TestClock from "effect/testing/TestClock"
import { ConversationApi } from "../../src/rest/ConversationApi.ts"
import type { ConversationId, UserId } from "../../src/domain/Id.ts"
import type * as Kefu from "../../src/Kefu.ts"
import { Outbox } from "../../src/outbox/Outbox.ts"
import type { OutboxEntry, OutboxKey } from "../../src/outbox/OutboxEntry.ts"
import { isSettled } from "../../src/outbox/OutboxState.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import * as FaultPlan from "../../src/sandbox/faults/FaultPlan.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import { SandboxFaults } from "../../src/sandbox/faults/SandboxFaults.ts"
import * as TestKefu from "../../src/testing/TestKefu.ts"

/** A store that stops writing once its process has died. */
const mortal = () => {
  const map = new Map<string, string>()
  let isDead = false
  const write = (method: string, change: () => void) =>
    Effect.suspend(() => {
      if (isDead) return Effect.fail(new KeyValueStore.KeyValueStoreError({ method, message: "dead" }))
      change()
      return Effect.void
    })
  const store = KeyValueStore.makeStringOnly({
    get: (key) => Effect.sync(() => map.get(key)),
    set: (key, value) => write("set", () => map.set(key, value)),
    remove: (key) => write("remove", () => map.delete(key)),
    clear: write("clear", () => map.clear()),
    size: Effect.sync(() => map.size),
    keys: Effect.sync(() => Array.from(map.keys()))
  })
  return {
    layer: Layer.succeed(KeyValueStore.KeyValueStore, store),
    setDead: (dead: boolean) => {
      isDead = dead
    }
  }
}

/** The consecutive sessions of one person, and the outcome of every send. */
const person = Effect.fnUntraced(function* (userId: UserId, token: string, name: string) {
  const store = mortal()
  const told = new Map<OutboxKey, OutboxEntry>()
  const given: Array<OutboxKey> = []
  let scope = yield* Scope.make()
  let context: Context.Context<Kefu.Kefu>

  const start = Effect.gen(function* () {
    scope = yield* Scope.make()
    const session = TestKefu.layerSession({ token, outbox: { storage: store.layer } })
    context = yield* Layer.build(session).pipe(Effect.provideService(Scope.Scope, scope), Effect.orDie)
    yield* Stream.runForEach(Context.get(context, Outbox).changes, (entry) =>
      Effect.sync(() => told.set(entry.key, entry))
    ).pipe(Effect.forkDetach({ startImmediately: true }))
  })
  yield* start

  return {
    userId,
    name,
    told,
    given,
    use: <A, E>(effect: Effect.Effect<A, E, Kefu.Kefu>) => Effect.suspend(() => Effect.provideContext(effect, context)),
    restart: Effect.gen(function* () {
      store.setDead(yield* Random.nextBoolean)
      yield* Scope.close(scope, Exit.void)
      store.setDead(false)
      yield* start
    }),
    stop: Effect.suspend(() => Scope.close(scope, Exit.void))
  }
})

type Person = Effect.Success<ReturnType<typeof person>>

const send = Effect.fnUntraced(function* (
  { given, name, use }: Person,
  number: number,
  conversationId: ConversationId,
  toId: UserId | undefined
) {
  const kind = yield* Random.nextIntBetween(0, 3)
  const content = kind === 0 ? `ok ${name}` : `${name} ${number}`
  const lane = kind === 1 && toId === undefined ? undefined : conversationId
  const outbox = Effect.flatMap(Outbox, (outbox) =>
    outbox.enqueue({ conversationId: lane, toId, messageType: "Text", content })
  )
  const entry = yield* Effect.option(use(outbox))
  if (Option.isSome(entry)) given.push(entry.value.key)
})

/** Reopens a session that ended for good. */
const revive = ({ use }: Person) =>
  use(
    Effect.gen(function* () {
      const realtime = yield* Realtime
      const { _tag } = yield* realtime.state
      if (_tag === "Superseded") yield* Effect.forkDetach(realtime.takeOver)
      if (_tag === "Closed") yield* Effect.forkDetach(realtime.open)
    })
  )

const check = Effect.fnUntraced(function* ({ given, told, use, userId }: Person) {
  const sandbox = yield* Sandbox
  const entries = yield* use(Outbox.use((outbox) => outbox.entries))
  assert.deepStrictEqual(
    entries.filter(({ state }) => !isSettled(state)),
    [],
    "a send has not settled"
  )
  const mine = (yield* sandbox.conversations)
    .flatMap(({ messages }) => messages)
    .filter(({ fromId, messageType }) => fromId === userId && messageType === "Text")
  const history = new Map(mine.map(({ content, id }) => [id, content]))
  const claimed = new Set<number>()
  const sent = Array.from(told.values()).flatMap(({ draft, key, state }) =>
    state._tag === "Sent" ? [{ draft, key, id: state.id }] : []
  )
  for (const { draft, id } of sent) {
    assert.strictEqual(history.get(id), draft.content, "what was sent is not in the history")
    assert.isFalse(claimed.has(id), "two sends are one message")
    claimed.add(id)
  }
  const contents = new Set([...history.values(), ...Array.from(told.values(), ({ draft }) => draft.content)])
  for (const content of contents) {
    const there = Array.from(history.values()).filter((other) => other === content).length
    const certain = sent.filter(({ draft }) => draft.content === content).length
    const maybe = Array.from(told.values()).filter(
      ({ draft, state }) => draft.content === content && state._tag === "DeliveryUnknown"
    ).length
    assert.isAtLeast(there, certain, `${String(content)} is missing`)
    assert.isAtMost(there, certain + maybe, `${String(content)} is there too often`)
  }
  for (const conversationId of new Set(sent.map(({ draft }) => draft.conversationId))) {
    const ids = sent
      .filter(({ draft }) => draft.conversationId === conversationId)
      .toSorted((left, right) => given.indexOf(left.key) - given.indexOf(right.key))
      .map(({ id }) => id)
    assert.deepStrictEqual(
      ids,
      ids.toSorted((left, right) => left - right),
      "the messages are out of order"
    )
  }
})

/** A visitor and a member of staff chat under random faults. */
const schedule = (seed: string) =>
  Effect.gen(function* () {
    const sandbox = yield* Sandbox
    const faults = yield* SandboxFaults
    const customer = yield* sandbox.createVisitor()
    const employee = yield* sandbox.createStaff()
    const visitor = yield* person(customer.userId, customer.token, "visitor")
    const staff = yield* person(employee.userId, employee.token, "staff")
    yield* staff.use(Realtime.use((realtime) => realtime.open))
    yield* visitor.use(Outbox.use((outbox) => outbox.send({ messageType: "Text", content: "人工" })))
    const [conversation] = yield* visitor.use(ConversationApi.use((api) => api.current))
    assert.isDefined(conversation)
    const people = [visitor, staff]

    const plan = yield* FaultPlan.generate({ within: "3 minutes", userIds: people.map(({ userId }) => userId) })
    yield* faults.inject(...plan)
    for (let number = 0; number < 60; number++) {
      const active = (yield* Random.nextBoolean) ? visitor : staff
      yield* send(active, number, conversation.id, active === staff ? visitor.userId : undefined)
      const event = yield* Random.nextIntBetween(0, 30)
      if (event === 0) yield* active.restart
      if (event < 5) yield* Effect.forEach(people, revive)
      yield* TestClock.adjust(yield* Random.nextIntBetween(0, 6000))
    }
    yield* faults.clear
    for (let minute = 0; minute < 8; minute++) {
      yield* Effect.forEach(people, revive)
      yield* TestClock.adjust("1 minute")
    }
    yield* Effect.forEach(people, check)
    yield* Effect.forEach(people, ({ stop }) => stop)
  }).pipe(
    Effect.provide(
      Layer.unwrap(
        Effect.map(Random.nextIntBetween(0, 3), (index) =>
          Sandbox.layer({ messagesPerConversation: [2, 5, 20, 100][index] ?? 50 }).pipe(
            Layer.provideMerge(Layer.fresh(SandboxFaults.layer))
          )
        )
      )
    ),
    Random.withSeed(seed),
    Effect.catchCause((cause) => Effect.die(new Error(`seed ${seed}: ${String(cause)}`)))
  )

describe("the outbox under random faults", () => {
  const first = Number(process.env["KEFU_SEED"] ?? 1)
  const count = Number(process.env["KEFU_SCHEDULES"] ?? 30)
  for (let number = first; number < first + count; number++) {
    it.effect(`sends every message once and in order, or reports DeliveryUnknown (seed ${number})`, () =>
      schedule(`${number}`)
    )
  }
})

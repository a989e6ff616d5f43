/**
 * Visitors and staff chat over real sockets under frequent small faults. In the end every message must have arrived once,
 * and no socket, timer or memory may be left. `npm run soak -- --minutes 10 --seed 1`.
 *
 * The sandbox runs in its own thread, so that its history does not count as memory of the clients.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberHandle from "effect/FiberHandle"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { parseArgs } from "node:util"
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"
import type { ConversationId, UserId } from "../../src/domain/Id.ts"
import * as Kefu from "../../src/Kefu.ts"
import { Outbox } from "../../src/outbox/Outbox.ts"
import type { OutboxKey } from "../../src/outbox/OutboxEntry.ts"
import { isSettled, type OutboxState } from "../../src/outbox/OutboxState.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import * as FaultPlan from "../../src/sandbox/faults/FaultPlan.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import { SandboxFaults } from "../../src/sandbox/faults/SandboxFaults.ts"
import * as SandboxNode from "../../src/sandbox/doors/SandboxNode.ts"
import { UserApi } from "../../src/rest/UserApi.ts"
import { heapUsed } from "./fuzz.ts"

// --- the sandbox's thread

interface Said {
  readonly id: number
  readonly conversationId: number
  readonly fromId: number | null
  readonly text: string
}

/** Faults begin with `trouble` and end with `calm`. */
type Order = "trouble" | "calm" | "report" | "stop"

type Reply =
  | { readonly _tag: "Ready"; readonly baseUrl: string; readonly staff: ReadonlyArray<string> }
  | { readonly _tag: "Troubled" }
  | { readonly _tag: "Calm"; readonly faults: number }
  | { readonly _tag: "Report"; readonly said: ReadonlyArray<Said>; readonly connections: number }

/** Makes the robot hand over to staff. */
const askForPerson = "转人工"

const staffCount = 3
const visitorCount = 8

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
const post = (to: Pick<Worker, "postMessage"> | null, message: Order | Reply) => to?.postMessage(message)

/** Injects one short fault, for one person or for all. */
const mishap = Effect.gen(function* () {
  const sandbox = yield* Sandbox
  const connections = yield* sandbox.connections
  const victim = connections[yield* Random.nextIntBetween(0, Math.max(1, connections.length))]?.userId
  const whom = victim === undefined ? {} : { userId: victim }
  const until = yield* Random.nextIntBetween(200, 2000)
  const drawn = yield* Random.choice([
    { _tag: "Reset", ...whom },
    { _tag: "Reset", ...whom },
    { _tag: "Close", ...whom, code: yield* Random.choice([1000, 1001, 1006, 1011, 1012] as const) },
    { _tag: "Delay", ...whom, direction: "both", millis: yield* Random.nextIntBetween(20, 400), until },
    { _tag: "DropAfter", ...whom, direction: "both", bytes: 1500, until },
    { _tag: "Duplicate", ...whom, every: 2, lag: 1, until },
    { _tag: "DelayDials", millis: 300, until },
    { _tag: "RefuseDials", status: 503, retryAfter: 1, until },
    { _tag: "FailRequests", status: 503, retryAfter: 1, until },
    { _tag: "FailRequests", status: 429, retryAfter: 1, ...whom, until },
    { _tag: "DropRequests", when: "after", ...whom, until },
    { _tag: "DelayRequests", millis: 300, until }
  ] satisfies FaultPlan.FaultPlan)
  const faults = yield* SandboxFaults
  yield* faults.inject(drawn)
  // Drops faults that have ended.
  yield* faults.faults
})

const serve = Effect.gen(function* () {
  const sandbox = yield* Sandbox
  const faults = yield* SandboxFaults
  const orders = yield* Queue.unbounded<Order>()
  const reply = (message: Reply) => Effect.sync(() => post(parentPort, message))
  parentPort?.on("message", (order: Order) => Queue.offerUnsafe(orders, order))
  const staff = yield* Effect.forEach(Array.from({ length: staffCount }), () => sandbox.createStaff({ capacity: 100 }))
  let count = 0
  const trouble = yield* FiberHandle.make<never>()
  yield* reply({ _tag: "Ready", baseUrl: yield* SandboxNode.baseUrl, staff: staff.map(({ token }) => token) })
  while (true) {
    switch (yield* Queue.take(orders)) {
      case "trouble":
        yield* FiberHandle.run(
          trouble,
          Effect.forever(
            Effect.gen(function* () {
              yield* Effect.sleep(yield* Random.nextIntBetween(300, 2000))
              yield* mishap
              count++
            })
          )
        )
        yield* reply({ _tag: "Troubled" })
        break
      case "calm":
        yield* FiberHandle.clear(trouble)
        yield* faults.clear
        yield* reply({ _tag: "Calm", faults: count })
        break
      case "report":
        yield* reply({
          _tag: "Report",
          connections: (yield* sandbox.connections).length,
          said: (yield* sandbox.conversations).flatMap(({ id, messages }) =>
            messages.flatMap((message) =>
              message.messageType === "Text"
                ? [{ id: message.id, conversationId: id, fromId: message.fromId ?? null, text: message.content }]
                : []
            )
          )
        })
        break
      case "stop":
        parentPort?.close()
        return
    }
  }
}).pipe(
  Effect.scoped,
  Effect.provide(
    SandboxNode.layer({ idleTimeout: "1 day", staffTimeout: "1 day" }).pipe(Layer.provideMerge(FaultPlan.layer()))
  ),
  Random.withSeed(String(workerData))
)

const backend = Effect.fnUntraced(function* (seed: string) {
  const replies = yield* Queue.unbounded<Reply>()
  const worker = yield* Effect.acquireRelease(
    Effect.sync(() => new Worker(new URL(import.meta.url), { workerData: seed })),
    (worker) =>
      Effect.callback<void>((resume) => {
        worker.once("exit", () => resume(Effect.void))
        post(worker, "stop")
      })
  )
  worker.on("message", (message: Reply) => Queue.offerUnsafe(replies, message))
  worker.on("error", (error) => {
    throw error
  })
  const wait = <Tag extends Reply["_tag"]>(tag: Tag) =>
    Effect.map(Queue.take(replies), (reply) => {
      if (reply._tag !== tag) throw new Error(`${reply._tag} came instead of ${tag}`)
      return reply as Extract<Reply, { readonly _tag: Tag }>
    })
  const ask = <Tag extends Reply["_tag"]>(order: Order, tag: Tag) =>
    Effect.andThen(
      Effect.sync(() => post(worker, order)),
      wait(tag)
    )
  return {
    ready: yield* wait("Ready"),
    trouble: ask("trouble", "Troubled"),
    calm: ask("calm", "Calm"),
    report: ask("report", "Report")
  }
})

// --- people

/** One client, with compact records of what it received and sent. */
const person = Effect.fnUntraced(function* (name: string, options: Kefu.Options) {
  const context = yield* Layer.build(Layer.fresh(Kefu.layer(options)))
  const realtime = Context.get(context, Realtime)
  const outbox = Context.get(context, Outbox)
  const changed = Latch.makeUnsafe(false)
  const received = new Map<number, number>()
  const outOfOrder: Array<number> = []
  const gaps = new Set<number | undefined>()
  const latest = new Map<number, number>()
  const sent: Array<readonly [text: string, id: number]> = []
  const ended: Record<Exclude<OutboxState["_tag"], "Sent">, Array<string>> = {
    Queued: [],
    Uploading: [],
    Sending: [],
    Failed: [],
    DeliveryUnknown: [],
    Discarded: []
  }
  const open = new Set<OutboxKey>()
  const heard = yield* Queue.unbounded<Said & { readonly kind: string }>()
  let connections = 0

  yield* Stream.runForEach(yield* realtime.subscribe(), (event) =>
    Effect.sync(() => {
      if (event._tag === "Lagged") gaps.add(undefined)
      if (event._tag === "GapUnresolved") gaps.add(event.conversationId)
      if (event._tag !== "MessageReceived") return
      const { content, conversationId, fromId, id, messageType } = event.message
      if (messageType === "Text") {
        received.set(id, (received.get(id) ?? 0) + 1)
        if (id < (latest.get(conversationId) ?? 0) && !gaps.has(conversationId)) outOfOrder.push(id)
        latest.set(conversationId, id)
      }
      const text = typeof content === "string" ? content : ""
      Queue.offerUnsafe(heard, { id, conversationId, fromId: fromId ?? null, text, kind: String(messageType) })
      changed.openUnsafe()
    })
  ).pipe(Effect.forkScoped({ startImmediately: true }))

  yield* Stream.runForEach(outbox.changes, ({ draft, key, state }) =>
    Effect.sync(() => {
      if (!isSettled(state)) return void open.add(key)
      open.delete(key)
      const text = String(draft.content)
      if (state._tag === "Sent") sent.push([text, state.id])
      else ended[state._tag].push(text)
      changed.openUnsafe()
    })
  ).pipe(Effect.forkScoped({ startImmediately: true }))

  yield* Stream.runForEach(realtime.states, (state) =>
    Effect.sync(() => {
      if (state._tag === "Connected") connections++
    })
  ).pipe(Effect.forkScoped({ startImmediately: true }))

  yield* realtime.open
  // Retried without limit: passers-by arrive while faults go on.
  const me = yield* Effect.retry(Context.get(context, UserApi).me, {
    schedule: Schedule.spaced("1 second"),
    while: (error) => error.isRetryable
  })

  /** Waits until a condition holds. */
  const until = (isSo: () => boolean): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (isSo()) return Effect.void
      changed.closeUnsafe()
      return Effect.andThen(changed.await, until(isSo))
    })

  return {
    name,
    id: me.id as number,
    outbox,
    heard,
    received,
    outOfOrder,
    gaps,
    sent,
    ended,
    connections: () => connections,
    settled: until(() => open.size === 0),
    until,
    say: (text: string, conversationId?: ConversationId, toId?: UserId) =>
      outbox.enqueue({ messageType: "Text", content: text, conversationId, toId })
  }
})

type Person = Effect.Success<ReturnType<typeof person>>

/** Answers every message. */
const attend = ({ heard, id, say }: Person) =>
  Effect.forever(
    Effect.gen(function* () {
      const { conversationId, fromId, kind, text } = yield* Queue.take(heard)
      if (kind !== "Text" || fromId === null || fromId === id || text === askForPerson) return
      yield* Effect.ignore(say(`re: ${text}`, conversationId as ConversationId, fromId as UserId))
    })
  )

/** Asks for a person, waits for the handover and returns the conversation. */
const askPerson = Effect.fnUntraced(function* ({ heard, say }: Person) {
  yield* say(askForPerson)
  while (true) {
    const message = yield* Queue.take(heard)
    if (message.kind === "ManualServiceStart") return message.conversationId as ConversationId
  }
})

/** Sends messages without waiting for answers. */
const talk = Effect.fnUntraced(function* ({ heard, name, say }: Person, conversationId: ConversationId) {
  for (let n = 1; ; n++) {
    yield* Effect.ignore(say(`${name} ${n}`, conversationId))
    yield* Effect.sleep(yield* Random.nextIntBetween(50, 400))
    yield* Queue.clear(heard)
  }
})

/** A short-lived visitor: three messages to the robot, then closes. */
const passBy = Effect.fnUntraced(function* (name: string, baseUrl: string) {
  const visitor = yield* person(name, { baseUrl })
  for (let n = 1; n <= 3; n++) yield* Effect.ignore(visitor.say(`${name} ${n}`))
  yield* visitor.settled
  return { name, id: visitor.id, sent: visitor.sent, ended: visitor.ended }
}, Effect.scoped)

// --- the course of it

/** Allowed heap growth after the first quarter, for example by compiled code. */
const allowance = 12 * 2 ** 20

const handles = Effect.sync(() => {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
})

const sockets = (counts: Readonly<Record<string, number>>) =>
  Object.entries(counts)
    .filter(([kind]) => /tcp|socket|tls/i.test(kind))
    .reduce((sum, [, count]) => sum + count, 0)

const count = (violations: Array<string>, what: string, isSo: boolean) => {
  if (!isSo) violations.push(what)
}

const run = Effect.fnUntraced(function* (minutes: number, seed: string) {
  const violations: Array<string> = []
  const before = yield* handles
  const scope = yield* Scope.make()
  const { calm, ready, report, trouble } = yield* Scope.provide(backend(seed), scope)
  const { baseUrl } = ready
  const people = yield* Scope.fork(scope)
  const join = (name: string, options: Kefu.Options = {}) =>
    Scope.provide(person(name, { baseUrl, ...options }), people)

  const staff = yield* Effect.forEach(ready.staff, (token, n) => join(`staff${n}`, { token }), {
    concurrency: "unbounded"
  })
  const visitors = yield* Effect.forEach(Array.from({ length: visitorCount }), (_, n) => join(`visitor${n}`), {
    concurrency: "unbounded"
  })
  const conversations = yield* Effect.forEach(visitors, askPerson, { concurrency: "unbounded" })
  // Everyone is connected and served: faults may begin.
  yield* trouble
  const passing: Array<Effect.Success<ReturnType<typeof passBy>>> = []
  const traffic = yield* Effect.all(
    [
      ...visitors.map((visitor, n) => talk(visitor, conversations[n]!)),
      ...[0, 1].map((lane) =>
        Effect.gen(function* () {
          for (let n = 1; ; n++) passing.push(yield* passBy(`passer${lane}-${n}`, baseUrl))
        })
      )
    ],
    { concurrency: "unbounded", discard: true }
  ).pipe(Effect.forkChild)
  const service = yield* Effect.forEach(staff, attend, { concurrency: "unbounded", discard: true }).pipe(
    Effect.forkChild
  )

  const quarter = (minutes * 60_000) / 4
  const sample = Effect.gen(function* () {
    yield* Effect.raceFirst(Effect.sleep(quarter), Fiber.join(traffic))
    const sent = [...visitors, ...staff].reduce((sum, one) => sum + one.sent.length, 0)
    return { sent, passing: passing.length, heap: yield* heapUsed, handles: yield* handles }
  })
  const samples = [yield* sample, yield* sample, yield* sample, yield* sample] as const
  const [early, , , late] = samples

  // Traffic stops, and pending messages arrive.
  yield* Fiber.interrupt(traffic)
  const { faults } = yield* calm
  const everyone = [...visitors, ...staff]
  yield* Effect.forEach(visitors, ({ settled }) => settled)
  const { said: asked } = yield* report
  const audience = (said: ReadonlyArray<Said>) => {
    const counterparts = new Map<number, Person>()
    for (const one of visitors) {
      const conversations = new Set(
        said.flatMap(({ conversationId, fromId }) => (fromId === one.id ? [conversationId] : []))
      )
      for (const id of conversations) counterparts.set(id, one)
    }
    const servedBy = new Map<number, Person>()
    for (const { conversationId, fromId } of said) {
      const server = staff.find(({ id }) => id === fromId)
      if (server !== undefined) servedBy.set(conversationId, server)
    }
    return said.flatMap((message) => {
      const visitor = counterparts.get(message.conversationId)
      const server = servedBy.get(message.conversationId)
      const isOfRobot = message.text === askForPerson
      if (visitor === undefined || server === undefined || isOfRobot) return []
      if (message.fromId === visitor.id) return [{ message, to: server }]
      return message.fromId === server.id ? [{ message, to: visitor }] : []
    })
  }
  const arrives = (said: ReadonlyArray<Said>) =>
    Effect.forEach(
      audience(said),
      ({ message, to }) =>
        to.until(
          () => to.received.has(message.id) || to.gaps.has(message.conversationId as never) || to.gaps.has(undefined)
        ),
      { discard: true }
    ).pipe(Effect.timeoutOption("60 seconds"))
  count(violations, "not all questions arrived within a minute", Option.isSome(yield* arrives(asked)))
  yield* Effect.forEach(staff, ({ settled }) => settled)
  yield* Fiber.interrupt(service)
  const { connections, said } = yield* report
  count(violations, "not all answers arrived within a minute", Option.isSome(yield* arrives(said)))

  // The counts.
  const ids = new Map(said.map((message) => [message.id, message]))
  const texts = new Map<string, number>()
  for (const { fromId, text } of said) texts.set(`${fromId} ${text}`, (texts.get(`${fromId} ${text}`) ?? 0) + 1)
  let sent = 0
  let unknown = 0
  let failed = 0
  // The messages of staff are ordered within each conversation only.
  const attendants = new Set(staff.map(({ id }) => id))
  for (const one of [...everyone, ...passing]) {
    let last = 0
    for (const [text, id] of one.sent) {
      sent++
      const message = ids.get(id)
      count(
        violations,
        `${one.name}: "${text}" is not in the history`,
        message?.text === text && message.fromId === one.id
      )
      count(
        violations,
        `${one.name}: "${text}" is there ${texts.get(`${one.id} ${text}`)} times`,
        texts.get(`${one.id} ${text}`) === 1
      )
      if (!attendants.has(one.id)) {
        count(violations, `${one.name}: "${text}" is out of order`, id > last)
        last = id
      }
    }
    for (const text of one.ended.Failed) {
      failed++
      count(violations, `${one.name}: "${text}" failed, but is there`, !texts.has(`${one.id} ${text}`))
    }
    for (const text of one.ended.DeliveryUnknown) {
      unknown++
      count(violations, `${one.name}: "${text}" is there twice`, (texts.get(`${one.id} ${text}`) ?? 0) <= 1)
    }
  }
  let delivered = 0
  let named = 0
  for (const { message, to } of audience(said)) {
    const times = to.received.get(message.id) ?? 0
    if (times === 1) delivered++
    else if (times === 0 && (to.gaps.has(message.conversationId) || to.gaps.has(undefined))) named++
    else violations.push(`${to.name} received "${message.text}" ${times} times`)
  }
  for (const one of everyone) {
    count(violations, `${one.name} received ${one.outOfOrder.length} out of order`, one.outOfOrder.length === 0)
  }
  const gaps = everyone.reduce((sum, one) => sum + one.gaps.size, 0)
  const dials = everyone.reduce((sum, one) => sum + one.connections(), 0)

  // The end.
  yield* Scope.close(people, Exit.void)
  yield* Scope.close(scope, Exit.void)
  const after = yield* Effect.gen(function* () {
    for (let tries = 0; ; tries++) {
      const counts = yield* handles
      if (sockets(counts) <= sockets(before) || tries === 100) return counts
      yield* Effect.sleep("100 millis")
    }
  })
  // Records of this program itself: map and list entries per message and per passer-by.
  const noted = 500 * (late.sent - early.sent) + 2000 * (late.passing - early.passing)
  const growth = late.heap - early.heap - noted
  count(violations, `the heap grew by ${(growth / 2 ** 20).toFixed(1)} MB`, growth < allowance)
  const most = sockets(early.handles) + 2 * (visitorCount + staffCount)
  count(violations, `from ${sockets(early.handles)} to ${sockets(late.handles)} sockets`, sockets(late.handles) <= most)
  count(violations, `${sockets(after)} sockets are left: ${JSON.stringify(after)}`, sockets(after) <= sockets(before))
  count(
    violations,
    `timers are left: ${JSON.stringify(after)}`,
    (after["Timeout"] ?? 0) <= (before["Timeout"] ?? 0) + 1
  )
  count(violations, "hardly anything was sent", sent > 100 * minutes)
  count(violations, "nothing went wrong", faults > 0 && dials > everyone.length)

  const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MB`
  console.log(
    `soak: ${minutes} min, seed ${seed}: ${faults} faults, ${dials} connections of ${everyone.length} people, ` +
      `${passing.length} passers-by; ${sent} sent and in the history once, ${failed} failed, ${unknown} unknown; ` +
      `${delivered} delivered once, ${named} in named gaps (${gaps}); heap at each quarter ${samples.map(({ heap }) => megabytes(heap)).join(", ")}; ` +
      `sockets ${samples.map(({ handles }) => sockets(handles)).join(", ")}, in the end ${sockets(after)}; ` +
      `${connections} connections at the sandbox; ${violations.length} violations`
  )
  return violations
})

const main = Effect.gen(function* () {
  const { values } = parseArgs({ options: { minutes: { type: "string" }, seed: { type: "string" } } })
  const seed = values.seed ?? String(Math.floor(Math.random() * 2 ** 32))
  const violations = yield* run(Number(values.minutes ?? 1), seed).pipe(Random.withSeed(seed))
  for (const violation of violations.slice(0, 20)) console.error(violation)
  process.exitCode = violations.length === 0 ? 0 : 1
})

if (isMainThread) await Effect.runPromise(main)
else await Effect.runPromise(serve)

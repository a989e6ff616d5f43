/** The backend of the soak, in a thread of its own: it injects faults when it is told to, and reports its history. */
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"
import * as FaultPlan from "../../../src/sandbox/faults/FaultPlan.ts"
import { Sandbox } from "../../../src/sandbox/Sandbox.ts"
import { SandboxFaults } from "../../../src/sandbox/faults/SandboxFaults.ts"
import * as SandboxNode from "../../../src/sandbox/doors/SandboxNode.ts"

export interface Said {
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

export const staffCount = 3

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

/** Starts the thread. */
export const backend = Effect.fnUntraced(function* (seed: string) {
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

if (!isMainThread) await Effect.runPromise(serve)

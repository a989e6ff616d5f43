/**
 * Hostile frames against the client, the façade and the sandbox, with good ones in between that must all arrive, in order
 * and once. `npm run fuzz -- --frames 1000000 --seed 1`.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import { parseArgs } from "node:util"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { KefuConfig } from "../../src/KefuConfig.ts"
import { Realtime } from "../../src/Realtime.ts"
import type { RealtimeEvent } from "../../src/RealtimeEvent.ts"
import { TestGateway } from "../../src/testing/TestGateway.ts"
import * as Hostile from "../support/Hostile.ts"

export interface Options {
  readonly frames: number
  readonly seed: number | string
}

export interface Report {
  readonly frames: number
  readonly good: number
  readonly kinds: Readonly<Record<Hostile.Kind, number>>
  /** What the subscribers were told, by kind of event. */
  readonly events: Readonly<Record<string, number>>
  /** Bytes in use after a tenth of the frames, and in the end. */
  readonly heapEarly: number
  readonly heapLate: number
}

/** How many frames are on their way at once. The last one is good. */
const batch = 64

/** How long a good frame may take, on a machine that does other things. */
const patience = "60 seconds"

const collectGarbage: () => void = (() => {
  setFlagsFromString("--expose-gc")
  return runInNewContext("gc") as () => void
})()

export const heapUsed = Effect.sync(() => {
  collectGarbage()
  collectGarbage()
  return process.memoryUsage().heapUsed
})

/** Dies of what is logged as an error: that is how a supervisor tells of a defect. */
const failOnErrors = (defects: Array<string>) =>
  Logger.layer([
    Logger.make(({ cause, logLevel, message }) => {
      if (logLevel === "Error" || logLevel === "Fatal") defects.push(`${String(message)} ${Cause.pretty(cause)}`)
    })
  ])

const check = (isSo: boolean, what: string) => (isSo ? Effect.void : Effect.die(new Error(what)))

const message = (id: number, conversationId: number, content: unknown, type = 1) => ({
  id,
  from_id: 2,
  conversation_id: conversationId,
  created_at: 1,
  message_type: type,
  content
})

const frame = (event_type: number, payload: unknown) => JSON.stringify({ event_type, payload })

/** Far from anything that comes of changing a hostile frame by a little. */
const goodConversation = 8_675_309_001

const serverFrames = [
  ...[1, 2, 3, 4, 5, 10, 11, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 555].map((type, n) =>
    frame(101, message(1000 + n, 70 + n, type === 1 ? "hello" : { url: "/x", items: [{ id: 1 }], reason: 1 }, type))
  ),
  frame(102, [message(2000, 91, "one"), message(2001, 91, "two"), message(2002, 92, { message_id: 2001 }, 103)]),
  frame(103, { sequence_id: 1, message_id: 5 }),
  frame(104, { message_id: 1000, conversation_id: 70 }),
  frame(105, { content: "dra", conversation_id: 70, from_id: 2 }),
  frame(999, { a_b: [{ c_d: 1 }] })
]

/** Against `Realtime` over a scripted transport. */
export const client = Effect.fnUntraced(
  function* ({ frames, seed }: Options) {
    const defects: Array<string> = []
    const prototypes = Hostile.pollution()
    const report = yield* Effect.gen(function* () {
      const hostile = yield* Hostile.make({ frames: serverFrames })
      const gateway = yield* TestGateway
      const realtime = yield* Realtime
      const events: Record<string, number> = {}
      const arrived = yield* Queue.unbounded<number>()
      const onEvent = (event: RealtimeEvent) => {
        events[event._tag] = (events[event._tag] ?? 0) + 1
        if (event._tag !== "MessageReceived") return
        const { content, conversationId, id } = event.message
        if (!Number.isSafeInteger(id) || !Number.isSafeInteger(conversationId))
          defects.push(`an id that is none: ${id}`)
        if (conversationId === goodConversation) Queue.offerUnsafe(arrived, content === `good ${id}` ? id : Number.NaN)
      }
      yield* Stream.runForEach(yield* realtime.subscribe(), (event) => Effect.sync(() => onEvent(event))).pipe(
        Effect.forkScoped({ startImmediately: true })
      )
      yield* Effect.forkScoped(realtime.open)
      const connection = yield* gateway.accept
      yield* Effect.forkScoped(Effect.forever(Effect.flatMap(connection.next, (asked) => connection.ack(asked))))
      yield* realtime.open
      const isDown = realtime.states.pipe(
        Stream.filter((state) => state._tag !== "Connected"),
        Stream.runHead,
        Effect.flatMap((state) => Effect.die(new Error(`The connection is ${Option.getOrThrow(state)._tag}`)))
      )
      const batches = Math.ceil(frames / batch)
      let heapEarly = 0
      for (let good = 1; good <= batches; good++) {
        const texts = [
          ...Array.from({ length: batch - 1 }, hostile.next),
          frame(101, message(good, goodConversation, `good ${good}`))
        ]
        yield* Effect.forEach(texts, connection.pushText, { discard: true })
        const id = yield* Queue.take(arrived).pipe(
          Effect.raceFirst(isDown),
          Effect.timeoutOrElse({
            duration: patience,
            orElse: () =>
              Effect.die(new Error(`Good frame ${good} is lost after ${JSON.stringify(texts).slice(0, 20_000)}`))
          })
        )
        yield* check(id === good, `Good frame ${good} was expected, but ${id} came`)
        yield* check(defects.length === 0, defects.join("\n"))
        if (good % 16 === 0) yield* realtime.ping()
        if (good === Math.ceil(batches / 10)) heapEarly = yield* heapUsed
      }
      yield* check((yield* Queue.size(arrived)) === 0, "A good frame came twice")
      const heapLate = yield* heapUsed
      return { frames: batches * batch, good: batches, kinds: hostile.counts, events, heapEarly, heapLate }
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Realtime.layer.pipe(
          Layer.provideMerge(TestGateway.layer),
          Layer.provideMerge(KefuConfig.layer({ baseUrl: "http://gateway.test", ackTimeout: patience })),
          Layer.provideMerge(failOnErrors(defects))
        )
      ),
      Random.withSeed(seed)
    )
    yield* check(defects.length === 0, defects.join("\n"))
    yield* check(Hostile.pollution() === prototypes, "A prototype was changed")
    return report satisfies Report
  },
  (effect, { seed }) => Effect.tapCause(effect, () => Effect.sync(() => console.error(`The seed was ${String(seed)}`)))
)

const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MB`

/** One line that says it all. */
export const summary = (name: string, { events, frames, good, heapEarly, heapLate, kinds }: Report): string =>
  `fuzz: ${frames} frames to ${name}, ${good} good ones in between all arrived; heap ${megabytes(heapEarly)} after a ` +
  `tenth, ${megabytes(heapLate)} in the end; ${JSON.stringify(kinds)} became ${JSON.stringify(events)}`

/** How much more may be in use in the end. */
export const growth = 8 * 2 ** 20

const main = Effect.gen(function* () {
  const { values } = parseArgs({ options: { frames: { type: "string" }, seed: { type: "string" } } })
  const seed = values.seed ?? String(Math.floor(Math.random() * 2 ** 32))
  const frames = Number(values.frames ?? 1_000_000)
  console.log(`fuzz: seed ${seed}`)
  const report = yield* client({ frames, seed })
  console.log(summary("the client", report))
  yield* check(report.heapLate - report.heapEarly < growth, "The memory grew")
})

if (import.meta.main) await Effect.runPromise(main)

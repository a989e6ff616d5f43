/**
 * Sends hostile frames to the client, the façade and the sandbox. Valid frames in between must all arrive, once and in
 * order. `npm run fuzz -- --frames 1000000 --seed 1`.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as HttpServerError from "effect/http/HttpServerError"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { parseArgs } from "node:util"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { Client, KefuError } from "../../src/Client.ts"
import { KefuConfig } from "../../src/KefuConfig.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import type { RealtimeEvent } from "../../src/realtime/RealtimeEvent.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import { TestGateway } from "../../src/testing/TestGateway.ts"
import { type ServerFrame, ServerFrameJson } from "../../src/wire/Frame.ts"
import * as Backend from "../support/Backend.ts"
import * as Hostile from "../support/Hostile.ts"

export interface Options {
  readonly frames: number
  readonly seed: number | string
}

export interface Report {
  readonly frames: number
  readonly good: number
  readonly kinds: Readonly<Record<Hostile.Kind, number>>
  /** Events that the subscribers received, by kind. */
  readonly events: Readonly<Record<string, number>>
  /** Heap in bytes after a tenth of the frames and at the end. */
  readonly heapEarly: number
  readonly heapLate: number
}

/** Frames per batch. The last one is valid. */
const batch = 64

/** How long a valid frame may take on a busy machine. */
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

/** Dies when an error is logged: a supervisor reports defects that way. */
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

/** Cannot result from mutating a hostile frame. */
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

const clientFrame = (sequence_id: number, event_type: number, payload: unknown) =>
  JSON.stringify({ sequence_id, event_type, payload })

const clientFrames = [
  clientFrame(1, 101, { message_type: 1, content: "hello" }),
  clientFrame(2, 101, { message_type: 1, content: "多久发货？", to_id: 2 }),
  clientFrame(3, 101, { message_type: 2, content: { url: "/x", filename: "x.png", blob_id: "b1" } }),
  clientFrame(4, 101, { message_type: 10, content: "x" }),
  clientFrame(5, 101, { message_type: 11, content: { order_no: "1", price: 1 } }),
  clientFrame(6, 104, { message_id: 1 }),
  clientFrame(7, 105, { content: "dra", conversation_id: 1, to_id: 1 }),
  clientFrame(8, 201, "ping"),
  clientFrame(9, 202, { conversation_id: 1 }),
  clientFrame(10, 203, { message_id: 1 }),
  clientFrame(11, 204, { user_id: 1 }),
  clientFrame(12, 205, { menu_item_id: 1 })
]

const decodeServerFrame = Schema.decodeUnknownSync(ServerFrameJson)

/** How a run sends valid frames and learns that they arrived. */
interface Way {
  readonly hostile: Hostile.Hostile
  /** Sends hostile frames, then the valid one with this number. */
  readonly send: (hostile: ReadonlyArray<string>, good: number) => Effect.Effect<unknown>
  /** The numbers of the valid frames that arrived. */
  readonly arrived: Queue.Dequeue<number>
  /** Dies when the target has ended. */
  readonly isDown: Effect.Effect<never>
  readonly between?: (good: number) => Effect.Effect<unknown>
}

/** Each batch waits for its valid frame, so that frames do not pile up and a failure names its batch. */
const drive = Effect.fnUntraced(function* (frames: number, way: Way, defects: ReadonlyArray<string>) {
  const { arrived, between, hostile, isDown, send } = way
  const batches = Math.ceil(frames / batch)
  let heapEarly = 0
  for (let good = 1; good <= batches; good++) {
    const texts = Array.from({ length: batch - 1 }, hostile.next)
    yield* send(texts, good)
    const number = yield* Queue.take(arrived).pipe(
      Effect.raceFirst(isDown),
      Effect.timeoutOrElse({
        duration: patience,
        orElse: () =>
          Effect.die(new Error(`Good frame ${good} is lost after ${JSON.stringify(texts).slice(0, 20_000)}`))
      })
    )
    yield* check(number === good, `Good frame ${good} was expected, but ${number} came`)
    yield* check(defects.length === 0, defects.join("\n"))
    if (between !== undefined) yield* between(good)
    if (good === Math.ceil(batches / 10)) heapEarly = yield* heapUsed
  }
  yield* check((yield* Queue.size(arrived)) === 0, "A good frame came twice")
  const heapLate = yield* heapUsed
  return { frames: batches * batch, good: batches, kinds: hostile.counts, heapEarly, heapLate }
})

/** Runs with a seed that failures report, and checks for defects and polluted prototypes. */
const supervised = <A, E, R>({ seed }: Options, run: (defects: Array<string>) => Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const defects: Array<string> = []
    const prototypes = Hostile.pollution()
    const report = yield* run(defects).pipe(Effect.provide(failOnErrors(defects)))
    yield* check(defects.length === 0, defects.join("\n"))
    yield* check(Hostile.pollution() === prototypes, "A prototype was changed")
    return report
  }).pipe(
    Random.withSeed(seed),
    Effect.tapCause(() => Effect.sync(() => console.error(`The seed was ${String(seed)}`)))
  )

/** The number of a valid message, or NaN if its content was changed. */
const numberOf = ({ content, id }: { readonly content?: unknown; readonly id: number }) =>
  content === `good ${id}` ? id : Number.NaN

const goodFrame = (good: number) => frame(101, message(good, goodConversation, `good ${good}`))

/** Attacks `Realtime` over a scripted transport. */
export const client = (options: Options): Effect.Effect<Report, KefuError> =>
  supervised(options, (defects) =>
    Effect.gen(function* () {
      const hostile = yield* Hostile.make({ frames: serverFrames })
      const gateway = yield* TestGateway
      const realtime = yield* Realtime
      const events: Record<string, number> = {}
      const arrived = yield* Queue.unbounded<number>()
      const onEvent = (event: RealtimeEvent) => {
        events[event._tag] = (events[event._tag] ?? 0) + 1
        if (event._tag !== "MessageReceived") return
        const { conversationId, id } = event.message
        const isSane = Number.isSafeInteger(id) && Number.isSafeInteger(conversationId)
        if (!isSane) defects.push(`an id that is none: ${id} of ${conversationId}`)
        if (conversationId === goodConversation) Queue.offerUnsafe(arrived, numberOf(event.message))
      }
      yield* Stream.runForEach(yield* realtime.subscribe({ lasting: true }), (event) =>
        Effect.sync(() => onEvent(event))
      ).pipe(Effect.forkScoped({ startImmediately: true }))
      yield* Effect.forkScoped(realtime.open)
      const connection = yield* gateway.accept
      yield* Effect.forkScoped(Effect.forever(Effect.flatMap(connection.next, (asked) => connection.ack(asked))))
      yield* realtime.open
      const report = yield* drive(
        options.frames,
        {
          hostile,
          arrived,
          send: (texts, good) => Effect.forEach([...texts, goodFrame(good)], connection.pushText, { discard: true }),
          isDown: realtime.states.pipe(
            Stream.filter((state) => state._tag !== "Connected"),
            Stream.runHead,
            Effect.flatMap((state) => Effect.die(new Error(`The connection is ${Option.getOrThrow(state)._tag}`)))
          ),
          between: (good) => (good % 16 === 0 ? Effect.orDie(realtime.ping()) : Effect.void)
        },
        defects
      )
      return { ...report, events }
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Realtime.layer.pipe(
          Layer.provideMerge(TestGateway.layer),
          Layer.provideMerge(KefuConfig.layer({ baseUrl: "http://gateway.test", ackTimeout: patience }))
        )
      )
    )
  )

/** Attacks the façade and its inbox over a real socket. */
export const facade = (options: Options): Effect.Effect<Report, HttpServerError.ServeError> =>
  supervised(options, (defects) =>
    Effect.gen(function* () {
      const hostile = yield* Hostile.make({ frames: serverFrames, hugest: 100_000 })
      const backend = yield* Backend.make
      const links = yield* Queue.unbounded<Backend.Link>()
      backend.onLink = (link) => void Queue.offerUnsafe(links, link)
      const events: Record<string, number> = {}
      const arrived = yield* Queue.unbounded<number>()
      const down = yield* Deferred.make<never>()
      const count = (name: string) => {
        events[name] = (events[name] ?? 0) + 1
      }
      const facade = yield* Effect.acquireRelease(
        Effect.sync(
          () =>
            new Client(
              {
                onMessage: (received) => {
                  count("onMessage")
                  if (received.conversationId === goodConversation) Queue.offerUnsafe(arrived, numberOf(received))
                },
                onInputting: () => count("onInputting"),
                onError: ({ error, message }) => {
                  // A frame that cannot be read is told, and nothing else may go wrong.
                  if (error instanceof KefuError && error.reason._tag === "UnexpectedResponse") count("onError")
                  else defects.push(message)
                },
                onClose: ({ code }) => {
                  Deferred.doneUnsafe(down, Effect.die(new Error(`The connection was closed with ${code}`)))
                }
              },
              { baseUrl: backend.baseUrl, token: "t" }
            )
        ),
        (facade) => Effect.promise(() => facade.dispose())
      )
      facade.inbox.subscribe(() => count("inbox"))
      facade.open()
      const link = yield* Queue.take(links)
      const report = yield* drive(
        options.frames,
        {
          hostile,
          arrived,
          send: (texts, good) => Effect.sync(() => [...texts, goodFrame(good)].forEach(link.sendText)),
          isDown: Deferred.await(down)
        },
        defects
      )
      return { ...report, events: { ...events, requests: backend.seen.length } }
    }).pipe(Effect.scoped)
  )

/** Attacks the sandbox, alternately as a visitor and as staff, while two others chat. */
export const sandbox = (options: Options): Effect.Effect<Report> =>
  supervised(options, (defects) =>
    Effect.gen(function* () {
      const hostile = yield* Hostile.make({ frames: clientFrames })
      const service = yield* Sandbox
      const dial = (token: string) => Effect.orDie(service.connect({ token }))

      /** Parses every incoming frame. */
      const listen = (connection: Effect.Success<ReturnType<typeof dial>>, onFrame: (frame: ServerFrame) => void) =>
        Effect.forever(
          Effect.map(connection.pull, (texts) => {
            for (const text of texts) onFrame(decodeServerFrame(text))
          })
        )

      const staff = yield* dial((yield* service.createStaff()).token)
      const visitor = yield* dial((yield* service.createVisitor()).token)
      const arrived = yield* Queue.unbounded<number>()
      const served = yield* Deferred.make<void>()
      const onStaff = (frame: ServerFrame) => {
        if (frame.eventType !== "Message" || frame.payload.messageType !== "Text") return
        const [, good] = /^good (\d+)$/.exec(frame.payload.content) ?? []
        if (good !== undefined) Queue.offerUnsafe(arrived, Number(good))
      }
      const onVisitor = (frame: ServerFrame) => {
        if (frame.eventType !== "Message" || frame.payload.messageType !== "ManualServiceStart") return
        Deferred.doneUnsafe(served, Effect.void)
      }
      const down = yield* Deferred.make<never>()
      const watch = (connection: Effect.Success<ReturnType<typeof dial>>, onFrame: (frame: ServerFrame) => void) =>
        Effect.forkScoped(
          Effect.flatMap(Effect.exit(listen(connection, onFrame)), (exit) =>
            Deferred.die(down, new Error(`A bystander's connection ended: ${String(exit)}`))
          )
        )
      yield* watch(staff, onStaff)
      yield* watch(visitor, onVisitor)
      const text = (sequence: number, content: string) =>
        Effect.orDie(visitor.write(clientFrame(sequence, 101, { message_type: 1, content })))
      yield* text(1, "转人工")
      yield* Deferred.await(served)

      const tokens = [(yield* service.createVisitor()).token, (yield* service.createStaff()).token]
      let dials = 0

      /** An oversized frame ends the connection. The rest is sent over the next one. */
      const attack = (texts: ReadonlyArray<string>): Effect.Effect<void> =>
        Effect.gen(function* () {
          const connection = yield* dial(tokens[dials++ % tokens.length] ?? "")
          const acks = yield* Queue.unbounded<number>()
          let pings = 0
          let written = 0
          const onFrame = (frame: ServerFrame) => {
            if (frame.eventType === "Ack") Queue.offerUnsafe(acks, frame.payload.sequenceId)
          }
          const ended = yield* Effect.forkScoped(Effect.exit(listen(connection, onFrame)))
          /** Waits until every written frame has been handled. */
          const handled = Effect.gen(function* () {
            const ping = 1_000_000_000 + ++pings
            yield* connection.write(clientFrame(ping, 201, "ping"))
            while ((yield* Queue.take(acks)) !== ping);
          })
          const write = Effect.gen(function* () {
            for (const one of texts) {
              written++
              yield* connection.write(one)
              if (one.length > 20_000) yield* handled
            }
            yield* handled
          })
          yield* Effect.raceFirst(Effect.exit(write), Fiber.join(ended))
          return texts.slice(written)
        }).pipe(
          Effect.scoped,
          Effect.flatMap((rest) => (rest.length === 0 ? Effect.void : attack(rest)))
        )

      const report = yield* drive(
        options.frames,
        {
          hostile,
          arrived,
          send: (texts, good) => Effect.andThen(attack(texts), text(good + 1, `good ${good}`)),
          isDown: Deferred.await(down)
        },
        defects
      )
      return { ...report, events: yield* service.counters }
    }).pipe(Effect.scoped, Effect.provide(Sandbox.layer({ idleTimeout: "1 day", staffTimeout: "1 day" })))
  )

const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MB`

/** One line for the log. */
export const summary = (name: string, { events, frames, good, heapEarly, heapLate, kinds }: Report): string =>
  `fuzz: ${frames} frames to ${name}, ${good} good ones in between all arrived; heap ${megabytes(heapEarly)} after a ` +
  `tenth, ${megabytes(heapLate)} in the end; ${JSON.stringify(kinds)} became ${JSON.stringify(events)}`

/** Allowed heap growth in bytes. */
export const growth = 8 * 2 ** 20

const main = Effect.gen(function* () {
  const { values } = parseArgs({ options: { frames: { type: "string" }, seed: { type: "string" } } })
  const seed = values.seed ?? String(Math.floor(Math.random() * 2 ** 32))
  const frames = Number(values.frames ?? 1_000_000)
  console.log(`fuzz: seed ${seed}`)
  const report = yield* client({ frames, seed })
  console.log(summary("the client", report))
  yield* check(report.heapLate - report.heapEarly < growth, "The memory grew")
  // Timelines and histories of these two grow with every message.
  console.log(summary("the façade", yield* facade({ frames: frames / 20, seed })))
  console.log(summary("the sandbox", yield* sandbox({ frames: frames / 20, seed })))
})

if (import.meta.main) await Effect.runPromise(main)

/**
 * Runs a schedule: real clients over the sandbox in memory, in virtual time. Gives everything that the properties need,
 * and judges nothing.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { ConnectionState } from "../../src/realtime/ConnectionState.ts"
import { ConversationApi } from "../../src/rest/ConversationApi.ts"
import type { Conversation } from "../../src/domain/Conversation.ts"
import { type ConversationId, MenuItemId, type MessageId, type UserId } from "../../src/domain/Id.ts"
import type { Message } from "../../src/domain/Message.ts"
import { Leftovers } from "../../src/platform/leftovers.ts"
import type { KefuError } from "../../src/KefuError.ts"
import { Outbox } from "../../src/outbox/Outbox.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import type { RealtimeEvent } from "../../src/realtime/RealtimeEvent.ts"
import * as FaultPlan from "../../src/sandbox/faults/FaultPlan.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import { SandboxFaults } from "../../src/sandbox/faults/SandboxFaults.ts"
import { type Seed, seed as shop } from "../../src/sandbox/Seed.ts"
import { PushObserver } from "../../src/sandbox/desk/Turns.ts"
import * as Device from "../../src/testing/Device.ts"
import * as TestKefu from "../../src/testing/TestKefu.ts"
import { type Action, type Listener, type Name, people, type Schedule } from "./Schedule.ts"

/** How long everything may take to settle once the faults are over. */
const settling = 150_000

export interface Push {
  readonly at: number
  readonly to: UserId
  readonly message: Message
}

export interface Send {
  readonly who: Name
  readonly content: string
  /** Sends of the same lane have an order. */
  readonly lane: string
  readonly at: number
  exit: Exit.Exit<MessageId, KefuError> | undefined
  settledAt: number | undefined
}

export interface Heard {
  readonly at: number
  readonly event: RealtimeEvent
}

export interface Log {
  readonly listener: Listener
  /** When it began to listen. */
  since: number
  readonly heard: Array<Heard>
  /** How its stream ended, if it did. */
  ended: Exit.Exit<void, KefuError> | undefined
  /** Whether it listened until everything had settled. */
  complete: boolean
}

export interface Person {
  readonly name: Name
  readonly userId: UserId
  readonly logs: Array<Log>
  readonly states: Array<{ readonly at: number; readonly state: ConnectionState }>
  /** When it closed its app for good. */
  leftAt: number | undefined
  /** When it closed its connection and opened it again. */
  readonly reopened: Array<{ readonly from: number; until: number }>
  /** Actions that were begun and have not come to an end, apart from those elsewhere. */
  pending: number
  /** Actions that the closing of the session need not settle. */
  elsewhere: number
  /** Those that had not when everything should have settled, and when the session was closed. */
  stuck: number
  state: ConnectionState | undefined
  /** What was left after closing, by name. */
  readonly left: Map<string, number>
}

export interface Run {
  readonly schedule: Schedule
  readonly people: ReadonlyArray<Person>
  readonly pushes: ReadonlyArray<Push>
  readonly sends: ReadonlyArray<Send>
  readonly history: ReadonlyArray<Conversation>
  /** What was logged as an error, and defects. */
  readonly complaints: ReadonlyArray<string>
}

const tokenOf = (name: Name) => `${name}-token`

const seed: Seed = {
  ...shop,
  users: [
    { key: "robot", userType: "ROBOT", nickname: "Robot" },
    ...people.map(({ name, userType }) => ({ key: name, userType, nickname: name, token: tokenOf(name) }))
  ],
  questions: [],
  conversations: []
}

const messagesOf = (log: Log | undefined): ReadonlyArray<Message> =>
  (log?.heard ?? []).flatMap(({ event }) => (event._tag === "MessageReceived" ? [event.message] : []))

const lastWith = (person: Person, visitor: UserId): ConversationId | undefined =>
  messagesOf(person.logs[0]).findLast(
    (message) => message.messageType === "ConversationBuilt" && message.content.userId === visitor
  )?.conversationId

/** Something that the session need not settle when it is closed. */
const elsewhere = <A, E>(person: Person, effect: Effect.Effect<A, E>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      person.pending--
      person.elsewhere++
    }),
    () => effect,
    () =>
      Effect.sync(() => {
        person.pending++
        person.elsewhere--
      })
  )

export const simulate = (schedule: Schedule): Effect.Effect<Run> => {
  const complaints: Array<string> = []
  const complain = Logger.make(({ cause, logLevel, message }) => {
    if (logLevel === "Error" || logLevel === "Fatal") complaints.push(`${String(message)} ${Cause.pretty(cause)}`)
  })
  return Effect.gen(function* () {
    const pushes: Array<Push> = []
    const sends: Array<Send> = []
    const clock = yield* Clock.Clock

    const context = yield* Layer.build(
      Sandbox.layer({
        seed,
        messagesPerConversation: schedule.messagesPerConversation,
        maxOutgoingFrames: schedule.maxOutgoingFrames
      }).pipe(Layer.provideMerge(FaultPlan.layer(schedule.faults)))
    ).pipe(
      Effect.provideService(PushObserver, (to, frame) => {
        if (frame.eventType !== "Message") return
        pushes.push({ at: clock.currentTimeMillisUnsafe(), to, message: frame.payload })
      })
    )
    const { sandbox, sandboxFaults } = yield* Effect.all({ sandbox: Sandbox, sandboxFaults: SandboxFaults }).pipe(
      Effect.provideContext(context)
    )

    const live = Effect.fnUntraced(function* (name: Name) {
      const { userId } = people.find((one) => one.name === name)!
      const isStaff = name === "li" || name === "wang"
      const person: Person = {
        name,
        userId,
        logs: [],
        states: [],
        leftAt: undefined,
        reopened: [],
        pending: 0,
        elsewhere: 0,
        stuck: 0,
        state: undefined,
        left: new Map()
      }
      const device = yield* Device.make
      const collections = new Map<string, Array<() => number>>()
      const fibers = { session: 0, app: 0 }
      const scopes = { session: yield* Scope.make(), app: yield* Scope.make() }

      /** Runs on the person's device, with everything counted. */
      const on =
        (what: keyof typeof fibers) =>
        <A, E, R>(effect: Effect.Effect<A, E, R>) =>
          effect.pipe(
            device.run,
            Effect.provideService(Leftovers, (collection, size) => {
              collections.set(collection, [...(collections.get(collection) ?? []), size])
            }),
            Effect.provideService(Metric.FiberRuntimeMetrics, {
              recordFiberStart: () => {
                fibers[what]++
              },
              recordFiberEnd: (_, exit) => {
                fibers[what]--
                if (Exit.isFailure(exit) && Cause.hasDies(exit.cause) && !Cause.hasInterrupts(exit.cause))
                  complaints.push(Cause.pretty(exit.cause))
              }
            })
          )

      const session = yield* Layer.buildWithScope(
        TestKefu.layerSession({
          token: tokenOf(name),
          connect: "manual",
          outbox: { lifetime: "40 seconds" }
        }).pipe(Layer.orDie),
        scopes.session
      ).pipe(on("session"), Effect.provideContext(context))
      const { api, outbox, realtime } = yield* Effect.all({
        api: ConversationApi,
        outbox: Outbox,
        realtime: Realtime
      }).pipe(Effect.provideContext(session))
      const app = <A, E>(effect: Effect.Effect<A, E>) =>
        Effect.forkIn(on("app")(effect), scopes.app, { startImmediately: true })

      // --- what it hears

      const listen = Effect.fnUntraced(function* (listener: Listener) {
        const log: Log = { listener, since: listener.from, heard: [], ended: undefined, complete: false }
        person.logs.push(log)
        yield* app(
          Effect.gen(function* () {
            if (listener.from > 0) yield* Effect.sleep(listener.from)
            const events = yield* realtime.subscribe({
              bufferSize: listener.bufferSize,
              overflow: listener.overflow
            })
            log.since = yield* Clock.currentTimeMillis
            const hear = (event: RealtimeEvent) =>
              Effect.flatMap(Clock.currentTimeMillis, (at) => {
                log.heard.push({ at, event })
                return listener.millis === undefined ? Effect.void : Effect.sleep(listener.millis)
              })
            log.ended = yield* Effect.exit(Stream.runForEach(events, hear))
          }).pipe(Effect.scoped)
        )
      })
      for (const listener of schedule.listeners) if (listener.who === name) yield* listen(listener)
      yield* app(
        Stream.runForEach(realtime.states, (state) =>
          Effect.map(Clock.currentTimeMillis, (at) => person.states.push({ at, state }))
        )
      )

      // --- what it does

      /** A sensible app: when its session ends for good, it asks for it back. */
      yield* app(
        Stream.runForEach(realtime.states, (state) => {
          const isOver = state._tag === "Superseded" || (state._tag === "Closed" && state.reason !== undefined)
          if (!isOver || person.leftAt !== undefined) return Effect.void
          return Effect.sleep("3 seconds").pipe(
            Effect.andThen(state._tag === "Superseded" ? realtime.takeOver : realtime.open),
            Effect.ignore,
            Effect.forkIn(scopes.app)
          )
        })
      )

      let count = 0
      const send = Effect.fnUntraced(function* (to: Name | undefined) {
        const toId = people.find((one) => one.name === to)?.userId
        const conversationId = toId === undefined ? undefined : lastWith(person, toId)
        const content = `${name} ${++count}`
        const sent: Send = {
          who: name,
          content,
          lane: schedule.outbox ? `${conversationId ?? "-"} ${to ?? "-"}` : "",
          at: yield* Clock.currentTimeMillis,
          exit: undefined,
          settledAt: undefined
        }
        sends.push(sent)
        const draft = { messageType: "Text", content, ...(toId === undefined ? {} : { toId }) } as const
        const sending: Effect.Effect<MessageId, KefuError> = schedule.outbox
          ? Effect.map(outbox.send({ ...draft, conversationId }), ({ id }) => id)
          : Effect.map(realtime.send(draft), ({ messageId }) => messageId)
        sent.exit = yield* Effect.exit(sending)
        sent.settledAt = yield* Clock.currentTimeMillis
      })

      const lastMessage = () => messagesOf(person.logs[0]).at(-1)

      const act = ({ to, what }: Action): Effect.Effect<unknown, KefuError> => {
        const message = lastMessage()
        switch (what) {
          case "send":
            return send(to)
          case "recall": {
            const own = sends.findLast(({ exit, who }) => who === name && exit !== undefined && Exit.isSuccess(exit))
            return own?.exit !== undefined && Exit.isSuccess(own.exit) ? realtime.recall(own.exit.value) : Effect.void
          }
          case "read":
            return message === undefined ? Effect.void : realtime.read(message.id)
          case "type":
            return message === undefined
              ? Effect.void
              : realtime.inputting({ content: "...", conversationId: message.conversationId })
          case "person":
            return isStaff ? Effect.void : realtime.selectMenuItem(MenuItemId.make(1000))
          case "end":
            return message === undefined ? Effect.void : realtime.closeConversation(message.conversationId)
          case "rest":
            return api.current
          case "retryNow":
            return realtime.retryNow
          case "transfer": {
            const other = people.find((one) => one.userType === "STAFF" && one.name !== name)
            return message === undefined || other === undefined
              ? Effect.void
              : api.transfer(message.conversationId, { userId: other.userId })
          }
          case "reopen":
            return Effect.gen(function* () {
              if (person.leftAt !== undefined) return yield* realtime.open
              const break_ = { from: yield* Clock.currentTimeMillis, until: Infinity }
              person.reopened.push(break_)
              yield* realtime.close
              yield* elsewhere(person, Effect.sleep("2 seconds"))
              yield* realtime.open
              break_.until = yield* Clock.currentTimeMillis
            })
          case "leave":
            return Effect.void
        }
      }

      /** Closes the session under the app, which may go on calling it. */
      const close = Effect.gen(function* () {
        yield* Scope.close(scopes.session, Exit.void)
        // What is interrupted takes a while to end, the longer the busier the machine; what leaks never ends.
        yield* Effect.repeat(Effect.yieldNow, { times: 50 })
        yield* Effect.repeat(Effect.yieldNow, { while: () => fibers.session > 0, times: 2000 })
        person.stuck += person.pending
        person.left.set("fibers", fibers.session)
        for (const [collection, sizes] of collections) {
          person.left.set(
            collection,
            sizes.reduce((sum, size) => sum + size(), 0)
          )
        }
        const sockets = (yield* sandbox.connections).filter((connection) => connection.userId === userId)
        person.left.set("sockets", sockets.length)
      })

      const finish = Effect.gen(function* () {
        person.stuck += person.pending + person.elsewhere
        person.state = yield* realtime.state
        for (const log of person.logs) log.complete = person.leftAt === undefined && log.ended === undefined
        if (person.leftAt === undefined) yield* close
        yield* Scope.close(scopes.app, Exit.void)
        person.left.set("timers", yield* device.timers)
        person.left.set("fibers of the app", fibers.app)
      })

      yield* app(Effect.ignore(realtime.open))
      for (const action of schedule.actions) {
        if (action.who !== name || action.what === "leave") continue
        yield* app(
          Effect.sleep(action.at).pipe(
            Effect.andThen(
              Effect.acquireUseRelease(
                Effect.sync(() => {
                  person.pending++
                }),
                // Requests go on without the session.
                () => Effect.exit(action.what === "rest" ? elsewhere(person, act(action)) : act(action)),
                () =>
                  Effect.sync(() => {
                    person.pending--
                  })
              )
            )
          )
        )
      }
      for (const nap of schedule.naps) {
        if (nap.who === name) yield* Effect.forkScoped(Effect.delay(device.sleep(nap.millis), nap.from))
      }
      const leaving = schedule.actions.find(({ what, who }) => who === name && what === "leave")
      if (leaving !== undefined) {
        yield* Effect.forkScoped(
          Effect.gen(function* () {
            yield* Effect.sleep(leaving.at)
            person.leftAt = yield* Clock.currentTimeMillis
            yield* close
          })
        )
      }
      return { person, finish }
    })

    const all = yield* Effect.forEach(schedule.who, live)
    // The test clock waits for what it wakes, and only for that: so the faults end by it, too.
    yield* Effect.forkScoped(Effect.delay(sandboxFaults.clear, schedule.lasts))
    yield* TestClock.adjust(schedule.lasts + settling)
    const history = yield* sandbox.conversations
    const result: Run = {
      schedule,
      people: all.map(({ person }) => person),
      pushes: pushes.slice(),
      sends,
      history,
      complaints
    }
    for (const { finish } of all) yield* finish
    return result
  }).pipe(
    Effect.scoped,
    Effect.provide(Logger.layer([complain])),
    Effect.provideService(References.MinimumLogLevel, "Error"),
    Random.withSeed(schedule.seed),
    // A busy machine may be slow, but what happens must not depend on that.
    Effect.provide(TestClock.layer({ warningDelay: "5 minutes" }))
  )
}

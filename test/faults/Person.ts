/** One person of a run: a real client on a device of its own, and an app that does what the schedule says. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type ConversationId, MenuItemId, type MessageId, type UserId } from "../../src/domain/Id.ts"
import type { Message } from "../../src/domain/Message.ts"
import { DeliveryUnknown, KefuError, type KefuErrorReason } from "../../src/KefuError.ts"
import { Outbox } from "../../src/outbox/Outbox.ts"
import { isSettled } from "../../src/outbox/OutboxState.ts"
import { Leftovers } from "../../src/platform/leftovers.ts"
import { ConnectionState } from "../../src/realtime/ConnectionState.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import type { RealtimeEvent } from "../../src/realtime/RealtimeEvent.ts"
import { ConversationApi } from "../../src/rest/ConversationApi.ts"
import type { Sandbox, SandboxShape } from "../../src/sandbox/Sandbox.ts"
import * as Device from "../../src/testing/Device.ts"
import * as TestKefu from "../../src/testing/TestKefu.ts"
import { isStaff, type Name, people } from "./People.ts"
import type { Action, Listener, Schedule } from "./Schedule.ts"
import { ofTag, setClock, store, type Trouble } from "./Trouble.ts"

/** How long a send waits for a connection. */
export const lifetime = 40_000

export interface Send {
  readonly who: Name
  readonly content: string
  readonly to: Name | undefined
  readonly conversationId: ConversationId | undefined
  /** From another tab of the account. */
  readonly elsewhere: boolean
  readonly at: number
  exit: Exit.Exit<MessageId, KefuError> | undefined
  settledAt: number | undefined
  /** When the app died that would have been told. */
  diedAt: number | undefined
}

export interface Heard {
  readonly at: number
  readonly event: RealtimeEvent
}

export interface Log {
  readonly listener: Listener
  /** When the app was started that listens. */
  readonly bornAt: number
  /** When it began to listen. */
  since: number
  readonly heard: Array<Heard>
  /** How its stream ended, if it did. */
  ended: Exit.Exit<void, KefuError> | undefined
  /** Whether it listened until everything had settled. */
  complete: boolean
}

/** An account of a person; a visitor whose token was forgotten gets another. */
export interface Account {
  readonly userId: UserId
  readonly token: string
  readonly from: number
}

export interface Person {
  readonly name: Name
  /** The last one is in use. */
  readonly accounts: Array<Account>
  readonly logs: Array<Log>
  readonly states: Array<{ readonly at: number; readonly state: ConnectionState }>
  /** When it closed its app for good. */
  leftAt: number | undefined
  /** When its app was started last; undefined while it is dead. */
  bornAt: number | undefined
  /** What its store holds. */
  readonly kept: Map<string, string>
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

/** What the people of a run share. */
export interface Stage {
  readonly schedule: Schedule
  readonly clock: Clock.Clock
  readonly context: Context.Context<Sandbox>
  readonly sandbox: SandboxShape
  readonly people: Map<Name, Person>
  readonly sends: Array<Send>
  readonly complaints: Array<string>
}

export const tokenOf = (name: Name) => `${name}-token`

export const accountOf = ({ accounts }: Person): Account => accounts.at(-1)!

export const newPerson = (name: Name): Person => ({
  name,
  accounts: [{ userId: people.find((one) => one.name === name)!.userId, token: tokenOf(name), from: 0 }],
  logs: [],
  states: [],
  leftAt: undefined,
  bornAt: 0,
  kept: new Map(),
  reopened: [],
  pending: 0,
  elsewhere: 0,
  stuck: 0,
  state: undefined,
  left: new Map()
})

const messagesOf = (log: Log | undefined): ReadonlyArray<Message> =>
  (log?.heard ?? []).flatMap(({ event }) => (event._tag === "MessageReceived" ? [event.message] : []))

const lastWith = (person: Person, visitor: UserId): ConversationId | undefined =>
  messagesOf(person.logs[0]).findLast(
    (message) => message.messageType === "ConversationBuilt" && message.content.userId === visitor
  )?.conversationId

const troublesOf = <Tag extends Trouble["_tag"]>(person: Person, { schedule }: Stage, tag: Tag) =>
  ofTag(tag)(schedule.troubles).filter((trouble) => "who" in trouble && trouble.who === person.name)

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

/** Whose fiber it is. */
type Part = "session" | "app"

/** A device on which everything is counted: fibers of the session and of the app, timers, and what collections hold. */
const makeDevice = Effect.fnUntraced(function* (name: Name, { complaints, schedule }: Stage) {
  const device = yield* Device.make
  const sets = ofTag("ClockSet")(schedule.troubles).filter(({ who }) => who === name)
  const clock = setClock(yield* device.run(Clock.Clock), sets)
  const collections = new Map<string, Array<() => number>>()
  const fibers: Record<Part, number> = { session: 0, app: 0 }
  const run =
    (what: Part) =>
    <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      effect.pipe(
        sets.length === 0 ? (same) => same : Effect.provideService(Clock.Clock, clock),
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
  return { collections, fibers, run, sleep: device.sleep, timers: device.timers }
})

/** The token that the backend accepts at the moment: after a refusal that of a new account. */
const tokenSource = (person: Person, { clock, sandbox }: Stage) => {
  let isFirst = true
  return Effect.suspend(() => {
    if (isFirst) {
      isFirst = false
      return Effect.succeed(accountOf(person).token)
    }
    return Effect.map(sandbox.createVisitor({ nickname: person.name }), ({ token, userId }) => {
      person.accounts.push({ userId, token, from: clock.currentTimeMillisUnsafe() })
      return token
    })
  })
}

interface Services {
  readonly api: ConversationApi["Service"]
  readonly outbox: Outbox["Service"]
  readonly realtime: Realtime["Service"]
}

const openSession = Effect.fnUntraced(function* (person: Person, stage: Stage, scope: Scope.Scope) {
  const { clock, context, schedule } = stage
  const isReplaced = ofTag("AccountReplaced")(schedule.troubles).some(({ who }) => who === person.name)
  const { bornAt } = person
  const storage = schedule.switches.some((one) => one === "store" || one === "kill")
    ? store(clock, troublesOf(person, stage, "StoreFails"), person.kept, () => person.bornAt === bornAt)
    : undefined
  const session = yield* Layer.buildWithScope(
    TestKefu.layerSession({
      token: isReplaced ? tokenSource(person, stage) : tokenOf(person.name),
      connect: "manual",
      outbox: { lifetime, storage }
    }).pipe(Layer.orDie),
    scope
  ).pipe(Effect.provideContext(context))
  return yield* Effect.all({ api: ConversationApi, outbox: Outbox, realtime: Realtime }).pipe(
    Effect.provideContext(session)
  )
})

/** What the app sends, by the schedule's way; the outcome is noted. */
const sender = (person: Person, { clock, people, schedule, sends }: Stage) => {
  let count = 0
  const latest = () => `${person.name} ${count}`
  const give = Effect.fnUntraced(function* (
    { outbox, realtime }: Pick<Services, "outbox" | "realtime">,
    what: Pick<Send, "content" | "conversationId" | "elsewhere" | "to">
  ) {
    const sent: Send = {
      ...what,
      who: person.name,
      at: clock.currentTimeMillisUnsafe(),
      exit: undefined,
      settledAt: undefined,
      diedAt: undefined
    }
    const { bornAt } = person
    sends.push(sent)
    const recipient = what.to === undefined ? undefined : people.get(what.to)
    const toId = recipient === undefined ? {} : { toId: accountOf(recipient).userId }
    const draft = { messageType: "Text", content: what.content, ...toId } as const
    const sending: Effect.Effect<MessageId, KefuError> = schedule.outbox
      ? Effect.map(outbox.send({ ...draft, conversationId: what.conversationId }), ({ id }) => id)
      : Effect.map(realtime.send(draft), ({ messageId }) => messageId)
    // The end of a tab interrupts what it says, and settles it.
    yield* sending.pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          if (person.bornAt !== bornAt) return
          sent.exit = exit
          sent.settledAt = clock.currentTimeMillisUnsafe()
        })
      ),
      Effect.ignore
    )
  })
  return {
    say: (services: Services, { named, to }: Action) =>
      Effect.suspend(() => {
        const recipient = to === undefined ? undefined : people.get(to)
        const conversationId =
          recipient === undefined
            ? named === true
              ? messagesOf(person.logs[0]).at(-1)?.conversationId
              : undefined
            : lastWith(person, accountOf(recipient).userId)
        count++
        return give(services, { content: latest(), conversationId, elsewhere: false, to })
      }),
    repeat: (services: Pick<Services, "outbox" | "realtime">) =>
      give(services, {
        content: latest(),
        conversationId: undefined,
        elsewhere: true,
        to: isStaff(person.name) ? "ann" : undefined
      })
  }
}

type Sender = ReturnType<typeof sender>

const act = (
  person: Person,
  { clock, sends }: Stage,
  services: Services,
  { say }: Sender,
  action: Action
): Effect.Effect<unknown, KefuError> => {
  const { api, realtime } = services
  const message = messagesOf(person.logs[0]).at(-1)
  switch (action.what) {
    case "send":
      return say(services, action)
    case "recall": {
      const own = sends.findLast(({ exit, who }) => who === person.name && exit !== undefined && Exit.isSuccess(exit))
      return own?.exit !== undefined && Exit.isSuccess(own.exit) ? realtime.recall(own.exit.value) : Effect.void
    }
    case "read":
      return message === undefined ? Effect.void : realtime.read(message.id)
    case "type":
      return message === undefined
        ? Effect.void
        : realtime.inputting({ content: "...", conversationId: message.conversationId })
    case "person":
      return isStaff(person.name) ? Effect.void : realtime.selectMenuItem(MenuItemId.make(1000))
    case "end":
      return message === undefined ? Effect.void : realtime.closeConversation(message.conversationId)
    case "rest":
      return api.current
    case "retryNow":
      return realtime.retryNow
    case "transfer": {
      const other = people.find((one) => one.userType === "STAFF" && one.name !== person.name)
      return message === undefined || other === undefined
        ? Effect.void
        : api.transfer(message.conversationId, { userId: other.userId })
    }
    case "reopen":
      return Effect.gen(function* () {
        if (person.leftAt !== undefined) return yield* realtime.open
        const break_ = { from: clock.currentTimeMillisUnsafe(), until: Infinity }
        person.reopened.push(break_)
        yield* realtime.close
        yield* elsewhere(person, Effect.sleep("2 seconds"))
        yield* realtime.open
        break_.until = clock.currentTimeMillisUnsafe()
      })
    case "leave":
      return Effect.void
  }
}

/** Subscribes when the listener says, and notes what it hears at its pace. */
const listen = (person: Person, { clock }: Stage, { realtime }: Services, listener: Listener) => {
  const bornAt = person.bornAt ?? 0
  const log: Log = { listener, bornAt, since: bornAt + listener.from, heard: [], ended: undefined, complete: false }
  person.logs.push(log)
  return Effect.gen(function* () {
    if (listener.from > 0) yield* Effect.sleep(listener.from)
    const events = yield* realtime.subscribe({
      bufferSize: listener.bufferSize,
      overflow: listener.overflow,
      lasting: true
    })
    log.since = clock.currentTimeMillisUnsafe()
    const hear = (event: RealtimeEvent) =>
      Effect.suspend(() => {
        log.heard.push({ at: clock.currentTimeMillisUnsafe(), event })
        return listener.millis === undefined ? Effect.void : Effect.sleep(listener.millis)
      })
    log.ended = yield* Effect.exit(Stream.runForEach(events, hear))
  }).pipe(Effect.scoped)
}

/** The backend forgets the account's token. */
const replaceAccount = ({ accounts }: Person, { sandbox }: Stage) =>
  Effect.gen(function* () {
    const { token, userId } = accounts.at(-1)!
    yield* sandbox.revokeToken(token)
    for (const connection of yield* sandbox.connections) if (connection.userId === userId) yield* connection.reset
  })

/** Another tab logs in, says what this one has said, and is closed. */
const openElsewhere = Effect.fnUntraced(
  function* (person: Person, stage: Stage, { repeat }: Sender, says: number) {
    const services = yield* openSession(person, stage, yield* Effect.scope)
    yield* services.realtime.open
    for (let left = says; left > 0; left--) yield* repeat(services)
    return yield* Effect.never
  },
  (effect, _person, _stage, _sender, _says) => Effect.scoped(effect)
)

/** What a dead app had said and its store has kept: the app that is started next is told. */
const hearRestored = (person: Person, { clock, sends }: Stage, { outbox }: Services) =>
  Stream.runForEach(outbox.changes, ({ draft, state }) =>
    Effect.sync(() => {
      const sent = sends.find(
        ({ content, diedAt, exit, who }) =>
          who === person.name && content === draft.content && diedAt !== undefined && exit === undefined
      )
      if (sent === undefined || !isSettled(state)) return
      sent.settledAt = clock.currentTimeMillisUnsafe()
      const fail = (reason: KefuErrorReason) => Exit.fail(new KefuError({ method: "Outbox.changes", reason }))
      if (state._tag === "Sent") sent.exit = Exit.succeed(state.id)
      if (state._tag === "Failed") sent.exit = fail(state.reason)
      if (state._tag === "DeliveryUnknown") sent.exit = fail(new DeliveryUnknown({ detail: state.detail }))
    })
  )

/** One run of a person's app. */
interface Life {
  readonly session: Scope.Closeable
  readonly app: Scope.Closeable
  readonly services: Services
}

/** Begins a person's life on stage; `finish` closes what is left of it, and counts what does not go. */
export const live = Effect.fnUntraced(function* (person: Person, stage: Stage) {
  const { name } = person
  const { clock, sandbox, schedule } = stage
  const device = yield* makeDevice(name, stage)
  const own = sender(person, stage)
  let life: Life

  /** Starts the app, which does what is still to be done. */
  const start = Effect.gen(function* () {
    const now = clock.currentTimeMillisUnsafe()
    const isFirst = now === 0
    person.bornAt = now
    const scopes = { session: yield* Scope.make(), app: yield* Scope.make() }
    const services = yield* openSession(person, stage, scopes.session).pipe(device.run("session"))
    life = { ...scopes, services }
    const { realtime } = services
    const app = <A, E>(effect: Effect.Effect<A, E>) =>
      Effect.forkIn(device.run("app")(effect), scopes.app, { startImmediately: true })
    for (const listener of schedule.listeners) {
      if (listener.who === name) yield* app(listen(person, stage, services, listener))
    }
    if (!isFirst) yield* app(hearRestored(person, stage, services))
    yield* app(
      Stream.runForEach(realtime.states, (state) =>
        Effect.sync(() => person.states.push({ at: clock.currentTimeMillisUnsafe(), state }))
      )
    )
    // A sensible app: when its session ends for good, it asks for it back.
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
    yield* app(Effect.ignore(realtime.open))
    for (const action of schedule.actions) {
      if (action.who !== name || action.what === "leave" || (action.at < now && !isFirst)) continue
      yield* app(Effect.delay(perform(action, services), action.at - now))
    }
  })

  /** Ends the app as a kill does: nothing is told, written or sent any more. */
  const kill = Effect.gen(function* () {
    person.bornAt = undefined
    const now = clock.currentTimeMillisUnsafe()
    for (const send of stage.sends)
      if (send.who === name && !send.elsewhere && send.exit === undefined) send.diedAt ??= now
    person.states.push({ at: now, state: ConnectionState.Closed({ reason: undefined }) })
    const userIds = new Set(person.accounts.map(({ userId }) => userId))
    for (const connection of yield* sandbox.connections) {
      if (userIds.has(connection.userId)) yield* connection.reset
    }
    yield* Scope.close(life.session, Exit.void)
    yield* Scope.close(life.app, Exit.void)
  })

  /** Closes the session under the app, which may go on calling it. */
  const close = Effect.gen(function* () {
    yield* Scope.close(life.session, Exit.void)
    // What is interrupted takes a while to end, the longer the busier the machine; what leaks never ends.
    yield* Effect.repeat(Effect.yieldNow, { times: 50 })
    yield* Effect.repeat(Effect.yieldNow, { while: () => device.fibers.session > 0, times: 2000 })
    person.stuck += person.pending
    person.left.set("fibers", device.fibers.session)
    for (const [collection, sizes] of device.collections) {
      person.left.set(
        collection,
        sizes.reduce((sum, size) => sum + size(), 0)
      )
    }
    const userIds = new Set(person.accounts.map(({ userId }) => userId))
    const now = clock.currentTimeMillisUnsafe()
    const isElsewhere = troublesOf(person, stage, "SecondSession").some(
      ({ from, until }) => now >= from && now <= until
    )
    const sockets = (yield* sandbox.connections).filter(({ userId }) => userIds.has(userId))
    person.left.set("sockets", isElsewhere ? 0 : sockets.length)
  })

  const finish = Effect.gen(function* () {
    person.stuck += person.pending + person.elsewhere
    person.state = yield* life.services.realtime.state
    for (const log of person.logs)
      log.complete = person.leftAt === undefined && log.ended === undefined && log.bornAt === person.bornAt
    if (person.leftAt === undefined) yield* close
    yield* Scope.close(life.app, Exit.void)
    person.left.set("timers", yield* device.timers)
    person.left.set("fibers of the app", device.fibers.app)
  })

  /** Counted as pending until it has settled. */
  const perform = (action: Action, services: Services) => {
    const acting = Effect.suspend(() => act(person, stage, services, own, action))
    return Effect.acquireUseRelease(
      Effect.sync(() => {
        person.pending++
      }),
      // Requests go on without the session.
      () => Effect.exit(action.what === "rest" ? elsewhere(person, acting) : acting),
      () =>
        Effect.sync(() => {
          person.pending--
        })
    )
  }

  yield* start
  const leaving = schedule.actions.find(({ what, who }) => who === name && what === "leave")
  for (const { at, millis } of troublesOf(person, stage, "Killed")) {
    if (leaving !== undefined && leaving.at <= at + millis) continue
    yield* Effect.forkScoped(Effect.delay(Effect.andThen(kill, Effect.delay(start, millis)), at))
  }
  for (const nap of schedule.naps) {
    if (nap.who === name) yield* Effect.forkScoped(Effect.delay(device.sleep(nap.millis), nap.from))
  }
  for (const { at } of troublesOf(person, stage, "AccountReplaced")) {
    yield* Effect.forkScoped(Effect.delay(replaceAccount(person, stage), at))
  }
  for (const { from, says, until } of troublesOf(person, stage, "SecondSession")) {
    const tab = Effect.timeoutOption(openElsewhere(person, stage, own, says), until - from)
    yield* Effect.forkScoped(Effect.delay(tab, from))
  }
  if (leaving !== undefined) {
    yield* Effect.forkScoped(
      Effect.gen(function* () {
        yield* Effect.sleep(leaving.at)
        person.leftAt = clock.currentTimeMillisUnsafe()
        yield* close
      })
    )
  }
  return finish
})

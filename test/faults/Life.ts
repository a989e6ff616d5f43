/** The life of a person: their app is started, killed, opened in another tab, and closed. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { ConnectionState } from "../../src/realtime/ConnectionState.ts"
import { act, hearRestored, listen, sender, type Sender } from "./App.ts"
import { elsewhere, type Person, type Stage, troublesOf } from "./Person.ts"
import type { Action } from "./Schedule.ts"
import { makeDevice, openSession, type Services } from "./Session.ts"

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
    // The death of one tab does not end another.
    const services = yield* openSession(person, stage, yield* Effect.scope, () => true)
    yield* Effect.forkScoped(
      Stream.runForEach(services.realtime.states, ({ _tag }) =>
        Effect.sync(() => {
          if (_tag === "Connecting") person.dialsElsewhere++
        })
      ),
      { startImmediately: true }
    )
    yield* services.realtime.open
    for (let left = says; left > 0; left--) yield* repeat(services)
    return yield* Effect.never
  },
  (effect, _person, _stage, _sender, _says) => Effect.scoped(effect)
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
    const services = yield* openSession(person, stage, scopes.session, () => person.bornAt === now).pipe(
      device.run("session")
    )
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

/** A person's device and session. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import { Outbox } from "../../src/outbox/Outbox.ts"
import { Leftovers } from "../../src/platform/leftovers.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import { ConversationApi } from "../../src/rest/ConversationApi.ts"
import * as Device from "../../src/testing/Device.ts"
import * as TestKefu from "../../src/testing/TestKefu.ts"
import type { Name } from "./People.ts"
import { hasStore } from "./Schedule.ts"
import { accountOf, lifetime, type Person, type Stage, tokenOf, troublesOf } from "./Person.ts"
import { ofTag, setClock, store } from "./Trouble.ts"

/** Whose fiber it is. */
type Part = "session" | "app"

/** A device on which everything is counted: fibers of the session and of the app, timers, and what collections hold. */
export const makeDevice = Effect.fnUntraced(function* (name: Name, { complaints, schedule }: Stage) {
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

export interface Services {
  readonly api: ConversationApi["Service"]
  readonly outbox: Outbox["Service"]
  readonly realtime: Realtime["Service"]
}

/** A session of the person; one that is not alive any more writes nothing to the store. */
export const openSession = Effect.fnUntraced(function* (
  person: Person,
  stage: Stage,
  scope: Scope.Scope,
  isAlive: () => boolean
) {
  const { clock, context, schedule } = stage
  const isReplaced = ofTag("AccountReplaced")(schedule.troubles).some(({ who }) => who === person.name)
  const storage = hasStore(schedule)
    ? store(clock, troublesOf(person, stage, "StoreFails"), person.kept, isAlive)
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

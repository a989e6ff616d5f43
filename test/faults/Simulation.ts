/**
 * Runs a schedule: real clients over the sandbox in memory, in virtual time. Gives everything that the promises are
 * judged by, and judges nothing.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as TestClock from "effect/testing/TestClock"
import type { Conversation } from "../../src/domain/Conversation.ts"
import type { UserId } from "../../src/domain/Id.ts"
import type { Message } from "../../src/domain/Message.ts"
import { type Seed, seed as shop } from "../../src/sandbox/Seed.ts"
import { PushObserver } from "../../src/sandbox/desk/Turns.ts"
import * as FaultPlan from "../../src/sandbox/faults/FaultPlan.ts"
import { FaultHooks } from "../../src/sandbox/faults/FaultHooks.ts"
import { SandboxFaults } from "../../src/sandbox/faults/SandboxFaults.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import { live } from "./Life.ts"
import { type Name, people } from "./People.ts"
import { newPerson, type Person, type Send, tokenOf } from "./Person.ts"
import type { Schedule } from "./Schedule.ts"
import { hooks, ofTag, type Wire } from "./Trouble.ts"

/** How long everything may take to settle once the faults are over. */
export const settlingOf = ({ troubles }: Schedule): number =>
  // Who is asked to wait for years, or until a moment that is far by their own clock, waits five minutes and a quarter more.
  150_000 + (ofTag("RetryAfter")(troubles).length > 0 ? 400_000 : 0)

/** A message that a person should know in the end. */
export interface Push {
  readonly at: number
  readonly to: UserId
  readonly message: Message
}

export interface Run {
  readonly schedule: Schedule
  readonly people: ReadonlyArray<Person>
  readonly pushes: ReadonlyArray<Push>
  readonly sends: ReadonlyArray<Send>
  readonly history: ReadonlyArray<Conversation>
  readonly wire: Wire
  /** What was logged as an error, and defects. */
  readonly complaints: ReadonlyArray<string>
}

const seed: Seed = {
  ...shop,
  users: [
    { key: "robot", userType: "ROBOT", nickname: "Robot" },
    ...people.map(({ name, userType }) => ({ key: name, userType, nickname: name, token: tokenOf(name) }))
  ],
  questions: [],
  conversations: []
}

export const simulate = (schedule: Schedule): Effect.Effect<Run> => {
  const complaints: Array<string> = []
  const complain = Logger.make(({ cause, logLevel, message }) => {
    if (logLevel === "Error" || logLevel === "Fatal") complaints.push(`${String(message)} ${Cause.pretty(cause)}`)
  })
  return Effect.gen(function* () {
    const pushes: Array<Push> = []
    const sends: Array<Send> = []
    const clock = yield* Clock.Clock
    const persons = new Map<Name, Person>(schedule.who.map((name) => [name, newPerson(name)]))
    const nameOf = (userId: UserId) =>
      Array.from(persons.values()).find(({ accounts }) => accounts.some((account) => account.userId === userId))?.name
    const backend = hooks(clock, schedule.troubles, nameOf)

    const context = yield* Layer.build(
      Sandbox.layer({
        seed,
        messagesPerConversation: schedule.messagesPerConversation,
        maxOutgoingFrames: schedule.maxOutgoingFrames
      }).pipe(
        Layer.provideMerge(
          FaultPlan.layer(schedule.faults).pipe(Layer.provide(Layer.succeed(FaultHooks, backend.hooks)))
        )
      )
    ).pipe(
      Effect.provideService(PushObserver, (to, frame) => {
        if (frame.eventType !== "Message") return
        pushes.push({ at: clock.currentTimeMillisUnsafe(), to, message: frame.payload })
      })
    )
    const { sandbox, sandboxFaults } = yield* Effect.all({ sandbox: Sandbox, sandboxFaults: SandboxFaults }).pipe(
      Effect.provideContext(context)
    )
    const stage = { schedule, clock, context, sandbox, people: persons, sends, complaints }
    const finish = yield* Effect.forEach(persons.values(), (person) => live(person, stage))
    // So the faults end by the clock, too.
    yield* Effect.forkScoped(Effect.delay(sandboxFaults.clear, schedule.lasts))
    // The test clock waits for what it wakes, and only for that: what has begun before must have come to rest.
    yield* Effect.repeat(Effect.yieldNow, { times: 500 })
    yield* TestClock.adjust(schedule.lasts + settlingOf(schedule))
    const history = yield* sandbox.conversations
    const result: Run = {
      schedule,
      people: Array.from(persons.values()),
      pushes: pushes.slice(),
      sends,
      history,
      wire: backend.wire,
      complaints
    }
    yield* Effect.all(finish, { discard: true })
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

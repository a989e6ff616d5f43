/** What happens in one run of the model: who does what and when, and what goes wrong. All of it is data. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import { UserId } from "../../src/domain/Id.ts"
import * as FaultPlan from "../../src/sandbox/faults/FaultPlan.ts"
import type { Fault } from "../../src/sandbox/faults/Fault.ts"

/** The people of the model, by their place in the sandbox's seed: the robot is the first there. */
export const people = [
  { name: "li", userType: "STAFF", userId: UserId.make(2) },
  { name: "wang", userType: "STAFF", userId: UserId.make(3) },
  { name: "ann", userType: "CUSTOMER", userId: UserId.make(4) },
  { name: "bob", userType: "CUSTOMER", userId: UserId.make(5) }
] as const

const Name = Schema.Literals(["li", "wang", "ann", "bob"])
export type Name = typeof Name.Type

const Action = Schema.Struct({
  at: Schema.Int,
  who: Name,
  /** `person`: asks for a person; `end`: ends the conversation; `leave`: closes the app for good. */
  what: Schema.Literals([
    "send",
    "recall",
    "read",
    "type",
    "person",
    "end",
    "rest",
    "retryNow",
    "reopen",
    "transfer",
    "leave"
  ]),
  /** To whom, for staff. */
  to: Schema.optionalKey(Name)
})
export type Action = typeof Action.Type

const Listener = Schema.Struct({
  who: Name,
  from: Schema.Int,
  bufferSize: Schema.optionalKey(Schema.Int),
  overflow: Schema.optionalKey(Schema.Literals(["lagged", "suspend", "fail"])),
  /** How long it needs for an event. */
  millis: Schema.optionalKey(Schema.Int)
})
export type Listener = typeof Listener.Type

export const Schedule = Schema.Struct({
  seed: Schema.String,
  /** Nothing that TCP and a good backend would not do: then nothing may be lost at all. */
  mild: Schema.Boolean,
  /** How long things happen and go wrong, in milliseconds. */
  lasts: Schema.Int,
  who: Schema.Array(Name),
  /** Whether they send through the outbox or by `Realtime.send`. */
  outbox: Schema.Boolean,
  messagesPerConversation: Schema.Int,
  maxOutgoingFrames: Schema.Int,
  faults: FaultPlan.FaultPlan,
  naps: Schema.Array(Schema.Struct({ who: Name, from: Schema.Int, millis: Schema.Int })),
  actions: Schema.Array(Action),
  listeners: Schema.Array(Listener)
})
export type Schedule = typeof Schedule.Type

/** What a network and a backend may do that are not broken. */
const mildKinds: ReadonlyArray<Fault["_tag"]> = [
  "RefuseDials",
  "DelayDials",
  "Reset",
  "Close",
  "Kick",
  "DropAfter",
  "Silence",
  "Stall",
  "Delay",
  "Duplicate"
]

const pick = <A>(...weighted: ReadonlyArray<readonly [weight: number, value: A]>) =>
  Effect.map(Random.next, (share) => {
    let rest = share * weighted.reduce((sum, [weight]) => sum + weight, 0)
    for (const [weight, value] of weighted) {
      rest -= weight
      if (rest < 0) return value
    }
    return weighted[0]![1]
  })

const oneOf = <A>(items: ReadonlyArray<A>) =>
  Effect.map(Random.next, (share): A => items[Math.floor(share * items.length)]!)

const chance = (share: number) => Effect.map(Random.next, (drawn) => drawn < share)

/** The connections break, nobody gets in for a while, and what is asked over HTTP fails a little longer, or shorter. */
const outage = Effect.fnUntraced(function* (lasts: number, mild: boolean) {
  const from = yield* Random.nextIntBetween(0, lasts)
  const until = from + (yield* Random.nextIntBetween(1, 20_000))
  const faults: Array<Fault> = [
    { _tag: "Reset", from },
    { _tag: "RefuseDials", from, until, status: 503 }
  ]
  if (!mild) {
    const end = until + (yield* Random.nextIntBetween(-5000, 15_000))
    if (end > from) faults.push({ _tag: "FailRequests", from, until: end, status: 503 })
  }
  return faults
})

/** The schedule of a seed. */
export const draw = (seed: string): Effect.Effect<Schedule> =>
  Effect.gen(function* () {
    const lasts = yield* Random.nextIntBetween(20_000, 120_000)
    const who: ReadonlyArray<Name> = ["li", "ann"]
    const all: ReadonlyArray<Name> = [
      ...who,
      ...((yield* chance(0.4)) ? (["bob"] as const) : []),
      ...((yield* chance(0.2)) ? (["wang"] as const) : [])
    ]
    const mild = yield* chance(0.35)
    const userIds = people.filter(({ name }) => all.includes(name)).map(({ userId }) => userId)
    const single = yield* FaultPlan.generate({
      within: lasts,
      count: yield* pick([3, 3], [3, 6], [1, 12]),
      userIds,
      ...(mild ? { kinds: mildKinds } : {})
    })
    const latency: Array<Fault> = (yield* chance(0.6))
      ? [{ _tag: "Delay", direction: "both", millis: yield* Random.nextIntBetween(1, 250) }]
      : []
    const faults = [...latency, ...single, ...((yield* chance(0.5)) ? yield* outage(lasts, mild) : [])]
    const naps: Array<Schedule["naps"][number]> = []
    while (yield* chance(0.2)) {
      const from = yield* Random.nextIntBetween(0, lasts)
      naps.push({ who: yield* oneOf(who), from, millis: yield* Random.nextIntBetween(100, lasts - from + 100) })
    }
    const actions: Array<Action> = []
    const visitors = all.filter((name) => name === "ann" || name === "bob")
    for (const name of visitors) {
      if (yield* chance(0.85)) {
        actions.push({ at: yield* Random.nextIntBetween(500, 5000), who: name, what: "person" })
      }
    }
    const count = yield* Random.nextIntBetween(5, 22)
    for (let index = 0; index < count; index++) {
      const at = yield* Random.nextIntBetween(4000, lasts)
      const name = yield* oneOf([...all, ...who])
      const isStaff = name === "li" || name === "wang"
      const what = yield* pick<Action["what"]>(
        [60, "send"],
        [5, "recall"],
        [8, "read"],
        [6, "type"],
        [isStaff ? 0 : 3, "person"],
        [2, "end"],
        [3, "rest"],
        [2, "retryNow"],
        [3, "reopen"],
        // Who loses a conversation cannot read what it missed there: that is told as a gap, and rightly.
        [isStaff && !mild ? 2 : 0, "transfer"],
        [1.2, "leave"]
      )
      const to = isStaff ? { to: yield* oneOf(visitors) } : {}
      // People write in bursts.
      const times = what === "send" ? yield* pick([6, 1], [2, 2], [1, 5]) : 1
      for (let time = 0; time < times; time++) {
        actions.push({ at: at + time * (yield* Random.nextIntBetween(0, 300)), who: name, what, ...to })
      }
    }
    // Much is on its way when something happens.
    for (const { from = 0 } of faults) {
      if (yield* chance(0.5)) continue
      const isStaff = yield* chance(0.5)
      const times = yield* Random.nextIntBetween(1, 2)
      for (let time = 0; time < times; time++) {
        const at = Math.max(0, from + (yield* Random.nextIntBetween(-400, 200)))
        actions.push(isStaff ? { at, who: "li", what: "send", to: "ann" } : { at, who: "ann", what: "send" })
      }
    }
    const listeners: Array<Listener> = all.map((name) => ({ who: name, from: 0 }))
    if (yield* chance(0.4)) {
      listeners.push({
        who: yield* oneOf(who),
        from: yield* pick([1, 0], [1, Math.floor(lasts / 2)]),
        bufferSize: yield* Random.nextIntBetween(1, 6),
        overflow: yield* oneOf(["lagged", "suspend", "fail"] as const),
        millis: yield* Random.nextIntBetween(0, 3000)
      })
    }
    return {
      seed,
      mild,
      lasts,
      who: all,
      outbox: yield* chance(0.75),
      messagesPerConversation: mild ? 1000 : yield* pick([3, 50], [1, 1000], [1, 5], [1, 1], [1, 0]),
      maxOutgoingFrames: yield* pick([3, 1024], [1, 8]),
      faults,
      naps,
      actions: actions.toSorted((left, right) => left.at - right.at),
      listeners
    }
  }).pipe(Random.withSeed(seed))

export const format = Schema.encodeSync(Schema.fromJsonString(Schedule))
export const parse = Schema.decodeSync(Schema.fromJsonString(Schedule))

const without = <A>(items: ReadonlyArray<A>, from: number, count: number): ReadonlyArray<A> => [
  ...items.slice(0, from),
  ...items.slice(from + count)
]

/** Simpler schedules, the simplest first. */
const simpler = (schedule: Schedule): ReadonlyArray<Schedule> => {
  const found: Array<Schedule> = []
  for (const key of ["naps", "faults", "actions", "listeners"] as const) {
    const items = schedule[key]
    for (let size = items.length; size >= 1; size = Math.floor(size / 2)) {
      for (let from = 0; from + size <= items.length; from += size) {
        found.push({ ...schedule, [key]: without<unknown>(items, from, size) })
      }
    }
  }
  if (schedule.who.length > 2) {
    for (const name of schedule.who.slice(2)) {
      found.push({
        ...schedule,
        who: schedule.who.filter((other) => other !== name),
        actions: schedule.actions.filter(({ to, who }) => who !== name && to !== name),
        naps: schedule.naps.filter(({ who }) => who !== name),
        listeners: schedule.listeners.filter(({ who }) => who !== name)
      })
    }
  }
  return found
}

/** Leaves out whatever the failure does not need, as long as `fails` says that it still fails. */
export const shrink = Effect.fnUntraced(function* <E, R>(
  schedule: Schedule,
  fails: (candidate: Schedule) => Effect.Effect<boolean, E, R>,
  budget = 300
) {
  let best = schedule
  let left = budget
  for (let progress = true; progress && left > 0;) {
    progress = false
    for (const candidate of simpler(best)) {
      if (left-- <= 0) break
      if (yield* fails(candidate)) {
        best = candidate
        progress = true
        break
      }
    }
  }
  return best
})

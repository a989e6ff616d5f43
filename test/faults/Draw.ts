/** Draws schedules: always the same one for the same seed and switches. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { Fault } from "../../src/sandbox/faults/Fault.ts"
import * as FaultPlan from "../../src/sandbox/faults/FaultPlan.ts"
import { isStaff as isStaffName, type Name, people } from "./People.ts"
import { type Action, type Listener, type Schedule, standing, type Switch } from "./Schedule.ts"
import type { Trouble } from "./Trouble.ts"

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

const plain = (seed: string): Effect.Effect<Schedule> =>
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
      const isStaff = isStaffName(name)
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
      switches: [],
      troubles: [],
      actions: actions.toSorted((left, right) => left.at - right.at),
      listeners
    }
  }).pipe(Random.withSeed(seed))

/** What makes trouble of a kind, and what is under way when it comes. */
interface Drawn {
  readonly troubles: ReadonlyArray<Trouble>
  readonly actions?: ReadonlyArray<Action>
  readonly faults?: ReadonlyArray<Fault>
  /** Nothing else goes wrong. */
  readonly calm?: boolean
}

const moment = ({ lasts }: Schedule) => Random.nextIntBetween(4000, lasts)

const span = Effect.fnUntraced(function* (schedule: Schedule, longest: number) {
  const from = yield* moment(schedule)
  return { from, until: from + (yield* Random.nextIntBetween(1000, longest)) }
})

const someone = ({ who }: Schedule) => oneOf(who)

/** Sends that are on their way at a moment. */
const around = Effect.fnUntraced(function* (who: Name, at: number) {
  const to = isStaffName(who) ? ({ to: "ann" } as const) : {}
  const actions: Array<Action> = []
  for (let left = yield* Random.nextIntBetween(1, 4); left > 0; left--) {
    actions.push({ at: Math.max(0, at + (yield* Random.nextIntBetween(-500, 300))), who, what: "send", ...to })
  }
  return actions
})

const troublesOf: { readonly [Kind in Exclude<Switch, "order">]: (schedule: Schedule) => Effect.Effect<Drawn> } = {
  clock: Effect.fnUntraced(function* (schedule) {
    const millis = yield* pick([2, -3_600_000], [2, 3_600_000], [1, -86_400_000], [1, -5000], [1, 5000])
    const who = yield* someone(schedule)
    const troubles: Array<Trouble> = [{ _tag: "ClockSet", who, at: yield* moment(schedule), millis }]
    if (yield* chance(0.3)) troubles.push({ _tag: "ClockSet", who, at: yield* moment(schedule), millis: -millis })
    return { troubles, calm: yield* chance(0.4) }
  }),
  account: Effect.fnUntraced(function* (schedule) {
    const at = yield* moment(schedule)
    return { troubles: [{ _tag: "AccountReplaced", who: "ann", at }], actions: yield* around("ann", at) }
  }),
  retryAfter: Effect.fnUntraced(function* (schedule) {
    const value = yield* oneOf(["0", "-3", "1e-9", "past", "soon", "garbage", "99999999999"] as const)
    const status = yield* oneOf([429, 503] as const)
    const times = yield* span(schedule, 20_000)
    return {
      troubles: [{ _tag: "RetryAfter", ...times, status, value }],
      faults: [{ _tag: "Reset", from: times.from }]
    }
  }),
  lateDials: Effect.fnUntraced(function* (schedule) {
    const millis = yield* Random.nextIntBetween(9000, 25_000)
    const times = yield* span(schedule, 15_000)
    return {
      troubles: [{ _tag: "LateDials", ...times, millis }],
      faults: [{ _tag: "Reset", from: times.from }]
    }
  }),
  store: Effect.fnUntraced(function* (schedule) {
    const how = yield* oneOf(["get", "set", "torn"] as const)
    const times = (yield* chance(0.3)) ? { from: 0, until: schedule.lasts } : yield* span(schedule, schedule.lasts)
    return { troubles: [{ _tag: "StoreFails", ...times, who: yield* someone(schedule), how }] }
  }),
  kill: Effect.fnUntraced(function* (schedule) {
    const who = yield* someone(schedule)
    const at = yield* moment(schedule)
    const millis = yield* Random.nextIntBetween(1, 15_000)
    return { troubles: [{ _tag: "Killed", who, at, millis }], actions: yield* around(who, at) }
  }),
  secondSession: Effect.fnUntraced(function* (schedule) {
    const who = yield* someone(schedule)
    const times = yield* span(schedule, 8000)
    const says = yield* Random.nextIntBetween(1, 3)
    return { troubles: [{ _tag: "SecondSession", ...times, who, says }], actions: yield* around(who, times.from) }
  }),
  oddFields: Effect.fnUntraced(function* (schedule) {
    const every = yield* Random.nextIntBetween(1, 4)
    const times = (yield* chance(0.5)) ? { from: 0, until: schedule.lasts } : yield* span(schedule, schedule.lasts)
    return { troubles: [{ _tag: "OddFields", ...times, every }] }
  }),
  deadUpstream: Effect.fnUntraced(function* (schedule) {
    const who = yield* someone(schedule)
    const at = yield* moment(schedule)
    return { troubles: [{ _tag: "DeadUpstream", who, at }], actions: yield* around(who, at) }
  })
}

/**
 * The schedule of a seed. What the switches add is drawn by itself, so that a switch leaves the rest as it is. With one
 * switch its kind of trouble is certain, with several each is in some of the schedules.
 */
export const draw = (seed: string, on: ReadonlyArray<Switch> = standing): Effect.Effect<Schedule> =>
  Effect.gen(function* () {
    const schedule = yield* plain(seed)
    const troubles: Array<Trouble> = []
    const actions = schedule.actions.slice()
    const faults = schedule.faults.slice()
    let calm = false
    for (const kind of on) {
      if (kind === "order" || (on.length > 1 && !(yield* chance(0.4)))) continue
      const drawn = yield* troublesOf[kind](schedule)
      troubles.push(...drawn.troubles)
      actions.push(...(drawn.actions ?? []))
      faults.push(...(drawn.faults ?? []))
      calm ||= on.length === 1 && drawn.calm === true
    }
    const named: Array<Action> = []
    for (const action of actions) {
      const mayName = on.includes("order") && action.what === "send" && !isStaffName(action.who)
      named.push(mayName && (yield* chance(0.5)) ? { ...action, named: true } : action)
    }
    return {
      ...schedule,
      ...(calm ? { faults: [], naps: [] } : { faults }),
      switches: on,
      troubles,
      actions: named.toSorted((left, right) => left.at - right.at)
    }
  }).pipe(Random.withSeed(`${seed} ${on.join(" ")}`))

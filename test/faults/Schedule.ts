/** What happens in one run of the model: who does what and when, and what goes wrong. All of it is data. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as FaultPlan from "../../src/sandbox/faults/FaultPlan.ts"
import { Name } from "./People.ts"
import { Trouble } from "./Trouble.ts"

/**
 * What a schedule may hold beyond the plain faults, each behind a switch of its own: the troubles of its kind are drawn,
 * and the promise that they put to the test is judged.
 */
const Switch = Schema.Literals([
  "clock",
  "account",
  "retryAfter",
  "lateDials",
  "store",
  "kill",
  "secondSession",
  "oddFields",
  "deadUpstream",
  /** No trouble: visitors name their conversation now and then, and all that they say is one sequence. */
  "order"
])
export type Switch = typeof Switch.Type
export const switches = Switch.literals

/**
 * The switches that are on by default: all, since no schedule of the tests breaks a promise with them. A new one is left out
 * until its promise is kept.
 */
export const standing: ReadonlyArray<Switch> = switches

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
  to: Schema.optionalKey(Name),
  /** A visitor who names the conversation, which need not be. */
  named: Schema.optionalKey(Schema.Boolean)
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
  switches: Schema.Array(Switch),
  troubles: Schema.Array(Trouble),
  actions: Schema.Array(Action),
  listeners: Schema.Array(Listener)
})
export type Schedule = typeof Schedule.Type

/** Whether the outboxes have a store. */
export const hasStore = ({ switches }: Schedule): boolean => switches.some((one) => one === "store" || one === "kill")

export const format = Schema.encodeSync(Schema.fromJsonString(Schedule))
export const parse = Schema.decodeSync(Schema.fromJsonString(Schedule))

const without = <A>(items: ReadonlyArray<A>, from: number, count: number): ReadonlyArray<A> => [
  ...items.slice(0, from),
  ...items.slice(from + count)
]

/** Simpler schedules, the simplest first. */
const simpler = (schedule: Schedule): ReadonlyArray<Schedule> => {
  const found: Array<Schedule> = []
  for (const key of ["troubles", "naps", "faults", "actions", "listeners"] as const) {
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
        troubles: schedule.troubles.filter((trouble) => !("who" in trouble) || trouble.who !== name),
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

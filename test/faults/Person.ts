/** What is noted of the people of a run, and what they share. */
import type * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type { ConversationId, MessageId, UserId } from "../../src/domain/Id.ts"
import type { KefuError } from "../../src/KefuError.ts"
import type { ConnectionState } from "../../src/realtime/ConnectionState.ts"
import type { RealtimeEvent } from "../../src/realtime/RealtimeEvent.ts"
import type { Sandbox, SandboxShape } from "../../src/sandbox/Sandbox.ts"
import { type Name, people } from "./People.ts"
import type { Listener, Schedule } from "./Schedule.ts"
import { ofTag, type Trouble } from "./Trouble.ts"

/** How long a send waits for a connection. */
export const lifetime = 40_000

export interface Send {
  readonly who: Name
  readonly content: string
  readonly to: Name | undefined
  /** The account to which it was addressed: to staff, a visitor with a new account is somebody else. */
  readonly toId: UserId | undefined
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
  /** How often another tab has dialled. */
  dialsElsewhere: number
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
  dialsElsewhere: 0,
  elsewhere: 0,
  stuck: 0,
  state: undefined,
  left: new Map()
})

export const troublesOf = <Tag extends Trouble["_tag"]>(person: Person, { schedule }: Stage, tag: Tag) =>
  ofTag(tag)(schedule.troubles).filter((trouble) => "who" in trouble && trouble.who === person.name)

/** Something that the session need not settle when it is closed. */
export const elsewhere = <A, E>(person: Person, effect: Effect.Effect<A, E>) =>
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

/**
 * The sends that the outbox knows, by key, and the lanes in which the unsettled ones wait.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Metric from "effect/Metric"
import type { ConversationId } from "../../domain/Id.ts"
import { DeliveryUnknown, KefuError, type KefuErrorReason } from "../../KefuError.ts"
import * as metrics from "../../platform/metrics.ts"
import type { SendPayload } from "../../wire/Frame.ts"
import type { OutboxEntry, OutboxKey, SentEntry } from "../OutboxEntry.ts"
import { isSettled, OutboxState } from "../OutboxState.ts"
import * as changes from "./changes.ts"
import type { Attempt, Ledger } from "./ledger.ts"

/** One send, from `enqueue` or `retry` until it has settled. */
export interface Send {
  entry: OutboxEntry
  /** What goes out; undefined until the file is uploaded. */
  message: SendPayload | undefined
  /** When it expires, in milliseconds since 1970, if it still waits for a connection. */
  deadline: number
  /** The hand-over to a connection whose outcome is not known yet. */
  attempt: Attempt | undefined
  /** Earlier attempts whose outcome stayed unknown until the app called `retry`. */
  doubts: ReadonlyArray<Attempt>
  /** The history has yet to be read for `doubts`. */
  recheck: boolean
  /** How often its current step has failed in a row. */
  failures: number
  readonly done: Deferred.Deferred<SentEntry, KefuError>
}

/** The unsettled sends of one conversation, in order. A lane is served as long as it exists. */
export interface Lane {
  readonly conversationId: ConversationId | undefined
  readonly sends: Array<Send>
  /** Opens when a deadline is added. */
  readonly deadlines: Latch.Latch
}

export const makeSend = (
  entry: OutboxEntry,
  message: SendPayload | undefined,
  deadline: number,
  doubts: ReadonlyArray<Attempt> = []
): Send => ({
  entry,
  message,
  deadline,
  attempt: undefined,
  doubts,
  recheck: doubts.length > 0,
  failures: 0,
  done: Deferred.makeUnsafe()
})

/** Waits until a send has settled. */
export const settled = ({ done }: Send): Effect.Effect<undefined> =>
  Effect.as(Effect.exit(Deferred.await(done)), undefined)

export const isOpen = ({ entry }: Send): boolean => !isSettled(entry.state)

/** Whether nothing of it has been handed to a connection. */
export const isWaiting = ({ entry: { state } }: Send): boolean => state._tag === "Queued" || state._tag === "Uploading"

/** Whether the app sees it among the entries: it is open, or failed and not cancelled. */
export const isListed = ({ entry: { state } }: Send): boolean =>
  state._tag !== "Sent" && !(state._tag === "Failed" && state.reason._tag === "Cancelled")

export interface Options {
  /** How many settled sends are remembered. */
  readonly capacity: number
  readonly ledger: Ledger
  /** Starts to serve a new lane. */
  readonly serve: (lane: Lane) => void
  /** Runs after a send is added or settled. */
  readonly onChange: Effect.Effect<void>
}

export class Registry {
  readonly #options: Options
  readonly #sends = new Map<OutboxKey, Send>()
  readonly #lanes = new Map<ConversationId | undefined, Lane>()
  readonly #changes = changes.make(() => this.entries)

  constructor(options: Options) {
    this.#options = options
  }

  /** The entries, then each one that changes. */
  readonly changes = this.#changes.stream

  readonly #changed = Effect.suspend(() =>
    Effect.andThen(Metric.update(metrics.outboxDepth, this.open.length), this.#options.onChange)
  )

  get all(): ReadonlyArray<Send> {
    return Array.from(this.#sends.values())
  }

  get open(): ReadonlyArray<Send> {
    return this.all.filter(isOpen)
  }

  get entries(): ReadonlyArray<OutboxEntry> {
    return this.all
      .filter(isListed)
      .map(({ entry }) => entry)
      .toSorted((left, right) => left.enqueuedAt - right.enqueuedAt)
  }

  get laneCount(): number {
    return this.#lanes.size
  }

  get(key: OutboxKey): Send | undefined {
    return this.#sends.get(key)
  }

  /** Adds a send to the end of its lane, or by its age if an earlier session left it. */
  add(send: Send, order: "last" | "by age" = "last"): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { conversationId } = send.entry.draft
      const existing = this.#lanes.get(conversationId)
      const lane = existing ?? { conversationId, sends: [], deadlines: Latch.makeUnsafe() }
      this.#remember(send)
      lane.sends.push(send)
      if (order === "by age") lane.sends.sort((left, right) => left.entry.enqueuedAt - right.entry.enqueuedAt)
      this.#changes.push(send.entry)
      lane.deadlines.openUnsafe()
      if (existing === undefined) {
        this.#lanes.set(conversationId, lane)
        this.#options.serve(lane)
      }
      return this.#changed
    })
  }

  /** Adds a send whose outcome an earlier session could not find out. */
  addUnknown(send: Send, detail: string): Effect.Effect<void> {
    this.#remember(send)
    return this.unknown(send, detail)
  }

  /** The send whose turn it is; removes the lane if there is none. */
  head(lane: Lane): Send | undefined {
    if (lane.sends.length === 0) this.removeLane(lane)
    return lane.sends[0]
  }

  removeLane(lane: Lane): void {
    if (this.#lanes.get(lane.conversationId) === lane) this.#lanes.delete(lane.conversationId)
  }

  /** Enters a state on the way, unless the send has settled. */
  enter(send: Send, state: OutboxState, changes?: Partial<OutboxEntry>): void {
    if (!isOpen(send)) return
    send.entry = { ...send.entry, ...changes, state }
    this.#changes.push(send.entry)
  }

  /** The attempt did not go out or got lost: the send waits again. */
  requeue(send: Send, attempt: Attempt): void {
    this.#options.ledger.end(attempt)
    send.attempt = undefined
    this.enter(send, OutboxState.Queued())
  }

  settle(send: Send, state: Settled): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!isOpen(send)) return Effect.void
      const lane = this.#lanes.get(send.entry.draft.conversationId)?.sends ?? []
      if (lane.includes(send)) lane.splice(lane.indexOf(send), 1)
      const isUnknown = state._tag === "DeliveryUnknown"
      if (isUnknown && send.attempt !== undefined) send.attempt.unknown = true
      this.enter(send, state)
      this.#remember(send)
      const settled = this.all.filter((other) => !isOpen(other))
      const excess = Math.max(0, settled.length - this.#options.capacity)
      for (const { entry } of settled.slice(0, excess)) this.#sends.delete(entry.key)
      Deferred.doneUnsafe(send.done, outcome(send.entry, state))
      return Effect.andThen(isUnknown ? Metric.update(metrics.outboxUnknowns, 1) : Effect.void, this.#changed)
    })
  }

  unknown(send: Send, detail: string): Effect.Effect<void> {
    return this.settle(send, OutboxState.DeliveryUnknown({ detail }))
  }

  /** Settles a send that did not go out: `Failed`, unless an earlier attempt may have arrived. */
  fail(send: Send, reason: KefuErrorReason): Effect.Effect<void> {
    return send.doubts.length === 0
      ? this.settle(send, OutboxState.Failed({ reason }))
      : this.unknown(send, `an earlier attempt may have arrived; this one: ${reason.message}`)
  }

  discard(send: Send): void {
    this.#sends.delete(send.entry.key)
    this.#changes.push({ ...send.entry, state: OutboxState.Discarded() })
  }

  /** Forgets all sends and ends the streams of changes. */
  end(): void {
    this.#changes.end()
    this.#sends.clear()
  }

  /** Puts a send behind all others. */
  #remember(send: Send): void {
    this.#sends.delete(send.entry.key)
    this.#sends.set(send.entry.key, send)
  }
}

type Settled = Extract<OutboxState, { readonly _tag: "Sent" | "Failed" | "DeliveryUnknown" }>

const outcome = (entry: OutboxEntry, state: Settled): Exit.Exit<SentEntry, KefuError> => {
  if (state._tag === "Sent") return Exit.succeed({ ...entry, id: state.id })
  const reason = state._tag === "Failed" ? state.reason : new DeliveryUnknown({ detail: state.detail })
  return Exit.fail(new KefuError({ method: "Outbox.send", reason }))
}

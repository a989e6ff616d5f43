/**
 * The sends that the outbox knows, by key, and the lanes in which the unsettled ones wait.
 */
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import type { MessageId, UserId } from "../../domain/Id.ts"
import type { User } from "../../domain/User.ts"
import { isVisitor } from "../../domain/Perspective.ts"
import { DeliveryUnknown, KefuError, type SendReason } from "../../KefuError.ts"
import * as metrics from "../../platform/metrics.ts"
import type { SendPayload } from "../../wire/Frame.ts"
import type { OutboxEntry, OutboxKey, SentEntry } from "../OutboxEntry.ts"
import { isSettled, OutboxState } from "../OutboxState.ts"
import * as changes from "./changes.ts"
import type { Deadlines } from "./deadlines.ts"
import type { Attempt, Ledger } from "./ledger.ts"

/** One send, from `enqueue` or `retry` until it has settled. */
export interface Send {
  entry: OutboxEntry
  /** What goes out; undefined until the file is uploaded. */
  message: SendPayload | undefined
  /** When it expires, in elapsed milliseconds, if it still waits for a connection. */
  deadline: number
  /** Its place among all sends. */
  order: number
  /** The hand-over to a connection whose outcome is not known yet. */
  attempt: Attempt | undefined
  /** Earlier attempts whose outcome stayed unknown until the app called `retry`. */
  doubts: ReadonlyArray<Attempt>
  /** The history has yet to be read for `doubts`. */
  recheck: boolean
  /** How often its current step has failed in a row. */
  failures: number
  done: Deferred.Deferred<SentEntry, KefuError<SendReason>>
}

/**
 * Unsettled sends that go out one after the other: all of a visitor's, and those of the staff to one visitor. Until it is
 * known whose session it is, there is one lane. A lane is served as long as it exists.
 */
export interface Lane {
  readonly toId: UserId | undefined
  readonly sends: Array<Send>
}

export const makeSend = (
  entry: OutboxEntry,
  message: SendPayload | undefined,
  deadline: number,
  order: number,
  doubts: ReadonlyArray<Attempt> = []
): Send => ({
  entry,
  message,
  deadline,
  order,
  attempt: undefined,
  doubts,
  recheck: doubts.length > 0,
  failures: 0,
  done: Deferred.makeUnsafe()
})

/** Whether somebody names the visitor to whom a message goes, as staff do. An unknown kind of user may be either. */
export const writesToVisitors = (user: User): boolean => user.userType !== "" && !isVisitor(user)

/** Waits until a send has settled. */
export const settled = ({ done }: Send): Effect.Effect<undefined> =>
  Effect.as(Effect.exit(Deferred.await(done)), undefined)

export const isOpen = ({ entry }: Send): boolean => !isSettled(entry.state)

/** Whether nothing of it has been handed to a connection. */
export const isWaiting = ({ entry: { state } }: Send): boolean => state._tag === "Queued" || state._tag === "Uploading"

/** Whether the app sees it among the entries, until it discards it: it is open, or failed and not cancelled. */
export const isListed = ({ entry: { state } }: Send): boolean =>
  state._tag !== "Sent" && !(state._tag === "Failed" && state.reason._tag === "Cancelled")

export interface Options {
  /** How many sent and cancelled sends are remembered. */
  readonly capacity: number
  /** How long a send waits for a connection, in milliseconds. */
  readonly lifetime: number
  readonly ledger: Ledger
  /** The current user, as far as known. */
  readonly user: () => User | undefined
  /** Starts to serve a new lane. */
  readonly serve: (lane: Lane) => void
  readonly deadlines: Deadlines
  /** Runs after a send is settled. */
  readonly onSettled: (send: Send) => Effect.Effect<unknown>
}

export class Registry {
  readonly #options: Options
  readonly #sends = new Map<OutboxKey, Send>()
  readonly #open = new Set<Send>()
  /** The sends of which the app needs to decide nothing, the oldest first. */
  readonly #over = new Set<OutboxKey>()
  /** The sends whose outcome is unknown. */
  readonly #undecided = new Map<OutboxKey, Send>()
  readonly #lanes = new Map<UserId | undefined, Lane>()
  /** Stored sends of earlier sessions, which are shown until a connection tells whose they are. */
  readonly #stored = new Map<OutboxKey, OutboxEntry>()
  #orders = 0
  #counted = 0
  readonly #changes = changes.make(() => this.entries)

  constructor(options: Options) {
    this.#options = options
  }

  /** The entries, then each one that changes. */
  readonly changes = this.#changes.stream

  get lifetime(): number {
    return this.#options.lifetime
  }

  get all(): ReadonlyArray<Send> {
    return Array.from(this.#sends.values())
  }

  get open(): ReadonlyArray<Send> {
    return Array.from(this.#open)
  }

  get undecided(): ReadonlyArray<Send> {
    return this.#undecided.size === 0 ? none : Array.from(this.#undecided.values())
  }

  get openCount(): number {
    return this.#open.size
  }

  get entries(): ReadonlyArray<OutboxEntry> {
    const listed = this.all
      .filter(isListed)
      .toSorted(byOrder)
      .map(({ entry }) => entry)
    return [...this.#stored.values(), ...listed]
  }

  get laneCount(): number {
    return this.#lanes.size
  }

  get(key: OutboxKey): Send | undefined {
    return this.#sends.get(key)
  }

  /** The place of the next send. */
  nextOrder(): number {
    return ++this.#orders
  }

  /** Moves the open sends behind those that earlier sessions left; false if they are behind them already. */
  makeRoom(top: number): boolean {
    const least = this.open.reduce((found, { order }) => Math.min(found, order), Infinity)
    if (least <= top) for (const send of this.open) send.order += top - least + 1
    this.pass(top)
    return least <= top
  }

  /** Has later sends come after this place. */
  pass(top: number): void {
    this.#orders = this.all.reduce((found, { order }) => Math.max(found, order), Math.max(top, this.#orders))
  }

  /** Shows stored sends before it is known whether they are this session's to send. */
  show(entries: ReadonlyArray<OutboxEntry>): void {
    for (const entry of entries) {
      if (this.#sends.has(entry.key)) continue
      this.#stored.set(entry.key, entry)
      this.#changes.push(entry)
    }
  }

  /** Stops showing the stored sends that are not this session's. */
  hide(): void {
    for (const entry of this.#stored.values()) this.#changes.push({ ...entry, state: OutboxState.Discarded() })
    this.#stored.clear()
  }

  /** Adds a send to its lane. */
  add(send: Send): Effect.Effect<void> {
    return Effect.suspend(() => {
      const lane = this.#laneFor(send)
      const isNew = this.#lanes.get(lane.toId) !== lane
      this.#remember(send)
      this.#open.add(send)
      const last = lane.sends.at(-1)
      lane.sends.push(send)
      if (last !== undefined && last.order > send.order) lane.sends.sort(byOrder)
      this.#changes.push(send.entry)
      if (isNew) {
        this.#lanes.set(lane.toId, lane)
        this.#options.serve(lane)
      }
      // It may have gone out already.
      if (send.entry.state._tag === "Queued") this.#options.deadlines.add(send.deadline)
      return this.#measured
    })
  }

  /** The lane that holds earlier sends to the same person, or a new one. */
  #laneFor({ entry }: Send): Lane {
    const user = this.#options.user()
    const isStaff = user !== undefined && writesToVisitors(user)
    const { toId } = entry.draft
    const lanes = Array.from(this.#lanes.values())
    const holds = (lane: Lane, id: UserId | undefined) => lane.sends.some(({ entry: { draft } }) => draft.toId === id)
    const found = isStaff
      ? (lanes.find((lane) => holds(lane, toId)) ??
        lanes.find((lane) => lane.toId === undefined && holds(lane, undefined)))
      : undefined
    const key = isStaff ? toId : undefined
    return found ?? this.#lanes.get(key) ?? { toId: key, sends: [] }
  }

  /** Other sessions of the process count their sends in the same gauge. */
  readonly #measured = Effect.contextWith((context: Context.Context<never>) => {
    metrics.outboxDepth.modifyUnsafe(this.#open.size - this.#counted, context)
    this.#counted = this.#open.size
    return Effect.void
  })

  /** Adds a send whose outcome an earlier session could not find out. */
  addUnknown(send: Send, detail: string): Effect.Effect<void> {
    this.#open.add(send)
    this.#remember(send)
    return this.unknown(send, detail)
  }

  /** The send whose turn it is; removes the lane if there is none. */
  head(lane: Lane): Send | undefined {
    if (lane.sends.length === 0) this.removeLane(lane)
    return lane.sends[0]
  }

  removeLane(lane: Lane): void {
    if (this.#lanes.get(lane.toId) === lane) this.#lanes.delete(lane.toId)
  }

  /** Enters a state on the way, unless the send has settled. */
  enter(send: Send, state: OutboxState, changes?: Partial<OutboxEntry>): void {
    if (!isOpen(send)) return
    send.entry = { ...send.entry, ...changes, state }
    this.#changes.push(send.entry)
    if (state._tag === "Queued") this.#options.deadlines.add(send.deadline)
  }

  /** Names the recipient of a send. */
  address(send: Send, toId: UserId): void {
    send.entry = { ...send.entry, draft: { ...send.entry.draft, toId } }
    send.message = send.message && { ...send.message, toId }
  }

  /** The attempt did not go out or got lost: the send waits again, or expires at once if its time is over. */
  requeue(send: Send, attempt: Attempt): void {
    this.#end(send, attempt)
    this.enter(send, OutboxState.Queued())
  }

  /** The attempt was refused. */
  refuse(send: Send, attempt: Attempt, reason: SendReason): Effect.Effect<void> {
    this.#end(send, attempt)
    return this.fail(send, reason)
  }

  #end(send: Send, attempt: Attempt): void {
    this.#options.ledger.end(attempt)
    send.attempt = undefined
  }

  settle(send: Send, state: Settled): Effect.Effect<void> {
    // Those who wait for it may end what settles it, so it comes last.
    return Effect.uninterruptible(
      Effect.suspend(() => {
        if (!isOpen(send)) return Effect.void
        for (const { sends } of this.#lanes.values()) {
          const at = sends.indexOf(send)
          if (at >= 0) sends.splice(at, 1)
        }
        const isUnknown = state._tag === "DeliveryUnknown"
        if (isUnknown && send.attempt !== undefined) send.attempt.unknown = true
        this.enter(send, state)
        this.#open.delete(send)
        if (this.#open.size === 0) this.#options.deadlines.end()
        this.#remember(send)
        this.#forget()
        const done = Effect.asVoid(Deferred.done(send.done, outcome(send.entry, state)))
        const noted = this.#measured.pipe(Effect.andThen(this.#options.onSettled(send)), Effect.andThen(done))
        return isUnknown ? Effect.andThen(Metric.update(metrics.outboxUnknowns, 1), noted) : noted
      })
    )
  }

  /** Notes that a send whose outcome may already have been given as unknown has arrived. */
  arrived(send: Send, id: MessageId): Effect.Effect<void> {
    const { attempt, entry } = send
    const state = OutboxState.Sent({ id })
    if (attempt === undefined) this.#options.ledger.own(id)
    else this.#options.ledger.sent(attempt, id)
    if (isOpen(send)) return this.settle(send, state)
    if (entry.state._tag !== "DeliveryUnknown") return Effect.void
    send.entry = { ...entry, state }
    send.done = Deferred.makeUnsafe()
    Deferred.doneUnsafe(send.done, outcome(send.entry, state))
    this.#remember(send)
    this.#changes.push(send.entry)
    return Effect.asVoid(this.#options.onSettled(send))
  }

  /** Forgets the oldest sends of which the app needs to decide nothing. */
  #forget(): void {
    for (const oldest of this.#over) {
      if (this.#over.size <= this.#options.capacity) break
      this.#over.delete(oldest)
      this.#sends.delete(oldest)
    }
  }

  unknown(send: Send, detail: string): Effect.Effect<void> {
    const id = send.attempt && this.#options.ledger.sighting(send.attempt)
    return id === undefined ? this.settle(send, OutboxState.DeliveryUnknown({ detail })) : this.arrived(send, id)
  }

  /** Settles a send that did not go out: `Failed`, unless an earlier attempt may have arrived. */
  fail(send: Send, reason: SendReason): Effect.Effect<void> {
    return send.doubts.length === 0
      ? this.settle(send, OutboxState.Failed({ reason }))
      : this.unknown(send, `an earlier attempt may have arrived; this one: ${reason.message}`)
  }

  discard(send: Send): void {
    this.#sends.delete(send.entry.key)
    this.#over.delete(send.entry.key)
    this.#undecided.delete(send.entry.key)
    this.#changes.push({ ...send.entry, state: OutboxState.Discarded() })
  }

  /** Forgets all sends and ends the streams of changes. */
  end(): void {
    this.#changes.end()
    this.#sends.clear()
    this.#open.clear()
    this.#over.clear()
    this.#undecided.clear()
  }

  /** Puts a send behind all others. */
  #remember(send: Send): void {
    this.#stored.delete(send.entry.key)
    const { key } = send.entry
    this.#sends.delete(key)
    this.#sends.set(key, send)
    this.#over.delete(key)
    if (!isListed(send)) this.#over.add(key)
    if (send.entry.state._tag === "DeliveryUnknown") this.#undecided.set(key, send)
    else this.#undecided.delete(key)
  }
}

const none: ReadonlyArray<Send> = []

const byOrder = (left: Send, right: Send): number => left.order - right.order

type Settled = Extract<OutboxState, { readonly _tag: "Sent" | "Failed" | "DeliveryUnknown" }>

const outcome = (entry: OutboxEntry, state: Settled): Exit.Exit<SentEntry, KefuError<SendReason>> => {
  if (state._tag === "Sent") return Exit.succeed({ ...entry, id: state.id })
  const reason = state._tag === "Failed" ? state.reason : new DeliveryUnknown({ detail: state.detail })
  return Exit.fail(new KefuError({ method: "Outbox.send", reason }))
}

/**
 * What the store holds of this session's sends, and where.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { UserId } from "../../domain/Id.ts"
import * as elapsed from "../../platform/elapsed.ts"
import type { GuardedStore } from "./guardedStore.ts"
import type { OutboxEntry } from "../OutboxEntry.ts"
import { isOpen, type Registry, type Send } from "./registry.ts"
import type { StrictStore } from "../strictStore.ts"
import type { Arrival, Store, Stored, StoredSend } from "./store.ts"

/** Where in the store this session reads and writes. */
export interface Place {
  /** Its account's part, or its login's until the account is known. */
  part: string | undefined
  /** The part of its login until the account was known. */
  login: string | undefined
  account: UserId | undefined
  /** Other sessions may look for what became of their sends. */
  isShared: boolean
}

/** What the store holds of one send. */
interface Kept {
  /** The slots of its versions, the oldest first. */
  readonly names: ReadonlyArray<string>
  readonly version: number
  readonly creator: string
}

/** Whether the history is still read for a send, where another one could be mistaken for it. */
const mayBeFound = ({ attempt, doubts, entry: { state } }: Send): boolean =>
  state._tag !== "Sent" && state._tag !== "Failed" && (attempt !== undefined || doubts.length > 0)

const isExpired = ({ state }: OutboxEntry): boolean => state._tag === "Failed" && state.reason._tag === "OutboxExpired"

/** When a send expired that the app was told of: it stays so, however the wall clock is set. */
const longAgo = Number.MIN_SAFE_INTEGER

const toStored = Effect.fnUntraced(function* (send: Send, version: number, creator: string) {
  const { attempt, deadline, entry, message, order } = send
  const { draft, enqueuedAt, key, state } = entry
  if (message === undefined || state._tag === "Sent" || (state._tag === "Failed" && !isExpired(entry))) return undefined
  const { conversationId } = draft
  const expiresAt = isExpired(entry) ? longAgo : (yield* Clock.currentTimeMillis) + deadline - (yield* elapsed.now)
  const stored: StoredSend = {
    _tag: "Send",
    key,
    version,
    creator,
    message,
    order,
    enqueuedAt,
    expiresAt,
    ...(conversationId === undefined ? {} : { conversationId }),
    ...(attempt === undefined ? {} : { attempt: attempt.after === undefined ? {} : { after: attempt.after } }),
    ...(state._tag === "DeliveryUnknown" ? { unknown: state.detail } : {})
  }
  return stored
})

/** Removes records, the oldest first: what is left always is the latest version. */
export const removeAll = (from: Store, names: ReadonlyArray<string>) =>
  Effect.forEach(names, (name) => from.remove(name), { discard: true })

export interface Needs {
  readonly place: Place
  readonly sends: Registry
  readonly session: string
  readonly store: GuardedStore
  readonly strict: StrictStore | undefined
}

export interface Records extends ReturnType<typeof make> {}

export const make = ({ place, sends, session, store, strict }: Needs) => {
  const kept = new Map<string, Kept>()
  /** The send whose record is written at present. */
  let writing: Send | undefined
  /** What is to be made up for, by send, since the store did not respond. */
  const missed = new Map<Send, Effect.Effect<unknown>>()
  /** Slots that tell which messages are none of the open sends. */
  let arrivals: ReadonlyArray<string> = []

  const put = Effect.fnUntraced(function* (into: Store, send: Send) {
    const { key } = send.entry
    const held = kept.get(key) ?? { names: [], version: 0, creator: session }
    if (place.part === undefined) return yield* removeAll(into, held.names)
    const record = yield* toStored(send, held.version + 1, held.creator)
    if (record === undefined) return
    const name = yield* into.put(place.part, record)
    kept.set(key, { ...held, version: record.version, names: [...held.names, name] })
    yield* removeAll(into, held.names)
    kept.set(key, { ...held, version: record.version, names: [name] })
  })

  /** Writes the present state of a send, and notes where it is: a write that has begun may not be given up before that. */
  const write = (into: Store, send: Send) =>
    Effect.suspend(() => {
      writing = send
      return put(into, send)
    }).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          writing = undefined
        })
      ),
      Effect.uninterruptible
    )

  /** Makes up for the state of a send as soon as the store responds. */
  const miss = (send: Send): void => {
    missed.set(
      send,
      Effect.suspend(() => (isOpen(send) ? save(send) : settled(send)))
    )
  }

  /** Writes a send and what the store has not taken of those before it: whoever takes it over must know them, too. */
  const writeInOrder = Effect.fnUntraced(function* (into: Store, send: Send) {
    for (const earlier of sends.open) {
      if (earlier.order < send.order && !kept.has(earlier.entry.key)) yield* write(into, earlier)
    }
    yield* write(into, send)
  })

  /** Writes the present state of a send. */
  const save = (send: Send): Effect.Effect<unknown> =>
    store.run(
      (into) => writeInOrder(into, send),
      () => miss(send)
    )

  const mayHold = (send: Send): boolean => kept.has(send.entry.key) || writing === send

  const note = Effect.fnUntraced(function* (into: Store, { entry: { key } }: Send, id: number) {
    if (place.part === undefined) return
    const arrival: Arrival = { _tag: "Arrival", key, id, at: yield* Clock.currentTimeMillis }
    arrivals = [...arrivals, yield* into.put(place.part, arrival)]
  }, Effect.uninterruptible)

  const remove = Effect.fnUntraced(function* (from: Store, { entry: { key } }: Send) {
    const held = kept.get(key)
    if (held === undefined) return
    kept.delete(key)
    yield* removeAll(from, held.names)
  }, Effect.uninterruptible)

  const discard = (send: Send): Effect.Effect<unknown> =>
    Effect.suspend(() =>
      mayHold(send)
        ? store.run(
            (from) => remove(from, send),
            () => missed.set(send, discard(send))
          )
        : Effect.void
    )

  /** The next session must not look for a send of which the outcome is noted. One whose outcome is unknown stays. */
  const settledStrictly = (into: Store, send: Send, { settle }: StrictStore) => {
    const isUnknown = send.entry.state._tag === "DeliveryUnknown"
    const names = isUnknown ? [] : (kept.get(send.entry.key)?.names ?? [])
    return Effect.andThen(settle(send.entry, names), isUnknown ? writeInOrder(into, send) : remove(into, send))
  }

  /** Brings the store up to date with a send that has settled. */
  const settled = (send: Send): Effect.Effect<unknown> =>
    Effect.suspend(() => {
      const { state } = send.entry
      if (strict !== undefined) return store.run((into) => settledStrictly(into, send, strict))
      if (state._tag === "DeliveryUnknown") return save(send)
      if (!mayHold(send) && state._tag !== "Sent") return Effect.void
      if (isExpired(send.entry)) return save(send)
      return store.run(
        Effect.fnUntraced(function* (into) {
          const isSought = place.isShared || sends.all.some(mayBeFound)
          if (state._tag === "Sent" && isSought) yield* note(into, send, state.id)
          yield* remove(into, send)
          if (isSought) return
          const old = arrivals
          arrivals = []
          yield* removeAll(into, old)
        }),
        () => {
          if (mayHold(send)) miss(send)
          else missed.delete(send)
        }
      )
    })

  return {
    write,
    save,
    discard,
    settled,
    miss,
    /** Makes up for what the store has missed. */
    makeUp: Effect.suspend(() => {
      const steps = Array.from(missed.values())
      missed.clear()
      return Effect.forEach(steps, (step) => step, { discard: true })
    }),
    has: ({ entry: { key } }: Send): boolean => kept.has(key),
    /** Whether the store holds a send where the sessions of its account look for it. */
    isFound: ({ entry: { key } }: Send): boolean =>
      (kept.get(key)?.names ?? []).some((name) => store.isIn(name, place.part) || store.isIn(name, place.login)),
    /** Whether the store holds a send as this session has left it. */
    isCurrent: (stored: Stored): boolean =>
      stored._tag === "Send" && kept.get(stored.key)?.names.at(-1) === stored.name,
    /** Whether the store holds a send in slots of another session. */
    isInherited: ({ entry: { key } }: Send): boolean =>
      kept.get(key)?.names.some((name) => !store.isOwn(name)) === true,
    /** Takes charge of the versions of a send, the oldest first. */
    adopt: (names: ReadonlyArray<string>, { creator, key, version }: StoredSend): void => {
      kept.set(key, { names, version, creator })
    },
    /** The store has lost a send. */
    forget: ({ entry: { key } }: Send): void => {
      kept.delete(key)
    }
  }
}

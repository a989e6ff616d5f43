/**
 * The records of the outbox in a `KeyValueStore` that can read, write and remove single keys and nothing else.
 *
 * A write may be torn: a process that is killed can leave a part of a value. So no value is ever overwritten. Each record
 * has a slot of its own; a newer version of a send is written to another slot before the older one is removed. Each
 * session writes to slots of its own. An index, in two copies of which the older one is replaced, lists the sessions and
 * their number of slots, so that it changes seldom. It also names the session that owns the account's sends.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import { lazyFunction, lazySchema } from "../../codec/lazy.ts"
import { ConversationId, UserId } from "../../domain/Id.ts"
import { SendPayload } from "../../wire/Frame.ts"
import { OutboxKey } from "../OutboxEntry.ts"
import { whole } from "../payload.ts"

/** A stored send. The message is stored in the app's spelling, because the wire's cannot be converted back. */
const StoredSend = lazySchema(() =>
  Schema.Struct({
    _tag: Schema.tag("Send"),
    key: OutboxKey,
    /** Of several versions the greatest counts. */
    version: Schema.Int,
    /** The session that accepted it. */
    creator: Schema.String,
    conversationId: Schema.optionalKey(ConversationId),
    message: Schema.toType(SendPayload),
    /** Its place among the account's sends. */
    order: Schema.Finite,
    enqueuedAt: Schema.Finite,
    /** When it expires, in milliseconds since 1970. */
    expiresAt: Schema.Finite,
    /** It was handed to a connection: no own message up to `after` is this one. */
    attempt: Schema.optionalKey(Schema.Struct({ after: Schema.optionalKey(Schema.Finite) })),
    /** Why its outcome is unknown. */
    unknown: Schema.optionalKey(Schema.String)
  })
)

export type StoredSend = (typeof StoredSend)["Type"]

/** A send that arrived, for other sessions and for sends that could be mistaken for it. */
const Arrival = lazySchema(() =>
  Schema.Struct({
    _tag: Schema.tag("Arrival"),
    key: OutboxKey,
    id: Schema.Finite,
    /** In milliseconds since 1970. */
    at: Schema.Finite
  })
)

export type Arrival = (typeof Arrival)["Type"]

const decodeJson = lazyFunction(() => Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown)))
const decodeValue = lazyFunction(() => Schema.decodeUnknownOption(Schema.Union([StoredSend, Arrival])))

const decodeRecord = (text: string) =>
  Option.flatMap(decodeJson(text), (value) =>
    decodeValue(Predicate.hasProperty(value, "message") ? { ...value, message: whole(value.message) } : value)
  )

const Index = lazySchema(() =>
  Schema.Struct({
    number: Schema.Finite,
    /** The session that connected last. */
    owner: Schema.String,
    sessions: Schema.Array(Schema.Struct({ id: Schema.String, blocks: Schema.Int }))
  })
)

type Index = (typeof Index)["Type"]

const decodeIndex = lazyFunction(() => Schema.decodeUnknownOption(Schema.fromJsonString(Index)))

const decodeLogin = lazyFunction(() =>
  Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Struct({ account: UserId })))
)

/** The session to whose slots a record belongs. */
export const sessionOf = (name: string): string => name.split("/").at(-2) ?? ""

export type Stored = { readonly name: string } & (StoredSend | Arrival)

/** How many slots a session adds at a time. */
const block = 8

/** From how many sessions on those without records are removed from the index. */
const crowded = 8

const log = (name: string) =>
  Effect.logWarning("A value in the store of the outbox could not be read; it is left as it is", name)

export type Store = ReturnType<typeof make>

/** The store as one session sees it; `session` is a name that no other session has. */
export const make = (store: KeyValueStore.KeyValueStore, baseUrl: string, session: string) => {
  const root = `effect-kefu/outbox/${baseUrl}/`
  const used = new Map<string, Set<number>>()

  /** Writes a value, and fails if the store has not kept it. */
  const keep = Effect.fnUntraced(function* (name: string, value: string) {
    yield* store.set(name, value)
    if ((yield* store.get(name)) === value) return
    return yield* new KeyValueStore.KeyValueStoreError({ method: "set", key: name, message: "the value was not kept" })
  })

  const copies = (part: string) => [`${root}${part}/index-0`, `${root}${part}/index-1`] as const
  const slot = (part: string, id: string, number: number) => `${root}${part}/${id}/${number}`

  /** The valid copies of the index, the newest first, and the names of the others. */
  const readIndex = Effect.fnUntraced(function* (part: string) {
    const found = yield* Effect.forEach(copies(part), (name) =>
      Effect.map(store.get(name), (text) => ({
        name,
        text,
        index: text === undefined ? undefined : Option.getOrUndefined(decodeIndex(text))
      }))
    )
    const newest = found.reduce((left, right) =>
      (right.index?.number ?? 0) > (left.index?.number ?? 0) ? right : left
    )
    return { found, newest, index: newest.index ?? { number: 0, owner: "", sessions: [] } }
  })

  const writeIndex = Effect.fnUntraced(function* (part: string, change: (index: Index) => Omit<Index, "number">) {
    const { found, index, newest } = yield* readIndex(part)
    const other = found.find(({ name }) => name !== newest.name) ?? newest
    if (newest.index === undefined) {
      for (const { name, text } of found) {
        if (text !== undefined) yield* store.set(`${name}-unreadable`, text)
      }
    }
    yield* keep(other.name, JSON.stringify({ number: index.number + 1, ...change(index) }))
  })

  const slots = (part: string, { id, blocks }: Index["sessions"][number]) =>
    Array.from({ length: blocks * block }, (_, number) => slot(part, id, number))

  const read = Effect.fnUntraced(function* (name: string) {
    const text = yield* store.get(name)
    const record = text === undefined ? undefined : Option.getOrUndefined(decodeRecord(text))
    if (text !== undefined && record === undefined) yield* log(name)
    return { isEmpty: text === undefined, records: record === undefined ? [] : [{ name, ...record }] }
  })

  /** The records of all sessions. */
  const list = Effect.fnUntraced(function* (part: string) {
    const { found, index, newest } = yield* readIndex(part)
    if (newest.index === undefined) {
      for (const { name, text } of found) {
        if (text !== undefined) yield* log(name)
      }
    }
    return yield* Effect.forEach(index.sessions, (listed) =>
      Effect.map(Effect.forEach(slots(part, listed), read), (found) => ({
        id: listed.id,
        isEmpty: found.every(({ isEmpty }) => isEmpty),
        records: found.flatMap(({ records }): ReadonlyArray<Stored> => records)
      }))
    )
  })

  /** A free slot of this session, which the index lists. */
  const reserve = Effect.fnUntraced(function* (part: string) {
    const taken = used.get(part) ?? new Set()
    used.set(part, taken)
    let number = 0
    while (taken.has(number)) number++
    const blocks = Math.ceil((number + 1) / block)
    const { index } = yield* readIndex(part)
    if (!index.sessions.some((listed) => listed.id === session && listed.blocks >= blocks)) {
      yield* writeIndex(part, ({ owner, sessions }) => ({
        owner,
        sessions: [...sessions.filter(({ id }) => id !== session), { id: session, blocks }]
      }))
    }
    taken.add(number)
    return slot(part, session, number)
  })

  const release = (name: string) => {
    for (const [part, taken] of used) {
      for (const number of taken) {
        if (slot(part, session, number) === name) taken.delete(number)
      }
    }
  }

  return {
    /** Whether a slot belongs to a part of the store. */
    isIn: (name: string, part: string | undefined) => part !== undefined && name.startsWith(`${root}${part}/`),
    /** Whether a slot is one of this session's. */
    isOwn: (name: string) => sessionOf(name) === session,
    /** The account that a login was found to be. */
    account: (login: string) =>
      Effect.map(store.get(`${root}login-${login}`), (text) =>
        text === undefined ? undefined : Option.getOrUndefined(decodeLogin(text))?.account
      ),
    remember: (login: string, account: UserId) => keep(`${root}login-${login}`, JSON.stringify({ account })),
    /** Undefined if no index can be read. */
    owner: (part: string) => Effect.map(readIndex(part), ({ newest }) => newest.index?.owner),
    setOwner: (part: string, owner: string) => writeIndex(part, ({ sessions }) => ({ owner, sessions })),
    /** Reads all records; unreadable ones are logged and left as they are. */
    list: Effect.fnUntraced(function* (part: string) {
      const listed = yield* list(part)
      const empty = new Set(listed.filter(({ isEmpty }) => isEmpty).map(({ id }) => id))
      if (listed.length > crowded && empty.size > 0) {
        yield* writeIndex(part, ({ owner, sessions }) => ({
          owner,
          sessions: sessions.filter(({ id }) => id === session || !empty.has(id))
        }))
      }
      return listed.flatMap(({ records }) => records)
    }),
    /** Writes a record to a slot of its own, and gives its name. */
    put: Effect.fnUntraced(function* (part: string, record: StoredSend | Arrival) {
      const name = yield* reserve(part)
      yield* Effect.onError(keep(name, JSON.stringify(record)), () => Effect.sync(() => release(name)))
      return name
    }),
    remove: (name: string) => Effect.tap(store.remove(name), () => Effect.sync(() => release(name)))
  }
}

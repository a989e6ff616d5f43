/**
 * Keeps the outbox of one account in a `KeyValueStore`, so that it survives a restart.
 *
 * Several pages may share a store. The last one that connected owns what is in it, as it owns the account's connection:
 * it takes the entries over, and the one before notices at its next write and leaves them alone.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as KeyValueStore from "effect/persistence/KeyValueStore"
import { ConversationId, type UserId } from "../../domain/Id.ts"
import { OutboxKey } from "../OutboxEntry.ts"
import { SendPayload } from "../../wire/Frame.ts"

/** A send in the store. The message is in the app's spelling, since that of the wire cannot be turned back. */
const Stored = Schema.Struct({
  key: OutboxKey,
  conversationId: Schema.optionalKey(ConversationId),
  message: Schema.toType(SendPayload),
  enqueuedAt: Schema.Finite,
  deadline: Schema.Finite,
  /** It was handed to a connection: no own message up to `after` is this one. */
  attempt: Schema.optionalKey(Schema.Struct({ after: Schema.optionalKey(Schema.Finite) })),
  /** Why its outcome is unknown. */
  unknown: Schema.optionalKey(Schema.String)
})

export type Stored = (typeof Stored)["Type"]

const Content = Schema.fromJsonString(
  Schema.Struct({
    owner: Schema.String,
    entries: Schema.Array(Schema.Unknown),
    /** Ids of sends that have settled, lest they be taken for one that has not. */
    sent: Schema.Array(Schema.Finite)
  })
)
const decodeContent = Schema.decodeUnknownOption(Content)
const encodeContent = Schema.encodeEffect(Content)
const decodeEntry = Schema.decodeUnknownOption(Stored)
const encodeEntry = Schema.encodeEffect(Stored)

/** Another one has claimed the store meanwhile, so that nothing was written; or nothing was claimed yet. */
export type Written = "written" | "failed" | "claimed by another" | "not claimed"

export interface Claimed {
  readonly entries: ReadonlyArray<Stored>
  readonly sent: ReadonlyArray<number>
  /** The entries are from another session, perhaps an earlier one of the same program. */
  readonly isForeign: boolean
}

export interface Store {
  /** Whether anything is stored for an account. */
  isEmpty(account: UserId): Effect.Effect<boolean>
  /** What is stored for an account; from now on it is this outbox's, until another one claims it. */
  claim(account: UserId): Effect.Effect<Claimed>
  /** Replaces what is stored. */
  write(entries: ReadonlyArray<Stored>, sent: ReadonlyArray<number>): Effect.Effect<Written>
}

export const make = (store: KeyValueStore.KeyValueStore, baseUrl: string, me: string): Store => {
  let claimed: string | undefined
  let isFirst = true

  const keyOf = (account: UserId) => `effect-kefu/outbox/${baseUrl}/${account}`

  const load = Effect.fnUntraced(function* (key: string) {
    const text = yield* store.get(key)
    if (text === undefined) return undefined
    const content = decodeContent(text)
    if (Option.isSome(content)) return content.value
    yield* Effect.logWarning("The stored outbox could not be read and was skipped", key)
    return undefined
  })

  const save = Effect.fnUntraced(function* (key: string, entries: ReadonlyArray<unknown>, sent: ReadonlyArray<number>) {
    yield* store.set(key, yield* encodeContent({ owner: me, entries, sent }))
  })

  /** A store that fails takes nothing but its durability from the outbox. */
  const orElse =
    <B>(otherwise: B) =>
    <A>(effect: Effect.Effect<A, KeyValueStore.KeyValueStoreError | Schema.SchemaError>) =>
      Effect.catch(effect, (error) => {
        const detail = error._tag === "SchemaError" ? "an entry could not be encoded" : error.message
        return Effect.as(Effect.logWarning("The store of the outbox failed", detail), otherwise)
      })

  return {
    isEmpty: (account) =>
      load(keyOf(account)).pipe(
        Effect.map((content) => content === undefined || content.entries.length === 0),
        orElse(true)
      ),
    claim: (account) =>
      Effect.gen(function* () {
        const key = keyOf(account)
        claimed = undefined
        const content = yield* load(key)
        const { entries: stored, sent } = content ?? { entries: [], sent: [] }
        yield* save(key, stored, sent)
        const isForeign = isFirst || (content !== undefined && content.owner !== me)
        claimed = key
        isFirst = false
        const entries = stored.flatMap((entry) => Option.toArray(decodeEntry(entry)))
        if (entries.length < stored.length) {
          yield* Effect.logWarning("Stored sends could not be read and were skipped", stored.length - entries.length)
        }
        return { entries, sent, isForeign }
      }).pipe(orElse<Claimed>({ entries: [], sent: [], isForeign: false })),
    write: (entries, sent) =>
      Effect.gen(function* () {
        if (claimed === undefined) return "not claimed"
        const content = yield* load(claimed)
        if (content !== undefined && content.owner !== me) {
          claimed = undefined
          return "claimed by another"
        }
        yield* save(claimed, yield* Effect.forEach(entries, (entry) => encodeEntry(entry)), sent)
        return "written"
      }).pipe(orElse<Written>("failed"))
  }
}

/**
 * The outbox of an account in the database. Its owner alone writes it, so it is read once.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Schema from "effect/Schema"
import type * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import { DeliveryUnknown, KefuError } from "../../KefuError.ts"
import type { OutboxEntry } from "../../outbox/OutboxEntry.ts"
import type { Outcome } from "./outcome.ts"

export interface Needs {
  readonly sql: SqlClient.SqlClient
  readonly share: Fragment
  readonly account: string
  readonly epoch: number
  readonly persist: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A>
  readonly together: <A>(statements: Effect.Effect<A, SqlError>) => Effect.Effect<A | undefined>
  readonly settle: (id: string, outcome: Outcome) => Effect.Effect<ReadonlyArray<unknown>, SqlError>
}

/** The store of the outbox of the account whose session is being built. */
export const OutboxStore = Context.Reference<KeyValueStore.KeyValueStore | undefined>(
  "effect-kefu/cluster/internal/outbox/OutboxStore",
  { defaultValue: () => undefined }
)

const over = new KeyValueStore.KeyValueStoreError({ method: "any", message: "the runner no longer owns the account" })

const decodeKey = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Struct({ key: Schema.String })))

/** The outcome of a send that has settled; undefined if it has not. */
const outcomeOf = ({ state }: OutboxEntry): Outcome | undefined => {
  switch (state._tag) {
    case "Sent":
      return { id: state.id }
    case "Failed":
      return { error: new KefuError({ method: "KefuCluster.send", reason: state.reason }) }
    case "DeliveryUnknown":
      return {
        error: new KefuError({ method: "KefuCluster.send", reason: new DeliveryUnknown({ detail: state.detail }) })
      }
    default:
      return undefined
  }
}

export const open = Effect.fnUntraced(function* (
  { account, epoch, persist, settle, share, sql, together }: Needs,
  ended: Effect.Effect<void>,
  onOutcome: (id: string, outcome: Outcome) => Effect.Effect<unknown>
) {
  const found = yield* persist(
    sql<{ id: string; value: string }>`SELECT id, value FROM kefu_outbox WHERE account = ${account}`
  )
  const values = new Map(found.map(({ id, value }) => [id, value]))
  const inherited = new Set(found.flatMap(({ value }) => Option.toArray(decodeKey(value)).map(({ key }) => key)))

  /** After the tenure every step fails. */
  const during = <A>(step: Effect.Effect<A, KeyValueStore.KeyValueStoreError>) =>
    Effect.raceFirst(step, Effect.andThen(ended, over))

  const store = KeyValueStore.makeStringOnly({
    get: (key) => during(Effect.sync(() => values.get(key))),
    set: (key, value) =>
      during(
        Effect.gen(function* () {
          const at = yield* Clock.currentTimeMillis
          const written = yield* persist(
            sql`INSERT INTO kefu_outbox (account, id, value, at)
              SELECT account, CAST(${key} AS TEXT), CAST(${value} AS TEXT), CAST(${at} AS BIGINT)
              FROM kefu_accounts WHERE account = ${account} AND epoch = ${epoch} ${share}
              ON CONFLICT (account, id) DO UPDATE SET value = EXCLUDED.value, at = EXCLUDED.at RETURNING id`
          )
          if (written.length === 0) return yield* over
          values.set(key, value)
        })
      ),
    remove: (key) =>
      during(
        Effect.suspend(() =>
          values.has(key)
            ? Effect.tap(
                persist(
                  sql`DELETE FROM kefu_outbox WHERE account = ${account} AND id = ${key}
                    AND EXISTS (SELECT 1 FROM kefu_accounts WHERE account = ${account} AND epoch = ${epoch})`
                ),
                () => Effect.sync(() => values.delete(key))
              )
            : Effect.void
        )
      ),
    clear: Effect.die("not used"),
    size: Effect.sync(() => values.size),
    keys: Effect.sync(() => Array.from(values.keys()))
  })

  const note = Effect.fnUntraced(function* (id: string, outcome: Outcome, slots: ReadonlyArray<string>) {
    const held = slots.filter((slot) => values.has(slot))
    const removal = sql`DELETE FROM kefu_outbox WHERE account = ${account} AND ${sql.in("id", held)}`
    const done = yield* together(
      Effect.as(Effect.andThen(settle(id, outcome), held.length === 0 ? Effect.void : Effect.asVoid(removal)), true)
    )
    if (done === undefined) return yield* over
    for (const slot of held) values.delete(slot)
    yield* onOutcome(id, outcome)
  })

  return {
    store,
    /** Whether an earlier owner has stored this send and noted no outcome. */
    inherits: (id: string) => inherited.has(id),
    /** Notes the outcome of a send that the outbox has not taken. */
    refuse: (id: string, error: KefuError) => Effect.ignore(during(note(id, { error }, []))),
    strict: {
      settle: (entry: OutboxEntry, slots: ReadonlyArray<string>) => {
        const outcome = outcomeOf(entry)
        return outcome === undefined ? Effect.void : during(note(entry.key, outcome, slots))
      }
    }
  }
})

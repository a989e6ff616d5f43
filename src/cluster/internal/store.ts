/**
 * What the cluster knows of an account, in the database: who owns it, what it has received, how far every conversation was
 * read, and what became of its sends. All of it moves with the account.
 *
 * Statements wait for a database that does not respond: the account must not act without it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import type { Conversation } from "../../domain/Conversation.ts"
import { ConversationId, MessageId } from "../../domain/Id.ts"
import { Message } from "../../domain/Message.ts"
import { KefuError } from "../../KefuError.ts"
import type { DeliveredBefore } from "../../realtime/deliveredBefore.ts"
import type { AccountEvent } from "../KefuAccount.ts"

/** How long a statement may take until it is tried again. */
const patience = "5 seconds"

/** How many events are read at a time. */
const page = 200

const MessageJson = Schema.fromJsonString(Schema.toType(Message))
const encodeMessage = Schema.encodeSync(MessageJson)
const decodeMessage = Schema.decodeUnknownSync(MessageJson)
const Outcome = Schema.fromJsonString(
  Schema.Union([Schema.Struct({ id: MessageId }), Schema.Struct({ error: KefuError })])
)
const encodeOutcome = Schema.encodeSync(Outcome)
const decodeOutcome = Schema.decodeUnknownSync(Outcome)

/** Ends when the runner no longer owns the account. */
export const Tenure = Context.Reference<Effect.Effect<void>>("effect-kefu/cluster/internal/store/Tenure", {
  defaultValue: () => Effect.never
})

const over = Effect.fail(
  new KeyValueStore.KeyValueStoreError({ method: "any", message: "the runner no longer owns the account" })
)

type Outcome = Exit.Exit<MessageId, KefuError>

const make = Effect.gen(function* () {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()

  const create = Effect.gen(function* () {
    // Else runners that start at once create the same table, which PostgreSQL refuses.
    yield* sql.onDialectOrElse({
      pg: () => sql`SELECT pg_advisory_xact_lock(hashtext('effect-kefu'))`,
      orElse: () => Effect.void
    })
    yield* sql`CREATE TABLE IF NOT EXISTS kefu_accounts (
      account TEXT PRIMARY KEY, epoch BIGINT NOT NULL, is_kept SMALLINT NOT NULL, is_known SMALLINT NOT NULL,
      handled BIGINT NOT NULL)`
    const position = sql.onDialectOrElse({
      pg: () => sql.literal("BIGSERIAL PRIMARY KEY"),
      orElse: () => sql.literal("INTEGER PRIMARY KEY AUTOINCREMENT")
    })
    yield* sql`CREATE TABLE IF NOT EXISTS kefu_events (
      position ${position}, account TEXT NOT NULL, conversation_id BIGINT NOT NULL, message_id BIGINT NOT NULL,
      message TEXT NOT NULL, UNIQUE (account, message_id))`
    yield* sql`CREATE INDEX IF NOT EXISTS kefu_events_account ON kefu_events (account, position)`
    yield* sql`CREATE TABLE IF NOT EXISTS kefu_conversations (
      account TEXT NOT NULL, conversation_id BIGINT NOT NULL, settled BIGINT NOT NULL,
      PRIMARY KEY (account, conversation_id))`
    yield* sql`CREATE TABLE IF NOT EXISTS kefu_sends (
      account TEXT NOT NULL, id TEXT NOT NULL, outcome TEXT, PRIMARY KEY (account, id))`
    const bytes = sql.onDialectOrElse({ pg: () => sql.literal("BYTEA"), orElse: () => sql.literal("BLOB") })
    yield* sql`CREATE TABLE IF NOT EXISTS kefu_outbox (
      id TEXT PRIMARY KEY, value ${bytes} NOT NULL, value_type SMALLINT NOT NULL)`
  })
  yield* Effect.orDie(sql.withTransaction(create))

  const persist = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A> =>
    effect.pipe(
      Effect.timeout(patience),
      Effect.tapError((error) => Effect.logWarning("The database of the cluster failed; trying again", error)),
      Effect.retry(Schedule.spaced("500 millis")),
      Effect.orDie
    )

  const outbox = Context.get(
    yield* Layer.build(KeyValueStore.layerSql({ table: "kefu_outbox" })),
    KeyValueStore.KeyValueStore
  )

  return {
    /** The store of the outbox of the account that is being built. After its tenure every step fails. */
    outbox: Effect.map(Tenure, (end) => {
      const during = <A>(step: Effect.Effect<A, KeyValueStore.KeyValueStoreError>) =>
        Effect.raceFirst(persist(step), Effect.andThen(end, over))
      return KeyValueStore.makeStringOnly({
        get: (key) => during(outbox.get(key)),
        set: (key, value) => during(outbox.set(key, value)),
        remove: (key) => during(outbox.remove(key)),
        clear: during(outbox.clear),
        size: during(outbox.size),
        keys: during(outbox.keys)
      })
    }),
    account: (account: string) => ({
      /** Makes this the owner of the account: what an earlier one still writes is refused. Gives what was known before. */
      own: persist(
        sql<{ epoch: unknown; is_kept: number; handled: unknown }>`
          INSERT INTO kefu_accounts (account, epoch, is_kept, is_known, handled) VALUES (${account}, 1, 0, 0, 0)
          ON CONFLICT (account) DO UPDATE SET epoch = kefu_accounts.epoch + 1 RETURNING epoch, is_kept, handled`
      ).pipe(
        Effect.map(([row]) => ({
          epoch: Number(row?.epoch ?? 0),
          isKept: row?.is_kept === 1,
          handled: Number(row?.handled ?? 0)
        }))
      ),
      keep: (isKept: boolean) =>
        persist(sql`UPDATE kefu_accounts SET is_kept = ${isKept ? 1 : 0} WHERE account = ${account}`),
      /** What the account was given; undefined if it has never been connected. */
      delivered: Effect.gen(function* () {
        const known = yield* persist(sql`SELECT account FROM kefu_accounts WHERE account = ${account} AND is_known = 1`)
        if (known.length === 0) return undefined
        const settled = yield* persist(
          sql<{ conversation_id: unknown; settled: unknown }>`
            SELECT conversation_id, settled FROM kefu_conversations WHERE account = ${account}`
        )
        const later = yield* persist(
          sql<{ conversation_id: unknown; message_id: unknown }>`
            SELECT e.conversation_id, e.message_id FROM kefu_events e LEFT JOIN kefu_conversations c
            ON c.account = e.account AND c.conversation_id = e.conversation_id
            WHERE e.account = ${account} AND (c.settled IS NULL OR e.message_id > c.settled) ORDER BY e.message_id`
        )
        const found = new Map<number, { settled: MessageId | undefined; delivered: Array<MessageId> }>()
        for (const row of settled) {
          found.set(Number(row.conversation_id), { settled: MessageId.make(Number(row.settled)), delivered: [] })
        }
        for (const row of later) {
          const id = Number(row.conversation_id)
          const conversation = found.get(id) ?? { settled: undefined, delivered: [] }
          conversation.delivered.push(MessageId.make(Number(row.message_id)))
          found.set(id, conversation)
        }
        return Array.from(found, ([id, conversation]): DeliveredBefore => ({
          conversationId: ConversationId.make(id),
          ...conversation
        }))
      }),
      /** Adds a received message, once. */
      receive: (epoch: number, message: Message) =>
        persist(
          sql`INSERT INTO kefu_events (account, conversation_id, message_id, message)
            SELECT account, CAST(${message.conversationId} AS BIGINT), CAST(${message.id} AS BIGINT),
              CAST(${encodeMessage(message)} AS TEXT)
            FROM kefu_accounts WHERE account = ${account} AND epoch = ${epoch}
            ON CONFLICT (account, message_id) DO NOTHING`
        ),
      /** Notes that all messages of these conversations have been received. */
      settle: (conversations: ReadonlyArray<Conversation>) =>
        Effect.andThen(
          persist(
            Effect.forEach(
              conversations.flatMap(({ id, messages }) => messages.slice(-1).map((last) => ({ id, settled: last.id }))),
              ({ id, settled }) => sql`INSERT INTO kefu_conversations (account, conversation_id, settled)
              VALUES (${account}, ${id}, ${settled})
              ON CONFLICT (account, conversation_id) DO UPDATE SET settled = EXCLUDED.settled
              WHERE kefu_conversations.settled < EXCLUDED.settled`,
              { discard: true }
            )
          ),
          persist(sql`UPDATE kefu_accounts SET is_known = 1 WHERE account = ${account} AND is_known = 0`)
        ),
      /** Notes that the events up to a position have been handled. */
      handle: (epoch: number, position: number) =>
        persist(sql`UPDATE kefu_accounts SET handled = ${position} WHERE account = ${account} AND epoch = ${epoch}`),
      /** The next events after a position. */
      eventsAfter: (position: number) =>
        Effect.map(
          persist(
            sql<{ position: unknown; message: string }>`SELECT position, message FROM kefu_events
              WHERE account = ${account} AND position > ${position} ORDER BY position LIMIT ${page}`
          ),
          (rows) =>
            rows.map((row): AccountEvent => ({ position: Number(row.position), message: decodeMessage(row.message) }))
        ),
      /** Notes that a send is about to be accepted; false if it has been before. */
      begin: (id: string) =>
        Effect.map(
          persist(sql`INSERT INTO kefu_sends (account, id) VALUES (${account}, ${id})
            ON CONFLICT (account, id) DO NOTHING RETURNING id`),
          (rows) => rows.length > 0
        ),
      outcome: (id: string) =>
        Effect.map(
          persist(
            sql<{ outcome: string | null }>`SELECT outcome FROM kefu_sends WHERE account = ${account} AND id = ${id}`
          ),
          ([row]): Outcome | undefined => {
            if (row === undefined || row.outcome === null) return undefined
            const outcome = decodeOutcome(row.outcome)
            return "id" in outcome ? Exit.succeed(outcome.id) : Exit.fail(outcome.error)
          }
        ),
      settleSend: (id: string, outcome: { readonly id: MessageId } | { readonly error: KefuError }) =>
        persist(
          sql`UPDATE kefu_sends SET outcome = ${encodeOutcome(outcome)} WHERE account = ${account} AND id = ${id}`
        )
    })
  }
})

/** The database of the cluster. */
export class Store extends Context.Service<Store, Effect.Success<typeof make>>()(
  "effect-kefu/cluster/internal/store/Store"
) {
  static readonly layer: Layer.Layer<Store, never, SqlClient.SqlClient> = Layer.effect(Store, make)
}

/**
 * Removes from the database what is older than it is kept. One runner at a time does.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as MachineId from "effect/cluster/MachineId"
import * as Schedule from "effect/Schedule"
import type { Sharding } from "effect/cluster/Sharding"
import * as Singleton from "effect/cluster/Singleton"
import * as Snowflake from "effect/cluster/Snowflake"
import * as SqlClient from "effect/sql/SqlClient"

/** How often it looks for what is old. */
const interval = Duration.hours(1)

/** How many rows one statement removes at most: it must not hold others up. */
const batch = 5000

/** How many conversations of an account it is always known how far they were read: as many as a session asks for, and more. */
const remembered = 256

const prune = Effect.fnUntraced(function* (retention: Duration.Duration) {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const before = (yield* Clock.currentTimeMillis) - Duration.toMillis(retention)

  /** Removes the rows that a query finds, in batches. */
  const remove = Effect.fnUntraced(function* (table: string, key: string, found: ReturnType<typeof sql.literal>) {
    const rows = sql`DELETE FROM ${sql(table)} WHERE ${sql(key)} IN
      (SELECT ${sql(key)} FROM ${sql(table)} WHERE ${found} LIMIT ${sql.literal(String(batch))}) RETURNING 1 AS removed`
    let removed = batch
    while (removed === batch) removed = (yield* rows).length
  })

  // What was received counts as read from then on: gaps so old are not closed any more.
  const at = sql.literal(String(Math.floor(before)))
  yield* sql`INSERT INTO kefu_conversations (account, conversation_id, settled, has_ended)
    SELECT account, conversation_id, MAX(message_id), 0 FROM kefu_events WHERE at < ${at} GROUP BY account, conversation_id
    ON CONFLICT (account, conversation_id) DO UPDATE SET settled = EXCLUDED.settled
    WHERE kefu_conversations.settled < EXCLUDED.settled`
  yield* remove("kefu_events", "position", sql.literal(`at < ${Math.floor(before)}`))
  yield* sql`DELETE FROM kefu_conversations WHERE has_ended = 1
    AND NOT EXISTS (SELECT 1 FROM kefu_events e
      WHERE e.account = kefu_conversations.account AND e.conversation_id = kefu_conversations.conversation_id)
    AND conversation_id < (SELECT c.conversation_id FROM kefu_conversations c
      WHERE c.account = kefu_conversations.account
      ORDER BY c.conversation_id DESC LIMIT 1 OFFSET ${sql.literal(String(remembered))})`
  yield* sql`DELETE FROM kefu_sends WHERE at < ${at}`
  // Sends whose outcome was told as unknown. The lists of the outbox begin otherwise.
  yield* sql`DELETE FROM kefu_outbox WHERE at < ${at} AND value LIKE '{"_tag":"Send"%' AND value LIKE '%"unknown":%'`

  // The requests of the accounts and their answers. A request tells by its id when it was made.
  const first = Snowflake.make({ timestamp: before, machineId: MachineId.make(0), sequence: 0 })
  const handled = `entity_type = 'KefuAccount' AND processed = ${sql.onDialectOrElse({ pg: () => "TRUE", orElse: () => "1" })}
    AND id < ${first}`
  yield* sql`DELETE FROM cluster_replies WHERE request_id IN
    (SELECT id FROM cluster_messages WHERE ${sql.literal(handled)})`
  yield* remove("cluster_messages", "id", sql.literal(handled))
})

/** Prunes as long as the layer is in use. */
export const layer = (retention: Duration.Duration): Layer.Layer<never, never, Sharding | SqlClient.SqlClient> =>
  Singleton.make(
    "effect-kefu/prune",
    prune(retention).pipe(
      Effect.catchCause((cause) => Effect.logWarning("The database of the cluster could not be pruned", cause)),
      Effect.repeat(Schedule.spaced(interval)),
      Effect.withTracerEnabled(false)
    )
  )

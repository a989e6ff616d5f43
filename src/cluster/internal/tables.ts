/**
 * The tables of the cluster beside those of `effect/cluster`.
 */
import * as Effect from "effect/Effect"
import type * as SqlClient from "effect/sql/SqlClient"

/** Creates the tables that are missing. */
export const create = (sql: SqlClient.SqlClient) =>
  Effect.gen(function* () {
    // Else runners that start at once create the same table, which PostgreSQL refuses.
    yield* sql.onDialectOrElse({
      pg: () => sql`SELECT pg_advisory_xact_lock(hashtext('effect-kefu'))`,
      orElse: () => Effect.void
    })
    // `epoch` counts the owners; `is_known`: it is noted where the conversations stood before the first connection;
    // `is_dialling`: a dial may be under way; `is_superseded`: it is left to a login elsewhere; `handled` is
    // the position up to which the app has handled what was received.
    yield* sql`CREATE TABLE IF NOT EXISTS kefu_accounts (
      account TEXT PRIMARY KEY, epoch BIGINT NOT NULL, is_kept SMALLINT NOT NULL DEFAULT 0,
      is_known SMALLINT NOT NULL DEFAULT 0, is_dialling SMALLINT NOT NULL DEFAULT 0,
      is_superseded SMALLINT NOT NULL DEFAULT 0, handled BIGINT NOT NULL DEFAULT 0)`
    const position = sql.onDialectOrElse({
      pg: () => sql.literal("BIGSERIAL PRIMARY KEY"),
      orElse: () => sql.literal("INTEGER PRIMARY KEY AUTOINCREMENT")
    })
    yield* sql`CREATE TABLE IF NOT EXISTS kefu_events (
      position ${position}, account TEXT NOT NULL, conversation_id BIGINT NOT NULL, message_id BIGINT NOT NULL,
      message TEXT NOT NULL, at BIGINT NOT NULL, UNIQUE (account, message_id))`
    yield* sql`CREATE INDEX IF NOT EXISTS kefu_events_account ON kefu_events (account, position)`
    yield* sql`CREATE INDEX IF NOT EXISTS kefu_events_at ON kefu_events (at)`
    yield* sql`CREATE TABLE IF NOT EXISTS kefu_conversations (
      account TEXT NOT NULL, conversation_id BIGINT NOT NULL, settled BIGINT NOT NULL, has_ended SMALLINT NOT NULL,
      PRIMARY KEY (account, conversation_id))`
    yield* sql`CREATE TABLE IF NOT EXISTS kefu_sends (
      account TEXT NOT NULL, id TEXT NOT NULL, outcome TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (account, id))`
    yield* sql`CREATE INDEX IF NOT EXISTS kefu_sends_at ON kefu_sends (at)`
    yield* sql`CREATE TABLE IF NOT EXISTS kefu_outbox (
      account TEXT NOT NULL, id TEXT NOT NULL, value TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (account, id))`
  }).pipe(sql.withTransaction, Effect.orDie)

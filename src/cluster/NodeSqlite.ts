/**
 * The embedded database of a cluster of one: SQLite of Node.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Semaphore from "effect/Semaphore"
import * as SqlClient from "effect/sql/SqlClient"
import type { Connection } from "effect/sql/SqlConnection"
import { classifySqliteError, SqlError } from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import * as Stream from "effect/Stream"
// oxlint-disable-next-line no-restricted-imports -- the database of Node
import type { SQLInputValue, StatementSync } from "node:sqlite"

// The driver of `effect` for this database has no version for this `effect`.

/** A statement that fails throws. */
const attempt = <A>(operation: string, run: () => A): Effect.Effect<A, SqlError> =>
  Effect.try({
    try: run,
    catch: (cause) =>
      new SqlError({ reason: classifySqliteError(cause, { message: `SQLite failed to ${operation}`, operation }) })
  })

const make = Effect.fnUntraced(function* (filename: string) {
  // Node 20 has no SQLite, but may import this module.
  // oxlint-disable-next-line no-restricted-imports -- the database of Node
  const { DatabaseSync } = yield* Effect.promise(() => import("node:sqlite"))
  const database = yield* Effect.acquireRelease(
    attempt("open", () => new DatabaseSync(filename)),
    (opened) => Effect.sync(() => opened.close())
  )
  yield* attempt("open", () => database.exec("PRAGMA journal_mode = WAL"))

  const run = <A>(
    text: string,
    read: (statement: StatementSync, parameters: ReadonlyArray<SQLInputValue>) => A,
    parameters: ReadonlyArray<unknown>
  ) => attempt("execute", () => read(database.prepare(text), parameters as ReadonlyArray<SQLInputValue>))

  const rows = (text: string, parameters: ReadonlyArray<unknown>) =>
    run(text, (statement, values) => statement.all(...values), parameters)

  const values = (text: string, parameters: ReadonlyArray<unknown>) =>
    run(
      text,
      (statement, values) => {
        statement.setReturnArrays(true)
        return statement.all(...values) as unknown as ReadonlyArray<ReadonlyArray<unknown>>
      },
      parameters
    )

  const execute: Connection["execute"] = (text, parameters, transformRows) =>
    Effect.map(rows(text, parameters), (found) => transformRows?.(found) ?? found)

  const connection: Connection = {
    execute,
    executeUnprepared: execute,
    executeRaw: rows,
    executeValues: values,
    executeValuesUnprepared: values,
    executeStream: (text, parameters, transformRows) =>
      Stream.unwrap(Effect.map(execute(text, parameters, transformRows), Stream.fromIterable))
  }
  return yield* SqlClient.make({
    ...SqlClient.makeSqliteAcquirers({ connection: Effect.succeed(connection), semaphore: yield* Semaphore.make(1) }),
    compiler: Statement.makeCompilerSqlite(),
    driver: "sqlite-node",
    spanAttributes: [["db.system.name", "sqlite"]]
  })
})

/**
 * A database in a file; `:memory:` is one in memory. Needs Node 22 or newer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (filename: string): Layer.Layer<SqlClient.SqlClient, SqlError> =>
  Layer.effect(SqlClient.SqlClient, make(filename)).pipe(Layer.provide(Reactivity.layer))

/** The database of a fleet: PostgreSQL for several runners, SQLite for one. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as NodeSqlite from "../../cluster/NodeSqlite.ts"
import { failure } from "../session.ts"
import type { FleetConfig } from "./config.ts"
import { layerPostgres } from "./platform.ts"

/** How many connections to PostgreSQL a runner opens at most. */
const connections = 10

/** An address without what may be a password. */
const harmless = (url: Redacted.Redacted) => {
  const { host, pathname } = new URL(Redacted.value(url))
  return host + pathname
}

export const layer = ({ folder, storage = {} }: FleetConfig) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const path = yield* Path.Path
      const { postgres, sqlite = "fleet.db" } = storage
      const named =
        (what: string) =>
        (error: SqlError): Layer.Layer<SqlClient, ReturnType<typeof failure>> =>
          Layer.effectContext(Effect.fail(failure(`${what} cannot be opened: ${error.message}`, error)))
      if (postgres === undefined) {
        const file = path.resolve(folder, sqlite)
        return NodeSqlite.layer(file).pipe(Layer.catch(named(`The database ${file}`)))
      }
      const client = layerPostgres(postgres, storage.connections ?? connections)
      // It connects at the first statement only.
      const reachable = SqlClient.use((sql) => sql`SELECT 1`)
      return Layer.tap(client, (context) => Effect.provideContext(reachable, context)).pipe(
        Layer.catchTag("SqlError", named(`The database ${harmless(postgres)}`))
      )
    })
  )

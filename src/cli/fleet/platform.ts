/** What a fleet needs of Node. */
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
// oxlint-disable-next-line no-restricted-imports -- a server needs the platform
import { createServer } from "node:http"
import { failure } from "../session.ts"

export const layerCrypto = Layer.merge(NodeCrypto.layerMac, NodeCrypto.layerSecureRandom)

export const layerServer = (host: string, port: number) => NodeHttpServer.layer(createServer, { host, port })

/** PostgreSQL, whose driver only fleets of several runners need. */
export const layerPostgres = (url: Redacted.Redacted, maxConnections: number) =>
  Layer.unwrap(
    Effect.tryPromise({
      try: () => import("@effect/sql-pg/PgClient"),
      catch: (error) => failure("storage.postgres needs the package @effect/sql-pg: npm install @effect/sql-pg", error)
    }).pipe(
      Effect.map((PgClient): Layer.Layer<SqlClient, SqlError> =>
        PgClient.layer({ url, maxConnections, applicationName: "effect-kefu" })
      )
    )
  )

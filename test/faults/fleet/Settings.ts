/** What the runners and the client of the trial have in common. */
import * as PgClient from "@effect/sql-pg/PgClient"

/** What a runner is told at its start. */
export interface Part {
  readonly port: number
  readonly databasePort: number
  readonly baseUrl: string
}

/** Limits that let much happen in a minute, on a busy machine too. The promises do not depend on them. */
export const sharding = {
  shardsPerGroup: 30,
  shardLockExpiration: 30_000,
  shardLockRefreshInterval: 10_000,
  entityMessagePollInterval: 2000,
  refreshAssignmentsInterval: 1000,
  runnerHealthCheckInterval: 3000,
  entityTerminationTimeout: 3000
}

export const database = (port: number) =>
  PgClient.layer({
    host: "127.0.0.1",
    port,
    database: "postgres",
    username: "kefu",
    maxConnections: 12,
    connectTimeout: 15_000
  })

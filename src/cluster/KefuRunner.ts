/**
 * Runners of a cluster on Node, and a cluster of one.
 *
 * @since 0.1.0
 */
import * as NodeClusterSocket from "@effect/platform-node/NodeClusterSocket"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as SingleRunner from "effect/cluster/SingleRunner"
import type * as Config from "effect/Config"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as SocketServer from "effect/socket/SocketServer"
import type * as SqlClient from "effect/sql/SqlClient"
import * as Kefu from "../Kefu.ts"
import type { InvalidRequest, KefuError } from "../KefuError.ts"
import { KefuCluster, type Options as ClusterOptions } from "./KefuCluster.ts"

/**
 * The options of a runner.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends ClusterOptions {
  /** Where the other runners reach this one. */
  readonly address: { readonly host: string; readonly port: number }
  /** Other settings of the shards, the same on every runner. Default: those of `effect/cluster`. */
  readonly sharding?: Partial<ShardingConfig.ShardingConfig["Service"]> | undefined
}

/** What nodes say to each other. The binary one of `effect` does not encode all messages. */
const serialization = "ndjson"

const network = Kefu.layerGlobals({})

/**
 * A runner, whose locks and messages are in the database of `SqlClient`, such as `PgClient.layer` of `@effect/sql-pg`.
 *
 * **Example** (One of several runners)
 *
 * ```ts
 * import * as PgClient from "@effect/sql-pg/PgClient"
 * import * as Layer from "effect/Layer"
 * import * as Redacted from "effect/Redacted"
 * import * as KefuRunner from "effect-kefu/cluster/KefuRunner"
 *
 * const Runner = KefuRunner.layer({
 *   address: { host: "10.0.0.7", port: 34431 },
 *   session: (account) => ({ baseUrl: "https://chat.example.com", token: `token of ${account}` })
 * }).pipe(Layer.provide(PgClient.layer({ url: Redacted.make("postgres://10.0.0.1/kefu") })))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = ({
  address,
  sharding,
  ...options
}: Options): Layer.Layer<
  KefuCluster,
  KefuError<InvalidRequest> | Config.ConfigError | SocketServer.SocketServerError,
  SqlClient.SqlClient
> => {
  const config = { ...sharding, runnerAddress: Option.some(RunnerAddress.make(address.host, address.port)) }
  return KefuCluster.layer(options).pipe(
    Layer.provide(NodeClusterSocket.layer({ serialization, shardingConfig: config })),
    Layer.provide(ShardingConfig.layer(config)),
    Layer.provide(network)
  )
}

/**
 * A node that holds no accounts, and calls the runners that share its database.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerClient = (
  options: Pick<Options, "sharding"> = {}
): Layer.Layer<KefuCluster, Config.ConfigError, SqlClient.SqlClient> =>
  KefuCluster.layerClient.pipe(
    Layer.provide(
      NodeClusterSocket.layer({
        clientOnly: true,
        serialization,
        shardingConfig: { ...options.sharding, runnerAddress: Option.none() }
      })
    )
  )

/**
 * A cluster of one runner, over an embedded database.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSingle = ({
  sharding,
  ...options
}: Omit<Options, "address">): Layer.Layer<
  KefuCluster,
  KefuError<InvalidRequest> | Config.ConfigError,
  SqlClient.SqlClient
> =>
  KefuCluster.layer(options).pipe(
    Layer.provide(SingleRunner.layer({ runnerStorage: "memory", shardingConfig: sharding })),
    Layer.provide(ShardingConfig.layer(sharding)),
    Layer.provide(NodeCrypto.layerDigest),
    Layer.provide(network)
  )

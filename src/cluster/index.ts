/**
 * Many accounts over many machines: each is connected by exactly one of them.
 *
 * @since 0.1.0
 */
export { FleetApi } from "./FleetApi.ts"
export { type FleetAccount, FleetEvent, type FleetHandler } from "./FleetEvent.ts"
export { AccountEvent, AccountState, KefuAccount } from "./KefuAccount.ts"
export { type ClusterDraft, KefuCluster, type Options } from "./KefuCluster.ts"
export * as KefuRunner from "./KefuRunner.ts"
export * as NodeSqlite from "./NodeSqlite.ts"

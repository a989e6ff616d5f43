/**
 * The states of the connection.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { ConnectionReason, KefuError } from "../KefuError.ts"

/**
 * What the connection is doing.
 *
 * **Details**
 *
 * - `Idle`: nothing has used the connection yet.
 * - `Connecting`: dialling, after `attempt` failures in a row.
 * - `Connected`: open since `since` (milliseconds since 1970); `connection` counts the connections from 1.
 * - `Waiting`: lost or refused because of `cause`; dials again at `retryAt` (milliseconds since 1970).
 * - `Suspended`: the device is offline, or the app hidden and its `Lifecycle` suspended then; dials again automatically
 *   once that changes.
 * - `Superseded`: the account logged in elsewhere; remains until `takeOver`.
 * - `Closed`: closed by the app (`reason` is undefined) or by a permanent failure; remains until `open`.
 *
 * @category models
 * @since 0.1.0
 */
export type ConnectionState = Data.TaggedEnum<{
  Idle: {}
  Connecting: { readonly attempt: number }
  Connected: { readonly since: number; readonly connection: number }
  Waiting: { readonly attempt: number; readonly retryAt: number; readonly cause: KefuError<ConnectionReason> }
  Suspended: { readonly why: "offline" | "hidden" }
  Superseded: {}
  Closed: { readonly reason: KefuError<ConnectionReason> | undefined }
}>

/**
 * Constructors, guards and `$match` of {@link ConnectionState:type}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ConnectionState = Data.taggedEnum<ConnectionState>()

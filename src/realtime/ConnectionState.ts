/**
 * The states of a session's connection.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { KefuError } from "../KefuError.ts"

/**
 * What the connection is doing.
 *
 * **Details**
 *
 * - `Idle`: nothing has asked for a connection yet.
 * - `Connecting`: dialling; `attempt` counts the failures before, from 0.
 * - `Connected`: open since `since` (milliseconds since 1970); `connection` is its number, from 1.
 * - `Waiting`: lost or refused because of `cause`; dials again at `retryAt` (milliseconds since 1970).
 * - `Suspended`: would dial, but the page is hidden or offline; goes on by itself.
 * - `Superseded`: the account logged in elsewhere; stays so until `takeOver`.
 * - `Closed`: closed by the app (`reason` is undefined) or for good; stays so until `open`.
 *
 * @category models
 * @since 0.1.0
 */
export type ConnectionState = Data.TaggedEnum<{
  Idle: {}
  Connecting: { readonly attempt: number }
  Connected: { readonly since: number; readonly connection: number }
  Waiting: { readonly attempt: number; readonly retryAt: number; readonly cause: KefuError }
  Suspended: { readonly why: "offline" | "hidden" }
  Superseded: {}
  Closed: { readonly reason: KefuError | undefined }
}>

/**
 * Constructors, guards and `$match` of {@link (ConnectionState:type)}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ConnectionState = Data.taggedEnum<ConnectionState>()

/**
 * A place from which to see all that happens to a session in one order. Subscribers of states and of events each have
 * a queue of their own, so none of them can tell what came first.
 */
import * as Context from "effect/Context"
import type { ConnectionState } from "./ConnectionState.ts"
import type { RealtimeEvent } from "./RealtimeEvent.ts"

export type Occurrence = { readonly state: ConnectionState } | { readonly event: RealtimeEvent }

/**
 * Is called as it happens, so it must neither throw nor take long.
 */
export const Witness = Context.Reference<(occurrence: Occurrence) => void>("effect-kefu/realtime/witness/Witness", {
  defaultValue: () => () => {}
})

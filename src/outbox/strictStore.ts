/**
 * A store without which an outbox does nothing. By default a store that fails or does not respond holds up no message; where
 * the store also says who may send, as in a cluster, nothing may go out that it does not hold.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { KeyValueStoreError } from "effect/persistence/KeyValueStore"
import type { OutboxEntry } from "./OutboxEntry.ts"

export interface StrictStore {
  /** Notes what has become of a send, and removes its slots: both or none. No other session looks for its arrival. */
  readonly settle: (entry: OutboxEntry, slots: ReadonlyArray<string>) => Effect.Effect<void, KeyValueStoreError>
}

/** Undefined if the store is not strict. */
export const StrictStore = Context.Reference<StrictStore | undefined>("effect-kefu/outbox/strictStore/StrictStore", {
  defaultValue: () => undefined
})

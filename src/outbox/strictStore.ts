/**
 * Whether an outbox does nothing without its store. By default a store that fails or does not respond holds up no message;
 * where the store also says who may send, as in a cluster, nothing may go out that it does not hold.
 */
import * as Context from "effect/Context"

export const StrictStore = Context.Reference<boolean>("effect-kefu/outbox/strictStore/StrictStore", {
  defaultValue: () => false
})

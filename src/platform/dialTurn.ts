/**
 * When a session may dial: many sessions of one process take turns, so that they do not all dial at once.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** Ends once it is the session's turn. */
export const DialTurn = Context.Reference<Effect.Effect<void>>("effect-kefu/platform/dialTurn/DialTurn", {
  defaultValue: () => Effect.void
})

/**
 * Lets tests see that nothing is left when a session is closed: whatever keeps a collection says how large it is.
 */
import * as Context from "effect/Context"

export const Leftovers = Context.Reference<(name: string, size: () => number) => void>(
  "effect-kefu/platform/leftovers/Leftovers",
  { defaultValue: () => () => {} }
)

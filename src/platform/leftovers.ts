/**
 * Where the collections of a session register, so that tests can assert that a closed session leaves nothing behind.
 */
import * as Context from "effect/Context"

export const Leftovers = Context.Reference<(name: string, size: () => number) => void>(
  "effect-kefu/platform/leftovers/Leftovers",
  { defaultValue: () => () => {} }
)

/**
 * The depth limit of values from clients.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { BadRequest } from "../../wire/ApiError.ts"

/**
 * The greatest depth. A value nested thousands of levels deep can be parsed but not written as JSON again.
 *
 * @category constants
 * @since 0.1.0
 */
export const deepest = 500

/**
 * Tells whether a value nests deeper than {@link deepest}.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isTooDeep = (root: unknown): boolean => {
  let level: ReadonlyArray<unknown> = [root]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > deepest) return true
    level = level.flatMap((value) => (typeof value === "object" && value !== null ? Object.values(value) : []))
  }
  return false
}

/**
 * Refuses a value that nests deeper than {@link deepest}.
 *
 * @category guards
 * @since 0.1.0
 */
export const check = (value: unknown): Effect.Effect<void, BadRequest> =>
  isTooDeep(value) ? new BadRequest({ message: `The body nests deeper than ${deepest} levels` }) : Effect.void

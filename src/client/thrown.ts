/**
 * What app code has thrown.
 */
import * as Result from "effect/Result"

/** The text of a thrown value, which may be of any kind: not even its conversion to a text is sure to work. */
export const messageOf = (error: unknown): string =>
  Result.getOrElse(
    Result.try(() => (error instanceof Error ? String(error.message) : String(error))),
    () => "a value that has no text"
  )

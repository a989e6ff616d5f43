/**
 * Names that nothing else has.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

/** A short text that no other session, tab or machine makes. */
export const unique = Effect.map(Effect.all([Random.nextInt, Random.nextInt]), (numbers) =>
  numbers.map((number) => Math.abs(number).toString(36)).join("")
)

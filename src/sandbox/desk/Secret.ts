/**
 * Secrets: parts of tokens and of addresses.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

/**
 * A new secret of 104 random bits in 22 characters, which cannot be guessed unless `Random` is seeded.
 *
 * @category constructors
 * @since 0.1.0
 */
export const secret: Effect.Effect<string> = Effect.map(Effect.all([Random.next, Random.next]), (parts) =>
  parts
    .map((part) =>
      Math.floor(part * 2 ** 52)
        .toString(36)
        .padStart(11, "0")
    )
    .join("")
)

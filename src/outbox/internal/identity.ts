/**
 * Whose session it is, as far as the outbox knows.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { User } from "../../domain/User.ts"
import type { CurrentUser } from "../../rest/CurrentUser.ts"

/** How long a send waits for the current user. */
const patience = Duration.seconds(2)

export const make = (currentUser: CurrentUser["Service"]) => {
  let user: User | undefined
  /** The connection on which the user could not be fetched in time. */
  let failedOn = 0

  const fetch = Effect.ignore(
    Effect.map(currentUser.get, (found) => {
      user = found
    })
  )

  return {
    user: () => user,
    changed: (to: User) => {
      user = to
    },
    fetch,
    /** Waits for the user, though no longer than two seconds on each connection. */
    identified: (connection: number): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (user !== undefined || failedOn === connection) return Effect.void
        return Effect.map(Effect.timeoutOption(fetch, patience), () => {
          if (user === undefined) failedOn = connection
        })
      })
  }
}

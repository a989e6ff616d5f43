/**
 * Whose conversations the inbox shows: those of the current user, who may become another one.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import type { User } from "../../domain/User.ts"
import type { KefuError, RequestReason } from "../../KefuError.ts"
import { CurrentUser } from "../../rest/CurrentUser.ts"
import type { InboxState } from "./state.ts"

/** `onReplaced` runs when the session has another account. */
export const make = Effect.fnUntraced(function* (
  state: InboxState,
  commit: Effect.Effect<void>,
  onReplaced: () => void
) {
  const currentUser = yield* CurrentUser
  const introduced = Latch.makeUnsafe(false)
  let accounts = 1

  const adopt = (me: User) =>
    Effect.suspend(() => {
      if (state.me !== undefined && state.me.id !== me.id) {
        accounts++
        onReplaced()
      }
      state.setMe(me)
      return Effect.andThen(introduced.open, commit)
    })

  const introduce = Effect.flatMap(currentUser.get, (me) => (state.me?.id === me.id ? Effect.void : adopt(me)))

  const read = <A>(request: Effect.Effect<A, KefuError<RequestReason>>): Effect.Effect<A, KefuError<RequestReason>> =>
    Effect.gen(function* () {
      yield* introduce
      const before = accounts
      const answer = yield* Effect.result(request)
      yield* introduce
      return yield* accounts === before ? Effect.fromResult(answer) : read(request)
    })

  return {
    /** Takes the data of the account, which may have become another one. */
    adopt,
    /** Reads the account, unless it is known. */
    introduce,
    /** Waits until the account is known. */
    introduced: introduced.await,
    /** Reads something for the account, once more if the account has changed meanwhile. */
    read,
    /** Follows the account as it becomes another one. */
    follow: (onChange: Effect.Effect<void>) =>
      Stream.runForEach(currentUser.changes, (me) => Effect.andThen(adopt(me), onChange))
  }
})

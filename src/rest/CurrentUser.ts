/**
 * Whose session it is.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { User } from "../domain/User.ts"
import { Transport } from "../http/Transport.ts"
import type { KefuError, RequestReason } from "../KefuError.ts"
import * as backoff from "../platform/backoff.ts"
import * as flights from "../platform/singleFlight.ts"
import { UserApi } from "./UserApi.ts"

/**
 * The account of the session. It may change while the session lasts: a refused anonymous token is replaced by another
 * visitor's, and a token provider may return another account's token.
 *
 * **Details**
 *
 * Everything that is derived from the account (whose message it is, what the account has sent, where it stands) has to
 * be derived again after a change. A change is noticed when the token is replaced: the user is fetched again at once,
 * and repeatedly, with backoff, while that fails.
 *
 * @category services
 * @since 0.1.0
 */
export class CurrentUser extends Context.Service<
  CurrentUser,
  {
    /**
     * The current user: fetched once for all callers (GET /im/users/me), and again after the token was replaced. Fails as
     * `UserApi.me` does.
     */
    readonly get: Effect.Effect<User, KefuError<RequestReason>>
    /** The new user, each time the account has become another one (another id). */
    readonly changes: Stream.Stream<User>
  }
>()("effect-kefu/rest/CurrentUser") {
  /**
   * Makes the service of {@link CurrentUser.layer}.
   *
   * @since 0.1.0
   */
  static readonly make: Effect.Effect<CurrentUser["Service"], never, Transport | UserApi | Scope.Scope> =
    Effect.suspend(() => make)

  /**
   * Over `UserApi` and the session's transport.
   *
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<CurrentUser, never, Transport | UserApi> = Layer.effect(
    CurrentUser,
    CurrentUser.make
  )

  /**
   * A partial implementation for tests; missing members die when used.
   *
   * @since 0.1.0
   */
  static readonly layerTest = (partial: Layer.PartialEffectful<CurrentUser["Service"]>): Layer.Layer<CurrentUser> =>
    Layer.mock(CurrentUser, partial)
}

/** When the user is fetched again, while that fails. */
const refetching = { base: Duration.millis(500), cap: Duration.seconds(10) }

const make = Effect.gen(function* () {
  const { tokenChanges, tokenGeneration } = yield* Transport
  const users = yield* UserApi
  const changed = yield* PubSub.unbounded<User>()
  const singleFlight = flights.make<KefuError<RequestReason>>()
  let known: { readonly user: User; readonly generation: number } | undefined

  const fetch: Effect.Effect<User, KefuError<RequestReason>> = Effect.gen(function* () {
    const generation = yield* tokenGeneration
    if (known?.generation === generation) return known.user
    const user = yield* users.me
    // A token that was replaced during the request leaves open whose answer this is.
    if ((yield* tokenGeneration) !== generation) return yield* fetch
    const isAnother = known !== undefined && known.user.id !== user.id
    known = { user, generation }
    if (isAnother) yield* PubSub.publish(changed, user)
    return user
  })

  const get = singleFlight(fetch)

  /** Fetches the user again, until that succeeds or the backend refuses the account for good. */
  const refetch = (attempt: number): Effect.Effect<void> =>
    Effect.catch(Effect.asVoid(get), (error) =>
      error.isRetryable
        ? Effect.flatMap(backoff.delay(refetching, attempt), (delay) => Effect.delay(refetch(attempt + 1), delay))
        : Effect.void
    )

  yield* tokenChanges.pipe(
    Stream.switchMap(() => Stream.fromEffect(Effect.suspend(() => (known === undefined ? Effect.void : refetch(0))))),
    Stream.runDrain,
    Effect.forkScoped({ startImmediately: true })
  )

  return CurrentUser.of({ get, changes: Stream.fromPubSub(changed) })
})

/**
 * Where a session's token comes from.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import { KefuError, StorageFailed, TokenUnavailable, Unauthorized } from "../KefuError.ts"
import * as elapsed from "../platform/elapsed.ts"
import * as flights from "../platform/singleFlight.ts"
import { TokenApi } from "./TokenApi.ts"

/**
 * The token of a session: read before every dial and request, and refreshed when the backend refuses it.
 *
 * **Details**
 *
 * Obtaining a token is single-flight: concurrent callers share one attempt and its failure. A token that is refused
 * within five seconds of its refresh is not replaced again, so that a backend which refuses everything is not flooded.
 *
 * @category services
 * @since 0.1.0
 */
export class Credentials extends Context.Service<
  Credentials,
  {
    /** The current token. */
    readonly token: Effect.Effect<Redacted.Redacted, KefuError>
    /** Replaces a refused token, unless that has already happened. */
    refresh(refused: Redacted.Redacted): Effect.Effect<Redacted.Redacted, KefuError>
    /**
     * How often the token was replaced, from 0: each time the account may have become another one. An anonymous visitor's
     * always does, a provider's may be the same. `CurrentUser` says which account it is.
     */
    readonly generation: Effect.Effect<number>
    /** The present generation and every later one. */
    readonly changes: Stream.Stream<number>
  }
>()("effect-kefu/http/Credentials") {
  /**
   * A fixed token. Once the backend refuses it, calls fail with `Unauthorized`.
   *
   * @since 0.1.0
   */
  static readonly layer = (token: Redacted.Redacted | string): Layer.Layer<Credentials> =>
    Layer.succeed(Credentials, {
      token: Effect.succeed(redact(token)),
      refresh: () => Effect.fail(refused("the token is fixed, so it cannot be refreshed")),
      ...unchanging
    })

  /**
   * Tokens from an effect, which runs at the first use and whenever the backend refuses its last token. If it fails, or
   * takes longer than 10 seconds, calls fail with `TokenUnavailable`.
   *
   * @since 0.1.0
   */
  static readonly layerProvider = <E, R>(
    provide: Effect.Effect<Redacted.Redacted | string, E, R>
  ): Layer.Layer<Credentials, never, R> =>
    Layer.effect(
      Credentials,
      Effect.gen(function* () {
        const context = yield* Effect.context<R>()
        return yield* make({
          load: Effect.succeedNone,
          obtain: provide.pipe(
            Effect.map(redact),
            Effect.provideContext(context),
            // The provider's error may contain the token.
            Effect.mapError(() => unavailable("the token provider failed")),
            Effect.catchDefect(() => Effect.fail(unavailable("the token provider failed"))),
            Effect.timeoutOrElse({
              duration: "10 seconds",
              orElse: () => Effect.fail(unavailable("the token provider did not answer within 10 seconds"))
            })
          ),
          save: () => Effect.void
        })
      })
    )

  /**
   * An anonymous visitor: the token is read from the `KeyValueStore`, or requested from the backend (POST /im/tokens)
   * and stored under `key` (default `effect-kefu/token`), so that the visitor stays the same after a reload. If the
   * store cannot be read, calls fail with `StorageFailed`; if it cannot be written, that is logged, and the visitor
   * lasts as long as the session.
   *
   * @since 0.1.0
   */
  static readonly layerAnonymous = (options?: {
    readonly key?: string | undefined
  }): Layer.Layer<Credentials, never, TokenApi | KeyValueStore.KeyValueStore> =>
    Layer.effect(
      Credentials,
      Effect.gen(function* () {
        const key = options?.key ?? "effect-kefu/token"
        const api = yield* TokenApi
        const store = yield* KeyValueStore.KeyValueStore
        return yield* make({
          load: Effect.mapBoth(store.get(key), {
            onSuccess: (text) => (text === undefined || text === "" ? Option.none() : Option.some(Redacted.make(text))),
            onFailure: storageFailed
          }),
          obtain: api.anonymous,
          save: (token) => Effect.mapError(store.set(key, Redacted.value(token)), storageFailed)
        })
      })
    )

  /**
   * A partial implementation for tests; missing members die when used.
   *
   * @since 0.1.0
   */
  static readonly layerTest = (partial: Layer.PartialEffectful<Credentials["Service"]>): Layer.Layer<Credentials> =>
    Layer.mock(Credentials, partial)
}

const redact = (token: Redacted.Redacted | string) => (typeof token === "string" ? Redacted.make(token) : token)

const refused = (detail: string) => new KefuError({ method: "Credentials.token", reason: new Unauthorized({ detail }) })

const unavailable = (detail: string) =>
  new KefuError({ method: "Credentials.token", reason: new TokenUnavailable({ detail }) })

const storageFailed = () =>
  new KefuError({
    method: "Credentials.token",
    reason: new StorageFailed({ detail: "the token could not be read or stored" })
  })

const unchanging = { generation: Effect.succeed(0), changes: Stream.concat(Stream.make(0), Stream.never) }

const refreshPause = Duration.seconds(5)

const make = Effect.fnUntraced(function* (source: {
  readonly load: Effect.Effect<Option.Option<Redacted.Redacted>, KefuError>
  readonly obtain: Effect.Effect<Redacted.Redacted, KefuError>
  readonly save: (token: Redacted.Redacted) => Effect.Effect<void, KefuError>
}) {
  const singleFlight = flights.make<KefuError>()
  const generation = yield* SubscriptionRef.make(0)
  let current: Redacted.Redacted | undefined
  let refreshedAt = Number.NEGATIVE_INFINITY

  /** Uninterruptible, so that no token is used under the generation of another one. */
  const use = (token: Redacted.Redacted) =>
    Effect.uninterruptible(
      Effect.suspend(() => {
        const isReplaced = current !== undefined && !isSame(current, token)
        current = token
        return isReplaced ? SubscriptionRef.update(generation, (replaced) => replaced + 1) : Effect.void
      })
    )

  const obtain = Effect.gen(function* () {
    const token = yield* source.obtain
    yield* use(token)
    yield* Effect.catch(source.save(token), (error) => Effect.logWarning(error.message))
    return token
  })

  const stored = Effect.gen(function* () {
    const found = yield* source.load
    if (Option.isSome(found)) yield* use(found.value)
    return current
  })

  const token = Effect.suspend(() =>
    current === undefined
      ? singleFlight(
          Effect.suspend(() => {
            if (current !== undefined) return Effect.succeed(current)
            return Effect.flatMap(stored, (found) => (found === undefined ? obtain : Effect.succeed(found)))
          })
        )
      : Effect.succeed(current)
  )

  const refresh = (stale: Redacted.Redacted) => {
    const fresh = () => (current === undefined || isSame(current, stale) ? undefined : current)
    return singleFlight(
      Effect.gen(function* () {
        const known = fresh()
        if (known !== undefined) return known
        const now = yield* elapsed.now
        if (now - refreshedAt < Duration.toMillis(refreshPause)) return yield* refused("a fresh token was refused, too")
        // Another tab may have replaced the token of the same visitor.
        yield* stored
        const adopted = fresh()
        if (adopted !== undefined) return adopted
        const token = yield* obtain
        refreshedAt = now
        return token
      })
    )
  }

  return Credentials.of({
    token,
    refresh,
    generation: SubscriptionRef.get(generation),
    changes: SubscriptionRef.changes(generation)
  })
})

const isSame = (a: Redacted.Redacted, b: Redacted.Redacted): boolean => Redacted.value(a) === Redacted.value(b)

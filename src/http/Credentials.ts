/**
 * Where a session's token comes from.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { constant } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import { KefuConfig } from "../KefuConfig.ts"
import { KefuError, type RequestReason, StorageFailed, TokenUnavailable, Unauthorized } from "../KefuError.ts"
import * as elapsed from "../platform/elapsed.ts"
import { withLock } from "../platform/lock.ts"
import * as sessionLog from "../platform/sessionLog.ts"
import * as flights from "../platform/singleFlight.ts"
import { describe, redacted } from "./cause.ts"
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
    readonly token: Effect.Effect<Redacted.Redacted, KefuError<RequestReason>>
    /** Replaces a refused token, unless that has already happened. */
    refresh(refused: Redacted.Redacted): Effect.Effect<Redacted.Redacted, KefuError<RequestReason>>
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
          stored: Effect.undefined,
          obtain: constant(
            provide.pipe(
              Effect.map((token) => ({ token: redact(token), isNew: true })),
              Effect.provideContext(context),
              Effect.mapError(providerFailed),
              Effect.catchDefect((defect) => Effect.fail(providerFailed(defect))),
              Effect.timeoutOrElse({
                duration: "10 seconds",
                orElse: () => Effect.fail(unavailable("the token provider did not answer within 10 seconds"))
              })
            )
          )
        })
      })
    )

  /**
   * An anonymous visitor: the token is read from the `KeyValueStore`, or requested from the backend (POST /im/tokens)
   * and stored under `key` (default `effect-kefu/token/` and the backend's URL), so that the visitor stays the same after
   * a reload. Sessions that share the store are one visitor; in pages, a Web Lock sees to it when they start at once.
   *
   * If the store cannot be read or written, that is logged once, and the visitor lasts as long as the session. A store that
   * does not answer within five seconds is used again, and given the token, as soon as it does.
   *
   * @since 0.1.0
   */
  static readonly layerAnonymous = (options?: {
    readonly key?: string | undefined
  }): Layer.Layer<Credentials, never, KefuConfig | TokenApi | KeyValueStore.KeyValueStore> =>
    Layer.effect(
      Credentials,
      Effect.gen(function* () {
        const { baseUrl } = yield* KefuConfig
        const api = yield* TokenApi
        const store = yield* KeyValueStore.KeyValueStore
        const annotated = yield* sessionLog.annotated
        return yield* make(anonymous(api.anonymous, store, options?.key ?? `effect-kefu/token/${baseUrl}`, annotated))
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

const unavailable = (detail: string, cause?: unknown) =>
  new KefuError({ method: "Credentials.token", reason: new TokenUnavailable({ detail }), cause: redacted(cause) })

const unchanging = { generation: Effect.succeed(0), changes: Stream.concat(Stream.make(0), Stream.never) }

const refreshPause = Duration.seconds(5)

/** How long a step waits for the store, in milliseconds. */
const storePatience = 5000

/** A store could not answer while the process was suspended: it gets the time once more. */
const patience = Effect.flatMap(elapsed.sleepsLate(storePatience), (isLate) =>
  isLate ? Effect.sleep(storePatience) : Effect.void
)

/** Where tokens come from. */
interface Source {
  /** The token that the last session has left. */
  readonly stored: Effect.Effect<Redacted.Redacted | undefined>
  /** A token other than a refused one: a new one, or one that another session has stored. */
  readonly obtain: (
    stale: Redacted.Redacted | undefined
  ) => Effect.Effect<{ readonly token: Redacted.Redacted; readonly isNew: boolean }, KefuError<RequestReason>>
}

/** What the store holds. */
interface Held {
  readonly token: Redacted.Redacted | undefined
}

/** A token that the store does not hold yet, and those that it may hold instead. */
interface Missed {
  readonly token: Redacted.Redacted
  readonly refused: ReadonlyArray<Redacted.Redacted>
}

/** A store that cannot be read is not written either: it may hold another session's token. */
const anonymous = (
  request: Effect.Effect<Redacted.Redacted, KefuError<RequestReason>>,
  store: KeyValueStore.KeyValueStore,
  key: string,
  annotated: Effect.Success<typeof sessionLog.annotated>
): Source => {
  let isTold = false
  /** A step has not been answered in time. Until it is, the store is left alone. */
  let isStalled = false
  let missed: Missed | undefined

  const failed = (error: unknown) =>
    Effect.suspend(() => {
      if (isTold) return Effect.undefined
      isTold = true
      const warning = Effect.logWarning("The token is kept in memory only", storageFailed(error).message)
      return Effect.as(annotated(warning), undefined)
    })

  /** Gives undefined if the store fails or does not answer. A step that takes too long ends by itself. */
  const attempt = Effect.fnUntraced(function* <A>(step: Effect.Effect<A, KeyValueStore.KeyValueStoreError>) {
    if (isStalled) return undefined
    const tolerant = step.pipe(Effect.catch(failed), Effect.catchDefect(failed))
    const fiber = yield* Effect.forkDetach(tolerant, { startImmediately: true })
    const answer = yield* Effect.raceFirst(Fiber.await(fiber), patience)
    if (answer !== undefined) return yield* answer
    isStalled = true
    yield* Effect.forkDetach(Effect.andThen(Fiber.await(fiber), resume))
    return yield* failed(new Error("it does not answer"))
  })

  const read = attempt(
    Effect.map(store.get(key), (text): Held => ({
      token: text === undefined || text === "" ? undefined : Redacted.make(text)
    }))
  )

  const write = (token: Redacted.Redacted) =>
    Effect.map(attempt(Effect.as(store.set(key, Redacted.value(token)), true)), (isWritten) => {
      if (isWritten === true) missed = undefined
    })

  /** Uses the store again, and writes what it has missed, unless another session has written meanwhile. */
  const resume: Effect.Effect<void> = Effect.suspend(() => {
    isStalled = false
    return withLock(key)(
      Effect.gen(function* () {
        const held = yield* read
        if (held === undefined || missed === undefined) return
        const { refused, token } = missed
        if (held.token === undefined || refused.some((stale) => isSame(stale, held.token))) yield* write(token)
      })
    )
  })

  const obtain = Effect.fnUntraced(function* (stale: Redacted.Redacted | undefined) {
    const other = Effect.map(read, (held) => ({ held, token: isSame(held?.token, stale) ? undefined : held?.token }))
    const before = yield* other
    if (before.token !== undefined) return { token: before.token, isNew: false }
    const token = yield* request
    // Another session may have stored its token meanwhile: the first one stands.
    const meanwhile = yield* other
    if (meanwhile.token !== undefined) return { token: meanwhile.token, isNew: false }
    missed = { token, refused: [...(missed?.refused ?? []), ...(stale === undefined ? [] : [stale])] }
    if (meanwhile.held !== undefined) yield* write(token)
    return { token, isNew: true }
  })

  return {
    stored: Effect.map(read, (held) => held?.token),
    obtain: (stale) => withLock(key)(obtain(stale))
  }
}

/** The provider's error, without what may be the token. */
const providerFailed = (error: unknown) => {
  const told = describe(error)
  return unavailable(`the token provider failed${told === "" ? "" : `: ${told}`}`, error)
}

const storageFailed = (error: unknown) =>
  new KefuError({
    method: "Credentials.token",
    reason: new StorageFailed({ detail: `the token could not be read or stored: ${describe(error)}` }),
    cause: redacted(error)
  })

const make = Effect.fnUntraced(function* (source: Source) {
  const singleFlight = flights.make<KefuError<RequestReason>>()
  const generation = yield* SubscriptionRef.make(0)
  let current: Redacted.Redacted | undefined
  let refreshedAt = Number.NEGATIVE_INFINITY

  /** Uninterruptible, so that no token is used under the generation of another one. */
  const use = (token: Redacted.Redacted) =>
    Effect.uninterruptible(
      Effect.suspend(() => {
        const isReplaced = current !== undefined && !isSame(current, token)
        current = token
        return Effect.as(
          isReplaced ? SubscriptionRef.update(generation, (replaced) => replaced + 1) : Effect.void,
          token
        )
      })
    )

  const first = Effect.gen(function* () {
    if (current !== undefined) return current
    const found = (yield* source.stored) ?? (yield* source.obtain(undefined)).token
    return yield* use(found)
  })

  const refresh = (stale: Redacted.Redacted) =>
    singleFlight(
      Effect.gen(function* () {
        if (current !== undefined && !isSame(current, stale)) return current
        const now = yield* elapsed.now
        if (now - refreshedAt < Duration.toMillis(refreshPause)) return yield* refused("a fresh token was refused, too")
        const { isNew, token } = yield* source.obtain(stale)
        if (isNew) refreshedAt = now
        return yield* use(token)
      })
    )

  return Credentials.of({
    token: Effect.suspend(() => (current === undefined ? singleFlight(first) : Effect.succeed(current))),
    refresh,
    generation: SubscriptionRef.get(generation),
    changes: SubscriptionRef.changes(generation)
  })
})

const isSame = (a: Redacted.Redacted | undefined, b: Redacted.Redacted | undefined): boolean =>
  (a && Redacted.value(a)) === (b && Redacted.value(b))

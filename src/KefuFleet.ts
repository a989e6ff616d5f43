/**
 * Many logins in one process: a session for each, opened at its first use and shared while in use.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as RcMap from "effect/RcMap"
import * as Semaphore from "effect/Semaphore"
import type * as Socket from "effect/socket/Socket"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as Kefu from "./Kefu.ts"
import { InvalidRequest, KefuError } from "./KefuError.ts"
import { DialTurn } from "./platform/dialTurn.ts"
import * as elapsed from "./platform/elapsed.ts"
import * as metrics from "./platform/metrics.ts"
import type { ConnectionState } from "./realtime/ConnectionState.ts"
import { Realtime } from "./realtime/Realtime.ts"

/**
 * The options of a fleet.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** The options of a login's session, above all its `token`; asked for whenever the session opens. */
  readonly session: (login: string) => Omit<Kefu.Options, "fetch" | "webSocket">
  /** How long a session stays open after its last use. Default: 1 minute. */
  readonly idleTimeToLive?: Duration.Input | undefined
  /**
   * How many dials a second all sessions make together, evenly spaced: at the start, and after all of them have lost their
   * connections. Default: 50.
   */
  readonly dialsPerSecond?: number | undefined
}

/**
 * The sessions of many logins.
 *
 * **Details**
 *
 * - A login is any name of yours for an account; `Options.session` gives its options.
 * - A session opens at the first use of its login, is shared by all who use it at the same time, and closes
 *   `idleTimeToLive` after the last one. Its connection dials at the first use of `Realtime`, when it is its turn; until
 *   then it is `Connecting`.
 * - The next session of a login opens after the connection of the one before has closed, so that the fleet never ends a
 *   login of its own.
 * - All sessions share one `HttpClient`. The metrics `kefu_*` are those of all sessions together; `kefu_fleet_sessions`
 *   counts the open ones by the state of their connection.
 *
 * **Example** (Greeting with each account)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { KefuFleet } from "effect-kefu/KefuFleet"
 * import { Outbox } from "effect-kefu/outbox/Outbox"
 *
 * const tokens: Readonly<Record<string, string>> = { ann: "token-1", bob: "token-2" }
 *
 * const greet = Effect.gen(function* () {
 *   const fleet = yield* KefuFleet
 *   const hello = Outbox.use((outbox) => outbox.send({ messageType: "Text", content: "你好" }))
 *   yield* Effect.forEach(["ann", "bob"], (login) => Effect.provide(hello, fleet.get(login)), { concurrency: 2 })
 * }).pipe(
 *   Effect.provide(
 *     KefuFleet.layer({ session: (login) => ({ baseUrl: "https://chat.example.com", token: tokens[login] ?? "" }) })
 *   )
 * )
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class KefuFleet extends Context.Service<
  KefuFleet,
  {
    /** The services of a login's session, which stays open while the layer is in use. */
    get(login: string): Layer.Layer<Kefu.Kefu, KefuError<InvalidRequest>>
    /** The connection states of all open sessions, by login. */
    readonly state: Effect.Effect<HashMap.HashMap<string, ConnectionState>>
    /** The present `state` and every later one. */
    readonly states: Stream.Stream<HashMap.HashMap<string, ConnectionState>>
  }
>()("effect-kefu/KefuFleet") {
  /**
   * A fleet over an `HttpClient` and a WebSocket constructor of your own. Fails with `InvalidRequest`, which names the
   * option.
   *
   * @since 0.1.0
   */
  static readonly layerPlatform = (
    options: Options
  ): Layer.Layer<KefuFleet, KefuError<InvalidRequest>, HttpClient.HttpClient | Socket.WebSocketConstructor> =>
    Layer.effect(KefuFleet, make(options))

  /**
   * A fleet over the global `fetch` and `WebSocket`.
   *
   * @since 0.1.0
   */
  static readonly layer = (options: Options): Layer.Layer<KefuFleet, KefuError<InvalidRequest>> =>
    KefuFleet.layerPlatform(options).pipe(Layer.provide(Kefu.layerGlobals({})))

  /**
   * A partial implementation for tests; missing members die when used.
   *
   * @since 0.1.0
   */
  static readonly layerTest = (partial: Layer.PartialEffectful<KefuFleet["Service"]>): Layer.Layer<KefuFleet> =>
    Layer.mock(KefuFleet, partial)
}

const invalid = (field: string, detail: string) =>
  new KefuError({ method: "KefuFleet.layer", reason: new InvalidRequest({ field, detail }) })

/** Gives each dial its turn, `gap` milliseconds after the one before. Time limiters of `effect` follow the wall clock. */
const makeDialTurn = (gap: number): Effect.Effect<void> => {
  let free = -Infinity
  return Effect.flatMap(elapsed.now, (now) => {
    const turn = Math.max(now, free)
    free = turn + gap
    return turn > now ? Effect.sleep(turn - now) : Effect.void
  })
}

const make = Effect.fnUntraced(function* (options: Options) {
  const idleTimeToLive = Duration.fromInput(options.idleTimeToLive ?? "1 minute")
  if (Option.isNone(idleTimeToLive)) return yield* invalid("idleTimeToLive", "expected a duration")
  const { dialsPerSecond = 50 } = options
  if (!(dialsPerSecond > 0)) return yield* invalid("dialsPerSecond", "expected a positive number")
  const dialTurn = makeDialTurn(1000 / dialsPerSecond)
  const states = yield* SubscriptionRef.make(HashMap.empty<string, ConnectionState>())

  const count = (state: Option.Option<ConnectionState>, more: number) =>
    Option.isSome(state) ? Metric.modify(metrics.fleetSessionsIn(state.value._tag), more) : Effect.void

  /** Notes the state of a session, none once it has closed. */
  const note = (login: string, state: Option.Option<ConnectionState>) =>
    Effect.uninterruptible(
      Effect.gen(function* () {
        const before = yield* SubscriptionRef.getAndUpdate(states, (all) => HashMap.modifyAt(all, login, () => state))
        yield* count(HashMap.get(before, login), -1)
        yield* count(state, 1)
      })
    )

  /** Held by the session of a login, until its connection has closed. */
  const places = yield* RcMap.make({ lookup: () => Semaphore.make(1) })

  const sessions = yield* RcMap.make({
    idleTimeToLive: idleTimeToLive.value,
    lookup: Effect.fnUntraced(function* (login: string) {
      const place = yield* RcMap.get(places, login)
      yield* Effect.acquireRelease(place.take(1), () => place.release(1), { interruptible: true })
      yield* Effect.addFinalizer(() => note(login, Option.none()))
      const session = yield* Layer.build(Kefu.layerPlatform(options.session(login))).pipe(
        Effect.provideService(DialTurn, Effect.andThen(dialTurn, yield* DialTurn))
      )
      yield* Context.get(session, Realtime).states.pipe(
        Stream.runForEach((state) => note(login, Option.some(state))),
        Effect.forkScoped({ startImmediately: true })
      )
      return session
    })
  })

  return KefuFleet.of({
    get: (login) => Layer.effectContext(RcMap.get(sessions, login)),
    state: SubscriptionRef.get(states),
    states: SubscriptionRef.changes(states)
  })
})

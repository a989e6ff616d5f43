/**
 * Keeps one connection open: dials, backs off after a failure, and waits while the page is offline or hidden.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as Latch from "effect/Latch"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import { Transport } from "../../http/Transport.ts"
import { KefuConfig } from "../../KefuConfig.ts"
import type { KefuError } from "../../KefuError.ts"
import * as backoff from "../../platform/backoff.ts"
import { Lifecycle } from "../../platform/Lifecycle.ts"
import * as metrics from "../../platform/metrics.ts"
import { ConnectionState } from "../ConnectionState.ts"
import { RealtimeEvent } from "../RealtimeEvent.ts"
import * as catchUp from "./catchUp.ts"
import { verdict } from "./closeCodes.ts"
import type { DeliveryLog } from "./deliveryLog.ts"
import * as link from "./link.ts"
import * as phases from "./phase.ts"

export const make = Effect.fnUntraced(function* (
  log: DeliveryLog,
  publish: (event: RealtimeEvent) => Effect.Effect<void>
) {
  const config = yield* KefuConfig
  const transport = yield* Transport
  const page = yield* Lifecycle
  const { connected, enter, force, now, states } = yield* phases.make(publish)
  const fiber = yield* FiberHandle.make<void, never>()
  const run = yield* FiberHandle.runtime(fiber)<never>()
  const wake = Latch.makeUnsafe(false)
  const history = config.catchUp ? catchUp.make(transport, log) : undefined

  /** Waits while the device is offline or the page hidden, unless the app has asked for a dial. */
  const untilAwake = Effect.gen(function* () {
    while (true) {
      yield* wake.close
      const why = now().isForced ? undefined : yield* page.suspension
      if (why === undefined) return
      yield* enter(ConnectionState.Suspended({ why }))
      yield* wake.await
    }
  })

  /** Reads where the conversations stand before the first connection opens. */
  const baseline = Effect.suspend(() =>
    history === undefined || log.baselined || now().isResumption ? Effect.void : Effect.ignore(history.baseline)
  )

  /** One connection, from the dial to its end. */
  const connection = Effect.gen(function* () {
    yield* Metric.update(metrics.dials, 1)
    const socket = yield* transport.connect
    const since = yield* Clock.currentTimeMillis
    yield* Metric.update(metrics.connections, 1)
    const next = yield* link.make({
      socket,
      heartbeat: config.heartbeat,
      log,
      publish,
      gap: history && (now().isResumption ? history.read : history.first)
    })
    const number = now().connections + 1
    yield* enter(ConnectionState.Connected({ since, connection: number }), {
      link: next,
      connections: number,
      isResumption: true,
      isForced: false
    })
    return yield* next.run
  }).pipe(Effect.scoped)

  const backOff = Effect.fnUntraced(function* (attempt: number, policy: backoff.Policy, cause: KefuError) {
    const delay = yield* redialDelay(attempt, policy, cause)
    const retryAt = (yield* Clock.currentTimeMillis) + Duration.toMillis(delay)
    yield* wake.close
    yield* enter(ConnectionState.Waiting({ attempt, retryAt, cause }))
    yield* Effect.raceFirst(Effect.sleep(delay), wake.await)
  })

  const dialling = Effect.gen(function* () {
    let attempt = 0
    while (true) {
      yield* untilAwake
      if (now().state._tag !== "Connecting") yield* enter(ConnectionState.Connecting({ attempt }))
      yield* baseline
      const dialled = yield* Clock.currentTimeMillis
      const error = yield* Effect.flip(connection)
      const meaning = verdict(error)
      if (meaning === "superseded") {
        yield* publish(RealtimeEvent.Superseded())
        return yield* enter(ConnectionState.Superseded())
      }
      if (meaning === "terminal" || config.reconnect === undefined) {
        return yield* enter(ConnectionState.Closed({ reason: error }))
      }
      const lasted = (yield* Clock.currentTimeMillis) - dialled
      if (lasted >= Duration.toMillis(config.reconnect.resetAfter)) attempt = 0
      if (meaning === "later") attempt = Math.max(attempt, 3)
      yield* backOff(attempt, config.reconnect, error)
      attempt++
    }
  })

  const signals = Stream.runForEach(page.signals, (signal) =>
    Effect.suspend(() => {
      const { link } = now()
      if (signal === "freeze") return link?.freeze ?? Effect.void
      return signal === "sleep" ? Effect.void : Effect.andThen(wake.open, link?.check ?? Effect.void)
    })
  )

  const running = Effect.raceFirst(dialling, Effect.andThen(signals, Effect.never)).pipe(
    Effect.catchDefect((defect) =>
      Effect.andThen(
        Effect.logError("The connection stopped because of a defect", defect),
        enter(ConnectionState.Closed({ reason: undefined }))
      )
    )
  )

  const start = Effect.suspend(() =>
    now().isReleased || now().state._tag === "Connected" || phases.keepsTrying(now().state)
      ? Effect.void
      : Effect.andThen(
          enter(ConnectionState.Connecting({ attempt: 0 })),
          Effect.sync(() => run(running))
        )
  )

  const forget = (isReleased: boolean) =>
    Effect.suspend(() => {
      log.clear()
      return enter(ConnectionState.Closed({ reason: undefined }), { isResumption: false, isReleased })
    })

  yield* Effect.addFinalizer(() => forget(true))

  return {
    state: Effect.sync(() => now().state),
    states,
    /** Starts to dial, unless that is under way. */
    start,
    /** Starts at the first use, unless the app opens the connection itself. */
    use: Effect.suspend(() => (config.connect === "auto" && now().state._tag === "Idle" ? start : Effect.void)),
    /** Ends the connection, and forgets what was delivered. */
    stop: Effect.ensuring(
      FiberHandle.clear(fiber),
      Effect.suspend(() => forget(now().isReleased))
    ),
    /** Dials at once, where a dial is due later. */
    retryNow: Effect.suspend(() => (now().link === undefined ? Effect.andThen(force, wake.open) : Effect.void)),
    connected
  }
})

export type Supervisor = Effect.Success<ReturnType<typeof make>>

/** The backend's `Retry-After` goes before the backoff. */
const redialDelay = (attempt: number, policy: backoff.Policy, { reason }: KefuError) =>
  "retryAfterMillis" in reason && reason.retryAfterMillis !== undefined
    ? Effect.succeed(Duration.millis(reason.retryAfterMillis))
    : backoff.delay(policy, attempt)

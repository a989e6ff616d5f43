/**
 * Keeps one connection open: dials, backs off after a failure, and waits while the app is suspended.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberHandle from "effect/FiberHandle"
import * as Latch from "effect/Latch"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as retryAfter from "../../http/retryAfter.ts"
import { Transport } from "../../http/Transport.ts"
import { KefuConfig } from "../../KefuConfig.ts"
import { Closed, ConnectionLost, KefuError, Superseded } from "../../KefuError.ts"
import * as backoff from "../../platform/backoff.ts"
import * as elapsed from "../../platform/elapsed.ts"
import { Lifecycle } from "../../platform/Lifecycle.ts"
import * as metrics from "../../platform/metrics.ts"
import { CurrentUser } from "../../rest/CurrentUser.ts"
import { ConnectionState } from "../ConnectionState.ts"
import { RealtimeEvent } from "../RealtimeEvent.ts"
import * as abandonedDials from "./abandonedDials.ts"
import * as accounts from "./account.ts"
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
  const user = yield* CurrentUser
  const page = yield* Lifecycle
  const { connected, enter, force, now, states } = yield* phases.make(publish)
  const fiber = yield* FiberHandle.make<void, never>()
  const run = yield* FiberHandle.runtime(fiber)<never>()
  const account = yield* accounts.make(transport, user)
  const abandoned = abandonedDials.make()
  const wake = Latch.makeUnsafe(false)
  let sequenceId = 0
  let isFrozen = false
  const missed = config.catchUp ? catchUp.make(transport, log) : undefined

  /** Waits while the app is suspended or frozen, unless it has asked for a dial. */
  const untilAwake = Effect.gen(function* () {
    while (true) {
      yield* wake.close
      const why = now().isForced ? undefined : ((yield* page.suspension) ?? (isFrozen ? "hidden" : undefined))
      if (why === undefined) return
      yield* enter(ConnectionState.Suspended({ why }))
      yield* wake.await
    }
  })

  /** Reads where the conversations stand, if the first connection takes its time: so that its gap has a beginning. */
  const baseline = Effect.suspend(() =>
    missed === undefined || log.baselined || now().isResumption
      ? Effect.void
      : Effect.delay(
          Effect.suspend(() => (now().isResumption ? Effect.void : Effect.ignore(missed.baseline))),
          unhurried
        )
  )

  const dial = Effect.onExit(transport.connect, (exit) =>
    Exit.isFailure(exit) && mayArrive(exit.cause) ? abandoned.note : Effect.void
  )

  /** Reads what was missed before a connection. What another account was given counts for nothing. */
  const gapBefore = (reader: catchUp.CatchUp, isResumption: boolean) => {
    let hasGap = isResumption
    return Effect.gen(function* () {
      const whose = yield* account.check
      if (whose !== "same") {
        log.clear()
        hasGap = false
      }
      const missed = yield* hasGap ? reader.read : reader.first
      const detail = "the token was replaced, perhaps by another account's"
      return whose === "unsure" && isResumption
        ? [RealtimeEvent.GapUnresolved({ conversationId: undefined, detail }), ...missed]
        : missed
    })
  }

  /** One connection, from the dial to its end: why it ended, and for how many milliseconds it was open. */
  const connection = Effect.gen(function* () {
    let openedAt: number | undefined
    const error = yield* Effect.gen(function* () {
      yield* Metric.update(metrics.dials, 1)
      const socket = yield* dial
      openedAt = yield* elapsed.now
      const since = yield* Clock.currentTimeMillis
      yield* Metric.update(metrics.connections, 1)
      const next = yield* link.make({
        socket,
        heartbeat: config.heartbeat,
        log,
        publish,
        gap: missed && gapBefore(missed, now().isResumption),
        nextSequenceId: () => ++sequenceId
      })
      const number = now().connections + 1
      yield* enter(ConnectionState.Connected({ since, connection: number }), {
        link: next,
        connections: number,
        isResumption: true
      })
      yield* Effect.forkScoped(Effect.ignore(account.learn))
      const generation = yield* transport.tokenGeneration
      yield* user.changes.pipe(
        Stream.filterEffect(() => Effect.map(transport.tokenGeneration, (present) => present !== generation)),
        Stream.runForEach(() => next.end(accountChanged)),
        Effect.forkScoped({ startImmediately: true })
      )
      return yield* next.run
    }).pipe(Effect.scoped, Effect.flip)
    yield* force(false)
    return { error, lasted: openedAt === undefined ? undefined : (yield* elapsed.now) - openedAt }
  })

  /** Waits for the next dial, or until something wakes it. */
  const pause = Effect.fnUntraced(function* (attempt: number, delay: Duration.Duration, cause: KefuError) {
    const retryAt = (yield* Clock.currentTimeMillis) + Duration.toMillis(delay)
    yield* wake.close
    yield* enter(ConnectionState.Waiting({ attempt, retryAt, cause }))
    yield* Effect.raceFirst(Effect.sleep(delay), wake.await)
  })

  /** A login that the app takes back again and again is taken back ever later, or two clients end each other for ever. */
  const giveWay = Effect.gen(function* () {
    const attempt = now().contested - 2
    if (attempt < 0) return
    const delay = Duration.max(Duration.seconds(1), yield* backoff.delay(contesting, attempt))
    yield* pause(attempt, delay, new KefuError({ method: "Realtime.takeOver", reason: new Superseded({}) }))
  })

  const dialling = Effect.gen(function* () {
    let attempt = 0
    yield* giveWay
    while (true) {
      yield* untilAwake
      if (now().state._tag !== "Connecting") yield* enter(ConnectionState.Connecting({ attempt }))
      const { error: ended, lasted } = yield* connection
      const isOurs = verdict(ended) === "superseded" && (yield* abandoned.explains)
      const error = isOurs ? supersededByOurselves : ended
      const meaning = verdict(error)
      const what = `${lasted === undefined ? "The dial failed" : "The connection was lost"}: ${error.reason.message}`
      if (meaning === "superseded") {
        yield* Effect.logWarning(`${what}; the session has ended until \`takeOver\``)
        yield* publish(RealtimeEvent.Superseded())
        const contested = (lasted ?? 0) < Duration.toMillis(calm) ? now().contested + 1 : 0
        return yield* enter(ConnectionState.Superseded(), { contested })
      }
      if (meaning === "terminal" || config.reconnect === undefined) {
        yield* Effect.logWarning(`${what}; the session has ended until \`open\``)
        return yield* enter(ConnectionState.Closed({ reason: error }))
      }
      if ((lasted ?? 0) >= Duration.toMillis(config.reconnect.resetAfter)) attempt = 0
      if (meaning === "later") attempt = Math.max(attempt, 3)
      const { cap, hiddenCap } = config.reconnect
      const policy = { ...config.reconnect, cap: (yield* page.isHidden) ? Duration.max(cap, hiddenCap) : cap }
      const delay = yield* retryAfter.delay(policy, attempt, error.reason)
      yield* Effect.logWarning(`${what}; the next dial is in ${Duration.toMillis(delay)} ms`)
      yield* pause(attempt, delay, error)
      attempt++
    }
  })

  const signals = Stream.runForEach(page.signals, (signal) =>
    Effect.suspend(() => {
      const { link } = now()
      if (signal !== "sleep") isFrozen = signal === "freeze"
      if (signal === "freeze") return link?.end(frozen) ?? Effect.void
      const check = link?.check ?? Effect.void
      if (signal === "wake") return Effect.andThen(wake.open, check)
      return Effect.flatMap(page.suspension, (why) => (why === "offline" ? check : Effect.void))
    })
  )

  const running = Effect.raceAllFirst([
    dialling,
    Effect.andThen(signals, Effect.never),
    Effect.andThen(baseline, Effect.never)
  ]).pipe(
    Effect.catchDefect((defect) =>
      Effect.andThen(
        Effect.logError("The session has ended because of a defect", defect),
        enter(ConnectionState.Closed({ reason: endedByDefect }))
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
    retryNow: Effect.suspend(() =>
      phases.keepsTrying(now().state) ? Effect.andThen(force(true), wake.open) : Effect.void
    ),
    connected
  }
})

export type Supervisor = Effect.Success<ReturnType<typeof make>>

/** After how long a first connection that is not open yet has the conversations read. */
const unhurried = Duration.seconds(1)

/** A connection that lasted so long was not contested. */
const calm = Duration.minutes(2)

/** When a contested login is taken back. */
const contesting = { base: Duration.seconds(2), cap: Duration.seconds(60) }

const frozen = new KefuError({
  method: "Realtime",
  reason: new ConnectionLost({ code: 1001, detail: "the page was frozen" })
})

const accountChanged = new KefuError({
  method: "Realtime",
  reason: new ConnectionLost({ code: 1000, detail: "the token was replaced by another account's" })
})

const supersededByOurselves = new KefuError({
  method: "Realtime",
  reason: new ConnectionLost({ code: 1006, detail: "an earlier dial of this session may have replaced it" })
})

const endedByDefect = new KefuError({
  method: "Realtime",
  reason: new Closed({ detail: "a defect ended the session; the log has it" })
})

/** Whether the backend may still get the request of a failed dial. */
const mayArrive = (cause: Cause.Cause<KefuError>) =>
  Cause.hasInterrupts(cause) ||
  Option.exists(Cause.findErrorOption(cause), ({ reason }) => reason._tag === "ConnectTimeout")

/**
 * Keeps one connection open, from `open` or the first use until the session ends, and lets the app use it.
 */
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import { KefuConfig } from "../../KefuConfig.ts"
import { Closed, KefuError } from "../../KefuError.ts"
import { ConnectionState } from "../ConnectionState.ts"
import type { RealtimeEvent } from "../RealtimeEvent.ts"
import * as connection from "./connection.ts"
import type { DeliveryLog } from "./deliveryLog.ts"
import * as dialling from "./dialling.ts"
import * as phases from "./phase.ts"
import * as wakefulness from "./wakefulness.ts"

export type Supervisor = Effect.Success<ReturnType<typeof make>>

export const make = Effect.fnUntraced(function* (
  log: DeliveryLog,
  publish: (event: RealtimeEvent) => Effect.Effect<void>
) {
  const config = yield* KefuConfig
  const phase = yield* phases.make(publish)
  const { connected, enter, force, now, states } = phase
  const connections = yield* connection.make(log, publish, phase)
  const waking = yield* wakefulness.make(phase)
  const fiber = yield* FiberHandle.make<void, never>()
  const run = yield* FiberHandle.runtime(fiber)<never>()

  const running = Effect.raceAllFirst([
    dialling.run({ connections, phase, publish, reconnect: config.reconnect, waking }),
    Effect.andThen(waking.follow, Effect.never),
    Effect.andThen(connections.baseline, Effect.never)
  ]).pipe(
    Effect.catchDefect((defect) =>
      Effect.andThen(
        Effect.logError("The session has ended because of a defect", defect),
        enter(ConnectionState.Closed({ reason: endedByDefect() }))
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
      phases.keepsTrying(now().state) ? Effect.andThen(force(true), waking.wake) : Effect.void
    ),
    connected,
    /** The open connection, if there is one. */
    open: () => {
      const { connections, link } = now()
      return link && { connection: connections, link }
    }
  }
})

const endedByDefect = () =>
  new KefuError({
    method: "Realtime",
    reason: new Closed({ detail: "a defect ended the session; the log has it" })
  })

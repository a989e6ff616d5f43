/**
 * The connection commands of the façade, which take effect in the order of the calls.
 */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { KefuError } from "../KefuError.ts"
import type { Realtime } from "../realtime/Realtime.ts"
import type { Listeners } from "./listeners.ts"
import { type Notifier, superseded } from "./notifier.ts"

/** `end` ends the delivery of events. */
export const make = Effect.fnUntraced(function* (
  realtime: Realtime["Service"],
  notifier: Notifier,
  listeners: Listeners,
  end: Effect.Effect<void>
) {
  const scope = yield* Effect.scope
  const inOrder = Semaphore.makeUnsafe(1).withPermit

  const inBackground = (effect: Effect.Effect<void, KefuError>) =>
    Effect.forkIn(Effect.ignore(effect), scope, { startImmediately: true })

  return {
    open: inOrder(
      Effect.gen(function* () {
        const { _tag } = yield* realtime.state
        if (_tag === "Idle" || _tag === "Closed") yield* inBackground(realtime.open)
        else if (_tag === "Superseded") listeners.report(superseded("Client.open"))
      })
    ),
    close: inOrder(realtime.close),
    retryNow: inOrder(realtime.retryNow),
    takeOver: inOrder(
      Effect.flatMap(realtime.state, ({ _tag }) =>
        _tag === "Superseded" ? inBackground(realtime.takeOver) : Effect.void
      )
    ),
    /** Waits until the earlier commands have taken effect. */
    settled: inOrder(Effect.void),
    /** Closes the connection, reports it, and reports nothing more. */
    finish: inOrder(
      Effect.gen(function* () {
        const { _tag } = yield* realtime.state
        if (_tag === "Idle") return
        if (_tag !== "Closed") notifier.closed.closeUnsafe()
        yield* realtime.close
        yield* end
        yield* notifier.closed.await
      })
    )
  }
})

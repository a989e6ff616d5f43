/**
 * When to dial: not while the app is suspended or frozen, less often while it is hidden, and at once when it wakes.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import { ConnectionLost, type ConnectionReason, KefuError } from "../../KefuError.ts"
import type * as backoff from "../../platform/backoff.ts"
import { Lifecycle } from "../../platform/Lifecycle.ts"
import { ConnectionState } from "../ConnectionState.ts"
import type { Phases } from "./phase.ts"

export type Wakefulness = Effect.Success<ReturnType<typeof make>>

export const make = Effect.fnUntraced(function* ({ enter, now }: Phases) {
  const app = yield* Lifecycle
  const wake = Latch.makeUnsafe(false)
  let isFrozen = false

  return {
    wake: wake.open,
    /** Waits while the app is suspended or frozen, unless it has asked for a dial. */
    awake: Effect.gen(function* () {
      while (true) {
        yield* wake.close
        const why = now().isForced ? undefined : ((yield* app.suspension) ?? (isFrozen ? "hidden" : undefined))
        if (why === undefined) return
        yield* enter(ConnectionState.Suspended({ why }))
        yield* wake.await
      }
    }),
    /** Waits for the next dial, or until something wakes it. */
    pause: Effect.fnUntraced(function* (attempt: number, delay: Duration.Duration, cause: KefuError<ConnectionReason>) {
      const retryAt = (yield* Clock.currentTimeMillis) + Duration.toMillis(delay)
      yield* wake.close
      yield* enter(ConnectionState.Waiting({ attempt, retryAt, cause }))
      yield* Effect.raceFirst(Effect.sleep(delay), wake.await)
    }),
    /** The backoff of the next dial. */
    backoff: ({ cap, hiddenCap, ...others }: backoff.Policy & { readonly hiddenCap: Duration.Duration }) =>
      Effect.map(app.isHidden, (isHidden) => ({ ...others, cap: isHidden ? Duration.max(cap, hiddenCap) : cap })),
    /** Checks the connection when the app wakes or goes offline, and ends it when the app is frozen. */
    follow: Stream.runForEach(app.signals, (signal) =>
      Effect.suspend(() => {
        const { link } = now()
        if (signal !== "sleep") isFrozen = signal === "freeze"
        if (signal === "freeze") return link?.end(frozen()) ?? Effect.void
        const check = link?.check ?? Effect.void
        if (signal === "wake") return Effect.andThen(wake.open, check)
        return Effect.flatMap(app.suspension, (why) => (why === "offline" ? check : Effect.void))
      })
    )
  }
})

const frozen = () =>
  new KefuError({
    method: "Realtime",
    reason: new ConnectionLost({ code: 1001, detail: "the page was frozen" })
  })

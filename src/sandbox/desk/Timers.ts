/**
 * Actions of the desk after a delay.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import { type Turn, CurrentTurn, Turns } from "./Turns.ts"

/**
 * Timers of the desk, on Effect's clock. They stop with the sandbox.
 *
 * @category services
 * @since 0.1.0
 */
export class Timers extends Context.Service<
  Timers,
  {
    /** Takes a turn after a delay in milliseconds; never, if it is infinite. */
    readonly start: (after: number, action: (turn: Turn) => void) => void
  }
>()("effect-kefu/sandbox/desk/Timers") {
  /**
   * @since 0.1.0
   */
  static readonly layer = Layer.effect(
    Timers,
    Effect.gen(function* () {
      const turns = yield* Turns
      const fork = yield* FiberSet.makeRuntime<never>()
      return Timers.of({
        start: (after, action) => {
          if (after === Infinity) return
          fork(Effect.andThen(Effect.sleep(after), turns.take(CurrentTurn.useSync(action))))
        }
      })
    })
  )
}

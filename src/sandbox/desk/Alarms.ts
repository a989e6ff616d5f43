/**
 * What the desk does by itself when time has passed.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import { type Outlet, Turn, Turns } from "./Turn.ts"

/**
 * Alarms of the desk, on Effect's clock. They stop with the sandbox.
 *
 * @category services
 * @since 0.1.0
 */
export class Alarms extends Context.Service<
  Alarms,
  {
    /** Takes a turn after so many milliseconds; never, if they are infinite. */
    readonly set: (after: number, action: (turn: Outlet) => void) => void
  }
>()("effect-kefu/sandbox/desk/Alarms") {
  /**
   * @since 0.1.0
   */
  static readonly layer = Layer.effect(
    Alarms,
    Effect.gen(function* () {
      const turns = yield* Turns
      const fork = yield* FiberSet.makeRuntime<never>()
      return Alarms.of({
        set: (after, action) => {
          if (after === Infinity) return
          fork(Effect.andThen(Effect.sleep(after), turns.take(Turn.useSync(action))))
        }
      })
    })
  )
}

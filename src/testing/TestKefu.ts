/**
 * The real client against the sandbox, in this process and in the test's own time.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import type { KefuError } from "../KefuError.ts"
import * as Kefu from "../Kefu.ts"
import * as FaultPlan from "../sandbox/faults/FaultPlan.ts"
import { Sandbox } from "../sandbox/Sandbox.ts"
import type { SandboxFaults } from "../sandbox/faults/SandboxFaults.ts"
import type { SandboxOptions } from "../sandbox/SandboxOptions.ts"
import * as SandboxPlatform from "./SandboxPlatform.ts"

/**
 * The session's options, and those of the sandbox behind it.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends Kefu.Options {
  readonly sandbox?: SandboxOptions | undefined
  /** What goes wrong: a plan, or the seed of one. Default: nothing, until something is injected. */
  readonly faults?: FaultPlan.FaultPlan | string | number | undefined
}

/**
 * One session of the real client, with a sandbox of its own.
 *
 * **Details**
 *
 * Nothing in it waits for real time or for a port, so under `TestClock` a day of reconnects takes milliseconds, and with
 * a seed for `Random` every run is the same. Without a `token` the session is an anonymous visitor's; the tokens of the
 * sandbox's people are in `Sandbox.logins`. `SandboxFaults` makes things go wrong, and a `Device` falls asleep.
 *
 * **Example** (A visitor asks the robot)
 *
 * ```ts
 * import { assert, it } from "@effect/vitest"
 * import * as Effect from "effect/Effect"
 * import { Realtime } from "effect-kefu/realtime/Realtime"
 * import * as TestKefu from "effect-kefu/testing/TestKefu"
 *
 * it.effect("is acknowledged", () =>
 *   Effect.gen(function* () {
 *     const ack = yield* Realtime.use((realtime) => realtime.send({ messageType: "Text", content: "多久发货？" }))
 *     assert.isAbove(ack.messageId, 0)
 *   }).pipe(Effect.provide(TestKefu.layer()))
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = ({ faults, sandbox, ...options }: Options = {}): Layer.Layer<
  Kefu.Kefu | Sandbox | SandboxFaults,
  KefuError
> =>
  layerSession(options).pipe(
    Layer.provideMerge(Sandbox.layer(sandbox)),
    Layer.provideMerge(Layer.fresh(FaultPlan.layer(faults)))
  )

/**
 * One more session against the ambient sandbox: give each its own, for example a visitor's and a member of staff's.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSession = (options: Kefu.Options = {}): Layer.Layer<Kefu.Kefu, KefuError, Sandbox> =>
  Kefu.layerPlatform({ baseUrl: "http://sandbox.test", ...options }).pipe(
    Layer.provide(SandboxPlatform.layer),
    Layer.fresh
  )

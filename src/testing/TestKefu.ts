/**
 * The real client on the sandbox, in this process and in virtual time.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import type { InvalidRequest, KefuError } from "../KefuError.ts"
import * as Kefu from "../Kefu.ts"
import * as FaultPlan from "../sandbox/faults/FaultPlan.ts"
import { Sandbox } from "../sandbox/Sandbox.ts"
import type { SandboxFaults } from "../sandbox/faults/SandboxFaults.ts"
import type { SandboxOptions } from "../sandbox/SandboxOptions.ts"
import * as SandboxPlatform from "./SandboxPlatform.ts"

/**
 * The options of the session and of its sandbox.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends Kefu.Options {
  readonly sandbox?: SandboxOptions | undefined
  /** A fault plan, or the seed of one. Default: no faults. */
  readonly faults?: FaultPlan.FaultPlan | string | number | undefined
}

/**
 * One session of the real client, on a sandbox of its own.
 *
 * **Details**
 *
 * It needs no real time and no port: with `TestClock` a day of reconnects takes milliseconds, and with a seed for
 * `Random` every run is the same. Without a `token` the session belongs to an anonymous visitor; `Sandbox.logins` holds
 * the tokens of the sandbox's users. `SandboxFaults` injects faults, and a `Device` can sleep.
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
  KefuError<InvalidRequest>
> =>
  layerSession(options).pipe(
    Layer.provideMerge(Sandbox.layer(sandbox)),
    Layer.provideMerge(Layer.fresh(FaultPlan.layer(faults)))
  )

/**
 * Another session on the ambient sandbox, for example for a visitor or a member of staff.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSession = (options: Kefu.Options = {}): Layer.Layer<Kefu.Kefu, KefuError<InvalidRequest>, Sandbox> =>
  Kefu.layerPlatform({ baseUrl: "http://sandbox.test", ...options }).pipe(
    Layer.provide(SandboxPlatform.layer),
    Layer.fresh
  )

/**
 * Injects faults into a running sandbox.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as ActiveFaults from "./ActiveFaults.ts"
import type { Fault } from "./Fault.ts"
import { DialRefused, Dropped, FaultHooks } from "./FaultHooks.ts"
import * as FrameFaults from "./FrameFaults.ts"

/**
 * Injects faults.
 *
 * **Details**
 *
 * The times of a fault count from its injection. Several faults may be in force at once.
 *
 * @category services
 * @since 0.1.0
 */
export class SandboxFaults extends Context.Service<
  SandboxFaults,
  {
    /** Puts faults in force, at the times that they name. */
    readonly inject: (...faults: ReadonlyArray<Fault>) => Effect.Effect<void>
    /**
     * Ends all faults, also those that have not begun. Their effects stay: a silent connection stays silent.
     */
    readonly clear: Effect.Effect<void>
    /** The faults that have not ended. */
    readonly faults: Effect.Effect<ReadonlyArray<Fault>>
  }
>()("effect-kefu/sandbox/faults/SandboxFaults") {
  /**
   * The service, and hooks for a sandbox built over this layer. Hooks provided below stay in force.
   *
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<SandboxFaults> = Layer.effectContext(
    Effect.suspend(() =>
      Effect.map(make, ({ hooks, service }) =>
        Context.make(SandboxFaults, service).pipe(Context.add(FaultHooks, hooks))
      )
    )
  )
}

const make = Effect.gen(function* () {
  const ambient = yield* FaultHooks
  const active = yield* ActiveFaults.make
  const { inForce, now, wait } = active
  const link = FrameFaults.make(active, ambient)

  const dial: FaultHooks["dial"] = Effect.fnUntraced(function* (attempt) {
    for (const { fault } of inForce(yield* now, attempt.userId, "DelayDials")) yield* wait(fault.millis)
    const [refusal] = inForce(yield* now, attempt.userId, "RefuseDials")
    if (refusal === undefined) return yield* ambient.dial(attempt)
    const { retryAfter, status } = refusal.fault
    return yield* new DialRefused({
      status,
      message: "A fault refused the dial",
      ...(retryAfter === undefined ? {} : { headers: { "retry-after": String(retryAfter) } })
    })
  })

  const request: FaultHooks["request"] = (call, handle) =>
    Effect.gen(function* () {
      const concerns = ({ fault }: { readonly fault: { readonly method?: string; readonly path?: string } }) =>
        (fault.method === undefined || fault.method === call.method) &&
        (fault.path === undefined || call.path.startsWith(fault.path))
      for (const { fault } of inForce(yield* now, call.userId, "DelayRequests").filter(concerns)) {
        yield* wait(fault.millis)
      }
      const at = yield* now
      const failure = inForce(at, call.userId, "FailRequests").find(concerns)
      if (failure !== undefined) {
        const { retryAfter, status } = failure.fault
        return HttpServerResponse.jsonUnsafe(
          { _tag: "Fault", message: "A fault failed the request" },
          { status, ...(retryAfter === undefined ? {} : { headers: { "retry-after": String(retryAfter) } }) }
        )
      }
      const drops = inForce(at, call.userId, "DropRequests").filter(concerns)
      if (drops.some(({ fault }) => fault.when === "before")) return yield* new Dropped()
      const response = yield* ambient.request(call, handle)
      return drops.length === 0 ? response : yield* new Dropped()
    })

  return {
    service: SandboxFaults.of({ inject: active.inject, clear: active.clear, faults: active.faults }),
    hooks: { dial, link, request } satisfies FaultHooks
  }
})

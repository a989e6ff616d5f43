/**
 * Fault plans: faults as data that can be written, generated, printed and sent.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import type { UserId } from "../../domain/Id.ts"
import { Fault } from "./Fault.ts"
import { SandboxFaults } from "./SandboxFaults.ts"

/**
 * A list of faults. Their order does not matter: each has its own times.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FaultPlan = Schema.Array(Fault)

/**
 * A list of faults.
 *
 * @category models
 * @since 0.1.0
 */
export type FaultPlan = typeof FaultPlan.Type

/**
 * The options of a generated plan.
 *
 * @category options
 * @since 0.1.0
 */
export interface GenerateOptions {
  /** When the last fault ends at the latest. Default: 5 minutes. */
  readonly within?: Duration.Input | undefined
  /** The greatest number of faults; the least is 1. Default: 6. */
  readonly count?: number | undefined
  /** The users that single faults may affect. Default: each fault affects all users. */
  readonly userIds?: ReadonlyArray<UserId> | undefined
  /** The kinds of faults to choose from. Default: all. */
  readonly kinds?: ReadonlyArray<Fault["_tag"]> | undefined
}

interface Window {
  readonly from: number
  readonly until: number
  readonly userId?: UserId
}

const directions = ["inbound", "outbound", "both"] as const
const refusals = [401, 429, 500, 502, 503, 504] as const
const closeCodes = [
  1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1011, 1012, 1013, 1014, 3000, 4000, 4001, 4401
] as const
const paths = ["/api/v1/im/current_list", "/api/v1/im/conversations", "/api/v1/im/users/me"] as const

const refusal = Effect.gen(function* () {
  const status = yield* Random.choice(refusals)
  return status === 429 || status === 503 ? { status, retryAfter: yield* Random.nextIntBetween(1, 20) } : { status }
})

const somePath = Effect.gen(function* () {
  return (yield* Random.nextBoolean) ? {} : { path: yield* Random.choice(paths) }
})

const tagged = <Tag extends Fault["_tag"], A>(_tag: Tag, fields: A) => ({ _tag, ...fields })

const momentOf = ({ until: _, ...moment }: Window) => moment

/** Draws the fields of each kind of fault. */
const draw: { readonly [Tag in Fault["_tag"]]: (window: Window) => Effect.Effect<Fault> } = {
  RefuseDials: (window) => Effect.map(refusal, (how) => tagged("RefuseDials", { ...window, ...how })),
  DelayDials: (window) =>
    Effect.map(Random.nextIntBetween(10, 15_000), (millis) => tagged("DelayDials", { ...window, millis })),
  Reset: (window) => Effect.succeed(tagged("Reset", momentOf(window))),
  Close: (window) => Effect.map(Random.choice(closeCodes), (code) => tagged("Close", { ...momentOf(window), code })),
  Kick: (window) => Effect.succeed(tagged("Kick", momentOf(window))),
  DropAfter: (window) =>
    Effect.gen(function* () {
      const direction = yield* Random.choice(directions)
      return tagged("DropAfter", { ...window, direction, bytes: yield* Random.nextIntBetween(1, 5000) })
    }),
  Silence: (window) =>
    Effect.map(Random.choice(directions), (direction) => tagged("Silence", { ...window, direction })),
  Stall: (window) => Effect.succeed(tagged("Stall", window)),
  Delay: (window) =>
    Effect.gen(function* () {
      const direction = yield* Random.choice(directions)
      return tagged("Delay", { ...window, direction, millis: yield* Random.nextIntBetween(1, 4000) })
    }),
  Duplicate: (window) =>
    Effect.gen(function* () {
      const every = yield* Random.nextIntBetween(1, 4)
      return tagged("Duplicate", { ...window, every, lag: yield* Random.nextIntBetween(0, 6) })
    }),
  Reorder: (window) => Effect.map(Random.nextIntBetween(1, 4), (every) => tagged("Reorder", { ...window, every })),
  Truncate: (window) =>
    Effect.gen(function* () {
      const direction = yield* Random.choice(directions)
      return tagged("Truncate", { ...window, direction, every: yield* Random.nextIntBetween(1, 6) })
    }),
  Malform: (window) =>
    Effect.gen(function* () {
      const direction = yield* Random.choice(directions)
      return tagged("Malform", { ...window, direction, every: yield* Random.nextIntBetween(1, 6) })
    }),
  FailRequests: (window) =>
    Effect.gen(function* () {
      return tagged("FailRequests", { ...window, ...(yield* somePath), ...(yield* refusal) })
    }),
  DropRequests: (window) =>
    Effect.gen(function* () {
      const when = yield* Random.choice(["before", "after"] as const)
      return tagged("DropRequests", { ...window, ...(yield* somePath), when })
    }),
  DelayRequests: (window) =>
    Effect.gen(function* () {
      const millis = yield* Random.nextIntBetween(10, 15_000)
      return tagged("DelayRequests", { ...window, ...(yield* somePath), millis })
    })
}

const everyKind = Object.keys(draw) as ReadonlyArray<Fault["_tag"]>

/**
 * Draws a plan from `Random`; a seed (`Random.withSeed`) always gives the same plan.
 *
 * **Details**
 *
 * Most faults last for seconds, some for up to half of the time; all end in time.
 *
 * @category constructors
 * @since 0.1.0
 */
export const generate = Effect.fnUntraced(function* (options: GenerateOptions = {}) {
  const within = Math.max(2, Math.floor(Duration.toMillis(options.within ?? "5 minutes")))
  const kinds = options.kinds ?? everyKind
  const userIds = options.userIds ?? []
  const count = yield* Random.nextIntBetween(1, Math.max(1, options.count ?? 6))
  const plan: Array<Fault> = []
  while (plan.length < count) {
    const from = yield* Random.nextIntBetween(0, within - 2)
    const longest = Math.min(within - from, Math.floor((yield* Random.next) < 0.3 ? within / 2 : within / 15))
    const until = from + (yield* Random.nextIntBetween(1, Math.max(1, longest)))
    const userId = (yield* Random.nextBoolean) ? userIds[yield* Random.nextIntBetween(0, userIds.length)] : undefined
    const kind = kinds[yield* Random.nextIntBetween(0, kinds.length - 1)]
    if (kind === undefined) return plan
    plan.push(yield* draw[kind]({ from, until, ...(userId === undefined ? {} : { userId }) }))
  }
  return plan
})

const encode = Schema.encodeSync(Schema.fromJsonString(FaultPlan))

/**
 * A plan as JSON, as the fault API takes it and as a test needs it to reproduce a failure.
 *
 * @category output
 * @since 0.1.0
 */
export const format = (plan: FaultPlan): string => encode(plan)

/**
 * Injects a plan, or one generated from a seed, into a sandbox built over this layer. `SandboxFaults` can inject more.
 *
 * **Example** (All connections end after a minute, and dials are refused for the next ten seconds)
 *
 * ```ts
 * import * as Layer from "effect/Layer"
 * import * as FaultPlan from "effect-kefu/sandbox/faults/FaultPlan"
 * import { Sandbox } from "effect-kefu/sandbox/Sandbox"
 *
 * const layer = Sandbox.layer().pipe(
 *   Layer.provideMerge(
 *     FaultPlan.layer([
 *       { _tag: "Reset", from: 60_000 },
 *       { _tag: "RefuseDials", from: 60_000, until: 70_000, status: 503 }
 *     ])
 *   )
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (plan: FaultPlan | string | number = []): Layer.Layer<SandboxFaults> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const faults = yield* SandboxFaults
      const isSeed = typeof plan === "string" || typeof plan === "number"
      yield* faults.inject(...(isSeed ? yield* Random.withSeed(generate(), plan) : plan))
    })
  ).pipe(Layer.provideMerge(SandboxFaults.layer))

/**
 * The faults that are in force, and those that strike at one moment.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Latch from "effect/Latch"
import type { UserId } from "../../domain/Id.ts"
import type { Fault } from "./Fault.ts"
import type { Connection } from "./FaultHooks.ts"

const never = Infinity

/**
 * An injected fault with its times in milliseconds of elapsed time.
 *
 * @category models
 * @since 0.1.0
 */
export interface Active {
  readonly fault: Fault
  readonly from: number
  readonly until: number
}

/**
 * The faults with a tag.
 *
 * @category models
 * @since 0.1.0
 */
export type Of<Tag extends Fault["_tag"]> = Extract<Fault, { readonly _tag: Tag }>

/**
 * The injected faults of one sandbox.
 *
 * @category models
 * @since 0.1.0
 */
export type ActiveFaults = Effect.Success<typeof make>

/**
 * Makes an empty set of faults.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.gen(function* () {
  const fork = yield* FiberSet.make<void>()
  const run = yield* FiberSet.runtime(fork)<never>()
  const cleared = Latch.makeUnsafe(false)
  const open = new Set<Connection>()
  let active: ReadonlyArray<Active> = []

  const now = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

  const inForce = <Tag extends Fault["_tag"]>(
    at: number,
    userId: UserId | undefined,
    tag: Tag
  ): ReadonlyArray<{ readonly active: Active; readonly fault: Of<Tag> }> =>
    active.flatMap((candidate) => {
      const { fault, from, until } = candidate
      const is = fault._tag === tag && at >= from && at < until
      return is && (fault.userId === undefined || fault.userId === userId)
        ? [{ active: candidate, fault: fault as Of<Tag> }]
        : []
    })

  /** Waits, but no longer than until the faults are cleared. */
  const wait = (millis: number) =>
    millis === 0 ? Effect.void : Effect.raceFirst(millis === never ? Effect.never : Effect.sleep(millis), cleared.await)

  const strike = (fault: Of<"Reset" | "Close" | "Kick">) =>
    Effect.forEach(
      Array.from(open),
      (connection) => {
        if (fault.userId !== undefined && fault.userId !== connection.userId) return Effect.void
        switch (fault._tag) {
          case "Reset":
            return connection.reset
          case "Close":
            return fault.code === 1006 ? connection.reset : connection.close(fault.code, fault.reason)
          case "Kick":
            return Effect.andThen(
              connection.inject('{"event_type":301}'),
              connection.close(1000, "the account logged in elsewhere")
            )
        }
      },
      { discard: true }
    )

  const inject = (...faults: ReadonlyArray<Fault>) =>
    Effect.map(now, (at) => {
      for (const fault of faults) {
        const from = at + (fault.from ?? 0)
        switch (fault._tag) {
          case "Reset":
          case "Close":
          case "Kick":
            active = [...active, { fault, from, until: from }]
            run(
              Effect.delay(
                Effect.suspend(() => strike(fault)),
                from - at
              )
            )
            break
          default:
            active = [...active, { fault, from, until: fault.until === undefined ? never : at + fault.until }]
        }
      }
    })

  return {
    /** The connections that faults can strike. */
    open,
    isEmpty: () => active.length === 0,
    now,
    /** The faults with a tag that hit a user at a moment. */
    inForce,
    wait,
    inject,
    /** Ends all faults, also those that have not begun. */
    clear: Effect.gen(function* () {
      active = []
      yield* FiberSet.clear(fork)
      yield* cleared.release
    }),
    /** The faults that have not ended. */
    faults: Effect.map(now, (at) => {
      active = active.filter(({ from, until }) => at < Math.max(from, until))
      return active.map(({ fault }) => fault)
    })
  }
})

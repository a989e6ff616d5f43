/**
 * Counts of what the sandbox has handled, and the reasons of refused commands: the wire has no negative answer to carry
 * them.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { UserId } from "../domain/Id.ts"

const names = [
  "dials",
  "dialsRefused",
  "connectionsOpened",
  "connectionsClosed",
  "superseded",
  "slowConsumers",
  "framesIn",
  "framesOut",
  "acks",
  "malformedFrames",
  "unknownEvents",
  "undecodableFrames",
  "oversizedFrames",
  "refusals",
  "messages",
  "requests"
] as const

/**
 * The name of a counter.
 *
 * **Details**
 *
 * A malformed frame is not a JSON object; an undecodable one has a known event type and a payload that does not match
 * it.
 *
 * @category models
 * @since 0.1.0
 */
export type Counter = (typeof names)[number]

/**
 * A command that the desk refused and did not acknowledge.
 *
 * @category models
 * @since 0.1.0
 */
export interface Refusal {
  readonly userId: UserId
  readonly sequenceId: number
  readonly command: string
  /** The name of the error that the same refusal has over REST, for example `Forbidden`. */
  readonly error: string
  readonly message: string
}

/** How many refusals are kept. */
const kept = 100

/**
 * The counters of the sandbox.
 *
 * @category services
 * @since 0.1.0
 */
export class Counters extends Context.Service<
  Counters,
  {
    /** Counts one. */
    readonly add: (counter: Counter) => void
    /** Counts and logs a refused command. */
    readonly refuse: (refusal: Refusal) => Effect.Effect<void>
    /** The present counts. */
    readonly snapshot: Effect.Effect<Readonly<Record<Counter, number>>>
    /** The latest refusals, the oldest first. */
    readonly refusals: Effect.Effect<ReadonlyArray<Refusal>>
  }
>()("effect-kefu/sandbox/Counters") {
  /**
   * @since 0.1.0
   */
  static readonly layer = Layer.sync(Counters, () => {
    const counts = Object.fromEntries(names.map((name) => [name, 0])) as Record<Counter, number>
    const refusals: Array<Refusal> = []
    return Counters.of({
      add: (counter) => {
        counts[counter] += 1
      },
      refuse: (refusal) =>
        Effect.suspend(() => {
          counts.refusals += 1
          refusals.push(refusal)
          if (refusals.length > kept) refusals.shift()
          return Effect.logDebug("Command refused", refusal)
        }),
      snapshot: Effect.sync(() => ({ ...counts })),
      refusals: Effect.sync(() => refusals.slice())
    })
  })
}

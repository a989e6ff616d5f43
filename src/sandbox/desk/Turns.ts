/**
 * Turns: each command of the desk runs atomically, at one instant.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import type { UserId } from "../../domain/Id.ts"
import type { BadRequest, Conflict, Forbidden, NotFound } from "../../wire/ApiError.ts"
import type { ServerFrame } from "../../wire/Frame.ts"
import { Presence } from "./Presence.ts"

/**
 * The time of a turn, and its way to push frames to users. The frames leave at the end of the turn, after the
 * acknowledgement; frames to users who are not connected are dropped.
 *
 * @category models
 * @since 0.1.0
 */
export interface Turn {
  /** Milliseconds since 1970. */
  readonly now: number
  readonly push: (to: UserId, frame: ServerFrame) => void
}

/**
 * Observes every frame that the desk pushes, including frames to users who are not connected. For tests, which compare
 * them with what a client knows in the end.
 *
 * @category references
 * @since 0.1.0
 */
export const PushObserver = Context.Reference<(to: UserId, frame: ServerFrame) => void>(
  "effect-kefu/sandbox/desk/PushObserver",
  {
    defaultValue: () => () => {}
  }
)

/**
 * The turn in which a command runs.
 *
 * @effect-leakable-service
 * @category services
 * @since 0.1.0
 */
export class CurrentTurn extends Context.Service<CurrentTurn, Turn>()("effect-kefu/sandbox/desk/CurrentTurn") {}

/**
 * Why the desk refuses a command. Over REST the error decides the status; over the socket the command gets no
 * acknowledgement.
 *
 * @category errors
 * @since 0.1.0
 */
export type Refused = BadRequest | Forbidden | NotFound | Conflict

/**
 * A command of the desk, run by `Turns.take`.
 *
 * @category models
 * @since 0.1.0
 */
export type Command<A> = Effect.Effect<A, Refused, CurrentTurn>

/**
 * Runs commands one after another.
 *
 * @category services
 * @since 0.1.0
 */
export class Turns extends Context.Service<
  Turns,
  {
    /**
     * Runs a command as one turn. `answer` runs on success, before the pushes leave: an acknowledgement precedes the
     * frames that its command caused.
     */
    readonly take: <A, E, R>(
      command: Effect.Effect<A, E, R>,
      answer?: (value: A) => void
    ) => Effect.Effect<A, E, Exclude<R, CurrentTurn>>
  }
>()("effect-kefu/sandbox/desk/Turns") {
  /**
   * @since 0.1.0
   */
  static readonly layer = Layer.effect(
    Turns,
    Effect.gen(function* () {
      const presence = yield* Presence
      const observe = yield* PushObserver
      const lock = yield* Semaphore.make(1)
      return Turns.of({
        take: (command, answer) =>
          lock.withPermit(
            Effect.uninterruptible(
              Effect.flatMap(Clock.currentTimeMillis, (now) => {
                const pushes: Array<readonly [to: UserId, frame: ServerFrame]> = []
                const turn = CurrentTurn.of({ now, push: (to, frame) => pushes.push([to, frame]) })
                return Effect.map(Effect.provideService(command, CurrentTurn, turn), (value) => {
                  answer?.(value)
                  for (const [to, frame] of pushes) {
                    observe(to, frame)
                    presence.get(to)?.push(frame)
                  }
                  return value
                })
              })
            )
          )
      })
    })
  )
}

/**
 * The service desk: every command of visitors, staff and administrators.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ConversationCommands from "./ConversationCommands.ts"
import * as MessageCommands from "./MessageCommands.ts"
import * as RatingCommands from "./RatingCommands.ts"

/**
 * The commands of the service desk.
 *
 * @category services
 * @since 0.1.0
 */
export class Desk extends Context.Service<
  Desk,
  MessageCommands.MessageCommands & ConversationCommands.ConversationCommands & RatingCommands.RatingCommands
>()("effect-kefu/sandbox/desk/Desk") {
  /**
   * @since 0.1.0
   */
  static readonly layer = Layer.effect(
    Desk,
    Effect.gen(function* () {
      return {
        ...(yield* MessageCommands.make),
        ...(yield* ConversationCommands.make),
        ...(yield* RatingCommands.make)
      }
    })
  )
}

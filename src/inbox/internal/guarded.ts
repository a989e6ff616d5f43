/**
 * Keeps the loops of the inbox running.
 */
import * as Effect from "effect/Effect"
import type { ConversationId } from "../../domain/Id.ts"
import * as sessionLog from "../../platform/sessionLog.ts"

/** Logs a failure. A value that cannot be printed makes a logger throw; then the message is logged without it. */
export const report = (message: string, failure: unknown): Effect.Effect<void> =>
  Effect.catchDefect(Effect.logError(message, failure), () => Effect.logError(message))

/** Logs a defect and runs `otherwise` instead of the rest, so that no fiber of the inbox ends unnoticed. */
export const guarded =
  <B, E2, R2>(what: string, otherwise: Effect.Effect<B, E2, R2>, conversationId?: ConversationId) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A | B, E | E2, R | R2> =>
    Effect.catchDefect(effect, (defect) =>
      Effect.andThen(sessionLog.about(conversationId)(report(`A defect in ${what}`, defect)), otherwise)
    )

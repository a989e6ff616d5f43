/**
 * What became of a send, as the database keeps it.
 */
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { MessageId } from "../../domain/Id.ts"
import { KefuError } from "../../KefuError.ts"

const OutcomeJson = Schema.fromJsonString(
  Schema.Union([Schema.Struct({ id: MessageId }), Schema.Struct({ error: KefuError })])
)
export const encodeOutcome = Schema.encodeSync(OutcomeJson)
export const decodeOutcome = Schema.decodeUnknownSync(OutcomeJson)

/** What became of a send. */
export type Outcome = { readonly id: MessageId } | { readonly error: KefuError }

/** The outcome as its caller gets it. */
export const exitOf = (outcome: Outcome): Exit.Exit<MessageId, KefuError> =>
  "id" in outcome ? Exit.succeed(outcome.id) : Exit.fail(outcome.error)

/**
 * The states of a send in the outbox.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { MessageId } from "../domain/Id.ts"
import type { SendReason } from "../KefuError.ts"

/**
 * The state of a send.
 *
 * **Details**
 *
 * - `Queued`: waits for a connection or for earlier sends.
 * - `Uploading`: its file is being uploaded: `loaded` of `total` bytes.
 * - `Sending`: handed to a connection; the outcome is not known yet. Remains so while the connection is lost.
 * - `Sent`: in the conversation, as message `id`.
 * - `Failed`: not sent because of `reason`; `Cancelled` if the app cancelled it.
 * - `DeliveryUnknown`: it may have arrived or not, and is not sent again unless the app retries it; `detail` says why. Becomes
 *   `Sent` if the message comes in later.
 * - `Discarded`: the app removed it; only seen in `Outbox.changes`.
 *
 * @category models
 * @since 0.1.0
 */
export type OutboxState = Data.TaggedEnum<{
  Queued: {}
  Uploading: { readonly loaded: number; readonly total: number }
  Sending: {}
  Sent: { readonly id: MessageId }
  Failed: { readonly reason: SendReason }
  DeliveryUnknown: { readonly detail: string }
  Discarded: {}
}>

/**
 * Constructors, guards and `$match` of {@link OutboxState:type}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const OutboxState = Data.taggedEnum<OutboxState>()

/**
 * Whether a send has reached its last state, which only `retry` or `discard` change, or a message that comes in after all.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isSettled = (state: OutboxState): boolean =>
  state._tag === "Sent" || state._tag === "Failed" || state._tag === "DeliveryUnknown" || state._tag === "Discarded"

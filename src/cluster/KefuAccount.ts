/**
 * The cluster entity of an account: the messages that its one session takes, from any node.
 *
 * @since 0.1.0
 */
import * as ClusterSchema from "effect/cluster/ClusterSchema"
import * as Entity from "effect/cluster/Entity"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import { ConversationId, MessageId } from "../domain/Id.ts"
import { Message } from "../domain/Message.ts"
import { TransferRequest } from "../domain/Conversation.ts"
import { KefuError } from "../KefuError.ts"
import { SendPayload } from "../wire/Frame.ts"

/**
 * A message that an account received, and its place among all that the account has received: later ones have greater
 * positions.
 *
 * @category schemas
 * @since 0.1.0
 */
export const AccountEvent = Schema.Struct({ position: Schema.Int, message: Schema.toType(Message) })

/**
 * A message that an account received.
 *
 * @category models
 * @since 0.1.0
 */
export type AccountEvent = typeof AccountEvent.Type

/**
 * The state of an account's connection: the name of its `ConnectionState`, whether the fleet keeps it connected, and the
 * runner that holds its session.
 *
 * @category schemas
 * @since 0.1.0
 */
export const AccountState = Schema.Struct({
  connection: Schema.Literals(["Idle", "Connecting", "Connected", "Waiting", "Suspended", "Superseded", "Closed"]),
  isKept: Schema.Boolean,
  runner: Schema.String
})

/**
 * The state of an account's connection.
 *
 * @category models
 * @since 0.1.0
 */
export type AccountState = typeof AccountState.Type

/**
 * The entity; its id is the name of the account.
 *
 * **Details**
 *
 * `send` is persisted: it survives the death of the runner between call and acknowledgement. Sends with the same `id` are
 * one send. All other requests are lost with the runner that handles them. `events` gives the messages after a position,
 * then each new one, until the account moves to another runner.
 *
 * @category entities
 * @since 0.1.0
 */
export const KefuAccount = Entity.make("KefuAccount", [
  Rpc.make("send", {
    payload: {
      id: Schema.String,
      /** When it was called, in milliseconds since 1970. */
      at: Schema.Finite,
      conversationId: Schema.optionalKey(ConversationId),
      message: Schema.toType(SendPayload)
    },
    success: MessageId,
    error: KefuError,
    primaryKey: ({ id }) => id
  })
    .annotate(ClusterSchema.Persisted, true)
    .annotate(ClusterSchema.Uninterruptible, "client")
    .annotate(ClusterSchema.InterruptOnTermination, true),
  Rpc.make("connect", { error: KefuError }),
  Rpc.make("disconnect", { error: KefuError }),
  Rpc.make("takeOver", { error: KefuError }),
  Rpc.make("state", { success: AccountState, error: KefuError }),
  Rpc.make("recall", { payload: { messageId: MessageId }, error: KefuError }),
  Rpc.make("read", { payload: { messageId: MessageId }, error: KefuError }),
  Rpc.make("close", { payload: { conversationId: ConversationId }, error: KefuError }),
  Rpc.make("transfer", {
    payload: { conversationId: ConversationId, to: Schema.toType(TransferRequest) },
    error: KefuError
  }),
  Rpc.make("events", {
    payload: { after: Schema.Int },
    success: AccountEvent,
    error: KefuError,
    stream: true
  }).annotate(ClusterSchema.InterruptOnTermination, true)
])

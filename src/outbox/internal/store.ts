/**
 * The stored outbox of one account in a `KeyValueStore`.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as KeyValueStore from "effect/persistence/KeyValueStore"
import { ConversationId, type UserId } from "../../domain/Id.ts"
import { SendPayload } from "../../wire/Frame.ts"
import { OutboxKey } from "../OutboxEntry.ts"

/** A stored send. The message is stored in the app's spelling, because the wire's cannot be converted back. */
const StoredSend = Schema.Struct({
  key: OutboxKey,
  conversationId: Schema.optionalKey(ConversationId),
  message: Schema.toType(SendPayload),
  enqueuedAt: Schema.Finite,
  deadline: Schema.Finite,
  /** It was handed to a connection: no own message up to `after` is this one. */
  attempt: Schema.optionalKey(Schema.Struct({ after: Schema.optionalKey(Schema.Finite) })),
  /** Why its outcome is unknown. */
  unknown: Schema.optionalKey(Schema.String)
})

export type StoredSend = (typeof StoredSend)["Type"]

/** The stored outbox of an account. */
const Content = Schema.fromJsonString(
  Schema.Struct({
    /** The session that wrote it. */
    owner: Schema.String,
    entries: Schema.Array(Schema.Unknown),
    /** Ids of settled sends that could be mistaken for unsettled ones. */
    sent: Schema.Array(Schema.Finite)
  })
)
const decodeContent = Schema.decodeUnknownOption(Content)
const decodeSend = Schema.decodeUnknownOption(StoredSend)

export type Store = ReturnType<typeof make>

export const make = (store: KeyValueStore.KeyValueStore, baseUrl: string) => {
  const keyOf = (account: UserId) => `effect-kefu/outbox/${baseUrl}/${account}`
  return {
    read: Effect.fnUntraced(function* (account: UserId) {
      const text = yield* store.get(keyOf(account))
      const content = text === undefined ? undefined : Option.getOrUndefined(decodeContent(text))
      if (text !== undefined && content === undefined) {
        yield* Effect.logWarning("The stored outbox could not be read and was skipped", keyOf(account))
      }
      return content
    }),
    write: (account: UserId, content: (typeof Content)["Type"]) => store.set(keyOf(account), JSON.stringify(content))
  }
}

/** Decodes stored entries; invalid ones are logged and skipped. */
export const sendsOf = Effect.fnUntraced(function* (entries: ReadonlyArray<unknown>) {
  const sends = entries.flatMap((entry) => Option.toArray(decodeSend(entry)))
  const skipped = entries.length - sends.length
  if (skipped > 0) yield* Effect.logWarning("Stored sends could not be read and were skipped", skipped)
  return sends
})

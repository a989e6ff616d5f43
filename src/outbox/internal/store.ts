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

export interface Content {
  /** The session that wrote it. */
  readonly owner: string
  readonly entries: ReadonlyArray<StoredSend>
  /** Ids of settled sends that could be mistaken for unsettled ones. */
  readonly sent: ReadonlyArray<number>
}

const decode = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Struct({ owner: Schema.String, entries: Schema.Array(Schema.Unknown), sent: Schema.Array(Schema.Finite) })
  )
)
const decodeSend = Schema.decodeUnknownOption(StoredSend)

export type Store = ReturnType<typeof make>

export const make = (store: KeyValueStore.KeyValueStore, baseUrl: string) => {
  const keyOf = (account: UserId) => `effect-kefu/outbox/${baseUrl}/${account}`
  return {
    /** What is stored for an account; what cannot be decoded is logged and skipped. */
    read: Effect.fnUntraced(function* (account: UserId) {
      const text = yield* store.get(keyOf(account))
      if (text === undefined) return undefined
      const content = Option.getOrUndefined(decode(text))
      if (content === undefined) {
        yield* Effect.logWarning("The stored outbox could not be read and was skipped", keyOf(account))
        return undefined
      }
      const entries = content.entries.flatMap((entry) => Option.toArray(decodeSend(entry)))
      const skipped = content.entries.length - entries.length
      if (skipped > 0) yield* Effect.logWarning("Stored sends could not be read and were skipped", skipped)
      return { ...content, entries }
    }),
    write: (account: UserId, content: Content) => store.set(keyOf(account), JSON.stringify(content))
  }
}

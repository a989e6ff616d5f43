/**
 * Exports of the history as CSV.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { UserId } from "../../domain/Id.ts"
import { type Account, Accounts } from "../desk/Accounts.ts"
import { type ConversationRecord, Conversations } from "../desk/Conversations.ts"

/**
 * Encodes rows as CSV that spreadsheets open correctly: a UTF-8 byte order mark, CRLF line ends, quotes where needed.
 *
 * **Example** (Quoting)
 *
 * ```ts
 * import { encode } from "effect-kefu/sandbox/doors/Csv"
 *
 * encode([["id", "text"], [1, 'say "hi"']]) // '\uFEFFid,text\r\n1,"say ""hi"""\r\n'
 * ```
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (rows: ReadonlyArray<ReadonlyArray<string | number>>): string =>
  `\uFEFF${rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("")}`

const cell = (value: string | number): string => {
  const text = String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

const time = (millis: number): string => DateTime.formatIso(DateTime.makeUnsafe(millis))

const columns = [
  "conversation_id",
  "state",
  "customer",
  "staff",
  "created_at",
  "message_id",
  "sent_at",
  "sender",
  "message_type",
  "content"
]

/**
 * The encoder of conversations: one row for each message that `viewer` may see.
 *
 * @category encoding
 * @since 0.1.0
 */
export const historyCsv = Effect.gen(function* () {
  const accounts = yield* Accounts
  const conversations = yield* Conversations
  const nickname = (id: UserId | null | undefined) =>
    Predicate.isNullish(id) ? "" : (accounts.known(id).profile.nickname ?? "")

  return (viewer: Account, records: ReadonlyArray<ConversationRecord>): string =>
    encode([
      columns,
      ...records.flatMap((conversation) =>
        conversations
          .messages(conversation, viewer)
          .map((message) => [
            conversation.id,
            conversation.state,
            nickname(conversation.customerId),
            nickname(conversation.servedBy),
            time(conversation.openedAt),
            message.id,
            time(message.createdAt ?? 0),
            nickname(message.fromId),
            message.messageType,
            typeof message.content === "string" ? message.content : JSON.stringify(message.content ?? "")
          ])
      )
    ])
})

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
 * **Details**
 *
 * A text that a spreadsheet would run as a formula, or change because it looks like a number (more than 15 digits,
 * leading zeros, an exponent), gets an apostrophe in front.
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
export const encode = (rows: ReadonlyArray<ReadonlyArray<string | number>>): string => `\uFEFF${lines(rows)}`

/**
 * The same without the byte order mark, for rows that follow others.
 *
 * @category encoding
 * @since 0.1.0
 */
export const lines = (rows: ReadonlyArray<ReadonlyArray<string | number>>): string =>
  rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("")

/** Texts that a spreadsheet would run: also after blanks, and in the wide characters of Chinese and Japanese input. */
const isFormula = (text: string): boolean => /^\s*[=+\-@＝＋－＠]|^[\t\r\n]/.test(text)

/** Texts that a spreadsheet would read as a number and show as another text. */
const isMangled = (text: string): boolean =>
  text.trim() !== "" && !Number.isNaN(Number(text)) && (String(Number(text)) !== text || text.length > 15)

const cell = (value: string | number): string => {
  const raw = String(value)
  const text = (typeof value === "string" && isFormula(raw)) || isMangled(raw) ? `'${raw}` : raw
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

const time = (millis: number): string => DateTime.formatIso(DateTime.makeUnsafe(millis))

/**
 * The columns of an export of conversations, one row for each message.
 *
 * @category constants
 * @since 0.1.0
 */
export const columns: ReadonlyArray<string> = [
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

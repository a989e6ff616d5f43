/**
 * Exports of the history as CSV.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"

/**
 * Text as CSV that spreadsheets open correctly: a UTF-8 byte order mark, CRLF, quotes where they are needed.
 *
 * **Example** (Quoting)
 *
 * ```ts
 * import { encode } from "effect-kefu/sandbox/desk/Csv"
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

/**
 * A time in milliseconds since 1970 as a cell.
 *
 * @category encoding
 * @since 0.1.0
 */
export const time = (millis: number): string => DateTime.formatIso(DateTime.makeUnsafe(millis))

/**
 * The framing of a multipart body with one part: it lets a file be sent as it is read, without a copy in a form.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

const word: Effect.Effect<string> = Effect.map(Random.next, (share) =>
  Math.floor(share * 2 ** 31)
    .toString(36)
    .padStart(6, "0")
)

/**
 * A boundary of 124 random bits, which no file contains by accident.
 */
export const boundary: Effect.Effect<string> = Effect.map(
  Effect.all([word, word, word, word]),
  (words) => `----effect-kefu-${words.join("")}`
)

/** Escapes a name as browsers do in forms. */
const quote = (name: string): string => name.replaceAll("\r", "%0D").replaceAll("\n", "%0A").replaceAll('"', "%22")

/**
 * The bytes before and after the content of the part `file`.
 */
export const frame = (
  limit: string,
  file: { readonly filename: string; readonly contentType: string }
): { readonly head: Uint8Array; readonly tail: Uint8Array } => {
  const encoder = new TextEncoder()
  return {
    head: encoder.encode(
      `--${limit}\r\nContent-Disposition: form-data; name="file"; filename="${quote(file.filename)}"\r\n` +
        `Content-Type: ${file.contentType}\r\n\r\n`
    ),
    tail: encoder.encode(`\r\n--${limit}--\r\n`)
  }
}

/**
 * Reads the body of a response up to a limit, and as text in the charset that the response names.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import { ResponseTooLarge } from "../KefuError.ts"

/** The bytes of a body, decompressed. Stops reading and fails once there are more than `limit`. */
export const read = (
  response: HttpClientResponse.HttpClientResponse,
  limit: number
): Effect.Effect<Uint8Array, HttpClientError.HttpClientError | ResponseTooLarge> =>
  Effect.suspend(() => {
    const chunks: Array<Uint8Array> = []
    let size = 0
    const take = (chunk: Uint8Array) =>
      Effect.suspend(() => {
        size += chunk.byteLength
        if (size > limit) return Effect.fail(new ResponseTooLarge({ limit, option: "maxBodySize" }))
        chunks.push(chunk)
        return Effect.void
      })
    return Stream.runForEach(response.stream, take).pipe(
      Effect.catchIf(isWithoutStream, () =>
        Effect.flatMap(response.arrayBuffer, (buffer) => take(new Uint8Array(buffer)))
      ),
      Effect.map(() => concat(chunks, size))
    )
  })

/** No body, or a platform whose `fetch` gives no stream (React Native). */
const isWithoutStream = (error: HttpClientError.HttpClientError | ResponseTooLarge) =>
  error._tag === "HttpClientError" && error.reason._tag === "EmptyBodyError"

const concat = (chunks: ReadonlyArray<Uint8Array>, size: number): Uint8Array => {
  const [only] = chunks
  if (chunks.length === 1 && only !== undefined) return only
  const whole = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.byteLength
  }
  return whole
}

/** The charset of a `Content-Type`. */
export const charset = (contentType = ""): string => /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(contentType)?.[1] ?? "utf-8"

/** The text; none if it is not text in the charset, or the platform does not know the charset. */
export const text = (bytes: Uint8Array, contentType: string | undefined): Option.Option<string> =>
  Result.getSuccess(Result.try(() => new TextDecoder(charset(contentType), { fatal: true }).decode(bytes)))

/** The words after the status, for example `OK`, of a response whose body was read; empty over HTTP/2. */
export const statusText = (response: HttpClientResponse.HttpClientResponse): string =>
  Option.match(HttpClientResponse.toWeb(response), { onNone: () => "", onSome: ({ statusText }) => statusText })

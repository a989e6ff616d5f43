/**
 * The routes of the file store: uploads to presigned addresses, and downloads.
 *
 * @since 0.1.0
 */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Multipart from "effect/http/Multipart"
import * as Stream from "effect/Stream"
import { BadRequest, TooLarge } from "../../wire/ApiError.ts"
import { Blobs } from "../desk/Blobs.ts"
import { Settings } from "../SandboxOptions.ts"

/** The content types that a browser shows; it saves all others. */
const shown = /^(?:image|video|audio)\/|^application\/pdf$|^text\/plain\b/

/** A name in the notation of RFC 8187, which escapes more than a URL does. */
const extValue = (name: string): string =>
  encodeURIComponent(name).replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)

/**
 * The routes of the file store.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const blobs = yield* Blobs
    const { maxUploadBytes } = yield* Settings
    // The parser counts some bytes of the boundary, too; the exact check follows.
    const fileLimit = ByteSize.bytes(maxUploadBytes + 1024)

    yield* router.add(
      "POST",
      "/uploads/:id",
      Effect.fnUntraced(function* (request) {
        const { id } = yield* HttpRouter.params
        const { signature } = yield* HttpServerRequest.ParsedSearchParams
        const key = typeof signature === "string" ? signature : ""
        yield* blobs.admit(Number(id), key)
        const parts = yield* request.multipartStream.pipe(
          Stream.mapEffect((part): Effect.Effect<Uint8Array, BadRequest | Multipart.MultipartError> =>
            part._tag === "File" && part.key === "file"
              ? part.contentEffect
              : new BadRequest({ message: `Unexpected part: ${part.key}`, field: part.key })
          ),
          Stream.runCollect,
          Effect.provideService(Multipart.MaxFileSize, fileLimit)
        )
        const [bytes] = parts
        if (bytes === undefined || parts.length !== 1) {
          return yield* new BadRequest({ message: `Expected one part, got ${parts.length}`, field: "file" })
        }
        if (bytes.length > maxUploadBytes) {
          return yield* new TooLarge({
            message: `The file is too large: at most ${maxUploadBytes} bytes`,
            field: "file"
          })
        }
        yield* blobs.store(Number(id), key, bytes)
        return HttpServerResponse.empty({ status: 204 })
      })
    )

    yield* router.add(
      "GET",
      "/blobs/:key/*",
      Effect.fnUntraced(function* () {
        const { key = "" } = yield* HttpRouter.params
        const { bytes, contentType, filename } = yield* blobs.get(key)
        return HttpServerResponse.uint8Array(bytes, {
          contentType,
          headers: {
            "cache-control": "private, max-age=31536000, immutable",
            "content-disposition": `${shown.test(contentType) ? "inline" : "attachment"}; filename*=UTF-8''${extValue(filename)}`,
            "content-security-policy": "sandbox; default-src 'none'; img-src 'self'; media-src 'self'",
            "x-content-type-options": "nosniff"
          }
        })
      })
    )
  })
)

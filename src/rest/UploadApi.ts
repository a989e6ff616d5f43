/**
 * Uploads: files for messages.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import { UploadedFile } from "../domain/Upload.ts"
import { call, exchange } from "../http/call.ts"
import { lazily } from "../platform/lazily.ts"
import * as scrub from "../http/scrub.ts"
import { Transport } from "../http/Transport.ts"
import { KefuConfig } from "../KefuConfig.ts"
import { KefuError, UnexpectedResponse, UploadFailed, type UploadReason, UploadTooLarge } from "../KefuError.ts"
import { uploads } from "../wire/Endpoints.ts"
import * as post from "./internal/post.ts"
import * as source from "./source.ts"
import { MakeXhr } from "./xhr.ts"

/**
 * What can be uploaded: a `Blob` or `File`, bytes, or a stream of bytes of known length.
 *
 * **Gotchas**
 *
 * A stream that yields more or fewer bytes than `byteSize` fails the upload with `InvalidRequest`.
 *
 * @category models
 * @since 0.1.0
 */
export type UploadSource =
  | Blob
  | { readonly filename: string; readonly contentType: string; readonly bytes: Uint8Array }
  | {
      readonly filename: string
      readonly contentType: string
      readonly byteSize: number
      readonly stream: Stream.Stream<Uint8Array, unknown>
    }

/**
 * The events of an upload: how many bytes of the file were sent so far, and at the end the uploaded file.
 *
 * @category models
 * @since 0.1.0
 */
export type UploadEvent = Data.TaggedEnum<{
  Progress: { readonly loaded: number; readonly total: number }
  Uploaded: { readonly file: UploadedFile }
}>

/**
 * Constructors and matchers of {@link UploadEvent}.
 *
 * @category models
 * @since 0.1.0
 */
export const UploadEvent = Data.taggedEnum<UploadEvent>()

/**
 * Uploads files: requests a signed URL, then posts the file to it, without the token and never twice.
 *
 * **Details**
 *
 * `uploadWithProgress` is a `Stream` of {@link UploadEvent}; `upload` gives the result alone. Interrupting either cancels
 * the upload. It fails when no byte has moved for `uploadTimeout` (default 5 minutes), however long it takes in total.
 *
 * The file is read piece by piece as the network takes it, never copied as a whole, and sent with its length, as stores
 * like S3 require. A redirect with status 307 or 308 is followed with the file, up to three times; a store that redirects
 * to a page, or answers before it has read the whole file, has not stored it. In a page, where `fetch` can neither
 * stream a body nor report progress, an XMLHttpRequest sends it, and a `stream` is collected into a `Blob` first.
 *
 * Fails with `InvalidRequest` if the argument is not a file, `UploadTooLarge` (status 413), `UploadFailed` (the file could
 * not be read, or the store refused it), and as any request of {@link Transport}.
 *
 * **Example** (Sending a picture)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { UploadApi } from "effect-kefu/rest/UploadApi"
 *
 * const store = (picture: File) =>
 *   UploadApi.use((api) => api.upload(picture)).pipe(
 *     Effect.map(({ id, url }) => ({ blobId: id, url, filename: picture.name }))
 *   )
 * ```
 *
 * **Example** (Showing the progress)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 * import { UploadApi } from "effect-kefu/rest/UploadApi"
 *
 * const show = (picture: File) =>
 *   Stream.unwrap(UploadApi.useSync((api) => api.uploadWithProgress(picture))).pipe(
 *     Stream.runForEach((event) =>
 *       Effect.log(event._tag === "Progress" ? `${event.loaded} of ${event.total}` : event.file.url)
 *     )
 *   )
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class UploadApi extends Context.Service<
  UploadApi,
  {
    /**
     * Uploads a file and reports its progress: POST /presign_urls, then POST to the signed URL. For everyone. The last
     * event is `Uploaded`. A slow consumer misses some `Progress` events, and does not slow down the upload.
     */
    uploadWithProgress(file: UploadSource): Stream.Stream<UploadEvent, KefuError<UploadReason>>
    /** Uploads a file: POST /presign_urls, then POST to the signed URL. For everyone. */
    upload(file: UploadSource): Effect.Effect<UploadedFile, KefuError<UploadReason>>
  }
>()("effect-kefu/rest/UploadApi") {
  /**
   * Makes the service of {@link UploadApi.layer}.
   *
   * @since 0.1.0
   */
  static readonly make: Effect.Effect<UploadApi["Service"], never, Transport | KefuConfig> = Effect.suspend(() =>
    lazily(make)
  )

  /**
   * Over the session's transport.
   *
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<UploadApi, never, Transport | KefuConfig> = Layer.effect(UploadApi, UploadApi.make)

  /**
   * A partial implementation for tests; missing members die when used.
   *
   * @since 0.1.0
   */
  static readonly layerTest = (partial: Layer.PartialEffectful<UploadApi["Service"]>): Layer.Layer<UploadApi> =>
    Layer.mock(UploadApi, partial)
}

const method = "UploadApi.upload"

/** How many events a slow consumer may leave untaken before the oldest are dropped. */
const untaken = 16

/** A parameter of a signed URL that is shorter than this is not a secret. */
const shortestSecret = 16

const notAnUrl = () => new UnexpectedResponse({ path: "signed_url", detail: "it is not an http or https URL" })
const decodeJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))

const make = Effect.gen(function* () {
  const config = yield* KefuConfig
  const { baseUrl, httpClient, publicHttpClient } = yield* Transport
  const send = post.make(publicHttpClient, yield* FetchHttpClient.Fetch, yield* MakeXhr, config)

  const resolve = (signedUrl: string) => {
    const url = Result.try(() => new URL(signedUrl, baseUrl))
    return Result.isSuccess(url) && /^https?:$/.test(url.success.protocol)
      ? Effect.succeed(url.success)
      : Effect.fail(new KefuError({ method, reason: notAnUrl() }))
  }

  const run = Effect.fnUntraced(function* (input: UploadSource, onProgress: post.OnProgress | undefined) {
    const file = yield* source.read(input)
    const { byteSize, contentType, filename } = file
    const tooLarge = new UploadTooLarge({ byteSize })
    const presigned = yield* Effect.mapError(
      exchange(httpClient, uploads.presign, { payload: { filename, contentType, byteSize } }),
      (error) => {
        if (!(error instanceof KefuError)) return error
        const { reason } = error
        return new KefuError({ ...error, reason: reason._tag === "RequestTooLarge" ? tooLarge : reason })
      }
    )
    const url = yield* resolve(presigned.signedUrl)
    onProgress?.(0, byteSize)
    const { headers, status, text } = yield* send(url.href, file, onProgress)
    if (status < 200 || status >= 300) {
      // The signature allows anyone to write to the store, so it is redacted as a token is.
      const secrets = scrub.make(Array.from(url.searchParams.values()).filter(({ length }) => length >= shortestSecret))
      return yield* new KefuError({
        method,
        reason: status === 413 ? tooLarge : new UploadFailed({ detail: `the store answered with status ${status}` }),
        response: secrets.response({ status, headers, data: Option.getOrElse(decodeJson(text), () => text) })
      })
    }
    return UploadedFile.make({ id: presigned.blobId, url: presigned.url })
  })

  const upload = (file: UploadSource, onProgress?: post.OnProgress) => call(method, run(file, onProgress))

  return UploadApi.of({
    upload: (file) => upload(file),
    uploadWithProgress: (file) =>
      Stream.callback<UploadEvent, KefuError<UploadReason>>(
        Effect.fnUntraced(function* (queue) {
          const uploaded = yield* upload(file, (loaded, total) => {
            Queue.offerUnsafe(queue, UploadEvent.Progress({ loaded, total }))
          })
          yield* Queue.offer(queue, UploadEvent.Uploaded({ file: uploaded }))
          yield* Queue.end(queue)
        }),
        { bufferSize: untaken, strategy: "sliding" }
      )
  })
})

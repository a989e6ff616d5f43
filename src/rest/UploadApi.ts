/**
 * Uploads: files for messages.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import { UploadedFile } from "../domain/Upload.ts"
import { forSession } from "../http/call.ts"
import { unreachable } from "../http/failure.ts"
import * as multipart from "./internal/multipart.ts"
import * as scrub from "../http/scrub.ts"
import * as uploadSource from "./source.ts"
import * as xhr from "./xhr.ts"
import { KefuConfig } from "../KefuConfig.ts"
import {
  KefuError,
  NetworkUnreachable,
  RequestTimeout,
  UnexpectedResponse,
  UploadFailed,
  UploadTooLarge
} from "../KefuError.ts"
import { Transport } from "../http/Transport.ts"

/**
 * What can be uploaded: a `Blob` or `File`, bytes, or a stream of bytes whose number is known.
 *
 * **Gotchas**
 *
 * A stream that gives more or fewer bytes than `byteSize` ends the upload with `InvalidRequest`.
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
 * What happens during an upload: bytes of the file that went out so far, of how many, and in the end what came of it.
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
 * Uploads files: asks for a signed address, then posts the file there, without the token and never twice.
 *
 * **Details**
 *
 * An upload is a `Stream` of {@link UploadEvent}, since it has a course and not only an outcome; `upload` is for those
 * who want the outcome alone. Interrupting either cancels the upload. It fails when nothing has moved for
 * `uploadTimeout` (5 minutes), however long it takes in total.
 *
 * The file is read piece by piece as the network takes it, never copied as a whole. In a page, where `fetch` can
 * neither stream nor tell its progress, an XMLHttpRequest sends it; a `stream` is collected into a `Blob` for that.
 *
 * Fails with `InvalidRequest` for what is no file, `UploadTooLarge` (status 413), `UploadFailed` (the file could not be
 * read, or the store refused it), `RequestTimeout`, `NetworkUnreachable`, `UnexpectedResponse`, and what any call may
 * fail with: `Unauthorized`, `Forbidden`, `RateLimited`, `ServerFault`.
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
     * Uploads a file and tells how it goes: POST /presign_urls, then POST to the signed address. For everyone. The last
     * event is `Uploaded`. Who takes the events slowly misses some `Progress`, and slows nothing down.
     */
    uploadWithProgress(file: UploadSource): Stream.Stream<UploadEvent, KefuError>
    /** Uploads a file: POST /presign_urls, then POST to the signed address. For everyone. */
    upload(file: UploadSource): Effect.Effect<UploadedFile, KefuError>
  }
>()("effect-kefu/rest/UploadApi") {
  /**
   * Over the session's transport.
   *
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<UploadApi, never, Transport | KefuConfig> = Layer.effect(
    UploadApi,
    Effect.suspend(() => make)
  )

  /**
   * A partial implementation for tests; what is missing dies when it is used.
   *
   * @since 0.1.0
   */
  static readonly layerTest = (partial: Layer.PartialEffectful<UploadApi["Service"]>): Layer.Layer<UploadApi> =>
    Layer.mock(UploadApi, partial)
}

const method = "UploadApi.upload"

/** More events than this, left untaken, drop the oldest of them. */
const untaken = 16

/** A parameter of a signed address that is shorter than this is no secret. */
const shortest = 16

type OnProgress = (loaded: number, total: number) => void

const decodeJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))

const make = Effect.gen(function* () {
  const { uploadTimeout } = yield* KefuConfig
  const { baseUrl, httpClient, publicHttpClient } = yield* Transport
  const makeXhr = yield* xhr.MakeXhr
  const { call, client } = forSession(httpClient)

  const address = (signedUrl: string) => {
    const url = Result.try(() => new URL(signedUrl, baseUrl))
    return Result.isSuccess(url) && /^https?:$/.test(url.success.protocol)
      ? Effect.succeed(url.success.href)
      : Effect.fail(
          new KefuError({
            method,
            reason: new UnexpectedResponse({ path: "signed_url", detail: "it is not the URL of a page" })
          })
        )
  }

  /** By whatever the transport is: the body is pulled as the transport takes it, which is the progress. */
  const stream = Effect.fnUntraced(function* (url: string, file: uploadSource.Source, onProgress: OnProgress) {
    const boundary = yield* multipart.boundary
    const { head, tail } = multipart.frame(boundary, file)
    const broken = yield* Deferred.make<never, KefuError>()
    let loaded = 0
    const body = Stream.make(head).pipe(
      Stream.concat(
        Stream.map(file.pieces, (piece) => {
          loaded += piece.byteLength
          onProgress(loaded, file.byteSize)
          return piece
        })
      ),
      Stream.concat(Stream.make(tail)),
      // What transports make of a broken body tells nothing, so its end is told past them.
      Stream.tapCause((cause) => Deferred.failCause(broken, cause))
    )
    const request = HttpClientRequest.post(url, {
      body: HttpBody.stream(
        body,
        `multipart/form-data; boundary=${boundary}`,
        head.byteLength + file.byteSize + tail.byteLength
      )
    })
    const exchange = Effect.gen(function* () {
      const response = yield* publicHttpClient.execute(request)
      const text = yield* Effect.orElseSucceed(response.text, () => "")
      return { status: response.status, headers: { ...response.headers }, text }
    }).pipe(
      Effect.mapError((error) => new KefuError({ method, reason: unreachable(error) })),
      // A signed address is a secret that no span may show. Without one there are no trace headers, either, for which a
      // store's leave would be needed.
      Effect.provideService(HttpClient.TracerDisabledWhen, () => true),
      Effect.provideService(FetchHttpClient.StreamBodyFallback, "buffer")
    )
    return yield* Effect.raceFirst(
      Deferred.await(broken),
      Effect.catch(exchange, (error) =>
        Effect.flatMap(Deferred.poll(broken), (end) => Option.getOrElse(end, () => Effect.fail(error)))
      )
    )
  })

  const form = Effect.fnUntraced(function* (
    request: xhr.Xhr,
    url: string,
    file: uploadSource.Source,
    onProgress: OnProgress
  ) {
    const parts: Array<Blob> = []
    if (file.blob === undefined) {
      yield* Stream.runForEach(file.pieces, (piece) =>
        Effect.sync(() => {
          parts.push(new Blob([piece as Uint8Array<ArrayBuffer>]))
          onProgress(0, file.byteSize)
        })
      )
    }
    const body = new FormData()
    body.append("file", file.blob ?? new Blob(parts, { type: file.contentType }), file.filename)
    return yield* xhr
      .post(request, url, body, ({ loaded, total }) => {
        // It counts the framing, too, nearly all of which stands before the file.
        const framing = Math.max(0, total - file.byteSize)
        onProgress(Math.min(file.byteSize, Math.max(0, loaded - framing)), file.byteSize)
      })
      .pipe(Effect.mapError(() => new KefuError({ method, reason: new NetworkUnreachable({ detail: "no answer" }) })))
  })

  const send = Effect.fnUntraced(function* (url: string, file: uploadSource.Source, onProgress: OnProgress) {
    const clock = yield* Clock.Clock
    let movedAt = clock.currentTimeMillisUnsafe()
    let told = 0
    const moved: OnProgress = (loaded, total) => {
      movedAt = clock.currentTimeMillisUnsafe()
      if (loaded === told) return
      told = loaded
      onProgress(loaded, total)
    }
    const limit = Duration.toMillis(uploadTimeout)
    const stalled: Effect.Effect<never, KefuError> = Effect.suspend(() => {
      const left = movedAt + limit - clock.currentTimeMillisUnsafe()
      return left > 0
        ? Effect.andThen(Effect.sleep(left), stalled)
        : Effect.fail(
            new KefuError({ method, reason: new RequestTimeout({ afterMillis: limit, option: "uploadTimeout" }) })
          )
    })
    const request = makeXhr()
    return yield* Effect.raceFirst(
      request === undefined ? stream(url, file, moved) : form(request, url, file, moved),
      stalled
    )
  })

  const run = Effect.fnUntraced(function* (input: UploadSource, onProgress: OnProgress) {
    const file = yield* uploadSource.read(input)
    const { byteSize, contentType, filename } = file
    const tooLarge = new UploadTooLarge({ byteSize })
    const presigned = yield* Effect.mapError(
      client.uploads.presign({ payload: { filename, contentType, byteSize } }),
      (error) =>
        error instanceof KefuError && error.reason._tag === "RequestTooLarge"
          ? new KefuError({ ...error, reason: tooLarge })
          : error
    )
    const url = yield* address(presigned.signedUrl)
    onProgress(0, byteSize)
    const { headers, status, text } = yield* send(url, file, onProgress)
    if (status < 200 || status >= 300) {
      // Whoever knows a signed address may write there, so what signs it is told no more than a token.
      const secrets = scrub.make([...new URL(url).searchParams.values()].filter(({ length }) => length >= shortest))
      return yield* new KefuError({
        method,
        reason: status === 413 ? tooLarge : new UploadFailed({ detail: `the store answered with status ${status}` }),
        response: {
          status,
          headers: secrets.values(headers),
          data: secrets.data(Option.getOrElse(decodeJson(text), () => text))
        }
      })
    }
    return UploadedFile.make({ id: presigned.blobId, url: presigned.url })
  })

  return UploadApi.of({
    upload: (file) =>
      call(
        method,
        run(file, () => {})
      ),
    uploadWithProgress: (file) =>
      Stream.callback<UploadEvent, KefuError>(
        (queue) =>
          Effect.gen(function* () {
            const done = yield* call(
              method,
              run(file, (loaded, total) => {
                Queue.offerUnsafe(queue, UploadEvent.Progress({ loaded, total }))
              })
            )
            yield* Queue.offer(queue, UploadEvent.Uploaded({ file: done }))
            yield* Queue.end(queue)
          }),
        { bufferSize: untaken, strategy: "sliding" }
      )
  })
})

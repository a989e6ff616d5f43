/**
 * Posts a file to a signed URL: reports the progress, and fails when nothing has moved for too long.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import { unreachable } from "../../http/failure.ts"
import { KefuError, type KefuErrorReason, NetworkUnreachable, RequestTimeout } from "../../KefuError.ts"
import * as elapsed from "../../platform/elapsed.ts"
import type { Source } from "../source.ts"
import * as xhr from "../xhr.ts"
import * as multipart from "./multipart.ts"

export type OnProgress = (loaded: number, total: number) => void

type Send = (url: string, file: Source, onProgress: OnProgress) => Effect.Effect<xhr.Answer, KefuError>

const failed = (reason: KefuErrorReason) => new KefuError({ method: "UploadApi.upload", reason })

/** Streams the body through the transport, which pulls as it sends: what was pulled is the progress. */
const byTransport = (client: HttpClient.HttpClient): Send =>
  Effect.fnUntraced(function* (url, file, onProgress) {
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
      // The error that a transport reports for a broken body does not say why it broke.
      Stream.tapCause((cause) => Deferred.failCause(broken, cause))
    )
    const length = head.byteLength + file.byteSize + tail.byteLength
    const request = HttpClientRequest.post(url, {
      body: HttpBody.stream(body, `multipart/form-data; boundary=${boundary}`, length)
    })
    const exchange = Effect.gen(function* () {
      const response = yield* client.execute(request)
      const text = yield* Effect.orElseSucceed(response.text, () => "")
      return { status: response.status, headers: { ...response.headers }, text }
    }).pipe(
      Effect.mapError((error) => failed(unreachable(error))),
      // A signed URL is a secret, which no span may hold. Trace headers would also require the store's CORS permission.
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

/** Sends a form by XMLHttpRequest. A stream is collected into a Blob first. */
const byXhr = (request: xhr.Xhr): Send =>
  Effect.fnUntraced(function* (url, file, onProgress) {
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
        // It counts the framing too, nearly all of which precedes the file.
        const framing = Math.max(0, total - file.byteSize)
        onProgress(Math.min(file.byteSize, Math.max(0, loaded - framing)), file.byteSize)
      })
      .pipe(Effect.mapError(() => failed(new NetworkUnreachable({ detail: "no answer" }))))
  })

/** Posts files over the platform's XMLHttpRequest, or over the HTTP client where there is none. */
export const make = (
  client: HttpClient.HttpClient,
  makeXhr: () => xhr.Xhr | undefined,
  stallTimeout: Duration.Duration
): Send =>
  Effect.fnUntraced(function* (url, file, onProgress) {
    const clock = yield* Clock.Clock
    let movedAt = elapsed.nowUnsafe(clock)
    let reported = 0
    const moved: OnProgress = (loaded, total) => {
      movedAt = elapsed.nowUnsafe(clock)
      if (loaded === reported) return
      reported = loaded
      onProgress(loaded, total)
    }
    const afterMillis = Duration.toMillis(stallTimeout)
    const stalled: Effect.Effect<never, KefuError> = Effect.suspend(() => {
      const left = movedAt + afterMillis - elapsed.nowUnsafe(clock)
      return left > 0
        ? Effect.andThen(Effect.sleep(left), stalled)
        : Effect.fail(failed(new RequestTimeout({ afterMillis, option: "uploadTimeout" })))
    })
    const request = makeXhr()
    const send = request === undefined ? byTransport(client) : byXhr(request)
    return yield* Effect.raceFirst(send(url, file, moved), stalled)
  })

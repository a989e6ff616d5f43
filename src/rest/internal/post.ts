/**
 * Posts a file to a signed URL: reports the progress, and fails when nothing has moved for too long.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as body from "../../http/body.ts"
import { unreachable } from "../../http/failure.ts"
import type { KefuConfig } from "../../KefuConfig.ts"
import { KefuError, NetworkUnreachable, RequestTimeout, UploadFailed, type UploadReason } from "../../KefuError.ts"
import * as csp from "../../platform/contentSecurityPolicy.ts"
import * as elapsed from "../../platform/elapsed.ts"
import type { Source } from "../source.ts"
import * as xhr from "../xhr.ts"
import * as multipart from "./multipart.ts"

export type OnProgress = (loaded: number, total: number) => void

type Answer = xhr.Answer

type Fetch = (typeof FetchHttpClient.Fetch)["Service"]

type Send = (
  url: string,
  file: Source,
  onProgress: OnProgress | undefined
) => Effect.Effect<Answer, KefuError<UploadReason>>

const failed = (reason: UploadReason) => new KefuError({ method: "UploadApi.upload", reason })

const blocked = (why: ConstructorParameters<typeof NetworkUnreachable>[0]) => failed(new NetworkUnreachable(why))

/** The store is not the backend. */
const remedy = "check the network, and that the store can be reached from here and allows it (CORS)"

/** How often a store may pass an upload on to another address. */
const hops = 3

/** Streams the body through the transport, which pulls as it sends: what was pulled is the progress. */
const byTransport = (client: HttpClient.HttpClient, fetch: Fetch, maxBodySize: number): Send =>
  Effect.fnUntraced(function* (url, file, onProgress) {
    let address = url
    for (let hop = 0; hop <= hops; hop++) {
      const { isSent, ...answer } = yield* exchange(client, fetch, maxBodySize, address, file, onProgress)
      if (answer.status !== 307 && answer.status !== 308) return isSent ? answer : yield* unread(answer)
      address = yield* redirected(address, answer.headers["location"])
    }
    return yield* failed(new UploadFailed({ detail: "the store redirects without an end" }))
  })

/** One request, which is not redirected: `fetch` could not send a stream again, or would get a page instead. */
const exchange = Effect.fnUntraced(function* (
  client: HttpClient.HttpClient,
  fetch: Fetch,
  maxBodySize: number,
  url: string,
  file: Source,
  onProgress: OnProgress | undefined
) {
  const boundary = yield* multipart.boundary
  const { head, tail } = multipart.frame(boundary, file)
  const length = head.byteLength + file.byteSize + tail.byteLength
  const broken = yield* Deferred.make<never, KefuError<UploadReason>>()
  let loaded = 0
  let isSent = false
  const end = Stream.suspend(() => {
    isSent = true
    return Stream.make(tail)
  })
  const stream = Stream.make(head).pipe(
    Stream.concat(
      Stream.map(file.pieces, (piece) => {
        loaded += piece.byteLength
        onProgress?.(loaded, file.byteSize)
        return piece
      })
    ),
    Stream.concat(end),
    // The error that a transport reports for a broken body does not say why it broke.
    Stream.tapCause((cause) => Deferred.failCause(broken, cause))
  )
  const request = HttpClientRequest.post(url, {
    body: HttpBody.stream(stream, `multipart/form-data; boundary=${boundary}`, length)
  })
  const sent = Effect.gen(function* () {
    const response = yield* client.execute(request)
    const bytes = yield* Effect.orElseSucceed(body.read(response, maxBodySize), () => new Uint8Array())
    const headers: Answer["headers"] = { ...response.headers }
    const text = Option.getOrElse(body.text(bytes, headers["content-type"]), () => "")
    return { status: response.status, headers, text, isSent }
  }).pipe(
    Effect.mapError((error) => failed(unreachable(error, remedy))),
    csp.watch(url, blocked),
    // A signed URL is a secret, which no span may hold. Trace headers would also require the store's CORS permission.
    Effect.provideService(HttpClient.TracerDisabledWhen, () => true),
    Effect.provideService(FetchHttpClient.StreamBodyFallback, "buffer"),
    Effect.provideService(FetchHttpClient.Fetch, withLength(fetch, length)),
    Effect.provideService(FetchHttpClient.RequestInit, {
      ...Option.getOrUndefined(yield* Effect.serviceOption(FetchHttpClient.RequestInit)),
      redirect: "manual"
    })
  )
  return yield* Effect.raceFirst(
    Deferred.await(broken),
    Effect.catch(sent, (error) =>
      Effect.flatMap(Deferred.poll(broken), (end) => Option.getOrElse(end, () => Effect.fail(error)))
    )
  )
})

/** Effect's client drops the length of a stream, and Node then sends it in chunks, which stores like S3 refuse. */
const withLength =
  (fetch: Fetch, length: number): Fetch =>
  (input, init) =>
    fetch(input, { ...init, headers: Object.assign({}, init?.headers, { "content-length": String(length) }) })

/** A store that answers before it has got the file has not stored it, whatever it says. */
const unread = (answer: Answer) =>
  answer.status >= 200 && answer.status < 300
    ? failed(new UploadFailed({ detail: "the store answered before it had read the whole file" }))
    : Effect.succeed(answer)

/** The next address of a redirected upload; never a less secure one. */
const redirected = (from: string, location = "") => {
  const to = Result.try(() => new URL(location, from))
  const isSafe =
    location !== "" &&
    Result.isSuccess(to) &&
    (to.success.protocol === "https:" || (to.success.protocol === "http:" && from.startsWith("http:")))
  return isSafe
    ? Effect.succeed(to.success.href)
    : Effect.fail(failed(new UploadFailed({ detail: "the store redirects to no usable address" })))
}

/** Sends a form by XMLHttpRequest. A stream is collected into a Blob first. */
const byXhr = (request: xhr.Xhr): Send =>
  Effect.fnUntraced(function* (url, file, onProgress) {
    const form = new FormData()
    if (!append(form, file.blob, file.filename)) {
      const parts: Array<Blob> = []
      yield* Stream.runForEach(file.pieces, (piece) =>
        Effect.sync(() => {
          parts.push(new Blob([piece as Uint8Array<ArrayBuffer>]))
          onProgress?.(0, file.byteSize)
        })
      )
      form.append("file", new Blob(parts, { type: file.contentType }), file.filename)
    }
    let isSent = true
    const progressed = ({ loaded, total }: { readonly loaded: number; readonly total: number }) => {
      isSent = loaded >= total
      // It counts the framing too, nearly all of which precedes the file.
      const framing = Math.max(0, total - file.byteSize)
      onProgress?.(Math.min(file.byteSize, Math.max(0, loaded - framing)), file.byteSize)
    }
    const answer = yield* xhr.post(request, url, form, onProgress && progressed).pipe(
      Effect.mapError(() => failed(new NetworkUnreachable({ detail: "no answer", remedy }))),
      csp.watch(url, blocked)
    )
    // An XMLHttpRequest follows every redirect, and only a page is a sure sign of one that has lost the file.
    const isPage = /^text\/html/i.test(answer.headers["content-type"] ?? "")
    if (isPage && (request.responseURL ?? "") !== "" && request.responseURL !== url) {
      return yield* failed(new UploadFailed({ detail: "the store redirected to a page" }))
    }
    return isSent ? answer : yield* unread(answer)
  })

/** Whether a form takes this file as it is: it refuses one of another realm. */
const append = (form: FormData, blob: Blob | undefined, filename: string): boolean => {
  try {
    if (blob !== undefined) form.append("file", blob, filename)
    return blob !== undefined
  } catch {
    return false
  }
}

/** Posts files over the platform's XMLHttpRequest, or over the HTTP client where there is none. */
export const make = (
  client: HttpClient.HttpClient,
  fetch: Fetch,
  makeXhr: () => xhr.Xhr | undefined,
  { maxBodySize, uploadTimeout }: KefuConfig["Service"]
): Send =>
  Effect.fnUntraced(function* (url, file, onProgress) {
    const clock = yield* Clock.Clock
    let movedAt = elapsed.nowUnsafe(clock)
    let reported = 0
    const moved: OnProgress = (loaded, total) => {
      movedAt = elapsed.nowUnsafe(clock)
      if (loaded === reported) return
      reported = loaded
      onProgress?.(loaded, total)
    }
    const afterMillis = Duration.toMillis(uploadTimeout)
    const stalled: Effect.Effect<never, KefuError<UploadReason>> = Effect.suspend(() => {
      const left = movedAt + afterMillis - elapsed.nowUnsafe(clock)
      return left > 0
        ? Effect.andThen(Effect.sleep(left), stalled)
        : Effect.fail(failed(new RequestTimeout({ afterMillis, option: "uploadTimeout" })))
    })
    const request = makeXhr()
    const send = request === undefined ? byTransport(client, fetch, maxBodySize) : byXhr(request)
    // A page that is not asked for the progress does not see it: then the limit is that of the whole upload.
    const isWatched = request === undefined || onProgress !== undefined
    return yield* Effect.raceFirst(send(url, file, isWatched ? moved : undefined), stalled)
  })

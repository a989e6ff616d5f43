/**
 * The HTTP pipeline of a session: base address, token, time-outs, repeats of safe methods, and one kind of error.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import type { KefuConfig } from "../KefuConfig.ts"
import {
  Conflict,
  type ErrorResponse,
  Forbidden,
  InvalidRequest,
  KefuError,
  type KefuErrorReason,
  NetworkUnreachable,
  NotFound,
  RateLimited,
  RequestTimeout,
  RequestTooLarge,
  ServerFault,
  Unauthorized,
  UnexpectedResponse
} from "../KefuError.ts"
import * as backoff from "../platform/backoff.ts"
import * as scrub from "./scrub.ts"

/**
 * Sees the final response of each successful call, with the body parsed and its keys as they came (`undefined` where it
 * was empty). The façade shows it to apps that read status, headers or fields which no schema of ours knows.
 */
export const ResponseObserver = Context.Reference<(response: ErrorResponse) => void>(
  "effect-kefu/http/pipeline/ResponseObserver",
  { defaultValue: () => () => {} }
)

const emptyBody = new TextEncoder().encode("{}").buffer
const decodeJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))

/** How long a `Retry-After` may be before we give the error to the caller instead of waiting. */
const longestWait = Duration.seconds(30)

/** What the pipeline needs to sign requests; `Credentials` provides it. */
export interface TokenSource {
  readonly token: Effect.Effect<Redacted.Redacted, KefuError>
  /** The token that replaces a refused one. */
  refresh(stale: Redacted.Redacted): Effect.Effect<Redacted.Redacted, KefuError>
}

export const make = (
  client: HttpClient.HttpClient,
  config: KefuConfig["Service"],
  credentials?: TokenSource
): {
  readonly client: HttpClient.HttpClient.With<KefuError>
  readonly once: HttpClient.HttpClient.With<KefuError>
} => {
  type Send = (
    request: HttpClientRequest.HttpClientRequest,
    token: Redacted.Redacted | undefined
  ) => Effect.Effect<HttpClientResponse.HttpClientResponse, KefuError>

  const attempt: Send = (request, token) => {
    const method = `${request.method} ${request.url}`
    const signed = (token === undefined ? request : HttpClientRequest.bearerToken(request, token)).pipe(
      HttpClientRequest.prependUrl(config.baseUrl)
    )
    return Effect.gen(function* () {
      if (token !== undefined && !isHeaderValue(Redacted.value(token))) {
        return yield* new KefuError({
          method,
          reason: new Unauthorized({ detail: "it holds characters that no header may hold, perhaps a line break" })
        })
      }
      const response = yield* client.execute(signed)
      return yield* read(method, response, yield* response.text, token)
    }).pipe(
      Effect.provideService(HttpClient.TracerPropagationEnabled, config.tracePropagation),
      Effect.catchTag("HttpClientError", (error) => Effect.fail(new KefuError({ method, reason: unreachable(error) }))),
      Effect.timeoutOrElse({
        duration: config.requestTimeout,
        orElse: () =>
          Effect.fail(
            new KefuError({
              method,
              reason: new RequestTimeout({
                afterMillis: Duration.toMillis(config.requestTimeout),
                option: "requestTimeout"
              })
            })
          )
      })
    )
  }

  const repeated =
    (repeats: number): Send =>
    (request, token) =>
      Effect.catch(
        attempt(request, token),
        Effect.fnUntraced(function* (error) {
          if (repeats >= config.retry.times || !mayRepeat(error.reason)) return yield* error
          const asked = "retryAfterMillis" in error.reason ? error.reason.retryAfterMillis : undefined
          if (asked !== undefined && asked > Duration.toMillis(longestWait)) return yield* error
          yield* Effect.sleep(
            asked === undefined ? yield* backoff.delay(config.retry, repeats) : Duration.millis(asked)
          )
          return yield* repeated(repeats + 1)(request, token)
        })
      )

  // The repeats are inside, so that asking for a token, which may be a POST, is never part of them.
  const authorized = (send: Send) => (request: HttpClientRequest.HttpClientRequest) => {
    if (credentials === undefined) return send(request, undefined)
    return Effect.flatMap(credentials.token, (token) =>
      Effect.catch(send(request, token), (error) =>
        error.reason._tag === "Unauthorized"
          ? Effect.flatMap(Effect.mapError(credentials.refresh(token), becauseOf(error)), (fresh) =>
              send(request, fresh)
            )
          : Effect.fail(error)
      )
    )
  }

  const once = authorized(attempt)
  const safe = authorized(repeated(0))

  return {
    client: through((request) => (request.method === "GET" || request.method === "HEAD" ? safe : once)(request)),
    once: through(once)
  }
}

/** What `fetch` takes; it would throw, and be taken for a broken network. */
const isHeaderValue = (text: string): boolean => /^[\t\x20-\x7e\x80-\xff]*$/.test(text)

/** A refresh that failed, told with what the backend had answered. */
const becauseOf = (refused: KefuError) => (error: KefuError) =>
  error.reason._tag === "Unauthorized" && refused.reason._tag === "Unauthorized"
    ? new KefuError({
        ...refused,
        reason: new Unauthorized({ detail: `${refused.reason.detail}; ${error.reason.detail}` })
      })
    : error

const through = (
  run: (request: HttpClientRequest.HttpClientRequest) => Effect.Effect<HttpClientResponse.HttpClientResponse, KefuError>
) => HttpClient.makeWith<KefuError, never, KefuError, never>(Effect.flatMap(run), Effect.succeed)

const mayRepeat = (reason: KefuErrorReason): boolean => {
  switch (reason._tag) {
    case "NetworkUnreachable":
    case "RequestTimeout":
    case "RateLimited":
      return true
    case "ServerFault":
      return reason.status >= 502 && reason.status <= 504
    default:
      return false
  }
}

const read = Effect.fnUntraced(function* (
  method: string,
  response: HttpClientResponse.HttpClientResponse,
  text: string,
  token: Redacted.Redacted | undefined
) {
  const scrubbed = scrub.token(token)
  const ok = response.status >= 200 && response.status < 300
  const empty = text.trim() === ""
  const parsed = empty ? Option.some(undefined) : decodeJson(text)
  const fail = (reason: KefuErrorReason) =>
    new KefuError({
      method,
      reason,
      response: {
        status: response.status,
        headers: scrubbed.values(response.headers),
        data: body
      }
    })
  const body = ok && Option.isSome(parsed) ? undefined : scrubbed.data(Option.getOrElse(parsed, () => text))
  if (!ok) return yield* fail(yield* fromStatus(response, body))
  if (Option.isNone(parsed)) return yield* fail(new UnexpectedResponse({ path: "", detail: "the body is not JSON" }))
  ;(yield* ResponseObserver)({ status: response.status, headers: { ...response.headers }, data: parsed.value })
  return accepted(response, empty)
})

/**
 * The contract declares one status for success, but a backend may answer with any of 2xx and without a body: give the
 * decoder what it can read.
 */
const accepted = (
  response: HttpClientResponse.HttpClientResponse,
  empty: boolean
): HttpClientResponse.HttpClientResponse =>
  Object.create(response, {
    status: { value: 200 },
    ...(empty ? { arrayBuffer: { value: Effect.succeed(emptyBody) } } : undefined)
  })

/**
 * What a request that got no answer is told as: the host and why, but nothing else of the address, which may be a secret.
 */
export const unreachable = (error: HttpClientError.HttpClientError): KefuErrorReason => {
  switch (error.reason._tag) {
    case "EncodeError":
    case "InvalidUrlError":
      return new InvalidRequest({ field: "", detail: "the request could not be built" })
    default:
      return new NetworkUnreachable({
        detail: hostOf(error.request.url) + (causeOf(error.reason.cause) ?? "no answer")
      })
  }
}

const hostOf = (address: string): string => {
  const url = Result.try(() => new URL(address))
  return Result.isSuccess(url) && url.success.host !== "" ? `${url.success.host}: ` : ""
}

/** Node tells it in the cause of a cause, in the first of several errors, or, for a port that fetch refuses, in words. */
const causeOf = (cause: unknown): string | undefined => {
  if (!Predicate.isObject(cause)) return undefined
  if (Predicate.hasProperty(cause, "code") && typeof cause.code === "string") return cause.code
  if (Predicate.hasProperty(cause, "message") && cause.message === "bad port") return cause.message
  if (Predicate.hasProperty(cause, "errors") && Array.isArray(cause.errors)) return causeOf(cause.errors[0])
  return Predicate.hasProperty(cause, "cause") ? causeOf(cause.cause) : undefined
}

const fromStatus = Effect.fnUntraced(function* (response: HttpClientResponse.HttpClientResponse, body: unknown) {
  const { status } = response
  const detail =
    Predicate.hasProperty(body, "message") && typeof body.message === "string" ? body.message : `status ${status}`
  const field = Predicate.hasProperty(body, "field") && typeof body.field === "string" ? body.field : ""
  switch (status) {
    case 401:
      return new Unauthorized({ detail })
    case 403:
      return new Forbidden({ detail })
    case 404:
    case 410:
      return new NotFound({ detail })
    case 409:
      return new Conflict({ detail })
    case 413:
      return new RequestTooLarge({ detail })
    case 429:
      return new RateLimited(yield* retryAfter(response))
    default: {
      if (status >= 500 || status === 408) return new ServerFault({ status, ...(yield* retryAfter(response)) })
      if (status >= 400) return new InvalidRequest({ field, detail })
      return new UnexpectedResponse({ path: "", detail })
    }
  }
})

const retryAfter = Effect.fnUntraced(function* (response: HttpClientResponse.HttpClientResponse) {
  const header = response.headers["retry-after"]
  if (header === undefined || header.trim() === "") return {}
  const seconds = Number(header)
  if (Number.isFinite(seconds)) return { retryAfterMillis: Math.max(0, seconds * 1000) }
  const at = DateTime.make(header)
  if (Option.isNone(at)) return {}
  return { retryAfterMillis: Math.max(0, DateTime.toEpochMillis(at.value) - (yield* Clock.currentTimeMillis)) }
})

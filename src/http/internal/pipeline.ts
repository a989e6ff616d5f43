/**
 * The HTTP pipeline of a session: base URL, token, timeouts, retries of safe methods, and one kind of error.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import type { KefuConfig } from "../../KefuConfig.ts"
import {
  KefuError,
  NetworkUnreachable,
  type RequestReason,
  RequestTimeout,
  Unauthorized,
  UnexpectedResponse
} from "../../KefuError.ts"
import * as backoff from "../../platform/backoff.ts"
import * as csp from "../../platform/contentSecurityPolicy.ts"
import { xsrfHeader } from "../../platform/location.ts"
import { redacted } from "../cause.ts"
import * as body from "../body.ts"
import * as failure from "../failure.ts"
import * as retryAfter from "../retryAfter.ts"
import * as scrub from "../scrub.ts"

/** What the pipeline needs to sign requests; `Credentials` provides it. */
export interface TokenSource {
  readonly token: Effect.Effect<Redacted.Redacted, KefuError<RequestReason>>
  /** The token that replaces a refused one. */
  refresh(refused: Redacted.Redacted): Effect.Effect<Redacted.Redacted, KefuError<RequestReason>>
}

export interface Pipeline {
  /** Retries GET and HEAD. */
  readonly client: HttpClient.HttpClient.With<KefuError<RequestReason>>
  /** Never retries. */
  readonly once: HttpClient.HttpClient.With<KefuError<RequestReason>>
}

type Request = HttpClientRequest.HttpClientRequest
type Exchange = Effect.Effect<HttpClientResponse.HttpClientResponse, KefuError<RequestReason>>
type Send = (request: Request, token: Redacted.Redacted | undefined) => Exchange

/** A longer `Retry-After` is reported to the caller instead of waited for. */
const longestWait = Duration.seconds(30)

/** Without a token source, requests are not signed. */
export const make = (
  platform: HttpClient.HttpClient,
  config: KefuConfig["Service"],
  tokens: TokenSource | undefined
): Pipeline => {
  /** Whether the backend has answered yet. */
  let isReached = false

  const attempt: Send = (request, token) => {
    const method = `${request.method} ${request.url}`
    const fail = (reason: RequestReason, cause?: unknown) => Effect.fail(new KefuError({ method, reason, cause }))
    const { requestTimeout } = config
    const signed = token === undefined ? request : HttpClientRequest.bearerToken(request, token)
    return Effect.gen(function* () {
      if (token !== undefined && !isHeaderValue(Redacted.value(token))) {
        return yield* fail(
          new Unauthorized({ detail: "it holds characters that no header may hold, perhaps a line break" })
        )
      }
      const complete = HttpClientRequest.prependUrl(signed, config.baseUrl)
      const response = yield* platform.execute(HttpClientRequest.setHeaders(complete, xsrfHeader(complete.url)))
      isReached = true
      const bytes = yield* body.read(response, config.maxBodySize)
      return yield* read(method, response, bytes, token)
    }).pipe(
      Effect.catchTag("ResponseTooLarge", fail),
      Effect.provideService(HttpClient.TracerPropagationEnabled, config.tracePropagation),
      Effect.catchTag("HttpClientError", (error) =>
        fail(failure.unreachable(error, isReached ? "check the network" : undefined), redacted(error.reason.cause))
      ),
      csp.watch(config.baseUrl, (why) => new KefuError({ method, reason: new NetworkUnreachable(why) })),
      Effect.timeoutOrElse({
        duration: requestTimeout,
        orElse: () =>
          fail(new RequestTimeout({ afterMillis: Duration.toMillis(requestTimeout), option: "requestTimeout" }))
      })
    )
  }

  const retried: Send = (request, token) =>
    Effect.suspend(() => {
      const delays = backoff.delays(config.retry)
      const exchange: Exchange = Effect.catch(
        attempt(request, token),
        Effect.fnUntraced(function* (error) {
          if (!mayRetry(error.reason)) return yield* error
          const asked = "retryAfterMillis" in error.reason ? error.reason.retryAfterMillis : undefined
          if (asked !== undefined && asked > Duration.toMillis(longestWait)) return yield* error
          const own = yield* delays(error)
          if (own === undefined) return yield* error
          yield* Effect.sleep(yield* retryAfter.prolong(own, error.reason))
          return yield* exchange
        })
      )
      return exchange
    })

  // Wraps the retries, so that they never repeat the request for a token, which may be a POST.
  const authorized =
    (send: Send) =>
    (request: Request): Exchange => {
      if (tokens === undefined) return send(request, undefined)
      return Effect.flatMap(tokens.token, (token) =>
        Effect.catch(send(request, token), (error) =>
          error.reason._tag === "Unauthorized"
            ? Effect.flatMap(Effect.mapError(tokens.refresh(token), because(error)), (fresh) => send(request, fresh))
            : Effect.fail(error)
        )
      )
    }

  const once = authorized(attempt)
  const safe = authorized(retried)

  return {
    client: through((request) => (request.method === "GET" || request.method === "HEAD" ? safe : once)(request)),
    once: through(once)
  }
}

const through = (run: (request: Request) => Exchange) =>
  HttpClient.makeWith<KefuError<RequestReason>, never, KefuError<RequestReason>, never>(
    Effect.flatMap(run),
    Effect.succeed
  )

/** What `fetch` accepts: it throws on anything else, which would look like a network failure. */
const isHeaderValue = (text: string): boolean => /^[\t\x20-\x7e\x80-\xff]*$/.test(text)

/** A failed refresh, reported together with the refusal that caused it. */
const because = (refused: KefuError<RequestReason>) => (error: KefuError<RequestReason>) =>
  error.reason._tag === "Unauthorized" && refused.reason._tag === "Unauthorized"
    ? new KefuError({
        ...refused,
        reason: new Unauthorized({ detail: `${refused.reason.detail}; ${error.reason.detail}` })
      })
    : error

const mayRetry = (reason: RequestReason): boolean => {
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

const decodeJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))

const read = Effect.fnUntraced(function* (
  method: string,
  response: HttpClientResponse.HttpClientResponse,
  bytes: Uint8Array,
  token: Redacted.Redacted | undefined
) {
  const { headers, status } = response
  const contentType = headers["content-type"]
  const text = body.text(bytes, contentType)
  const parsed = Option.flatMap(text, (text) => (text.trim() === "" ? Option.some(undefined) : decodeJson(text)))
  const ok = status >= 200 && status < 300
  if (ok && Option.isSome(text) && Option.isSome(parsed)) {
    return scrub.remember(withBody(response, text.value, parsed.value), token)
  }
  const secrets = scrub.token(token)
  const answer = secrets.response({
    status,
    statusText: body.statusText(response),
    headers,
    data: Option.getOrElse(parsed, () => Option.getOrUndefined(text))
  })
  return yield* new KefuError({
    method,
    reason: ok
      ? new UnexpectedResponse({
          path: "",
          detail: Option.isSome(text) ? "the body is not JSON" : `the body is not text in ${body.charset(contentType)}`
        })
      : yield* failure.fromStatus(response, answer.data),
    response: answer
  })
})

/** The response with its body, which was read and parsed; `json` is undefined if it is empty. */
const withBody = (
  response: HttpClientResponse.HttpClientResponse,
  text: string,
  json: unknown
): HttpClientResponse.HttpClientResponse =>
  Object.create(response, {
    text: { value: Effect.succeed(text) },
    json: { value: Effect.succeed(json) },
    arrayBuffer: { value: Effect.sync(() => new TextEncoder().encode(text).buffer) }
  })

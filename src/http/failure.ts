/**
 * How a failed request is reported.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import {
  Conflict,
  Forbidden,
  InvalidRequest,
  NetworkUnreachable,
  NotFound,
  RateLimited,
  RequestTooLarge,
  ServerFault,
  Unauthorized,
  UnexpectedResponse
} from "../KefuError.ts"
import * as retryAfter from "./retryAfter.ts"

/**
 * How an unanswered request is reported: with the host and the cause. The rest of the address may be a secret. `remedy`
 * replaces the advice, for example where the base URL is known to be right.
 */
export const unreachable = (
  error: HttpClientError.HttpClientError,
  remedy?: string
): InvalidRequest | NetworkUnreachable => {
  switch (error.reason._tag) {
    case "EncodeError":
    case "InvalidUrlError":
      return new InvalidRequest({ field: "", detail: "the request could not be built" })
    default:
      return new NetworkUnreachable({
        detail: hostOf(error.request.url) + (causeOf(error.reason.cause) ?? "no answer"),
        ...(remedy !== undefined && { remedy })
      })
  }
}

const hostOf = (address: string): string => {
  const url = Result.try(() => new URL(address))
  return Result.isSuccess(url) && url.success.host !== "" ? `${url.success.host}: ` : ""
}

/** Node nests the code in causes or in the first of several errors; a port that fetch blocks has a message only. */
const causeOf = (cause: unknown): string | undefined => {
  if (!Predicate.isObject(cause)) return undefined
  if (Predicate.hasProperty(cause, "code") && typeof cause.code === "string") return cause.code
  if (Predicate.hasProperty(cause, "message") && cause.message === "bad port") return cause.message
  if (Predicate.hasProperty(cause, "errors") && Array.isArray(cause.errors)) return causeOf(cause.errors[0])
  return Predicate.hasProperty(cause, "cause") ? causeOf(cause.cause) : undefined
}

/**
 * How a response with an error status is reported. `body` is the parsed body.
 */
export const fromStatus = Effect.fnUntraced(function* (response: HttpClientResponse.HttpClientResponse, body: unknown) {
  const { status } = response
  const text = (key: string) => {
    const value = Predicate.hasProperty(body, key) ? body[key] : undefined
    return typeof value === "string" ? value : undefined
  }
  const detail = text("message") ?? `status ${status}`
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
      return new RateLimited(yield* wait(response))
    default: {
      if (status >= 500 || status === 408) return new ServerFault({ status, ...(yield* wait(response)) })
      if (status >= 400) return new InvalidRequest({ field: text("field") ?? "", detail })
      return new UnexpectedResponse({ path: "", detail })
    }
  }
})

const wait = ({ headers }: HttpClientResponse.HttpClientResponse) =>
  Effect.map(retryAfter.parse(headers), (millis) => (millis === undefined ? {} : { retryAfterMillis: millis }))

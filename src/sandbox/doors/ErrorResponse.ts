/**
 * Every failure of the HTTP application as a JSON response.
 *
 * @since 0.1.0
 */
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerError from "effect/http/HttpServerError"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Multipart from "effect/http/Multipart"
import { HttpApiSchemaError } from "effect/http-api/HttpApiError"
import * as SchemaIssue from "effect/SchemaIssue"
import { toWireKey } from "../../codec/Key.ts"
import type {
  BadRequest,
  Conflict,
  Forbidden,
  NotFound,
  TooLarge,
  TooManyRequests,
  Unauthorized
} from "../../wire/ApiError.ts"

type Known = BadRequest | Unauthorized | Forbidden | NotFound | Conflict | TooLarge | TooManyRequests

const statuses: Readonly<Record<Known["_tag"], number>> = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  Conflict: 409,
  TooLarge: 413,
  TooManyRequests: 429
}

const isKnown = (error: unknown): error is Known =>
  typeof error === "object" && error !== null && "_tag" in error && String(error._tag) in statuses

/**
 * Makes the JSON response of an error.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (_tag: string, status: number, message: string, field?: string) =>
  HttpServerResponse.jsonUnsafe({ _tag, message, ...(field === undefined ? {} : { field }) }, { status })

const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1()

const invalid = (error: HttpApiSchemaError): HttpServerResponse.HttpServerResponse => {
  const [issue] = formatIssue(error.cause.issue).issues
  const path = (issue?.path ?? []).map((segment) => String(typeof segment === "object" ? segment.key : segment))
  const field = path.map(toWireKey).join(".")
  const where = { Params: "path", Query: "query", Headers: "headers" }[error.kind as string] ?? "body"
  return make(
    "BadRequest",
    400,
    `The ${where} is wrong${field === "" ? "" : ` at ${field}`}: ${issue?.message ?? "it does not match"}`,
    field === "" ? undefined : field
  )
}

/**
 * The response to a failure, or undefined for one that is a bug of the sandbox.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromFailure = (error: unknown): HttpServerResponse.HttpServerResponse | undefined => {
  if (isKnown(error)) return make(error._tag, statuses[error._tag], error.message, error.field)
  if (HttpApiSchemaError.is(error)) return error.kind === "Body" ? undefined : invalid(error)
  if (Multipart.isMultipartError(error)) {
    const { _tag } = error.reason
    if (_tag === "InternalError") return undefined
    return _tag === "Parse"
      ? make("BadRequest", 400, "The body is not multipart/form-data", "file")
      : make("TooLarge", 413, "The file is too large", "file")
  }
  if (HttpServerError.isHttpServerError(error)) {
    const { reason } = error
    if (reason._tag === "RouteNotFound") {
      return make("NotFound", 404, `There is no ${reason.request.method} ${pathOf(reason.request)}`)
    }
    if (reason._tag === "RequestParseError") {
      return reason.reason === "BodyTooLarge"
        ? make("TooLarge", 413, "The body is too large")
        : make("BadRequest", 400, reason.description ?? "The request is malformed")
    }
  }
  return undefined
}

/**
 * The path of a request, without its query.
 *
 * @category accessors
 * @since 0.1.0
 */
export const pathOf = ({ url }: HttpServerRequest.HttpServerRequest): string => url.split("?", 1)[0] ?? url

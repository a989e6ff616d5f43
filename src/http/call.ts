/**
 * Calls endpoints of the contract: one span and one kind of error per call.
 */
import * as Effect from "effect/Effect"
import { memoize } from "effect/Function"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import type * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Wire from "../codec/Wire.ts"
import {
  InvalidRequest,
  KefuError,
  type KefuErrorReason,
  type RequestReason,
  UnexpectedResponse
} from "../KefuError.ts"
import { withSpan } from "../platform/span.ts"
import type { Endpoint, Schemas } from "../wire/Endpoints.ts"

/** What a call sends: the values of its endpoint's schemas. */
type Input<S extends Schemas> = {
  readonly [Part in Exclude<keyof S, "success">]: S[Part] extends Schema.Constraint ? S[Part]["Type"] : never
}

/** The schema of a part that an endpoint has not. */
const nothing = () => Effect.undefined

/** The directions of an endpoint's schemas: made at its first call in the process. */
const codersOf = memoize(<S extends Schemas>({ schemas: { params, payload, query, success } }: Endpoint<S>) => ({
  params: params === undefined ? nothing : Schema.encodeUnknownEffect(params),
  query: query === undefined ? nothing : Schema.encodeUnknownEffect(query),
  body: payload === undefined ? nothing : Schema.encodeUnknownEffect(Wire.Json(payload)),
  success: Schema.decodeUnknownEffect<S["success"]>(success)
}))

const filled = (path: string, params: { readonly [name: string]: string } | undefined): string =>
  path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(params?.[name] ?? ""))

/** Asks an endpoint, as a part of another call. */
export const exchange = Effect.fnUntraced(function* <S extends Schemas>(
  httpClient: HttpClient.HttpClient.With<KefuError<RequestReason>>,
  endpoint: Endpoint<S>,
  input: { readonly [Part in keyof Schemas]?: unknown }
) {
  const coders = codersOf(endpoint)
  const path = filled(endpoint.path, yield* coders.params(input.params))
  const query = yield* coders.query(input.query)
  const body = yield* coders.body(input.payload)
  const request = HttpClientRequest.make(endpoint.method)(path, { urlParams: query })
  const response = yield* httpClient.execute(
    body === undefined ? request : HttpClientRequest.bodyText(request, body, "application/json")
  )
  const json = yield* response.json
  // The contract declares a body; a backend may answer without one.
  return yield* Effect.mapError(
    coders.success(json === undefined ? {} : json),
    (error) => new KefuError({ method: "Api", reason: new UnexpectedResponse(firstIssue(error)) })
  )
})

/**
 * Calls endpoints over a session's HTTP client. `method` names the call in its span and in its error.
 */
export const caller =
  (httpClient: HttpClient.HttpClient.With<KefuError<RequestReason>>) =>
  <S extends Schemas>(
    method: string,
    endpoint: Endpoint<S>,
    ...[input]: {} extends Input<S> ? [] : [input: Input<S>]
  ): Effect.Effect<S["success"]["Type"], KefuError<RequestReason>> =>
    call(method, exchange(httpClient, endpoint, input ?? {}))

/** The errors of an exchange that are not ours. The pipeline turns all but the schema's into ours beforehand. */
type Foreign = Schema.SchemaError | HttpClientError.HttpClientError

/**
 * Runs a call as `method`: that is the name of its span and of the method in its error.
 */
export const call = <A, R, Reason extends KefuErrorReason = never>(
  method: string,
  effect: Effect.Effect<A, KefuError<Reason> | Foreign, R>
): Effect.Effect<A, KefuError<Reason | InvalidRequest>, R> =>
  effect.pipe(
    Effect.catch((error): Effect.Effect<never, KefuError<Reason | InvalidRequest>> => {
      if (error instanceof KefuError) return Effect.fail(error.at(method))
      if (Schema.isSchemaError(error)) return Effect.fail(invalid(method, error))
      return Effect.die(error)
    }),
    withSpan(method)
  )

/**
 * The error of a call whose argument does not match its schema.
 */
export const invalid = (method: string, error: Schema.SchemaError): KefuError<InvalidRequest> => {
  const { detail, path } = firstIssue(error)
  return new KefuError({ method, reason: new InvalidRequest({ field: path, detail }) })
}

const format = SchemaIssue.makeFormatterStandardSchemaV1()

const firstIssue = (error: Schema.SchemaError): { readonly path: string; readonly detail: string } => {
  const issue = format(error.issue).issues[0]
  return {
    path: (issue?.path ?? []).map((part) => String(typeof part === "object" ? part.key : part)).join("."),
    detail: (issue?.message ?? error.message).slice(0, 300)
  }
}

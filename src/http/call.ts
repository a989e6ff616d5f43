/**
 * Calls endpoints of the contract: one typed client per process, one span and one kind of error per call.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import {
  InvalidRequest,
  KefuError,
  type KefuErrorReason,
  type RequestReason,
  UnexpectedResponse
} from "../KefuError.ts"
import { withSpan } from "../platform/span.ts"
import { Api } from "../wire/Api.ts"
import type * as ApiError from "../wire/ApiError.ts"

/** The HTTP client of the session that makes the call. */
class SessionClient extends Context.Service<SessionClient, HttpClient.HttpClient.With<KefuError<RequestReason>>>()(
  "effect-kefu/http/call/SessionClient"
) {}

const emptyBody = new TextEncoder().encode("{}").buffer

/** The contract declares status 200 and a body; a backend may answer with any 2xx, and without a body. */
const accepted = (response: HttpClientResponse.HttpClientResponse) =>
  Effect.match(response.text, {
    onFailure: () => response,
    onSuccess: (text): HttpClientResponse.HttpClientResponse =>
      Object.create(response, {
        status: { value: 200 },
        ...(text.trim() === "" && { arrayBuffer: { value: Effect.succeed(emptyBody) } })
      })
  })

const sessionClient = HttpClient.makeWith<never, never, KefuError<RequestReason>, SessionClient>(
  Effect.flatMap((request) => SessionClient.use((client) => Effect.flatMap(client.execute(request), accepted))),
  Effect.succeed
)

const build = () =>
  Effect.runSync(
    HttpApiClient.makeWith(Api, {
      httpClient: sessionClient,
      transformResponse: Effect.mapError((error) =>
        Schema.isSchemaError(error)
          ? new KefuError({ method: "Api", reason: new UnexpectedResponse(firstIssue(error)) })
          : error
      )
    })
  )

let shared: ReturnType<typeof build> | undefined

/**
 * The typed client, and `call`, which runs one of its calls over a session's HTTP client. The typed client compiles a
 * decoder for every endpoint, so it is built once, at the first use, and all sessions share it.
 */
export const forSession = (httpClient: HttpClient.HttpClient.With<KefuError<RequestReason>>) => ({
  client: (shared ??= build()),
  call: <A, Reason extends KefuErrorReason>(
    method: string,
    effect: Effect.Effect<A, KefuError<Reason> | Foreign, SessionClient>
  ): Effect.Effect<A, KefuError<Reason | InvalidRequest>> =>
    call(method, Effect.provideService(effect, SessionClient, httpClient))
})

/** The errors of the typed client that are not ours. The pipeline turns all but the schema's into ours beforehand. */
type Foreign =
  | Schema.SchemaError
  | HttpClientError.HttpClientError
  | ApiError.Unauthorized
  | (typeof ApiError.ApiError)[number]["Type"]

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

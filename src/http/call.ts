/**
 * Turns calls of the typed HTTP client into calls of our services: one span each, and one kind of error.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import type * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import type * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import type * as HttpClient from "effect/http/HttpClient"
import { InvalidRequest, KefuError, UnexpectedResponse } from "../KefuError.ts"
import { Api } from "../wire/Api.ts"

type Groups = typeof Api extends HttpApi.HttpApi<infer _Id, infer Groups> ? Groups : never

/**
 * The typed client of one group of the REST API.
 */
export const group = <const Name extends HttpApiGroup.Identifier<Groups>>(
  name: Name,
  httpClient: HttpClient.HttpClient.With<KefuError>
) =>
  HttpApiClient.group(Api, {
    group: name,
    httpClient,
    transformResponse: Effect.mapError((error) =>
      Schema.isSchemaError(error)
        ? new KefuError({ method: name, reason: new UnexpectedResponse(firstIssue(error)) })
        : error
    )
  })

/**
 * Names a call: its span is called `method`, and so is the error it fails with.
 */
export const call = <A, E, R>(method: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, KefuError, R> =>
  effect.pipe(
    Effect.catch((error) => {
      if (error instanceof KefuError) return Effect.fail(error.at(method))
      if (Schema.isSchemaError(error)) return Effect.fail(invalid(method, error))
      return Effect.die(error)
    }),
    Effect.withSpan(method)
  )

/**
 * An argument that its schema refused.
 */
export const invalid = (method: string, error: Schema.SchemaError): KefuError => {
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

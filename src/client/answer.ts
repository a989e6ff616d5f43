/**
 * Calls endpoints of the contract as the documented client does: what an app gives is sent as it is, keys converted, and
 * what comes back is told with its status and headers. No schema stands in between: of most shapes ours are a guess, and
 * an app that knows its backend better must not be stopped by it.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as HttpClient from "effect/http/HttpClient"
import type { HttpMethod } from "effect/http/HttpMethod"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import { type ErrorResponse, InvalidRequest, KefuError } from "../KefuError.ts"
import * as Query from "../codec/Query.ts"
import * as Wire from "../codec/Wire.ts"
import { call } from "../http/call.ts"
import { ResponseObserver } from "../http/responseObserver.ts"

/** What of an endpoint of the contract is needed to call it. */
export interface Endpoint {
  readonly method: HttpMethod
  readonly path: string
}

export interface Input {
  /** What stands for the parameters of the path. */
  readonly params?: { readonly [name: string]: unknown }
  /** Goes under the names that it has; undefined and null are left out. */
  readonly query?: { readonly [name: string]: unknown } | null | undefined
  /** Goes as JSON, keys converted; undefined and null mean no body. */
  readonly body?: unknown
}

/** The body as it came (undefined if there was none), with status and headers. */
export type Answered = ErrorResponse

const encodeQuery = Schema.encodeUnknownEffect(Query.Struct({}))
const encodeBody = Schema.encodeUnknownEffect(Wire.Json(Wire.Free))

/** The integer that an app gave as an id. Apps also have them as text, from an address or an attribute. */
export const integer = (method: string, field: string, value: unknown): Effect.Effect<number, KefuError> => {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value
  return typeof number === "number" && Number.isSafeInteger(number)
    ? Effect.succeed(number)
    : Effect.fail(new KefuError({ method, reason: new InvalidRequest({ field, detail: "expected an integer" }) }))
}

const address = Effect.fnUntraced(function* (method: string, path: string, params: Input["params"]) {
  let filled = path
  for (const [name, value] of Object.entries(params ?? {})) {
    filled = filled.replace(`:${name}`, String(yield* integer(method, name, value)))
  }
  return filled
})

/** Calls an endpoint. */
export const request = (
  client: HttpClient.HttpClient.With<KefuError>,
  method: string,
  endpoint: Endpoint,
  input: Input = {}
): Effect.Effect<Answered, KefuError> =>
  call(
    method,
    Effect.gen(function* () {
      let request = HttpClientRequest.make(endpoint.method)(yield* address(method, endpoint.path, input.params))
      if (input.query !== undefined && input.query !== null) {
        request = HttpClientRequest.setUrlParams(request, yield* encodeQuery(input.query))
      }
      if (input.body !== undefined && input.body !== null) {
        request = HttpClientRequest.bodyText(request, yield* encodeBody(input.body), "application/json")
      }
      let answer: Answered = { status: 0, headers: {}, data: undefined }
      yield* Effect.provideService(client.execute(request), ResponseObserver, (response) => {
        answer = response
      })
      return answer
    })
  )

/**
 * Calls endpoints of the contract as the documented client does: arguments are sent as given, with converted keys, and
 * the response is returned with its status and headers. No schema stands in between: many of ours are guesses, which must
 * not stop an app that knows its backend better.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpMethod } from "effect/http/HttpMethod"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import { lazyFunction } from "../codec/lazy.ts"
import * as Key from "../codec/Key.ts"
import * as Query from "../codec/Query.ts"
import * as Wire from "../codec/Wire.ts"
import { statusText } from "../http/body.ts"
import { call } from "../http/call.ts"
import * as scrub from "../http/scrub.ts"
import { Transport } from "../http/Transport.ts"
import { KefuConfig } from "../KefuConfig.ts"
import { type ErrorResponse, KefuError, type RequestConfig, type RequestReason } from "../KefuError.ts"
import * as globalFetch from "../platform/globalFetch.ts"
import { UploadApi } from "../rest/UploadApi.ts"
import { tokens } from "../wire/Endpoints.ts"
import { identifier } from "./arguments.ts"
import type { TokenOptions } from "./options.ts"
import type { AnonymousToken, ClientResponse, UploadedFile, UploadProgress } from "./types.ts"

/** The fields of an endpoint that a call needs. */
export interface Endpoint {
  readonly method: HttpMethod
  readonly path: string
}

export interface Input {
  /** Ids, as the app has them. */
  readonly params?: { readonly [name: string]: unknown }
  /** Sent under the given names; undefined and null are omitted. */
  readonly query?: object | null | undefined
  /** Sent as JSON with converted keys; undefined and null mean no body. */
  readonly body?: unknown
}

/** `data` is the parsed body with the backend's keys, a text if it is no JSON, and undefined if it is empty. */
export interface Response extends ErrorResponse {
  readonly config: RequestConfig
  /** The response for an error, without the token. */
  readonly redacted: () => ErrorResponse
}

const encodeQuery = lazyFunction(() => Schema.encodeUnknownEffect(Query.Struct({})))
const encodeBody = lazyFunction(() => Schema.encodeUnknownEffect(Wire.Json(Wire.Free)))

const address = Effect.fnUntraced(function* (method: string, path: string, params: Input["params"]) {
  let filled = path
  for (const [name, value] of Object.entries(params ?? {})) {
    const id = encodeURIComponent(yield* identifier(method, name, value))
    filled = filled.replace(`:${name}`, () => id)
  }
  return filled
})

export const request = (
  client: HttpClient.HttpClient.With<KefuError<RequestReason>>,
  method: string,
  endpoint: Endpoint,
  input: Input = {}
): Effect.Effect<Response, KefuError> =>
  call(
    method,
    Effect.gen(function* () {
      const { body, query } = input
      const url = yield* address(method, endpoint.path, input.params)
      let request = HttpClientRequest.make(endpoint.method)(url)
      let config: RequestConfig = { method: endpoint.method.toLowerCase(), url }
      if (query !== undefined && query !== null) {
        request = HttpClientRequest.setUrlParams(request, yield* encodeQuery(query))
        config = { ...config, params: query }
      }
      if (body !== undefined && body !== null) {
        const data = yield* encodeBody(body)
        request = HttpClientRequest.bodyText(request, data, "application/json")
        config = { ...config, data }
      }
      return yield* Effect.catchTag(exchange(client, request, config), "KefuError", (error) => answered(error, config))
    })
  )

const exchange = Effect.fnUntraced(function* (
  client: HttpClient.HttpClient.With<KefuError<RequestReason>>,
  request: HttpClientRequest.HttpClientRequest,
  config: RequestConfig
) {
  const answer = yield* client.execute(request)
  const { status } = answer
  const response = {
    status,
    statusText: statusText(answer),
    headers: { ...answer.headers },
    data: yield* answer.json,
    config
  }
  return { ...response, redacted: () => scrub.ofRequest(answer).response(response) }
})

/** A text is a response; another failure also tells its request. */
const answered = (error: KefuError, config: RequestConfig): Effect.Effect<Response, KefuError> => {
  const response = error.response && { ...error.response, config }
  if (response !== undefined && isText(error)) return Effect.succeed({ ...response, redacted: () => response })
  return Effect.fail(new KefuError({ ...error, config, ...(response && { response }) }))
}

/** Whether the call succeeded with a body that is no JSON, for example the word "ok": apps get it as it is. */
const isText = (error: KefuError): boolean =>
  error.reason._tag === "UnexpectedResponse" &&
  error.response !== undefined &&
  error.response.status < 300 &&
  typeof error.response.data === "string"

/** The response with its body's keys converted; the empty string stands for an empty body. */
export const toClientResponse = <Data>(response: Response): ClientResponse<Data> =>
  respond(response, (response.data === undefined ? "" : Key.fromWire(response.data)) as Data)

export const respond = <Data>(
  { config, headers, status, statusText = "" }: Response,
  data: Data
): ClientResponse<Data> => ({ data, status, statusText, headers, config })

export const anonymousToken = (method: string, { baseUrl, fetch, requestTimeout }: TokenOptions) =>
  Effect.gen(function* () {
    const client = Transport.makeHttpClient(yield* HttpClient.HttpClient, yield* KefuConfig)
    return toClientResponse<AnonymousToken>(yield* request(client, method, tokens.anonymous))
  }).pipe(
    Effect.provide([FetchHttpClient.layer, KefuConfig.layer({ baseUrl, requestTimeout })]),
    Predicate.isNullish(fetch) ? Effect.provide(globalFetch.layer) : Effect.provideService(FetchHttpClient.Fetch, fetch)
  )

/** Without `report`, nothing asks for the progress: in a page that would cost a preflight of the store. */
export const upload = (file: Blob, report: ((progress: UploadProgress) => void) | undefined) =>
  UploadApi.use((api) => {
    if (report === undefined) return Effect.map(api.upload(file), (uploaded): UploadedFile => ({ ...uploaded }))
    const tell = (loaded: number, total: number) => report({ type: "progress", lengthComputable: true, loaded, total })
    let size = 0
    return api.uploadWithProgress(file).pipe(
      Stream.map((event) => {
        if (event._tag === "Uploaded") return Option.some<UploadedFile>({ ...event.file })
        size = event.total
        if (size > 0) tell(event.loaded, size)
        return Option.none()
      }),
      Stream.runLast,
      Effect.map((last) => Option.getOrThrow(Option.flatten(last))),
      // Of an empty file only its framing is sent, which apps have seen as the whole.
      Effect.tap(() => Effect.sync(() => (size === 0 ? tell(1, 1) : undefined)))
    )
  })

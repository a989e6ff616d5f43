/**
 * A backend that is a function, for tests of the client: it records requests and answers as the test says. No ports.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Socket from "effect/socket/Socket"
import { Credentials } from "../../src/http/Credentials.ts"
import { KefuConfig, type Options } from "../../src/KefuConfig.ts"
import { Transport } from "../../src/http/Transport.ts"

export interface Seen {
  readonly method: string
  readonly url: string
  readonly path: string
  readonly query: string
  readonly headers: Readonly<Record<string, string>>
  /** Undefined if there was none. */
  readonly body: string | undefined
}

export type Answer = Response | "unreachable" | Effect.Effect<Response>

export const json = (data: unknown, init?: ResponseInit): Response => Response.json(data, init)

const unreachable = (request: HttpClientRequest.HttpClientRequest, cause: unknown) =>
  new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request, cause }) })

const read = (request: HttpClientRequest.HttpClientRequest) => {
  switch (request.body._tag) {
    case "Uint8Array":
      return Effect.succeed(new TextDecoder().decode(request.body.body))
    case "Stream":
      return request.body.stream.pipe(
        Stream.mapError((cause) => unreachable(request, cause)),
        Stream.decodeText,
        Stream.mkString
      )
    default:
      return Effect.undefined
  }
}

export const make = (answer: (seen: Seen, nth: number) => Answer) => {
  const seen: Array<Seen> = []
  const aborted: Array<string> = []
  const client = HttpClient.make((request, url, signal) => {
    return Effect.gen(function* () {
      signal.addEventListener("abort", () => aborted.push(url.pathname))
      const entry = {
        method: request.method,
        url: url.href,
        path: url.pathname,
        query: url.search,
        headers: { ...request.headers },
        body: yield* read(request)
      }
      const answered = answer(entry, seen.push(entry))
      if (answered === "unreachable") {
        return yield* unreachable(request, new TypeError("fetch failed", { cause: { code: "ECONNREFUSED" } }))
      }
      const response = Effect.isEffect(answered) ? yield* answered : answered
      return HttpClientResponse.fromWeb(request, response)
    })
  })
  return { client, seen, aborted }
}

export const secret = "s3cret/token+of=the user"

/** A transport over such a backend, with a fixed token. */
export const transport = (
  client: HttpClient.HttpClient,
  options?: Options & {
    readonly credentials?: Layer.Layer<Credentials>
    readonly webSocket?: Socket.WebSocketConstructor["Service"]
  }
): Layer.Layer<Transport | KefuConfig> =>
  Layer.provideMerge(
    Transport.layer,
    Layer.mergeAll(
      Layer.orDie(KefuConfig.layer({ baseUrl: "https://kefu.test", ...options })),
      options?.credentials ?? Credentials.layer(Redacted.make(secret)),
      Layer.succeed(HttpClient.HttpClient, client),
      Layer.succeed(
        Socket.WebSocketConstructor,
        options?.webSocket ??
          (() => {
            throw new Error("no WebSocket here")
          })
      )
    )
  )

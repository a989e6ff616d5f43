/**
 * How a session reaches the backend: its HTTP client and the dial of its WebSocket.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as HttpClient from "effect/http/HttpClient"
import * as Socket from "effect/socket/Socket"
import { Credentials } from "./Credentials.ts"
import { fingerprint } from "../platform/fingerprint.ts"
import * as pipeline from "./internal/pipeline.ts"
import * as wire from "./internal/webSocket.ts"
import * as csp from "../platform/contentSecurityPolicy.ts"
import { location } from "../platform/location.ts"
import { server, withSpan } from "../platform/span.ts"
import * as scrub from "./scrub.ts"
import { KefuConfig } from "../KefuConfig.ts"
import {
  ConnectionLost,
  ConnectTimeout,
  type DialReason,
  InvalidRequest,
  KefuError,
  NetworkUnreachable,
  type RequestReason,
  ResponseTooLarge
} from "../KefuError.ts"

/**
 * An open WebSocket. It closes with code 1000 when the scope of its dial ends; where the platform allows it (Node), a
 * connection whose other side does not answer the close is cut after 3 seconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connection {
  /**
   * The next frames, in order. Fails with `ConnectionLost`, which has the close code, after the last one, and with
   * `ResponseTooLarge` if a frame is larger than `maxFrameSize`.
   */
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<string>, KefuError<ConnectionLost | ResponseTooLarge>>
  /** Hands one frame to the socket at once, so that frames go out in the order of the calls. Fails once it has closed. */
  write(frame: string): Result.Result<void, KefuError<ConnectionLost | ResponseTooLarge>>
}

/**
 * HTTP and WebSocket of one session.
 *
 * **Details**
 *
 * `httpClient` adds the base URL and the token, and applies the request timeout. It retries GET and HEAD after 429,
 * 502, 503, 504 and network failures, with full jitter; it never retries POST, PUT or DELETE. A `Retry-After` of up to 30
 * seconds prolongs the delay, by up to a quarter more than asked for; a longer one is reported instead of waited for. After a 401 it refreshes the token once and repeats the request. It fails with `Unauthorized`,
 * `TokenUnavailable`, `InvalidRequest` (an argument that its schema or the backend rejected), `Forbidden`, `NotFound`,
 * `Conflict`, `RequestTooLarge`, `RateLimited`, `ServerFault`, `RequestTimeout`, `NetworkUnreachable` or
 * `UnexpectedResponse`.
 *
 * `connect` dials once, with the current token. Browsers do not say why a dial was refused, so a refused dial is
 * followed by one GET /im/users/me, whose failure (`Unauthorized`, `RateLimited`, ...) becomes the dial's. If that
 * request replaced the token, the dial is repeated once.
 *
 * @category services
 * @since 0.1.0
 */
export class Transport extends Context.Service<
  Transport,
  {
    /** Sends requests to the API with the token; relative URLs count from `baseUrl`. */
    readonly httpClient: HttpClient.HttpClient.With<KefuError<RequestReason>>
    /** For URLs outside the API, for example signed ones: adds no token and no trace headers. */
    readonly publicHttpClient: HttpClient.HttpClient
    /** The backend's URL, against which relative URLs are resolved. */
    readonly baseUrl: string
    /** Opens a connection. It closes with its scope. */
    readonly connect: Effect.Effect<Connection, KefuError<DialReason>, Scope.Scope>
    /** How often the token was replaced by one that may be another account's; see {@link Credentials}. */
    readonly tokenGeneration: Effect.Effect<number>
    /** The present token generation and every later one. */
    readonly tokenChanges: Stream.Stream<number>
    /** A digest of the token, which identifies the login; undefined if there is no token. */
    readonly fingerprint: Effect.Effect<string | undefined>
  }
>()("effect-kefu/http/Transport") {
  /**
   * Over the platform's `HttpClient` and WebSocket constructor.
   *
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<
    Transport,
    never,
    KefuConfig | Credentials | HttpClient.HttpClient | Socket.WebSocketConstructor
  > = Layer.effect(
    Transport,
    Effect.suspend(() => make)
  )

  /**
   * The `httpClient` of a transport with a `connect` of its own, for example in tests. Without credentials, it sends no
   * token.
   *
   * @since 0.1.0
   */
  static readonly makeHttpClient = (
    platform: HttpClient.HttpClient,
    config: KefuConfig["Service"],
    credentials?: Credentials["Service"]
  ): HttpClient.HttpClient.With<KefuError<RequestReason>> => pipeline.make(platform, config, credentials).client

  /**
   * A partial implementation for tests; missing members die when used.
   *
   * @since 0.1.0
   */
  static readonly layerTest = (partial: Layer.PartialEffectful<Transport["Service"]>): Layer.Layer<Transport> =>
    Layer.mock(Transport, partial)
}

const method = "Transport.connect"

const socketUrl = (config: KefuConfig["Service"], token: Redacted.Redacted): string => {
  // Pages on https may use ws for the same machine only.
  const secure =
    config.baseUrl.startsWith("https:") || (location()?.protocol === "https:" && !isLoopback(new URL(config.baseUrl)))
  const subChannel = config.subChannelId === undefined ? "" : `&sub_channel_id=${config.subChannelId}`
  const address = config.baseUrl.replace(/^https?/, secure ? "wss" : "ws")
  return `${address}/api/v1/im/ws?token=${encodeURIComponent(Redacted.value(token))}${subChannel}`
}

const globals: { readonly WebSocket?: unknown } = globalThis

/** Why no WebSocket could be made, if that is why the dial failed. */
const unmade = ({ reason }: Socket.SocketError): string | undefined => {
  if (reason._tag !== "SocketOpenError") return undefined
  if (!(reason.cause instanceof TypeError || reason.cause instanceof ReferenceError)) return undefined
  return globals.WebSocket === undefined
    ? "this platform has no WebSocket; use Node 22 or newer, or give `(url) => new WebSocket(url)` of a library"
    : "it threw a TypeError; expected `(url) => new WebSocket(url)`"
}

const isLoopback = ({ hostname }: URL): boolean => /^(?:(?:.+\.)?localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname)

const make = Effect.gen(function* () {
  const config = yield* KefuConfig
  const credentials = yield* Credentials
  const platform = yield* HttpClient.HttpClient
  const webSocket = yield* Socket.WebSocketConstructor
  const { client: httpClient, once } = pipeline.make(platform, config, credentials)

  const tooLarge = () =>
    new KefuError({ method, reason: new ResponseTooLarge({ limit: config.maxFrameSize, option: "maxFrameSize" }) })

  const dial = Effect.fnUntraced(function* (url: string, token: Redacted.Redacted) {
    let ws: Socket.WebSocketLike | undefined
    let end: KefuError<ConnectionLost | ResponseTooLarge> | undefined
    const socket = yield* Socket.fromWebSocket(
      Effect.map(wire.open(webSocket, url, config.maxFrameSize), (opened) => (ws = opened)),
      { openTimeout: config.connectTimeout }
    )
    const pull = yield* Socket.readerString(socket)
    return {
      pull: Effect.matchEffect(pull, {
        onFailure: (error) => Effect.fail((end ??= wire.isFlooded(ws) ? tooLarge() : connectionLost(error, token))),
        onSuccess: (frames) =>
          frames.some((frame) => wire.isLarger(frame, config.maxFrameSize))
            ? Effect.fail((end ??= tooLarge()))
            : Effect.succeed(frames)
      }),
      write: (frame: string) => {
        if (end !== undefined) return Result.fail(end)
        // A closed socket silently discards writes.
        if (ws === undefined || ws.readyState > open) return Result.fail(closed())
        const socket = ws
        return Result.try({ try: () => socket.send(frame), catch: () => broken() })
      }
    }
  })

  /** A failed dial releases its socket at once, not when the caller's scope ends. */
  const attempt = (token: Redacted.Redacted) =>
    Effect.gen(function* () {
      const scope = yield* Scope.fork(yield* Effect.scope)
      const url = socketUrl(config, token)
      return yield* dial(url, token).pipe(
        Scope.provide(scope),
        Effect.onExit((exit) => (Exit.isFailure(exit) ? Scope.close(scope, exit) : Effect.void)),
        csp.watch(url, (why) => new KefuError({ method, reason: new NetworkUnreachable(why) }))
      )
    })

  const probe = Effect.mapError(once.get("/api/v1/im/users/me"), (error) => error.at(method))

  const refused = (error: Socket.SocketError) => {
    const detail = unmade(error)
    const isLate = error.reason._tag === "SocketOpenError" && error.reason.kind === "Timeout"
    return new KefuError({
      method,
      reason:
        detail !== undefined
          ? new InvalidRequest({ field: "webSocket", detail })
          : isLate
            ? new ConnectTimeout({ afterMillis: Duration.toMillis(config.connectTimeout) })
            : new NetworkUnreachable({
                detail: "requests are answered, but the WebSocket was refused",
                remedy: "check that every proxy in between passes WebSockets on"
              })
    })
  }

  const connect = Effect.gen(function* () {
    const token = yield* credentials.token
    return yield* Effect.catchTag(
      attempt(token),
      "SocketError",
      Effect.fnUntraced(function* (error) {
        const failure = refused(error)
        if (failure.reason._tag === "ConnectTimeout" || failure.reason._tag === "InvalidRequest") return yield* failure
        yield* probe
        const fresh = yield* credentials.token
        // If the probe replaced the token, the old one was the reason for the refusal.
        if (Redacted.value(fresh) === Redacted.value(token)) return yield* failure
        return yield* Effect.mapError(attempt(fresh), (error) => (error instanceof KefuError ? error : refused(error)))
      })
    )
  }).pipe(
    withSpan(method, {
      kind: "client",
      attributes: () => ({ ...server(config.baseUrl), "network.protocol.name": "websocket" })
    })
  )

  return Transport.of({
    httpClient,
    // Trace headers require CORS permission from the target.
    publicHttpClient: HttpClient.transform(platform, Effect.provideService(HttpClient.TracerPropagationEnabled, false)),
    baseUrl: config.baseUrl,
    connect,
    tokenGeneration: credentials.generation,
    tokenChanges: credentials.changes,
    fingerprint: credentials.token.pipe(
      Effect.map((token) => fingerprint(Redacted.value(token))),
      Effect.orElseSucceed(() => undefined)
    )
  })
})

/** The `readyState` of an open WebSocket; greater values mean closing or closed. */
const open = 1

const closed = () => new KefuError({ method, reason: new ConnectionLost({ code: 1006, detail: "it was closed" }) })

const broken = () =>
  new KefuError({ method, reason: new ConnectionLost({ code: 1006, detail: "the connection broke" }) })

const connectionLost = ({ reason }: Socket.SocketError, token: Redacted.Redacted) =>
  reason._tag === "SocketCloseError"
    ? new KefuError({
        method,
        reason: new ConnectionLost({ code: reason.code, detail: scrub.token(token).text(reason.closeReason ?? "") })
      })
    : broken()

/**
 * The layers of a session: all services, composed.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type * as HttpClient from "effect/http/HttpClient"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Socket from "effect/socket/Socket"
import { ChannelApi } from "./rest/ChannelApi.ts"
import { ConversationApi } from "./rest/ConversationApi.ts"
import { Credentials } from "./http/Credentials.ts"
import { CurrentUser } from "./rest/CurrentUser.ts"
import { Inbox } from "./inbox/Inbox.ts"
import * as KefuConfig from "./KefuConfig.ts"
import { InvalidRequest, KefuError } from "./KefuError.ts"
import { Outbox } from "./outbox/Outbox.ts"
import * as globalFetch from "./platform/globalFetch.ts"
import * as sessionLog from "./platform/sessionLog.ts"
import { QuickReplyApi } from "./rest/QuickReplyApi.ts"
import { RatingApi } from "./rest/RatingApi.ts"
import { Realtime } from "./realtime/Realtime.ts"
import { RobotApi } from "./rest/RobotApi.ts"
import { TokenApi } from "./http/TokenApi.ts"
import { Transport } from "./http/Transport.ts"
import { UploadApi } from "./rest/UploadApi.ts"
import { UserApi } from "./rest/UserApi.ts"

/**
 * The services that work over a `Transport`.
 *
 * @category models
 * @since 0.1.0
 */
export type Services =
  | ChannelApi
  | ConversationApi
  | CurrentUser
  | Inbox
  | Outbox
  | QuickReplyApi
  | RatingApi
  | Realtime
  | RobotApi
  | UploadApi
  | UserApi

/**
 * All services of a session.
 *
 * @category models
 * @since 0.1.0
 */
export type Kefu = Services | Credentials | KefuConfig.KefuConfig | TokenApi | Transport

/**
 * The options of a session, including its login.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends KefuConfig.Options {
  /**
   * The session's token, or an effect that obtains one: it runs at the first use, and again when the backend refuses the
   * token. Default: an anonymous visitor, whose token is requested from the backend and stored in `storage`.
   */
  readonly token?: string | Redacted.Redacted | Effect.Effect<string | Redacted.Redacted, object | string> | undefined
  /**
   * Where an anonymous visitor's token is stored. Default: memory, so that a reload creates a new visitor. If it fails,
   * also when the layer is built, that is logged once and the token is kept in memory.
   */
  readonly storage?: Layer.Layer<KeyValueStore.KeyValueStore> | undefined
  /** The key of an anonymous visitor's token in `storage`. Default: `effect-kefu/token/` and the backend's URL. */
  readonly tokenKey?: string | undefined
  /** Used by {@link layer} in place of the global `fetch` at the time of each call, for example to go through a proxy. */
  readonly fetch?: typeof globalThis.fetch | undefined
  /**
   * Makes the WebSocket of a dial for {@link layer}, in place of the global one: to go through a proxy, or where there is
   * none (Node below 22). Default: `(url) => new WebSocket(url)`.
   */
  readonly webSocket?: ((url: string) => Socket.WebSocketLike) | undefined
}

/** Adds a service that may use the earlier ones. Layers would keep more of each session than most of its services do. */
function and<I, S, R>(key: Context.Service<I, S>, make: Effect.Effect<S, never, R>) {
  return <Earlier, In>(earlier: Effect.Effect<Context.Context<Earlier>, never, In>) =>
    Effect.flatMap(earlier, (context) =>
      Effect.map(Effect.provideContext(make, context), (service) => Context.add(context, key, service))
    )
}

/**
 * Every service that works over a `Transport`, for a transport of your own.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerServices: Layer.Layer<Services, never, Transport | KefuConfig.KefuConfig> = Layer.effectContext(
  Effect.succeed(Context.empty()).pipe(
    and(UserApi, UserApi.make),
    and(CurrentUser, CurrentUser.make),
    and(ChannelApi, ChannelApi.make),
    and(ConversationApi, ConversationApi.make),
    and(QuickReplyApi, QuickReplyApi.make),
    and(RatingApi, RatingApi.make),
    and(RobotApi, RobotApi.make),
    and(UploadApi, UploadApi.make),
    and(Realtime, Realtime.make),
    and(Outbox, Outbox.make),
    and(Inbox, Inbox.make)
  )
)

/**
 * A session over an `HttpClient` and a WebSocket constructor of your own.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerPlatform = (
  options: Options = {}
): Layer.Layer<Kefu, KefuError<InvalidRequest>, HttpClient.HttpClient | Socket.WebSocketConstructor> => {
  const session = layerServices.pipe(
    Layer.provideMerge(Transport.layer),
    Layer.provideMerge(credentials(options)),
    Layer.provideMerge(TokenApi.layer),
    Layer.provideMerge(KefuConfig.KefuConfig.layer(options))
  )
  // Layers are memoised by identity: without this, a session inside another one would share its services.
  return Layer.effectContext(sessionLog.numbered(Layer.build(Layer.fresh(session))))
}

/**
 * A session over the global `fetch` and `WebSocket`: in browsers, in workers and in Node >= 22, or over those of the
 * options. Fails if an option is invalid; `connect` says when it connects.
 *
 * **Example** (A visitor says hello)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Kefu from "effect-kefu/Kefu"
 * import { Realtime } from "effect-kefu/realtime/Realtime"
 *
 * const hello = Realtime.use((realtime) => realtime.send({ messageType: "Text", content: "你好" })).pipe(
 *   Effect.provide(Kefu.layer({ baseUrl: "https://chat.example.com" }))
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Kefu, KefuError<InvalidRequest>> =>
  layerPlatform(options).pipe(Layer.provide(layerGlobals(options)))

/**
 * {@link layer} with `KEFU_BASE_URL`, `KEFU_TOKEN` (absent: an anonymous visitor) and `KEFU_SUB_CHANNEL_ID` from the
 * configuration; the given options take precedence.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (options: Options = {}): Layer.Layer<Kefu, KefuError<InvalidRequest> | Config.ConfigError> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const configured = yield* KefuConfig.config
      const token = yield* Config.option(Config.Redacted("KEFU_TOKEN"))
      return layer({
        ...options,
        baseUrl: options.baseUrl ?? configured.baseUrl,
        subChannelId: options.subChannelId ?? configured.subChannelId,
        token: options.token ?? Option.getOrUndefined(token)
      })
    })
  ).pipe(Layer.catch((error) => Layer.effectContext(Effect.fail(error instanceof KefuError ? hinted(error) : error))))

/** A function that untyped code may have given as something else. */
const given = <A>(field: string, value: A) =>
  typeof value === "function"
    ? Effect.succeed(value)
    : Effect.fail(
        new KefuError({ method: "Kefu.layer", reason: new InvalidRequest({ field, detail: "expected a function" }) })
      )

/**
 * What {@link layer} sends over: the global `fetch` and `WebSocket`, or those of the options. Fails if one of these is no
 * function.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerGlobals = ({
  fetch,
  webSocket
}: Options): Layer.Layer<HttpClient.HttpClient | Socket.WebSocketConstructor, KefuError<InvalidRequest>> => {
  const sockets = Predicate.isNullish(webSocket)
    ? Socket.layerWebSocketConstructorGlobal
    : Layer.effect(
        Socket.WebSocketConstructor,
        Effect.map(given("webSocket", webSocket), (make) => (url) => make(url))
      )
  const fetching = Predicate.isNullish(fetch)
    ? globalFetch.layer
    : Layer.effect(FetchHttpClient.Fetch, given("fetch", fetch))
  return Layer.merge(FetchHttpClient.layer, sockets).pipe(Layer.provideMerge(fetching))
}

/** Adds that the configuration can name the backend, too. */
const hinted = (error: KefuError<InvalidRequest>): KefuError<InvalidRequest> => {
  const { method, reason } = error
  if (reason._tag !== "InvalidRequest" || reason.field !== "baseUrl") return error
  const detail = `${reason.detail}; or set KEFU_BASE_URL`
  return new KefuError({ method, reason: new InvalidRequest({ field: "baseUrl", detail }) })
}

/** In place of a storage that cannot even be named, as `localStorage` where site data is blocked. */
const inMemory = () =>
  Layer.merge(
    KeyValueStore.layerMemory,
    Layer.effectDiscard(Effect.logWarning("The token is kept in memory only", "the storage failed"))
  )

const credentials = ({
  storage = KeyValueStore.layerMemory,
  token,
  tokenKey
}: Options): Layer.Layer<Credentials, never, KefuConfig.KefuConfig | TokenApi> => {
  if (token === undefined) {
    return Credentials.layerAnonymous({ key: tokenKey }).pipe(Layer.provide(Layer.catchCause(storage, inMemory)))
  }
  return typeof token === "string" || Redacted.isRedacted(token)
    ? Credentials.layer(token)
    : Credentials.layerProvider(token)
}

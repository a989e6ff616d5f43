/**
 * The options of the documented client, and how they become those of a session.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Predicate from "effect/Predicate"
import * as References from "effect/References"
import * as Result from "effect/Result"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import type { WebSocketLike } from "effect/socket/Socket"
import type * as Kefu from "../Kefu.ts"
import { KefuError, StorageFailed } from "../KefuError.ts"
import { messageOf } from "./thrown.ts"

/**
 * How to abort a call, and how long it may take.
 *
 * @category options
 * @since 0.1.0
 */
export interface CallOptions {
  /**
   * Aborts the call. It rejects with `signal.reason` if that is an error (an `AbortError` after `abort()`, a
   * `TimeoutError` from `AbortSignal.timeout`), otherwise with an `AbortError`. Only `sendMessage` may reject with
   * `DeliveryUnknown` instead.
   */
  readonly signal?: AbortSignal | undefined
  /**
   * In milliseconds, retries included. The call then rejects with `RequestTimeout`, `sendMessage` with `Cancelled` or
   * `DeliveryUnknown`. 0 and `Infinity` mean no limit. Default: only the client's own limits.
   */
  readonly timeout?: number | undefined
}

/**
 * Where the token of an anonymous visitor is stored: `localStorage` or a similar object, which may return promises.
 *
 * @category options
 * @since 0.1.0
 */
export interface ClientStorage {
  getItem(key: string): string | null | undefined | Promise<string | null | undefined>
  setItem(key: string, value: string): unknown
  removeItem(key: string): unknown
}

/**
 * A WebSocket of a `Client`: that of a platform, or of a library such as `ws`.
 *
 * @category options
 * @since 0.1.0
 */
export interface ClientWebSocket extends WebSocketLike {}

/**
 * The options of a `Client`. All are optional; times are in milliseconds.
 *
 * @category options
 * @since 0.1.0
 */
export interface ClientOptions {
  /**
   * A token, or a function that obtains one: called at the first use, and again when the backend refuses the token.
   * Default: an anonymous visitor, whose token is requested from the backend and stored in `storage`.
   */
  readonly token?: string | (() => string | Promise<string>) | null | undefined
  /** 子渠道ID: the sub-channel through which the visitor came; 0 means none. */
  readonly subChannelId?: number | undefined
  /** 开启调试模式: logs the client's activity to the console, without tokens and message content. */
  readonly debug?: boolean | undefined
  /** The backend's origin. Default: the page's origin. */
  readonly baseUrl?: string | URL | undefined
  /**
   * How often a GET is retried after 429, 502, 503, 504 or a network error. Other methods are never retried. Default:
   * 3 times, after 0.5 to 10 seconds; `false` disables retries.
   */
  readonly retry?:
    | boolean
    | number
    | {
        readonly times?: number | undefined
        readonly base?: number | undefined
        readonly cap?: number | undefined
      }
    | undefined
  /**
   * The backoff after a lost connection: a random delay of up to `base`, doubled with each failure up to `cap` (on a hidden
   * page up to `hiddenCap`), and reset once a connection has lasted for `resetAfter`. Default: 500, 20,000, 60,000 and
   * 10,000; with `false`, each `open` dials once, as the old client did.
   */
  readonly reconnect?:
    | boolean
    | {
        readonly base?: number | undefined
        readonly cap?: number | undefined
        readonly hiddenCap?: number | undefined
        readonly resetAfter?: number | undefined
      }
    | undefined
  /**
   * Where an anonymous visitor's token is stored: `localStorage` or a similar object, or a function that returns it, called
   * at the first use. Prefer `() => localStorage`: where the browser blocks site data, naming it throws. A storage that
   * fails is reported to `onError` once, as `StorageFailed`; the chat continues without it. Default: memory.
   */
  readonly storage?: ClientStorage | (() => ClientStorage | null | undefined) | undefined
  /**
   * The key of an anonymous visitor's token in `storage`. Default: `effect-kefu/token/` and the backend's URL.
   */
  readonly tokenKey?: string | undefined
  /** Used in place of the global `fetch`, for example to go through a proxy. */
  readonly fetch?: typeof globalThis.fetch | undefined
  /**
   * Makes a WebSocket for an address, in place of the global one: to go through a proxy, or where there is none (Node
   * below 22), as in `(url) => new WebSocket(url, { agent })` with the WebSocket of `ws`.
   */
  readonly webSocket?: ((url: string) => ClientWebSocket) | undefined
  /** How long a request may take. Default: 10 seconds. */
  readonly requestTimeout?: number | undefined
  /** How long an upload may make no progress. Default: 5 minutes. */
  readonly uploadTimeout?: number | undefined
  /** How long the WebSocket may take to open. Default: 10 seconds. */
  readonly connectTimeout?: number | undefined
  /** How long a command waits for its acknowledgement. Default: 10 seconds. */
  readonly ackTimeout?: number | undefined
  /** A ping is sent after `idle` without inbound traffic, and must be answered within `timeout`. Default: 20 and 5 seconds. */
  readonly heartbeat?: { readonly idle?: number | undefined; readonly timeout?: number | undefined } | undefined
  /** Whether missed messages are read over REST after a reconnect. Default: true. */
  readonly catchUp?: boolean | undefined
  /**
   * How many messages may wait for a connection, for how long, and whether they are also kept in `storage` to survive a
   * reload. Default: 256, 5 minutes, `false`.
   *
   * With `false` each message is sent once, as the old client did: `sendMessage` rejects with `NotConnected` without a
   * connection, and with `DeliveryUnknown` if it is lost before the acknowledgement. For apps that send again by
   * themselves, which would otherwise send twice.
   */
  readonly outbox?:
    | false
    | {
        readonly capacity?: number | undefined
        readonly lifetime?: number | undefined
        readonly persist?: boolean | undefined
      }
    | undefined
  /**
   * Whether all tabs of a login share one connection: the backend lets an account hold one, so that without this a
   * second tab of the same visitor ends the connection of the first (`onMultipleLogin`). One tab holds it; when that
   * one closes, crashes or is frozen, another one dials, and all tabs read what they missed, as after a lost
   * connection. What one tab sends, reads or recalls shows in the others, too. Each tab keeps and repeats its own
   * sends; with `outbox.persist`, those of a tab that has ended go out from another one.
   *
   * Tabs with the same token share, as those of an anonymous visitor with one `storage` do. Where each tab gets another
   * token for the same account, give a text that names the account. Use it in all tabs or in none. The connection has the
   * `subChannelId` of the tab that holds it. Where the platform lacks Web Locks or BroadcastChannel (Node below 24), each
   * client has a connection of its own, as without this. Default: `false`.
   */
  readonly shareTabs?: boolean | string | undefined
  /**
   * For `client.inbox`: whether typing events omit the draft, and the shortest interval at which a visitor's queue
   * position is polled (`false`: never). Default: `false`, 5 seconds.
   */
  readonly inbox?:
    { readonly withholdDraft?: boolean | undefined; readonly queuePoll?: number | false | undefined } | undefined
  /** How many bytes the body of a response may have; a larger one rejects with `ResponseTooLarge`. Default: 32 MB. */
  readonly maxBodySize?: number | undefined
  /** How many bytes a frame may have; a larger one ends the connection, which reconnects. Default: 4 MB. */
  readonly maxFrameSize?: number | undefined
}

/**
 * The options of `Client.getAnonymousToken`.
 *
 * @category options
 * @since 0.1.0
 */
export interface TokenOptions extends Pick<ClientOptions, "baseUrl" | "fetch" | "requestTimeout">, CallOptions {}

/** The session's options. The façade opens the connection itself. */
export const kefuOptions = (options: ClientOptions, tell: (error: KefuError) => void): Kefu.Options => {
  const { debug: _, outbox, reconnect, retry, shareTabs: __, storage, subChannelId, token, ...rest } = options
  const store = Predicate.isNullish(storage) ? undefined : keyValueStore(storage, tell)
  return {
    ...rest,
    connect: "manual",
    subChannelId: numeric(subChannelId),
    retry: typeof retry === "number" ? { times: retry } : retry === true ? undefined : retry,
    reconnect: reconnect === true ? undefined : reconnect,
    token:
      typeof token === "function"
        ? Effect.tryPromise({ try: async () => token(), catch: asFailure })
        : (token ?? undefined),
    storage: store,
    outbox:
      outbox === false || Predicate.isNullish(outbox)
        ? undefined
        : {
            capacity: outbox.capacity,
            lifetime: outbox.lifetime,
            storage: outbox.persist === true ? store : undefined
          }
  }
}

/** Logs everything to the console with `debug`, otherwise errors only. */
export const logging = ({ debug }: ClientOptions): Layer.Layer<never> =>
  debug === true
    ? Layer.merge(Logger.layer([Logger.consoleLogFmt]), Layer.succeed(References.MinimumLogLevel, "Debug"))
    : Layer.succeed(References.MinimumLogLevel, "Error")

/** Apps also pass numbers as text, from an address or an attribute, and null for none. */
const numeric = (value: unknown): number | undefined => {
  if (value === undefined || value === null || value === "") return undefined
  return typeof value === "number" ? value : Number(value)
}

/** What a token function has thrown. */
const asFailure = (thrown: unknown): object | string => (Predicate.isObjectKeyword(thrown) ? thrown : messageOf(thrown))

const keyValueStore = (
  given: NonNullable<ClientOptions["storage"]>,
  tell: (error: KefuError) => void
): Layer.Layer<KeyValueStore.KeyValueStore> => {
  let isTold = false
  /** An error may name what was to be stored, so only its kind is told. */
  const failed = (what: string, cause: unknown) => {
    if (isTold) return
    isTold = true
    const detail = `${what}: ${cause instanceof Error || cause instanceof DOMException ? cause.name : typeof cause}`
    tell(new KefuError({ method: "Client.storage", reason: new StorageFailed({ detail }) }))
  }
  const attempt = <A>(method: string, run: () => A | PromiseLike<A>) =>
    Effect.tryPromise({
      try: async () => run(),
      catch: (cause) => {
        failed(method, cause)
        return new KeyValueStore.KeyValueStoreError({ method, message: "The storage failed", cause })
      }
    })
  const missing = (method: string) =>
    Effect.fail(new KeyValueStore.KeyValueStoreError({ method, message: "The storage does not support this" }))
  const over = (storage: ClientStorage) =>
    Layer.succeed(
      KeyValueStore.KeyValueStore,
      KeyValueStore.makeStringOnly({
        get: (key) => attempt("getItem", async () => (await storage.getItem(key)) ?? undefined),
        set: (key, value) => Effect.asVoid(attempt("setItem", () => storage.setItem(key, value))),
        remove: (key) => Effect.asVoid(attempt("removeItem", () => storage.removeItem(key))),
        clear: missing("clear"),
        size: missing("size"),
        keys: missing("keys")
      })
    )
  return typeof given !== "function"
    ? over(given)
    : Layer.suspend(() => {
        const found = Result.try(given)
        if (Result.isSuccess(found) && Predicate.isNotNullish(found.success)) return over(found.success)
        failed("the storage", Result.isFailure(found) ? found.failure : found.success)
        return KeyValueStore.layerMemory
      })
}

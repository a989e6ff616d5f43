/**
 * The options of a session: validation and defaults.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as KeyValueStore from "effect/persistence/KeyValueStore"
import { location } from "./platform/location.ts"
import { type ConnectionReason, InvalidRequest, KefuError, type RequestReason } from "./KefuError.ts"

/**
 * What happens to a subscriber whose buffer is full: `lagged` drops its oldest events, `suspend` delivers nothing more
 * until it has caught up, `fail` ends its stream with `SubscriberLagged`. The first two put `Lagged { dropped }` in the
 * place of the lost events. Other subscribers are not affected.
 *
 * @category models
 * @since 0.1.0
 */
export type Overflow = "lagged" | "suspend" | "fail"

/**
 * A full-jitter backoff: the n-th delay is drawn from `U(0, min(cap, base * 2^n))`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Backoff {
  readonly base: Duration.Duration
  readonly cap: Duration.Duration
}

/**
 * The delays between the attempts of one request, in place of `times`, `base` and `cap`. See the option `retry`.
 *
 * @category models
 * @since 0.1.0
 */
export type RetrySchedule = Schedule.Schedule<unknown, KefuError<RequestReason>>

/**
 * The delays between dials, in place of `base`, `cap` and `hiddenCap`. See the option `reconnect`.
 *
 * @category models
 * @since 0.1.0
 */
export type ReconnectSchedule = Schedule.Schedule<unknown, KefuError<ConnectionReason>>

/**
 * The options of a session. All have defaults.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /**
   * The backend's origin, for example `https://chat.example.com`; a path `/api/v1` at its end is ignored. Default: the
   * page's origin.
   */
  readonly baseUrl?: string | URL | undefined
  /** The sub-channel through which the visitor arrived. Default: none; 0 counts as none. */
  readonly subChannelId?: number | undefined
  /** `auto` (default) connects when `Realtime` is first used, `manual` waits for `Realtime.open`. */
  readonly connect?: "auto" | "manual" | undefined
  /** How long a request may take. Default: 10 seconds. */
  readonly requestTimeout?: Duration.Input | undefined
  /** How long an upload may make no progress. Default: 5 minutes. */
  readonly uploadTimeout?: Duration.Input | undefined
  /** How long the WebSocket may take to open. Default: 10 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
  /** How long a command waits for its ack. Default: 10 seconds. */
  readonly ackTimeout?: Duration.Input | undefined
  /**
   * How often a GET is retried after 429, 502, 503, 504 or a network failure, with full-jitter backoff from `base` to
   * `cap`. Other methods are never retried. Default: 3 times, 0.5 to 10 seconds; `false` means never.
   *
   * A `Schedule` replaces `times`, `base` and `cap`, and nothing else: the same requests and failures are retried, and
   * `Retry-After` prolongs its delays. It gets the failure of each attempt, and starts anew with each request. When it
   * ends, the request fails with its last failure. No jitter is added to its delays.
   */
  readonly retry?:
    | false
    | RetrySchedule
    | {
        readonly times?: number | undefined
        readonly base?: Duration.Input | undefined
        readonly cap?: Duration.Input | undefined
      }
    | undefined
  /**
   * The delay before the n-th dial is drawn from `U(0, min(cap, base * 2^n))`; n restarts after a connection that
   * lasted `resetAfter`. While the app is hidden, the cap is `hiddenCap`, if that is greater. Default: base 0.5 seconds,
   * cap 20 seconds, hidden cap 60 seconds, reset after 10 seconds; `false` means that a lost connection is not dialled
   * again.
   *
   * A `Schedule` replaces `base`, `cap` and `hiddenCap`, and with them the jitter and the longer wait after close code
   * 1013. It gets why the dial failed or the connection was lost, and starts anew after a connection that lasted 10
   * seconds, and with each `open`. The rest stays: `Retry-After` prolongs its delays, by up to 5 minutes and a quarter;
   * nothing is dialled while the device is offline; `retryNow` and the app's return dial at once; a refused token and a
   * second login end the session. When it ends, so does the session, as with `false`: it is `Closed` with the last
   * failure, until `open`. A delay of `Infinity` waits for `retryNow` or the app's return instead.
   */
  readonly reconnect?:
    | false
    | ReconnectSchedule
    | {
        readonly base?: Duration.Input | undefined
        readonly cap?: Duration.Input | undefined
        readonly hiddenCap?: Duration.Input | undefined
        readonly resetAfter?: Duration.Input | undefined
      }
    | undefined
  /**
   * The connection is pinged after `idle` without inbound traffic, and considered dead after `timeout` without a reply.
   * Default: 20 and 5 seconds.
   */
  readonly heartbeat?:
    { readonly idle?: Duration.Input | undefined; readonly timeout?: Duration.Input | undefined } | undefined
  /** Whether events missed during a disconnection are read over REST. Default: true. */
  readonly catchUp?: boolean | undefined
  /** How many events the buffer of a subscriber holds. Default: 4,096. */
  readonly bufferSize?: number | undefined
  /** What happens when the buffer is full. Default: `lagged`. */
  readonly overflow?: Overflow | undefined
  /**
   * How many sends the outbox may hold, how long each may wait for a connection, and the storage in which they survive
   * a restart. Default: 256, 5 minutes, none.
   */
  readonly outbox?:
    | {
        readonly capacity?: number | undefined
        readonly lifetime?: Duration.Input | undefined
        readonly storage?: Layer.Layer<KeyValueStore.KeyValueStore> | undefined
      }
    | undefined
  /**
   * Whether typing signals leave out the draft, and the least time between two requests for a visitor's position in the
   * queue (`false`: it is never requested). Default: the draft is sent, 5 seconds.
   */
  readonly inbox?:
    | {
        readonly withholdDraft?: boolean | undefined
        readonly queuePoll?: Duration.Input | false | undefined
      }
    | undefined
  /**
   * How many bytes the body of a response may have, decompressed; a larger one fails with `ResponseTooLarge`. Default:
   * 32 MB (33,554,432 bytes).
   */
  readonly maxBodySize?: number | undefined
  /**
   * How many bytes a frame of the backend may have; a larger one ends the connection with `ResponseTooLarge`, after which
   * it reconnects. Default: 4 MB (4,194,304 bytes).
   */
  readonly maxFrameSize?: number | undefined
  /** Whether requests carry trace headers, which in browsers require CORS permission. Default: false. */
  readonly tracePropagation?: boolean | undefined
}

/**
 * The options of a session, with all defaults applied.
 *
 * @category services
 * @since 0.1.0
 */
export class KefuConfig extends Context.Service<
  KefuConfig,
  {
    readonly baseUrl: string
    readonly subChannelId: number | undefined
    readonly connect: "auto" | "manual"
    readonly requestTimeout: Duration.Duration
    readonly uploadTimeout: Duration.Duration
    readonly connectTimeout: Duration.Duration
    readonly ackTimeout: Duration.Duration
    readonly retry: (Backoff & { readonly times: number }) | RetrySchedule
    readonly reconnect:
      | (Backoff & { readonly hiddenCap: Duration.Duration; readonly resetAfter: Duration.Duration })
      | ReconnectSchedule
      | undefined
    readonly heartbeat: { readonly idle: Duration.Duration; readonly timeout: Duration.Duration }
    readonly catchUp: boolean
    readonly bufferSize: number
    readonly overflow: Overflow
    readonly outbox: {
      readonly capacity: number
      readonly lifetime: Duration.Duration
      readonly storage: Layer.Layer<KeyValueStore.KeyValueStore> | undefined
    }
    readonly inbox: { readonly withholdDraft: boolean; readonly queuePoll: Duration.Duration | undefined }
    readonly maxBodySize: number
    readonly maxFrameSize: number
    readonly tracePropagation: boolean
  }
>()("effect-kefu/KefuConfig") {
  /**
   * Validates the options and applies the defaults. Fails with `InvalidRequest`, which names the option.
   *
   * @since 0.1.0
   */
  static readonly layer = (options: Options = {}): Layer.Layer<KefuConfig, KefuError<InvalidRequest>> =>
    Layer.effect(KefuConfig, make(options))
}

/**
 * The options that can be set from outside: `KEFU_BASE_URL` and `KEFU_SUB_CHANNEL_ID`.
 *
 * @category config
 * @since 0.1.0
 */
export const config: Config.Config<Pick<Options, "baseUrl" | "subChannelId">> = Config.all({
  baseUrl: Config.String("KEFU_BASE_URL").pipe(Config.option, Config.map(Option.getOrUndefined)),
  subChannelId: Config.Int("KEFU_SUB_CHANNEL_ID").pipe(Config.option, Config.map(Option.getOrUndefined))
})

const invalid = (field: string, detail: string) =>
  new KefuError({ method: "KefuConfig.layer", reason: new InvalidRequest({ field, detail }) })

const make = Effect.fnUntraced(function* (options: Options) {
  const duration = (field: string, input: Duration.Input | undefined, fallback: Duration.Input) => {
    const decoded = Duration.fromInput(input ?? fallback)
    return Option.isSome(decoded) && Duration.isGreaterThan(decoded.value, Duration.zero)
      ? Effect.succeed(decoded.value)
      : invalid(field, 'expected a positive duration, for example "10 seconds"')
  }
  const count = (field: string, input: number | undefined, fallback: number, minimum: number) => {
    const value = input ?? fallback
    return Number.isSafeInteger(value) && value >= minimum
      ? Effect.succeed(value)
      : invalid(field, `expected a whole number of at least ${minimum}`)
  }
  const choice = <A>(field: string, input: A | undefined, fallback: NoInfer<A>, all: ReadonlyArray<NoInfer<A>>) => {
    const value = input ?? fallback
    return all.includes(value) ? Effect.succeed(value) : invalid(field, `expected one of ${all.join(", ")}`)
  }
  const flag = (field: string, input: boolean | undefined, fallback: boolean) =>
    choice(field, input, fallback, [true, false])
  const page = location()
  const origin = options.baseUrl ?? (page === undefined || page.origin === "null" ? undefined : page.origin)
  if (origin === undefined) return yield* invalid("baseUrl", "there is no page to take the origin from, so set one")
  const url = Result.try(() => new URL(origin))
  if (Result.isFailure(url) || !/^https?:$/.test(url.success.protocol)) {
    return yield* invalid("baseUrl", "expected an absolute http or https URL")
  }
  const retry = options.retry === false ? { times: 0 } : (options.retry ?? {})
  const reconnect = options.reconnect ?? {}
  return KefuConfig.of({
    baseUrl: url.success.origin + url.success.pathname.replace(/\/+$/, "").replace(/\/api\/v1$/, ""),
    subChannelId:
      (options.subChannelId ?? 0) === 0 ? undefined : yield* count("subChannelId", options.subChannelId, 0, 1),
    connect: yield* choice("connect", options.connect, "auto", ["auto", "manual"]),
    requestTimeout: yield* duration("requestTimeout", options.requestTimeout, "10 seconds"),
    uploadTimeout: yield* duration("uploadTimeout", options.uploadTimeout, "5 minutes"),
    connectTimeout: yield* duration("connectTimeout", options.connectTimeout, "10 seconds"),
    ackTimeout: yield* duration("ackTimeout", options.ackTimeout, "10 seconds"),
    retry: Schedule.isSchedule(retry)
      ? retry
      : {
          times: yield* count("retry.times", retry.times, 3, 0),
          base: yield* duration("retry.base", retry.base, "500 millis"),
          cap: yield* duration("retry.cap", retry.cap, "10 seconds")
        },
    reconnect:
      reconnect === false
        ? undefined
        : Schedule.isSchedule(reconnect)
          ? reconnect
          : {
              base: yield* duration("reconnect.base", reconnect.base, "500 millis"),
              cap: yield* duration("reconnect.cap", reconnect.cap, "20 seconds"),
              hiddenCap: yield* duration("reconnect.hiddenCap", reconnect.hiddenCap, "60 seconds"),
              resetAfter: yield* duration("reconnect.resetAfter", reconnect.resetAfter, "10 seconds")
            },
    heartbeat: {
      idle: yield* duration("heartbeat.idle", options.heartbeat?.idle, "20 seconds"),
      timeout: yield* duration("heartbeat.timeout", options.heartbeat?.timeout, "5 seconds")
    },
    catchUp: yield* flag("catchUp", options.catchUp, true),
    bufferSize: yield* count("bufferSize", options.bufferSize, 4096, 1),
    overflow: yield* choice("overflow", options.overflow, "lagged", ["lagged", "suspend", "fail"]),
    outbox: {
      capacity: yield* count("outbox.capacity", options.outbox?.capacity, 256, 1),
      lifetime: yield* duration("outbox.lifetime", options.outbox?.lifetime, "5 minutes"),
      storage: options.outbox?.storage
    },
    inbox: {
      withholdDraft: yield* flag("inbox.withholdDraft", options.inbox?.withholdDraft, false),
      queuePoll:
        options.inbox?.queuePoll === false
          ? undefined
          : yield* duration("inbox.queuePoll", options.inbox?.queuePoll, "5 seconds")
    },
    maxBodySize: yield* count("maxBodySize", options.maxBodySize, 32 * 1024 * 1024, 1),
    maxFrameSize: yield* count("maxFrameSize", options.maxFrameSize, 4 * 1024 * 1024, 1),
    tracePropagation: yield* flag("tracePropagation", options.tracePropagation, false)
  })
})

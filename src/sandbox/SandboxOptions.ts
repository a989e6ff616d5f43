/**
 * The sandbox's options, with their defaults.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Layer from "effect/Layer"
import { type Seed, seed } from "./Seed.ts"

/**
 * The options of the sandbox.
 *
 * @category options
 * @since 0.1.0
 */
export interface SandboxOptions {
  /** The initial users, knowledge base and history. Default: {@link seed}. */
  readonly seed?: Seed
  /** A conversation without messages for this long ends with reason 3. Default: 10 minutes. */
  readonly idleTimeout?: Duration.Input
  /** A visitor who waits this long for an answer from staff gets a `StaffTimeoutMessage`. Default: 3 minutes. */
  readonly staffTimeout?: Duration.Input
  /** How long after sending a message can be recalled. Default: 2 minutes. */
  readonly recallWindow?: Duration.Input
  /** How many conversations a member of staff without a `capacity` of their own serves at once. Default: 5. */
  readonly staffCapacity?: number
  /** How many of its latest messages a fetched conversation carries; 0 is allowed. Default: 50. */
  readonly messagesPerConversation?: number
  /** How long an anonymous visitor's token lasts. Default: 30 days. */
  readonly anonymousTokenLifetime?: Duration.Input
  /** How many anonymous visitors get a token; more get 429. Default: 10,000. */
  readonly maxVisitors?: number
  /** How long a presigned upload address lasts. Default: 15 minutes. */
  readonly uploadLifetime?: Duration.Input
  /** The largest file, in bytes. Default: 10 MiB. */
  readonly maxUploadBytes?: number
  /** How many presigned uploads may wait for their file at once; more get 429. Default: 1,000. */
  readonly maxPendingUploads?: number
  /** How many bytes of files the sandbox keeps in memory in all; more get 413. Default: 1 GiB. */
  readonly maxStoredBytes?: number
  /** The largest JSON body, in bytes. Default: 1 MiB. */
  readonly maxBodyBytes?: number
  /**
   * The largest frame from a client, in bytes of UTF-8; a larger one closes the connection with 1009. Default: 64 KiB.
   */
  readonly maxFrameBytes?: number
  /** How many frames may wait for a slow client; more close its connection with 1013. Default: 1,024. */
  readonly maxOutgoingFrames?: number
  /** Whether `/docs` serves the documentation of the API. Default: only on a real server. */
  readonly docs?: boolean
  /**
   * Host names that a sandbox on a port serves besides this machine's: as `Host`, and as the host of the page that asks
   * (`Origin`). `"any"` serves all. Default: none.
   *
   * **Details**
   *
   * By default requests may name a loopback host or an IP address, and come from programs, pages of a loopback host, and
   * pages of the host that they name; others get 403. Any page in a browser can reach this machine, also under a name of
   * its own.
   */
  readonly allowedHosts?: ReadonlyArray<string> | "any"
  /**
   * Whether programs on this machine can inject faults at `/sandbox/faults`. Default: false; the command line enables
   * it.
   */
  readonly faultControl?: boolean
  /** Pages to serve beside the API, by path, with a strict Content-Security-Policy. No fault affects them. Default: none. */
  readonly pages?: ReadonlyMap<string, SandboxPage>
}

/**
 * A file of a page that the sandbox serves.
 *
 * @category options
 * @since 0.1.0
 */
export interface SandboxPage {
  readonly contentType: string
  readonly text: string
}

/**
 * The complete options with their defaults, durations in milliseconds.
 *
 * @category services
 * @since 0.1.0
 */
export class Settings extends Context.Service<
  Settings,
  {
    readonly seed: Seed
    readonly idleTimeout: number
    readonly staffTimeout: number
    readonly recallWindow: number
    readonly staffCapacity: number
    readonly messagesPerConversation: number
    readonly anonymousTokenLifetime: number
    readonly maxVisitors: number
    readonly uploadLifetime: number
    readonly maxUploadBytes: number
    readonly maxPendingUploads: number
    readonly maxStoredBytes: number
    readonly maxBodyBytes: number
    readonly maxFrameBytes: number
    readonly maxOutgoingFrames: number
    readonly docs: boolean
    readonly allowedHosts: ReadonlyArray<string> | "any"
    readonly faultControl: boolean
    readonly pages: ReadonlyMap<string, SandboxPage>
  }
>()("effect-kefu/sandbox/Settings") {
  /**
   * @since 0.1.0
   */
  static readonly layer = (options: SandboxOptions = {}) =>
    Layer.succeed(
      Settings,
      Settings.of({
        seed: options.seed ?? seed,
        idleTimeout: Duration.toMillis(options.idleTimeout ?? "10 minutes"),
        staffTimeout: Duration.toMillis(options.staffTimeout ?? "3 minutes"),
        recallWindow: Duration.toMillis(options.recallWindow ?? "2 minutes"),
        staffCapacity: options.staffCapacity ?? 5,
        messagesPerConversation: options.messagesPerConversation ?? 50,
        anonymousTokenLifetime: Duration.toMillis(options.anonymousTokenLifetime ?? "30 days"),
        maxVisitors: options.maxVisitors ?? 10_000,
        uploadLifetime: Duration.toMillis(options.uploadLifetime ?? "15 minutes"),
        maxUploadBytes: options.maxUploadBytes ?? 10 * 1024 * 1024,
        maxPendingUploads: options.maxPendingUploads ?? 1000,
        maxStoredBytes: options.maxStoredBytes ?? 1024 ** 3,
        maxBodyBytes: options.maxBodyBytes ?? 1024 * 1024,
        maxFrameBytes: options.maxFrameBytes ?? 64 * 1024,
        maxOutgoingFrames: options.maxOutgoingFrames ?? 1024,
        docs: options.docs ?? false,
        allowedHosts: options.allowedHosts ?? [],
        faultControl: options.faultControl ?? false,
        pages: options.pages ?? new Map()
      })
    )
}

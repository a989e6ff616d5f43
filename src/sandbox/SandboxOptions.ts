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
 * How the sandbox's service desk behaves. Whatever is left out has the default that its comment names.
 *
 * @category options
 * @since 0.1.0
 */
export interface SandboxOptions {
  /** The people, the knowledge and the history to start with. Default: {@link seed}. */
  readonly seed?: Seed
  /** A conversation in which nobody writes for so long ends with reason 3. Default: 10 minutes. */
  readonly idleTimeout?: Duration.Input
  /** A visitor who waits so long for the staff's answer gets a `StaffTimeoutMessage`. Default: 3 minutes. */
  readonly staffTimeout?: Duration.Input
  /** How long after sending a message can be recalled. Default: 2 minutes. */
  readonly recallWindow?: Duration.Input
  /** How many conversations a member of staff serves at once, unless theirs says otherwise. Default: 5. */
  readonly staffCapacity?: number
  /** How many of its latest messages a fetched conversation carries; 0 is legal. Default: 50. */
  readonly messagesPerConversation?: number
  /** How long an anonymous visitor's token lasts. Default: 30 days. */
  readonly anonymousTokenLifetime?: Duration.Input
  /** How long a presigned upload address lasts. Default: 15 minutes. */
  readonly uploadLifetime?: Duration.Input
  /** The largest file, in bytes. Default: 10 MiB. */
  readonly maxUploadBytes?: number
  /** The largest JSON body, in bytes. Default: 1 MiB. */
  readonly maxBodyBytes?: number
  /** The largest frame from a client, in bytes of UTF-8; a larger one closes the connection with 1009. Default: 64 KiB. */
  readonly maxFrameBytes?: number
  /** How many frames may wait for a slow client before its connection is closed with 1013. Default: 1,024. */
  readonly maxOutgoingFrames?: number
  /** Whether there is a page about the API at `/docs`. Default: only over a real server. */
  readonly docs?: boolean
  /** Whether programs on this machine can inject faults at `/sandbox/faults`. Default: only in the program. */
  readonly faultControl?: boolean
}

/**
 * The options as the sandbox uses them: complete, durations in milliseconds.
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
    readonly uploadLifetime: number
    readonly maxUploadBytes: number
    readonly maxBodyBytes: number
    readonly maxFrameBytes: number
    readonly maxOutgoingFrames: number
    readonly docs: boolean
    readonly faultControl: boolean
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
        uploadLifetime: Duration.toMillis(options.uploadLifetime ?? "15 minutes"),
        maxUploadBytes: options.maxUploadBytes ?? 10 * 1024 * 1024,
        maxBodyBytes: options.maxBodyBytes ?? 1024 * 1024,
        maxFrameBytes: options.maxFrameBytes ?? 64 * 1024,
        maxOutgoingFrames: options.maxOutgoingFrames ?? 1024,
        docs: options.docs ?? false,
        faultControl: options.faultControl ?? false
      })
    )
}

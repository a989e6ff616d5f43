/**
 * The hooks of the sandbox for faults: every dial, every frame and every request passes through them.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { HttpServerResponse } from "effect/http/HttpServerResponse"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { UserId } from "../../domain/Id.ts"

/**
 * An attempt to open a connection, before any check.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dial {
  readonly token: string
  readonly subChannelId: number | undefined
  /** The user of the token, if it has one; the sandbox fills it in. */
  readonly userId?: UserId | undefined
}

/**
 * A dial is refused before the connection opens. `status` is the status of the upgrade's response.
 *
 * @category errors
 * @since 0.1.0
 */
export class DialRefused extends Schema.TaggedError<DialRefused>("effect-kefu/sandbox/DialRefused")("DialRefused", {
  status: Schema.Int,
  message: Schema.String,
  headers: Schema.optionalKey(Schema.Record(Schema.String, Schema.String))
}) {}

/**
 * An open connection, for faults that do not depend on a frame.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connection {
  /** Grows with every connection of the sandbox, from 1. */
  readonly id: number
  readonly userId: UserId
  readonly dial: Dial
  /** Sends a text unchanged, bypassing the link. */
  readonly inject: (text: string) => Effect.Effect<void>
  /** Closes the connection with a code. */
  readonly close: (code: number, reason?: string) => Effect.Effect<void>
  /** Ends the connection without a close frame: the client sees 1006. */
  readonly reset: Effect.Effect<void>
}

/**
 * What happens to a frame.
 *
 * @category models
 * @since 0.1.0
 */
export type Fate =
  | { readonly _tag: "Deliver"; readonly text: string }
  | { readonly _tag: "Close"; readonly code: number; readonly reason: string }
  | { readonly _tag: "Reset" }

/**
 * Constructors of fates: deliver a text, close the connection with a code, or end it without a close frame.
 *
 * @category constructors
 * @since 0.1.0
 */
export const Fate = {
  deliver: (text: string): Fate => ({ _tag: "Deliver", text }),
  close: (code: number, reason = ""): Fate => ({ _tag: "Close", code, reason }),
  reset: { _tag: "Reset" } satisfies Fate
} as const

/**
 * The two directions of one connection. For every frame a direction returns what happens, in order:
 *
 * - `[Fate.deliver(text)]` delivers it, or another text in its place;
 * - `[]` swallows it; swallowing all frames makes a half-open connection;
 * - `[Fate.deliver(text), Fate.deliver(text)]` duplicates it; delivering it after the next one reorders;
 * - `[Fate.deliver(part), Fate.reset]` ends the connection in the middle of it;
 * - sleeping before the result delays it and the frames behind it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Link {
  /** From the client, before the sandbox handles it. */
  readonly inbound: (text: string) => Effect.Effect<ReadonlyArray<Fate>>
  /** To the client, including acknowledgements. */
  readonly outbound: (text: string) => Effect.Effect<ReadonlyArray<Fate>>
}

/**
 * A request, before any check. Uploads and downloads are requests, dials are not.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call {
  /** Grows with every request of the sandbox, from 1. */
  readonly id: number
  readonly method: string
  /** Without the query. */
  readonly path: string
  /** The user of the request's token, if it has one. */
  readonly userId: UserId | undefined
  readonly headers: Readonly<Record<string, string | undefined>>
}

/**
 * The connection ends without a response: the client sees a network error.
 *
 * @category errors
 * @since 0.1.0
 */
export class Dropped extends Schema.TaggedError<Dropped>("effect-kefu/sandbox/Dropped")("Dropped", {}) {}

/**
 * The hooks through which faults act on a sandbox, in type and in service.
 *
 * **Details**
 *
 * Provide them to the sandbox's layer, which reads them when it is built. `FaultPlan.layer` provides hooks that act on
 * data.
 *
 * - `dial` runs first. Sleeping delays the dial, failing refuses it.
 * - `link` runs once the connection is open and returns its two directions, or undefined for none. Its scope is the
 *   connection's: fork faults that do not depend on frames into it.
 * - `request` wraps the handler of every request. It may sleep, respond instead (401, 429 with `Retry-After`, 503),
 *   change the response, or fail with {@link Dropped} before `handle` or after it; the client cannot tell which.
 *
 * **Example** (Every second dial is refused)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import { DialRefused, FaultHooks, noFaults } from "effect-kefu/sandbox/faults/FaultHooks"
 * import { Sandbox } from "effect-kefu/sandbox/Sandbox"
 *
 * let dials = 0
 * const layer = Sandbox.layer().pipe(
 *   Layer.provide(
 *     Layer.succeed(FaultHooks, {
 *       ...noFaults,
 *       dial: () =>
 *         Effect.suspend(() =>
 *           ++dials % 2 === 0 ? new DialRefused({ status: 503, message: "try again" }) : Effect.void
 *         )
 *     })
 *   )
 * )
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export interface FaultHooks {
  /** Runs at a dial, which it may delay or refuse. */
  readonly dial: (dial: Dial) => Effect.Effect<void, DialRefused>
  /** Runs when a connection opens; the link that it returns replaces the plain one. */
  readonly link: (connection: Connection) => Effect.Effect<Link | undefined, never, Scope.Scope>
  /** Runs around a REST call: it may answer in place of the backend, or drop the connection. */
  readonly request: <E, R>(
    call: Call,
    handle: Effect.Effect<HttpServerResponse, E, R>
  ) => Effect.Effect<HttpServerResponse, E | Dropped, R>
}

/**
 * Hooks that do nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const noFaults: FaultHooks = {
  dial: () => Effect.void,
  link: () => Effect.succeed(undefined),
  request: (_, handle) => handle
}

/**
 * The hooks of a sandbox. Default: {@link noFaults}.
 *
 * @category references
 * @since 0.1.0
 */
export const FaultHooks = Context.Reference<FaultHooks>("effect-kefu/sandbox/faults/FaultHooks", {
  defaultValue: () => noFaults
})

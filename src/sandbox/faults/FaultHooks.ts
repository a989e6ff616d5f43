/**
 * Where faults enter the sandbox: every dial, every frame and every request passes here.
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
 * An attempt to open a connection, before anything about it is checked.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dial {
  readonly token: string
  readonly subChannelId: number | undefined
  /** Whose token it is, if it is anybody's; the sandbox fills it in. */
  readonly userId?: UserId | undefined
}

/**
 * The dial is refused before the connection opens: `status` is that of the upgrade's response.
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
 * An open connection, for faults that come by themselves and not with a frame.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connection {
  /** Grows with every connection of the sandbox, from 1. */
  readonly id: number
  readonly userId: UserId
  readonly dial: Dial
  /** Sends a text as it is, past the outgoing link. */
  readonly inject: (text: string) => Effect.Effect<void>
  /** Closes the connection with a code. */
  readonly close: (code: number, reason?: string) => Effect.Effect<void>
  /** Breaks the connection off without a close frame: the client sees 1006. */
  readonly reset: Effect.Effect<void>
}

/**
 * What becomes of a frame.
 *
 * @category models
 * @since 0.1.0
 */
export type Fate =
  | { readonly _tag: "Deliver"; readonly text: string }
  | { readonly _tag: "Close"; readonly code: number; readonly reason: string }
  | { readonly _tag: "Reset" }

/**
 * Makes fates: a frame goes on with a text, the connection is closed with a code, or it breaks off without a close frame.
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
 * The two directions of one connection. For every frame a direction says what becomes of it, in order:
 *
 * - `[Fate.deliver(text)]` passes it on, truncated or malformed if the text is another;
 * - `[]` swallows it; swallowing everything is a half-open connection;
 * - `[Fate.deliver(text), Fate.deliver(text)]` doubles it; keeping one back and delivering it after the next reorders;
 * - `[Fate.deliver(part), Fate.reset]` drops the connection after so many bytes;
 * - sleeping before saying so delays it, and what comes behind it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Link {
  /** From the client, before the sandbox looks at it. */
  readonly inbound: (text: string) => Effect.Effect<ReadonlyArray<Fate>>
  /** To the client, acknowledgements too. */
  readonly outbound: (text: string) => Effect.Effect<ReadonlyArray<Fate>>
}

/**
 * A request, before anything about it is checked. Uploads and downloads are requests too, dials are not.
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
  /** Whose token the request bears, if it is anybody's. */
  readonly userId: UserId | undefined
  readonly headers: Readonly<Record<string, string | undefined>>
}

/**
 * The connection breaks off instead of a response: the client sees a network error.
 *
 * @category errors
 * @since 0.1.0
 */
export class Dropped extends Schema.TaggedError<Dropped>("effect-kefu/sandbox/Dropped")("Dropped", {}) {}

/**
 * The hooks of a fault plan.
 *
 * **Details**
 *
 * Provide it to the sandbox's layer; it is read when the sandbox is built.
 *
 * - `dial` runs first. Sleeping delays the dial, failing refuses it.
 * - `link` runs once the connection is open and gives its two directions; undefined is a link without faults. The scope
 *   is the connection's: fork faults that come by themselves into it.
 * - `request` runs around the handler of every request. It may sleep, answer something else instead (401, 429 with
 *   `Retry-After`, 503 ...), change the response, or fail with {@link Dropped}: before `handle` the sandbox never did
 *   what was asked, after it the sandbox did, and the client cannot know.
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
  readonly dial: (dial: Dial) => Effect.Effect<void, DialRefused>
  readonly link: (connection: Connection) => Effect.Effect<Link | undefined, never, Scope.Scope>
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
 * The hooks of a sandbox; none by default. `FaultPlan.layer` brings some that act on data instead of code.
 *
 * @category references
 * @since 0.1.0
 */
export const FaultHooks = Context.Reference<FaultHooks>("effect-kefu/sandbox/faults/FaultHooks", {
  defaultValue: () => noFaults
})

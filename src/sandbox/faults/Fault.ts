/**
 * One fault as data: its kind, its time and the users that it affects.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { UserId } from "../../domain/Id.ts"

const Count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 }))
const Millis = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 31_536_000_000 }))
const Status = Schema.Int.check(Schema.isBetween({ minimum: 400, maximum: 599 }))

/** The fields of every fault. */
const common = {
  /** When it begins, in milliseconds after the plan or the injection began. Default: 0. */
  from: Schema.optionalKey(Millis),
  /** When it ends, counted likewise. Default: never. */
  until: Schema.optionalKey(Millis),
  /** The user that it affects. Default: all users. */
  userId: Schema.optionalKey(UserId)
}

/** The direction of frames: `inbound` is from the client. */
const direction = Schema.Literals(["inbound", "outbound", "both"])

/** It affects every n-th frame of a connection, counted from its beginning. */
const every = Count

const requests = {
  ...common,
  /** Only requests with this method. */
  method: Schema.optionalKey(Schema.String),
  /** Only requests whose path begins with this. */
  path: Schema.optionalKey(Schema.String)
}

/**
 * A fault.
 *
 * **Details**
 *
 * Dials:
 * - `RefuseDials`: answers with a status instead of opening the connection, with `Retry-After` if given.
 * - `DelayDials`: opens the connection late.
 *
 * Open connections:
 * - `Reset`: ends the open connections at `from` without a close frame; the client sees 1006.
 * - `Close`: closes the open connections at `from` with a code.
 * - `Kick`: ends the open connections at `from` like a second login: event 301, then 4001.
 * - `DropAfter`: resets each connection after `bytes` have passed; the frame that exceeds them does not arrive.
 * - `Silence`: a half-open connection. After the first swallowed frame the connection stays silent in that direction
 *   for good, and is never closed.
 * - `Stall`: the client reads nothing while it lasts; its frames wait, until there are too many.
 * - `Delay`: each frame and those behind it arrive late.
 *
 * Frames:
 * - `Duplicate`: a push is repeated after `lag` more frames.
 * - `Reorder`: a push is sent after the next one, or half a second later if there is none. Acknowledgements and frames
 *   from the client keep their order.
 * - `Truncate`: only the first half of a frame arrives.
 * - `Malform`: an invalid text arrives instead.
 *
 * Requests over HTTP:
 * - `FailRequests`: answers with a status instead of handling the request.
 * - `DropRequests`: ends the connection without a response, `before` or `after` the request is handled.
 * - `DelayRequests`: handles the request late.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Fault = Schema.Union([
  Schema.TaggedStruct("RefuseDials", { ...common, status: Status, retryAfter: Schema.optionalKey(Count) }),
  Schema.TaggedStruct("DelayDials", { ...common, millis: Millis }),

  Schema.TaggedStruct("Reset", { from: common.from, userId: common.userId }),
  Schema.TaggedStruct("Close", {
    from: common.from,
    userId: common.userId,
    code: Schema.Int.check(Schema.isBetween({ minimum: 1000, maximum: 4999 })),
    reason: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(40)))
  }),
  Schema.TaggedStruct("Kick", { from: common.from, userId: common.userId }),
  Schema.TaggedStruct("DropAfter", { ...common, direction, bytes: Count }),
  Schema.TaggedStruct("Silence", { ...common, direction }),
  Schema.TaggedStruct("Stall", common),
  Schema.TaggedStruct("Delay", { ...common, direction, millis: Millis }),

  Schema.TaggedStruct("Duplicate", { ...common, every, lag: Schema.optionalKey(Schema.Int) }),
  Schema.TaggedStruct("Reorder", { ...common, every }),
  Schema.TaggedStruct("Truncate", { ...common, direction, every }),
  Schema.TaggedStruct("Malform", { ...common, direction, every }),

  Schema.TaggedStruct("FailRequests", { ...requests, status: Status, retryAfter: Schema.optionalKey(Count) }),
  Schema.TaggedStruct("DropRequests", { ...requests, when: Schema.Literals(["before", "after"]) }),
  Schema.TaggedStruct("DelayRequests", { ...requests, millis: Millis })
]).pipe(Schema.toTaggedUnion("_tag"))

/**
 * A fault, discriminated by `_tag`.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault = typeof Fault.Type

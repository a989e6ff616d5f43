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

/** A kind of fault, with what it does. */
const kind = <const Tag extends string, const Fields extends Schema.Struct.Fields>(
  tag: Tag,
  description: string,
  fields: Fields
) => Schema.TaggedStruct(tag, fields).annotate({ description })

/**
 * A fault.
 *
 * **Details**
 *
 * Its description, also in the description of the sandbox's API, says what each kind does.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Fault = Schema.Union([
  // Dials.
  kind("RefuseDials", "Answers with a status instead of opening the connection, with `Retry-After` if given.", {
    ...common,
    status: Status,
    retryAfter: Schema.optionalKey(Count)
  }),
  kind("DelayDials", "Opens the connection late.", { ...common, millis: Millis }),

  // Open connections.
  kind("Reset", "Ends the open connections at `from` without a close frame; the client sees 1006.", {
    from: common.from,
    userId: common.userId
  }),
  kind("Close", "Closes the open connections at `from` with a code.", {
    from: common.from,
    userId: common.userId,
    code: Schema.Int.check(Schema.isBetween({ minimum: 1000, maximum: 4999 })),
    reason: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(40)))
  }),
  kind("Kick", "Ends the open connections at `from` like a second login: event 301, then a close with 1000.", {
    from: common.from,
    userId: common.userId
  }),
  kind("DropAfter", "Resets each connection after `bytes` have passed; the frame that exceeds them does not arrive.", {
    ...common,
    direction,
    bytes: Count
  }),
  kind(
    "Silence",
    "A half-open connection. After the first swallowed frame the connection stays silent in that direction for good, and is never closed.",
    { ...common, direction }
  ),
  kind("Stall", "The client reads nothing while it lasts; its frames wait, until there are too many.", common),
  kind("Delay", "Each frame and those behind it arrive late.", { ...common, direction, millis: Millis }),

  // Frames.
  kind("Duplicate", "A push is repeated after `lag` more frames.", {
    ...common,
    every,
    lag: Schema.optionalKey(Schema.Int)
  }),
  kind(
    "Reorder",
    "A push is sent after the next one, or half a second later if there is none. Acknowledgements and frames from the client keep their order.",
    { ...common, every }
  ),
  kind("Truncate", "Only the first half of a frame arrives.", { ...common, direction, every }),
  kind("Malform", "An invalid text arrives instead.", { ...common, direction, every }),

  // Requests over HTTP.
  kind("FailRequests", "Answers with a status instead of handling the request.", {
    ...requests,
    status: Status,
    retryAfter: Schema.optionalKey(Count)
  }),
  kind("DropRequests", "Ends the connection without a response, `before` or `after` the request is handled.", {
    ...requests,
    when: Schema.Literals(["before", "after"])
  }),
  kind("DelayRequests", "Handles the request late.", { ...requests, millis: Millis })
]).pipe(Schema.toTaggedUnion("_tag"))

/**
 * A fault, discriminated by `_tag`.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault = typeof Fault.Type

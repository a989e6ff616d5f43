/**
 * One fault, as data: what goes wrong, for whom and when.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { UserId } from "../../domain/Id.ts"

const Count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 }))
const Millis = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 31_536_000_000 }))
const Status = Schema.Int.check(Schema.isBetween({ minimum: 400, maximum: 599 }))

/** What every fault may say. */
const common = {
  /** When it begins, in milliseconds after the plan or the injection began. Default: 0. */
  from: Schema.optionalKey(Millis),
  /** When it is over, counted likewise. Default: never. */
  until: Schema.optionalKey(Millis),
  /** Whom it hits. Default: everyone. */
  userId: Schema.optionalKey(UserId)
}

/** Which way frames go: `inbound` ones come from the client. */
const direction = Schema.Literals(["inbound", "outbound", "both"])

/** It hits every n-th frame of a connection, counted from when it begins. */
const every = Count

const requests = {
  ...common,
  /** Only requests of this method. */
  method: Schema.optionalKey(Schema.String),
  /** Only requests whose path begins like this. */
  path: Schema.optionalKey(Schema.String)
}

/**
 * Something that goes wrong.
 *
 * **Details**
 *
 * Dials:
 * - `RefuseDials`: answers with a status instead of opening the connection, with `Retry-After` if there is one.
 * - `DelayDials`: opens the connection late.
 *
 * Open connections:
 * - `Reset`: breaks the open connections off at the moment `from`; the client sees 1006.
 * - `Close`: closes them at that moment with a code.
 * - `Kick`: ends them as a second login of the same account would: event 301, then 4001.
 * - `DropAfter`: breaks each connection off once `bytes` have passed; the frame that is too much does not arrive.
 * - `Silence`: a half-open connection. From the first frame that it swallows on, the connection is dead in that
 *   direction for good, and never closed.
 * - `Stall`: the client reads nothing for as long as it lasts; its frames wait, until there are too many.
 * - `Delay`: each frame arrives late, and so does what comes behind it.
 *
 * Frames:
 * - `Duplicate`: a push comes again, after `lag` more frames.
 * - `Reorder`: a push comes after the next one, or half a second later if there is none. Acknowledgements and what the
 *   client sends keep their order, as TCP has it.
 * - `Truncate`: only the first half of a frame arrives.
 * - `Malform`: something else arrives, which is no frame.
 *
 * Requests over HTTP:
 * - `FailRequests`: answers with a status instead of handling the request.
 * - `DropRequests`: breaks the connection off, `before` the request is handled or `after` it.
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
 * Something that goes wrong, told apart by `_tag`.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault = typeof Fault.Type

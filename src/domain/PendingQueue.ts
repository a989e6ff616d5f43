/**
 * The queue of visitors waiting for staff.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { lazySchema } from "../codec/lazy.ts"
import * as Wire from "../codec/Wire.ts"

/**
 * The number of waiting visitors. The shape is the sandbox's.
 *
 * @category schemas
 * @since 0.1.0
 */
export class PendingCount extends Schema.Opaque<PendingCount>()(
  lazySchema(() => Wire.Struct({ count: Wire.Optional(Schema.Int) }))
) {}

/**
 * A conversation's place in the queue: 1 is next, 0 or missing means that it does not wait. The shape is the sandbox's.
 *
 * @category schemas
 * @since 0.1.0
 */
export class PendingPosition extends Schema.Opaque<PendingPosition>()(
  lazySchema(() => Wire.Struct({ position: Wire.Optional(Schema.Int) }))
) {}

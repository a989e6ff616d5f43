/**
 * Tags that staff put on customers.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { lazySchema } from "../codec/lazy.ts"
import * as Wire from "../codec/Wire.ts"
import { TagId } from "./Id.ts"

/**
 * A tag on a customer. The shape is the sandbox's: the closed backend's is unknown.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Tag extends Schema.Opaque<Tag>()(
  lazySchema(() => Wire.Struct({ id: TagId, name: Wire.Optional(Schema.String) }))
) {}

/**
 * What `addTag` sends: the tag's name. The shape is the sandbox's; other fields pass through.
 *
 * @category schemas
 * @since 0.1.0
 */
export class NewTag extends Schema.Opaque<NewTag>()(
  lazySchema(() => Wire.Input({ name: Schema.optional(Schema.String) }))
) {}

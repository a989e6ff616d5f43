/**
 * Quick replies: canned messages of the staff.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { lazySchema } from "../codec/lazy.ts"
import * as Wire from "../codec/Wire.ts"
import { QuickReplyId } from "./Id.ts"

/**
 * A quick reply. The shape is the sandbox's.
 *
 * @category schemas
 * @since 0.1.0
 */
export class QuickReply extends Schema.Opaque<QuickReply>()(
  lazySchema(() =>
    Wire.Struct({ id: QuickReplyId, title: Wire.Optional(Schema.String), content: Wire.Optional(Schema.String) })
  )
) {}

/**
 * All quick replies of the caller. The shape is the sandbox's.
 *
 * @category schemas
 * @since 0.1.0
 */
export class QuickReplies extends Schema.Opaque<QuickReplies>()(
  lazySchema(() => Wire.Struct({ commonWords: Wire.List(QuickReply) }))
) {}

/**
 * A quick reply to add, or the fields of one to change. The shape is the sandbox's; other fields pass through.
 *
 * @category schemas
 * @since 0.1.0
 */
export class QuickReplyInput extends Schema.Opaque<QuickReplyInput>()(
  lazySchema(() => Wire.Input({ title: Schema.optional(Schema.String), content: Schema.optional(Schema.String) }))
) {}

/**
 * Channels: the entrances through which visitors come.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { lazySchema } from "../codec/lazy.ts"
import * as Wire from "../codec/Wire.ts"
import { FaqGroupId, SubChannelId } from "./Id.ts"

/**
 * An entrance, for example a page of the shop. The shape is the sandbox's.
 *
 * @category schemas
 * @since 0.1.0
 */
export class SubChannel extends Schema.Opaque<SubChannel>()(
  lazySchema(() =>
    Wire.Struct({
      id: SubChannelId,
      name: Wire.Optional(Schema.String),
      greeting: Wire.Optional(Schema.String),
      faqGroupId: Wire.Optional(FaqGroupId)
    })
  )
) {}

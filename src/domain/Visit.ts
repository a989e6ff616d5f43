/**
 * The origin of a visit.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { lazySchema } from "../codec/lazy.ts"
import * as Wire from "../codec/Wire.ts"

/**
 * How a visitor reached the conversation. The shape is the sandbox's.
 *
 * @category schemas
 * @since 0.1.0
 */
export class VisitInfo extends Schema.Opaque<VisitInfo>()(
  lazySchema(() =>
    Wire.Struct({
      pageUrl: Wire.Optional(Schema.String),
      pageTitle: Wire.Optional(Schema.String),
      referrer: Wire.Optional(Schema.String),
      browser: Wire.Optional(Schema.String),
      os: Wire.Optional(Schema.String),
      city: Wire.Optional(Schema.String),
      visitCount: Wire.Optional(Schema.Int)
    })
  )
) {}

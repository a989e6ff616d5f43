/**
 * Session tokens.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { lazySchema } from "../codec/lazy.ts"
import * as Wire from "../codec/Wire.ts"

/**
 * A new token for an anonymous visitor. The shape is the sandbox's.
 *
 * @category schemas
 * @since 0.1.0
 */
export class AnonymousToken extends Schema.Opaque<AnonymousToken>()(
  lazySchema(() => Wire.Struct({ token: Schema.RedactedFromValue(Schema.String) }))
) {}

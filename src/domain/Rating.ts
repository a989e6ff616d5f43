/**
 * Ratings that visitors give the staff.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { lazySchema } from "../codec/lazy.ts"
import * as Wire from "../codec/Wire.ts"
import { ConversationId, RatingTagId } from "./Id.ts"

/**
 * A rating to give: `score` is 1 (worst) to 5 (best).
 *
 * @category schemas
 * @since 0.1.0
 */
export class RatingInput extends Schema.Opaque<RatingInput>()(
  lazySchema(() =>
    Wire.Input({
      score: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 })),
      suggestion: Schema.optional(Schema.String),
      ratingTagIds: Schema.optional(Schema.Array(RatingTagId))
    })
  )
) {}

/**
 * A tag that a visitor may attach to a rating. The shape is the sandbox's.
 *
 * @category schemas
 * @since 0.1.0
 */
export class RatingTag extends Schema.Opaque<RatingTag>()(
  lazySchema(() => Wire.Struct({ id: RatingTagId, name: Wire.Optional(Schema.String) }))
) {}

/**
 * One choice of the rating dialogue: a score, its label, and the tags that go with it. The shape is the sandbox's.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Rating extends Schema.Opaque<Rating>()(
  lazySchema(() =>
    Wire.Struct({
      score: Wire.Optional(Schema.Int),
      label: Wire.Optional(Schema.String),
      tags: Wire.List(RatingTag)
    })
  )
) {}

/**
 * The choices of the rating dialogue. The shape is the sandbox's.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Ratings extends Schema.Opaque<Ratings>()(lazySchema(() => Wire.Struct({ ratings: Wire.List(Rating) }))) {}

/**
 * The answer to a rating: what was stored. The shape is the sandbox's.
 *
 * @category schemas
 * @since 0.1.0
 */
export class RatingReceipt extends Schema.Opaque<RatingReceipt>()(
  lazySchema(() => Wire.Struct({ score: Wire.Optional(Schema.Int), conversationId: Wire.Optional(ConversationId) }))
) {}

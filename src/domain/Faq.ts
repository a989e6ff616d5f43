/**
 * The robot's knowledge: suggestions while typing, and frequently asked questions.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { lazySchema } from "../codec/lazy.ts"
import * as Query from "../codec/Query.ts"
import * as Wire from "../codec/Wire.ts"
import { FaqGroupId, SubChannelId } from "./Id.ts"

/**
 * A question that completes what the visitor types. The shape is the sandbox's.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Suggestion extends Schema.Opaque<Suggestion>()(
  lazySchema(() => Wire.Struct({ id: Wire.Optional(Schema.Int), question: Wire.Optional(Schema.String) }))
) {}

/**
 * The suggestions for a draft. The shape is the sandbox's.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Suggestions extends Schema.Opaque<Suggestions>()(
  lazySchema(() => Wire.Struct({ questions: Wire.List(Suggestion) }))
) {}

/**
 * What the visitor has typed so far, and where.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SuggestionQuery = lazySchema(() =>
  Query.Struct({
    query: Schema.String,
    subChannelId: Wire.Optional(Query.NumberFromString.pipe(Schema.decodeTo(SubChannelId)))
  })
)

/**
 * What the visitor has typed so far, and where.
 *
 * @category models
 * @since 0.1.0
 */
export type SuggestionQuery = (typeof SuggestionQuery)["Type"]

/**
 * A frequently asked question. The shape is the sandbox's.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Faq extends Schema.Opaque<Faq>()(
  lazySchema(() =>
    Wire.Struct({
      id: Wire.Optional(Schema.Int),
      groupId: Wire.Optional(FaqGroupId),
      question: Wire.Optional(Schema.String),
      answer: Wire.Optional(Schema.String)
    })
  )
) {}

/**
 * A page of frequently asked questions. The shape is the sandbox's.
 *
 * @category schemas
 * @since 0.1.0
 */
export class Faqs extends Schema.Opaque<Faqs>()(
  lazySchema(() => Wire.Struct({ faqs: Wire.List(Faq), total: Wire.Optional(Schema.Int) }))
) {}

/**
 * Which group of questions to read: `page` counts from 1.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FaqQuery = lazySchema(() =>
  Query.Struct({
    limit: Wire.Optional(Query.NumberFromString),
    page: Wire.Optional(Query.NumberFromString),
    groupId: Wire.Optional(Query.NumberFromString.pipe(Schema.decodeTo(FaqGroupId)))
  })
)

/**
 * Which group of questions to read, and which page of it.
 *
 * @category models
 * @since 0.1.0
 */
export type FaqQuery = (typeof FaqQuery)["Type"]

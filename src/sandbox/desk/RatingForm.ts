/**
 * The rating form: the scores and the tags of each.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { RatingTagId } from "../../domain/Id.ts"
import type { Rating, RatingInput } from "../../domain/Rating.ts"
import { BadRequest } from "../../wire/ApiError.ts"
import { Settings } from "../SandboxOptions.ts"

/**
 * The rating form of the desk.
 *
 * @category services
 * @since 0.1.0
 */
export class RatingForm extends Context.Service<
  RatingForm,
  {
    readonly choices: ReadonlyArray<Rating>
    readonly check: (input: RatingInput) => Effect.Effect<void, BadRequest>
  }
>()("effect-kefu/sandbox/desk/RatingForm") {
  /**
   * @since 0.1.0
   */
  static readonly layer = Layer.effect(
    RatingForm,
    Effect.map(Settings, ({ seed }) => {
      const ids = new Set<RatingTagId>()
      const choices = seed.ratings.map(({ score, label, tags }) => ({
        score,
        label,
        tags: tags.map((name) => {
          const id = RatingTagId.make(ids.size + 1)
          ids.add(id)
          return { id, name }
        })
      }))
      return RatingForm.of({
        choices,
        check: ({ ratingTagIds = [] }) => {
          const wrong = ratingTagIds.find((id) => !ids.has(id))
          return wrong === undefined
            ? Effect.void
            : new BadRequest({ message: `There is no rating tag ${wrong}`, field: "rating_tag_ids" })
        }
      })
    })
  )
}

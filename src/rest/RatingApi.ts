/**
 * Ratings over REST.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { RatingInput, RatingReceipt, Ratings } from "../domain/Rating.ts"
import { forSession } from "../http/call.ts"
import type { KefuError } from "../KefuError.ts"
import { Transport } from "../http/Transport.ts"

/**
 * Rates the service that a visitor received.
 *
 * **Details**
 *
 * Besides the reasons that a method names, every call can fail as any request of {@link Transport}.
 *
 * **Example** (Rating with a comment)
 *
 * ```ts
 * import { RatingApi } from "effect-kefu/rest/RatingApi"
 *
 * const rated = RatingApi.use((api) => api.rate({ score: 5, suggestion: "谢谢" }))
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class RatingApi extends Context.Service<
  RatingApi,
  {
    /**
     * Rates the staff: POST /im/rates. For visitors; fails with `InvalidRequest` for a score outside of 1 to 5, with
     * `Conflict` if there is nothing to rate, and with `Forbidden` for others.
     */
    rate(input: RatingInput): Effect.Effect<RatingReceipt, KefuError>
    /** The options of the rating dialog: GET /ratings. For everyone. */
    readonly list: Effect.Effect<Ratings, KefuError>
  }
>()("effect-kefu/rest/RatingApi") {
  /**
   * Over the session's transport.
   *
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<RatingApi, never, Transport> = Layer.effect(
    RatingApi,
    Effect.map(Transport, ({ httpClient }) => {
      const { call, client } = forSession(httpClient)
      return RatingApi.of({
        rate: (payload) => call("RatingApi.rate", client.ratings.rate({ payload })),
        list: call("RatingApi.list", client.ratings.list({}))
      })
    })
  )

  /**
   * A partial implementation for tests; missing members die when used.
   *
   * @since 0.1.0
   */
  static readonly layerTest = (partial: Layer.PartialEffectful<RatingApi["Service"]>): Layer.Layer<RatingApi> =>
    Layer.mock(RatingApi, partial)
}

/**
 * Ratings over REST.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { RatingInput, RatingReceipt, Ratings } from "../domain/Rating.ts"
import type { KefuError, RequestReason } from "../KefuError.ts"
import type { Transport } from "../http/Transport.ts"
import * as service from "./internal/service.ts"
import { ratings } from "../wire/Endpoints.ts"

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
    rate(input: RatingInput): Effect.Effect<RatingReceipt, KefuError<RequestReason>>
    /** The options of the rating dialog: GET /ratings. For everyone. */
    readonly list: Effect.Effect<Ratings, KefuError<RequestReason>>
  }
>()("effect-kefu/rest/RatingApi") {
  /**
   * Makes the service of {@link RatingApi.layer}.
   *
   * @since 0.1.0
   */
  static readonly make: Effect.Effect<RatingApi["Service"], never, Transport> = service.make((call) =>
    RatingApi.of({
      rate: (payload) => call("RatingApi.rate", ratings.rate, { payload }),
      list: call("RatingApi.list", ratings.list)
    })
  )

  /**
   * Over the session's transport.
   *
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<RatingApi, never, Transport> = Layer.effect(RatingApi, RatingApi.make)

  /**
   * A partial implementation for tests; missing members die when used.
   *
   * @since 0.1.0
   */
  static readonly layerTest = (partial: Layer.PartialEffectful<RatingApi["Service"]>): Layer.Layer<RatingApi> =>
    Layer.mock(RatingApi, partial)
}

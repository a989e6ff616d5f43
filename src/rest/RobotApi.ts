/**
 * The robot over REST: its answers and its knowledge base.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { FaqQuery, Faqs, SuggestionQuery, Suggestions } from "../domain/Faq.ts"
import type { MessageId } from "../domain/Id.ts"
import type { KefuError, RequestReason } from "../KefuError.ts"
import type { Transport } from "../http/Transport.ts"
import * as service from "./internal/service.ts"
import { robot } from "../wire/Endpoints.ts"

/**
 * Rates the robot's answers and searches its knowledge base.
 *
 * **Details**
 *
 * Besides the reasons that a method names, every call can fail as any request of {@link Transport}.
 *
 * **Example** (Completing the visitor's draft)
 *
 * ```ts
 * import { RobotApi } from "effect-kefu/rest/RobotApi"
 *
 * const complete = (draft: string) => RobotApi.use((api) => api.suggestions({ query: draft }))
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class RobotApi extends Context.Service<
  RobotApi,
  {
    /**
     * Marks an answer as helpful: POST /im/robot_answers/{id}/like, by its message id. For the visitor who received it;
     * fails with `NotFound` if there is no such answer, and with `Forbidden` for others.
     */
    like(id: MessageId): Effect.Effect<void, KefuError<RequestReason>>
    /**
     * Marks an answer as unhelpful: POST /im/robot_answers/{id}/dislike, by its message id. For the visitor who received
     * it; fails with `NotFound` if there is no such answer, and with `Forbidden` for others.
     */
    dislike(id: MessageId): Effect.Effect<void, KefuError<RequestReason>>
    /** Questions that complete the visitor's draft: GET /im/questions/suggest. For everyone. */
    suggestions(query: SuggestionQuery): Effect.Effect<Suggestions, KefuError<RequestReason>>
    /** Frequently asked questions: GET /hot_faqs. For everyone. */
    hotFaqs(query?: FaqQuery): Effect.Effect<Faqs, KefuError<RequestReason>>
  }
>()("effect-kefu/rest/RobotApi") {
  /**
   * Makes the service of {@link RobotApi.layer}.
   *
   * @since 0.1.0
   */
  static readonly make: Effect.Effect<RobotApi["Service"], never, Transport> = service.make((call) =>
    RobotApi.of({
      like: (id) => Effect.asVoid(call("RobotApi.like", robot.like, { params: { id } })),
      dislike: (id) => Effect.asVoid(call("RobotApi.dislike", robot.dislike, { params: { id } })),
      suggestions: (query) => call("RobotApi.suggestions", robot.suggestions, { query }),
      hotFaqs: (query = {}) => call("RobotApi.hotFaqs", robot.hotFaqs, { query })
    })
  )

  /**
   * Over the session's transport.
   *
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<RobotApi, never, Transport> = Layer.effect(RobotApi, RobotApi.make)

  /**
   * A partial implementation for tests; missing members die when used.
   *
   * @since 0.1.0
   */
  static readonly layerTest = (partial: Layer.PartialEffectful<RobotApi["Service"]>): Layer.Layer<RobotApi> =>
    Layer.mock(RobotApi, partial)
}

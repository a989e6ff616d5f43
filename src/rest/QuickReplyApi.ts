/**
 * Quick replies over REST.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { QuickReplyId } from "../domain/Id.ts"
import type { QuickReplies, QuickReply, QuickReplyInput } from "../domain/QuickReply.ts"
import type { KefuError, RequestReason } from "../KefuError.ts"
import type { Transport } from "../http/Transport.ts"
import * as service from "./internal/service.ts"
import { quickReplies } from "../wire/Endpoints.ts"

/**
 * Manages the caller's quick replies (the backend's "common words") and the shared ones.
 *
 * **Details**
 *
 * All calls are for staff and admins, and fail with `Forbidden` for others. Besides the reasons that a method names,
 * every call can fail as any request of {@link Transport}.
 *
 * **Example** (Adding one)
 *
 * ```ts
 * import { QuickReplyApi } from "effect-kefu/rest/QuickReplyApi"
 *
 * const added = QuickReplyApi.use((api) => api.add({ title: "Greeting", content: "您好，请问有什么可以帮您？" }))
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class QuickReplyApi extends Context.Service<
  QuickReplyApi,
  {
    /** The caller's quick replies and the shared ones: GET /im/common_words. For staff and admins. */
    readonly list: Effect.Effect<QuickReplies, KefuError<RequestReason>>
    /** Adds one: POST /im/common_words. For staff and admins. */
    add(input: QuickReplyInput): Effect.Effect<QuickReply, KefuError<RequestReason>>
    /**
     * Changes one: PUT /im/common_words/{id}. For staff and admins; fails with `NotFound` if there is none, and with
     * `Forbidden` if only admins may.
     */
    update(id: QuickReplyId, input: QuickReplyInput): Effect.Effect<void, KefuError<RequestReason>>
    /**
     * Removes one: DELETE /im/common_words/{id}. For staff and admins; fails with `NotFound` if there is none, and
     * with `Forbidden` if only admins may.
     */
    remove(id: QuickReplyId): Effect.Effect<void, KefuError<RequestReason>>
  }
>()("effect-kefu/rest/QuickReplyApi") {
  /**
   * Makes the service of {@link QuickReplyApi.layer}.
   *
   * @since 0.1.0
   */
  static readonly make: Effect.Effect<QuickReplyApi["Service"], never, Transport> = service.make((call) =>
    QuickReplyApi.of({
      list: call("QuickReplyApi.list", quickReplies.list),
      add: (payload) => call("QuickReplyApi.add", quickReplies.add, { payload }),
      update: (id, payload) =>
        Effect.asVoid(call("QuickReplyApi.update", quickReplies.update, { params: { id }, payload })),
      remove: (id) => Effect.asVoid(call("QuickReplyApi.remove", quickReplies.remove, { params: { id } }))
    })
  )

  /**
   * Over the session's transport.
   *
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<QuickReplyApi, never, Transport> = Layer.effect(QuickReplyApi, QuickReplyApi.make)

  /**
   * A partial implementation for tests; missing members die when used.
   *
   * @since 0.1.0
   */
  static readonly layerTest = (partial: Layer.PartialEffectful<QuickReplyApi["Service"]>): Layer.Layer<QuickReplyApi> =>
    Layer.mock(QuickReplyApi, partial)
}

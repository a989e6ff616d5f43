/**
 * Single conversations for code that asks for many: each is read once, and few at a time.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Request from "effect/Request"
import * as RequestResolver from "effect/RequestResolver"
import * as Semaphore from "effect/Semaphore"
import type { Conversation } from "../domain/Conversation.ts"
import type { ConversationId } from "../domain/Id.ts"
import type { KefuError, RequestReason } from "../KefuError.ts"
import { ConversationApi } from "./ConversationApi.ts"

/**
 * The request for one conversation. It fails as `ConversationApi.get` does.
 *
 * @category models
 * @since 0.1.0
 */
export class GetConversation extends Request.TaggedClass("GetConversation")<
  { readonly id: ConversationId },
  Conversation,
  KefuError<RequestReason>
> {}

/** How many requests are under way at once. */
const atOnce = 8

/**
 * Resolves {@link GetConversation} over `ConversationApi.get`.
 *
 * **Details**
 *
 * The backend gives one conversation for each request. Calls that are made at the same time share one request for each
 * id, and at most 8 requests are under way at once. A call that is made while a request is under way has one of its own,
 * since the answer may be older than the call. Nothing is cached: `RequestResolver.withCache` does that.
 *
 * **Example** (Reading the conversations of many messages)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import type { Message } from "effect-kefu/domain/Message"
 * import { ConversationResolver } from "effect-kefu/rest/ConversationResolver"
 *
 * const withConversations = (messages: ReadonlyArray<Message>) =>
 *   Effect.forEach(
 *     messages,
 *     (message) =>
 *       Effect.map(ConversationResolver.get(message.conversationId), (conversation) => ({ message, conversation })),
 *     { concurrency: "unbounded" }
 *   )
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class ConversationResolver extends Context.Service<
  ConversationResolver,
  RequestResolver.RequestResolver<GetConversation>
>()("effect-kefu/rest/ConversationResolver") {
  /**
   * Makes the service of {@link ConversationResolver.layer}.
   *
   * @since 0.1.0
   */
  static readonly make: Effect.Effect<ConversationResolver["Service"], never, ConversationApi> =
    ConversationApi.useSync((api) => {
      const permits = Semaphore.makeUnsafe(atOnce)
      return RequestResolver.make<GetConversation>((entries) =>
        Effect.forEach(
          new Set(entries.map(({ request }) => request.id)),
          (id) =>
            Effect.map(Effect.exit(permits.withPermit(api.get(id))), (exit) => {
              for (const entry of entries) if (entry.request.id === id) entry.completeUnsafe(exit)
            }),
          { concurrency: "unbounded", discard: true }
        )
      )
    })

  /**
   * Over `ConversationApi`, which `Kefu.layer` provides.
   *
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<ConversationResolver, never, ConversationApi> = Layer.effect(
    ConversationResolver,
    ConversationResolver.make
  )

  /**
   * One conversation with its latest messages, as `ConversationApi.get` gives it.
   *
   * @since 0.1.0
   */
  static readonly get = (
    id: ConversationId
  ): Effect.Effect<Conversation, KefuError<RequestReason>, ConversationResolver> =>
    Effect.request(new GetConversation({ id }), ConversationResolver)
}

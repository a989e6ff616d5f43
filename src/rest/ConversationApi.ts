/**
 * Conversations over REST: history, queue, transfer and termination.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type {
  Conversation,
  ConversationCount,
  ConversationPage,
  ConversationQuery,
  ConversationRequest,
  ConversationUpdate,
  ExportRequest,
  ExportResult,
  TransferRequest
} from "../domain/Conversation.ts"
import type { ConversationId, MessageId } from "../domain/Id.ts"
import type { Message } from "../domain/Message.ts"
import type { PendingCount, PendingPosition } from "../domain/PendingQueue.ts"
import type { VisitInfo } from "../domain/Visit.ts"
import type { KefuError, RequestReason } from "../KefuError.ts"
import type { Transport } from "../http/Transport.ts"
import * as service from "./internal/service.ts"
import { conversations } from "../wire/Endpoints.ts"

/**
 * Reads conversations and changes them over REST.
 *
 * **Details**
 *
 * Besides the reasons that a method names, every call can fail as any request of {@link Transport}. Permissions
 * are those of the sandbox; your backend's may differ.
 *
 * **Example** (Reading the history, page by page)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { ConversationApi } from "effect-kefu/rest/ConversationApi"
 *
 * const finished = Effect.gen(function* () {
 *   const api = yield* ConversationApi
 *   const { conversations } = yield* api.list({ state: "FINISHED", page: 1, limit: 20 })
 *   return conversations
 * })
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class ConversationApi extends Context.Service<
  ConversationApi,
  {
    /**
     * A page of the caller's conversations, ended ones included, by filter: GET /im/conversations. For everyone;
     * `showAll` is for admins, and fails with `Forbidden` for others.
     */
    list(query?: ConversationQuery): Effect.Effect<ConversationPage, KefuError<RequestReason>>
    /**
     * The caller's conversations that have not ended: GET /im/current_list. For everyone.
     */
    readonly current: Effect.Effect<ReadonlyArray<Conversation>, KefuError<RequestReason>>
    /**
     * One conversation with its latest messages: GET /im/conversations/{id}. For its participants and admins; fails with
     * `NotFound` if there is none, and with `Forbidden` for others.
     */
    get(id: ConversationId): Effect.Effect<Conversation, KefuError<RequestReason>>
    /**
     * Starts a conversation: POST /im/conversations. For visitors (one of their own) and staff (with a past customer);
     * fails with `Forbidden` for others, `NotFound` for an unknown customer, and `Conflict` if someone else serves that
     * customer.
     */
    request(input: ConversationRequest): Effect.Effect<Conversation, KefuError<RequestReason>>
    /**
     * Changes a conversation's remark: PUT /im/conversations/{id}. For participating staff and admins; fails with
     * `NotFound`, and with `Forbidden` for others.
     */
    update(id: ConversationId, input: ConversationUpdate): Effect.Effect<void, KefuError<RequestReason>>
    /**
     * Where the visitor of a conversation came from: GET /im/conversations/{id}/source_info. For its participants and
     * admins; fails with `NotFound`, and with `Forbidden` for others.
     */
    visitInfo(id: ConversationId): Effect.Effect<VisitInfo, KefuError<RequestReason>>
    /**
     * A pending conversation's position in the queue: GET /im/conversations/{id}/pending_position. For the waiting
     * visitor and admins; fails with `NotFound`, and with `Forbidden` for others.
     */
    pendingPosition(id: ConversationId): Effect.Effect<PendingPosition, KefuError<RequestReason>>
    /**
     * How many visitors are waiting: GET /im/pending_count. For everyone.
     */
    readonly pendingCount: Effect.Effect<PendingCount, KefuError<RequestReason>>
    /**
     * How many of the caller's conversations are in each state: GET /im/conversations_count. For everyone. Filter
     * names are the backend's and are sent unchanged.
     */
    count(query?: { readonly [name: string]: unknown }): Effect.Effect<ConversationCount, KefuError<RequestReason>>
    /**
     * Terminates a conversation: PUT /im/conversations/{id}/terminate. For admins; fails with `NotFound`, `Forbidden`,
     * and `Conflict` if it has already ended. Others close theirs with `Realtime.closeConversation`.
     */
    terminate(id: ConversationId): Effect.Effect<void, KefuError<RequestReason>>
    /**
     * Transfers a conversation to someone else: PUT /im/conversations/{id}/transfer. For the staff who serve it and
     * admins; fails with `NotFound`, `Forbidden`, and `Conflict` if it has ended or the target cannot take it.
     * `UserApi.transferTargets` lists the candidates.
     */
    transfer(id: ConversationId, input: TransferRequest): Effect.Effect<void, KefuError<RequestReason>>
    /**
     * Exports past conversations to a file: POST /im/conversations/export. For staff and admins; fails with
     * `Forbidden` for others.
     */
    exportHistory(input: ExportRequest): Effect.Effect<ExportResult, KefuError<RequestReason>>
  }
>()("effect-kefu/rest/ConversationApi") {
  /**
   * Makes the service of {@link ConversationApi.layer}.
   *
   * @since 0.1.0
   */
  static readonly make: Effect.Effect<ConversationApi["Service"], never, Transport> = service.make((call) =>
    ConversationApi.of({
      list: (query = {}) => call("ConversationApi.list", conversations.list, { query }),
      current: call("ConversationApi.current", conversations.current),
      get: (id) => call("ConversationApi.get", conversations.get, { params: { id } }),
      request: (payload) => call("ConversationApi.request", conversations.request, { payload }),
      update: (id, payload) =>
        Effect.asVoid(call("ConversationApi.update", conversations.update, { params: { id }, payload })),
      visitInfo: (id) => call("ConversationApi.visitInfo", conversations.visitInfo, { params: { id } }),
      pendingPosition: (id) =>
        call("ConversationApi.pendingPosition", conversations.pendingPosition, { params: { id } }),
      pendingCount: call("ConversationApi.pendingCount", conversations.pendingCount),
      count: (query = {}) => call("ConversationApi.count", conversations.count, { query }),
      terminate: (id) => Effect.asVoid(call("ConversationApi.terminate", conversations.terminate, { params: { id } })),
      transfer: (id, payload) =>
        Effect.asVoid(call("ConversationApi.transfer", conversations.transfer, { params: { id }, payload })),
      exportHistory: (payload) => call("ConversationApi.exportHistory", conversations.export, { payload })
    })
  )

  /**
   * Over the session's transport.
   *
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<ConversationApi, never, Transport> = Layer.effect(
    ConversationApi,
    ConversationApi.make
  )

  /**
   * All conversations of a filter, each once, read a page at a time as they are taken. `limit` is the size of a page,
   * by default 100. It ends with the first page that brings nothing new, and fails as `list` does.
   *
   * @since 0.1.0
   */
  static readonly stream = (
    query: Omit<ConversationQuery, "page"> = {}
  ): Stream.Stream<Conversation, KefuError<RequestReason>, ConversationApi> =>
    Stream.unwrap(
      ConversationApi.useSync((api) => {
        const seen = new Set<ConversationId>()
        return Stream.paginate(1, (page) =>
          Effect.map(api.list({ limit: 100, ...query, page }), ({ conversations }) => {
            const fresh = conversations.filter(({ id }) => !seen.has(id))
            for (const { id } of fresh) seen.add(id)
            return [fresh, fresh.length === 0 ? Option.none() : Option.some(page + 1)]
          })
        )
      })
    )

  /**
   * The messages of a visitor, over all conversations, the newest first, read a page of conversations at a time as they
   * are taken: a visitor's own, or those of `customerId` (`showAll` is for admins). To resume, give `before`: the id of
   * the last message that was taken. It fails as `list` does.
   *
   * **Gotchas**
   *
   * The backend cannot be asked for older messages of a conversation than those that it lists: a conversation may lack
   * its beginning. Without `customerId`, the conversations of staff follow each other, whoever the visitors are.
   *
   * @since 0.1.0
   */
  static readonly history = ({
    before,
    ...query
  }: Pick<ConversationQuery, "customerId" | "limit" | "showAll"> & {
    readonly before?: MessageId | undefined
  } = {}): Stream.Stream<Message, KefuError<RequestReason>, ConversationApi> =>
    Stream.flatMap(ConversationApi.stream({ ...query, order: "DESC" }), ({ messages }) =>
      Stream.fromIterable(
        messages.filter(({ id }) => before === undefined || id < before).toSorted((left, right) => right.id - left.id)
      )
    )

  /**
   * A partial implementation for tests; missing members die when used.
   *
   * @since 0.1.0
   */
  static readonly layerTest = (
    partial: Layer.PartialEffectful<ConversationApi["Service"]>
  ): Layer.Layer<ConversationApi> => Layer.mock(ConversationApi, partial)
}

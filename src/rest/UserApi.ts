/**
 * Users over REST: profiles, transfer targets and customers' tags.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { TagId, UserId } from "../domain/Id.ts"
import type { NewTag, Tag } from "../domain/Tag.ts"
import type { ProfileUpdate, TransferTargets, User } from "../domain/User.ts"
import type { KefuError, RequestReason } from "../KefuError.ts"
import type { Transport } from "../http/Transport.ts"
import * as service from "./internal/service.ts"
import { users } from "../wire/Endpoints.ts"

/**
 * Reads and changes users over REST.
 *
 * **Details**
 *
 * Besides the reasons that a method names, every call can fail as any request of {@link Transport}. Permissions
 * are those of the sandbox; your backend's may differ.
 *
 * **Example** (Tagging a customer)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import type { UserId } from "effect-kefu/domain/Id"
 * import { UserApi } from "effect-kefu/rest/UserApi"
 *
 * const markAsVip = (customer: UserId) => UserApi.use((api) => api.addTag(customer, { name: "VIP" })).pipe(Effect.asVoid)
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class UserApi extends Context.Service<
  UserApi,
  {
    /** The caller's own profile: GET /im/users/me. For everyone. */
    readonly me: Effect.Effect<User, KefuError<RequestReason>>
    /** Changes the caller's own profile: PUT /im/users/me. For everyone. */
    updateMe(input: ProfileUpdate): Effect.Effect<void, KefuError<RequestReason>>
    /**
     * Changes a user's profile: PUT /im/users/{id}. For staff (customers' profiles) and admins (all profiles); fails with
     * `NotFound` and `Forbidden`.
     */
    update(id: UserId, input: ProfileUpdate): Effect.Effect<void, KefuError<RequestReason>>
    /**
     * Whom a conversation can be transferred to: GET /im/users. For staff and admins; fails with `Forbidden` for others.
     * The sandbox lists who could take one now; a backend may also list staff who are offline (`online: false`) or have no
     * room. Filter names are the backend's and are sent unchanged.
     */
    transferTargets(query?: {
      readonly [name: string]: unknown
    }): Effect.Effect<TransferTargets, KefuError<RequestReason>>
    /**
     * Adds a tag to a customer: POST /im/users/{id}/tags. For staff and admins; fails with `NotFound` and `Forbidden`.
     */
    addTag(id: UserId, input: NewTag): Effect.Effect<Tag, KefuError<RequestReason>>
    /**
     * Removes a tag from a customer: DELETE /im/users/{id}/tags/{tagId}. For staff and admins; fails with `NotFound` if
     * there is no such customer or tag, and with `Forbidden`.
     */
    removeTag(id: UserId, tagId: TagId): Effect.Effect<void, KefuError<RequestReason>>
  }
>()("effect-kefu/rest/UserApi") {
  /**
   * Makes the service of {@link UserApi.layer}.
   *
   * @since 0.1.0
   */
  static readonly make: Effect.Effect<UserApi["Service"], never, Transport> = service.make((call) =>
    UserApi.of({
      me: call("UserApi.me", users.me),
      updateMe: (payload) => Effect.asVoid(call("UserApi.updateMe", users.updateMe, { payload })),
      update: (id, payload) => Effect.asVoid(call("UserApi.update", users.update, { params: { id }, payload })),
      transferTargets: (query = {}) => call("UserApi.transferTargets", users.transferTargets, { query }),
      addTag: (id, payload) => call("UserApi.addTag", users.addTag, { params: { id }, payload }),
      removeTag: (id, tagId) => Effect.asVoid(call("UserApi.removeTag", users.removeTag, { params: { id, tagId } }))
    })
  )

  /**
   * Over the session's transport.
   *
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<UserApi, never, Transport> = Layer.effect(UserApi, UserApi.make)

  /**
   * A partial implementation for tests; missing members die when used.
   *
   * @since 0.1.0
   */
  static readonly layerTest = (partial: Layer.PartialEffectful<UserApi["Service"]>): Layer.Layer<UserApi> =>
    Layer.mock(UserApi, partial)
}

/**
 * Channels over REST: the entry points through which visitors arrive.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SubChannel } from "../domain/Channel.ts"
import type { SubChannelId } from "../domain/Id.ts"
import type { KefuError, RequestReason } from "../KefuError.ts"
import type { Transport } from "../http/Transport.ts"
import * as service from "./internal/service.ts"
import { channels } from "../wire/Endpoints.ts"

/**
 * Reads channels.
 *
 * **Details**
 *
 * Besides the reasons that a method names, every call can fail as any request of {@link Transport}.
 *
 * **Example** (Greeting a visitor)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { ChannelApi } from "effect-kefu/rest/ChannelApi"
 * import type { SubChannelId } from "effect-kefu/domain/Id"
 *
 * const greeting = (id: SubChannelId) =>
 *   ChannelApi.use((api) => api.subChannel(id)).pipe(Effect.map((channel) => channel.greeting ?? ""))
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class ChannelApi extends Context.Service<
  ChannelApi,
  {
    /**
     * One sub-channel: GET /client/channels/sub_channels/{id}. For everyone; fails with `NotFound` if there is none.
     */
    subChannel(id: SubChannelId): Effect.Effect<SubChannel, KefuError<RequestReason>>
  }
>()("effect-kefu/rest/ChannelApi") {
  /**
   * Makes the service of {@link ChannelApi.layer}.
   *
   * @since 0.1.0
   */
  static readonly make: Effect.Effect<ChannelApi["Service"], never, Transport> = service.make((call) =>
    ChannelApi.of({
      subChannel: (id) => call("ChannelApi.subChannel", channels.subChannel, { params: { id } })
    })
  )

  /**
   * Over the session's transport.
   *
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<ChannelApi, never, Transport> = Layer.effect(ChannelApi, ChannelApi.make)

  /**
   * A partial implementation for tests; missing members die when used.
   *
   * @since 0.1.0
   */
  static readonly layerTest = (partial: Layer.PartialEffectful<ChannelApi["Service"]>): Layer.Layer<ChannelApi> =>
    Layer.mock(ChannelApi, partial)
}

/**
 * Tokens for visitors without an account.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as HttpClient from "effect/http/HttpClient"
import { caller } from "./call.ts"
import * as pipeline from "./internal/pipeline.ts"
import { KefuConfig } from "../KefuConfig.ts"
import type { KefuError, RequestReason } from "../KefuError.ts"
import { tokens } from "../wire/Endpoints.ts"

/**
 * Requests tokens from the backend. The only REST service that works without one.
 *
 * @category services
 * @since 0.1.0
 */
export class TokenApi extends Context.Service<
  TokenApi,
  {
    /** A token for a new visitor without an account: POST /im/tokens. */
    readonly anonymous: Effect.Effect<Redacted.Redacted, KefuError<RequestReason>>
  }
>()("effect-kefu/http/TokenApi") {
  /** @since 0.1.0 */
  static readonly layer: Layer.Layer<TokenApi, never, KefuConfig | HttpClient.HttpClient> = Layer.effect(
    TokenApi,
    Effect.gen(function* () {
      const call = caller(pipeline.make(yield* HttpClient.HttpClient, yield* KefuConfig, undefined).client)
      return TokenApi.of({
        anonymous: Effect.map(call("TokenApi.anonymous", tokens.anonymous), ({ token }) => token)
      })
    })
  )

  /**
   * A partial implementation for tests; missing members die when used.
   *
   * @since 0.1.0
   */
  static readonly layerTest = (partial: Layer.PartialEffectful<TokenApi["Service"]>): Layer.Layer<TokenApi> =>
    Layer.mock(TokenApi, partial)
}

/**
 * The global `fetch` as it is at each call: a page may replace it at any time, for example to observe its requests. By
 * default, Effect keeps the one that it finds first.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as FetchHttpClient from "effect/http/FetchHttpClient"

const globals: { readonly fetch: typeof globalThis.fetch } = globalThis

const current: typeof globalThis.fetch = (input, init) => globals.fetch(input, init)

/** Leaves a `Fetch` in force that the app has provided. */
export const layer: Layer.Layer<never> = Layer.effect(
  FetchHttpClient.Fetch,
  Effect.contextWith((context: Context.Context<never>) =>
    Effect.succeed(Context.getOrUndefined(context, FetchHttpClient.Fetch) ?? current)
  )
)

import * as Effect from "effect/Effect"
import { lazy } from "../../codec/lazy.ts"
import { caller } from "../../http/call.ts"
import { Transport } from "../../http/Transport.ts"

/** Builds a REST service over the session's transport, at its first use. */
export const make = <A extends object>(
  build: (call: ReturnType<typeof caller>) => A
): Effect.Effect<A, never, Transport> =>
  Effect.map(Transport, ({ httpClient }) => lazy(() => build(caller(httpClient))))

import * as Effect from "effect/Effect"
import { caller } from "../../http/call.ts"
import { Transport } from "../../http/Transport.ts"
import { lazily } from "../../platform/lazily.ts"

/** Builds a REST service over the session's transport, at its first use. */
export const make = <A extends object>(
  build: (call: ReturnType<typeof caller>) => A
): Effect.Effect<A, never, Transport> => lazily(Effect.map(Transport, ({ httpClient }) => build(caller(httpClient))))

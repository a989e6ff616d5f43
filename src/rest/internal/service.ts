import * as Effect from "effect/Effect"
import { forSession } from "../../http/call.ts"
import { Transport } from "../../http/Transport.ts"

/** Builds a REST service over the session's transport. */
export const make = <A>(build: (session: ReturnType<typeof forSession>) => A): Effect.Effect<A, never, Transport> =>
  Effect.map(Transport, ({ httpClient }) => build(forSession(httpClient)))

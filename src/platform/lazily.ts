/**
 * Services that are built at their first use: most sessions use a few of them, and a process may hold many sessions.
 */
import * as Effect from "effect/Effect"
import { lazy } from "../codec/lazy.ts"

/**
 * A service that is built once one of its members is used or listed, so that it can also be spread. Building it must
 * neither wait nor fail.
 */
export const lazily = <Service extends object, R>(
  make: Effect.Effect<Service, never, R>
): Effect.Effect<Service, never, R> =>
  Effect.map(Effect.context<R>(), (context) => lazy(() => Effect.runSyncWith(context)(make)))

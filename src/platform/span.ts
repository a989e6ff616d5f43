/**
 * Spans that cost nothing while nobody traces.
 */
import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"

/** A span around an effect. Without a tracer that exports spans there is none. */
export const withSpan =
  (name: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withFiber((fiber) =>
      fiber.getRef(Tracer.Tracer) === Tracer.nativeTracer
        ? effect
        : Effect.useSpan(name, (span) => Effect.withParentSpan(effect, span))
    )

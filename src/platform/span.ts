/**
 * Spans that cost nothing while nobody traces. Kinds and attributes follow OpenTelemetry's conventions for messaging and
 * HTTP; the spans of HTTP requests are those of Effect's client.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Tracer from "effect/Tracer"

type Attributes = Readonly<Record<string, unknown>>

/** What a span tells. The functions run only where something traces. */
export interface Traits<A> {
  readonly kind: Tracer.SpanKind
  readonly attributes: () => Attributes
  /** What the result adds. */
  readonly found?: (value: A) => Attributes
  /** Whether the span has no parent. */
  readonly root?: boolean
}

const note = (span: Tracer.Span, attributes: Attributes) => {
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) span.attribute(name, value)
}

/** The tag of an error's reason. */
const typeOf = (cause: Cause.Cause<unknown>): unknown => {
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  const reason = Predicate.hasProperty(error, "reason") ? error.reason : undefined
  return Predicate.hasProperty(reason, "_tag") ? reason._tag : undefined
}

/** A span around an effect. Without a tracer that exports spans there is none. */
export const withSpan =
  <A>(name: string, traits?: Traits<A>) =>
  <B extends A, E, R>(effect: Effect.Effect<B, E, R>): Effect.Effect<B, E, R> =>
    Effect.withFiber((fiber) =>
      fiber.getRef(Tracer.Tracer) === Tracer.nativeTracer
        ? effect
        : Effect.useSpan(name, { kind: traits?.kind, root: traits?.root }, (span) => {
            note(span, traits?.attributes() ?? {})
            return effect.pipe(
              Effect.tap((value) => Effect.sync(() => note(span, traits?.found?.(value) ?? {}))),
              Effect.tapCause((cause) => Effect.sync(() => note(span, { "error.type": typeOf(cause) }))),
              Effect.withParentSpan(span)
            )
          })
    )

/** Where a span's call goes, by the URL of the backend. */
export const server = (baseUrl: string): Attributes => {
  const { hostname, port, protocol } = new URL(baseUrl)
  return { "server.address": hostname, "server.port": port === "" ? (protocol === "https:" ? 443 : 80) : Number(port) }
}

/** What a span tells of an operation of the connection. */
export const messaging = (operation: string, type?: "create" | "send" | "process"): Attributes => ({
  "messaging.system": "kefu",
  "messaging.operation.name": operation,
  "messaging.operation.type": type
})

/** The `messageId` and the `conversationId` of a value, as texts, which OpenTelemetry asks for. */
export const ids = (value: unknown): Attributes => ({
  "messaging.message.id": text(value, "messageId"),
  "messaging.message.conversation_id": text(value, "conversationId")
})

const text = (value: unknown, key: string) => {
  const id = Predicate.hasProperty(value, key) ? value[key] : undefined
  return typeof id === "number" || typeof id === "string" ? `${id}` : undefined
}

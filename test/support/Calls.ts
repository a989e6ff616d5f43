/**
 * Checks the calls of a REST service against a table: the exact request, and the result made from the response.
 */
import { assert, describe, it } from "@effect/vitest"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { KefuConfig } from "../../src/KefuConfig.ts"
import type { KefuError } from "../../src/KefuError.ts"
import type { Transport } from "../../src/http/Transport.ts"
import * as Recorder from "./Recorder.ts"
import * as Spans from "./Spans.ts"

export interface Call<S> {
  /** As in `list({ page: 1 })`. */
  readonly title: string
  readonly run: (api: S) => Effect.Effect<unknown, KefuError>
  /** Method, path with query, and body, as on the wire. */
  readonly sends: readonly [method: string, address: string, body?: unknown]
  /** The backend's response, as on the wire. Undefined: 204 without a body. */
  readonly answer?: unknown
  /** The result of the call. Undefined for calls whose response is unknown. */
  readonly gets?: unknown
}

/** What one call sends to the test's backend. */
export const through = <I, S, A>(
  service: Context.Service<I, S>,
  layer: Layer.Layer<I, never, Transport | KefuConfig>,
  run: (api: S) => Effect.Effect<A, KefuError>,
  backend: ReturnType<typeof Recorder.make>
): Effect.Effect<A, KefuError> =>
  Effect.flatMap(service, run).pipe(
    Effect.provide(Layer.provide(layer, Recorder.transport(backend.client, { retry: false })))
  )

export const check = <I, S>(
  service: Context.Service<I, S>,
  layer: Layer.Layer<I, never, Transport | KefuConfig>,
  calls: ReadonlyArray<Call<S>>
): void => {
  const name = service.key.replace(/^.*\//, "")
  for (const call of calls) {
    const method = `${name}.${call.title.replace(/\(.*/, "")}`
    describe(`${name}.${call.title}`, () => {
      it.effect(call.sends.slice(0, 2).join(" "), () =>
        Effect.gen(function* () {
          const backend = Recorder.make(() =>
            call.answer === undefined ? new Response(null, { status: 204 }) : Recorder.json(call.answer)
          )
          assert.deepStrictEqual(yield* through(service, layer, call.run, backend), call.gets)
          const [verb, address, body] = call.sends
          const [seen, ...others] = backend.seen
          assert.deepStrictEqual(others, [])
          assert.deepStrictEqual([seen?.method, seen?.url], [verb, `https://kefu.test/api/v1${address}`])
          assert.deepStrictEqual(seen?.body === undefined ? undefined : JSON.parse(seen.body), body)
          assert.strictEqual(seen?.headers["content-type"], body === undefined ? undefined : "application/json")
          assert.strictEqual(seen?.headers.authorization, `Bearer ${Recorder.secret}`)
        })
      )

      it.effect("is one span, and one kind of error", () =>
        Effect.gen(function* () {
          const { spans, tracer } = Spans.make()
          const backend = Recorder.make(() => Recorder.json({ message: "no such thing" }, { status: 404 }))
          const error = yield* Effect.flip(Effect.asVoid(through(service, layer, call.run, backend))).pipe(
            Effect.withTracer(tracer)
          )
          assert.strictEqual(error.method, method)
          assert.deepInclude(error.reason, { _tag: "NotFound", detail: "no such thing" })
          assert.include(
            spans.map((span) => span.name),
            method
          )
        })
      )

      it.effect("a response that is not JSON is reported for this call", () =>
        Effect.gen(function* () {
          const backend = Recorder.make(() => new Response("<html>", { headers: { "content-type": "text/html" } }))
          const error = yield* Effect.flip(Effect.asVoid(through(service, layer, call.run, backend)))
          assert.strictEqual(error.method, method)
          assert.strictEqual(error.reason._tag, "UnexpectedResponse")
        })
      )
    })
  }
}

/** An argument that is rejected before anything is sent, and the field that the error names. */
export const refuses = <I, S>(
  service: Context.Service<I, S>,
  layer: Layer.Layer<I, never, Transport | KefuConfig>,
  refused: ReadonlyArray<readonly [title: string, field: string, run: (api: S) => Effect.Effect<unknown, KefuError>]>
): void => {
  for (const [title, field, run] of refused) {
    it.effect(`refuses ${title}, naming ${field}`, () =>
      Effect.gen(function* () {
        const backend = Recorder.make(() => Recorder.json({}))
        const { reason } = yield* Effect.flip(Effect.asVoid(through(service, layer, run, backend)))
        assert.strictEqual(reason._tag === "InvalidRequest" ? reason.field : reason._tag, field)
        assert.deepStrictEqual(backend.seen, [])
      })
    )
  }
}

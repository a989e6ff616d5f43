/**
 * Traces, metrics and logs over OTLP: every call of the SDK is a span, and its metrics are named `kefu_*`. Set `KEFU_BASE_URL`
 * and `OTEL_EXPORTER_OTLP_ENDPOINT`, for example to `http://127.0.0.1:4318` of an OpenTelemetry collector.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Otlp from "effect/observability/Otlp"
import { Kefu, Outbox } from "../src/index.ts"

const telemetry = Layer.unwrap(
  Effect.map(Config.String("OTEL_EXPORTER_OTLP_ENDPOINT"), (baseUrl) =>
    Otlp.layerJson({ baseUrl, resource: { serviceName: "a-visitor" } })
  )
).pipe(Layer.provide(FetchHttpClient.layer))

const visit = Outbox.use((outbox) => outbox.send({ messageType: "Text", content: "你好" })).pipe(
  Effect.tap(({ state }) => Effect.log(state._tag)),
  Effect.withSpan("visit"),
  Effect.provide(Kefu.layerConfig())
)

visit.pipe(Effect.provide(telemetry), NodeRuntime.runMain)

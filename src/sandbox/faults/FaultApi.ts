/**
 * The HTTP API to inject faults, for programs in any language that test against a running sandbox.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as OpenApi from "effect/http-api/OpenApi"
import * as Layer from "effect/Layer"
import { Forbidden } from "../../wire/ApiError.ts"
import { FaultPlan } from "./FaultPlan.ts"
import { SandboxFaults } from "./SandboxFaults.ts"

/**
 * The path of the API to inject faults.
 *
 * @category constants
 * @since 0.1.0
 */
export const faultsPath = "/sandbox/faults"

/**
 * The endpoints to list, inject and clear faults.
 *
 * @category groups
 * @since 0.1.0
 */
export class FaultsGroup extends HttpApiGroup.make("faults").add(
  HttpApiEndpoint.get("list", faultsPath, { success: FaultPlan, error: Forbidden }).annotate(
    OpenApi.Description,
    "The faults that have not ended. Like all of these endpoints, for callers on this machine only."
  ),
  HttpApiEndpoint.post("inject", faultsPath, {
    payload: FaultPlan,
    success: HttpApiSchema.NoContent,
    error: Forbidden
  }).annotate(OpenApi.Description, "Injects faults. Their times are milliseconds from now."),
  HttpApiEndpoint.delete("clear", faultsPath, { success: HttpApiSchema.NoContent, error: Forbidden }).annotate(
    OpenApi.Description,
    "Ends all faults."
  )
) {}

/**
 * The sandbox's own API, besides the backend's.
 *
 * @category api
 * @since 0.1.0
 */
export class ControlApi extends HttpApi.make("sandbox").add(FaultsGroup) {}

const loopback = /^(?:127\.|::1$|::ffff:127\.)/

/** Requests without an address come from this process. */
const localOnly = Effect.gen(function* () {
  const { remoteAddress } = yield* HttpServerRequest.HttpServerRequest
  if (remoteAddress._tag === "None" || loopback.test(remoteAddress.value)) return
  return yield* new Forbidden({ message: "Faults can be injected only from the sandbox's own machine" })
})

/**
 * The routes. They need `SandboxFaults`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = HttpApiBuilder.layer(ControlApi).pipe(
  Layer.provide(
    HttpApiBuilder.group(
      ControlApi,
      "faults",
      Effect.fn(function* (handlers) {
        const { clear, faults, inject } = yield* SandboxFaults
        return handlers.handleAll({
          list: Effect.fn("Faults.list")(function* () {
            yield* localOnly
            return yield* faults
          }),
          inject: Effect.fn("Faults.inject")(function* ({ payload }) {
            yield* localOnly
            yield* inject(...payload)
          }),
          clear: Effect.fn("Faults.clear")(function* () {
            yield* localOnly
            yield* clear
          })
        })
      })
    )
  )
)

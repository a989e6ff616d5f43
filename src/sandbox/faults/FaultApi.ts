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
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { didYouMean } from "../../codec/similar.ts"
import { Forbidden } from "../../wire/ApiError.ts"
import { Fault } from "./Fault.ts"
import { FaultPlan } from "./FaultPlan.ts"
import { SandboxFaults } from "./SandboxFaults.ts"

/**
 * The path of the API to inject faults.
 *
 * @category constants
 * @since 0.1.0
 */
export const faultsPath = "/sandbox/faults"

const kinds = Fault.members.map(({ fields }) => fields._tag.schema.literal)

/** What is wrong with a fault that is of no kind. */
const unknownKind = (fault: unknown): string => {
  const tag = Predicate.hasProperty(fault, "_tag") ? fault._tag : undefined
  const said =
    typeof tag === "string"
      ? `there is no fault ${JSON.stringify(tag)}${didYouMean(tag, kinds) || "."}`
      : "it has no _tag."
  return `${said} The faults are ${kinds.join(", ")}`
}

/**
 * Faults as programs give them: one of an unknown kind is told in one sentence, not by the types of all kinds. Decode them
 * with `reportInput`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Posted = Schema.Array(
  Fault.pipe(
    Schema.middlewareDecoding(
      Effect.mapError((issue) =>
        issue._tag === "AnyOf" && issue.issues.length === 0 && SchemaIssue.hasInput(issue)
          ? new SchemaIssue.InvalidValue({ message: unknownKind(issue.input) })
          : issue
      )
    )
  )
)

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
    payload: Posted,
    success: HttpApiSchema.NoContent,
    error: Forbidden
  })
    .annotate(OpenApi.Description, "Injects faults. Their times are milliseconds from now.")
    .annotate(HttpApi.PayloadParseOptions, { reportInput: true }),
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

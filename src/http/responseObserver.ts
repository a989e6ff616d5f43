import * as Context from "effect/Context"
import type { ErrorResponse } from "../KefuError.ts"

/**
 * Sees the final response of each successful call, with the body parsed and its keys as they came (`undefined` where it
 * was empty). The façade passes it to apps that read the status, the headers or fields that no schema of ours has.
 */
export const ResponseObserver = Context.Reference<(response: ErrorResponse) => void>(
  "effect-kefu/http/responseObserver/ResponseObserver",
  { defaultValue: () => () => {} }
)

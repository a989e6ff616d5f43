/**
 * Runs effects for promises that always settle: with their value, a `KefuError`, or the reason of an abort signal.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { Cancelled, Closed, DeliveryUnknown, KefuError, type KefuErrorReason, RequestTimeout } from "../KefuError.ts"
import { callError, invalid } from "./arguments.ts"
import { messageOf } from "./thrown.ts"
import type { CallOptions } from "./options.ts"

/** Set by a send that the caller gives up. */
export interface SendStatus {
  /** It was handed to a connection, so it may arrive. */
  mayArrive: boolean
}

export interface Call<A, R> {
  readonly method: string
  readonly effect: Effect.Effect<A, KefuError, R>
  readonly options: CallOptions | undefined
  readonly run: (
    effect: Effect.Effect<A, KefuError, R>,
    options: Effect.RunOptions & { readonly onExit: (exit: Exit.Exit<A, KefuError>) => void }
  ) => void
  /** Rewrites an error in the caller's terms. */
  readonly explain: (error: KefuError) => KefuError
  readonly send?: SendStatus | undefined
  // Those of the promise.
  readonly resolve: (value: A) => void
  readonly reject: (error: unknown) => void
}

export const settle = <A, R>(call: Call<A, R>): void => {
  const { explain, method, options, reject, resolve, run, send } = call
  const refused = callError(method, options)
  if (refused !== undefined) return reject(refused)
  const signal = options?.signal ?? undefined
  if (signal?.aborted === true) return reject(abortReason(signal))
  const effect = withTimeout(call).pipe(
    Effect.tap(() => Effect.logDebug(method, "succeeded")),
    Effect.tapError((error) => Effect.logDebug(explain(error.at(method)).message))
  )
  const failure = (cause: Cause.Cause<KefuError>): unknown => {
    if (Cause.hasInterruptsOnly(cause)) {
      if (signal?.aborted !== true) return disposed(method)
      if (send?.mayArrive !== true) return abortReason(signal)
      const detail = "it was already being sent when it was aborted"
      return new KefuError({ method, reason: new DeliveryUnknown({ detail }) })
    }
    const error = Cause.squash(cause)
    // A defect: an argument of untyped code that a check has overlooked.
    return error instanceof KefuError ? explain(error.at(method)) : invalid(method, "", messageOf(error))
  }
  run(effect, {
    signal,
    onExit: (exit) => (Exit.isSuccess(exit) ? resolve(exit.value) : reject(failure(exit.cause)))
  })
}

export const disposed = (method: string): KefuError =>
  new KefuError({ method, reason: new Closed({ detail: "the client was disposed", remedy: "build a new client" }) })

const withTimeout = <A, R>({ effect, method, options, send }: Call<A, R>): Effect.Effect<A, KefuError, R> => {
  const limit = options?.timeout
  if (limit === undefined || limit === null || limit === 0 || !Number.isFinite(limit)) return effect
  const reason = (): KefuErrorReason => {
    if (send === undefined) return new RequestTimeout({ afterMillis: limit, option: "timeout" })
    return send.mayArrive
      ? new DeliveryUnknown({ detail: `it was sent, but not acknowledged within its timeout of ${limit} ms` })
      : new Cancelled({ detail: `it was not sent within its timeout of ${limit} ms` })
  }
  return Effect.timeoutOrElse(effect, {
    duration: limit,
    orElse: () => Effect.fail(new KefuError({ method, reason: reason() }))
  })
}

const abortReason = ({ reason }: AbortSignal): unknown =>
  reason instanceof Error || reason instanceof DOMException
    ? reason
    : new DOMException("The call was aborted", "AbortError")

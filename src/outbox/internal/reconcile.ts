/**
 * What happens to a send whose acknowledgement did not come.
 *
 * **The connection ended before the acknowledgement.** The wire carries no id of ours on a message, but it is ordered: the
 * backend handles the frames of a connection one after the other. The outbox hands over one send of each lane at a time
 * and notes the latest message id seen by then. One second after the reconnection it reads the history:
 *
 * - The only own message newer than the noted id has this content: it is this send, `Sent`.
 * - No own message is newer, and the history reaches back to the noted id: the send was lost and goes out again.
 * - Anything else is `DeliveryUnknown` and is not sent again unasked: other own messages, a history that is cut short or
 *   cannot be read, a recalled message that may have been this one, an equal message whose own outcome is unknown.
 *
 * This relies on three more facts. Ids grow. The account writes from one connection at a time: the backend ends the older
 * of two (event 301), so frames still on their way over a lost connection are no longer handled once its successor has
 * been open for a second. And the history shows what was handled.
 *
 * **The connection lives.** The backend ignores a message that it refuses. After `ackTimeout` the outbox sends a ping. Since
 * frames are handled in order, the answer shows that the message is in the history (`Sent`) or was refused (`Failed` with
 * `AckTimeout`). If the ping is not answered either, the link is dead: its connection ends, and the next one decides.
 *
 * **Another session of the account.** Equal messages of two sessions look the same. A message that is found after another
 * session has connected may be that session's: `DeliveryUnknown`, unless both share a store, which tells them apart. The
 * history of another account tells nothing: `DeliveryUnknown`, too.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"
import type { User } from "../../domain/User.ts"
import type { KefuError, RequestReason } from "../../KefuError.ts"
import * as metrics from "../../platform/metrics.ts"
import type { Realtime } from "../../realtime/Realtime.ts"
import type { UploadApi } from "../../rest/UploadApi.ts"
import { OutboxState } from "../OutboxState.ts"
import { holds } from "../payload.ts"
import { connected, ended, until } from "./waits.ts"
import type { History } from "./history.ts"
import type { Attempt, Ledger } from "./ledger.ts"
import { type Outcome, outcomes } from "./match.ts"
import type { Persistence } from "./persistence.ts"
import { isOpen, type Registry, type Send, settled } from "./registry.ts"
import { relevant, type Siblings } from "./siblings.ts"

/** What the way of a send uses. */
export interface Needs {
  /** How often the token was replaced by one that may be another account's. */
  readonly generation: Effect.Effect<number>
  readonly history: History
  /** Waits until it is known whose session it is, or cannot be found out quickly. */
  readonly identified: (connection: number) => Effect.Effect<unknown>
  readonly ledger: Ledger
  /** How long a send waits for a connection, in milliseconds. */
  readonly lifetime: number
  readonly persistence: Persistence
  readonly realtime: Realtime["Service"]
  readonly sends: Registry
  readonly siblings: Siblings | undefined
  readonly uploads: UploadApi["Service"]
  /** The current user, as far as known. */
  readonly user: () => User | undefined
  /** Waits until frames of earlier connections are no longer handled; false if the connection ends before. */
  readonly calm: (connection: number) => Effect.Effect<boolean>
}

/** How often an unreadable history is read again. */
const rereads = 4

/** The delay after so many failures in a row. */
export const pause = (failures: number): Duration.Duration => Duration.seconds(Math.min(30, 2 ** failures))

/** Finds out what has become of an attempt without an acknowledgement: settles the send or puts it back to wait. */
export const reconcile = Effect.fn("Outbox.reconcile")(function* (needs: Needs, send: Send, attempt: Attempt) {
  const { ledger, lifetime, persistence, realtime, sends } = needs
  const tooLate = until(Math.max(send.deadline, attempt.handedAt + lifetime))
  const connection = yield* Effect.raceAllFirst([
    connected(realtime, attempt.ended ? attempt.connection + 1 : undefined),
    tooLate,
    settled(send)
  ])
  if (!isOpen(send)) return
  if (connection === undefined) {
    if (yield* persistence.isTaken(send)) return
    return yield* sends.unknown(send, "no connection came back in time to look for it")
  }
  yield* persistence.claim(connection)
  if (!isOpen(send)) return
  const isSame = connection === attempt.connection
  if (isSame) {
    const ping = yield* Effect.result(realtime.ping({ connection }))
    if (Result.isFailure(ping)) {
      // A link that answers nothing is dead: its connection ends, and the next one shows what has become of the send.
      if (ping.failure.reason._tag === "AckTimeout") {
        yield* Effect.raceAllFirst([ended(realtime, connection), tooLate, settled(send)])
      }
      attempt.ended = true
      return
    }
  } else if (!(yield* needs.calm(connection))) return
  const found = yield* Effect.raceFirst(look(needs, attempt), ended(realtime, connection))
  if (found === undefined || !isOpen(send)) return
  if (Result.isFailure(found)) {
    const { reason } = found.failure
    if (reason.isRetryable && send.failures++ < rereads) return yield* Effect.sleep(pause(send.failures))
    return yield* sends.unknown(send, `the history could not be read: ${reason.message}`)
  }
  send.failures = 0
  const outcome = found.success
  if (outcome._tag === "Unclear") return yield* sends.unknown(send, outcome.detail)
  if (outcome._tag === "Arrived") {
    ledger.sent(attempt, outcome.id)
    return yield* sends.settle(send, OutboxState.Sent({ id: outcome.id }))
  }
  const { failure } = attempt
  if (failure?._tag === "UnexpectedResponse") {
    return yield* sends.unknown(send, "it was acknowledged, but the history does not show it")
  }
  if (failure?._tag === "RequestTooLarge" || (failure?._tag === "AckTimeout" && isSame)) {
    return yield* sends.refuse(send, attempt, failure)
  }
  sends.requeue(send, attempt)
  yield* Metric.update(metrics.outboxResends, 1)
})

/** Looks for the earlier attempts of a send that the app retries; settles it if one has arrived. */
export const recheck = Effect.fnUntraced(function* (needs: Needs, send: Send) {
  const { ledger, sends } = needs
  for (const attempt of send.doubts) {
    const found = yield* look(needs, attempt)
    if (Result.isFailure(found) || found.success._tag === "Unclear") continue
    ledger.end(attempt)
    send.doubts = send.doubts.filter((doubt) => doubt !== attempt)
    if (found.success._tag === "Missing") continue
    ledger.sent(attempt, found.success.id)
    return yield* sends.settle(send, OutboxState.Sent({ id: found.success.id }))
  }
})

/** What the history says of an attempt. */
const look = (needs: Needs, attempt: Attempt): Effect.Effect<Result.Result<Outcome, KefuError<RequestReason>>> =>
  Effect.result(
    Effect.gen(function* (): Effect.fn.Return<Outcome, KefuError<RequestReason>> {
      const { history, ledger } = needs
      const { account, after, content, generation, superseded, target } = attempt
      const unclear = (detail: string): Outcome => ({ _tag: "Unclear", detail })
      if (after === undefined) return unclear("it was not known what the conversation held before")
      const { id } = yield* history.me
      const isSameLogin = account === undefined && (yield* needs.generation) === generation
      if (account !== id && !isSameLogin) return unclear("it was sent by another account")
      const { complete, own } = yield* history.read(target, after)
      const others = own.filter((message) => !ledger.isOurs(message.id))
      const unclaimed = yield* relevant(needs.siblings, others, content)
      const evidence = { open: [content], strays: ledger.strays(attempt), own: unclaimed, complete }
      const outcome = outcomes(evidence, holds)[0] ?? { _tag: "Missing" }
      return superseded && outcome._tag === "Arrived"
        ? unclear("another session of this account may have written the message that was found")
        : outcome
    })
  )

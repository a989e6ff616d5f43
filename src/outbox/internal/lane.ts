/**
 * The way of one send: its turn in the lane, a connection, the upload of its file, the hand-over, the acknowledgement.
 * Without an acknowledgement, `reconcile` decides.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { InvalidRequest, OutboxExpired, type SendReason } from "../../KefuError.ts"
import * as elapsed from "../../platform/elapsed.ts"
import * as sessionLog from "../../platform/sessionLog.ts"
import * as source from "../../rest/source.ts"
import type { SendPayload } from "../../wire/Frame.ts"
import type { FileDraft, OutboxDraft } from "../OutboxEntry.ts"
import { OutboxState } from "../OutboxState.ts"
import * as payload from "../payload.ts"
import { connected, ended } from "./waits.ts"
import type { Target } from "./ledger.ts"
import { type Needs, pause, recheck, reconcile } from "./reconcile.ts"
import { isOpen, isWaiting, type Lane, type Send, settled, writesToVisitors } from "./registry.ts"

/** How long a hand-over waits to learn which messages came before it. */
const orientation = Duration.seconds(2)

/** Serves a lane until it is empty. */
export const serve = (needs: Needs, lane: Lane): Effect.Effect<void> =>
  Effect.ensuring(
    takeTurns(needs, lane),
    Effect.sync(() => needs.sends.removeLane(lane))
  )

const takeTurns = Effect.fnUntraced(function* (needs: Needs, lane: Lane) {
  for (let send = needs.sends.head(lane); send !== undefined; send = needs.sends.head(lane)) {
    const current = send
    yield* Effect.catchDefect(step(needs, lane, current), (defect) =>
      Effect.andThen(
        sessionLog.about(current.entry.draft.conversationId)(
          Effect.logError("A send ended because of a defect", defect)
        ),
        needs.sends.unknown(current, "a defect ended it")
      )
    )
  }
})

/** Fails a send that still waits at its deadline. */
export const expired = Effect.fnUntraced(function* ({ lifetime, persistence, sends }: Needs, send: Send) {
  if (yield* persistence.isTaken(send)) return
  yield* sends.fail(send, new OutboxExpired({ afterMillis: lifetime }))
})

/** Takes the first send of a lane one step on. */
const step = Effect.fnUntraced(function* (needs: Needs, lane: Lane, send: Send) {
  const { identified, persistence, realtime } = needs
  if (send.attempt !== undefined) return yield* reconcile(needs, send, send.attempt)
  if ((yield* elapsed.now) >= send.deadline) return yield* expired(needs, send)
  const state = yield* realtime.state
  const connection =
    state._tag === "Connected" ? state.connection : yield* Effect.raceFirst(connected(realtime), settled(send))
  if (connection === undefined) return
  if (!(yield* persistence.claim(connection))) return yield* rest(send, Effect.never)
  if (needs.user() === undefined) yield* Effect.raceFirst(identified(connection), settled(send))
  // The claim may have shown that it was handed over, or that earlier sends wait.
  if (!isWaiting(send) || send.attempt !== undefined || lane.sends[0] !== send) return
  if (!isAddressed(needs, send) && !(yield* Effect.raceFirst(address(needs, send), settled(send)))) return
  const { draft } = send.entry
  if (draft.file !== undefined) return yield* Effect.raceFirst(upload(needs, send, draft), settled(send))
  if (send.recheck) {
    send.recheck = false
    yield* Effect.raceFirst(recheck(needs, send), settled(send))
  }
  if (isOpen(send) && send.message !== undefined) yield* handOver(needs, lane, send, send.message, connection)
})

/** Waits before the next try, longer each time, or until `change`. */
const rest = (send: Send, change: Effect.Effect<unknown>) =>
  Effect.suspend(() =>
    Effect.asVoid(Effect.raceAllFirst([Effect.sleep(pause(send.failures++)), change, settled(send)]))
  )

/** Whether nobody has to be named: a visitor's message, one whose recipient is known, or one that the backend judges. */
const isAddressed = ({ user }: Needs, { entry }: Send): boolean => {
  const me = user()
  return entry.draft.toId !== undefined || me === undefined || !writesToVisitors(me)
}

/** Names the visitor to whom a message of the staff goes. False if that is not known yet, or the send has failed. */
const address = Effect.fnUntraced(function* ({ history, ledger, sends }: Needs, send: Send) {
  const { conversationId } = send.entry.draft
  const found = yield* Effect.result(
    conversationId === undefined
      ? Effect.undefined
      : Effect.suspend(() => {
          const known = ledger.visitorOf(conversationId)
          return known === undefined ? history.visitorOf(conversationId) : Effect.succeed(known)
        })
  )
  if (Result.isFailure(found) && found.failure.isRetryable) {
    yield* rest(send, Effect.never)
    return false
  }
  if (Result.isFailure(found) || found.success === undefined) {
    yield* sends.fail(send, unaddressed())
    return false
  }
  sends.address(send, found.success)
  return true
})

/** Why a message of the staff without a recipient is not sent. */
export const unaddressed = () => new InvalidRequest({ field: "toId", detail: "name the visitor" })

/** Uploads the file of a send; its message then waits like any other. */
const upload = Effect.fnUntraced(function* (needs: Needs, send: Send, draft: OutboxDraft & FileDraft) {
  const { lifetime, persistence, sends, uploads } = needs
  sends.enter(send, OutboxState.Uploading({ loaded: 0, total: 0 }))
  const uploaded = yield* uploads.uploadWithProgress(draft.file).pipe(
    Stream.tap((event) =>
      Effect.sync(() => {
        if (event._tag === "Progress") sends.enter(send, OutboxState.Uploading(event))
      })
    ),
    Stream.runLast,
    Effect.result
  )
  if (Result.isFailure(uploaded)) {
    const { reason } = uploaded.failure
    if (!reason.isRetryable) return yield* sends.fail(send, reason)
    sends.enter(send, OutboxState.Queued())
    return yield* rest(send, Effect.never)
  }
  const event = Option.getOrUndefined(uploaded.success)
  if (event?._tag !== "Uploaded") return yield* Effect.die("an upload ended without a result")
  const { byteSize, contentType, filename } = yield* Effect.orDie(source.read(draft.file))
  const { conversationId, messageType, toId } = draft
  const content = { ...draft.content, url: event.file.url, filename, contentType, byteSize, blobId: event.file.id }
  send.message = yield* Effect.orDie(payload.fixed("Outbox.send", { messageType, content, toId }))
  send.deadline = (yield* elapsed.now) + lifetime
  send.failures = 0
  sends.enter(send, OutboxState.Queued(), { draft: { conversationId, toId, messageType, content } })
  yield* persistence.save(send)
})

/** The latest message id before a hand-over, as far as it can be learned quickly. */
const orient = ({ history }: Needs, target: Target): Effect.Effect<number | undefined> =>
  history.newest(target).pipe(
    Effect.timeoutOrElse({ duration: orientation, orElse: () => Effect.undefined }),
    Effect.orElseSucceed(() => undefined)
  )

/** Hands a send to a connection and waits for the acknowledgement. */
const handOver = Effect.fnUntraced(function* (
  needs: Needs,
  lane: Lane,
  send: Send,
  message: SendPayload,
  connection: number
) {
  const { ledger, persistence, realtime, sends } = needs
  const target = { conversationId: send.entry.draft.conversationId, toId: payload.recipientOf(message) }
  const after = ledger.bound(target.conversationId) ?? (yield* Effect.raceFirst(orient(needs, target), settled(send)))
  const generation = yield* needs.generation
  if (!isOpen(send) || lane.sends[0] !== send) return
  const attempt = ledger.begin({
    target,
    content: payload.ofSend(message),
    after,
    connection,
    handedAt: yield* elapsed.now,
    account: needs.user()?.id,
    generation
  })
  send.attempt = attempt
  sends.enter(send, OutboxState.Sending())
  const isRecorded = yield* persistence.record(send)
  if (!isOpen(send)) return
  if (!isRecorded) {
    sends.requeue(send, attempt)
    return yield* Effect.raceFirst(ended(realtime, connection), settled(send))
  }
  const sent = yield* Effect.result(realtime.send(message, { connection }))
  if (Result.isSuccess(sent)) {
    const { messageId } = sent.success
    ledger.acknowledged(attempt, messageId)
    return yield* sends.settle(send, OutboxState.Sent({ id: messageId }))
  }
  const { reason } = sent.failure
  if (mayHaveArrived.has(reason._tag)) {
    attempt.failure = reason
    attempt.ended = reason._tag === "DeliveryUnknown" || reason._tag === "RequestTooLarge"
    return
  }
  if (reason._tag === "InvalidRequest") return yield* sends.refuse(send, attempt, reason)
  sends.requeue(send, attempt)
  // Otherwise a restart would take it for one that may have arrived.
  yield* persistence.record(send)
  yield* rest(send, ended(realtime, connection))
})

/** The failures of `Realtime.send` after the message went out; `reconcile` finds out what has become of it. */
const mayHaveArrived: ReadonlySet<SendReason["_tag"]> = new Set([
  "DeliveryUnknown",
  "AckTimeout",
  "RequestTooLarge",
  "UnexpectedResponse"
])

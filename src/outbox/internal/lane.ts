/**
 * The way of one send: its turn in the lane, a connection, the upload of its file, the hand-over, the acknowledgement.
 * Without an acknowledgement, `reconcile` decides.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { type KefuErrorReason, OutboxExpired } from "../../KefuError.ts"
import * as source from "../../rest/source.ts"
import type { SendPayload } from "../../wire/Frame.ts"
import type { FileDraft, OutboxDraft } from "../OutboxEntry.ts"
import { OutboxState } from "../OutboxState.ts"
import * as payload from "../payload.ts"
import { connected, until } from "./connection.ts"
import type { Target } from "./ledger.ts"
import { type Needs, pause, recheck, reconcile } from "./reconcile.ts"
import { isOpen, type Lane, type Send, settled } from "./registry.ts"

/** How long a hand-over waits to learn which messages came before it. */
const orientation = Duration.seconds(2)

/** Serves a lane until it is empty. */
export const serve = (needs: Needs, lane: Lane): Effect.Effect<void> =>
  Effect.raceFirst(takeTurns(needs, lane), expire(needs, lane)).pipe(
    Effect.ensuring(Effect.sync(() => needs.sends.removeLane(lane)))
  )

const takeTurns = Effect.fnUntraced(function* (needs: Needs, lane: Lane) {
  for (let send = needs.sends.head(lane); send !== undefined; send = needs.sends.head(lane)) {
    const current = send
    yield* Effect.catchDefect(step(needs, lane, current), (defect) =>
      Effect.andThen(
        Effect.logError("A send ended because of a defect", defect),
        needs.sends.unknown(current, "a defect ended it")
      )
    )
  }
})

/** Fails each send of a lane that still waits at its deadline. */
const expire = Effect.fnUntraced(function* (needs: Needs, lane: Lane) {
  while (true) {
    yield* lane.deadlines.close
    const now = yield* Clock.currentTimeMillis
    const isDue = ({ deadline, entry }: Send) => entry.state._tag === "Queued" && deadline <= now
    yield* Effect.uninterruptible(
      Effect.forEach([...lane.sends], (send) => (isDue(send) ? expired(needs, send) : Effect.void), { discard: true })
    )
    const next = Math.min(...lane.sends.map(({ deadline }) => deadline).filter((deadline) => deadline > now))
    yield* Effect.raceFirst(until(next), lane.deadlines.await)
  }
})

const expired = ({ lifetime, sends }: Needs, send: Send) =>
  sends.fail(send, new OutboxExpired({ afterMillis: lifetime }))

/** Takes the first send of a lane one step on. */
const step = Effect.fnUntraced(function* (needs: Needs, lane: Lane, send: Send) {
  const { persistence, realtime } = needs
  if (send.attempt !== undefined) return yield* reconcile(needs, send, send.attempt)
  if ((yield* Clock.currentTimeMillis) >= send.deadline) return yield* expired(needs, send)
  const connection = yield* Effect.raceFirst(connected(realtime), settled(send))
  if (connection === undefined) return
  if (!(yield* persistence.claim(connection))) {
    return yield* Effect.raceFirst(Effect.sleep(pause(send.failures++)), settled(send))
  }
  const { draft } = send.entry
  if (draft.file !== undefined) return yield* Effect.raceFirst(upload(needs, lane, send, draft), settled(send))
  if (send.recheck) {
    send.recheck = false
    yield* Effect.raceFirst(recheck(needs, send), settled(send))
  }
  if (isOpen(send) && send.message !== undefined) yield* handOver(needs, lane, send, send.message, connection)
})

/** Uploads the file of a send; its message then waits like any other. */
const upload = Effect.fnUntraced(function* (needs: Needs, lane: Lane, send: Send, draft: OutboxDraft & FileDraft) {
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
    return yield* Effect.sleep(pause(send.failures++))
  }
  const event = Option.getOrUndefined(uploaded.success)
  if (event?._tag !== "Uploaded") return yield* Effect.die("an upload ended without a result")
  const { byteSize, contentType, filename } = yield* Effect.orDie(source.read(draft.file))
  const { conversationId, messageType, toId } = draft
  const content = { ...draft.content, url: event.file.url, filename, contentType, byteSize, blobId: event.file.id }
  send.message = yield* Effect.orDie(payload.fixed("Outbox.send", { messageType, content, toId }))
  send.deadline = (yield* Clock.currentTimeMillis) + lifetime
  send.failures = 0
  sends.enter(send, OutboxState.Queued(), { draft: { conversationId, toId, messageType, content } })
  lane.deadlines.openUnsafe()
  yield* persistence.saveSoon
})

/** The latest message id before a hand-over, as far as it can be learned quickly. */
const orient = ({ history, ledger }: Needs, target: Target): Effect.Effect<number | undefined> =>
  Effect.suspend(() => {
    const bound = ledger.bound(target.conversationId)
    if (bound !== undefined) return Effect.succeed(bound)
    return history.newest(target).pipe(
      Effect.timeoutOrElse({ duration: orientation, orElse: () => Effect.undefined }),
      Effect.orElseSucceed(() => undefined)
    )
  })

/** Hands a send to a connection and waits for the acknowledgement. */
const handOver = Effect.fnUntraced(function* (
  needs: Needs,
  lane: Lane,
  send: Send,
  message: SendPayload,
  connection: number
) {
  const { ledger, persistence, realtime, sends } = needs
  const target = { conversationId: send.entry.draft.conversationId, toId: message.toId }
  const after = yield* Effect.raceFirst(orient(needs, target), settled(send))
  if (!isOpen(send) || lane.sends[0] !== send) return
  const handedAt = yield* Clock.currentTimeMillis
  const attempt = ledger.begin({ target, content: payload.ofSend(message), after, connection, handedAt })
  send.attempt = attempt
  send.failures = 0
  sends.enter(send, OutboxState.Sending())
  const isRecorded = yield* persistence.record(send)
  if (!isOpen(send)) return
  if (!isRecorded) {
    sends.requeue(send, attempt)
    return yield* Effect.raceFirst(Effect.sleep(pause(0)), settled(send))
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
  sends.requeue(send, attempt)
  if (reason._tag === "InvalidRequest") return yield* sends.fail(send, reason)
  yield* Effect.yieldNow
})

/** The failures of `Realtime.send` after the message went out; `reconcile` finds out what has become of it. */
const mayHaveArrived: ReadonlySet<KefuErrorReason["_tag"]> = new Set([
  "DeliveryUnknown",
  "AckTimeout",
  "RequestTooLarge",
  "UnexpectedResponse"
])

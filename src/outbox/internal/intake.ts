/**
 * Accepts sends: checks a draft, fixes its content, and gives it to its lane and to the store.
 */
import * as Brand from "effect/Brand"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Closed, type ConnectionReason, InvalidRequest, KefuError, OutboxFull, Superseded } from "../../KefuError.ts"
import * as elapsed from "../../platform/elapsed.ts"
import type { ConnectionState } from "../../realtime/ConnectionState.ts"
import * as source from "../../rest/source.ts"
import type { OutboxDraft, OutboxKey, SendOptions } from "../OutboxEntry.ts"
import { OutboxState } from "../OutboxState.ts"
import * as payload from "../payload.ts"
import { unaddressed } from "./lane.ts"
import type { Parts } from "./parts.ts"
import { makeSend, type Send, writesToVisitors } from "./registry.ts"

export const closedByApp = () => new Closed({ detail: "closed by the app" })
export const layerClosed = () => new Closed({ detail: "the layer was closed" })

/** Why no send can be accepted in this state of the connection. */
const refusal = (state: ConnectionState): ConnectionReason | undefined =>
  state._tag === "Superseded"
    ? new Superseded({})
    : state._tag === "Closed"
      ? (state.reason?.reason ?? closedByApp())
      : undefined

/** Without the run of a parser, which would check nothing. */
const keyOf = Brand.nominal<OutboxKey>()

export const make = (parts: Parts, listen: Effect.Effect<void>, isClosed: () => boolean) => {
  const { capacity, identity, ledger, lifetime, persistence, realtime, sends, session } = parts
  let keys = 0

  /** Fails where no send can be accepted. */
  const accepts = (method: string) =>
    Effect.flatMap(realtime.state, (state): Effect.Effect<void, KefuError<ConnectionReason | OutboxFull>> => {
      const reason =
        refusal(state) ??
        (isClosed() ? layerClosed() : sends.openCount >= capacity ? new OutboxFull({ capacity }) : undefined)
      return reason === undefined ? Effect.void : Effect.fail(new KefuError({ method, reason }))
    })

  /** Names the recipient of a message of the staff, as far as that needs no request. */
  const addressed = (method: string, { conversationId, toId }: Pick<OutboxDraft, "conversationId" | "toId">) => {
    const user = identity.user()
    if (toId !== undefined || user === undefined || !writesToVisitors(user)) return Effect.succeed(toId)
    if (conversationId !== undefined) return Effect.succeed(ledger.visitorOf(conversationId))
    return Effect.fail(new KefuError({ method, reason: unaddressed() }))
  }

  /** Gives a send to its lane, and stores it. */
  const begin = (send: Send) =>
    sends.add(send).pipe(
      Effect.andThen(listen),
      Effect.andThen(() => persistence.save(send)),
      Effect.as(send)
    )

  const add = Effect.fnUntraced(function* (method: string, draft: OutboxDraft, options?: SendOptions) {
    const known = options?.key === undefined ? undefined : sends.get(options.key)
    if (known !== undefined) return known
    const { messageType } = draft
    const conversationId = draft.conversationId ?? undefined
    if (conversationId !== undefined && !Number.isSafeInteger(conversationId)) {
      const reason = new InvalidRequest({ field: "conversationId", detail: "expected a whole number" })
      return yield* new KefuError({ method, reason })
    }
    const named = payload.recipientOf(draft)
    const toId = yield* addressed(method, { conversationId, toId: named })
    if (draft.file !== undefined) yield* Effect.mapError(source.read(draft.file), (error) => error.at(method))
    const content = draft.file === undefined ? draft.content : { ...draft.content, url: "" }
    const message = yield* payload.fixed(method, {
      messageType,
      content,
      toId: named === undefined ? (toId ?? draft.toId) : draft.toId
    })
    const enqueuedAt = yield* Clock.currentTimeMillis
    const key = options?.key ?? keyOf(`${enqueuedAt.toString(36)}-${++keys}-${session}`)
    const fixed = draft.file === undefined ? ({ ...draft, content: message.content } as OutboxDraft) : draft
    yield* accepts(method)
    const send = makeSend(
      { key, draft: { ...fixed, conversationId, toId }, enqueuedAt, state: OutboxState.Queued() },
      draft.file === undefined ? message : undefined,
      (yield* elapsed.now) + lifetime,
      sends.nextOrder()
    )
    return yield* begin(send)
  })

  /** Adds a settled send again, as the last of its lane. */
  const again = Effect.fnUntraced(function* (method: string, { attempt, doubts, entry, message }: Send) {
    yield* accepts(method)
    const send = makeSend(
      { ...entry, enqueuedAt: yield* Clock.currentTimeMillis, state: OutboxState.Queued() },
      message,
      (yield* elapsed.now) + lifetime,
      sends.nextOrder(),
      attempt === undefined ? doubts : [...doubts, attempt]
    )
    return yield* begin(send)
  })

  return { add, again }
}

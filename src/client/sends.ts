/**
 * The way of `client.sendMessage`: finds the recipient, hands the message to the outbox, and keeps the app's message
 * object up to date.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Semaphore from "effect/Semaphore"
import type { ConversationId, UserId } from "../domain/Id.ts"
import { isVisitor } from "../domain/Perspective.ts"
import type { Inbox } from "../inbox/Inbox.ts"
import { InvalidRequest, KefuError } from "../KefuError.ts"
import type { Outbox } from "../outbox/Outbox.ts"
import type { OutboxDraft } from "../outbox/OutboxEntry.ts"
import type { SendPayload } from "../wire/Frame.ts"
import type { Directory } from "./directory.ts"
import type { Notifier } from "./notifier.ts"
import type { SendStatus } from "./promises.ts"
import type { Flagged, ReadFlags } from "./readFlags.ts"

/** A message of the app, with the fields that matter here. */
export interface Sendable extends Flagged {
  id: number
  conversationId: number
  readonly messageType?: unknown
  readonly content?: unknown
}

/** How long a send waits for the current user. */
const patience = "2 seconds"

export const make = (
  outbox: Outbox["Service"],
  inbox: Inbox["Service"],
  directory: Directory,
  flags: ReadFlags,
  notifier: Notifier,
  events: { readonly identify: Effect.Effect<void, KefuError>; readonly release: Effect.Effect<void> }
) => {
  const sends = Semaphore.makeUnsafe(1)
  let unidentifiedOn: number | undefined

  /** Tries once per connection. If it fails, the backend decides whether it needs to know the recipient. */
  const identified = Effect.suspend(() =>
    directory.isIdentified || unidentifiedOn === notifier.connection
      ? Effect.void
      : events.identify.pipe(
          Effect.timeoutOption(patience),
          Effect.ignore,
          Effect.tap(() =>
            Effect.sync(() => {
              if (!directory.isIdentified) unidentifiedOn = notifier.connection
            })
          )
        )
  )

  /** A user without a type may be either, so the backend decides. */
  const isStaff = () => directory.me !== undefined && directory.me.userType !== "" && !isVisitor(directory.me)

  /** What the client itself has read counts, and so does what its inbox has read. */
  const visitorOf = (conversationId: number): number | undefined =>
    directory.visitorOf(conversationId) ?? inbox.getConversation(conversationId as ConversationId)?.counterpart?.id

  /** To whom something in a conversation goes; undefined for visitors, and if unknown. */
  const recipient = (conversationId: number) =>
    Effect.map(identified, () => (isStaff() ? visitorOf(conversationId) : undefined))

  /** An interrupt cancels a queued message. Otherwise the message goes on, and `status` says so. */
  const send = Effect.fnUntraced(function* (message: Sendable, given: number | undefined, status: SendStatus) {
    const { content, messageType } = message
    const isPlaced = Number.isSafeInteger(message.conversationId) && message.conversationId > 0
    const conversationId = isPlaced ? (message.conversationId as ConversationId) : undefined
    const isComplete = given !== undefined && isPlaced
    const toId =
      (yield* sends.withPermit(isComplete ? Effect.succeed(given) : recipient(message.conversationId))) ?? given
    if (toId === undefined && isStaff()) {
      const detail = isPlaced ? "name the visitor: the client has not read this conversation" : "name the visitor"
      return yield* new KefuError({
        method: "Client.sendMessage",
        reason: new InvalidRequest({ field: "toId", detail })
      })
    }
    const draft = { messageType, content, conversationId, ...(toId === undefined ? {} : { toId: toId as UserId }) }
    yield* Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const entry = yield* outbox.enqueue(draft as OutboxDraft)
        const { key } = entry
        const end = notifier.ownSends.begin(entry.draft as SendPayload)
        // Runs to its end even if the app gives the send up: the outbox settles every send.
        const settling = yield* outbox.result(key).pipe(
          Effect.tap(({ id }) =>
            Effect.sync(() => {
              // The app may have frozen its message.
              Reflect.set(message, "id", id)
              if (isPlaced) flags.track(message)
              else directory.place(message, toId)
            })
          ),
          Effect.onExit((exit) => {
            end(Exit.isSuccess(exit) ? exit.value.id : undefined)
            return events.release
          }),
          Effect.exit,
          Effect.forkDetach({ startImmediately: true })
        )
        yield* Effect.onInterrupt(restore(Effect.flatten(Fiber.join(settling))), () =>
          Effect.map(outbox.cancel(key), (isCancelled) => {
            status.mayArrive = !isCancelled
          })
        )
      })
    )
  })

  return { recipient, send }
}

/**
 * The way of `client.sendMessage`: hands the message to the outbox, and keeps the app's message object up to date.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Semaphore from "effect/Semaphore"
import type { ConversationId, UserId } from "../domain/Id.ts"
import { InvalidRequest, KefuError } from "../KefuError.ts"
import type { Outbox } from "../outbox/Outbox.ts"
import { type OutboxDraft, type OutboxEntry, OutboxKey } from "../outbox/OutboxEntry.ts"
import type { Realtime } from "../realtime/Realtime.ts"
import type { SendPayload } from "../wire/Frame.ts"
import { type Draft, isNamed, numberOf } from "./arguments.ts"
import type { Directory } from "./directory.ts"
import type { Notifier } from "./notifier.ts"
import type { SendStatus } from "./promises.ts"
import type { Recipients } from "./recipients.ts"
import type { Flagged, ReadFlags } from "./readFlags.ts"

/** A message of the app, with the fields that matter here. */
export interface Sendable extends Flagged {
  id: number
  conversationId: number
  readonly messageType?: unknown
  readonly content?: unknown
}

/** Under which a message of the app holds the key of its send: messages may be proxies, so no map could find it. */
const sendKey: unique symbol = Symbol("effect-kefu/client/sends/key")

export const make = (
  outbox: Outbox["Service"],
  /** Sends messages in place of the outbox, if the app wants each to be sent once, and only over a connection. */
  once: Realtime["Service"] | undefined,
  { isStaff, recipient }: Recipients,
  directory: Directory,
  flags: ReadFlags,
  notifier: Notifier,
  /** Delivers the events that were held back for a send. */
  release: Effect.Effect<void>
) => {
  const sends = Semaphore.makeUnsafe(1)

  /** Waits for a send. An interrupt cancels one that waits; otherwise it goes on, and `status` says so. */
  const follow = Effect.fnUntraced(function* (
    { draft, key }: OutboxEntry,
    restore: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>,
    status: SendStatus,
    onArrival: (id: number) => void
  ) {
    const end = notifier.ownSends.begin(draft as SendPayload)
    const result = Effect.map(outbox.result(key), ({ id }): number => id)
    const settled = (exit: Exit.Exit<number, KefuError>) => {
      if (Exit.isSuccess(exit)) onArrival(exit.value)
      end(Exit.getSuccess(exit).pipe(Option.getOrUndefined))
      return release
    }
    const exit = yield* Effect.exit(restore(result))
    if (!Exit.hasInterrupts(exit)) yield* settled(exit)
    else {
      // The app has given the send up; the outbox settles every send.
      yield* Effect.forkDetach(Effect.flatMap(Effect.exit(result), settled), { startImmediately: true })
      status.mayArrive = !(yield* outbox.cancel(key))
    }
    return yield* exit
  })

  const send = Effect.fnUntraced(function* (
    message: Sendable,
    { content, conversationId, messageType }: Draft,
    given: string | number | null | undefined,
    status: SendStatus
  ) {
    const named = isNamed(given) ? given : undefined
    const isComplete = named !== undefined && conversationId !== undefined
    const known = yield* sends.withPermit(isComplete ? Effect.undefined : recipient(conversationId))
    const toId = named ?? known ?? given
    if (!isNamed(toId) && isStaff()) {
      const detail =
        conversationId === undefined
          ? "name the visitor"
          : "name the visitor: the client has not read this conversation"
      return yield* new KefuError({
        method: "Client.sendMessage",
        reason: new InvalidRequest({ field: "toId", detail })
      })
    }
    const onArrival = (id: number) => {
      // The app may have frozen its message.
      Reflect.set(message, "id", id)
      if (conversationId !== undefined) flags.track(message)
      else directory.place(message, numberOf(toId))
    }
    const payload = { messageType, content, ...(toId === undefined ? {} : { toId: toId as UserId }) }
    if (once !== undefined) {
      const sending = Effect.onInterrupt(once.send(payload as SendPayload), () =>
        Effect.sync(() => {
          status.mayArrive = true
        })
      )
      // An acknowledgement that names no message acknowledges it all the same.
      return yield* Effect.map(sending, ({ messageId }) => onArrival(messageId)).pipe(
        Effect.catchReason("KefuError", "UnexpectedResponse", () => Effect.void)
      )
    }
    const draft = { ...payload, conversationId: conversationId as ConversationId | undefined }
    yield* Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(outbox.enqueue(draft as OutboxDraft), (entry) => {
        Object.defineProperty(Object.isExtensible(message) ? message : {}, sendKey, {
          configurable: true,
          value: entry.key
        })
        return follow(entry, restore, status, onArrival)
      })
    )
  })

  /** The key of a send: as the inbox names it, or of a message that the app has sent. */
  const keyOf = (method: string, send: unknown): Effect.Effect<OutboxKey, KefuError> => {
    if (typeof send === "string") return Effect.succeed(OutboxKey.make(send))
    const key = Predicate.hasProperty(send, sendKey) ? send[sendKey] : undefined
    if (typeof key === "string") return Effect.succeed(OutboxKey.make(key))
    const detail = "expected a message that was given to sendMessage, or the outboxKey of a message of the inbox"
    return Effect.fail(new KefuError({ method, reason: new InvalidRequest({ field: "send", detail }) }))
  }

  /** Resolves to the id of the message once it has arrived. */
  const retry = (send: unknown, status: SendStatus) =>
    Effect.flatMap(keyOf("Client.retrySend", send), (key) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(outbox.retry(key), (entry) =>
          follow(entry, restore, status, (id) => {
            if (typeof send === "object" && send !== null) Reflect.set(send, "id", id)
          })
        )
      )
    )

  const cancel = (send: unknown) => Effect.flatMap(keyOf("Client.cancelSend", send), outbox.cancel)

  const discard = (send: unknown) => Effect.flatMap(keyOf("Client.discardSend", send), outbox.discard)

  return { send, retry, cancel, discard }
}

/**
 * Reads over REST what was missed while there was no connection. Which of it is new, the delivery log decides.
 */
import * as Effect from "effect/Effect"
import { noteSkipped, skippedIn, skippedOf } from "../../codec/Odd.ts"
import type { Conversation } from "../../domain/Conversation.ts"
import type { ConversationId } from "../../domain/Id.ts"
import { RealtimeEvent } from "../RealtimeEvent.ts"
import type { Transport } from "../../http/Transport.ts"
import { caller } from "../../http/call.ts"
import { conversations } from "../../wire/Endpoints.ts"
import * as unfinished from "../../rest/unfinished.ts"
import type { DeliveryLog } from "./deliveryLog.ts"

export const make = (transport: Transport["Service"], log: DeliveryLog) => {
  const call = caller(transport.httpClient)

  const listed = unfinished.read({
    current: call("Realtime.catchUp", conversations.current),
    list: (query = {}) => call("Realtime.catchUp", conversations.list, { query })
  })

  /** The latest ended ones: a conversation may have come and gone in between. A backend may refuse to list them. */
  const finished = call("Realtime.catchUp", conversations.list, {
    query: { state: "FINISHED", order: "DESC", limit: finishedRead }
  }).pipe(
    Effect.map(({ conversations }) => conversations),
    Effect.catchIf(
      ({ reason }) => !reason.isRetryable,
      () => Effect.succeed([])
    )
  )

  const both = Effect.all({ present: listed, past: finished }, { concurrency: 2 }).pipe(
    Effect.map(({ past, present }) => ({
      past: past.map(inOrder),
      present: present.conversations.map(inOrder),
      isWhole: present.isWhole && skippedOf(past).length === 0
    }))
  )

  const reread = (id: ConversationId) =>
    call("Realtime.catchUp", conversations.get, { params: { id } }).pipe(
      Effect.map((conversation): Conversation | undefined => inOrder(conversation)),
      Effect.catchIf(
        ({ reason }) => reason._tag === "NotFound" || reason._tag === "Forbidden",
        () => {
          log.noteEnd(id)
          return Effect.undefined
        }
      )
    )

  const settledPast = Effect.tap(both, ({ past }) =>
    Effect.sync(() => {
      for (const conversation of past) log.settle(conversation)
    })
  )

  const read = Effect.gen(function* () {
    const { isWhole, past, present } = yield* both
    const here = new Set(present.map((conversation) => conversation.id))
    const ended = past.filter(({ id }) => !log.knows(id))
    const gone = yield* Effect.forEach(
      log.openConversations().filter((id) => !here.has(id)),
      reread,
      { concurrency: 4 }
    )
    const conversations = yield* Effect.forEach(
      [...present, ...gone.filter((conversation) => conversation !== undefined), ...ended],
      (conversation) =>
        log.newMessagesOf(conversation).complete
          ? Effect.succeed(conversation)
          : Effect.map(reread(conversation.id), (whole) => whole ?? conversation),
      { concurrency: 4 }
    )
    const findings = conversations.map((conversation) => {
      const { complete, messages } = log.newMessagesOf(conversation)
      const unreadable = skippedOf(conversation.messages).length > 0
      return { id: conversation.id, messages, gap: unreadable ? unreadableMessage : complete ? undefined : cutShort }
    })
    const gaps = [
      ...log.unsureBeginnings().map((id) => RealtimeEvent.GapUnresolved({ conversationId: id, detail: early })),
      ...findings.flatMap(({ gap, id }) =>
        gap === undefined ? [] : [RealtimeEvent.GapUnresolved({ conversationId: id, detail: gap })]
      )
    ]
    if (ended.length === finishedRead)
      gaps.unshift(RealtimeEvent.GapUnresolved({ conversationId: undefined, detail: unseen }))
    if (!isWhole) gaps.unshift(RealtimeEvent.GapUnresolved({ conversationId: undefined, detail: unreadableList }))
    const missed = findings.flatMap(({ messages }) => messages).toSorted((left, right) => left.id - right.id)
    return [
      ...gaps,
      ...missed.map((message) => RealtimeEvent.MessageReceived({ message, recovered: true })),
      RealtimeEvent.Resynced({ conversations, complete: gaps.length === 0 })
    ]
  })

  return {
    /**
     * Notes, before the first connection, where every conversation stands, so that the first gap has a beginning. Gives
     * them, and the latest ended ones.
     */
    baseline: Effect.map(settledPast, ({ past, present }) => {
      log.resynced(present, true)
      return [...past, ...present]
    }),
    /** What the first connection has to read: as `read`, or without a baseline the conversations as they are now. */
    first: Effect.suspend(() =>
      log.baselined
        ? read
        : Effect.map(settledPast, ({ present }) => [RealtimeEvent.Resynced({ conversations: present, complete: true })])
    ),
    /** What was missed: events in order, each once. Nothing counts as delivered yet. */
    read
  }
}

export type CatchUp = ReturnType<typeof make>

/** How many ended conversations are read. */
const finishedRead = 5

const unseen = "other conversations may have come and gone"
const early =
  "the first connection ended soon after the conversation was read, and what it had pushed before may be lost"
const cutShort = "the conversation's page of messages may not reach back to the last one received"
const unreadableMessage = "a message of the conversation could not be read"
const unreadableList = "a conversation could not be read, or the list of them is cut short"

/** Backends differ in the order of the messages. */
const inOrder = (conversation: Conversation): Conversation => {
  const { messages } = conversation
  const skipped = skippedIn(messages)
  const sorted = messages.toSorted((left, right) => left.id - right.id)
  return { ...conversation, messages: skipped === undefined ? sorted : noteSkipped(sorted, skipped) }
}

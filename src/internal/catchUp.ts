/**
 * Closes the gap that a lost connection left, over REST.
 */
import * as Effect from "effect/Effect"
import type { Conversation } from "../domain/Conversation.ts"
import type { ConversationId } from "../domain/Id.ts"
import type { Message } from "../domain/Message.ts"
import type { KefuError } from "../KefuError.ts"
import { RealtimeEvent } from "../RealtimeEvent.ts"
import type { Transport } from "../Transport.ts"
import { call, group } from "./call.ts"
import type { Positions } from "./positions.ts"

export interface CatchUp {
  /** Notes where every conversation stands before the session, so that the first gap has a beginning. */
  readonly start: Effect.Effect<void, KefuError>
  /** The same once the connection is open already, told as events. */
  readonly restart: Effect.Effect<ReadonlyArray<RealtimeEvent>, KefuError>
  /** What was missed since: events in order, each once. Nothing counts as delivered yet. */
  readonly read: Effect.Effect<ReadonlyArray<RealtimeEvent>, KefuError>
}

export const make = Effect.fnUntraced(function* (transport: Transport["Service"], positions: Positions) {
  const client = yield* group("conversations", transport.httpClient)

  const current = call("Realtime.catchUp", client.current({})).pipe(
    // The list of current conversations came with newer backends; the old ones page through the active ones.
    Effect.catchReason("KefuError", "NotFound", () =>
      Effect.map(call("Realtime.catchUp", client.list({ query: { state: "ACTIVE" } })), (page) => page.conversations)
    )
  )

  const reread = (id: ConversationId) =>
    call("Realtime.catchUp", client.get({ params: { id } })).pipe(
      Effect.map((conversation): Conversation | undefined => conversation),
      Effect.catchIf(
        ({ reason }) => reason._tag === "NotFound" || reason._tag === "Forbidden",
        () => {
          positions.end(id)
          return Effect.undefined
        }
      )
    )

  const restart = Effect.map(current, (conversations) => [RealtimeEvent.Resynced({ conversations, complete: true })])

  const start = Effect.map(current, (conversations) => {
    for (const { id, messages } of conversations) {
      positions.settle(id, Math.max(0, ...messages.map((message) => message.id)))
    }
  })

  const read = Effect.gen(function* () {
    const listed = yield* current
    const here = new Set(listed.map((conversation) => conversation.id))
    const gone = yield* Effect.forEach(
      positions.open().filter((id) => !here.has(id)),
      reread,
      { concurrency: 4 }
    )
    const conversations = yield* Effect.forEach(
      [...listed, ...gone.filter((conversation) => conversation !== undefined)],
      (conversation) =>
        reachesBack(conversation, positions)
          ? Effect.succeed(conversation)
          : Effect.map(reread(conversation.id), (whole) => whole ?? conversation),
      { concurrency: 4 }
    )
    const gaps = conversations.filter((conversation) => !reachesBack(conversation, positions))
    const missed = conversations
      .flatMap((conversation) => conversation.messages)
      .filter((message) => positions.misses(message))
      .toSorted((left, right) => left.id - right.id)
    return [
      ...gaps.map(({ id }) =>
        RealtimeEvent.GapUnresolved({
          conversationId: id,
          detail: "the conversation's page of messages does not reach back to the last one received"
        })
      ),
      ...missed.map((message) => RealtimeEvent.MessageReceived({ message, recovered: true })),
      RealtimeEvent.Resynced({ conversations, complete: gaps.length === 0 })
    ]
  })

  return { start, restart, read }
})

/**
 * Whether the page of a conversation surely holds everything that was missed: its oldest message is one that the app
 * has, or the first of the conversation.
 */
const reachesBack = ({ id, messages }: Conversation, positions: Positions): boolean => {
  const oldest: Message | undefined = messages.toSorted((left, right) => left.id - right.id)[0]
  if (oldest === undefined) return false
  return positions.knows(id) ? !positions.misses(oldest) : oldest.messageType === "ConversationBuilt"
}

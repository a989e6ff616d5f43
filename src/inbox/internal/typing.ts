/**
 * Typing: what this account types is sent at a limited rate; what others type expires.
 */
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as FiberSet from "effect/FiberSet"
import { type ConversationId, UserId } from "../../domain/Id.ts"
import type { Message } from "../../domain/Message.ts"
import * as elapsed from "../../platform/elapsed.ts"
import type { RealtimeEvent } from "../../realtime/RealtimeEvent.ts"
import type { Typing } from "../InboxSnapshot.ts"
import type { InboxState } from "./state.ts"
import type { Thread } from "./thread.ts"

/** How long the other side counts as typing after its last sign. */
const expiry = "10 seconds"

/** For how many milliseconds a message may overtake a sign of its own typing. */
const overtaking = 2000

/** A message of the other side, and when it was received. */
export interface Heard {
  readonly message: Message
  readonly at: number
}

/**
 * Whether a sign belongs to a message that was received before it. One that came in time, or whose draft differs, is of
 * the next message.
 */
const isOvertaken = ({ draft, userId }: Typing, { at, message }: Heard, now: number): boolean => {
  if (now - at >= overtaking || (userId !== undefined && userId !== message.fromId)) return false
  return (
    draft === undefined || draft === withheld || (message.messageType === "Text" && message.content.startsWith(draft))
  )
}

/** The least time between two drafts of one conversation. */
const pace = "1 second"

/** Sent in place of a draft that is withheld: an empty one would mean that nobody types. */
export const withheld = "…"

const longest = 1000

/** The beginning of a draft: a long one, sent at every key, could end the connection as too large. */
export const beginning = (draft: string): string =>
  draft.length <= longest ? draft : draft.slice(0, longest).replace(/[\ud800-\udbff]$/, "")

export interface Drafts {
  /** Sends the draft, at once or as soon as the pace allows. Of several that wait, only the last is sent. */
  readonly write: (id: ConversationId, draft: string) => Effect.Effect<void>
  /** Drops the draft that waits, as the message has been sent. */
  readonly clear: (id: ConversationId) => void
}

/** `send` is interrupted when the scope closes. */
export const makeDrafts = Effect.fnUntraced(function* (
  send: (id: ConversationId, draft: string) => Effect.Effect<void>
) {
  const paces = yield* FiberMap.make<ConversationId, void>()
  const sending = yield* FiberSet.make<void>()
  /** The drafts that wait, of the conversations whose pace does not allow another yet. */
  const waiting = new Map<ConversationId, string | undefined>()
  /** Where the other side sees this account typing. */
  const shown = new Set<ConversationId>()

  const run = Effect.fnUntraced(function* (id: ConversationId, first: string) {
    for (let draft: string | undefined = first; draft !== undefined; draft = waiting.get(id)) {
      waiting.set(id, undefined)
      if (draft !== "" || shown.has(id)) {
        if (draft === "") shown.delete(id)
        else shown.add(id)
        yield* FiberSet.run(sending, send(id, draft))
      }
      yield* Effect.sleep(pace)
    }
    waiting.delete(id)
  })

  const drafts: Drafts = {
    write: (id, draft) =>
      Effect.suspend(() => {
        if (waiting.has(id)) {
          waiting.set(id, draft)
          return Effect.void
        }
        if (draft === "" && !shown.has(id)) return Effect.void
        return Effect.asVoid(FiberMap.run(paces, id, run(id, draft)))
      }),
    clear: (id) => {
      shown.delete(id)
      if (waiting.has(id)) waiting.set(id, undefined)
    }
  }
  return drafts
})

/** The signs that others are typing. */
export const makeSigns = Effect.fnUntraced(function* (state: InboxState, commit: Effect.Effect<void>) {
  const heard = new WeakMap<Thread, Heard>()
  const expiries = yield* FiberMap.make<ConversationId, void>()
  return {
    /** A message of somebody else, which ends the signs of its own typing. */
    hear: (thread: Thread, message: Message) =>
      Effect.map(elapsed.now, (at) => {
        heard.set(thread, { message, at })
      }),
    show: Effect.fnUntraced(function* ({
      conversationId,
      payload
    }: Extract<RealtimeEvent, { readonly _tag: "Inputting" }>) {
      const thread = state.thread(conversationId)
      const userId = Number.isSafeInteger(payload.fromId) ? UserId.make(Number(payload.fromId)) : undefined
      if (thread === undefined || (userId !== undefined && userId === state.me?.id)) return
      const stop = Effect.suspend(() => {
        thread.setTyping(undefined)
        return commit
      })
      if (payload.content === "") return yield* stop
      const sign = { draft: payload.content ?? undefined, userId }
      const last = heard.get(thread)
      if (last !== undefined && isOvertaken(sign, last, yield* elapsed.now)) return
      thread.setTyping(sign)
      yield* FiberMap.run(expiries, conversationId, Effect.delay(stop, expiry))
    })
  }
})

/** The people of the soak: real clients that note compactly what they received and sent. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { ConversationId, UserId } from "../../../src/domain/Id.ts"
import * as Kefu from "../../../src/Kefu.ts"
import { Outbox } from "../../../src/outbox/Outbox.ts"
import type { OutboxKey } from "../../../src/outbox/OutboxEntry.ts"
import { isSettled, type OutboxState } from "../../../src/outbox/OutboxState.ts"
import { Realtime } from "../../../src/realtime/Realtime.ts"
import { UserApi } from "../../../src/rest/UserApi.ts"
import type { Said } from "./Backend.ts"

/** Makes the robot hand over to staff. */
export const askForPerson = "转人工"

/** One client, with compact records of what it received and sent. */
export const person = Effect.fnUntraced(function* (name: string, options: Kefu.Options) {
  const context = yield* Layer.build(Layer.fresh(Kefu.layer(options)))
  const realtime = Context.get(context, Realtime)
  const outbox = Context.get(context, Outbox)
  const changed = Latch.makeUnsafe(false)
  const received = new Map<number, number>()
  const outOfOrder: Array<number> = []
  const gaps = new Set<number | undefined>()
  const latest = new Map<number, number>()
  const sent: Array<readonly [text: string, id: number]> = []
  const ended: Record<Exclude<OutboxState["_tag"], "Sent">, Array<string>> = {
    Queued: [],
    Uploading: [],
    Sending: [],
    Failed: [],
    DeliveryUnknown: [],
    Discarded: []
  }
  const open = new Set<OutboxKey>()
  const heard = yield* Queue.unbounded<Said & { readonly kind: string }>()
  let connections = 0

  yield* Stream.runForEach(yield* realtime.subscribe({ lasting: true }), (event) =>
    Effect.sync(() => {
      if (event._tag === "Lagged") gaps.add(undefined)
      if (event._tag === "GapUnresolved") gaps.add(event.conversationId)
      if (event._tag !== "MessageReceived") return
      const { content, conversationId, fromId, id, messageType } = event.message
      if (messageType === "Text") {
        received.set(id, (received.get(id) ?? 0) + 1)
        if (id < (latest.get(conversationId) ?? 0) && !gaps.has(conversationId)) outOfOrder.push(id)
        latest.set(conversationId, id)
      }
      const text = typeof content === "string" ? content : ""
      Queue.offerUnsafe(heard, { id, conversationId, fromId: fromId ?? null, text, kind: String(messageType) })
      changed.openUnsafe()
    })
  ).pipe(Effect.forkScoped({ startImmediately: true }))

  yield* Stream.runForEach(outbox.changes, ({ draft, key, state }) =>
    Effect.sync(() => {
      if (!isSettled(state)) return void open.add(key)
      open.delete(key)
      const text = String(draft.content)
      if (state._tag === "Sent") sent.push([text, state.id])
      else ended[state._tag].push(text)
      changed.openUnsafe()
    })
  ).pipe(Effect.forkScoped({ startImmediately: true }))

  yield* Stream.runForEach(realtime.states, (state) =>
    Effect.sync(() => {
      if (state._tag === "Connected") connections++
    })
  ).pipe(Effect.forkScoped({ startImmediately: true }))

  yield* realtime.open
  // Retried without limit: passers-by arrive while faults go on.
  const me = yield* Effect.retry(Context.get(context, UserApi).me, {
    schedule: Schedule.spaced("1 second"),
    while: (error) => error.isRetryable
  })

  /** Waits until a condition holds. */
  const until = (isSo: () => boolean): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (isSo()) return Effect.void
      changed.closeUnsafe()
      return Effect.andThen(changed.await, until(isSo))
    })

  return {
    name,
    id: me.id as number,
    outbox,
    heard,
    received,
    outOfOrder,
    gaps,
    sent,
    ended,
    connections: () => connections,
    settled: until(() => open.size === 0),
    until,
    say: (text: string, conversationId?: ConversationId, toId?: UserId) =>
      outbox.enqueue({ messageType: "Text", content: text, conversationId, toId })
  }
})

export type Person = Effect.Success<ReturnType<typeof person>>

/** Answers every message. */
export const attend = ({ heard, id, say }: Person) =>
  Effect.forever(
    Effect.gen(function* () {
      const { conversationId, fromId, kind, text } = yield* Queue.take(heard)
      if (kind !== "Text" || fromId === null || fromId === id || text === askForPerson) return
      yield* Effect.ignore(say(`re: ${text}`, conversationId as ConversationId, fromId as UserId))
    })
  )

/** Asks for a person, waits for the handover and returns the conversation. */
export const askPerson = Effect.fnUntraced(function* ({ heard, say }: Person) {
  yield* say(askForPerson)
  while (true) {
    const message = yield* Queue.take(heard)
    if (message.kind === "ManualServiceStart") return message.conversationId as ConversationId
  }
})

/** Sends messages without waiting for answers. */
export const talk = Effect.fnUntraced(function* ({ heard, name, say }: Person, conversationId: ConversationId) {
  for (let n = 1; ; n++) {
    yield* Effect.ignore(say(`${name} ${n}`, conversationId))
    yield* Effect.sleep(yield* Random.nextIntBetween(50, 400))
    yield* Queue.clear(heard)
  }
})

/** A short-lived visitor: three messages to the robot, then closes. */
export const passBy = Effect.fnUntraced(function* (name: string, baseUrl: string) {
  const visitor = yield* person(name, { baseUrl })
  for (let n = 1; n <= 3; n++) yield* Effect.ignore(visitor.say(`${name} ${n}`))
  yield* visitor.settled
  return { name, id: visitor.id, sent: visitor.sent, ended: visitor.ended }
}, Effect.scoped)

export type PassedBy = Effect.Success<ReturnType<typeof passBy>>

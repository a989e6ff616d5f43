/** The app of a person, which does what the schedule says and notes what it is told. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import { type ConversationId, MenuItemId, type MessageId, type UserId } from "../../src/domain/Id.ts"
import type { Message } from "../../src/domain/Message.ts"
import { DeliveryUnknown, KefuError, type KefuErrorReason } from "../../src/KefuError.ts"
import { isSettled } from "../../src/outbox/OutboxState.ts"
import type { RealtimeEvent } from "../../src/realtime/RealtimeEvent.ts"
import { isStaff, people } from "./People.ts"
import { accountOf, elsewhere, type Log, type Person, type Send, type Stage } from "./Person.ts"
import type { Action, Listener } from "./Schedule.ts"
import type { Services } from "./Session.ts"

const messagesOf = (log: Log | undefined): ReadonlyArray<Message> =>
  (log?.heard ?? []).flatMap(({ event }) => (event._tag === "MessageReceived" ? [event.message] : []))

const lastWith = (person: Person, visitor: UserId): ConversationId | undefined =>
  messagesOf(person.logs[0]).findLast(
    (message) => message.messageType === "ConversationBuilt" && message.content.userId === visitor
  )?.conversationId

/** What the app sends, by the schedule's way; the outcome is noted. */
export const sender = (person: Person, { clock, people, schedule, sends }: Stage) => {
  let count = 0
  const latest = () => `${person.name} ${count}`
  const give = Effect.fnUntraced(function* (
    { outbox, realtime }: Pick<Services, "outbox" | "realtime">,
    what: Pick<Send, "content" | "conversationId" | "elsewhere" | "to">
  ) {
    const recipient = what.to === undefined ? undefined : people.get(what.to)
    const toId = recipient === undefined ? undefined : accountOf(recipient).userId
    const sent: Send = {
      ...what,
      toId,
      who: person.name,
      at: clock.currentTimeMillisUnsafe(),
      exit: undefined,
      settledAt: undefined,
      diedAt: undefined
    }
    const { bornAt } = person
    sends.push(sent)
    const draft = { messageType: "Text", content: what.content, ...(toId === undefined ? {} : { toId }) } as const
    const sending: Effect.Effect<MessageId, KefuError> = schedule.outbox
      ? Effect.map(outbox.send({ ...draft, conversationId: what.conversationId }), ({ id }) => id)
      : Effect.map(realtime.send(draft), ({ messageId }) => messageId)
    // The end of a tab interrupts what it says, and settles it.
    yield* sending.pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          if (!sent.elsewhere && person.bornAt !== bornAt) return
          sent.exit = exit
          sent.settledAt = clock.currentTimeMillisUnsafe()
        })
      ),
      Effect.ignore
    )
  })
  return {
    say: (services: Services, { named, to }: Action) =>
      Effect.suspend(() => {
        const recipient = to === undefined ? undefined : people.get(to)
        const conversationId =
          recipient === undefined
            ? named === true
              ? messagesOf(person.logs[0]).at(-1)?.conversationId
              : undefined
            : lastWith(person, accountOf(recipient).userId)
        count++
        return give(services, { content: latest(), conversationId, elsewhere: false, to })
      }),
    repeat: (services: Pick<Services, "outbox" | "realtime">) =>
      give(services, {
        content: latest(),
        conversationId: undefined,
        elsewhere: true,
        to: isStaff(person.name) ? "ann" : undefined
      })
  }
}

export type Sender = ReturnType<typeof sender>

export const act = (
  person: Person,
  { clock, sends }: Stage,
  services: Services,
  { say }: Sender,
  action: Action
): Effect.Effect<unknown, KefuError> => {
  const { api, realtime } = services
  const message = messagesOf(person.logs[0]).at(-1)
  switch (action.what) {
    case "send":
      return say(services, action)
    case "recall": {
      const own = sends.findLast(({ exit, who }) => who === person.name && exit !== undefined && Exit.isSuccess(exit))
      return own?.exit !== undefined && Exit.isSuccess(own.exit) ? realtime.recall(own.exit.value) : Effect.void
    }
    case "read":
      return message === undefined ? Effect.void : realtime.read(message.id)
    case "type":
      return message === undefined
        ? Effect.void
        : realtime.inputting({ content: "...", conversationId: message.conversationId })
    case "person":
      return isStaff(person.name) ? Effect.void : realtime.selectMenuItem(MenuItemId.make(1000))
    case "end":
      return message === undefined ? Effect.void : realtime.closeConversation(message.conversationId)
    case "rest":
      return api.current
    case "retryNow":
      return realtime.retryNow
    case "transfer": {
      const other = people.find((one) => one.userType === "STAFF" && one.name !== person.name)
      return message === undefined || other === undefined
        ? Effect.void
        : api.transfer(message.conversationId, { userId: other.userId })
    }
    case "reopen":
      return Effect.gen(function* () {
        if (person.leftAt !== undefined) return yield* realtime.open
        const break_ = { from: clock.currentTimeMillisUnsafe(), until: Infinity }
        person.reopened.push(break_)
        yield* realtime.close
        yield* elsewhere(person, Effect.sleep("2 seconds"))
        yield* realtime.open
        break_.until = clock.currentTimeMillisUnsafe()
      })
    case "leave":
      return Effect.void
  }
}

/** Subscribes when the listener says, and notes what it hears at its pace. */
export const listen = (person: Person, { clock }: Stage, { realtime }: Services, listener: Listener) => {
  const bornAt = person.bornAt ?? 0
  const log: Log = { listener, bornAt, since: bornAt + listener.from, heard: [], ended: undefined, complete: false }
  person.logs.push(log)
  return Effect.gen(function* () {
    if (listener.from > 0) yield* Effect.sleep(listener.from)
    const events = yield* realtime.subscribe({
      bufferSize: listener.bufferSize,
      overflow: listener.overflow,
      lasting: true
    })
    log.since = clock.currentTimeMillisUnsafe()
    const hear = (event: RealtimeEvent) =>
      Effect.suspend(() => {
        log.heard.push({ at: clock.currentTimeMillisUnsafe(), event })
        return listener.millis === undefined ? Effect.void : Effect.sleep(listener.millis)
      })
    log.ended = yield* Effect.exit(Stream.runForEach(events, hear))
  }).pipe(Effect.scoped)
}

/** What a dead app had said and its store has kept: the app that is started next is told. */
export const hearRestored = (person: Person, { clock, sends }: Stage, { outbox }: Services) =>
  Stream.runForEach(outbox.changes, ({ draft, state }) =>
    Effect.sync(() => {
      const sent = sends.find(
        ({ content, diedAt, exit, who }) =>
          who === person.name && content === draft.content && diedAt !== undefined && exit === undefined
      )
      if (sent === undefined || !isSettled(state)) return
      sent.settledAt = clock.currentTimeMillisUnsafe()
      const fail = (reason: KefuErrorReason) => Exit.fail(new KefuError({ method: "Outbox.changes", reason }))
      if (state._tag === "Sent") sent.exit = Exit.succeed(state.id)
      if (state._tag === "Failed") sent.exit = fail(state.reason)
      if (state._tag === "DeliveryUnknown") sent.exit = fail(new DeliveryUnknown({ detail: state.detail }))
    })
  )

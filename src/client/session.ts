/**
 * What runs behind the façade: commands in the order in which they were given, and all that happens, in one order, told
 * in the documented client's terms.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Queue from "effect/Queue"
import * as Semaphore from "effect/Semaphore"
import { ConnectionState } from "../realtime/ConnectionState.ts"
import type { Conversation } from "../domain/Conversation.ts"
import type { ConversationId, UserId } from "../domain/Id.ts"
import type { Message } from "../domain/Message.ts"
import { InvalidRequest, KefuError, type KefuErrorReason, Superseded, UnexpectedResponse } from "../KefuError.ts"
import { Outbox } from "../outbox/Outbox.ts"
import type { OutboxDraft } from "../outbox/OutboxEntry.ts"
import { Realtime } from "../realtime/Realtime.ts"
import type { RealtimeEvent } from "../realtime/RealtimeEvent.ts"
import { Transport } from "../http/Transport.ts"
import { Api } from "../wire/Api.ts"
import { Acquaintances } from "./acquaintances.ts"
import * as answer from "./answer.ts"
import { callbackOf, type Callback, type ClientEvent } from "./callbacks.ts"
import * as lenient from "./lenient.ts"
import { OwnSends } from "./ownSends.ts"
import {
  isVisitor,
  messageName,
  plain,
  readUpTo,
  viewConversation,
  type ViewedConversation,
  type ViewedMessage,
  viewMessage
} from "../domain/Perspective.ts"
import { ReadFlags } from "./readFlags.ts"
import { Whereabouts } from "./whereabouts.ts"
import { type Occurrence, Witness } from "../realtime/witness.ts"

/** Whom all this is told. Nothing of it may throw. */
export interface Audience {
  readonly call: (callback: Callback) => void
  readonly tell: (event: ClientEvent) => void
  /** It is known from now on whose session this is. */
  readonly introduced: (me: { readonly id: number; readonly nickname: string }) => void
}

/** How long messages wait for the profile that they are told from the perspective of. */
const patience = "10 seconds"

/** How much may wait to be told; after that nothing waits for the profile any more. */
const capacity = 4096

export class Engine extends Context.Service<
  Engine,
  {
    readonly state: () => ConnectionState
    /** Each takes effect in the order of the calls. */
    readonly open: Effect.Effect<void>
    readonly close: Effect.Effect<void>
    readonly retryNow: Effect.Effect<void>
    readonly takeOver: Effect.Effect<void>
    /** Waits until the commands that were given before have taken effect. */
    readonly settled: Effect.Effect<void>
    /** Ends the connection, tells so, and tells nothing more. */
    readonly finish: Effect.Effect<void>
    /** Finds out whose session this is, unless that is known. */
    readonly introduced: Effect.Effect<void, KefuError>
    /** Reads the profile of whose session this is. */
    readonly me: (method: string) => Effect.Effect<answer.Answered, KefuError>
    /** The conversation as the app gets it, kept up to date from now on. */
    readonly show: (conversation: Conversation) => ViewedConversation
    /**
     * Sends a message that the app holds. Interrupting it takes the message back as long as it waits; where it was too
     * late, `fate` says so, and the message goes on.
     */
    send(message: Sendable, toId: number | undefined, fate: Fate): Effect.Effect<void, KefuError>
    /** Whom something in a conversation is for, where the app does not say; undefined for visitors and if not known. */
    recipient(conversationId: number): Effect.Effect<number | undefined>
  }
>()("effect-kefu/client/session/Engine") {
  /** Around a session. */
  static readonly layer = <ROut, E>(
    audience: Audience,
    session: Layer.Layer<ROut | Outbox | Realtime | Transport, E>
  ): Layer.Layer<Engine | ROut | Outbox | Realtime | Transport, E> =>
    Layer.unwrap(
      Effect.gen(function* () {
        const occurrences = yield* Queue.unbounded<Occurrence>()
        const crowded = Latch.makeUnsafe(false)
        const witness = Layer.succeed(Witness, (occurrence: Occurrence) => {
          Queue.offerUnsafe(occurrences, occurrence)
          if (Queue.sizeUnsafe(occurrences) >= capacity) crowded.openUnsafe()
        })
        return Layer.effect(Engine, make(audience, occurrences, crowded)).pipe(
          Layer.provideMerge(session),
          Layer.provide(witness)
        )
      })
    )
}

/** A message as far as sending it is concerned. */
export interface Sendable {
  id: number
  isRead: boolean
  readonly messageType?: unknown
  readonly content?: unknown
  conversationId: number
}

/** What has become of a send that was given up. */
export interface Fate {
  /** It was handed to a connection, or may have been. */
  isOut: boolean
}

/** What superseded sessions are told. */
export const takeBack = "call `client.takeOver()` to take the session back"

/** How long a send waits to learn whose session it is. */
const introduction = "2 seconds"

const method = "Client.getUserInfo"

const make = Effect.fnUntraced(function* (
  audience: Audience,
  occurrences: Queue.Dequeue<Occurrence>,
  crowded: Latch.Latch
) {
  const realtime = yield* Realtime
  const transport = yield* Transport
  const outbox = yield* Outbox
  const scope = yield* Effect.scope
  const flags = new ReadFlags()
  const acquaintances = new Acquaintances(({ id, nickname }) => audience.introduced({ id, nickname: nickname ?? "" }))
  const ownSends = new OwnSends<Message>((message) => audience.tell(onMessage(message, true)))
  const whereabouts = new Whereabouts(acquaintances, (message) => flags.track(message as Sendable))
  const commands = yield* Semaphore.make(1)
  const sends = yield* Semaphore.make(1)
  let last: ConnectionState = ConnectionState.Idle()
  let opened = false
  let sessions = 0
  let asked = false
  let isStranger = false
  let finished = false

  // --- whose session it is

  const me = Effect.fnUntraced(function* (method: string) {
    const answered = yield* answer.request(transport.httpClient, method, Api.groups.users.endpoints.me)
    const person = lenient.user(answered.data)
    if (Option.isSome(person)) return { answered, person: person.value }
    const reason = new UnexpectedResponse({ path: "", detail: "expected a user with an id and a type" })
    // Without the response: unlike that of a failure, it may hold the token.
    return yield* new KefuError({ method, reason })
  })

  const introduced = acquaintances.introduced(Effect.map(me(method), ({ person }) => person))

  /** Once for each connection, and not for ever: a message without a perspective is better than none. */
  const introducedForEvents = Effect.suspend(() => {
    if (acquaintances.me !== undefined || asked) return Effect.void
    asked = true
    return introduced.pipe(
      Effect.timeoutOption(patience),
      Effect.catch((error) => Effect.logWarning("It is not known whose session this is", error.message)),
      Effect.raceFirst(crowded.await)
    )
  })

  /** Once for each connection, as above. Without it, a backend that needs to be told whom a message is for decides. */
  const introducedForSends = Effect.suspend(() =>
    acquaintances.me !== undefined || isStranger
      ? Effect.void
      : introduced.pipe(
          Effect.timeoutOption(introduction),
          Effect.ignore,
          Effect.tap(() => Effect.sync(() => (isStranger = acquaintances.me === undefined)))
        )
  )

  const isStaff = () => acquaintances.me !== undefined && !isVisitor(acquaintances.me)

  const recipient = (conversationId: number) =>
    Effect.map(introducedForSends, () => (isStaff() ? whereabouts.visitorOf(conversationId) : undefined))

  // --- what happens

  const open = (session: number) => {
    opened = true
    asked = false
    isStranger = false
    crowded.closeUnsafe()
    audience.call(["onOpen", { type: "open", reconnected: sessions > 0 }])
    sessions = session
  }

  const closed = (error: KefuError | undefined, end: End, willReconnect: boolean) => {
    opened = false
    if (error !== undefined && !end.wasClean)
      audience.call(["onError", { type: "error", message: error.message, error }])
    audience.call(["onClose", { type: "close", ...end, willReconnect, ...(error === undefined ? {} : { error }) }])
  }

  const onState = (next: ConnectionState) => {
    const before = last
    last = next
    switch (next._tag) {
      case "Connected":
        open(next.connection)
        break
      case "Waiting":
        closed(next.cause, endOf(next.cause.reason), true)
        break
      case "Superseded":
        closed(new KefuError({ method: "Client", reason: new Superseded({ remedy: takeBack }) }), superseded, false)
        break
      case "Closed":
        if (next.reason !== undefined) closed(next.reason, endOf(next.reason.reason), false)
        else if (opened || before._tag === "Connecting") closed(undefined, farewell, false)
        break
      default:
    }
    audience.tell({ _tag: "StateChanged", state: next })
  }

  const show = (conversation: Conversation): ViewedConversation => {
    for (const user of conversation.users) acquaintances.meet(user)
    whereabouts.read(conversation)
    const read = readUpTo(conversation, acquaintances)
    if (Number.isFinite(read)) flags.mark(conversation.id, read)
    const viewed = viewConversation(conversation, acquaintances)
    for (const message of viewed.messages) flags.track(message)
    return viewed
  }

  const isOwn = (message: Message) => message.fromId !== undefined && message.fromId === acquaintances.me?.id

  const onMessage = (message: Message, recovered: boolean): ClientEvent => {
    if (messageName(message) === "ConversationBuilt") introduce(message.content)
    const viewed: ViewedMessage = viewMessage(message, acquaintances, true)
    audience.call(["onMessage", viewed])
    whereabouts.hear(message)
    if (!isOwn(message)) flags.mark(message.conversationId, message.id)
    const callback = callbackOf(viewed)
    if (callback !== undefined) audience.call(callback)
    return { _tag: "MessageReceived", message: viewed, recovered }
  }

  const introduce = (content: unknown) => {
    if (!Predicate.hasProperty(content, "userId") || !Predicate.hasProperty(content, "userType")) return
    const { userId: id, userType } = content
    if (typeof id !== "number" || typeof userType !== "string") return
    const nickname = Predicate.hasProperty(content, "nickname") ? content.nickname : undefined
    acquaintances.meet({ id, userType, nickname: typeof nickname === "string" ? nickname : undefined }, true)
  }

  const onEvent = (event: RealtimeEvent): ClientEvent | undefined => {
    switch (event._tag) {
      case "MessageReceived": {
        const { message, recovered } = event
        return recovered && isOwn(message) && !ownSends.isNews(message) ? undefined : onMessage(message, recovered)
      }
      case "MessagesRead":
        flags.mark(event.conversationId, event.messageId)
        return plain(event)
      case "Inputting":
        audience.call(["onInputting", event.payload.content ?? "", event.conversationId])
        return plain(event)
      case "Resynced":
        return { ...event, conversations: event.conversations.map(show) }
      case "Superseded":
        audience.call(["onMultipleLogin"])
        return plain(event)
      case "StateChanged":
        return undefined
      default:
        return plain(event)
    }
  }

  const state = () => Effect.runSync(realtime.state)

  const tell = (occurrence: Occurrence) => {
    if ("state" in occurrence) return onState(occurrence.state)
    const told = onEvent(occurrence.event)
    if (told !== undefined) audience.tell(told)
  }

  const tellInTime = Effect.fnUntraced(function* (occurrence: Occurrence) {
    if ("event" in occurrence) yield* introducedForEvents
    if (finished) return
    yield* "state" in occurrence
      ? Effect.logDebug("Connection", ...describe(occurrence.state))
      : Effect.logDebug("Event", occurrence.event._tag)
    tell(occurrence)
  })

  yield* Effect.forkScoped(Effect.forever(Effect.flatMap(Queue.take(occurrences), tellInTime)))

  // --- commands

  const inBackground = (effect: Effect.Effect<void, KefuError>) =>
    Effect.forkIn(Effect.ignore(effect), scope, { startImmediately: true })

  const inOrder = commands.withPermit

  return Engine.of({
    state,
    open: inOrder(
      Effect.suspend(() => {
        const { _tag } = state()
        if (_tag === "Idle" || _tag === "Closed") return inBackground(realtime.open)
        if (_tag !== "Superseded") return Effect.void
        const error = new KefuError({ method: "Client.open", reason: new Superseded({ remedy: takeBack }) })
        return Effect.sync(() => audience.call(["onError", { type: "error", message: error.message, error }]))
      })
    ),
    close: inOrder(realtime.close),
    retryNow: inOrder(realtime.retryNow),
    takeOver: inOrder(
      Effect.suspend(() => (state()._tag === "Superseded" ? inBackground(realtime.takeOver) : Effect.void))
    ),
    settled: inOrder(Effect.void),
    finish: inOrder(
      Effect.gen(function* () {
        if (state()._tag !== "Idle") yield* realtime.close
        finished = true
        for (let next = Queue.takeUnsafe(occurrences); next !== undefined; next = Queue.takeUnsafe(occurrences)) {
          if (Exit.isSuccess(next)) tell(next.value)
        }
      })
    ),
    introduced,
    me: (method) =>
      Effect.map(me(method), ({ answered, person }) => {
        acquaintances.introduce(person)
        return answered
      }),
    show,
    recipient,
    send: Effect.fnUntraced(function* (message, given, fate) {
      const { content, messageType } = message
      const isNamed = Number.isSafeInteger(message.conversationId) && message.conversationId > 0
      const conversationId = isNamed ? (message.conversationId as ConversationId) : undefined
      const toId =
        given === undefined || !isNamed
          ? ((yield* sends.withPermit(recipient(message.conversationId))) ?? given)
          : yield* sends.withPermit(Effect.succeed(given))
      if (toId === undefined && isStaff()) {
        const detail = isNamed
          ? "name the visitor: who is in this conversation is not known, since it was not read"
          : "name the visitor"
        return yield* new KefuError({
          method: "Client.sendMessage",
          reason: new InvalidRequest({ field: "toId", detail })
        })
      }
      const draft = { messageType, content, conversationId, ...(toId === undefined ? {} : { toId: toId as UserId }) }
      const end = Effect.sync(() => ownSends.end(conversationId))
      yield* Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          ownSends.begin(conversationId)
          const { key } = yield* Effect.tapError(outbox.enqueue(draft as OutboxDraft), () => end)
          // It is followed to its end, also where the app gives it up. The outbox settles everything.
          const following = yield* outbox.result(key).pipe(
            Effect.tap(({ id }) =>
              Effect.sync(() => {
                ownSends.arrived(id)
                message.id = id
                if (isNamed) flags.track(message)
                else whereabouts.place(message, toId)
              })
            ),
            Effect.ensuring(end),
            Effect.exit,
            Effect.forkDetach({ startImmediately: true })
          )
          yield* Effect.onInterrupt(restore(Effect.flatten(Fiber.join(following))), () =>
            Effect.map(outbox.cancel(key), (isBack) => {
              fate.isOut = !isBack
            })
          )
        })
      )
    })
  })
})

/** A state in words, with why it is so. */
const describe = (state: ConnectionState): ReadonlyArray<string> => {
  switch (state._tag) {
    case "Waiting":
      return [state._tag, state.cause.message]
    case "Closed":
      return [state._tag, state.reason?.message ?? "closed by the app"]
    case "Suspended":
      return [state._tag, `the page is ${state.why}`]
    default:
      return [state._tag]
  }
}

interface End {
  readonly code: number
  readonly reason: string
  readonly wasClean: boolean
}

const farewell: End = { code: 1000, reason: "", wasClean: true }

const superseded: End = { code: 4001, reason: "the account logged in elsewhere", wasClean: true }

const endOf = (reason: KefuErrorReason): End =>
  reason._tag === "ConnectionLost"
    ? { code: reason.code, reason: reason.detail, wasClean: reason.code !== 1006 }
    : { code: 1006, reason: reason.message, wasClean: false }

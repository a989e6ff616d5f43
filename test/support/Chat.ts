/**
 * Fixtures for tests of the inbox: users, conversations, and a session with a scripted backend.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { ConnectionState } from "../../src/realtime/ConnectionState.ts"
import { ConversationApi } from "../../src/rest/ConversationApi.ts"
import type { Conversation } from "../../src/domain/Conversation.ts"
import { ConversationId, MessageId, UserId } from "../../src/domain/Id.ts"
import { Message, messageTypeCode } from "../../src/domain/Message.ts"
import type { User } from "../../src/domain/User.ts"
import { Inbox } from "../../src/inbox/Inbox.ts"
import type { InboxConversation } from "../../src/inbox/InboxSnapshot.ts"
import * as broadcast from "../../src/realtime/subscribers.ts"
import { Lifecycle, type LifecycleSignal } from "../../src/platform/Lifecycle.ts"
import { KefuConfig, type Options } from "../../src/KefuConfig.ts"
import {
  type CommandReason,
  KefuError,
  type KefuErrorReason,
  NotFound,
  type RequestReason
} from "../../src/KefuError.ts"
import { Outbox } from "../../src/outbox/Outbox.ts"
import { type OutboxDraft, type OutboxEntry, OutboxKey } from "../../src/outbox/OutboxEntry.ts"
import type { OutboxState } from "../../src/outbox/OutboxState.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import { RealtimeEvent } from "../../src/realtime/RealtimeEvent.ts"
import { Transport } from "../../src/http/Transport.ts"
import { CurrentUser } from "../../src/rest/CurrentUser.ts"
import { UserApi } from "../../src/rest/UserApi.ts"

export const cid = (id: number) => ConversationId.make(id)
export const mid = (id: number) => MessageId.make(id)
export const uid = (id: number) => UserId.make(id)

export const user = (id: number, userType: User["userType"], nickname: string): User => ({
  id: uid(id),
  userType,
  nickname
})

export const alice = user(1, "CUSTOMER", "Alice")
export const robot = user(2, "ROBOT", "Robot")
export const li = user(3, "STAFF", "李静")
export const wang = user(4, "STAFF", "王磊")

const decodeMessage = Schema.decodeUnknownSync(Message)

/** A message of conversation 7, unless the fields say otherwise. */
export const message = (
  id: number,
  from: User | undefined,
  kind: keyof typeof messageTypeCode = "Text",
  content: unknown = kind === "Text" ? `message ${id}` : undefined,
  conversationId = 7
): Message =>
  decodeMessage({
    id,
    from_id: from?.id ?? null,
    conversation_id: conversationId,
    created_at: 1000 * id,
    message_type: messageTypeCode[kind],
    ...(content === undefined ? {} : { content })
  })

export const recall = (id: number, from: User, of: number, conversationId = 7) =>
  message(id, from, "MessageRecall", { message_id: of }, conversationId)

export const built = (id: number, who: User, conversationId = 7) =>
  message(
    id,
    who,
    "ConversationBuilt",
    { user_id: who.id, nickname: who.nickname, user_type: who.userType },
    conversationId
  )

/** Conversation 7 between Alice and 李静, unless the fields say otherwise. */
export const conversation = (fields: Partial<Conversation> = {}): Conversation => ({
  id: cid(7),
  state: "ACTIVE",
  customer: alice,
  lastStaff: li,
  users: [alice, robot, li, wang],
  conversationsUser: [],
  messages: [],
  ...fields
})

export const marks = (...all: ReadonlyArray<readonly [who: User, upTo: number]>): Conversation["conversationsUser"] =>
  all.map(([{ id }, upTo]) => ({ userId: id, latestReadMessageId: mid(upTo) }))

export const received = (message: Message) => RealtimeEvent.MessageReceived({ message, recovered: false })
export const read = (messageId: number, conversationId = 7) =>
  RealtimeEvent.MessagesRead({ conversationId: cid(conversationId), messageId: mid(messageId) })
export const inputting = (content: string | null | undefined, fields: { readonly fromId?: number } = {}) =>
  RealtimeEvent.Inputting({ conversationId: cid(7), payload: { content, conversationId: cid(7), ...fields } })
export const resynced = (...conversations: ReadonlyArray<Conversation>) =>
  RealtimeEvent.Resynced({ conversations, complete: true })

export const entry = (
  key: string,
  state: OutboxState,
  draft: OutboxDraft = { messageType: "Text", content: key, conversationId: cid(7) },
  enqueuedAt = 0
): OutboxEntry => ({ key: OutboxKey.make(key), draft, enqueuedAt, state })

export const failure = <Reason extends KefuErrorReason>(reason: Reason) => new KefuError({ method: "test", reason })

const notFound = failure(new NotFound({ detail: "there is no such thing" }))

/** The ids of the messages, `?` for pending sends. */
export const ids = (shown: InboxConversation | undefined) =>
  shown?.messages.map(({ id }) => (id === undefined ? "?" : Number(id)))

/** Runs everything that does not wait for the clock. */
export const settle = Effect.repeat(Effect.yieldNow, { times: 100 })

interface Call {
  readonly at: number
  readonly what: string
  readonly with: unknown
}

/**
 * An inbox over a scripted session, not begun yet. The backend's answers can be changed at any time.
 */
export const make = Effect.fnUntraced(function* (me: User, options: Options = {}) {
  const events = broadcast.make<RealtimeEvent>((dropped) => RealtimeEvent.Lagged({ dropped }))
  const sends = yield* PubSub.unbounded<OutboxEntry>()
  const signals = yield* PubSub.unbounded<LifecycleSignal>()
  const state = yield* SubscriptionRef.make<ConnectionState>(ConnectionState.Idle())
  const calls: Array<Call> = []
  let subscribers = 0
  const backend = {
    me: Effect.succeed(me) as Effect.Effect<User, KefuError<RequestReason>>,
    conversations: [conversation()] as ReadonlyArray<Conversation>,
    /** The conversations of the current list; undefined for all. */
    listed: undefined as ReadonlyArray<Conversation> | undefined,
    past: [] as ReadonlyArray<Conversation>,
    /** To which size the backend clips the pages of its list. */
    largestPage: Number.POSITIVE_INFINITY,
    position: 1 as number | undefined,
    isHidden: false,
    /** The endpoints that the backend lacks. */
    missing: new Set<string>(),
    /** Runs before every answer; its failure becomes the answer. */
    before: Effect.void as Effect.Effect<void, KefuError<RequestReason>>,
    acknowledge: Effect.void as Effect.Effect<void, KefuError<CommandReason>>
  }
  const note = (what: string, args?: unknown) =>
    Effect.map(Clock.currentTimeMillis, (at) => {
      calls.push({ at, what, with: args })
    })
  const answer = <A>(what: string, args: unknown, value: () => A) =>
    note(what, args).pipe(
      Effect.andThen(Effect.suspend(() => (backend.missing.has(what) ? Effect.fail(notFound) : backend.before))),
      Effect.andThen(Effect.sync(value))
    )
  const acknowledged = (what: string, args: unknown) =>
    note(what, args).pipe(Effect.andThen(Effect.suspend(() => backend.acknowledge)), Effect.as({ sequenceId: 1 }))
  const found = (id: ConversationId) =>
    Effect.fromOption(Option.fromUndefinedOr(backend.conversations.find((one) => one.id === id))).pipe(
      Effect.mapError(() => notFound)
    )

  const config = Layer.orDie(KefuConfig.layer({ baseUrl: "https://kefu.test", ...options }))
  const unused = <E>() =>
    HttpClient.makeWith<E, never, E, never>(() => Effect.die("no request is sent"), Effect.succeed)
  const generation = yield* SubscriptionRef.make(0)
  const layer = Inbox.layer.pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        Realtime.layerTest({
          state: SubscriptionRef.get(state),
          states: SubscriptionRef.changes(state),
          subscribe: () =>
            Effect.suspend(() => {
              subscribers++
              return events.subscribe({ bufferSize: 4096, overflow: "lagged" })
            }),
          on: () => Stream.empty,
          read: (id) => acknowledged("read", id),
          recall: (id) => acknowledged("recall", id),
          inputting: (draft) => acknowledged("inputting", draft)
        }),
        ConversationApi.layerTest({
          current: answer("current", undefined, () => backend.listed ?? backend.conversations),
          get: (id) =>
            Effect.flatMap(
              answer("get", id, () => id),
              found
            ),
          list: (query) =>
            answer("list", query, () => {
              const page = query?.page ?? 1
              const limit = Math.min(query?.limit ?? 20, backend.largestPage)
              const conversations = backend.past.slice((page - 1) * limit, page * limit)
              return { conversations, ...(Number.isFinite(backend.largestPage) ? { limit } : {}) }
            }),
          pendingPosition: (id) => answer("pendingPosition", id, () => ({ position: backend.position }))
        }),
        Layer.provideMerge(
          CurrentUser.layer,
          UserApi.layerTest({
            me: Effect.andThen(
              note("me"),
              Effect.suspend(() => backend.me)
            )
          })
        ).pipe(
          Layer.provide(
            Transport.layerTest({
              baseUrl: "https://kefu.test",
              httpClient: unused(),
              publicHttpClient: unused(),
              tokenGeneration: SubscriptionRef.get(generation),
              tokenChanges: SubscriptionRef.changes(generation)
            })
          ),
          Layer.provide(config)
        ),
        Outbox.layerTest({ changes: Stream.fromPubSub(sends) }),
        config,
        Layer.succeed(Lifecycle, {
          suspension: Effect.undefined,
          isHidden: Effect.sync(() => backend.isHidden),
          signals: Stream.fromPubSub(signals)
        })
      )
    )
  )
  const context = yield* Layer.build(layer)
  const inbox = Context.get(context, Inbox)
  return {
    inbox,
    backend,
    calls,
    subscribers: () => subscribers,
    called: (what: string) => calls.filter((call) => call.what === what),
    publish: (...all: ReadonlyArray<RealtimeEvent>) =>
      Effect.andThen(
        Effect.sync(() => all.forEach((event) => events.publish(event))),
        settle
      ),
    send: (entry: OutboxEntry) => Effect.andThen(PubSub.publish(sends, entry), settle),
    /** The token was replaced: `backend.me` may be another account's now. */
    replaceToken: Effect.andThen(
      SubscriptionRef.update(generation, (count) => count + 1),
      settle
    ),
    signal: (signal: LifecycleSignal) => Effect.andThen(PubSub.publish(signals, signal), settle),
    enter: (next: ConnectionState) => Effect.andThen(SubscriptionRef.set(state, next), settle),
    connected: ConnectionState.Connected({ since: 0, connection: 1 }),
    shown: (id = 7) => inbox.getConversation(cid(id)),
    /** Runs an effect, and returns the conversations that it causes to be read again, by id. */
    reads: Effect.fnUntraced(function* (effect: Effect.Effect<unknown>) {
      const before = calls.length
      yield* effect
      return calls.slice(before).flatMap((call) => (call.what === "get" ? [call.with] : []))
    })
  }
})

/** An inbox that has begun, is connected, and has loaded conversation 7. */
export const begun = Effect.fnUntraced(function* (...args: Parameters<typeof make>) {
  const chat = yield* make(...args)
  yield* chat.inbox.snapshot
  yield* chat.enter(chat.connected)
  yield* settle
  return chat
})

/** An inbox that has begun, and has loaded these conversations. */
export const loaded = Effect.fnUntraced(function* (me: User, ...conversations: ReadonlyArray<Conversation>) {
  const chat = yield* make(me)
  chat.backend.conversations = conversations
  yield* chat.inbox.snapshot
  yield* settle
  return chat
})

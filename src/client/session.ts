/**
 * The session behind the façade: connection commands in the order in which they were given, the current user, and the
 * delivery of events to the notifier.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { original } from "../codec/Odd.ts"
import * as Wire from "../codec/Wire.ts"
import { Conversation, ConversationPage } from "../domain/Conversation.ts"
import type { Plain } from "../domain/Perspective.ts"
import { User } from "../domain/User.ts"
import { Transport } from "../http/Transport.ts"
import { KefuError, UnexpectedResponse } from "../KefuError.ts"
import { Outbox } from "../outbox/Outbox.ts"
import { Realtime } from "../realtime/Realtime.ts"
import type { RealtimeEvent } from "../realtime/RealtimeEvent.ts"
import { Api } from "../wire/Api.ts"
import type { Directory } from "./directory.ts"
import type { Listeners } from "./listeners.ts"
import { Notifier, superseded } from "./notifier.ts"
import type { ReadFlags } from "./readFlags.ts"
import * as rest from "./rest.ts"
import * as sends from "./sends.ts"
import type * as types from "./types.ts"

const { endpoints } = Api.groups.conversations

const decodeUser = Schema.decodeUnknownOption(User)
const decodeConversation = Schema.decodeUnknownOption(Conversation)
const decodePage = Schema.decodeUnknownOption(ConversationPage)
const decodeList = Schema.decodeUnknownOption(Wire.Elements(Conversation))

/** How long events wait for the current user, on whom their direction depends. */
const patience = "10 seconds"

/** How many events may wait for the current user. */
const maxWaiting = 4096

/**
 * Hands events to the notifier in their order, and holds them back until the current user is known. That is tried once
 * per connection: an event without its perspective is better than none.
 */
const eventsOf = Effect.fnUntraced(function* (
  notifier: Notifier,
  directory: Directory,
  identify: Effect.Effect<void, KefuError>
) {
  const scope = yield* Effect.scope
  const waiting: Array<RealtimeEvent> = []
  let isIdentifying = false
  let triedOn: number | undefined

  const identified = identify.pipe(
    Effect.timeoutOption(patience),
    Effect.catch((error) => Effect.logWarning("The current user is unknown", error.message)),
    Effect.andThen(
      Effect.suspend(() => {
        isIdentifying = false
        triedOn = notifier.connection
        return release
      })
    )
  )

  const release: Effect.Effect<void> = Effect.suspend(() => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      if (next._tag !== "StateChanged" && directory.me === undefined && triedOn !== notifier.connection) {
        if (isIdentifying) return Effect.void
        isIdentifying = true
        return Effect.asVoid(Effect.forkIn(identified, scope))
      }
      waiting.shift()
      notifier.notify(next)
    }
    return Effect.void
  })

  const flush = Effect.suspend(() => {
    triedOn = notifier.connection
    return release
  })

  const receive = Effect.fnUntraced(function* (event: RealtimeEvent) {
    yield* Effect.logDebug("Event", ...describe(event))
    waiting.push(event)
    yield* waiting.length < maxWaiting ? release : flush
  })

  return { receive, flush }
})

const describe = (event: RealtimeEvent): ReadonlyArray<string> => {
  if (event._tag !== "StateChanged") return [event._tag]
  const { state } = event
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

const make = Effect.fnUntraced(function* (listeners: Listeners, directory: Directory, flags: ReadFlags) {
  const realtime = yield* Realtime
  const { httpClient } = yield* Transport
  const scope = yield* Effect.scope
  const notifier = new Notifier(listeners, directory, flags)
  const state = () => Effect.runSync(realtime.state)

  const view = (conversation: Conversation) => notifier.view(conversation)

  const fetchMe = Effect.gen(function* () {
    const method = "Client.getUserInfo"
    const response = yield* rest.request(httpClient, method, Api.groups.users.endpoints.me)
    const user = decodeUser(response.data)
    if (Option.isSome(user)) return { response, user: user.value }
    const reason = new UnexpectedResponse({ path: "", detail: "expected a user with an id" })
    // Without the response, which may contain the token.
    return yield* new KefuError({ method, reason })
  })

  const identify = directory.identify(Effect.map(fetchMe, ({ user }) => user))

  /** Conversations are viewed from the current user's perspective, who is fetched at the same time. */
  const fetchConversations = Effect.fnUntraced(function* <A, Data>(
    method: string,
    endpoint: rest.Endpoint,
    input: rest.Input,
    decode: (data: unknown) => Option.Option<A>,
    show: (value: A) => Data
  ) {
    const identified = Effect.catchReason(identify, "KefuError", "UnexpectedResponse", () => Effect.void)
    const [response] = yield* Effect.all([rest.request(httpClient, method, endpoint, input), identified], {
      concurrency: 2
    })
    const value = decode(response.data)
    if (Option.isSome(value)) return { ...response, data: show(value.value) }
    const reason = new UnexpectedResponse({ path: "", detail: "expected conversations" })
    return yield* new KefuError({ method, reason, response })
  })

  const events = yield* eventsOf(notifier, directory, identify)
  yield* Stream.runForEach(yield* realtime.subscribe({ bufferSize: Infinity }), events.receive).pipe(
    Effect.ignore,
    Effect.forkScoped({ startImmediately: true })
  )

  const inBackground = (effect: Effect.Effect<void, KefuError>) =>
    Effect.forkIn(Effect.ignore(effect), scope, { startImmediately: true })

  const inOrder = Semaphore.makeUnsafe(1).withPermit

  return {
    state,
    // Commands take effect in the order of the calls.
    open: inOrder(
      Effect.suspend(() => {
        const { _tag } = state()
        if (_tag === "Idle" || _tag === "Closed") return inBackground(realtime.open)
        return _tag === "Superseded" ? Effect.sync(() => listeners.report(superseded("Client.open"))) : Effect.void
      })
    ),
    close: inOrder(realtime.close),
    retryNow: inOrder(realtime.retryNow),
    takeOver: inOrder(
      Effect.suspend(() => (state()._tag === "Superseded" ? inBackground(realtime.takeOver) : Effect.void))
    ),
    /** Waits until the earlier commands have taken effect. */
    settled: inOrder(Effect.void),
    /** Closes the connection, reports it, and reports nothing more. */
    finish: inOrder(
      Effect.gen(function* () {
        const { _tag } = state()
        if (_tag === "Idle") return
        if (_tag !== "Closed") notifier.closed.closeUnsafe()
        yield* realtime.close
        yield* events.flush
        yield* notifier.closed.await
      })
    ),
    request: <Data>(method: string, endpoint: rest.Endpoint, input: rest.Input) =>
      Effect.map(rest.request(httpClient, method, endpoint, input), rest.toClientResponse<Data>),
    me: Effect.map(fetchMe, ({ response, user }) => {
      directory.setMe(user)
      return rest.toClientResponse<types.User>(response)
    }),
    conversations: (query: types.ConversationParams | undefined) =>
      fetchConversations("Client.getConversations", endpoints.list, { query }, decodePage, (page) => ({
        ...(original({ ...page, conversations: [] }) as Plain<ConversationPage>),
        conversations: page.conversations.map(view)
      })),
    conversation: (id: number) =>
      fetchConversations("Client.getConversationById", endpoints.get, { params: { id } }, decodeConversation, view),
    currentConversations: fetchConversations(
      "Client.getCurrentConversationList",
      endpoints.current,
      {},
      decodeList,
      (list) => list.map(view)
    ),
    ...sends.make(yield* Outbox, directory, flags, notifier, identify)
  }
})

export class ClientSession extends Context.Service<ClientSession>()("effect-kefu/client/session/ClientSession", {
  make
}) {
  static readonly layer = (listeners: Listeners, directory: Directory, flags: ReadFlags) =>
    Layer.effect(ClientSession, make(listeners, directory, flags))
}

export type Session = ClientSession["Service"]

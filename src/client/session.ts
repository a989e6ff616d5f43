/**
 * The session behind the façade: the current user, conversations from that user's perspective, and the delivery of events to
 * the notifier. `commands` opens and closes it; `sends` sends.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { lazyFunction } from "../codec/lazy.ts"
import { original } from "../codec/Odd.ts"
import * as Wire from "../codec/Wire.ts"
import { Conversation, ConversationPage } from "../domain/Conversation.ts"
import type { Plain } from "../domain/Perspective.ts"
import { User } from "../domain/User.ts"
import { Transport } from "../http/Transport.ts"
import { Inbox } from "../inbox/Inbox.ts"
import { KefuError, UnexpectedResponse } from "../KefuError.ts"
import { Outbox } from "../outbox/Outbox.ts"
import { Realtime } from "../realtime/Realtime.ts"
import { CurrentUser } from "../rest/CurrentUser.ts"
import { conversations, users } from "../wire/Endpoints.ts"
import * as commands from "./commands.ts"
import type { Directory } from "./directory.ts"
import * as eventQueue from "./eventQueue.ts"
import type { Listeners } from "./listeners.ts"
import { Notifier } from "./notifier.ts"
import type { ReadFlags } from "./readFlags.ts"
import * as recipient from "./recipients.ts"
import * as rest from "./rest.ts"
import * as sends from "./sends.ts"
import type * as types from "./types.ts"

const decodeUser = lazyFunction(() => Schema.decodeUnknownOption(User))
const decodeConversation = lazyFunction(() => Schema.decodeUnknownOption(Conversation))
const decodePage = lazyFunction(() => Schema.decodeUnknownOption(ConversationPage))
const decodeList = lazyFunction(() => Schema.decodeUnknownOption(Wire.Elements(Conversation)))

const make = Effect.fnUntraced(function* (
  listeners: Listeners,
  directory: Directory,
  flags: ReadFlags,
  usesOutbox: boolean
) {
  const realtime = yield* Realtime
  const { httpClient, tokenChanges } = yield* Transport
  const currentUser = yield* CurrentUser
  const notifier = new Notifier(listeners, directory, flags)

  const view = (conversation: Conversation) => notifier.view(conversation)

  /** Whatever the backend says of the current user. */
  const fetchMe = Effect.gen(function* () {
    const { generation } = directory
    const response = yield* rest.request(httpClient, "Client.getUserInfo", users.me)
    const user = decodeUser(response.data)
    if (Option.isSome(user)) directory.setMe(user.value, generation)
    return rest.toClientResponse<types.User>(response)
  })

  /** Makes sure that the directory knows the current user. */
  const identify: Effect.Effect<void, KefuError> = Effect.suspend(() => {
    const { generation, isIdentified } = directory
    if (isIdentified) return Effect.void
    return Effect.flatMap(currentUser.get, (me) => {
      directory.setMe(me, generation)
      return identify
    })
  })

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
    if (Option.isSome(value)) return rest.respond(response, show(value.value))
    const reason = new UnexpectedResponse({ path: "", detail: "expected conversations" })
    return yield* new KefuError({ method, reason, response: response.redacted(), config: response.config })
  })

  const events = yield* eventQueue.make(notifier, listeners, directory, identify)
  const received = yield* realtime.subscribe({ bufferSize: Infinity, lasting: true })
  yield* Stream.runForEachArray(received, (batch) => events.receive(batch)).pipe(
    Effect.ignore,
    Effect.forkScoped({ startImmediately: true })
  )

  yield* Stream.runForEach(Stream.drop(tokenChanges, 1), () =>
    Effect.suspend(() => {
      directory.generation++
      return directory.me === undefined ? Effect.void : events.identify
    })
  ).pipe(Effect.forkScoped({ startImmediately: true }))

  const recipients = recipient.make(yield* Inbox, directory, notifier, identify)

  return {
    state: () => Effect.runSync(realtime.state),
    ...(yield* commands.make(realtime, notifier, listeners, events.end)),
    request: <Data>(method: string, endpoint: rest.Endpoint, input: rest.Input) =>
      Effect.map(rest.request(httpClient, method, endpoint, input), rest.toClientResponse<Data>),
    me: fetchMe,
    conversations: (query: types.ConversationParams | types.ConversationFilter | undefined) =>
      fetchConversations("Client.getConversations", conversations.list, { query }, decodePage, (page) => ({
        ...(original({ ...page, conversations: [] }) as Plain<ConversationPage>),
        conversations: page.conversations.map(view)
      })),
    conversation: (id: number) =>
      fetchConversations("Client.getConversationById", conversations.get, { params: { id } }, decodeConversation, view),
    currentConversations: fetchConversations(
      "Client.getCurrentConversationList",
      conversations.current,
      {},
      decodeList,
      (list) => list.map(view)
    ),
    recipient: recipients.recipient,
    ...sends.make(
      yield* Outbox,
      usesOutbox ? undefined : realtime,
      recipients,
      directory,
      flags,
      notifier,
      events.release
    )
  }
})

export class ClientSession extends Context.Service<ClientSession>()("effect-kefu/client/session/ClientSession", {
  make
}) {
  static readonly layer = (listeners: Listeners, directory: Directory, flags: ReadFlags, usesOutbox: boolean) =>
    Layer.effect(ClientSession, make(listeners, directory, flags, usesOutbox))
}

export type Session = ClientSession["Service"]

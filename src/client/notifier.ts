/**
 * Translates the session's events into the documented callbacks and the client's events.
 */
import * as Latch from "effect/Latch"
import * as Predicate from "effect/Predicate"
import { original } from "../codec/Odd.ts"
import type { Conversation } from "../domain/Conversation.ts"
import type { Message } from "../domain/Message.ts"
import {
  messageName,
  plain,
  readUpTo,
  viewConversation,
  type ViewedConversation,
  type ViewedMessage,
  viewMessage,
  viewNameless
} from "../domain/Perspective.ts"
import {
  ConnectionLost,
  KefuError,
  type KefuErrorReason,
  NetworkUnreachable,
  RateLimited,
  ServerFault,
  Superseded,
  UnexpectedResponse
} from "../KefuError.ts"
import { eventTypeCode } from "../wire/Frame.ts"
import { ConnectionState } from "../realtime/ConnectionState.ts"
import type { RealtimeEvent } from "../realtime/RealtimeEvent.ts"
import { callbackOf, type ClientEvent } from "./callbacks.ts"
import type { Directory } from "./directory.ts"
import type { Listeners } from "./listeners.ts"
import { OwnSends } from "./ownSends.ts"
import type { ReadFlags } from "./readFlags.ts"

export const takeOverRemedy = "call `client.takeOver()` to take the session back"

export const superseded = (method: string): KefuError =>
  new KefuError({ method, reason: new Superseded({ remedy: takeOverRemedy }) })

export class Notifier {
  /** The number of the latest connection, from 1; 0 before the first. */
  connection = 0
  /** Open while the latest state is `Closed`. */
  readonly closed = Latch.makeUnsafe(false)
  readonly ownSends = new OwnSends()
  readonly #listeners: Listeners
  readonly #directory: Directory
  readonly #flags: ReadFlags
  #state: ConnectionState = ConnectionState.Idle()
  #isOpen = false

  constructor(listeners: Listeners, directory: Directory, flags: ReadFlags) {
    this.#listeners = listeners
    this.#directory = directory
    this.#flags = flags
  }

  notify(event: RealtimeEvent): void {
    const translated = this.#translate(event)
    if (translated !== undefined) this.#listeners.emit(translated)
  }

  /** Whether a message may be a send of the app that has not settled. */
  mayBeSend(message: Message): boolean {
    return this.#isOwn(message) && !this.ownSends.has(message) && this.ownSends.mayBe(message)
  }

  /** The conversation as the app receives it, with read flags that are kept up to date. */
  view(conversation: Conversation): ViewedConversation {
    this.#directory.readConversation(conversation)
    const read = readUpTo(conversation, this.#directory)
    if (Number.isFinite(read)) this.#flags.mark(conversation.id, read)
    const viewed = viewConversation(conversation, this.#directory)
    this.#flags.trackPage(conversation.id, viewed.messages)
    return viewed
  }

  #translate(event: RealtimeEvent): ClientEvent | undefined {
    switch (event._tag) {
      case "StateChanged":
        this.#stateChanged(event.state)
        return event
      case "MessageReceived": {
        const { message, recovered } = event
        const isSend = recovered && this.#isOwn(message) && this.ownSends.has(message)
        return isSend ? undefined : this.#message(message, recovered)
      }
      case "MessagesRead":
        this.#flags.mark(event.conversationId, event.messageId)
        return plain(event)
      case "Inputting":
        return this.#inputting(event)
      case "Resynced":
        return { ...event, conversations: event.conversations.map((conversation) => this.view(conversation)) }
      case "Superseded":
        this.#listeners.call(["onMultipleLogin"])
        return plain(event)
      case "UnknownReceived":
        return this.#nameless(event) ?? this.#unread(event, `a frame of type ${event.eventTypeCode} could not be read`)
      case "Undecodable":
        return this.#unread(event, event.detail)
      default:
        return plain(event)
    }
  }

  /** The draft is given as the backend sent it. */
  #inputting(event: Extract<RealtimeEvent, { readonly _tag: "Inputting" }>): ClientEvent {
    const payload = original(event.payload) as typeof event.payload
    this.#listeners.call(["onInputting", payload.content ?? "", event.conversationId])
    return plain({ ...event, payload })
  }

  #message(message: Message, recovered: boolean): ClientEvent {
    if (messageName(message) === "ConversationBuilt") this.#meet(message.content)
    const viewed = viewMessage(message, this.#directory, true)
    this.#listeners.call(["onMessage", viewed])
    this.#directory.readMessage(message)
    if (!recovered || !this.#isOwn(message)) this.#flags.mark(message.conversationId, message.id)
    return this.#received(viewed, recovered)
  }

  /** A message without a usable id or conversation reaches the app all the same. */
  #nameless({ eventTypeCode: code, payload }: Extract<RealtimeEvent, { _tag: "UnknownReceived" }>) {
    if (code !== eventTypeCode.Message) return undefined
    const message = viewNameless(payload, this.#directory, () => true)
    if (message === undefined) return undefined
    if (message.messageType === "ConversationBuilt") this.#meet(message.content)
    this.#listeners.call(["onMessage", message])
    return this.#received(message, false)
  }

  /** A frame that has no callback of its own is told to `onError`. */
  #unread(event: Extract<RealtimeEvent, { _tag: "UnknownReceived" | "Undecodable" }>, detail: string): ClientEvent {
    this.#listeners.report(new KefuError({ method: "Client", reason: new UnexpectedResponse({ path: "", detail }) }))
    return plain(event)
  }

  #received(message: ViewedMessage, recovered: boolean): ClientEvent {
    const callback = callbackOf(message)
    if (callback !== undefined) this.#listeners.call(callback)
    return { _tag: "MessageReceived", message, recovered }
  }

  #isOwn({ fromId }: Message): boolean {
    return fromId !== undefined && fromId === this.#directory.me?.id
  }

  /** Adds the user whom a `ConversationBuilt` describes. */
  #meet(content: unknown): void {
    if (!Predicate.hasProperty(content, "userId") || !Predicate.hasProperty(content, "userType")) return
    const { userId: id, userType } = content
    if (typeof id !== "number" || typeof userType !== "string") return
    const nickname = Predicate.hasProperty(content, "nickname") ? content.nickname : undefined
    this.#directory.add({ id, userType, nickname: typeof nickname === "string" ? nickname : undefined }, true)
  }

  #stateChanged(state: ConnectionState): void {
    const before = this.#state
    this.#state = state
    if (state._tag === "Closed") this.closed.openUnsafe()
    else this.closed.closeUnsafe()
    switch (state._tag) {
      case "Connected":
        this.#isOpen = true
        this.#listeners.call(["onOpen", { type: "open", reconnected: this.connection > 0 }])
        this.connection = state.connection
        break
      case "Waiting":
        this.#connectionClosed(state.cause, closeOf(state.cause.reason), true)
        break
      case "Superseded":
        this.#connectionClosed(superseded("Client"), supersededClose, false)
        break
      case "Closed":
        if (state.reason !== undefined) this.#connectionClosed(state.reason, closeOf(state.reason.reason), false)
        else if (this.#isOpen || before._tag === "Connecting") this.#connectionClosed(undefined, normalClose, false)
        break
      default:
    }
  }

  #connectionClosed(error: KefuError | undefined, close: Close, willReconnect: boolean): void {
    this.#isOpen = false
    const told = error && advised(error, willReconnect)
    if (told !== undefined && !close.wasClean) this.#listeners.report(told)
    this.#listeners.call(["onClose", { type: "close", ...close, willReconnect, ...(told && { error: told }) }])
  }
}

/** The end of a connection with advice of its own: nothing was called that could be called again. */
const advised = (error: KefuError, willReconnect: boolean): KefuError => {
  const { reason } = error
  const remedy = willReconnect ? "it reconnects automatically" : "call `client.open()` to open it again"
  const because = (reason: KefuErrorReason) => new KefuError({ ...error, reason })
  switch (reason._tag) {
    case "ConnectionLost":
      return because(new ConnectionLost({ ...reason, remedy }))
    case "RateLimited":
      return because(new RateLimited({ ...reason, remedy }))
    case "ServerFault":
      return because(new ServerFault({ ...reason, remedy }))
    case "NetworkUnreachable":
      return reason.remedy === undefined
        ? error
        : because(new NetworkUnreachable({ ...reason, remedy: `${reason.remedy}; ${remedy}` }))
    default:
      return error
  }
}

interface Close {
  readonly code: number
  readonly reason: string
  readonly wasClean: boolean
}

const normalClose: Close = { code: 1000, reason: "", wasClean: true }

const supersededClose: Close = { code: 1000, reason: "the account logged in elsewhere", wasClean: true }

const closeOf = (reason: KefuErrorReason): Close =>
  reason._tag === "ConnectionLost"
    ? { code: reason.code, reason: reason.detail, wasClean: reason.code !== 1006 }
    : { code: 1006, reason: reason.message, wasClean: false }

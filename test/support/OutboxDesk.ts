/**
 * The arrangement of the outbox's tests: conversations that the test fills, behind a scripted gateway.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { ConversationId, MessageId, type UserId } from "../../src/domain/Id.ts"
import type { KefuError } from "../../src/KefuError.ts"
import { Outbox } from "../../src/outbox/Outbox.ts"
import type { OutboxDraft, OutboxKey } from "../../src/outbox/OutboxEntry.ts"
import type { OutboxState } from "../../src/outbox/OutboxState.ts"
import { type TestConnection, TestGateway, type TestRequest, type TestResponse } from "../../src/testing/TestGateway.ts"
import type { ClientFrame } from "../../src/wire/Frame.ts"
import { message } from "./Gateway.ts"

export const seven = ConversationId.make(7)
export const eight = ConversationId.make(8)
export const me = 1
export const staff = 2

export const text = (content: string, conversationId: ConversationId | null = seven, toId?: UserId): OutboxDraft => ({
  conversationId: conversationId ?? undefined,
  toId,
  messageType: "Text",
  content
})

interface WireMessage {
  readonly id: number
  readonly from_id: number | null
  readonly conversation_id: number
  readonly message_type: number
  readonly content?: unknown
}

interface DeskConversation {
  state: string
  readonly messages: Array<WireMessage>
  limit: number
  customer?: number
}

/** Conversations that the test fills, and the REST answers about them. */
export class Desk {
  readonly conversations = new Map<number, DeskConversation>()
  ids = 100
  /** The account of the session. */
  account = me
  userType = "CUSTOMER"
  /** Answers in place of the desk. */
  override: (request: TestRequest) => TestResponse | undefined | Effect.Effect<TestResponse> = () => undefined

  constructor(...conversations: ReadonlyArray<number>) {
    for (const id of conversations) {
      this.conversations.set(id, { state: "ACTIVE", messages: [], limit: Infinity })
      this.say(id, staff, `welcome to ${id}`)
    }
  }

  /** Refuses to show any conversation. */
  hide(): void {
    this.override = ({ path }) => {
      if (path === "/im/current_list") return { body: [] }
      if (path === "/im/conversations") return { body: { conversations: [] } }
      return path.startsWith("/im/conversations/") ? { status: 403 } : undefined
    }
  }

  of(id: number) {
    const found: DeskConversation = this.conversations.get(id) ?? { state: "ACTIVE", messages: [], limit: Infinity }
    this.conversations.set(id, found)
    return found
  }

  say(conversation: number, from: number | null, content: unknown, type = 1): MessageId {
    const id = ++this.ids
    const message = { id, from_id: from, conversation_id: conversation, message_type: type, content }
    this.of(conversation).messages.push(message)
    return MessageId.make(id)
  }

  /** Handles a send. */
  handle(frame: ClientFrame, conversation = 7): MessageId {
    if (frame.eventType !== "Message" || frame.payload.messageType !== "Text") throw new Error("not a text")
    return this.say(conversation, this.account, frame.payload.content)
  }

  texts(conversation = 7) {
    return this.of(conversation)
      .messages.filter(({ from_id }) => from_id === this.account)
      .map(({ content }) => content)
  }

  readonly respond = (request: TestRequest): TestResponse | undefined | Effect.Effect<TestResponse> => {
    const overridden = this.override(request)
    if (overridden !== undefined) return overridden
    const all = Array.from(this.conversations, ([id, { customer, limit, messages, state }]) => ({
      id,
      state,
      ...(customer === undefined ? {} : { customer: { id: customer, user_type: "CUSTOMER" } }),
      users: [],
      messages: messages.slice(Math.max(0, messages.length - limit))
    }))
    if (request.path === "/im/users/me") return { body: { id: this.account, user_type: this.userType } }
    if (request.path === "/im/current_list") return { body: all.filter(({ state }) => state !== "FINISHED") }
    if (request.path === "/im/conversations") return { body: { conversations: all.toReversed() } }
    const id = /^\/im\/conversations\/(\d+)$/.exec(request.path)?.[1]
    const one = all.find((conversation) => conversation.id === Number(id))
    return one && { body: one }
  }
}

/** Has a desk answer the requests. */
export const open = Effect.fnUntraced(function* (desk: Desk) {
  const gateway = yield* TestGateway
  const outbox = yield* Outbox
  yield* gateway.respond(desk.respond)
  return { gateway, outbox }
})

/** Handles the client's next message and acknowledges it. */
export const handle = (desk: Desk, connection: TestConnection, conversation?: number) =>
  Effect.flatMap(message(connection), (frame) => connection.ack(frame, desk.handle(frame, conversation)))

/** Why an effect fails. */
export const failure = <A, R>(effect: Effect.Effect<A, KefuError, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason)

/** The contents of the messages that a connection has received. */
export const messagesOf = (connection: TestConnection) =>
  Effect.map(connection.frames, (frames) =>
    frames.flatMap((frame) => (frame.eventType === "Message" ? [frame.payload.content] : []))
  )

/** Waits until an entry reaches a state. */
export const reaches = <Tag extends OutboxState["_tag"]>(key: OutboxKey, tag: Tag) =>
  Effect.flatMap(Outbox, (outbox) =>
    outbox.changes.pipe(
      Stream.filter((entry) => entry.key === key && entry.state._tag === tag),
      Stream.runHead,
      Effect.map(Option.getOrThrow)
    )
  )

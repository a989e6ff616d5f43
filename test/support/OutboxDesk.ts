/**
 * What the tests of the outbox share: a session over a scripted gateway, and a conversation that the test fills.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { ConversationId, MessageId } from "../../src/domain/Id.ts"
import * as Kefu from "../../src/Kefu.ts"
import { KefuConfig, type Options } from "../../src/KefuConfig.ts"
import { Outbox } from "../../src/outbox/Outbox.ts"
import type { OutboxDraft, OutboxKey } from "../../src/outbox/OutboxEntry.ts"
import type { OutboxState } from "../../src/outbox/OutboxState.ts"
import { type TestConnection, TestGateway, type TestRequest, type TestResponse } from "../../src/testing/TestGateway.ts"
import type { ClientFrame } from "../../src/wire/Frame.ts"

export const seven = ConversationId.make(7)
export const eight = ConversationId.make(8)
export const me = 1
export const staff = 2

/** Dialling again takes no time in these tests, unless the clock is moved. */
export const reconnect = { base: 1, cap: 1, resetAfter: 1 }

export const session = (options: Options = {}) =>
  Kefu.layerServices.pipe(
    Layer.provideMerge(TestGateway.layer),
    Layer.provideMerge(KefuConfig.layer({ baseUrl: "http://gateway.test", reconnect, ...options }))
  )

/** Lets everything that needs no time happen. */
export const settle = Effect.repeat(Effect.yieldNow, { times: 200 })

export const pass = (duration: Parameters<typeof TestClock.adjust>[0]) =>
  Effect.andThen(settle, Effect.andThen(TestClock.adjust(duration), settle))

export const text = (content: string, conversationId: ConversationId | null = seven): OutboxDraft => ({
  conversationId: conversationId ?? undefined,
  messageType: "Text",
  content
})

export interface WireMessage {
  readonly id: number
  readonly from_id: number | null
  readonly conversation_id: number
  readonly message_type: number
  readonly content?: unknown
}

/** Conversations that the test writes, and what REST says of them. */
export class Desk {
  readonly conversations = new Map<number, { state: string; messages: Array<WireMessage>; limit: number }>()
  ids = 100
  /** Answers instead of the desk. */
  override: (request: TestRequest) => TestResponse | undefined | Effect.Effect<TestResponse> = () => undefined

  constructor(...conversations: ReadonlyArray<number>) {
    for (const id of conversations) {
      this.conversations.set(id, { state: "ACTIVE", messages: [], limit: Infinity })
      this.say(id, staff, `welcome to ${id}`)
    }
  }

  of(id: number) {
    const found = this.conversations.get(id) ?? { state: "ACTIVE", messages: [], limit: Infinity }
    this.conversations.set(id, found)
    return found
  }

  say(conversation: number, from: number | null, content: unknown, type = 1): MessageId {
    const id = ++this.ids
    const message = { id, from_id: from, conversation_id: conversation, message_type: type, content }
    this.of(conversation).messages.push(message)
    return MessageId.make(id)
  }

  /** Does what a send asks for. */
  handle(frame: ClientFrame, conversation = 7): MessageId {
    if (frame.eventType !== "Message" || frame.payload.messageType !== "Text") throw new Error("not a text")
    return this.say(conversation, me, frame.payload.content)
  }

  texts(conversation = 7) {
    return this.of(conversation)
      .messages.filter(({ from_id }) => from_id === me)
      .map(({ content }) => content)
  }

  readonly respond = (request: TestRequest): TestResponse | undefined | Effect.Effect<TestResponse> => {
    const overridden = this.override(request)
    if (overridden !== undefined) return overridden
    const all = Array.from(this.conversations, ([id, { limit, messages, state }]) => ({
      id,
      state,
      users: [],
      messages: messages.slice(Math.max(0, messages.length - limit))
    }))
    if (request.path === "/im/current_list") return { body: all.filter(({ state }) => state !== "FINISHED") }
    if (request.path === "/im/conversations") return { body: { conversations: all.toReversed() } }
    const id = /^\/im\/conversations\/(\d+)$/.exec(request.path)?.[1]
    const one = all.find((conversation) => conversation.id === Number(id))
    return one && { body: one }
  }
}

/** A session whose backend is a desk. */
export const open = Effect.fnUntraced(function* (desk: Desk) {
  const gateway = yield* TestGateway
  const outbox = yield* Outbox
  yield* gateway.respond(desk.respond)
  return { gateway, outbox }
})

/** Takes the next frame that is a message; others are acknowledged. */
export const message = (connection: TestConnection): Effect.Effect<ClientFrame> =>
  Effect.flatMap(connection.next, (frame) =>
    frame.eventType === "Message"
      ? Effect.succeed(frame)
      : Effect.andThen(
          connection.ack(frame),
          Effect.suspend(() => message(connection))
        )
  )

/** How many messages a connection has been given. */
export const messagesOf = (connection: TestConnection) =>
  Effect.map(connection.frames, (frames) =>
    frames.flatMap((frame) => (frame.eventType === "Message" ? [frame.payload.content] : []))
  )

/** Waits until an entry is in a state. */
export const reaches = <Tag extends OutboxState["_tag"]>(key: OutboxKey, tag: Tag) =>
  Effect.flatMap(Outbox, (outbox) =>
    outbox.changes.pipe(
      Stream.filter((entry) => entry.key === key && entry.state._tag === tag),
      Stream.runHead,
      Effect.map(Option.getOrThrow)
    )
  )

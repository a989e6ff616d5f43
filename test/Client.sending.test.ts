/**
 * How the façade sends messages.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Client, KefuError } from "../src/Client.ts"
import * as Backend from "./support/Backend.ts"
import { message, opened, refusal, rejection, setup } from "./support/ClientSetup.ts"

describe("Client", () => {
  for (const by of ["timeout", "signal"] as const) {
    it.live(`a message that is given up by ${by} under way may arrive, and is not to be repeated`, () =>
      Effect.gen(function* () {
        const { backend, client } = yield* opened()
        const controller = new AbortController()
        const arrived = new Promise<() => void>((resolve) => {
          backend.onFrame = (frame, link) => {
            resolve(() => Backend.ack(frame, link, 1234))
            controller.abort()
          }
        })
        const built = client.buildMessage("Text", "x", 3)
        const options = by === "timeout" ? { timeout: 1500 } : { signal: controller.signal }
        const error = yield* refusal(client.sendMessage(built, 5, options))
        assert.strictEqual(error.reason._tag, "DeliveryUnknown")
        assert.strictEqual(error.method, "Client.sendMessage")
        assert.isFalse(error.isRetryable)
        assert.strictEqual(built.id, 0)
        const late = yield* Effect.promise(() => arrived)
        backend.onFrame = (frame, link) => Backend.ack(frame, link, 1235)
        late()
        yield* Effect.promise(() => client.sendMessage(client.buildMessage("Text", "y", 3), 5))
        assert.strictEqual(built.id, 1234)
      })
    )

    it.live(`a message that is given up by ${by} before it leaves is taken back`, () =>
      Effect.gen(function* () {
        const { backend, callbacks, client, link } = yield* opened({ reconnect: { base: 600_000, cap: 600_000 } })
        link.reset()
        yield* callbacks.called("onClose")
        const options = by === "timeout" ? { timeout: 5 } : { signal: AbortSignal.timeout(5) }
        const error = yield* rejection(client.sendMessage(client.buildMessage("Text", "x", 3), 5, options))
        if (by === "timeout") assert.strictEqual((error as KefuError).reason._tag, "Cancelled")
        else assert.strictEqual((error as DOMException).name, "TimeoutError")
        client.retryNow()
        yield* callbacks.called("onOpen", 2)
        yield* Effect.promise(() => client.readMessage(1))
        assert.deepStrictEqual(
          backend.links.flatMap(({ frames }) => frames).map(({ event_type }) => event_type),
          [104]
        )
      })
    )
  }

  it.live("finds the recipient for staff if the client knows the visitor, and otherwise rejects", () =>
    Effect.gen(function* () {
      const { backend, client, link } = yield* opened()
      const conversation = { id: 3, state: "ACTIVE", customer: Backend.visitor, users: [Backend.visitor], messages: [] }
      backend.answer = Backend.answers({
        "GET /im/users/me": { id: 5, user_type: "STAFF", nickname: "小李" },
        "GET /im/conversations/3": conversation
      })
      const unknown = yield* refusal(client.sendMessage(client.buildMessage("Text", "x", 3)))
      assert.deepInclude(unknown.reason, { _tag: "InvalidRequest", field: "toId" })
      assert.deepStrictEqual(link.frames, [])
      yield* Effect.promise(() => client.getConversationById(3))
      yield* Effect.promise(() => client.sendMessage(client.buildMessage("Text", "x", 3)))
      yield* Effect.promise(() => client.inputting("y", 3))
      assert.deepStrictEqual(
        link.frames.map(({ payload }) => (payload as { readonly to_id?: number }).to_id),
        [7, 7]
      )
    })
  )

  const reads: ReadonlyArray<readonly [what: string, read: (client: Client) => Promise<unknown>]> = [
    ["its inbox has loaded", (client) => client.inbox.ready()],
    ["its inbox has refreshed", (client) => client.inbox.ready().then(() => client.inbox.refresh())],
    ["its inbox has read", (client) => client.inbox.conversation(3)],
    ["it has listed", (client) => client.getConversations()],
    ["it has listed as current", (client) => client.getCurrentConversationList()]
  ]

  for (const [what, read] of reads) {
    it.live(`lets staff speak first in a conversation that ${what}`, () =>
      Effect.gen(function* () {
        const { backend, client, link } = yield* opened()
        const { visitor } = Backend
        const fresh = { id: 3, state: "ACTIVE", customer: visitor, users: [visitor], messages: [] }
        backend.answer = Backend.answers({
          "GET /im/users/me": { id: 5, user_type: "STAFF", nickname: "小李" },
          "GET /im/current_list": [fresh],
          "GET /im/conversations": { conversations: [fresh] },
          "GET /im/conversations/3": fresh
        })
        yield* Effect.promise(() => read(client))
        yield* Effect.promise(() => client.sendMessage(client.buildMessage("Text", "您好", 3)))
        yield* Effect.promise(() => client.inputting("y", 3))
        assert.deepStrictEqual(
          link.frames.map(({ payload }) => (payload as { readonly to_id?: number }).to_id),
          [7, 7]
        )
      })
    )
  }

  it.live("lets staff speak first in a conversation that an event has announced", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client, link } = yield* opened()
      backend.answer = Backend.answers({ "GET /im/users/me": { id: 5, user_type: "STAFF", nickname: "小李" } })
      const content = { user_id: 7, nickname: "小明", user_type: "CUSTOMER" }
      link.send(101, { ...message(10), message_type: 102, content, from_id: null })
      yield* callbacks.called("onConversationBuilt")
      yield* Effect.promise(() => client.sendMessage(client.buildMessage("Text", "您好", 3)))
      assert.deepInclude(link.frames[0]?.payload, { to_id: 7 })
    })
  )

  it.live("sets the conversation of a message once it is known, and then its read flag", () =>
    Effect.gen(function* () {
      const { callbacks, client, link } = yield* opened()
      const first = client.buildMessage("Text", "x", 0)
      yield* Effect.promise(() => client.sendMessage(first))
      assert.deepInclude(first, { id: 1001, conversationId: 0, isRead: false })
      link.send(101, { ...message(1000), message_type: 102, content: undefined })
      yield* callbacks.called("onConversationBuilt")
      assert.deepInclude(first, { conversationId: 3, isRead: false })
      const second = client.buildMessage("Text", "y", 0)
      yield* Effect.promise(() => client.sendMessage(second))
      assert.deepInclude(second, { id: 1002, conversationId: 3, isRead: false })
      link.send(104, { conversation_id: 3, message_id: 1001 })
      link.send(105, { conversation_id: 3, content: "" })
      yield* callbacks.called("onInputting")
      assert.deepStrictEqual([first.isRead, second.isRead], [true, false])
      link.send(101, { ...message(1003), message_type: 104, content: { reason: 1 } })
      yield* callbacks.called("onConversationClosed")
      assert.isTrue(second.isRead)
      const third = client.buildMessage("Text", "z", 0)
      yield* Effect.promise(() => client.sendMessage(third))
      assert.strictEqual(third.conversationId, 0)
    })
  )

  it.live("rejects a message of an unknown type", () =>
    Effect.gen(function* () {
      const { client } = yield* opened()
      const built = client.buildMessage("Nonsense" as "Text", "x", 3)
      assert.strictEqual((yield* refusal(client.sendMessage(built))).reason._tag, "InvalidRequest")
    })
  )

  it.live("rejects at once, also commands, while another login has the connection", () =>
    Effect.gen(function* () {
      const { callbacks, client, link } = yield* opened()
      link.send(301)
      yield* callbacks.called("onMultipleLogin")
      const sent = link.frames.length
      const message = client.buildMessage("Text", "x", 3)
      for (const call of [client.sendMessage(message, 5), client.readMessage(1), client.inputting("x", 3)]) {
        assert.strictEqual((yield* refusal(call)).reason._tag, "Superseded")
      }
      assert.strictEqual(link.frames.length, sent)
    })
  )

  it.live("connects at the first message or command", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client } = yield* setup()
      yield* Effect.promise(() => client.sendMessage(client.buildMessage("Text", "x", 3), 5))
      yield* callbacks.called("onOpen")
      const { client: another } = yield* setup({ baseUrl: backend.baseUrl })
      yield* Effect.promise(() => another.readMessage(1))
      assert.isTrue(another.isOpened())
    })
  )

  it.live("sends a message that waited for a connection over the next one", () =>
    Effect.gen(function* () {
      const { backend, client, link } = yield* opened()
      link.reset()
      const message = client.buildMessage("Text", "还在吗", 3)
      yield* Effect.promise(() => client.sendMessage(message))
      assert.isAbove(message.id, 1000)
      assert.strictEqual(backend.links.flatMap(({ frames }) => frames).length, 1)
    })
  )
})

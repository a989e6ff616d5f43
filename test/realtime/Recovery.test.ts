import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Message } from "../../src/domain/Message.ts"
import { ConversationId, MessageId } from "../../src/domain/Id.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import { TestGateway, type TestResponse } from "../../src/testing/TestGateway.ts"
import { acknowledge, collect, layer, open, pass, push, received, replace, tags, text } from "../support/Gateway.ts"

const typeCodes: Readonly<Record<string, number>> = {
  Text: 1,
  ConversationBuilt: 102,
  MessageRecall: 103,
  ConversationTransfer: 109
}

/** The content as on the wire, for the kinds of message that these tests use. */
const contentOf = (message: Message): unknown => {
  if (message.messageType === "ConversationBuilt") return { user_type: message.content.userType }
  return message.messageType === "MessageRecall" ? { message_id: message.content.messageId } : message.content
}

/** The answers of REST while conversation 7 has these messages; it does not exist if they are undefined. */
const history =
  (messages: ReadonlyArray<Message> | undefined) =>
  ({ path }: { readonly path: string }): TestResponse | undefined => {
    const conversation = messages && {
      id: 7,
      state: "ACTIVE",
      users: [],
      messages: messages.map((message) => ({
        id: message.id,
        conversation_id: message.conversationId,
        from_id: message.fromId,
        message_type: typeCodes[message.messageType],
        content: contentOf(message)
      }))
    }
    if (path === "/im/current_list") return { body: conversation === undefined ? [] : [conversation] }
    return path === "/im/conversations/7" && conversation !== undefined ? { body: conversation } : undefined
  }

const built = (id: number, userType: "CUSTOMER" | "STAFF" | "ROBOT"): Message => ({
  ...text(id),
  messageType: "ConversationBuilt",
  content: { userType }
})

interface Scenario {
  /** The conversation at the first connection; none if undefined. */
  readonly before?: ReadonlyArray<Message>
  /** What comes in over the first connection. */
  readonly live?: ReadonlyArray<Message>
  /** The conversation at the second connection. */
  readonly after: ReadonlyArray<Message>
}

/** Which messages the second connection recovers, and whether the client is sure that these are all. */
const recover = Effect.fnUntraced(
  function* ({ after, before, live = [] }: Scenario) {
    const gateway = yield* TestGateway
    yield* gateway.respond(history(before))
    const events = yield* collect
    const connection = yield* open
    yield* push(connection, ...live)
    yield* gateway.respond(history(after))
    const seen = events.length
    yield* replace(connection)
    const found = events.slice(seen)
    const resynced = found.find((event) => event._tag === "Resynced")
    if (resynced?.complete === false) assert.include(tags(found), "GapUnresolved")
    return { ids: received(found).map(({ id }) => Number(id)), complete: resynced?.complete }
  },
  Effect.scoped,
  (effect) => Effect.provide(effect, layer())
)

describe("a message found in the history after a lost connection", () => {
  it.effect("is new where it was neither delivered nor there before, and the page shows whether that is all", () =>
    Effect.gen(function* () {
      const before = [text(3)]
      const live = [text(4)]
      const found = (...after: ReadonlyArray<Message>) => recover({ before, live, after })
      assert.deepStrictEqual(yield* found(text(3), text(4), text(6)), { ids: [6], complete: true })
      assert.deepStrictEqual(yield* found(text(4), text(6)), { ids: [6], complete: true })
      assert.deepStrictEqual(yield* found(text(6)), { ids: [6], complete: false })
      const later = { ...text(7), conversationId: ConversationId.make(8) }
      assert.deepStrictEqual(yield* recover({ before: [text(5)], live: [later], after: [text(6)] }), {
        ids: [6],
        complete: true
      })
      // Message 5 may have been pushed over the first connection, and lost with it.
      assert.deepStrictEqual(yield* recover({ before: [text(5)], after: [text(6)] }), { ids: [6], complete: false })
      assert.deepStrictEqual(yield* found(), { ids: [], complete: false })
    })
  )

  it.effect("is not new where this session sent or recalled it", () =>
    Effect.gen(function* () {
      const gateway = yield* TestGateway
      const realtime = yield* Realtime
      yield* gateway.respond(history([text(1)]))
      const events = yield* collect
      const connection = yield* open
      yield* Effect.forkChild(realtime.send({ messageType: "Text", content: "mine" }))
      yield* acknowledge(connection, 2)
      yield* Effect.forkChild(realtime.recall(MessageId.make(2)))
      yield* Effect.flatMap(connection.next, connection.ack)
      const recall: Message = { ...text(3), messageType: "MessageRecall", content: { messageId: MessageId.make(2) } }
      yield* gateway.respond(history([text(2), recall, text(4)]))
      yield* pass(1)
      yield* replace(connection)
      assert.deepStrictEqual(
        received(events).map(({ id }) => Number(id)),
        [4]
      )
      assert.notInclude(tags(events), "GapUnresolved")
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("is new from the transfer on that brought the account into the conversation", () =>
    Effect.gen(function* () {
      const transfer: Message = { ...text(3), messageType: "ConversationTransfer", content: {} }
      const after = [text(2), transfer, built(5, "CUSTOMER"), text(6)]
      assert.deepStrictEqual(yield* recover({ after }), { ids: [3, 5, 6], complete: true })
      assert.deepStrictEqual(yield* recover({ after: after.slice(2) }), { ids: [5, 6], complete: false })
      assert.deepStrictEqual(yield* recover({ live: [built(5, "CUSTOMER")], after }), { ids: [3, 6], complete: true })
    })
  )

  it.effect("is new to staff from where the customer was brought to them", () =>
    Effect.gen(function* () {
      const after = [text(2), built(3, "CUSTOMER"), text(4)]
      assert.deepStrictEqual(yield* recover({ after: [built(1, "ROBOT"), ...after] }), { ids: [3, 4], complete: true })
      assert.deepStrictEqual(yield* recover({ live: [built(3, "CUSTOMER")], after }), { ids: [4], complete: true })
      assert.deepStrictEqual(yield* recover({ live: [text(4)], after }), { ids: [3], complete: true })
      const twice = [built(3, "CUSTOMER"), text(4), built(5, "CUSTOMER"), text(6)]
      assert.deepStrictEqual(yield* recover({ after: twice }), { ids: [5, 6], complete: false })
    })
  )

  it.effect("is new to a visitor from the robot's greeting on", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* recover({ after: [built(1, "ROBOT"), text(2)] }), { ids: [1, 2], complete: true })
      assert.deepStrictEqual(yield* recover({ after: [built(7, "STAFF"), text(8)] }), { ids: [7, 8], complete: false })
    })
  )
})

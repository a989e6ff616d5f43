/**
 * What a session asks the backend for when it connects for the first time and sends its first message.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { MessageId } from "../src/domain/Id.ts"
import { Inbox } from "../src/inbox/Inbox.ts"
import { NetworkUnreachable } from "../src/KefuError.ts"
import { Outbox } from "../src/outbox/Outbox.ts"
import { TestGateway } from "../src/testing/TestGateway.ts"
import { accept, layer, lose, open, pass, settle } from "./support/Gateway.ts"

/** How often each path was requested so far; lists with their state. */
const counted = Effect.gen(function* () {
  const counts: Record<string, number> = {}
  const gateway = yield* TestGateway
  for (const { method, path, query } of yield* gateway.requests) {
    const name = `${method} ${path}${query["state"] === undefined ? "" : ` ${query["state"]}`}`
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
})

const conversation = {
  id: 7,
  state: "ACTIVE",
  users: [],
  messages: [{ id: 70, conversation_id: 7, from_id: 2, message_type: 1, content: "hello", created_at: 1 }]
}

const once = { "GET /im/users/me": 1, "GET /im/current_list": 1, "GET /im/conversations FINISHED": 1 }

/** The backend has one conversation. */
const given = TestGateway.use((gateway) =>
  gateway.respond(({ path }) => (path === "/im/current_list" ? { body: [conversation] } : undefined))
)

describe("a first connection", () => {
  it.effect("reads the account and each list of conversations once", () =>
    Effect.gen(function* () {
      yield* given
      yield* open
      assert.deepStrictEqual(yield* counted, once)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("reads nothing more for an inbox that is shown meanwhile", () =>
    Effect.gen(function* () {
      yield* given
      const inbox = yield* Inbox
      inbox.subscribe(() => {})
      yield* settle
      yield* accept
      assert.isTrue(inbox.getSnapshot().isLoaded)
      assert.deepStrictEqual(
        inbox.getSnapshot().conversations.map(({ id }) => Number(id)),
        [7]
      )
      assert.deepStrictEqual(yield* counted, once)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("lets the first message read only what it follows", () =>
    Effect.gen(function* () {
      yield* given
      const inbox = yield* Inbox
      inbox.subscribe(() => {})
      yield* settle
      const connection = yield* accept
      const sending = yield* Outbox.use((outbox) => outbox.send({ messageType: "Text", content: "hi" })).pipe(
        Effect.forkChild({ startImmediately: true })
      )
      yield* connection.ack(yield* connection.next, MessageId.make(71))
      assert.strictEqual((yield* Fiber.join(sending)).id, 71)
      assert.deepStrictEqual(yield* counted, { ...once, "GET /im/conversations": 1 })
    }).pipe(Effect.provide(layer()))
  )

  it.effect("that takes more than a second lets the inbox load without it", () =>
    Effect.gen(function* () {
      yield* given
      const inbox = yield* Inbox
      const loaded = yield* Effect.forkChild(inbox.ready, { startImmediately: true })
      yield* settle
      assert.isFalse(inbox.getSnapshot().isLoaded)
      yield* pass("1 second")
      assert.isTrue((yield* Fiber.join(loaded)).isLoaded)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("that fails lets the inbox load without it", () =>
    Effect.gen(function* () {
      yield* given
      const inbox = yield* Inbox
      const loaded = yield* Effect.forkChild(inbox.ready, { startImmediately: true })
      yield* settle
      yield* TestGateway.use((gateway) => gateway.refuse(new NetworkUnreachable({ detail: "down" })))
      yield* settle
      assert.isTrue((yield* Fiber.join(loaded)).isLoaded)
    }).pipe(Effect.provide(layer({ reconnect: { base: "1 minute", cap: "1 minute" } })))
  )

  it.effect("that breaks before it has read anything lets the inbox load without it", () =>
    Effect.gen(function* () {
      const inbox = yield* Inbox
      const loaded = yield* Effect.forkChild(inbox.ready, { startImmediately: true })
      const gateway = yield* TestGateway
      let hangs = true
      yield* gateway.respond(({ path }) =>
        path !== "/im/current_list" ? undefined : hangs ? Effect.never : { body: [conversation] }
      )
      const connection = yield* accept
      hangs = false
      yield* lose(connection)
      assert.isTrue((yield* Fiber.join(loaded)).isLoaded)
    }).pipe(Effect.provide(layer({ reconnect: { base: "1 minute", cap: "1 minute" } })))
  )
})

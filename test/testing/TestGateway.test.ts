import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { ConversationApi } from "../../src/rest/ConversationApi.ts"
import { ConversationId, MessageId } from "../../src/domain/Id.ts"
import { KefuConfig } from "../../src/KefuConfig.ts"
import { ServerFault, Unauthorized } from "../../src/KefuError.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import { TestGateway } from "../../src/testing/TestGateway.ts"
import { UserApi } from "../../src/rest/UserApi.ts"

const layer = Layer.mergeAll(Realtime.layer, ConversationApi.layer, UserApi.layer).pipe(
  Layer.provideMerge(TestGateway.layer),
  Layer.provideMerge(KefuConfig.layer({ baseUrl: "http://gateway.test" }))
)

const conversationId = ConversationId.make(7)

describe("TestGateway", () => {
  it.effect("accepts dials, shows frames, and sends frames", () =>
    Effect.gen(function* () {
      const gateway = yield* TestGateway
      const realtime = yield* Realtime
      const events = yield* realtime.subscribe()
      const sending = yield* Effect.forkChild(realtime.send({ messageType: "Text", content: "hello" }))
      const connection = yield* gateway.accept
      assert.strictEqual(connection.id, 1)
      const frame = yield* connection.next
      assert.deepStrictEqual(frame, {
        sequenceId: 1,
        eventType: "Message",
        payload: { messageType: "Text", content: "hello" }
      })
      yield* connection.ack(frame, MessageId.make(5))
      assert.strictEqual((yield* Fiber.join(sending)).messageId, 5)
      yield* connection.push({
        eventType: "Message",
        payload: { id: MessageId.make(6), conversationId, messageType: "Text", content: "hi" }
      })
      yield* connection.pushText('{"event_type":102,"payload":[]}{')
      const seen = yield* events.pipe(
        Stream.filter(({ _tag }) => _tag !== "Resynced" && _tag !== "StateChanged"),
        Stream.take(2),
        Stream.runCollect
      )
      assert.deepStrictEqual(
        seen.map(({ _tag }) => _tag),
        ["MessageReceived", "Undecodable"]
      )
      assert.deepStrictEqual(yield* connection.frames, [frame])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("refuses dials and closes connections with a code", () =>
    Effect.gen(function* () {
      const gateway = yield* TestGateway
      const realtime = yield* Realtime
      const waiting = (code: number) =>
        realtime.states.pipe(
          Stream.filter((state) => state._tag === "Waiting"),
          Stream.filter(({ cause: { reason } }) => reason._tag === "ConnectionLost" && reason.code === code),
          Stream.runHead
        )
      yield* Effect.forkChild(realtime.open)
      yield* gateway.refuse(new ServerFault({ status: 503 }))
      yield* realtime.states.pipe(
        Stream.filter((state) => state._tag === "Waiting"),
        Stream.runHead
      )
      yield* TestClock.adjust("1 second")
      const connection = yield* gateway.accept
      yield* connection.close(1012, "restarting")
      assert.isTrue(Option.isSome(yield* waiting(1012)))
      yield* connection.closed
      yield* TestClock.adjust("1 second")
      const next = yield* gateway.accept
      yield* realtime.close
      yield* next.closed
    }).pipe(Effect.provide(layer))
  )

  it.effect("responds like a visitor's backend, or as scripted", () =>
    Effect.gen(function* () {
      const gateway = yield* TestGateway
      const users = yield* UserApi
      const conversations = yield* ConversationApi
      assert.strictEqual((yield* users.me).id, 1)
      assert.deepStrictEqual(yield* conversations.current, [])
      assert.strictEqual((yield* Effect.flip(conversations.get(conversationId))).reason._tag, "NotFound")
      yield* gateway.respond(({ method, path }) =>
        method === "PUT" && path === "/im/users/me" ? Effect.succeed({ status: 401 }) : undefined
      )
      const { reason } = yield* Effect.flip(users.updateMe({ nickname: "小明" }))
      assert.isTrue(reason instanceof Unauthorized)
      yield* conversations.list({ customerId: null, page: 2 })
      const requests = yield* gateway.requests
      assert.deepInclude(requests.at(-2), { method: "PUT", path: "/im/users/me", body: { nickname: "小明" } })
      assert.deepInclude(requests.at(-1), { path: "/im/conversations", query: { page: "2" } })
    }).pipe(Effect.provide(layer))
  )
})

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { UserId } from "../../src/domain/Id.ts"
import { KefuConfig } from "../../src/KefuConfig.ts"
import { KefuError, NotConnected } from "../../src/KefuError.ts"
import { Outbox } from "../../src/outbox/Outbox.ts"
import { ConnectionState } from "../../src/realtime/ConnectionState.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import { ConversationApi } from "../../src/rest/ConversationApi.ts"
import { CurrentUser } from "../../src/rest/CurrentUser.ts"
import { UploadApi } from "../../src/rest/UploadApi.ts"
import { UserApi } from "../../src/rest/UserApi.ts"
import { TestGateway } from "../../src/testing/TestGateway.ts"
import { message, pass, settle } from "../support/Gateway.ts"
import * as Gateway from "../support/Gateway.ts"
import { Desk, failure, handle, messagesOf, open, seven, text } from "../support/OutboxDesk.ts"
import { makeStore, start } from "../support/OutboxStore.ts"
import * as WallClock from "../support/WallClock.ts"

const visitor = UserId.make(3)

/** A desk whose session is a member of staff, with a visitor in conversation 7. */
const staffDesk = () => {
  const desk = new Desk(7)
  desk.userType = "STAFF"
  desk.of(7).customer = visitor
  return desk
}

describe("what a visitor says", () => {
  it.effect("arrives in the order in which it was said, whether it names a conversation or not", () =>
    Effect.gen(function* () {
      const desk = new Desk(7, 8)
      const { gateway, outbox } = yield* open(desk)
      yield* outbox.enqueue(text("a", null))
      yield* outbox.enqueue(text("b", seven))
      yield* outbox.enqueue(text("c", null))
      const connection = yield* gateway.accept
      const frame = yield* message(connection)
      yield* settle
      assert.deepStrictEqual(yield* messagesOf(connection), ["a"])
      yield* connection.ack(frame, desk.handle(frame))
      for (const _ of ["b", "c"]) yield* handle(desk, connection)
      yield* settle
      assert.deepStrictEqual(desk.texts(), ["a", "b", "c"])
    }).pipe(Effect.provide(Gateway.layer()))
  )
})

describe("what the staff say", () => {
  it.effect("arrives in order at a visitor, who is named by id or by the conversation", () =>
    Effect.gen(function* () {
      const desk = staffDesk()
      const { gateway, outbox } = yield* open(desk)
      yield* outbox.enqueue(text("a", seven))
      yield* outbox.enqueue(text("b", null, visitor))
      const connection = yield* gateway.accept
      const first = yield* message(connection)
      yield* outbox.enqueue(text("c", seven, visitor))
      yield* settle
      assert.deepStrictEqual(yield* messagesOf(connection), ["a"])
      assert.deepInclude(first.payload, { toId: visitor })
      yield* connection.ack(first, desk.handle(first))
      for (const _ of ["b", "c"]) yield* handle(desk, connection)
      yield* settle
      assert.deepStrictEqual(desk.texts(), ["a", "b", "c"])
    }).pipe(Effect.provide(Gateway.layer()))
  )

  it.effect("fails with InvalidRequest without a recipient: at once where the session is known to be theirs", () =>
    Effect.gen(function* () {
      const desk = staffDesk()
      const { gateway, outbox } = yield* open(desk)
      const early = yield* outbox.enqueue(text("a", null))
      const connection = yield* gateway.accept
      const reason = yield* failure(outbox.result(early.key))
      assert.isTrue(reason._tag === "InvalidRequest" && reason.field === "toId")
      const later = yield* failure(outbox.enqueue(text("b", null)))
      assert.isTrue(later._tag === "InvalidRequest" && later.field === "toId")
      assert.deepStrictEqual(yield* messagesOf(connection), [])
    }).pipe(Effect.provide(Gateway.layer()))
  )

  it.effect("fails with InvalidRequest if its conversation has no visitor", () =>
    Effect.gen(function* () {
      const desk = new Desk(7)
      desk.userType = "STAFF"
      const { gateway, outbox } = yield* open(desk)
      const { key } = yield* outbox.enqueue(text("a", seven))
      yield* gateway.accept
      assert.strictEqual((yield* failure(outbox.result(key)))._tag, "InvalidRequest")
    }).pipe(Effect.provide(Gateway.layer()))
  )
})

describe("a wall clock that is set", () => {
  it.effect("back by an hour does not prolong the life of a waiting send", () =>
    Effect.gen(function* () {
      const clock = yield* WallClock.make
      yield* Effect.gen(function* () {
        const { outbox } = yield* open(new Desk(7))
        yield* clock.jump("2 hours")
        const { key } = yield* outbox.enqueue(text("a"))
        yield* clock.jump("-1 hour")
        yield* pass("5 minutes")
        assert.strictEqual((yield* failure(outbox.result(key)))._tag, "OutboxExpired")
      }).pipe(Effect.provide(Gateway.layer()), clock.run)
    })
  )

  it.effect("forward by an hour ends no waiting send, and none that was handed over", () =>
    Effect.gen(function* () {
      const clock = yield* WallClock.make
      yield* Effect.gen(function* () {
        const desk = new Desk(7)
        const { gateway, outbox } = yield* open(desk)
        const first = yield* outbox.enqueue(text("a"))
        const second = yield* outbox.enqueue(text("b"))
        const connection = yield* gateway.accept
        yield* message(connection)
        yield* clock.jump("1 hour")
        yield* connection.close(1006)
        yield* pass("1 millis")
        const again = yield* gateway.accept
        yield* pass("1 second")
        for (const _ of ["a", "b"]) yield* handle(desk, again)
        yield* outbox.result(first.key)
        yield* outbox.result(second.key)
        assert.deepStrictEqual(desk.texts(), ["a", "b"])
      }).pipe(Effect.provide(Gateway.layer()), clock.run)
    })
  )

  it.effect("back between sends changes neither the order of the entries nor that after a restart", () =>
    Effect.gen(function* () {
      const clock = yield* WallClock.make
      yield* Effect.gen(function* () {
        const store = makeStore()
        const desk = new Desk(7)
        yield* clock.jump("5 hours")
        const first = yield* start(store, desk)
        for (const content of ["b", "c", "d"]) {
          yield* first.outbox.enqueue(text(content))
          yield* clock.jump("-1 minute")
        }
        const entries = yield* first.outbox.entries
        assert.deepStrictEqual(
          entries.map(({ draft }) => draft.content),
          ["b", "c", "d"]
        )
        yield* first.stop
        const second = yield* start(store, desk)
        const connection = yield* second.gateway.accept
        yield* pass("1 second")
        for (const _ of entries) yield* handle(desk, connection)
        yield* settle
        assert.deepStrictEqual(desk.texts(), ["b", "c", "d"])
        yield* second.stop
      }).pipe(clock.run)
    })
  )
})

describe("a connection that counts as open and takes nothing", () => {
  it.effect("is tried again at growing intervals", () => {
    let sends = 0
    const dead = Realtime.layerTest({
      state: Effect.succeed(ConnectionState.Connected({ since: 0, connection: 1 })),
      states: Stream.concat(Stream.make(ConnectionState.Connected({ since: 0, connection: 1 })), Stream.never),
      subscribe: () => Effect.succeed(Stream.never),
      send: () =>
        Effect.suspend(() => {
          sends++
          return new KefuError({ method: "Realtime.send", reason: new NotConnected({ detail: "it has ended" }) })
        })
    })
    const layer = Outbox.layer.pipe(
      Layer.provide(Layer.mergeAll(dead, UploadApi.layerTest({}), CurrentUser.layer)),
      Layer.provide(Layer.mergeAll(ConversationApi.layer, UserApi.layer)),
      Layer.provideMerge(TestGateway.layer),
      Layer.provide(KefuConfig.layer({ baseUrl: "http://gateway.test" }))
    )
    return Effect.gen(function* () {
      const gateway = yield* TestGateway
      yield* Outbox.use((outbox) => outbox.enqueue(text("a")))
      yield* pass("1 minute")
      assert.isAtMost(sends, 8)
      assert.isAtMost((yield* gateway.requests).length, 20)
    }).pipe(Effect.provide(layer))
  })
})

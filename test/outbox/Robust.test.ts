import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import { ConversationId, MessageId } from "../../src/domain/Id.ts"
import { KefuConfig } from "../../src/KefuConfig.ts"
import { Outbox } from "../../src/outbox/Outbox.ts"
import { ConnectionState } from "../../src/realtime/ConnectionState.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import { RealtimeEvent } from "../../src/realtime/RealtimeEvent.ts"
import { ConversationApi } from "../../src/rest/ConversationApi.ts"
import { CurrentUser } from "../../src/rest/CurrentUser.ts"
import { UploadApi } from "../../src/rest/UploadApi.ts"
import { UserApi } from "../../src/rest/UserApi.ts"
import { TestGateway } from "../../src/testing/TestGateway.ts"
import { settle, text as received } from "../support/Gateway.ts"
import { text } from "../support/OutboxDesk.ts"

const connected = ConnectionState.Connected({ since: 0, connection: 1 })

/** An outbox whose connection gives these states and events, and acknowledges everything. */
const over = (states: ReadonlyArray<ConnectionState>, events: ReadonlyArray<RealtimeEvent>) =>
  Outbox.layer.pipe(
    Layer.provide(
      Layer.mergeAll(
        Realtime.layerTest({
          state: Effect.succeed(connected),
          states: Stream.concat(Stream.fromIterable(states), Stream.never),
          subscribe: () => Effect.succeed(Stream.concat(Stream.fromIterable(events), Stream.never)),
          send: () => Effect.succeed({ sequenceId: 1, messageId: MessageId.make(500) })
        }),
        UploadApi.layerTest({}),
        CurrentUser.layer
      )
    ),
    Layer.provide(Layer.mergeAll(ConversationApi.layer, UserApi.layer)),
    Layer.provideMerge(TestGateway.layer),
    Layer.provide(KefuConfig.layer({ baseUrl: "http://gateway.test" }))
  )

/** Sends one message, and gives what was logged. */
const sendOne = (layer: ReturnType<typeof over>) =>
  Effect.gen(function* () {
    const logged: Array<string> = []
    yield* Effect.gen(function* () {
      const sent = yield* Outbox.use((outbox) => outbox.send(text("a")))
      assert.strictEqual(sent.id, 500)
      yield* settle
    }).pipe(
      Effect.provide(Layer.provideMerge(layer, Logger.layer([Logger.make(({ message }) => logged.push(`${message}`))])))
    )
    return logged
  })

/** A value whose field throws, as only a defect of ours can produce it. */
const broken = <A extends object>(value: A, field: string): A =>
  Object.defineProperty(value, field, {
    get: () => {
      throw new Error("a defect")
    }
  })

describe("a defect", () => {
  it.effect("in an event is logged, and the next events are still handled", () =>
    Effect.gen(function* () {
      const event = () =>
        broken({ ...RealtimeEvent.MessageReceived({ message: received(1), recovered: false }) }, "message")
      const logged = yield* sendOne(over([connected], [event(), event()]))
      assert.strictEqual(logged.filter((line) => line.includes("could not handle an event")).length, 2)
    })
  )

  it.effect("in a state of the connection is logged, and the next states are still handled", () =>
    Effect.gen(function* () {
      const odd = () => broken({ ...ConnectionState.Closed({ reason: undefined }) }, "reason")
      const logged = yield* sendOne(over([odd(), odd(), connected], []))
      assert.strictEqual(logged.filter((line) => line.includes("could not handle a state")).length, 2)
    })
  )
})

describe("a history of hundreds of thousands of messages", () => {
  it.effect("is no hindrance", () =>
    Effect.gen(function* () {
      const messages = Array.from({ length: 200_000 }, (_, index) => received(index + 1))
      const conversation = { id: ConversationId.make(7), state: "ACTIVE", users: [], conversationsUser: [], messages }
      const event = RealtimeEvent.Resynced({ conversations: [conversation as never], complete: true })
      assert.deepStrictEqual(yield* sendOne(over([connected], [event])), [])
    })
  )
})

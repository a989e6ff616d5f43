/**
 * The end of a client.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Client, type KefuError } from "../src/Client.ts"
import * as Backend from "./support/Backend.ts"
import * as Callbacks from "./support/Callbacks.ts"
import { opened, quick, refusal } from "./support/ClientSetup.ts"

describe("Client", () => {
  it.live("closes the connection, settles all calls, and refuses later ones", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client } = yield* opened()
      backend.answer = () => undefined
      backend.onFrame = () => {}
      const events = client.events()
      const pending = Promise.all(
        [
          client.getRatings(),
          client.readMessage(1),
          client.sendMessage(client.buildMessage("Text", "x", 3)),
          client.uploadBlobs(new Blob(["x"])),
          client.getConversations()
        ].map((call) =>
          call.then(
            () => "resolved",
            (error: KefuError) => error.reason._tag
          )
        )
      )
      yield* Effect.promise(() => Promise.all([client.dispose(), client.dispose()]))
      for (const tag of yield* Effect.promise(() => pending)) assert.oneOf(tag, ["Closed", "DeliveryUnknown"])
      assert.deepStrictEqual(callbacks.order(), ["onOpen", "onClose"])
      yield* Effect.promise(async () => {
        for await (const _ of events);
      })
      assert.strictEqual(client.state._tag, "Closed")
      const { message, reason } = yield* refusal(client.getRatings())
      assert.strictEqual(reason._tag, "Closed")
      assert.include(message, "build a new client")
      assert.notInclude(message, "open")
      client.open()
      assert.deepStrictEqual(callbacks.order(), ["onOpen", "onClose", "onError"])
      assert.isTrue((yield* Effect.promise(() => client.events().next())).done)
    })
  )

  it.live("disposes at the end of an `await using` block", () =>
    Effect.gen(function* () {
      const backend = yield* Backend.make
      const callbacks = Callbacks.make()
      yield* Effect.promise(async () => {
        await using client = new Client(callbacks.handler, { ...quick, baseUrl: backend.baseUrl })
        client.open()
        await client.readMessage(1)
      })
      assert.deepStrictEqual(callbacks.order(), ["onOpen", "onClose"])
    })
  )

  it.live("disposes a client that was never used", () =>
    Effect.promise(async () => {
      await using client = new Client()
      assert.strictEqual(client.state._tag, "Idle")
    })
  )
})

/**
 * Callbacks, listeners and iterators of the façade, and errors in the app's code.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { ClientEvent } from "../src/Client.ts"
import { logs, message, opened, quick, setup, using } from "./support/ClientSetup.ts"

describe("Client", () => {
  it.live("reports a callback that throws or rejects to onError, and continues", () =>
    Effect.gen(function* () {
      const { callbacks, client, link } = yield* opened(
        {},
        {
          onMessage: () => {
            throw new Error("in onMessage")
          },
          onStaffBusy: (async () => {
            throw new Error("in onStaffBusy")
          }) as () => void
        }
      )
      const heard: Array<number> = []
      client.on("MessageReceived", () => {
        throw new Error("in a listener")
      })
      client.on("MessageReceived", ({ message }) => heard.push(message.id))
      link.send(101, { ...message(10), message_type: 107, content: undefined })
      yield* callbacks.called("onError", 3)
      assert.deepStrictEqual(
        callbacks.calls.filter(([name]) => name === "onError").map((call) => (call[1] as { message: string }).message),
        ["in onMessage", "in a listener", "in onStaffBusy"]
      )
      assert.deepStrictEqual(heard, [10])
      yield* Effect.promise(() => client.readMessage(10))
    })
  )

  it.live("reports an onUploadProgress that throws to onError, and continues", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client } = yield* setup()
      backend.answer = ({ url }) =>
        url.endsWith("/presign_urls") ? { body: { blob_id: 1, signed_url: "/s", url: "u" } } : { status: 200 }
      const uploaded = yield* Effect.promise(() =>
        client.uploadBlobs(new Blob(["x"]), () => {
          throw new Error("in onUploadProgress")
        })
      )
      assert.deepStrictEqual(uploaded, { id: 1, url: "u" })
      assert.include(callbacks.order(), "onError")
    })
  )

  const oddities: ReadonlyArray<readonly [what: string, thrown: () => unknown]> = [
    ["an object without a prototype", () => Object.create(null)],
    ["undefined", () => undefined],
    ["a symbol", () => Symbol("odd")],
    ["an object that refuses to be a text", () => ({ toString: () => assert.fail("no text") })],
    [
      "an error whose message cannot be read",
      () => Object.defineProperty(new Error("x"), "message", { get: () => assert.fail("no message") })
    ]
  ]

  for (const [what, thrown] of oddities) {
    it.live(`goes on after a callback that throws ${what}`, () =>
      Effect.gen(function* () {
        const { callbacks, client, link } = yield* opened(
          {},
          {
            onMessage: () => {
              throw thrown()
            },
            onStaffBusy: (async () => {
              throw thrown()
            }) as () => void
          }
        )
        link.send(101, { ...message(10), message_type: 107, content: undefined })
        yield* callbacks.called("onError", 2)
        link.send(105, { conversation_id: 3, content: "still there" })
        yield* callbacks.called("onInputting")
        for (const [, event] of callbacks.calls.filter(([name]) => name === "onError")) {
          assert.isString((event as { readonly message: unknown }).message)
        }
        yield* Effect.promise(() => client.readMessage(10))
      })
    )
  }

  it.live("goes on although a property of the handler cannot be read", () =>
    Effect.gen(function* () {
      const refusing = new Set<PropertyKey>(["onMessage", "onStaffBusy"])
      const { backend, callbacks } = yield* setup()
      const handler = new Proxy(callbacks.handler, {
        get: (target, name) => (refusing.has(name) ? assert.fail(`no ${String(name)}`) : Reflect.get(target, name))
      })
      const client = yield* using(handler, { ...quick, baseUrl: backend.baseUrl })
      client.open()
      yield* callbacks.called("onOpen")
      const heard: Array<number> = []
      client.on("MessageReceived", ({ message }) => heard.push(message.id))
      for (const link of backend.links) {
        link.send(101, { ...message(10), message_type: 107, content: undefined })
        link.send(105, { conversation_id: 3, content: "still there" })
      }
      yield* callbacks.called("onInputting")
      assert.deepStrictEqual(heard, [10])
      assert.deepStrictEqual(
        callbacks.calls.filter(([name]) => name === "onError").map(([, event]) => (event as Error).message),
        ["no onMessage", "no onStaffBusy"]
      )
      refusing.add("onError")
      for (const link of backend.links) link.send(101, message(11))
      for (const link of backend.links) link.send(105, { conversation_id: 3, content: "still there" })
      yield* callbacks.called("onInputting", 2)
    })
  )

  it.live("logs what onError throws", () =>
    Effect.gen(function* () {
      const lines = yield* logs
      const { callbacks, client, link } = yield* opened(
        {},
        {
          onMessage: () => {
            throw new Error("first")
          },
          onError: () => {
            throw new Error("second")
          }
        }
      )
      link.send(101, message(10))
      yield* callbacks.called("onError")
      yield* Effect.promise(() => client.readMessage(10))
      assert.deepStrictEqual(callbacks.order(), ["onOpen", "onMessage", "onError"])
      assert.include(lines.join(), "A callback of the client has failed")
    })
  )

  it.live("calls a callback with the handler as `this`", () =>
    Effect.gen(function* () {
      const { backend } = yield* setup()
      class App {
        readonly ids: Array<number> = []
        onMessage(message: { readonly id: number }) {
          this.ids.push(message.id)
        }
      }
      const app = new App()
      const client = yield* using(app, { ...quick, baseUrl: backend.baseUrl })
      backend.onLink = (link) => {
        link.send(101, message(10))
        link.send(101, message(11))
      }
      const last = new Promise<void>((resolve) => {
        client.on("MessageReceived", ({ message }) => message.id === 11 && resolve())
      })
      client.open()
      yield* Effect.promise(() => last)
      assert.deepStrictEqual(app.ids, [10, 11])
    })
  )

  it.live("returns a function from on() that removes the listener", () =>
    Effect.gen(function* () {
      const { callbacks, client, link } = yield* opened()
      const heard: Array<string> = []
      const listener = () => heard.push("twice")
      const first = client.on("Inputting", listener)
      client.on("Inputting", listener)
      const both = new Promise((resolve) => client.on("Inputting", resolve))
      link.send(105, { conversation_id: 3, content: "a" })
      yield* Effect.promise(() => both)
      first()
      first()
      link.send(105, { conversation_id: 3, content: "b" })
      yield* callbacks.called("onInputting", 2)
      assert.deepStrictEqual(heard, ["twice", "twice", "twice"])
    })
  )

  it.live("iterates over the events from the call of events() to the end", () =>
    Effect.gen(function* () {
      const { callbacks, client, link } = yield* opened()
      const events = client.events()
      link.send(101, message(10))
      yield* callbacks.called("onMessage")
      const taken: Array<ClientEvent> = []
      const all = Effect.promise(async () => {
        for await (const event of events) taken.push(event)
      })
      const one = Effect.promise(async () => {
        for await (const event of client) return event
        return undefined
      })
      const [allFiber, oneFiber] = [
        yield* Effect.forkChild(all, { startImmediately: true }),
        yield* Effect.forkChild(one, { startImmediately: true })
      ]
      link.send(105, { conversation_id: 3, content: "a" })
      assert.strictEqual((yield* Fiber.join(oneFiber))?._tag, "Inputting")
      yield* Effect.promise(() => client.dispose())
      yield* Fiber.join(allFiber)
      assert.deepStrictEqual(
        taken.map((event) => (event._tag === "StateChanged" ? event.state._tag : event._tag)),
        ["MessageReceived", "Inputting", "Closed"]
      )
      const [received] = taken
      assert.isTrue(received?._tag === "MessageReceived" && received.message === callbacks.calls[1]?.[1])
    })
  )

  it.live("tells a slow iterator how many events were dropped", () =>
    Effect.gen(function* () {
      const { callbacks, client, link } = yield* opened()
      const events = client.events()
      link.send(
        102,
        Array.from({ length: 4100 }, (_, index) => message(index + 1))
      )
      yield* callbacks.until((calls) => calls.length > 4100)
      const first = yield* Effect.promise(() => events.next())
      assert.deepStrictEqual(first.value, { _tag: "Lagged", dropped: 4 })
      const second = yield* Effect.promise(() => events.next())
      assert.deepInclude(second.value, { _tag: "MessageReceived" })
      yield* Effect.promise(async () => events.return?.())
      assert.isTrue((yield* Effect.promise(() => events.next())).done)
    })
  )
})

/**
 * What untyped code may do to the façade: wrong arguments, misspelt names, methods taken off, proxies.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Acknowledgement, Client, KefuError } from "../src/Client.ts"
import * as Callbacks from "./support/Callbacks.ts"
import { opened, quick, rejection, setup, using } from "./support/ClientSetup.ts"

const invalid = (promise: Promise<unknown>) =>
  Effect.map(rejection(promise), (error) => {
    if (!(error instanceof KefuError)) return assert.fail(`not a KefuError: ${String(error)}`)
    if (error.reason._tag !== "InvalidRequest") return assert.fail(error.message)
    return [error.method, error.reason.field] as const
  })

describe("Client, called by untyped code", () => {
  it.live("rejects with a KefuError that names the wrong argument", () =>
    Effect.gen(function* () {
      const { backend, client, link } = yield* opened()
      const cases: ReadonlyArray<readonly [field: string, call: () => Promise<unknown>]> = [
        ["message", () => client.sendMessage(undefined as never)],
        ["message", () => client.sendMessage(null as never, 5)],
        ["message", () => client.sendMessage("你好" as never, 5)],
        ["signal", () => client.getRatings({ signal: {} as AbortSignal })],
        ["signal", () => client.readMessage(1, { signal: "now" as never })],
        ["timeout", () => client.getRatings({ timeout: "5s" as never })],
        ["timeout", () => client.getRatings({ timeout: -1 })],
        ["timeout", () => client.readMessage(1, { timeout: NaN })],
        ["options", () => client.getRatings(5 as never)],
        ["timeout", () => client.inbox.ready({ timeout: -1 })],
        ["timeout", () => Client.getAnonymousToken({ baseUrl: backend.baseUrl, timeout: -1 })],
        ["messageId", () => client.readMessage(undefined as never)],
        ["file", () => client.uploadBlobs(undefined as never)]
      ]
      for (const [field, call] of cases) {
        const [method, named] = yield* invalid(call())
        assert.strictEqual(named, field)
        assert.match(method, /^Client\./)
      }
      assert.deepStrictEqual(link.frames, [])
      assert.deepStrictEqual(backend.seen, [])
    })
  )

  it.live("accepts null for what may be omitted", () =>
    Effect.gen(function* () {
      const { client } = yield* opened()
      yield* Effect.promise(() => client.readMessage(1, null as never))
      yield* Effect.promise(() => client.readMessage(1, { signal: null, timeout: null } as never))
      yield* Effect.promise(() => client.readMessage(1, { timeout: 0 }))
      yield* Effect.promise(() => client.readMessage(1, { timeout: Infinity }))
      const bare = new Client(null, null)
      assert.isFalse(bare.isOpened())
      assert.deepStrictEqual(yield* invalid(bare.getRatings()), ["Client.getRatings", "baseUrl"])
      yield* Effect.promise(() => bare.dispose())
    })
  )

  it.live("sends a frozen message", () =>
    Effect.gen(function* () {
      const { client, link } = yield* opened()
      const message = Object.freeze(client.buildMessage("Text", "x", 3))
      yield* Effect.promise(() => client.sendMessage(message, 5))
      assert.strictEqual(link.frames.length, 1)
    })
  )

  it.live("tells misspelt options, callbacks and events to onError, and works all the same", () =>
    Effect.gen(function* () {
      const { backend } = yield* setup()
      const callbacks = Callbacks.make()
      const { onInputting: _, ...handler } = callbacks.handler
      const misspelt = { ...handler, onInputing: () => {}, onceMore: () => {} }
      const options = { ...quick, baseUrl: backend.baseUrl, debgu: false, heartbeat: { idel: 5 }, colour: "red" }
      const client = yield* using(misspelt, options as never)
      yield* callbacks.called("onError", 4)
      const remove = client.on("MessageRecieved" as "MessageReceived", () => {})
      assert.isFunction(remove)
      const told = callbacks.calls.filter(([name]) => name === "onError").map(([, event]) => (event as Error).message)
      const fragments = ["debug", "heartbeat.idle", "colour", "onInputting", "MessageReceived"]
      assert.deepStrictEqual(
        fragments.filter((fragment) => !told.some((message) => message.includes(fragment))),
        []
      )
      assert.strictEqual(told.length, 5)
      client.open()
      yield* callbacks.called("onOpen")
    })
  )

  it.live("has methods that work when they are taken off the client", () =>
    Effect.gen(function* () {
      const { callbacks, client, link } = yield* opened()
      const { buildMessage, getPendingCount, isOpened, on, sendMessage } = client
      assert.isTrue(isOpened())
      const sent = yield* Effect.promise(() => sendMessage(buildMessage("Text", "x", 3), 5))
      assert.strictEqual(sent.id, 1001)
      const heard: Array<string> = []
      on("Inputting", ({ payload }) => heard.push(payload.content ?? ""))
      link.send(105, { conversation_id: 3, content: "draft" })
      yield* callbacks.called("onInputting")
      assert.deepStrictEqual(heard, ["draft"])
      assert.instanceOf(yield* rejection(getPendingCount()), KefuError)
    })
  )

  it.live("is disposed at the end of an `await using`", () =>
    Effect.gen(function* () {
      const { backend } = yield* setup()
      const ended = yield* Effect.promise(async () => {
        await using client = new Client({}, { ...quick, baseUrl: backend.baseUrl })
        await client.readMessage(1)
        return client
      })
      const error = yield* rejection(ended.readMessage(1))
      if (!(error instanceof KefuError)) return assert.fail(String(error))
      assert.strictEqual(error.reason._tag, "Closed")
    })
  )

  it.live("works inside a proxy that wraps every object, as those of reactive frameworks do", () =>
    Effect.gen(function* () {
      const wrap = <A extends object>(target: A): A =>
        new Proxy(target, {
          get: (inner, key, receiver) => {
            const value: unknown = Reflect.get(inner, key, receiver)
            return typeof value === "object" && value !== null ? wrap(value) : value
          }
        })
      const { backend, callbacks, client: raw } = yield* setup()
      const client = wrap(raw)
      client.open()
      yield* callbacks.called("onOpen")
      assert.strictEqual(client.state._tag, "Connected")
      assert.isTrue(client.isOpened())
      const message = wrap(client.buildMessage("Text", "x", 3))
      assert.strictEqual((yield* Effect.promise(() => client.sendMessage(message, 5))).id, 1001)
      const events = client.events()
      for (const link of backend.links) link.send(105, { conversation_id: 3, content: "draft" })
      const first = yield* Effect.promise(() => events.next())
      assert.strictEqual(first.value?._tag, "Inputting")
      assert.isFalse(client.inbox.getSnapshot().isLoaded)
      yield* Effect.promise(() => client.inbox.ready())
      client.close()
      assert.isFalse(client.isOpened())
      yield* Effect.promise(() => client.dispose())
    })
  )

  it.live("is a class that apps can extend", () =>
    Effect.gen(function* () {
      const { backend } = yield* setup()
      class Counting extends Client {
        sends = 0
        override readMessage<Result extends Acknowledgement | void>(messageId: number) {
          this.sends++
          return super.readMessage<Result>(messageId)
        }
      }
      const client = new Counting({}, { ...quick, baseUrl: backend.baseUrl })
      const { readMessage } = client
      yield* Effect.promise(() => readMessage(1))
      assert.strictEqual(client.sends, 1)
      yield* Effect.promise(() => client.dispose())
    })
  )

  it.live("takes close after dispose for done, and names the other commands that come too late", () =>
    Effect.gen(function* () {
      const { callbacks, client } = yield* opened()
      yield* Effect.promise(() => client.dispose())
      client.close()
      assert.notInclude(callbacks.order(), "onError")
      for (const command of ["open", "retryNow", "takeOver"] as const) client[command]()
      assert.deepStrictEqual(
        callbacks.calls
          .filter(([name]) => name === "onError")
          .map(([, event]) => ((event as { readonly error: unknown }).error as KefuError).method),
        ["Client.open", "Client.retryNow", "Client.takeOver"]
      )
    })
  )

  it.live("says why a message was not sent within its timeout", () =>
    Effect.gen(function* () {
      const callbacks = Callbacks.make()
      // Nothing listens there.
      const options = { ...quick, baseUrl: "http://127.0.0.1:9", reconnect: { base: 60_000, cap: 60_000 } }
      const client = yield* using(callbacks.handler, options)
      client.open()
      yield* callbacks.called("onClose")
      const error = yield* rejection(client.sendMessage(client.buildMessage("Text", "x", 3), 5, { timeout: 20 }))
      if (!(error instanceof KefuError)) return assert.fail(String(error))
      assert.strictEqual(error.reason._tag, "Cancelled")
      assert.include(error.message, "within its timeout of 20 ms")
      assert.include(error.message, "could not be reached")
      assert.notInclude(error.message, "nothing to do")
    })
  )
})

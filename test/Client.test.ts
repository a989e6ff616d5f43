/**
 * The façade's own promises: every call settles, the connection is kept, and nothing that an app does wrong hurts more
 * than itself.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import { format, promisify } from "node:util"
import DefaultClient, {
  Client,
  type ClientEvent,
  type ClientHandler,
  type ClientOptions,
  type ClientStorage,
  KefuError
} from "../src/Client.ts"
import * as Backend from "./support/Backend.ts"
import * as Callbacks from "./support/Callbacks.ts"

const quick: ClientOptions = { token: "s3cret-token", retry: false, catchUp: false, reconnect: { base: 1, cap: 1 } }

const using = (handler: ClientHandler, options: ClientOptions): Effect.Effect<Client, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Client(handler, options)),
    (client) => Effect.promise(() => client.dispose())
  )

const setup = Effect.fnUntraced(function* (options: ClientOptions = {}, overrides: ClientHandler = {}) {
  const backend = yield* Backend.make
  const callbacks = Callbacks.make(overrides)
  const client = yield* using(callbacks.handler, { baseUrl: backend.baseUrl, ...quick, ...options })
  return { backend, callbacks, client }
})

const opened = Effect.fnUntraced(function* (options?: ClientOptions, overrides?: ClientHandler) {
  const all = yield* setup(options, overrides)
  all.client.open()
  yield* all.callbacks.called("onOpen")
  const [link] = all.backend.links
  if (link === undefined) return assert.fail("no link")
  return { ...all, link }
})

/** What a promise rejects with. */
const rejection = (promise: Promise<unknown>): Effect.Effect<unknown> =>
  Effect.promise(() =>
    promise.then(
      (value) => assert.fail(`it resolved to ${JSON.stringify(value)}`),
      (error: unknown) => error
    )
  )

const refusal = (promise: Promise<unknown>): Effect.Effect<KefuError> =>
  Effect.map(rejection(promise), (error) => (error instanceof KefuError ? error : assert.fail(String(error))))

const requested = (backend: Backend.Backend): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const answer = backend.answer
    backend.answer = (seen) => {
      queueMicrotask(() => resume(Effect.void))
      return answer(seen)
    }
  })

const message = (id: number) => ({ id, from_id: 5, content: "x", message_type: 1, created_at: 1, conversation_id: 3 })

describe("Client, its calls", () => {
  it("is the default export, too", () => {
    assert.strictEqual(DefaultClient, Client)
  })

  it.live("rejects with a KefuError that tells what the backend answered", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup()
      backend.answer = () => ({
        status: 403,
        headers: { "x-request-id": "r1" },
        body: { message: "for staff only", error_code: 7 }
      })
      const error = yield* refusal(client.getPendingCount())
      assert.strictEqual(error.method, "Client.getPendingCount")
      assert.strictEqual(error.reason._tag, "Forbidden")
      assert.isFalse(error.isRetryable)
      assert.strictEqual(error.response?.status, 403)
      assert.strictEqual(error.response?.headers["x-request-id"], "r1")
      assert.deepStrictEqual(error.response?.data, { message: "for staff only", error_code: 7 })
      assert.match(error.message, /^Client\.getPendingCount: .*for staff only/)
    })
  )

  it.live("an abort rejects with an AbortError, before, during and after the request", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup()
      const before = yield* rejection(client.getQuickReply({ signal: AbortSignal.abort() }))
      assert.instanceOf(before, DOMException)
      assert.strictEqual((before as DOMException).name, "AbortError")
      assert.deepStrictEqual(backend.seen, [])

      const arrived = yield* Effect.forkChild(requested(backend), { startImmediately: true })
      backend.answer = ((answer) => (seen) => {
        answer(seen)
        return undefined
      })(backend.answer)
      const controller = new AbortController()
      const call = client.getQuickReply({ signal: controller.signal })
      yield* Fiber.join(arrived)
      controller.abort("enough")
      const during = yield* rejection(call)
      assert.instanceOf(during, DOMException)
      assert.strictEqual((during as DOMException).name, "AbortError")

      backend.answer = Backend.answers({ "GET /im/common_words": [] })
      const late = new AbortController()
      const { data } = yield* Effect.promise(() => client.getQuickReply({ signal: late.signal }))
      late.abort()
      assert.deepStrictEqual(data as unknown, [])
    })
  )

  it.live("an abort ends a command and an upload, too", () =>
    Effect.gen(function* () {
      const { backend, client, link } = yield* opened()
      const sent = new Promise<void>((resolve) => {
        backend.onFrame = () => resolve()
      })
      const controller = new AbortController()
      const reading = rejection(client.readMessage(1, { signal: controller.signal }))
      yield* Effect.promise(() => sent)
      controller.abort()
      assert.strictEqual(((yield* reading) as DOMException).name, "AbortError")
      assert.strictEqual(link.frames.length, 1)

      const uploading = new AbortController()
      backend.answer = () => {
        uploading.abort()
        return undefined
      }
      const upload = client.uploadBlobs(new Blob(["x"]), undefined, { signal: uploading.signal })
      assert.strictEqual(((yield* rejection(upload)) as DOMException).name, "AbortError")
    })
  )

  it.live("a timeout rejects with a KefuError", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* opened()
      backend.answer = () => undefined
      backend.onFrame = () => {}
      for (const call of [
        client.getQuickReply({ timeout: 5 }),
        client.readMessage(1, { timeout: 5 }),
        client.uploadBlobs(new Blob(["x"]), undefined, { timeout: 5 })
      ]) {
        const { message, reason } = yield* refusal(call)
        assert.deepInclude(reason, { _tag: "RequestTimeout", afterMillis: 5 })
        assert.include(message, "raise `timeout`")
        assert.notInclude(message, "requestTimeout")
      }
    })
  )

  for (const by of ["timeout", "signal"] as const) {
    it.live(`a message that is given up by ${by} under way may arrive, and is not to be repeated`, () =>
      Effect.gen(function* () {
        const { backend, client } = yield* opened()
        const controller = new AbortController()
        let late = () => {}
        backend.onFrame = (frame, link) => {
          late = () => Backend.ack(frame, link, 1234)
          controller.abort()
        }
        const built = client.buildMessage("Text", "x", 3)
        const options = by === "timeout" ? { timeout: 300 } : { signal: controller.signal }
        const error = yield* refusal(client.sendMessage(built, 5, options))
        assert.strictEqual(error.reason._tag, "DeliveryUnknown")
        assert.strictEqual(error.method, "Client.sendMessage")
        assert.isFalse(error.isRetryable)
        assert.strictEqual(built.id, 0)
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

  it.live("an abort rejects with the reason of its signal where that is an error", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup()
      backend.answer = () => undefined
      const mine = new RangeError("mine")
      assert.strictEqual(yield* rejection(client.getRatings({ signal: AbortSignal.abort(mine) })), mine)
      const controller = new AbortController()
      const call = rejection(client.getRatings({ signal: controller.signal }))
      controller.abort(mine)
      assert.strictEqual(yield* call, mine)
      const late = yield* rejection(client.getRatings({ signal: AbortSignal.timeout(1) }))
      assert.strictEqual((late as DOMException).name, "TimeoutError")
    })
  )

  it.live("staff may leave out toId where the client knows the visitor, and are told where not", () =>
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

  it.live("a message without a conversation is placed once that is known, and then marked as read", () =>
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

  it.live("an argument that makes no sense is refused by name, and nothing is sent", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup()
      const nothing = undefined as unknown as number
      const calls: ReadonlyArray<readonly [field: string, call: Promise<unknown>]> = [
        ["id", client.getConversationById(nothing)],
        ["tagId", client.deleteCustomerTag(1, Number.NaN)],
        ["messageId", client.recallMessage("x" as unknown as number)],
        ["toId", client.inputting("", 1, 1.5)]
      ]
      for (const [field, call] of calls) {
        const { reason } = yield* refusal(call)
        assert.deepInclude(reason, { _tag: "InvalidRequest", field })
      }
      assert.deepStrictEqual(backend.seen, [])
    })
  )

  it.live("ids and parameters may be text, as apps have them from addresses and attributes", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup({ subChannelId: "4" as unknown as number })
      backend.answer = () => ({ body: {} })
      yield* Effect.promise(() => client.getVisitInfo("12" as unknown as number))
      yield* Effect.promise(() => client.getConversationsCount({ page: "2" }))
      yield* Effect.promise(() => client.rateStaff("5" as unknown as number))
      assert.deepStrictEqual(
        backend.seen.map(({ body, url }) => [url, body]),
        [
          ["/api/v1/im/conversations/12/source_info", ""],
          ["/api/v1/im/conversations_count?page=2", ""],
          ["/api/v1/im/rates", '{"score":"5"}']
        ]
      )
    })
  )

  it.live("a message that cannot be sent is refused", () =>
    Effect.gen(function* () {
      const { client } = yield* opened()
      const built = client.buildMessage("Nonsense" as "Text", "x", 3)
      assert.strictEqual((yield* refusal(client.sendMessage(built))).reason._tag, "InvalidRequest")
    })
  )

  it.live("a list is not lost because of what is odd in it", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup()
      const odd = [
        null,
        "conversation",
        { state: "ACTIVE" },
        { id: 1, state: 5, users: [{ id: 5, user_type: "STAFF", nickname: 3 }, 7], messages: "none", extra_field: 1 },
        {
          id: 2,
          state: "PENDING",
          last_staff: null,
          customer: { id: 7, user_type: "CUSTOMER", tags: "vip" },
          messages: [{ id: 9 }, { id: 10, from_id: 7, message_type: 1, content: "在吗" }, message(11)]
        },
        { id: 3, state: "FINISHED" }
      ]
      backend.answer = Backend.answers({ "GET /im/conversations": { conversations: odd } })
      const { data } = yield* Effect.promise(() => client.getConversations())
      assert.deepStrictEqual(
        data.conversations.map(({ id }) => id),
        [1, 2, 3]
      )
      const [first, second, third] = data.conversations
      assert.deepInclude(first, { state: "", messages: [], unreadCount: 0, isNew: true, extraField: 1 })
      assert.deepInclude(first?.users[5], { userType: "STAFF", nickname: undefined })
      assert.deepInclude(second?.customer as object, { id: 7, userType: "CUSTOMER", nickname: undefined, tags: "vip" })
      assert.deepStrictEqual(
        second?.messages.map(({ content, conversationId, direction, id }) => [id, content, direction, conversationId]),
        [
          [10, "在吗", 0, 2],
          [11, "x", 1, 3]
        ]
      )
      assert.deepInclude(third, { users: {}, messages: [], isNew: false })
    })
  )

  it.live("the profile is asked for once, whoever needs it first, and again if that failed", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup()
      let failing = true
      backend.answer = (seen) =>
        failing && seen.url.endsWith("/me")
          ? { status: 500 }
          : Backend.answers({ "GET /im/conversations": { conversations: [] } })(seen)
      assert.strictEqual((yield* refusal(client.getConversations())).reason._tag, "ServerFault")
      failing = false
      backend.seen.length = 0
      yield* Effect.promise(() =>
        Promise.all([client.getConversations(), client.getCurrentConversationList(), client.getConversations()])
      )
      assert.strictEqual(backend.seen.filter(({ url }) => url.endsWith("/me")).length, 1)
    })
  )

  it.live("what is no JSON is told as unexpected; an empty body is none", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup()
      backend.answer = () => ({ body: "<html>" })
      const error = yield* refusal(client.getRatings())
      assert.strictEqual(error.reason._tag, "UnexpectedResponse")
      assert.strictEqual(error.response?.data, "<html>")
      backend.answer = () => ({ status: 204 })
      const { data, status } = yield* Effect.promise(() => client.getRatings())
      assert.deepStrictEqual([data as unknown, status], ["", 204])
    })
  )

  it.live("retry says how often a GET is repeated; other methods never are", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup({ retry: { times: 2, base: 1, cap: 1 } })
      backend.answer = () => ({ status: 503 })
      yield* refusal(client.getRatings())
      assert.strictEqual(backend.seen.length, 3)
      yield* refusal(client.rateStaff(5))
      assert.strictEqual(backend.seen.length, 4)
    })
  )

  it.live("the token function is asked again when the backend refuses the token", () =>
    Effect.gen(function* () {
      const tokens = ["old", "new"]
      const { backend, client } = yield* setup({ token: async () => tokens.shift() ?? assert.fail("asked too often") })
      backend.answer = ({ headers }) => (headers["authorization"] === "Bearer new" ? { body: {} } : { status: 401 })
      yield* Effect.promise(() => client.getRatings())
      yield* Effect.promise(() => client.getRatings())
      assert.deepStrictEqual(
        backend.seen.map(({ headers }) => headers["authorization"]),
        ["Bearer old", "Bearer new", "Bearer new"]
      )
    })
  )

  it.live("an anonymous visitor stays the same as long as the storage remembers", () =>
    Effect.gen(function* () {
      const backend = yield* Backend.make
      backend.answer = Backend.answers({ "POST /im/tokens": { token: "anon-1" }, "GET /ratings": {} })
      const kept = new Map<string, string>()
      const storage: ClientStorage = {
        getItem: (key) => Promise.resolve(kept.get(key) ?? null),
        setItem: async (key, value) => kept.set(key, value),
        removeItem: async (key) => kept.delete(key)
      }
      for (let visit = 0; visit < 2; visit++) {
        const client = yield* using({}, { ...quick, baseUrl: backend.baseUrl, token: undefined, storage })
        yield* Effect.promise(() => client.getRatings())
      }
      assert.deepStrictEqual(
        backend.seen.map(({ headers, url }) => [url, headers["authorization"]]),
        [
          ["/api/v1/im/tokens", undefined],
          ["/api/v1/ratings", "Bearer anon-1"],
          ["/api/v1/ratings", "Bearer anon-1"]
        ]
      )
      const broken = yield* using(
        {},
        {
          ...quick,
          baseUrl: backend.baseUrl,
          token: undefined,
          storage: { ...storage, getItem: () => Promise.reject(new Error("denied")) }
        }
      )
      assert.strictEqual((yield* refusal(broken.getRatings())).reason._tag, "StorageFailed")
    })
  )

  it.live("options that make no sense are told by every call, and to onError", () =>
    Effect.gen(function* () {
      const callbacks = Callbacks.make()
      const client = yield* using(callbacks.handler, {})
      const { reason } = yield* refusal(client.getRatings())
      assert.deepInclude(reason, { _tag: "InvalidRequest", field: "baseUrl" })
      client.open()
      yield* callbacks.called("onClose")
      assert.deepStrictEqual(callbacks.order(), ["onError", "onClose"])
      assert.deepInclude(callbacks.calls[1]?.[1], { code: 1006, willReconnect: false, wasClean: false })
      assert.isFalse(client.isConnecting())
      assert.strictEqual((yield* refusal(Client.getAnonymousToken())).reason._tag, "InvalidRequest")
    })
  )
})

describe("Client, its connection", () => {
  it.live("is kept: onClose says that it will reconnect, open() inside it changes nothing", () =>
    Effect.gen(function* () {
      const seen: Array<readonly [boolean, boolean]> = []
      const { backend, callbacks, client, link } = yield* opened(
        {},
        {
          onClose: () => {
            seen.push([client.isOpened(), client.isConnecting()])
            client.open()
            client.open()
          }
        }
      )
      link.close(1001, "restarting")
      yield* callbacks.called("onOpen", 2)
      assert.deepStrictEqual(callbacks.order(), ["onOpen", "onClose", "onOpen"])
      const [first, close, second] = callbacks.calls.map((call) => call[1])
      assert.deepStrictEqual(first, { type: "open", reconnected: false })
      assert.deepStrictEqual(second, { type: "open", reconnected: true })
      const expected = { type: "close", code: 1001, reason: "restarting", wasClean: true, willReconnect: true }
      assert.deepInclude(close, expected)
      assert.deepStrictEqual(seen, [[false, true]])
      assert.strictEqual(backend.links.length, 2)
      assert.isTrue(client.isOpened())
    })
  )

  it.live("a link that breaks tells onError, then onClose", () =>
    Effect.gen(function* () {
      const { callbacks, link } = yield* opened()
      link.reset()
      yield* callbacks.called("onOpen", 2)
      assert.deepStrictEqual(callbacks.order(), ["onOpen", "onError", "onClose", "onOpen"])
      const [, error, close] = callbacks.calls.map((call) => call[1])
      assert.deepInclude(error, { type: "error" })
      assert.deepInclude(close, { code: 1006, wasClean: false, willReconnect: true })
    })
  )

  it.live("reconnect: false is the documented single shot, and open() inside onClose dials again", () =>
    Effect.gen(function* () {
      let again = false
      const { backend, callbacks, client, link } = yield* opened(
        { reconnect: false },
        { onClose: () => void (again && client.open()) }
      )
      link.close(1000)
      yield* callbacks.called("onClose")
      assert.deepInclude(callbacks.calls[1]?.[1], { code: 1000, wasClean: true, willReconnect: false })
      assert.isFalse(client.isConnecting())
      again = true
      client.open()
      yield* callbacks.called("onOpen", 2)
      backend.links[1]?.close(1000)
      yield* callbacks.called("onOpen", 3)
      assert.strictEqual(backend.links.length, 3)
    })
  )

  it.live("a dial that is refused tells why; with reconnect: false it stays closed", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client } = yield* setup({ reconnect: false, baseUrl: "http://127.0.0.1:1" })
      client.open()
      yield* callbacks.called("onClose")
      assert.deepStrictEqual(callbacks.order(), ["onError", "onClose"])
      assert.deepInclude(callbacks.calls[1]?.[1], { code: 1006, willReconnect: false })
      assert.deepStrictEqual(backend.links, [])
      assert.strictEqual(client.state._tag, "Closed")
    })
  )

  it.live("open, close, open (StrictMode) leaves one connection", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client } = yield* setup()
      client.open()
      client.close()
      client.open()
      yield* Effect.promise(() => client.readMessage(1))
      yield* callbacks.called("onOpen")
      assert.isTrue(client.isOpened())
      assert.strictEqual(backend.links.filter(({ frames }) => frames.length > 0).length, 1)
      client.close()
      client.open()
      assert.isTrue(client.isConnecting())
      yield* callbacks.called("onOpen", 2)
      assert.isTrue(client.isOpened())
      assert.strictEqual(backend.links.length, 2)
    })
  )

  it.live("close() says goodbye in good order, once, and settles what waits", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client } = yield* opened()
      backend.onFrame = () => {}
      const reading = client.readMessage(1)
      const frame = new Promise<void>((resolve) => {
        backend.onFrame = () => resolve()
      })
      yield* Effect.promise(() => frame)
      const settled = refusal(reading)
      client.close()
      client.close()
      assert.strictEqual((yield* settled).reason._tag, "Closed")
      yield* callbacks.called("onClose")
      assert.deepStrictEqual(callbacks.order(), ["onOpen", "onClose"])
      const close = { type: "close", code: 1000, reason: "", wasClean: true, willReconnect: false }
      assert.deepStrictEqual(callbacks.calls[1]?.[1], close)
      const { message, reason } = yield* refusal(client.readMessage(1))
      assert.strictEqual(reason._tag, "Closed")
      assert.include(message, "call `client.open()`")
      // REST goes on.
      yield* Effect.promise(() => client.getUserInfo())
    })
  )

  it.live("a command before open is told so at once", () =>
    Effect.gen(function* () {
      const { client } = yield* setup()
      client.close()
      const { isRetryable, message, reason } = yield* refusal(client.readMessage(1))
      assert.strictEqual(reason._tag, "NotConnected")
      assert.isTrue(isRetryable)
      assert.include(message, "call `client.open()` first")
      assert.notInclude(message, "Realtime")
    })
  )

  it.live("a forgotten open() is made up for by the first message or command", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client } = yield* setup()
      yield* Effect.promise(() => client.sendMessage(client.buildMessage("Text", "x", 3), 5))
      yield* callbacks.called("onOpen")
      const { client: another } = yield* setup({ baseUrl: backend.baseUrl })
      yield* Effect.promise(() => another.readMessage(1))
      assert.isTrue(another.isOpened())
    })
  )

  it.live("a message that is sent while disconnected goes out with the next connection", () =>
    Effect.gen(function* () {
      const { backend, client, link } = yield* opened()
      link.reset()
      const message = client.buildMessage("Text", "还在吗", 3)
      yield* Effect.promise(() => client.sendMessage(message))
      assert.isAbove(message.id, 1000)
      assert.strictEqual(backend.links.flatMap(({ frames }) => frames).length, 1)
    })
  )

  it.live("retryNow does not wait for the backoff", () =>
    Effect.gen(function* () {
      const { callbacks, client, link } = yield* opened({ reconnect: { base: 600_000, cap: 600_000 } })
      link.reset()
      yield* callbacks.called("onClose")
      assert.strictEqual(client.state._tag, "Waiting")
      client.retryNow()
      yield* callbacks.called("onOpen", 2)
    })
  )
})

describe("Client, what an app gets wrong", () => {
  it.live("a callback that throws, or rejects, is told to onError and hurts nothing else", () =>
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

  it.live("so is an onUploadProgress that throws", () =>
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

  it.live("an onError that throws ends there", () =>
    Effect.gen(function* () {
      const logged: Array<unknown> = []
      const log = console.log
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          console.log = (...args: Array<unknown>) => logged.push(args)
        }),
        () => Effect.sync(() => (console.log = log))
      )
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
      assert.include(JSON.stringify(logged), "A callback of the client has failed")
    })
  )

  it.live("`this` in a callback is the handler, whose callbacks may come and go", () =>
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
})

describe("Client, its events", () => {
  it.live("on(event, listener) returns what ends it", () =>
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

  it.live("can be iterated, from the moment on when they are asked for, to the end", () =>
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

  it.live("who takes them slowly is told what was lost", () =>
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

describe("Client, its inbox", () => {
  it.live("is a store that any UI framework can use", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client } = yield* setup()
      const conversation = {
        id: 3,
        state: "ACTIVE",
        customer: Backend.visitor,
        last_staff: { id: 5, user_type: "STAFF", nickname: "小李" },
        users: [{ id: 5, user_type: "STAFF", nickname: "小李" }],
        conversations_user: [{ user_id: 7, latest_read_message_id: 9 }],
        messages: [message(10)]
      }
      backend.answer = Backend.answers({
        "GET /im/current_list": [conversation],
        "GET /im/conversations/3": conversation
      })
      const { getSnapshot, subscribe } = client.inbox
      const before = getSnapshot()
      assert.strictEqual(getSnapshot(), before)
      assert.isFalse(before.isLoaded)
      let changes = 0
      const stop = subscribe(() => {
        changes++
        throw new Error("in a listener of the inbox")
      })
      yield* Effect.promise(() => client.inbox.ready())
      const loaded = getSnapshot()
      assert.strictEqual(getSnapshot(), loaded)
      assert.deepInclude(
        { unreadCount: loaded.unreadCount, name: loaded.users.get(5)?.nickname },
        { unreadCount: 1, name: "小李" }
      )
      assert.isAbove(changes, 0)
      assert.include(callbacks.order(), "onError")

      client.open()
      yield* callbacks.called("onOpen")
      const frames = new Promise<Backend.Frame>((resolve) => {
        const onFrame = backend.onFrame
        backend.onFrame = (frame, link) => {
          onFrame(frame, link)
          resolve(frame)
        }
      })
      yield* Effect.promise(() => client.inbox.markRead(3))
      assert.deepInclude(yield* Effect.promise(() => frames), { event_type: 104, payload: { message_id: 10 } })
      assert.strictEqual(client.inbox.getConversation(3)?.unreadCount, 0)
      assert.deepInclude(yield* Effect.promise(() => client.inbox.conversation(3)), { id: 3 })
      yield* Effect.promise(() => client.inbox.refresh())
      client.inbox.typing(3, "你")
      stop()
      const { reason } = yield* refusal(client.inbox.markRead(Number.NaN))
      assert.deepInclude(reason, { _tag: "InvalidRequest", field: "id" })
    })
  )

  it("is empty where the options make no sense", () => {
    const client = new Client()
    assert.deepStrictEqual(client.inbox.getSnapshot().conversations, [])
    client.inbox.subscribe(() => {})()
  })
})

describe("Client, its end", () => {
  it.live("dispose closes the connection, settles everything, and leaves nothing to be done", () =>
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

  it.live("await using ends it at the end of the block", () =>
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

  it.live("a client that was never used ends at once", () =>
    Effect.promise(async () => {
      await using client = new Client()
      assert.strictEqual(client.state._tag, "Idle")
    })
  )
})

describe("Client, what it tells the console", () => {
  for (const debug of [true, false]) {
    it.live(`debug: ${debug}`, () =>
      Effect.gen(function* () {
        const logged: Array<unknown> = []
        const log = console.log
        yield* Effect.acquireRelease(
          Effect.sync(() => {
            console.log = (...args: Array<unknown>) => logged.push(args)
          }),
          () => Effect.sync(() => (console.log = log))
        )
        const { backend, callbacks, client, link } = yield* opened({ debug })
        link.send(101, { ...message(10), content: "private words" })
        link.sendText("s3cret-token is no JSON")
        yield* callbacks.called("onMessage")
        backend.answer = () => ({ status: 404, body: { message: "no s3cret-token here" } })
        yield* refusal(client.getRatings())
        const text = JSON.stringify(logged)
        assert.strictEqual(text.includes("Client.getRatings"), debug)
        assert.notInclude(text, "s3cret")
        assert.notInclude(text, "private")
        assert.strictEqual(logged.length > 0, debug)
      })
    )
  }
})

describe("Client, what it tells the console in one line", () => {
  const logs = Effect.acquireRelease(
    Effect.sync(() => {
      const lines: Array<string> = []
      const { log } = console
      console.log = (...args: Array<unknown>) => lines.push(format(...args))
      return { lines, log }
    }),
    ({ log }) => Effect.sync(() => (console.log = log))
  )

  it.live("a callback that throws where there is no onError, and open() after the end, as what they are", () =>
    Effect.gen(function* () {
      const { backend } = yield* setup()
      const { lines } = yield* logs
      let resolve = () => {}
      const thrown = new Promise<void>((done) => (resolve = done))
      const onOpen = () => {
        resolve()
        throw new Error("in\nonOpen")
      }
      const broken = yield* using({ onOpen }, { ...quick, baseUrl: backend.baseUrl })
      broken.open()
      yield* Effect.promise(() => thrown)
      assert.match(lines.join(), /^[^\n]*A callback of the client has failed: Error: in onOpen, at [^\n]*$/)
      lines.length = 0
      const client = new Client({}, quick)
      yield* Effect.promise(() => client.dispose())
      client.open()
      assert.match(lines.join(), /^[^\n]*Client\.open: the session is closed[^\n]*$/)
      assert.notInclude(lines.join(), "callback")
    })
  )

  it.live("debug: true, with why the connection waits or is closed", () =>
    Effect.gen(function* () {
      const { lines } = yield* logs
      const { callbacks, client } = yield* setup({ debug: true, reconnect: false, baseUrl: "http://127.0.0.1:1" })
      client.open()
      yield* callbacks.called("onClose")
      assert.isAbove(lines.length, 1)
      for (const line of lines) assert.notInclude(line, "\n")
      assert.match(lines.at(-1) ?? "", /Closed.*127\.0\.0\.1:1/)
    })
  )
})

describe("Client, where it runs", () => {
  it.live("importing it and building a client touches no global", () =>
    Effect.gen(function* () {
      const script = `
        const names = ["window", "document", "navigator", "location", "localStorage", "sessionStorage", "WebSocket", "fetch", "XMLHttpRequest"]
        for (const name of names) {
          Object.defineProperty(globalThis, name, { configurable: true, get() { throw new Error("touched " + name) } })
        }
        const { default: Client } = await import(${JSON.stringify(Path.resolve(import.meta.dirname, "../src/Client.ts"))})
        const client = new Client({ onMessage() {} }, { token: "t" })
        console.log(client.isOpened(), client.isConnecting(), client.state._tag, client.buildMessage("Text", "x", 1).content)
      `
      const run = promisify(ChildProcess.execFile)
      const { stdout } = yield* Effect.promise(() => run(process.execPath, ["--input-type=module", "--eval", script]))
      assert.strictEqual(stdout.trim(), "false false Idle x")
    })
  )
})

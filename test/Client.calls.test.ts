/**
 * What the façade's calls settle with: results, errors, aborts and timeouts.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { inspect } from "node:util"
import DefaultClient, { Client } from "../src/Client.ts"
import * as Backend from "./support/Backend.ts"
import * as Callbacks from "./support/Callbacks.ts"
import { using, setup, opened, rejection, refusal, requested, message } from "./support/ClientSetup.ts"

describe("Client", () => {
  it("is also the default export", () => {
    assert.strictEqual(DefaultClient, Client)
  })

  it.live("rejects with a KefuError that has the backend's response", () =>
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

  it.live("rejects without the token that a successful response of an unexpected shape echoes", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup()
      backend.answer = () => ({ headers: { "x-echo": "s3cret-token" }, body: [["s3cret-token"]] })
      for (const call of [() => client.getConversations(), () => client.getConversationById(3)]) {
        const error = yield* refusal(call())
        assert.strictEqual(error.reason._tag, "UnexpectedResponse")
        assert.strictEqual(error.response?.headers["x-echo"], "<redacted>")
        assert.notInclude(inspect(error, { depth: 9 }), "s3cret-token")
        assert.notInclude(JSON.stringify(error), "s3cret-token")
      }
    })
  )

  it.live("rejects with an AbortError on an abort before and during the request, and ignores one after it", () =>
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

  it.live("ends a command and an upload on an abort", () =>
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

  it.live("rejects with RequestTimeout after the timeout of the call", () =>
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

  it.live("rejects with the reason of the signal if that is an error", () =>
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

  it.live("names an invalid argument, and sends nothing", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup()
      const nothing = undefined as unknown as number
      const calls: ReadonlyArray<readonly [field: string, call: Promise<unknown>]> = [
        ["id", client.getConversationById(nothing)],
        ["tagId", client.deleteCustomerTag(1, Number.NaN)],
        ["messageId", client.recallMessage(Number.NaN)],
        ["toId", client.inputting("", 1, {} as unknown as number)]
      ]
      for (const [field, call] of calls) {
        const { reason } = yield* refusal(call)
        assert.deepInclude(reason, { _tag: "InvalidRequest", field })
      }
      assert.deepStrictEqual(backend.seen, [])
    })
  )

  it.live("accepts ids and parameters as text", () =>
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

  it.live("keeps a list of conversations with malformed elements", () =>
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
      assert.deepInclude(first as object, { state: 5, messages: [], unreadCount: 0, isNew: true, extraField: 1 })
      assert.deepInclude(first?.users[5], { userType: "STAFF", nickname: 3 } as object)
      assert.deepInclude(second?.customer as object, { id: 7, userType: "CUSTOMER", tags: "vip" })
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

  it.live("fetches the current user once for all callers, and again after a failure", () =>
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

  it.live("resolves to the text of a body that is no JSON, and to the empty string without a body", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup()
      backend.answer = () => ({ body: "<html>" })
      const page = yield* Effect.promise(() => client.getRatings())
      assert.deepStrictEqual([page.data as unknown, page.status], ["<html>", 200])
      backend.answer = () => ({ status: 204 })
      const { data, status } = yield* Effect.promise(() => client.getRatings())
      assert.deepStrictEqual([data as unknown, status], ["", 204])
    })
  )

  it.live("retries a GET as often as `retry` says, and other methods never", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup({ retry: { times: 2, base: 1, cap: 1 } })
      backend.answer = () => ({ status: 503 })
      yield* refusal(client.getRatings())
      assert.strictEqual(backend.seen.length, 3)
      yield* refusal(client.rateStaff(5))
      assert.strictEqual(backend.seen.length, 4)
    })
  )

  it.live("reports invalid options in every call, and to onError", () =>
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

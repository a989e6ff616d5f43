/** What the backend's old public client sends, and what it needs in an answer to read it at all. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import { origin, Sandbox } from "../../../src/sandbox/Sandbox.ts"
import { alice, chen, dial, kinds, li, rest, served, text, zhao } from "../Client.ts"

const provide = Effect.provide(Sandbox.layer())

/** A POST without a body and without a type. */
const bare = Effect.fnUntraced(function* (token: string, path: string) {
  const { httpClient } = yield* Sandbox
  const response = yield* httpClient.execute(
    HttpClientRequest.post(`${origin}/api/v1${path}`).pipe(HttpClientRequest.bearerToken(token))
  )
  return { status: response.status, json: JSON.parse(yield* response.text) }
})

describe("a conversation", () => {
  it.effect("that waits in the queue keeps the robot as its last staff, also when it ends there", () =>
    Effect.gen(function* () {
      const visitor = yield* dial(chen)
      yield* visitor.call(101, text("人工"))
      const [waiting] = (yield* rest(chen, "GET", "/im/current_list")).json
      assert.deepInclude(waiting, { state: "PENDING" })
      assert.deepInclude(waiting.last_staff, { user_type: "ROBOT" })
      yield* visitor.call(202, { conversation_id: waiting.id })
      for (const token of [chen, zhao]) {
        const { json } = yield* rest(token, "GET", `/im/conversations/${waiting.id}`)
        assert.strictEqual(json.state, "FINISHED")
        assert.deepInclude(json.last_staff, { user_type: "ROBOT" })
      }
    }).pipe(provide)
  )
})

describe("a message", () => {
  it.effect("to nobody is for the counterpart", () =>
    Effect.gen(function* () {
      const { staff, visitor } = yield* served(chen, li)
      const { message_id } = yield* visitor.call(101, { message_type: 1, content: "在吗", to_id: null })
      assert.strictEqual((yield* staff.message(1)).id, message_id)
    }).pipe(provide)
  )

  it.effect("to nobody is answered by the robot", () =>
    Effect.gen(function* () {
      const visitor = yield* dial(chen)
      yield* visitor.sync
      yield* visitor.call(101, { message_type: 1, content: "你好", to_id: null })
      assert.deepStrictEqual(kinds(yield* visitor.sync), [6])
    }).pipe(provide)
  )

  const contents: ReadonlyArray<readonly [type: number, content: unknown]> = [
    [1, { not: "text" }],
    [1, 42],
    [1, ["a", { some_key: true }]],
    [1, null],
    [2, "https://a.example/1.png"],
    [2, '{"url":"https://a.example/1.png"}'],
    [2, { byte_size: "2048" }],
    [3, {}],
    [4, false],
    [10, { question: { id: 1 } }],
    [11, { price: "9.90" }],
    [11, { order_no: 123 }]
  ]
  it.effect("may have any content: it is acknowledged, delivered and kept as it is", () =>
    Effect.gen(function* () {
      const { staff, visitor, conversationId, visitorId } = yield* served(chen, li)
      for (const [message_type, content] of contents) {
        const { message_id } = yield* visitor.call(101, { message_type, content, to_id: null })
        const heard = yield* staff.message(message_type)
        assert.deepStrictEqual([heard.id, heard.from_id, heard.content], [message_id, visitorId, content])
        yield* staff.call(101, { message_type, content, to_id: visitorId })
        assert.deepStrictEqual((yield* visitor.message(message_type)).content, content)
      }
      for (const token of [chen, li, zhao]) {
        const { messages } = (yield* rest(token, "GET", `/im/conversations/${conversationId}`)).json
        assert.deepStrictEqual(
          messages
            .slice(-2 * contents.length)
            .map((message: { readonly message_type: number; readonly content: unknown }) => [
              message.message_type,
              message.content
            ]),
          contents.flatMap((content) => [content, content])
        )
      }
      assert.strictEqual((yield* rest(li, "POST", "/im/conversations/export", {})).status, 200)
      assert.strictEqual((yield* rest(li, "GET", "/im/conversations?search=png")).json.total, 1)
    }).pipe(provide)
  )

  it.effect("with any content is answered by the robot", () =>
    Effect.gen(function* () {
      const visitor = yield* dial(alice)
      yield* visitor.sync
      for (const [message_type, content] of contents) yield* visitor.call(101, { message_type, content })
      const answers = kinds(yield* visitor.sync)
      assert.strictEqual(answers.length, contents.length)
      for (const answer of answers) assert.include([6, 7, 8, 9], answer)
    }).pipe(provide)
  )

  it.effect("of a kind that nobody may send is not acknowledged", () =>
    Effect.gen(function* () {
      const visitor = yield* dial(alice)
      yield* visitor.sync
      for (const message_type of [5, 12, 99, 102, 104, "1", null]) {
        yield* visitor.send(101, { message_type, content: "x", to_id: null })
      }
      assert.deepStrictEqual(yield* visitor.sync, [])
      assert.strictEqual((yield* Sandbox.use(({ counters }) => counters)).undecodableFrames, 7)
    }).pipe(provide)
  )
})

describe("requests", () => {
  it.effect("for a conversation and for an export need no body", () =>
    Effect.gen(function* () {
      const asked = yield* bare(chen, "/im/conversations")
      assert.deepInclude(asked, { status: 200 })
      assert.strictEqual(asked.json.state, "ACTIVE")
      assert.deepInclude((yield* bare(zhao, "/im/conversations/export")).json, { count: 4 })
      assert.strictEqual((yield* bare(chen, "/im/conversations/export")).status, 403)
      assert.strictEqual((yield* bare("nonsense", "/im/conversations")).status, 401)
    }).pipe(provide)
  )

  it.effect("for more than the largest page get the largest page", () =>
    Effect.gen(function* () {
      const { json, status } = yield* rest(zhao, "GET", "/im/conversations?show_all=true&limit=5000")
      assert.strictEqual(status, 200)
      assert.strictEqual(json.limit, 100)
      assert.strictEqual(json.conversations.length, 3)
      const faqs = yield* rest(chen, "GET", "/hot_faqs?limit=5000")
      assert.strictEqual(faqs.status, 200)
      assert.strictEqual(faqs.json.faqs.length, faqs.json.total)
    }).pipe(provide)
  )

  it.effect("with sub-channel 0 mean no sub-channel", () =>
    Effect.gen(function* () {
      const all = (yield* rest(chen, "GET", "/im/questions/suggest?query=warranty")).json.questions
      assert.isNotEmpty(all)
      const none = yield* rest(chen, "GET", "/im/questions/suggest?query=warranty&sub_channel_id=0")
      assert.deepStrictEqual(none.json.questions, all)

      const visitor = yield* dial(alice, 3)
      const { conversation_id } = yield* visitor.message(5)
      yield* visitor.call(202, { conversation_id })
      yield* rest(alice, "POST", "/im/conversations", { sub_channel_id: 0 })
      assert.include((yield* visitor.message(5)).content.title, "How can I help")
    }).pipe(provide)
  )

  it.effect("for an upload need no name of the file", () =>
    Effect.gen(function* () {
      const { json, status } = yield* rest(chen, "POST", "/presign_urls", { content_type: "image/png", byte_size: 3 })
      assert.strictEqual(status, 200)
      const body = new FormData()
      body.append("file", new Blob(["abc"]))
      const { httpClient } = yield* Sandbox
      const stored = yield* httpClient.execute(
        HttpClientRequest.post(json.signed_url).pipe(HttpClientRequest.bodyFormData(body))
      )
      assert.strictEqual(stored.status, 204)
      const file = yield* httpClient.get(json.url)
      assert.strictEqual(file.headers["content-type"], "image/png")
      assert.strictEqual(yield* file.text, "abc")
    }).pipe(provide)
  )
})

describe("numbers that are too large", () => {
  it.effect("are refused or beyond the end, and break nothing", () =>
    Effect.gen(function* () {
      const beyond = yield* rest(zhao, "GET", "/im/conversations?page=1e300")
      assert.deepInclude(beyond, { status: 400 })
      assert.deepInclude(beyond.json, { field: "page" })
      assert.strictEqual((yield* rest(zhao, "GET", "/im/conversations?begin_at=1e300")).json.total, 0)
      assert.strictEqual((yield* rest(chen, "GET", "/hot_faqs?page=9007199254740993")).status, 400)
      const visitor = yield* dial(chen, 1e300)
      yield* visitor.message(5)
      yield* dial(alice, Number.NaN)
      yield* visitor.raw('{"sequence_id":9007199254740993,"event_type":104,"payload":{"message_id":1}}')
      yield* visitor.raw('{"sequence_id":1,"event_type":104,"payload":{"message_id":9007199254740993}}')
      assert.deepStrictEqual(yield* visitor.sync, [])
    }).pipe(provide)
  )
})

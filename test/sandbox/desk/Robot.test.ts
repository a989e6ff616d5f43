import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Sandbox } from "../../../src/sandbox/Sandbox.ts"
import { alice, chen, type Client, dial, kinds, rest, served, text, wang } from "../Client.ts"

const provide = Effect.provide(Sandbox.layer())

const chitchat = 6
const canAnswer = 7
const notAnswer = 8
const mayAnswer = 9
const faqAnswer = 10

const ask = Effect.fnUntraced(function* (client: Client, question: string) {
  yield* client.call(101, text(question))
  const frame = yield* client.next
  return frame.payload
})

const ready = Effect.fnUntraced(function* (token: string, subChannelId?: number) {
  const client = yield* dial(token, subChannelId)
  yield* client.sync
  return client
})

describe("the robot", () => {
  const cases: ReadonlyArray<readonly [question: string, messageType: number, about: string]> = [
    ["多久发货？", canAnswer, "24 小时内发货"],
    ["我的快递到哪了", canAnswer, "查看物流"],
    ["我想退货，请问怎么办", canAnswer, "申请退货"],
    ["How do I track my parcel?", canAnswer, "Track parcel"],
    ["where is my package", canAnswer, "Track parcel"],
    ["Is my Bluetooth broken?", canAnswer, "Hold the button"],
    ["退款和退货", mayAnswer, "您是想问"],
    ["return refund", mayAnswer, "Did you mean"],
    ["你好！", chitchat, ""],
    ["thanks", chitchat, ""],
    ["ＨＥＬＬＯ", chitchat, ""],
    ["今天股市怎么样", notAnswer, "人工"],
    ["what is the meaning of life", notAnswer, "human"],
    ["？？？", notAnswer, ""]
  ]
  for (const [question, messageType, about] of cases) {
    it.effect(`answers "${question}" with a message of type ${messageType}`, () =>
      Effect.gen(function* () {
        const visitor = yield* ready(chen)
        const answer = yield* ask(visitor, question)
        assert.strictEqual(answer.message_type, messageType)
        assert.include(JSON.stringify(answer.content), about)
        assert.deepStrictEqual(yield* visitor.sync, [])
      }).pipe(provide)
    )
  }

  for (const wish of [
    "人工",
    "转人工！",
    "我要找人工客服",
    "human",
    "I want to talk to a person",
    "Real agent please"
  ]) {
    it.effect(`hands over on "${wish}"`, () =>
      Effect.gen(function* () {
        const visitor = yield* ready(chen)
        assert.strictEqual((yield* ask(visitor, wish)).message_type, 108)
      }).pipe(provide)
    )
  }

  it.effect("recommends related questions, and candidates when in doubt", () =>
    Effect.gen(function* () {
      const visitor = yield* ready(chen)
      const sure = yield* ask(visitor, "如何申请退货？")
      assert.isTrue(sure.has_recommend)
      assert.deepStrictEqual(sure.content.candidates, ["退款多久到账？", "可以换货吗？"])
      const unsure = yield* ask(visitor, "退款和退货")
      assert.isTrue(unsure.has_recommend)
      assert.sameMembers(unsure.content.candidates.slice(0, 2), ["如何申请退货？", "退款多久到账？"])
      assert.isFalse((yield* ask(visitor, "怎么开发票？")).has_recommend)
    }).pipe(provide)
  )

  it.effect("answers items of its menu, and questions sent as an FAQ", () =>
    Effect.gen(function* () {
      const visitor = yield* dial(alice, 3)
      const menu = yield* visitor.message(5)
      const [item] = menu.content.items
      yield* visitor.call(205, { menu_item_id: item.id })
      const answer = (yield* visitor.next).payload
      assert.deepStrictEqual([answer.message_type, answer.content.question], [faqAnswer, item.title])
      yield* visitor.call(101, { message_type: 10, content: { question: "How long is the warranty?" } })
      const other = (yield* visitor.next).payload
      assert.deepStrictEqual([other.message_type, other.content.question], [faqAnswer, "How long is the warranty?"])
    }).pipe(provide)
  )

  it.effect("answers items also while staff serve, visible to both", () =>
    Effect.gen(function* () {
      const { visitor, staff } = yield* served(chen, wang)
      yield* visitor.call(205, { menu_item_id: 1 })
      yield* visitor.call(205, { menu_item_id: 1000 })
      assert.deepStrictEqual(kinds(yield* visitor.sync), [faqAnswer])
      assert.deepStrictEqual(kinds(yield* staff.sync), [faqAnswer])
    }).pipe(provide)
  )

  it.effect("refuses menu items that do not exist, and all of them from staff", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const { visitor, staff } = yield* served(chen, wang)
      yield* visitor.send(205, { menu_item_id: 4242 })
      yield* staff.send(205, { menu_item_id: 1 })
      assert.deepStrictEqual(yield* visitor.sync, [])
      yield* staff.sync
      assert.deepStrictEqual(
        (yield* sandbox.refusals).map(({ error }) => error),
        ["NotFound", "Forbidden"]
      )
    }).pipe(provide)
  )

  it.effect("says that it cannot read pictures", () =>
    Effect.gen(function* () {
      const visitor = yield* ready(chen)
      yield* visitor.call(101, { message_type: 2, content: { url: "https://a.example/1.png" } })
      assert.strictEqual((yield* visitor.next).payload.message_type, notAnswer)
    }).pipe(provide)
  )

  it.effect("is silent while staff serve", () =>
    Effect.gen(function* () {
      const { visitor } = yield* served(chen, wang)
      yield* visitor.call(101, text("多久发货？"))
      assert.deepStrictEqual(kinds(yield* visitor.sync), [])
    }).pipe(provide)
  )
})

describe("votes", () => {
  it.effect("count once for each message, may change, and are the visitor's", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const votesOn = (id: number) =>
        Effect.map(sandbox.knowledge, (all) => {
          const { likes, dislikes } = all.find((knowledge) => knowledge.id === id)!
          return [likes, dislikes]
        })
      const visitor = yield* ready(chen)
      const { id } = yield* ask(visitor, "多久发货？")
      const vote = (token: string, how: string, message = id) =>
        Effect.map(rest(token, "POST", `/im/robot_answers/${message}/${how}`), ({ status }) => status)
      assert.strictEqual(yield* vote(chen, "like"), 200)
      assert.strictEqual(yield* vote(chen, "like"), 200)
      assert.deepStrictEqual(yield* votesOn(1), [1, 0])
      assert.strictEqual(yield* vote(chen, "dislike"), 200)
      assert.deepStrictEqual(yield* votesOn(1), [0, 1])
      assert.strictEqual(yield* vote(alice, "like"), 403)
      assert.strictEqual(yield* vote(chen, "like", 99_999), 404)
      const { message_id: own } = yield* visitor.call(101, text("你好"))
      assert.strictEqual(yield* vote(chen, "like", own), 400)
    }).pipe(provide)
  )

  it.effect("change which answer matches best", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const doubtful = "退货多久到账"
      const visitor = yield* ready(chen)
      const before = yield* ask(visitor, doubtful)
      assert.strictEqual(before.content.candidates[0], "退款多久到账？")
      for (let index = 0; index < 6; index++) {
        const { token } = yield* sandbox.createVisitor()
        const client = yield* ready(token)
        const { id } = yield* ask(client, "退款多久到账？")
        yield* rest(token, "POST", `/im/robot_answers/${id}/dislike`)
      }
      const after = yield* ask(visitor, doubtful)
      assert.strictEqual(after.message_type, mayAnswer)
      assert.strictEqual(after.content.candidates[0], "如何申请退货？")
    }).pipe(provide)
  )
})

describe("suggestions and hot questions", () => {
  it.effect("complete what the visitor types, in the channel's language", () =>
    Effect.gen(function* () {
      const suggest = (query: string, rest_ = "") =>
        Effect.map(rest(chen, "GET", `/im/questions/suggest?query=${encodeURIComponent(query)}${rest_}`), ({ json }) =>
          json.questions.map((question: { readonly question: string }) => question.question)
        )
      assert.strictEqual((yield* suggest("退款"))[0], "退款多久到账？")
      assert.strictEqual((yield* suggest("how do i re"))[0], "How do I return an item?")
      assert.isAtMost((yield* suggest("怎么")).length, 5)
      assert.deepStrictEqual(yield* suggest("退款", "&sub_channel_id=3"), [])
      assert.deepStrictEqual(yield* suggest("  "), [])
      assert.deepInclude((yield* rest(chen, "GET", "/im/questions/suggest")).json, { field: "query" })
    }).pipe(provide)
  )

  it.effect("are ordered by popularity and paged", () =>
    Effect.gen(function* () {
      const hot = (query = "") => Effect.map(rest(chen, "GET", `/hot_faqs${query}`), ({ json }) => json)
      const first = yield* hot("?group_id=3&limit=2")
      assert.strictEqual(first.total, 6)
      assert.strictEqual(first.faqs[0].question, "When will my order ship?")
      const second = yield* hot("?group_id=3&limit=2&page=2")
      assert.strictEqual(second.faqs.length, 2)
      assert.notStrictEqual(second.faqs[0].id, first.faqs[0].id)
      const visitor = yield* ready(chen)
      for (let index = 0; index < 20; index++) yield* ask(visitor, "How do I track my parcel?")
      assert.strictEqual((yield* hot("?group_id=3")).faqs[0].question, "How do I track my parcel?")
      assert.deepInclude((yield* rest(chen, "GET", "/hot_faqs?limit=0")).json, { field: "limit" })
      assert.deepInclude((yield* rest(chen, "GET", "/hot_faqs?page=x")).json, { field: "page" })
    }).pipe(provide)
  )
})

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { Sandbox } from "../../../src/sandbox/Sandbox.ts"
import type { SandboxOptions } from "../../../src/sandbox/SandboxOptions.ts"
import { alice, chen, type Client, dial, emma, kinds, li, rest, served, text, wang, zhao } from "../Client.ts"

const provide = (options?: SandboxOptions) => Effect.provide(Sandbox.layer(options))

const newVisitor = Effect.gen(function* () {
  const { token, userId } = yield* (yield* Sandbox).createVisitor()
  const client = yield* dial(token)
  const { conversation_id } = yield* client.message(5)
  return { client, token, userId, conversationId: conversation_id as number }
})

const askForPerson = (client: Client) => client.call(101, text("转人工"))

const positionOf = ({ token, conversationId }: { readonly token: string; readonly conversationId: number }) =>
  Effect.map(rest(token, "GET", `/im/conversations/${conversationId}/pending_position`), ({ json }) => json.position)

const pending = Effect.map(rest(zhao, "GET", "/im/pending_count"), ({ json }) => json.count)

describe("the queue", () => {
  it.effect("tells a visitor that nobody is online, and keeps them until staff connect", () =>
    Effect.gen(function* () {
      const visitor = yield* newVisitor
      yield* askForPerson(visitor.client)
      assert.deepStrictEqual(kinds(yield* visitor.client.sync), [108])
      const { json } = yield* rest(visitor.token, "GET", `/im/conversations/${visitor.conversationId}`)
      assert.deepStrictEqual([json.state, json.last_staff.user_type], ["PENDING", "ROBOT"])
      assert.strictEqual(yield* positionOf(visitor), 1)
      // The robot does not answer messages from the queue.
      yield* visitor.client.call(101, text("多久发货"))
      assert.deepStrictEqual(yield* visitor.client.sync, [])

      const staff = yield* dial(li)
      assert.strictEqual((yield* staff.message(102)).content.user_id, visitor.userId)
      const frames = yield* visitor.client.sync
      assert.deepStrictEqual(kinds(frames), [101, 102])
      assert.deepInclude(frames[1]?.payload.content, { nickname: "李静", user_type: "STAFF" })
      assert.strictEqual(yield* positionOf(visitor), 0)
      assert.strictEqual(yield* pending, 0)
    }).pipe(provide())
  )

  it.effect("tells a visitor that all staff are busy; positions move, and the first is served first", () =>
    Effect.gen(function* () {
      const staff = yield* dial(li)
      const visitors = yield* Effect.all(Array.from({ length: 5 }, () => newVisitor))
      for (const { client } of visitors) yield* askForPerson(client)
      const [one, two, three, four, five] = visitors
      assert.deepStrictEqual(kinds(yield* one!.client.sync), [101, 102])
      assert.deepStrictEqual(kinds(yield* two!.client.sync), [101, 102])
      for (const { client } of [three!, four!, five!]) assert.deepStrictEqual(kinds(yield* client.sync), [107])
      assert.deepStrictEqual(yield* Effect.forEach(visitors, positionOf), [0, 0, 1, 2, 3])
      assert.strictEqual(yield* pending, 3)

      yield* four!.client.call(202, { conversation_id: four!.conversationId })
      assert.deepStrictEqual(yield* Effect.forEach(visitors, positionOf), [0, 0, 1, 0, 2])

      yield* staff.sync
      yield* staff.call(202, { conversation_id: one!.conversationId })
      assert.deepStrictEqual(kinds(yield* three!.client.sync), [101, 102])
      assert.deepStrictEqual(kinds(yield* staff.sync), [104, 102])
      assert.deepStrictEqual(yield* Effect.forEach(visitors, positionOf), [0, 0, 0, 0, 1])
      assert.deepStrictEqual(yield* five!.client.sync, [])
    }).pipe(provide({ staffCapacity: 2 }))
  )

  it.effect("is shown to staff with `show_all`, who may take whom they choose, and to no visitor", () =>
    Effect.gen(function* () {
      const visitors = yield* Effect.all(Array.from({ length: 3 }, () => newVisitor))
      for (const { client } of visitors) yield* askForPerson(client)
      const [one, two, three] = visitors
      const queue = "/im/conversations?state=PENDING&show_all=true&order=ASC"
      const waiting = Effect.map(rest(wang, "GET", queue), ({ json }) =>
        (json.conversations as ReadonlyArray<{ readonly id: number }>).map(({ id }) => id)
      )
      assert.deepStrictEqual(
        yield* waiting,
        visitors.map(({ conversationId }) => conversationId)
      )
      const taken = yield* rest(wang, "POST", "/im/conversations", { customer_id: two!.userId })
      assert.deepInclude(taken.json, { id: two!.conversationId, state: "ACTIVE" })
      assert.deepStrictEqual(yield* waiting, [one!.conversationId, three!.conversationId])
      assert.strictEqual((yield* rest(one!.token, "GET", queue)).status, 403)
      assert.strictEqual((yield* rest(wang, "GET", "/im/conversations?show_all=true")).status, 403)
    }).pipe(provide())
  )

  it.effect("holds a visitor only once", () =>
    Effect.gen(function* () {
      const visitor = yield* newVisitor
      yield* visitor.client.call(205, { menu_item_id: 1000 })
      yield* visitor.client.call(205, { menu_item_id: 1000 })
      assert.deepStrictEqual(kinds(yield* visitor.client.sync), [108])
      assert.strictEqual(yield* pending, 1)
    }).pipe(provide())
  )

  it.effect("still answers questions from the menu", () =>
    Effect.gen(function* () {
      const visitor = yield* newVisitor
      yield* askForPerson(visitor.client)
      yield* visitor.client.call(205, { menu_item_id: 1 })
      assert.deepStrictEqual(kinds(yield* visitor.client.sync), [108, 10])
      assert.strictEqual(yield* pending, 1)
    }).pipe(provide())
  )

  it.effect("gives the next visitor to the online staff with the fewest conversations", () =>
    Effect.gen(function* () {
      const first = yield* dial(li)
      const second = yield* dial(wang)
      const gone = yield* dial(emma)
      yield* gone.close
      for (const { client } of yield* Effect.all(Array.from({ length: 4 }, () => newVisitor))) {
        yield* askForPerson(client)
      }
      assert.deepStrictEqual(kinds(yield* first.sync), [102, 102])
      assert.deepStrictEqual(kinds(yield* second.sync), [102, 102])
    }).pipe(provide())
  )

  it.effect("respects the capacity of each member of staff", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const big = yield* dial((yield* sandbox.createStaff({ capacity: 3 })).token)
      const small = yield* dial((yield* sandbox.createStaff({ capacity: 1 })).token)
      for (const { client } of yield* Effect.all(Array.from({ length: 5 }, () => newVisitor))) {
        yield* askForPerson(client)
      }
      assert.strictEqual((yield* big.sync).length, 3)
      assert.strictEqual((yield* small.sync).length, 1)
      assert.strictEqual(yield* pending, 1)
    }).pipe(provide())
  )

  it.effect("drops a visitor who idles out, and the next moves up", () =>
    Effect.gen(function* () {
      const staff = yield* dial(li)
      const visitors = yield* Effect.all(Array.from({ length: 2 }, () => newVisitor))
      for (const { client } of visitors) yield* askForPerson(client)
      assert.deepStrictEqual(kinds(yield* visitors[1]!.client.sync), [107])
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(kinds(yield* visitors[1]!.client.sync), [101, 102])
      assert.deepStrictEqual(kinds(yield* staff.sync), [102, 12, 104, 102])
    }).pipe(provide({ staffCapacity: 1 }))
  )
})

describe("staff who lose their connection", () => {
  it.effect("keep their conversations", () =>
    Effect.gen(function* () {
      const { staff, visitor, visitorId, conversationId } = yield* served(chen, li)
      yield* staff.close
      yield* visitor.call(101, text("还在吗"))
      const back = yield* dial(li)
      assert.deepStrictEqual(yield* back.sync, [])
      const { json } = yield* rest(li, "GET", "/im/current_list")
      assert.strictEqual(json[0].id, conversationId)
      assert.strictEqual(json[0].messages.at(-1).content, "还在吗")
      yield* back.call(101, text("在的", visitorId))
      yield* visitor.message(1)
    }).pipe(provide())
  )
})

describe("transfer", () => {
  it.effect("notifies all three, and the new staff serve", () =>
    Effect.gen(function* () {
      const { staff, visitor, visitorId, conversationId } = yield* served(chen, li)
      const other = yield* dial(wang)
      const wangId = 3
      const { json } = yield* rest(li, "PUT", `/im/conversations/${conversationId}/transfer`, { user_id: wangId })
      assert.strictEqual(json.last_staff.id, wangId)
      const toVisitor = yield* visitor.sync
      assert.deepStrictEqual(kinds(toVisitor), [109, 102])
      assert.deepInclude(toVisitor[1]?.payload.content, { user_id: wangId, nickname: "王磊" })
      assert.deepStrictEqual(kinds(yield* staff.sync), [109])
      const toOther = yield* other.sync
      assert.deepStrictEqual(kinds(toOther), [109, 102])
      assert.strictEqual(toOther[1]?.payload.content.user_id, visitorId)

      yield* visitor.call(101, text("你好"))
      assert.strictEqual((yield* other.message(1)).content, "你好")
      assert.deepStrictEqual(yield* staff.sync, [])
      yield* staff.send(101, text("我还在", visitorId))
      assert.deepStrictEqual(yield* staff.sync, [])
      yield* other.call(101, text("您好", visitorId))
      assert.strictEqual((yield* visitor.message(1)).from_id, wangId)
      // The first member of staff still finds it in the history.
      assert.strictEqual((yield* rest(li, "GET", `/im/conversations/${conversationId}`)).status, 200)
    }).pipe(provide())
  )

  it.effect("requires another member of staff, online and with capacity", () =>
    Effect.gen(function* () {
      const { conversationId } = yield* served(chen, li)
      const path = `/im/conversations/${conversationId}/transfer`
      const statusOf = (token: string, body: unknown) =>
        Effect.map(rest(token, "PUT", path, body), ({ status }) => status)
      assert.strictEqual(yield* statusOf(li, { user_id: 999 }), 404)
      assert.strictEqual(yield* statusOf(li, { user_id: 6 }), 400)
      assert.strictEqual(yield* statusOf(li, {}), 400)
      assert.strictEqual(yield* statusOf(li, { user_id: 2 }), 409)
      assert.strictEqual(yield* statusOf(li, { user_id: 3 }), 409)
      yield* served(alice, wang)
      assert.strictEqual(yield* statusOf(wang, { user_id: 3 }), 403)
      assert.strictEqual(yield* statusOf(chen, { user_id: 3 }), 403)
      assert.strictEqual(yield* statusOf(li, { user_id: 3 }), 409)
    }).pipe(provide({ staffCapacity: 1 }))
  )

  it.effect("by an administrator also works from the queue", () =>
    Effect.gen(function* () {
      const visitor = yield* newVisitor
      yield* askForPerson(visitor.client)
      yield* visitor.client.sync
      const path = `/im/conversations/${visitor.conversationId}/transfer`
      assert.strictEqual((yield* rest(zhao, "PUT", path, { user_id: 4 })).status, 409)
      const { visitor: other } = yield* served(chen, emma)
      assert.deepStrictEqual(yield* other.sync, [])
    }).pipe(provide({ staffCapacity: 1 }))
  )

  it.effect("makes room for the next in the queue", () =>
    Effect.gen(function* () {
      const { conversationId } = yield* served(chen, li)
      const waiting = yield* newVisitor
      yield* askForPerson(waiting.client)
      assert.deepStrictEqual(kinds(yield* waiting.client.sync), [107])
      const { staff: other } = yield* Effect.map(dial(wang), (staff) => ({ staff }))
      yield* waiting.client.message(102)
      yield* other.message(102)
      yield* waiting.client.call(202, { conversation_id: waiting.conversationId })
      const next = yield* newVisitor
      yield* rest(li, "PUT", `/im/conversations/${conversationId}/transfer`, { user_id: 3 })
      yield* askForPerson(next.client)
      assert.deepStrictEqual(kinds(yield* next.client.sync), [101, 102])
    }).pipe(provide({ staffCapacity: 1 }))
  )

  it.effect("lists to staff whom a conversation can be transferred to, and nobody else", () =>
    Effect.gen(function* () {
      const targets = Effect.fnUntraced(function* (token: string, filter = "") {
        const { json } = yield* rest(token, "GET", `/im/users${filter}`)
        return json.users.map((user: { readonly nickname: string }) => user.nickname)
      })
      yield* served(chen, li)
      assert.deepStrictEqual(yield* targets(li), [], "王磊 and Emma are offline")
      const other = yield* dial(wang)
      const { json } = yield* rest(li, "GET", "/im/users")
      assert.deepStrictEqual(json, {
        users: [{ id: 3, user_type: "STAFF", nickname: "王磊", online: true, load: 0, capacity: 1 }],
        total: 1
      })
      assert.deepStrictEqual(yield* targets(zhao), ["王磊"], "李娜 has no room")
      assert.deepStrictEqual(yield* targets(zhao, `?search=${encodeURIComponent("李")}`), [])
      yield* other.close
      assert.deepStrictEqual(yield* targets(zhao), [])
      assert.strictEqual((yield* rest(chen, "GET", "/im/users")).status, 403)
    }).pipe(provide({ staffCapacity: 1 }))
  )
})

describe("staff who ask for a conversation", () => {
  it.effect("open one with a customer", () =>
    Effect.gen(function* () {
      const staff = yield* dial(li)
      const { json } = yield* rest(li, "POST", "/im/conversations", { customer_id: 6 })
      assert.strictEqual(json.last_staff.id, 2)
      yield* staff.message(102)
      const visitor = yield* dial(chen)
      assert.deepStrictEqual(yield* visitor.sync, [])
      yield* staff.call(101, text("您的耳机到了吗？", 6))
      assert.strictEqual((yield* visitor.message(1)).conversation_id, json.id)
      assert.strictEqual((yield* rest(li, "POST", "/im/conversations", { customer_id: 6 })).json.id, json.id)
      assert.strictEqual((yield* rest(wang, "POST", "/im/conversations", { customer_id: 6 })).status, 409)
    }).pipe(provide())
  )

  it.effect("take over the customer from the queue or from the robot", () =>
    Effect.gen(function* () {
      const waiting = yield* newVisitor
      yield* askForPerson(waiting.client)
      yield* waiting.client.sync
      const { json } = yield* rest(li, "POST", "/im/conversations", { customer_id: waiting.userId })
      assert.strictEqual(json.id, waiting.conversationId)
      assert.deepStrictEqual(kinds(yield* waiting.client.sync), [101, 102])
      assert.strictEqual(yield* pending, 0)
      const chatting = yield* newVisitor
      yield* rest(li, "POST", "/im/conversations", { conversation_id: json.id })
      const taken = yield* rest(li, "POST", "/im/conversations", { customer_id: chatting.userId })
      assert.strictEqual(taken.json.id, chatting.conversationId)
    }).pipe(provide())
  )

  it.effect("must name an existing customer; visitors may ask only for themselves", () =>
    Effect.gen(function* () {
      const statusOf = (token: string, body: unknown) =>
        Effect.map(rest(token, "POST", "/im/conversations", body), ({ status }) => status)
      assert.strictEqual(yield* statusOf(li, {}), 400)
      assert.strictEqual(yield* statusOf(li, { customer_id: 999 }), 404)
      assert.strictEqual(yield* statusOf(li, { customer_id: 3 }), 400)
      assert.strictEqual(yield* statusOf(li, { customer_id: "six" }), 400)
      assert.strictEqual(yield* statusOf(li, { conversation_id: 2 }), 403)
      assert.strictEqual(yield* statusOf(zhao, { customer_id: 6 }), 403)
      assert.strictEqual(yield* statusOf(chen, { customer_id: 7 }), 403)
    }).pipe(provide())
  )
})

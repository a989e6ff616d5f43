/**
 * What apps of the old client rely on.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { KefuError } from "../src/Client.ts"
import * as Backend from "./support/Backend.ts"
import { opened, refusal, setup } from "./support/ClientSetup.ts"

const told = (calls: ReadonlyArray<readonly [string, ...ReadonlyArray<unknown>]>) =>
  calls.flatMap(([name, event]) =>
    name === "onError" ? [((event as { readonly error: unknown }).error as KefuError).reason._tag] : []
  )

describe("Client", () => {
  it.live("tells onError, once, of a failed call that nobody handles, and ends no process", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client } = yield* opened({ ackTimeout: 20 })
      backend.onFrame = (frame, link) => (frame.event_type === 201 ? Backend.ack(frame, link) : undefined)
      backend.answer = () => ({ status: 404 })
      void client.inputting("draft", 3, 5)
      yield* callbacks.called("onError")
      void client.readMessage(1).then(() => assert.fail("it was not acknowledged"))
      yield* callbacks.called("onError", 2)
      void client.getRatings().finally(() => {})
      yield* callbacks.called("onError", 3)
      assert.deepStrictEqual(told(callbacks.calls), ["AckTimeout", "AckTimeout", "NotFound"])
    })
  )

  it.live("tells onError nothing of a failed call that the app handles", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client } = yield* opened()
      backend.answer = () => ({ status: 404 })
      const caught: Array<unknown> = []
      yield* Effect.promise(async () => {
        await client.getRatings().catch((error: unknown) => caught.push(error))
        await client.getRatings().then(
          () => {},
          (error: unknown) => caught.push(error)
        )
        try {
          await client.getRatings()
        } catch (error) {
          caught.push(error)
        }
        await client
          .getRatings()
          .finally(() => {})
          .catch((error: unknown) => caught.push(error))
        await Promise.allSettled([client.getRatings()])
      })
      assert.strictEqual(caught.length, 4)
      assert.deepStrictEqual(told(callbacks.calls), [])
      assert.instanceOf(client.readMessage(1), Promise)
    })
  )

  it.live("tells onError nothing of calls that the app ends itself by closing or disposing the client", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client } = yield* opened()
      backend.onFrame = () => {}
      void client.readMessage(1)
      client.close()
      yield* callbacks.called("onClose")
      yield* Effect.promise(() => client.dispose())
      void client.readMessage(1)
      assert.deepStrictEqual(told(callbacks.calls), [])
    })
  )

  it.live("sends each message once, and only over a connection, with outbox: false", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client, link } = yield* opened({ outbox: false })
      const message = client.buildMessage("Text", "x", 3)
      yield* Effect.promise(() => client.sendMessage(message, 5))
      assert.strictEqual(message.id, 1001)
      backend.onFrame = (_, link) => link.reset()
      const lost = yield* refusal(client.sendMessage(client.buildMessage("Text", "y", 3), 5))
      assert.strictEqual(lost.reason._tag, "DeliveryUnknown")
      yield* callbacks.called("onOpen", 2)
      backend.onFrame = (frame, link) => Backend.ack(frame, link, 1002)
      yield* Effect.promise(() => client.readMessage(1))
      client.close()
      const closed = yield* refusal(client.sendMessage(client.buildMessage("Text", "z", 3), 5))
      assert.include(["Closed", "NotConnected"], closed.reason._tag)
      const contents = backend.links.flatMap(({ frames }) =>
        frames.flatMap(({ payload }) => (payload as { readonly content?: string }).content ?? [])
      )
      assert.deepStrictEqual(contents, ["x", "y"])
      assert.strictEqual(link.frames.length, 2)
    })
  )

  it.live("resolves to the text of a 2xx body that is no JSON, for reads and writes", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup()
      backend.answer = () => ({ status: 200, body: "ok", headers: { "content-type": "text/html" } })
      const calls = [
        client.getRatings(),
        client.getVisitInfo(3),
        client.getUserInfo(),
        client.getPendingCount(),
        client.updateMyProfile({ nickname: "明" }),
        client.deleteQuickReply(3),
        client.rateStaff(5)
      ]
      for (const call of calls)
        assert.strictEqual((yield* Effect.promise(() => call as Promise<{ data: unknown }>)).data, "ok")
    })
  )

  it.live("sends ids of REST calls as the app has them", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup()
      backend.answer = () => ({ status: 204 })
      const id = (value: unknown) => value as number
      yield* Effect.promise(() => client.likeRobotAnswer(id("abc-1")))
      yield* Effect.promise(() => client.deleteQuickReply(id("w-3")))
      yield* Effect.promise(() => client.getVisitInfo(id("a/b?c")))
      yield* Effect.promise(() => client.getVisitInfo(id(new Number(3))))
      assert.deepStrictEqual(
        backend.seen.map(({ url }) => url.replace("/api/v1/im", "")),
        [
          "/robot_answers/abc-1/like",
          "/common_words/w-3",
          "/conversations/a%2Fb%3Fc/source_info",
          "/conversations/3/source_info"
        ]
      )
      assert.deepInclude((yield* refusal(client.getVisitInfo(id("")))).reason, { _tag: "InvalidRequest", field: "id" })
    })
  )

  it.live("sends boxed primitives as what is in the box", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup()
      backend.answer = () => ({ status: 204 })
      const profile = { nickname: new String("明"), level: new Number(3), is_vip: new Boolean(false) }
      yield* Effect.promise(() => client.updateMyProfile(profile as never))
      assert.strictEqual(backend.seen[0]?.body, '{"nickname":"明","level":3,"is_vip":false}')
    })
  )

  const payloads = (backend: Backend.Backend) =>
    backend.links.flatMap(({ frames }) => frames.filter(({ event_type }) => event_type !== 201))

  it.live("sends content as given: nothing of it is checked", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* opened()
      const contents: ReadonlyArray<readonly [type: string, content: unknown, sent: unknown]> = [
        ["OrderMessage", { price: "9.90" }, { price: "9.90" }],
        ["OrderMessage", { orderNo: 123, skuList: [{ skuId: 1 }] }, { order_no: 123, sku_list: [{ sku_id: 1 }] }],
        ["Image", { url: "u", byteSize: "2048" }, { url: "u", byte_size: "2048" }],
        ["Image", { filename: "a.png" }, { filename: "a.png" }],
        ["Attachment", '{"url":"u","byteSize":1}', '{"url":"u","byteSize":1}'],
        ["FAQAnswerMessage", { question: { id: 1 } }, { question: { id: 1 } }],
        ["Text", { richText: true }, { rich_text: true }],
        ["Text", 7, 7],
        ["Text", null, null],
        ["Text", new String("boxed"), "boxed"],
        [
          "Video",
          { at: new Date(0), none: undefined, run: () => 1, nan: Number.NaN },
          { at: "1970-01-01T00:00:00.000Z", nan: null }
        ]
      ]
      for (const [type, content] of contents) {
        const message = client.buildMessage(type as "Text", content as string, 3)
        assert.strictEqual(message.content, content)
        yield* Effect.promise(() => client.sendMessage(message, 5))
      }
      assert.deepStrictEqual(
        payloads(backend).map(({ payload }) => (payload as { readonly content: unknown }).content),
        contents.map(([, , sent]) => sent)
      )
    })
  )

  it.live("sends a message as it was at the call", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* opened()
      const content = { url: "before" }
      const message = client.buildMessage("Image", content, 3)
      const sent = client.sendMessage(message, 5)
      content.url = "after"
      yield* Effect.promise(() => sent)
      assert.deepStrictEqual(payloads(backend)[0]?.payload, { message_type: 2, content: { url: "before" }, to_id: 5 })
    })
  )

  it.live("sends ids over the socket as the app has them", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* opened()
      const id = (value: unknown) => value as number
      yield* Effect.promise(() => client.selectMenuItem(id("a1")))
      yield* Effect.promise(() => client.recallMessage(id("12")))
      yield* Effect.promise(() => client.readMessage(id(new Number(7))))
      yield* Effect.promise(() => client.inviteRate(id("u-5")))
      yield* Effect.promise(() => client.closeConversation(0))
      yield* Effect.promise(() => client.inputting("草", id("c-3"), id("v-5")))
      yield* Effect.promise(() => client.inputting("草", id(null), id(null)))
      yield* Effect.promise(() => client.sendMessage(client.buildMessage("Text", "x", id("3")), id("5")))
      yield* Effect.promise(() => client.sendMessage(client.buildMessage("Text", "y", id(undefined)), id(null)))
      assert.deepStrictEqual(
        payloads(backend).map(({ payload }) => payload),
        [
          { menu_item_id: "a1" },
          { message_id: "12" },
          { message_id: 7 },
          { user_id: "u-5" },
          { conversation_id: 0 },
          { content: "草", conversation_id: "c-3", to_id: "v-5" },
          { content: "草", conversation_id: null, to_id: null },
          { message_type: 1, content: "x", to_id: "5" },
          { message_type: 1, content: "y", to_id: null }
        ]
      )
    })
  )

  it.live("takes acknowledgements with texts for numbers, and those that name no message", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* opened({ outbox: false, ackTimeout: 1000 })
      backend.onFrame = ({ event_type, sequence_id }, link) =>
        link.send(103, { sequence_id: String(sequence_id), ...(event_type === 101 && { message_id: "1001" }) })
      const message = yield* Effect.promise(() => client.sendMessage(client.buildMessage("Text", "x", 3), 5))
      assert.strictEqual(message.id, 1001)
      assert.deepInclude(yield* Effect.promise(() => client.readMessage(1)), { sequenceId: 2 })
      backend.onFrame = ({ sequence_id }, link) => link.send(103, { sequence_id })
      yield* Effect.promise(() => client.sendMessage(client.buildMessage("Text", "y", 3), 5))
    })
  )
})

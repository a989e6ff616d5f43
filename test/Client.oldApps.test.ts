/**
 * What apps of the old client rely on.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { vi } from "vitest"
import { Client, type KefuError } from "../src/Client.ts"
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

  it.live("resolves to statusText and config, and rejects with them and with code, as the old client did", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup({ requestTimeout: 50 })
      backend.answer = () => ({ status: 200, body: {} })
      const list = yield* Effect.promise(() => client.getConversationsCount({ state: "ACTIVE", page: undefined }))
      assert.strictEqual(list.statusText, "OK")
      assert.deepStrictEqual(list.config, {
        method: "get",
        url: "/api/v1/im/conversations_count",
        params: { state: "ACTIVE", page: undefined }
      })
      const rated = yield* Effect.promise(() => client.rateStaff(5))
      assert.deepStrictEqual(rated.config, { method: "post", url: "/api/v1/im/rates", data: '{"score":5}' })
      assert.strictEqual((yield* Effect.promise(() => client.getUserInfo())).config.url, "/api/v1/im/users/me")
      backend.answer = () => ({ status: 422, body: { message: "no" } })
      const refused = yield* refusal(client.editQuickReply(4, { content: "您好" }))
      const config = { method: "put", url: "/api/v1/im/common_words/4", data: '{"content":"您好"}' }
      assert.deepStrictEqual(refused.config, config)
      assert.deepInclude(refused.response, { status: 422, statusText: "Unprocessable Entity", config })
      assert.strictEqual(refused.code, undefined)
      backend.answer = () => undefined
      const late = yield* refusal(client.getRatings())
      assert.deepStrictEqual(
        [late.code, late.config, late.response],
        ["ECONNABORTED", { method: "get", url: "/api/v1/ratings" }, undefined]
      )
      assert.notInclude(JSON.stringify([list, rated, refused, late]), "s3cret-token")
    })
  )

  it.live("leaves what the caller leaves out of the request", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup()
      backend.answer = () => ({ body: {} })
      yield* Effect.promise(() => client.rateStaff(5))
      yield* Effect.promise(() => client.rateStaff(5, "", []))
      yield* Effect.promise(() => client.getSuggestions("退 款"))
      yield* Effect.promise(() => client.getHotFaqs())
      yield* Effect.promise(() => client.getHotFaqs(0, 10))
      yield* Effect.promise(() => client.exportHistoryConversations())
      yield* Effect.promise(() => client.requestConversations(null as never))
      assert.deepStrictEqual(
        backend.seen.map(({ body, url }) => [decodeURIComponent(url.replace("/api/v1", "")), body]),
        [
          ["/im/rates", '{"score":5}'],
          ["/im/rates", '{"score":5,"suggestion":"","rating_tag_ids":[]}'],
          ["/im/questions/suggest?query=退+款", ""],
          ["/hot_faqs", ""],
          ["/hot_faqs?limit=10&group_id=0", ""],
          ["/im/conversations/export", ""],
          ["/im/conversations", ""]
        ]
      )
    })
  )

  const store = ({ url }: Backend.Seen): Backend.Answer =>
    url === "/api/v1/presign_urls"
      ? { body: { blob_id: 8, signed_url: "/store/8?sig=x", url: "https://cdn.test/8" } }
      : { status: 204 }

  it.live("reports the progress of an upload as a ProgressEvent does, also of an empty file", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup()
      backend.answer = store
      for (const [file, size] of [
        [new File(["hello"], "a.txt"), 5],
        [new File([], "empty.txt"), 1]
      ] as const) {
        const events: Array<{ readonly loaded: number; readonly total: number }> = []
        yield* Effect.promise(() => client.uploadBlobs(file, (event) => events.push(event)))
        assert.deepStrictEqual(events.at(-1) as unknown, {
          type: "progress",
          lengthComputable: true,
          loaded: size,
          total: size
        })
        for (const { loaded, total } of events) assert.isAtMost(loaded / total, 1)
      }
    })
  )

  it.live("takes a file of another realm, and of a DOM without Blob.arrayBuffer", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup()
      backend.answer = store
      const real = new Blob(["hello"])
      const foreign = (blob: Blob): object => ({
        name: "a.txt",
        size: blob.size,
        type: "text/plain",
        slice: (from: number, to: number) => foreign(blob.slice(from, to)),
        blob
      })
      class FileReader {
        result: unknown
        #loaded = () => {}
        addEventListener(type: string, listener: () => void) {
          if (type === "load") this.#loaded = listener
        }
        readAsArrayBuffer({ blob }: { readonly blob: Blob }) {
          void blob.arrayBuffer().then((bytes) => {
            this.result = bytes
            this.#loaded()
          })
        }
      }
      vi.stubGlobal("FileReader", FileReader)
      yield* Effect.addFinalizer(() => Effect.sync(() => vi.unstubAllGlobals()))
      yield* Effect.promise(() => client.uploadBlobs(foreign(real) as File))
      assert.include(backend.seen[1]?.body, "hello")
    })
  )

  it.live("sends the cookie XSRF-TOKEN, decoded, with same-origin requests, and to no other origin", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup()
      const bucket = yield* Backend.make
      bucket.answer = () => ({ status: 204 })
      yield* Effect.addFinalizer(() => Effect.sync(() => vi.unstubAllGlobals()))
      vi.stubGlobal("document", { cookie: "a=1; XSRF-TOKEN=x%2Fy%3D; b=2" })
      vi.stubGlobal("location", new URL(backend.baseUrl))
      backend.answer = ({ url }) =>
        url.endsWith("presign_urls")
          ? { body: { blob_id: 8, signed_url: `${bucket.baseUrl}/8`, url: "https://cdn.test/8" } }
          : { body: {} }
      yield* Effect.promise(() => client.getRatings())
      yield* Effect.promise(() => client.rateStaff(5))
      yield* Effect.promise(() => Client.getAnonymousToken({ baseUrl: backend.baseUrl }))
      yield* Effect.promise(() => client.uploadBlobs(new Blob(["x"])))
      const headers = () => backend.seen.map((seen) => seen.headers["x-xsrf-token"])
      assert.deepStrictEqual(headers(), ["x/y=", "x/y=", "x/y=", "x/y="])
      assert.notProperty(bucket.seen[0]?.headers, "x-xsrf-token")
      vi.stubGlobal("location", new URL("https://elsewhere.test"))
      yield* Effect.promise(() => client.getRatings())
      vi.stubGlobal("location", new URL(backend.baseUrl))
      vi.stubGlobal("document", { cookie: "XSRF-TOKEN=%E0%A4%A" })
      yield* Effect.promise(() => client.getRatings())
      vi.stubGlobal("document", { cookie: "" })
      yield* Effect.promise(() => client.getRatings())
      assert.deepStrictEqual(headers().slice(4), [undefined, undefined, undefined])
    })
  )
})

import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { Fault } from "../../../src/sandbox/faults/Fault.ts"
import { Dropped, FaultHooks, noFaults } from "../../../src/sandbox/faults/FaultHooks.ts"
import { origin, Sandbox } from "../../../src/sandbox/Sandbox.ts"
import type { SandboxOptions } from "../../../src/sandbox/SandboxOptions.ts"
import { alice, chen, dial, emma, li, rest, served, text, wang, zhao } from "../Client.ts"

const provide = (options?: SandboxOptions) => Effect.provide(Sandbox.layer(options))

const status = (...request: Parameters<typeof rest>) => Effect.map(rest(...request), ({ status }) => status)

const execute = (request: HttpClientRequest.HttpClientRequest) =>
  Effect.flatMap(Sandbox, ({ httpClient }) => httpClient.execute(request))

interface Listed {
  readonly id: number
  readonly state: string
}
const ids = (json: { readonly conversations: ReadonlyArray<Listed> }) => json.conversations.map(({ id }) => id)

describe("errors", () => {
  it.effect("are JSON with the right status", () =>
    Effect.gen(function* () {
      const unauthorized = yield* rest(undefined, "GET", "/im/users/me")
      assert.strictEqual(unauthorized.status, 401)
      assert.deepInclude(unauthorized.json, { _tag: "Unauthorized" })
      assert.strictEqual(yield* status("wrong", "GET", "/im/users/me"), 401)
      assert.deepInclude(yield* rest(chen, "GET", "/im/nowhere"), {
        status: 404,
        json: { _tag: "NotFound", message: "There is no GET /api/v1/im/nowhere" }
      })
      assert.strictEqual(yield* status(chen, "DELETE", "/im/conversations"), 404)
      assert.deepInclude((yield* rest(chen, "GET", "/im/conversations/x")).json, { _tag: "BadRequest", field: "id" })
      assert.deepInclude((yield* rest(chen, "GET", "/im/conversations/1.5")).json, { field: "id" })
      assert.deepInclude((yield* rest(chen, "GET", "/im/conversations/999")).json, { _tag: "NotFound" })
      assert.deepInclude((yield* rest(chen, "GET", "/im/conversations?begin_at=noon")).json, { field: "begin_at" })
      assert.deepInclude((yield* rest(chen, "POST", "/presign_urls", { filename: "a", content_type: "b" })).json, {
        field: "byte_size"
      })
      assert.deepInclude((yield* rest(chen, "PUT", "/im/users/me", { nickname: 7 })).json, { field: "nickname" })
    }).pipe(provide())
  )

  it.effect("cover a missing upgrade and a body that is not JSON", () =>
    Effect.gen(function* () {
      assert.deepInclude((yield* rest(undefined, "GET", "/im/ws?token=nonsense")).json, { _tag: "DialRefused" })
      const plain = yield* rest(undefined, "GET", `/im/ws?token=${chen}`)
      assert.strictEqual(plain.status, 426)
      assert.strictEqual(plain.headers["upgrade"], "websocket")
      assert.strictEqual(plain.json._tag, "BadRequest")
      const xml = yield* execute(
        HttpClientRequest.put(`${origin}/api/v1/im/users/me`).pipe(
          HttpClientRequest.bearerToken(chen),
          HttpClientRequest.bodyText("<nickname/>", "application/xml")
        )
      )
      assert.deepInclude(yield* xml.json, { message: "The body must be application/json" })
    }).pipe(provide())
  )

  it.effect("describe invalid JSON and a body that is too large", () =>
    Effect.gen(function* () {
      const put = (body: string) =>
        execute(
          HttpClientRequest.put(`${origin}/api/v1/im/users/me`).pipe(
            HttpClientRequest.bearerToken(chen),
            HttpClientRequest.bodyText(body, "application/json")
          )
        )
      assert.strictEqual((yield* put("{nickname")).status, 400)
      assert.strictEqual((yield* put('{"nickname":"小陈"}')).status, 200)
      const large = yield* put(JSON.stringify({ nickname: "x".repeat(2000) }))
      assert.strictEqual(large.status, 413)
      assert.deepInclude(yield* large.json, { _tag: "TooLarge" })
    }).pipe(provide({ maxBodyBytes: 1000 }))
  )

  it.effect("cover values that could be stored but not returned", () =>
    Effect.gen(function* () {
      const deep = (levels: number) => JSON.parse(`{"nickname":"x","deep":${"[".repeat(levels)}${"]".repeat(levels)}}`)
      assert.strictEqual(yield* status(chen, "PUT", "/im/users/me", deep(400)), 200)
      assert.strictEqual(yield* status(chen, "GET", "/im/users/me"), 200)
      for (const [path, levels] of [
        ["/im/users/me", 600],
        ["/im/users/me", 3000],
        ["/im/common_words/1", 3000]
      ] as const) {
        const { json, status } = yield* rest(zhao, "PUT", path, deep(levels))
        assert.deepInclude({ status, ...json }, { status: 400, message: "The body nests deeper than 500 levels" })
      }
      assert.strictEqual(yield* status(li, "POST", "/im/common_words", deep(600)), 400)
      assert.strictEqual(yield* status(li, "GET", "/im/common_words"), 200)
      const presign = (filename: string, content_type: string) =>
        Effect.map(
          rest(chen, "POST", "/presign_urls", { filename, content_type, byte_size: 3 }),
          ({ json, status }) => [status, json.field]
        )
      assert.deepStrictEqual(yield* presign("猫 🐈/../\u0000.html", "image/webp"), [200, undefined])
      assert.deepStrictEqual(yield* presign("\ud800.png", "image/png"), [400, "filename"])
      assert.deepStrictEqual(yield* presign("a.png", "image/png\r\nx-evil: 1"), [400, "content_type"])
      assert.deepStrictEqual(yield* presign("a.png", "图片"), [400, "content_type"])
    }).pipe(provide())
  )

  it.effect("and all other responses can be read by pages of other origins", () =>
    Effect.gen(function* () {
      for (const path of ["/api/v1/im/users/me", "/openapi.json", "/nowhere"]) {
        const { headers } = yield* execute(HttpClientRequest.get(`${origin}${path}`))
        assert.strictEqual(headers["access-control-allow-origin"], "*")
      }
      const preflight = yield* execute(
        HttpClientRequest.options(`${origin}/api/v1/im/users/me`).pipe(
          HttpClientRequest.setHeaders({
            origin: "https://a.example",
            "access-control-request-headers": "authorization"
          })
        )
      )
      assert.strictEqual(preflight.status, 204)
      assert.strictEqual(preflight.headers["access-control-allow-headers"], "authorization")
      assert.include(preflight.headers["access-control-allow-methods"], "PUT")
    }).pipe(provide())
  )
})

describe("tokens and profiles", () => {
  it.effect("anonymous visitors get their own account each", () =>
    Effect.gen(function* () {
      const first = (yield* rest(undefined, "POST", "/im/tokens")).json.token
      const second = (yield* rest(undefined, "POST", "/im/tokens")).json.token
      const me = (yield* rest(first, "GET", "/im/users/me")).json
      assert.deepInclude(me, { user_type: "CUSTOMER", nickname: "访客 1", online: false })
      assert.notStrictEqual((yield* rest(second, "GET", "/im/users/me")).json.id, me.id)
      yield* dial(first)
      assert.isTrue((yield* rest(first, "GET", "/im/users/me")).json.online)
    }).pipe(provide())
  )

  it.effect("a profile keeps unknown fields and refuses those of the desk", () =>
    Effect.gen(function* () {
      const change = { nickname: "小陈", phone: "139", favourite_colour: "青", id: 1, user_type: "ADMIN", tags: [] }
      assert.strictEqual(yield* status(chen, "PUT", "/im/users/me", change), 200)
      const { json } = yield* rest(chen, "GET", "/im/users/me")
      assert.deepInclude(json, { id: 6, user_type: "CUSTOMER", nickname: "小陈", phone: "139", favourite_colour: "青" })
      assert.strictEqual(yield* status(chen, "PUT", "/im/users/me", { nickname: " " }), 400)
    }).pipe(provide())
  )

  it.effect("staff may change customers, administrators anybody, visitors only themselves", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* status(li, "PUT", "/im/users/6", { remark: "催单" }), 200)
      assert.strictEqual(yield* status(li, "PUT", "/im/users/3", { nickname: "x" }), 403)
      assert.strictEqual(yield* status(zhao, "PUT", "/im/users/3", { nickname: "王磊磊" }), 200)
      assert.strictEqual(yield* status(chen, "PUT", "/im/users/7", { nickname: "x" }), 403)
      assert.strictEqual(yield* status(chen, "PUT", "/im/users/6", { nickname: "陈" }), 200)
      assert.strictEqual(yield* status(li, "PUT", "/im/users/999", {}), 404)
      // A visitor does not see the staff's remark on them.
      assert.notProperty((yield* rest(chen, "GET", "/im/users/me")).json, "remark")
    }).pipe(provide())
  )

  it.effect("staff tag customers", () =>
    Effect.gen(function* () {
      const { json: tag } = yield* rest(li, "POST", "/im/users/7/tags", { name: "退货中" })
      assert.strictEqual((yield* rest(li, "POST", "/im/users/7/tags", { name: "退货中" })).json.id, tag.id)
      const { conversationId } = yield* served(alice, li)
      const customer = Effect.map(rest(li, "GET", `/im/conversations/${conversationId}`), ({ json }) => json.customer)
      assert.deepInclude((yield* customer).tags, tag)
      assert.strictEqual(yield* status(li, "DELETE", `/im/users/7/tags/${tag.id}`), 200)
      assert.notDeepInclude((yield* customer).tags, tag)
      assert.strictEqual(yield* status(li, "DELETE", `/im/users/7/tags/${tag.id}`), 404)
      assert.deepInclude((yield* rest(li, "POST", "/im/users/7/tags", { name: " " })).json, { field: "name" })
      assert.strictEqual(yield* status(li, "POST", "/im/users/3/tags", { name: "x" }), 400)
      assert.strictEqual(yield* status(alice, "POST", "/im/users/7/tags", { name: "x" }), 403)
      const mine = yield* rest(alice, "GET", `/im/conversations/${conversationId}`)
      assert.notProperty(mine.json.customer, "tags")
    }).pipe(provide())
  )
})

describe("quick replies", () => {
  it.effect("are common or personal", () =>
    Effect.gen(function* () {
      const list = (token: string) =>
        Effect.map(rest(token, "GET", "/im/common_words"), ({ json }) => json.common_words)
      const common = yield* list(li)
      const { json: added } = yield* rest(li, "POST", "/im/common_words", {
        title: "改派",
        content: "请联系快递员改派"
      })
      assert.deepStrictEqual((yield* list(li)).at(-1), added)
      assert.deepStrictEqual(yield* list(wang), common)
      const path = `/im/common_words/${added.id}`
      assert.strictEqual(yield* status(wang, "PUT", path, { content: "x" }), 404)
      assert.strictEqual((yield* rest(li, "PUT", path, { content: "新" })).json.content, "新")
      assert.deepStrictEqual((yield* list(li)).at(-1), { ...added, content: "新" })
      assert.strictEqual(yield* status(li, "PUT", `/im/common_words/${common[0].id}`, { content: "x" }), 403)
      assert.strictEqual(yield* status(zhao, "PUT", `/im/common_words/${common[0].id}`, { title: "您好" }), 200)
      assert.strictEqual(yield* status(li, "DELETE", path), 200)
      assert.strictEqual(yield* status(li, "DELETE", path), 404)
      assert.deepInclude((yield* rest(li, "POST", "/im/common_words", { title: "空" })).json, { field: "content" })
      assert.strictEqual(yield* status(chen, "GET", "/im/common_words"), 403)
    }).pipe(provide())
  )
})

describe("other resources", () => {
  it.effect("sub-channels", () =>
    Effect.gen(function* () {
      const { json } = yield* rest(chen, "GET", "/client/channels/sub_channels/3")
      assert.deepInclude(json, { id: 3, name: "International store", faq_group_id: 3 })
      assert.strictEqual(yield* status(chen, "GET", "/client/channels/sub_channels/99"), 404)
    }).pipe(provide())
  )

  it.effect("the rating form", () =>
    Effect.gen(function* () {
      const { json } = yield* rest(chen, "GET", "/ratings")
      assert.strictEqual(json.ratings.length, 5)
      assert.deepStrictEqual(json.ratings[4].tags[0], { id: 9, name: "专业" })
    }).pipe(provide())
  )

  it.effect("visits and remarks", () =>
    Effect.gen(function* () {
      const { conversationId } = yield* served(chen, li)
      const path = `/im/conversations/${conversationId}`
      const { json } = yield* rest(li, "GET", `${path}/source_info`)
      assert.strictEqual(json.visit_count, 3)
      assert.isString(json.page_url)
      assert.strictEqual(yield* status(wang, "GET", `${path}/source_info`), 403)
      assert.strictEqual(yield* status(li, "PUT", path, { remark: "要发票" }), 200)
      assert.strictEqual((yield* rest(li, "GET", path)).json.remark, "要发票")
      assert.notProperty((yield* rest(chen, "GET", path)).json, "remark")
      assert.strictEqual(yield* status(chen, "PUT", path, { remark: "x" }), 403)
    }).pipe(provide())
  )

  it.effect("the API's description", () =>
    Effect.gen(function* () {
      const response = yield* execute(HttpClientRequest.get(`${origin}/openapi.json`))
      const { paths } = (yield* response.json) as { readonly paths: Record<string, unknown> }
      assert.property(paths, "/api/v1/im/conversations/{id}/transfer")
      const index = yield* execute(HttpClientRequest.get(`${origin}/`))
      assert.include(yield* index.text, "staff-li-token")
    }).pipe(provide())
  )

  it.effect("the description of fault injection, where it is on", () =>
    Effect.gen(function* () {
      const described = execute(HttpClientRequest.get(`${origin}/openapi.json`)).pipe(
        Effect.flatMap((response) => response.text)
      )
      const on = yield* described.pipe(Effect.provide(Sandbox.layer({ faultControl: true })))
      const { paths } = JSON.parse(on)
      assert.property(paths, "/api/v1/im/conversations/{id}/transfer")
      assert.sameMembers(Object.keys(paths["/sandbox/faults"]), ["get", "post", "delete"])
      for (const fault of Fault.members) {
        const tag = fault.fields._tag.schema.literal
        assert.match(on, new RegExp(`"enum":\\["${tag}"\\]`), tag)
      }
      assert.include(on, "half-open", "what a fault does is said there")
      assert.notInclude(yield* described, "/sandbox/faults")
    }).pipe(provide())
  )
})

describe("the history", () => {
  it.effect("shows each user their own conversations", () =>
    Effect.gen(function* () {
      const list = (token: string, query = "") =>
        Effect.map(rest(token, "GET", `/im/conversations${query}`), ({ json }) => ids(json))
      assert.deepStrictEqual(yield* list(chen), [3, 1])
      assert.deepStrictEqual(yield* list(alice), [2])
      assert.deepStrictEqual(yield* list(li), [1])
      assert.deepStrictEqual(yield* list(emma), [2])
      assert.deepStrictEqual(yield* list(zhao), [])
      assert.deepStrictEqual(yield* list(zhao, "?show_all=true"), [3, 2, 1])
      assert.strictEqual(yield* status(li, "GET", "/im/conversations?show_all=true"), 403)
      assert.strictEqual(yield* status(chen, "GET", "/im/conversations?show_all=1"), 403)
      assert.deepStrictEqual(yield* list(li, "?show_all=false"), [1])
      assert.strictEqual(yield* status(alice, "GET", "/im/conversations/1"), 403)
      assert.strictEqual(yield* status(wang, "GET", "/im/conversations/1"), 403)
      assert.strictEqual(yield* status(zhao, "GET", "/im/conversations/1"), 200)
    }).pipe(provide())
  )

  it.effect("is filtered, searched, ordered and paged", () =>
    Effect.gen(function* () {
      const get = (query: string) =>
        Effect.map(rest(zhao, "GET", `/im/conversations?show_all=true&${query}`), ({ json }) => json)
      const found = (query: string) => Effect.map(get(query), ids)
      yield* served(chen, li)
      assert.deepStrictEqual(yield* found("state=ACTIVE"), [4])
      assert.deepStrictEqual(yield* found("state=FINISHED&order=ASC"), [1, 2, 3])
      assert.deepStrictEqual(yield* found("customer_id=7"), [2])
      assert.deepStrictEqual(yield* found(`search=${encodeURIComponent("发票抬头")}`), [3])
      assert.deepStrictEqual(yield* found("search=EMMA"), [2])
      assert.deepStrictEqual(yield* found(`search=${encodeURIComponent("陈晓明")}&state=FINISHED`), [3, 1])
      assert.deepStrictEqual(yield* found("search=nothing"), [])
      const hour = 3_600_000
      assert.deepStrictEqual(yield* found(`begin_at=${-50 * hour}&end_at=${-20 * hour}`), [3, 2])
      assert.deepStrictEqual(yield* found(`end_at=${-49 * hour}`), [2, 1])
      const page = yield* get("order=ASC&limit=3&page=2")
      assert.deepStrictEqual([ids(page), page.total, page.page, page.limit], [[4], 4, 2, 3])
      assert.deepStrictEqual(yield* found("page=9"), [])
      for (const query of ["page=0", "limit=0", "limit=-5", "page=1.5", "order=UP"]) {
        assert.strictEqual(yield* status(zhao, "GET", `/im/conversations?${query}`), 400)
      }
    }).pipe(provide())
  )

  it.effect("is counted with the same filters", () =>
    Effect.gen(function* () {
      const count = (token: string, query = "") =>
        Effect.map(rest(token, "GET", `/im/conversations_count${query}`), ({ json }) => json)
      yield* served(chen, li)
      const waiting = yield* dial(alice)
      yield* waiting.call(101, text("human"))
      assert.deepStrictEqual(yield* count(li), { total: 2, active: 1, pending: 0, finished: 1 })
      assert.deepStrictEqual(yield* count(zhao, "?show_all=true"), { total: 5, active: 1, pending: 1, finished: 3 })
      assert.deepStrictEqual(yield* count(alice, "?state=PENDING"), { total: 1, active: 0, pending: 1, finished: 0 })
      assert.deepInclude((yield* rest(li, "GET", "/im/conversations_count?customer_id=x")).json, {
        _tag: "BadRequest",
        field: "customer_id"
      })
    }).pipe(provide({ staffCapacity: 1 }))
  )

  it.effect("lists current conversations", () =>
    Effect.gen(function* () {
      const current = (token: string) =>
        Effect.map(rest(token, "GET", "/im/current_list"), ({ json }) => json.map(({ id }: Listed) => id))
      const { conversationId, visitor } = yield* served(chen, li)
      assert.deepStrictEqual(yield* current(chen), [conversationId])
      assert.deepStrictEqual(yield* current(li), [conversationId])
      assert.deepStrictEqual(yield* current(wang), [])
      assert.deepStrictEqual(yield* current(zhao), [conversationId])
      yield* visitor.call(202, { conversation_id: conversationId })
      for (const token of [chen, li, zhao]) assert.deepStrictEqual(yield* current(token), [])
    }).pipe(provide())
  )

  it.effect("carries messagesPerConversation messages", () =>
    Effect.gen(function* () {
      const { json } = yield* rest(chen, "GET", "/im/conversations/1")
      assert.deepStrictEqual(
        json.messages.map((message: { readonly id: number }) => message.id),
        [8, 9]
      )
    }).pipe(provide({ messagesPerConversation: 2 }))
  )

  it.effect("may carry no messages", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* rest(chen, "GET", "/im/conversations/1")).json.messages, [])
    }).pipe(provide({ messagesPerConversation: 0 }))
  )

  it.effect("shows each side its own messages", () =>
    Effect.gen(function* () {
      const { conversationId } = yield* served(chen, li)
      const built = (token: string) =>
        Effect.map(rest(token, "GET", `/im/conversations/${conversationId}`), ({ json }) =>
          json.messages
            .filter((message: { readonly message_type: number }) => message.message_type === 102)
            .map((message: { readonly content: { readonly user_type: string } }) => message.content.user_type)
        )
      assert.deepStrictEqual(yield* built(chen), ["ROBOT", "STAFF"])
      assert.deepStrictEqual(yield* built(li), ["CUSTOMER"])
      assert.deepStrictEqual(yield* built(zhao), ["ROBOT", "STAFF", "CUSTOMER"])
    }).pipe(provide())
  )

  it.effect("is exported as CSV", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(DateTime.makeUnsafe("2026-05-01T08:00:00Z").epochMilliseconds)
      const { visitor, conversationId } = yield* served(chen, li)
      yield* visitor.call(101, text('说了 "你好", 然后\n换行'))
      const { json } = yield* rest(li, "POST", "/im/conversations/export", { conversation_ids: [conversationId] })
      assert.strictEqual(json.count, 1)
      const file = yield* execute(HttpClientRequest.get(json.url))
      assert.strictEqual(file.headers["content-type"], "text/csv; charset=utf-8")
      assert.include(file.headers["content-disposition"], "attachment")
      assert.deepStrictEqual(Array.from(new Uint8Array(yield* file.arrayBuffer)).slice(0, 3), [0xef, 0xbb, 0xbf])
      const csv = yield* file.text
      assert.match(
        csv,
        /conversation_id,state,customer,staff,created_at,message_id,sent_at,sender,message_type,content\r\n/
      )
      assert.include(csv, `${conversationId},ACTIVE,陈晓明,李静,2026-05-01T08:00:00.000Z,`)
      assert.include(csv, 'Text,"说了 ""你好"", 然后\n换行"\r\n')
    }).pipe(provide())
  )

  it.effect("is exported by staff only, and only what they may see", () =>
    Effect.gen(function* () {
      const path = "/im/conversations/export"
      assert.strictEqual((yield* rest(zhao, "POST", path, {})).json.count, 3)
      assert.strictEqual((yield* rest(zhao, "POST", path, { search: "warranty" })).json.count, 1)
      assert.strictEqual((yield* rest(zhao, "POST", path, { begin_at: -50 * 3_600_000 })).json.count, 2)
      assert.strictEqual((yield* rest(wang, "POST", path, {})).json.count, 1)
      assert.strictEqual(yield* status(wang, "POST", path, { conversation_ids: [1] }), 403)
      assert.strictEqual(yield* status(wang, "POST", path, { conversation_ids: [99] }), 404)
      assert.strictEqual(yield* status(chen, "POST", path, {}), 403)
    }).pipe(provide())
  )
})

describe("uploads", () => {
  const bytes = new TextEncoder().encode("猫的照片")
  const presign = (byte_size = bytes.length, filename = "猫 & 狗.png") =>
    Effect.map(
      rest(chen, "POST", "/presign_urls", { filename, content_type: "image/png", byte_size }),
      ({ json }) => json
    )
  const form = (...parts: ReadonlyArray<readonly [name: string, content: Uint8Array<ArrayBuffer> | string]>) => {
    const data = new FormData()
    for (const [name, content] of parts) {
      if (typeof content === "string") data.append(name, content)
      else data.append(name, new Blob([content], { type: "image/png" }), "local.png")
    }
    return data
  }
  const upload = (url: string, data: FormData) =>
    execute(HttpClientRequest.post(url).pipe(HttpClientRequest.bodyFormData(data)))

  it.effect("are stored and served with their type", () =>
    Effect.gen(function* () {
      const { blob_id, signed_url, url } = yield* presign()
      assert.isDefined(blob_id)
      assert.strictEqual((yield* execute(HttpClientRequest.get(url))).status, 404)
      assert.strictEqual((yield* upload(signed_url, form(["file", bytes]))).status, 204)
      const file = yield* execute(HttpClientRequest.get(url))
      assert.strictEqual(file.headers["content-type"], "image/png")
      assert.strictEqual(file.headers["x-content-type-options"], "nosniff")
      assert.deepStrictEqual(new Uint8Array(yield* file.arrayBuffer), bytes)
    }).pipe(provide())
  )

  it.effect("work once, in time, with the right signature", () =>
    Effect.gen(function* () {
      const used = yield* presign()
      yield* upload(used.signed_url, form(["file", bytes]))
      assert.strictEqual((yield* upload(used.signed_url, form(["file", bytes]))).status, 409)
      const late = yield* presign()
      assert.strictEqual((yield* upload(`${late.signed_url}x`, form(["file", bytes]))).status, 204)
      const forged = yield* presign()
      assert.strictEqual(
        (yield* upload(forged.signed_url.replace("signature=", "signature=0"), form(["file", bytes]))).status,
        403
      )
      assert.strictEqual((yield* upload(`${origin}/uploads/999?signature=1`, form(["file", bytes]))).status, 404)
      yield* TestClock.adjust("15 minutes")
      assert.strictEqual((yield* upload(forged.signed_url, form(["file", bytes]))).status, 403)
    }).pipe(provide())
  )

  it.effect("have exactly one part, the file, of the announced size", () =>
    Effect.gen(function* () {
      const { signed_url } = yield* presign()
      const wrong: ReadonlyArray<FormData> = [
        form(),
        form(["photo", bytes]),
        form(["file", "text"]),
        form(["file", bytes], ["file", bytes]),
        form(["file", bytes], ["note", "hi"]),
        form(["file", bytes.slice(1)])
      ]
      for (const data of wrong) {
        const response = yield* upload(signed_url, data)
        assert.strictEqual(response.status, 400)
        assert.deepInclude(yield* response.json, { _tag: "BadRequest" })
      }
      assert.strictEqual((yield* upload(signed_url, form(["file", bytes]))).status, 204)
    }).pipe(provide())
  )

  it.effect("have a size limit", () =>
    Effect.gen(function* () {
      const refused = yield* rest(chen, "POST", "/presign_urls", {
        filename: "a",
        content_type: "b",
        byte_size: 101
      })
      assert.deepInclude(refused, { status: 413 })
      assert.deepInclude(refused.json, { _tag: "TooLarge", field: "byte_size" })
      const { signed_url } = yield* presign(100)
      assert.strictEqual((yield* upload(signed_url, form(["file", new Uint8Array(101)]))).status, 413)
      assert.strictEqual((yield* upload(signed_url, form(["file", new Uint8Array(100)]))).status, 204)
      assert.strictEqual(
        yield* status(chen, "POST", "/presign_urls", { filename: " ", content_type: "b", byte_size: 1 }),
        400
      )
      assert.strictEqual(yield* status(undefined, "POST", "/presign_urls", {}), 401)
    }).pipe(provide({ maxUploadBytes: 100 }))
  )
})

describe("faults", () => {
  it.effect("one of an unknown kind is told by its name, the kind that was meant, and all kinds", () =>
    Effect.gen(function* () {
      const inject = Effect.fnUntraced(function* (fault: unknown) {
        const request = HttpClientRequest.post(`${origin}/sandbox/faults`)
        const response = yield* execute(HttpClientRequest.bodyJsonUnsafe(request, [{ _tag: "Reset" }, fault]))
        return { status: response.status, text: yield* response.text }
      })
      const kinds = Fault.members.map(({ fields }) => fields._tag.schema.literal).join(", ")
      const told = (detail: string, field: string) => ({
        status: 400,
        text: JSON.stringify({ _tag: "BadRequest", message: `The body is wrong at ${field}: ${detail}`, field })
      })
      assert.deepStrictEqual(
        yield* inject({ _tag: "Rest" }),
        told(`there is no fault "Rest"; did you mean Reset? The faults are ${kinds}`, "1")
      )
      assert.deepStrictEqual(
        yield* inject({ _tag: "Explode" }),
        told(`there is no fault "Explode". The faults are ${kinds}`, "1")
      )
      assert.deepStrictEqual(yield* inject({}), told(`it has no _tag. The faults are ${kinds}`, "1"))
      const unfit = yield* inject({ _tag: "Close", code: 3 })
      assert.strictEqual(unfit.status, 400)
      assert.include(unfit.text, "at 1.code: Expected a value between 1000 and 4999")
      assert.strictEqual((yield* inject({ _tag: "Close", code: 1011 })).status, 204)
    }).pipe(Effect.provide(Sandbox.layer({ faultControl: true })))
  )

  const withFaults = (request: FaultHooks["request"]) =>
    Effect.provide(Sandbox.layer().pipe(Layer.provide(Layer.succeed(FaultHooks, { ...noFaults, request }))))

  it.effect("replace a response", () =>
    Effect.gen(function* () {
      const limited = yield* rest(chen, "GET", "/im/users/me")
      assert.strictEqual(limited.status, 429)
      assert.strictEqual(limited.headers["retry-after"], "2")
      assert.strictEqual(limited.headers["access-control-allow-origin"], "*")
      assert.strictEqual(yield* status(chen, "GET", "/im/users/me"), 200)
    }).pipe(
      withFaults(({ id }, handle) =>
        id === 1 ? Effect.succeed(HttpServerResponse.empty({ status: 429, headers: { "retry-after": "2" } })) : handle
      )
    )
  )

  it.effect("drop the connection before or after the request is handled", () =>
    Effect.gen(function* () {
      const nickname = Effect.map(rest(chen, "GET", "/im/users/me"), ({ json }) => json.nickname)
      const before = yield* Effect.flip(rest(chen, "PUT", "/im/users/me", { nickname: "before" }))
      assert.strictEqual(before.reason._tag, "TransportError")
      assert.strictEqual(yield* nickname, "陈晓明")
      const after = yield* Effect.flip(rest(chen, "PUT", "/im/users/me", { nickname: "after" }))
      assert.strictEqual(after.reason._tag, "TransportError")
      assert.strictEqual(yield* nickname, "after")
    }).pipe(
      withFaults(({ id, method }, handle) => {
        if (method !== "PUT") return handle
        return id === 1 ? Effect.fail(new Dropped()) : Effect.andThen(handle, Effect.fail(new Dropped()))
      })
    )
  )
})

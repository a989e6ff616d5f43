import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as OpenApi from "effect/http-api/OpenApi"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import { Api, Authorization } from "../../src/wire/Api.ts"
import * as ApiError from "../../src/wire/ApiError.ts"
import * as Endpoints from "../../src/wire/Endpoints.ts"
import * as Id from "../../src/domain/Id.ts"

interface Call {
  readonly query?: string
  readonly body?: string
  readonly answer: string
}

const user = "id user_type nickname avatar phone email remark online tags"
const conversation =
  "id state customer last_staff users conversations_user messages sub_channel_id remark end_reason created_at updated_at"
const profile = "nickname avatar phone email remark"
const anything = ""

// Section 6 of the protocol, both tables, with the fields that the description must show.
const table: Readonly<Record<string, Call>> = {
  "POST /im/tokens": { answer: "token" },
  "GET /im/users/me": { answer: user },
  "PUT /im/users/me": { body: profile, answer: anything },
  "PUT /im/users/{id}": { body: profile, answer: anything },
  "GET /im/users": { query: "", answer: "users total" },
  "POST /im/users/{id}/tags": { body: "name", answer: "id name" },
  "DELETE /im/users/{id}/tags/{tagId}": { answer: anything },
  "GET /im/conversations": {
    query: "state page limit search begin_at end_at order customer_id show_all",
    answer: "conversations total page limit"
  },
  "GET /im/conversations/{id}": { answer: conversation },
  "POST /im/conversations": { body: "customer_id conversation_id sub_channel_id", answer: conversation },
  "GET /im/conversations/{id}/source_info": { answer: "page_url page_title referrer browser os city visit_count" },
  "GET /im/conversations/{id}/pending_position": { answer: "position" },
  "PUT /im/conversations/{id}/terminate": { answer: anything },
  "PUT /im/conversations/{id}/transfer": { body: "user_id", answer: anything },
  "POST /im/conversations/export": { body: "conversation_ids begin_at end_at search", answer: "url count" },
  "GET /im/conversations_count": { query: "", answer: "total active pending finished" },
  "GET /im/pending_count": { answer: "count" },
  "GET /im/common_words": { answer: "common_words" },
  "POST /im/common_words": { body: "title content", answer: "id title content" },
  "PUT /im/common_words/{id}": { body: "title content", answer: anything },
  "DELETE /im/common_words/{id}": { answer: anything },
  "POST /im/rates": { body: "score suggestion rating_tag_ids", answer: "score conversation_id" },
  "POST /im/robot_answers/{id}/like": { answer: anything },
  "POST /im/robot_answers/{id}/dislike": { answer: anything },
  "GET /im/questions/suggest": { query: "query sub_channel_id", answer: "questions" },
  "GET /im/current_list": { answer: conversation },
  "GET /client/channels/sub_channels/{id}": { answer: "id name greeting faq_group_id" },
  "GET /hot_faqs": { query: "limit page group_id", answer: "faqs total" },
  "GET /ratings": { answer: "ratings" },
  "PUT /im/conversations/{id}": { body: "remark", answer: anything },
  "POST /presign_urls": { body: "filename content_type byte_size", answer: "blob_id signed_url url" }
}

interface Endpoint {
  readonly group: string
  readonly name: string
  readonly endpoint: HttpApiEndpoint.Top
  readonly authorized: boolean
}

const endpoints: Array<Endpoint> = []
HttpApi.reflect(Api, {
  onGroup: () => {},
  onEndpoint: ({ endpoint, group, middleware }) => {
    endpoints.push({
      group: group.identifier,
      name: endpoint.identifier,
      endpoint,
      authorized: [...middleware].some((service) => service.key === Authorization.key)
    })
  }
})

const describedPath = (path: string) => path.replace(/:(\w+)/g, "{$1}")

describe("endpoints", () => {
  it("are those of the protocol, at its addresses", () => {
    assert.sameMembers(
      endpoints.map(({ endpoint }) => `${endpoint.method} ${describedPath(endpoint.path)}`),
      Object.keys(table).map((call) => call.replace(" ", " /api/v1"))
    )
  })

  it("are those that the client calls", () => {
    const called = Object.entries(Endpoints).flatMap(([group, calls]) =>
      Object.entries(calls).map(([name, { method, path }]) => `${group}.${name} ${method} ${path}`)
    )
    assert.sameMembers(
      endpoints.map(({ endpoint, group, name }) => `${group}.${name} ${endpoint.method} ${endpoint.path}`),
      called
    )
  })

  it("all require the token, except the one that issues it", () => {
    assert.deepStrictEqual(
      endpoints.filter(({ authorized }) => !authorized).map(({ endpoint }) => endpoint.path),
      ["/api/v1/im/tokens"]
    )
  })

  it("take a body and a query as the protocol says", () => {
    for (const { endpoint } of endpoints) {
      const call = table[`${endpoint.method} ${describedPath(endpoint.path).slice("/api/v1".length)}`]
      assert.strictEqual(endpoint.payload.size, call?.body === undefined ? 0 : 1)
      assert.strictEqual(endpoint.query === undefined, call?.query === undefined, endpoint.path)
    }
  })
})

// The parts of an OpenAPI document that matter here.
interface Described {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Described>>
  readonly additionalProperties?: unknown
  readonly required?: ReadonlyArray<string>
  readonly items?: Described
  readonly allOf?: ReadonlyArray<Described>
  readonly anyOf?: ReadonlyArray<Described>
  readonly $ref?: string
}

interface Operation {
  readonly parameters: ReadonlyArray<{
    readonly name: string
    readonly in: string
    readonly required: boolean
    readonly schema: Described
  }>
  readonly security?: ReadonlyArray<unknown>
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Described }>> }
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Described }>> }>
  >
}

describe("the OpenAPI document", () => {
  const document = JSON.parse(JSON.stringify(OpenApi.fromApi(Api))) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  }
  const operation = (call: string): Operation => {
    const [method = "", path = ""] = call.split(" ")
    const found = document.paths[`/api/v1${path}`]?.[method.toLowerCase()]
    assert.isDefined(found, call)
    return found as Operation
  }
  const body = (content: Operation["requestBody"]) => content?.content["application/json"]?.schema
  const fields = (schema: Described | undefined) => Object.keys((schema?.items ?? schema)?.properties ?? {}).join(" ")

  /** Each object in a schema, at any depth. */
  const objects = (schema: Described): ReadonlyArray<Described> => {
    const nested = [
      ...Object.values(schema.properties ?? {}),
      ...(schema.anyOf ?? []),
      ...(schema.items === undefined ? [] : [schema.items])
    ].flatMap(objects)
    return schema.properties === undefined ? nested : [schema, ...nested]
  }

  it("holds nothing else", () => {
    assert.sameMembers(
      Object.entries(document.paths).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)
      ),
      Object.keys(table).map((call) => call.replace(" ", " /api/v1"))
    )
  })

  it.each(Object.entries(table))("shows the wire names of %s", (call, expected) => {
    const { parameters, requestBody, responses } = operation(call)
    assert.strictEqual(fields(body(requestBody)), expected.body ?? "")
    assert.strictEqual(fields(responses["200"]?.content?.["application/json"]?.schema), expected.answer)
    assert.strictEqual(
      parameters.flatMap((parameter) => (parameter.in === "query" ? [parameter.name] : [])).join(" "),
      expected.query ?? ""
    )
    assert.deepStrictEqual(
      parameters.flatMap((parameter) => (parameter.in === "path" ? [`{${parameter.name}}`] : [])),
      call.match(/\{\w+\}/g) ?? []
    )
  })

  it.each(Object.keys(table))("spells %s in snake_case throughout, and lets unknown fields through", (call) => {
    const { requestBody, responses } = operation(call)
    const schemas = [body(requestBody), responses["200"]?.content?.["application/json"]?.schema]
    for (const object of schemas.flatMap((schema) => (schema === undefined ? [] : objects(schema)))) {
      for (const name of Object.keys(object.properties ?? {})) assert.match(name, /^[a-z]+(?:_[a-z]+)*$/)
      const rest = [object, ...(object.allOf ?? [])].map(({ additionalProperties }) => additionalProperties)
      assert.isTrue(rest.some((additional) => additional === true || JSON.stringify(additional) === "{}"))
    }
  })

  it("shows what is nested: messages of a conversation with the number and content of each kind", () => {
    const schema = operation("GET /im/conversations/{id}").responses["200"]?.content?.["application/json"]?.schema
    const message = objects(schema?.properties?.messages ?? {}).filter((object) => object.properties?.message_type)
    assert.strictEqual(message.length, 23)
    for (const kind of message)
      assert.includeMembers([...(kind.required ?? [])], ["id", "conversation_id", "message_type"])
    assert.include(JSON.stringify(schema?.properties?.messages), '"byte_size"')
    assert.include(JSON.stringify(schema?.properties?.conversations_user), '"latest_read_message_id"')
  })

  it("requires only the response fields that the client needs", () => {
    const required = (call: string) =>
      operation(call).responses["200"]?.content?.["application/json"]?.schema.required ?? []
    assert.deepStrictEqual(required("GET /im/users/me"), ["id", "user_type"])
    assert.deepStrictEqual(required("GET /im/conversations/{id}"), ["id", "state"])
    assert.deepStrictEqual(required("GET /im/conversations"), [])
    assert.deepStrictEqual(required("POST /presign_urls"), ["blob_id", "signed_url", "url"])
    assert.deepStrictEqual(required("POST /im/tokens"), ["token"])
  })

  it("shows null only where the wire has it: in answers", () => {
    const me = operation("PUT /im/users/me")
    assert.deepStrictEqual(body(me.requestBody)?.properties?.nickname, { type: "string" })
    const answer = operation("GET /im/users/me").responses["200"]?.content?.["application/json"]?.schema
    assert.deepStrictEqual(answer?.properties?.nickname, { anyOf: [{ type: "string" }, { type: "null" }] })
    for (const { schema } of operation("GET /im/conversations").parameters) assert.strictEqual(schema.type, "string")
  })

  it("lists the error statuses of each endpoint", () => {
    for (const call of Object.keys(table)) {
      const statuses = Object.keys(operation(call).responses)
      const free = call === "POST /im/tokens"
      assert.deepStrictEqual(
        statuses,
        free ? ["200", "429"] : ["200", "400", "401", "403", "404", "409", "413", "429"],
        call
      )
      assert.deepStrictEqual(operation(call).security, free ? [] : [{ bearer: [] }], call)
    }
  })
})

describe("calls", () => {
  const conversationId = Id.ConversationId.make(5)
  const userId = Id.UserId.make(3)

  /** What a call sends, when the backend answers `answer`, and what comes of it. */
  const sent = <A, E>(
    call: (client: HttpApiClient.ForApi<typeof Api>) => Effect.Effect<A, E>,
    answer: unknown = {},
    status = 200
  ) =>
    Effect.gen(function* () {
      let seen: ReadonlyArray<unknown> = []
      const httpClient = HttpClient.make((request, url) =>
        Effect.sync(() => {
          const { body } = request
          seen = [
            `${request.method} ${url.pathname}${url.search}`,
            ...(body._tag === "Uint8Array" ? [body.contentType, new TextDecoder().decode(body.body)] : [])
          ]
          assert.isTrue(body._tag === "Empty" || HttpBody.isHttpBody(body))
          return HttpClientResponse.fromWeb(request, Response.json(answer, { status }))
        })
      )
      const client = yield* HttpApiClient.makeWith(Api, { httpClient, baseUrl: "http://localhost" })
      const exit = yield* Effect.exit(call(client))
      return { seen, exit, value: Exit.isSuccess(exit) ? exit.value : undefined }
    })

  it.effect("write the path and the body as the protocol has them", () =>
    Effect.gen(function* () {
      const json = "application/json"
      const calls: ReadonlyArray<
        readonly [(client: HttpApiClient.ForApi<typeof Api>) => Effect.Effect<unknown, unknown>, ...Array<string>]
      > = [
        [(client) => client.users.me({}), "GET /api/v1/im/users/me"],
        [
          (client) => client.users.updateMe({ payload: { nickname: "小明", addressLine2: "二楼", avatar: undefined } }),
          "PUT /api/v1/im/users/me",
          json,
          '{"nickname":"小明","address_line2":"二楼"}'
        ],
        [
          (client) => client.users.update({ params: { id: userId }, payload: {} }),
          "PUT /api/v1/im/users/3",
          json,
          "{}"
        ],
        [
          (client) => client.users.removeTag({ params: { id: userId, tagId: Id.TagId.make(8) } }),
          "DELETE /api/v1/im/users/3/tags/8"
        ],
        [
          (client) =>
            client.conversations.list({
              query: {
                state: "PENDING",
                page: 0,
                search: "",
                showAll: false,
                beginAt: null,
                endAt: undefined,
                customerId: userId
              }
            }),
          "GET /api/v1/im/conversations?state=PENDING&page=0&search=&customer_id=3&show_all=false"
        ],
        [
          (client) =>
            client.conversations.count({ query: { ids: [1, 2], filter: { a: "b&c" }, beginAt: new Date(0) } }),
          "GET /api/v1/im/conversations_count?ids%5B%5D=1&ids%5B%5D=2&filter=%7B%22a%22%3A%22b%26c%22%7D&beginAt=1970-01-01T00%3A00%3A00.000Z"
        ],
        [
          (client) => client.conversations.terminate({ params: { id: conversationId } }),
          "PUT /api/v1/im/conversations/5/terminate"
        ],
        [
          (client) => client.conversations.transfer({ params: { id: conversationId }, payload: { userId } }),
          "PUT /api/v1/im/conversations/5/transfer",
          json,
          '{"user_id":3}'
        ],
        [
          (client) =>
            client.ratings.rate({ payload: { score: 5, suggestion: "好", ratingTagIds: [Id.RatingTagId.make(1)] } }),
          "POST /api/v1/im/rates",
          json,
          '{"score":5,"suggestion":"好","rating_tag_ids":[1]}'
        ],
        [
          (client) => client.ratings.rate({ payload: { score: 1, suggestion: undefined, ratingTagIds: undefined } }),
          "POST /api/v1/im/rates",
          json,
          '{"score":1}'
        ],
        [
          (client) => client.robot.like({ params: { id: Id.MessageId.make(9) } }),
          "POST /api/v1/im/robot_answers/9/like"
        ],
        [
          (client) => client.robot.suggestions({ query: { query: "退款 & 换货?#" } }),
          "GET /api/v1/im/questions/suggest?query=%E9%80%80%E6%AC%BE+%26+%E6%8D%A2%E8%B4%A7%3F%23"
        ],
        [
          (client) => client.robot.hotFaqs({ query: { groupId: Id.FaqGroupId.make(2), limit: 3, page: 1 } }),
          "GET /api/v1/hot_faqs?limit=3&page=1&group_id=2"
        ],
        [
          (client) =>
            client.uploads.presign({ payload: { filename: "图 1.png", contentType: "image/png", byteSize: 9 } }),
          "POST /api/v1/presign_urls",
          json,
          '{"filename":"图 1.png","content_type":"image/png","byte_size":9}'
        ]
      ]
      for (const [call, ...expected] of calls) assert.deepStrictEqual((yield* sent(call)).seen, expected)
    })
  )

  it.effect("send what JSON can hold of unknown fields", () =>
    Effect.gen(function* () {
      const payload = {
        gone: undefined,
        callback: () => 1,
        at: new Date(0),
        amount: Number.NaN,
        deep: { inKey: [undefined] }
      }
      const { seen } = yield* sent((client) => client.users.updateMe({ payload }))
      assert.strictEqual(seen[2], '{"at":"1970-01-01T00:00:00.000Z","amount":null,"deep":{"in_key":[null]}}')
    })
  )

  it.effect("fail by type before they send what cannot be sent", () =>
    Effect.gen(function* () {
      const cyclic: Record<string, unknown> = {}
      cyclic.itSelf = [cyclic]
      let deep: unknown = 1
      for (let level = 0; level < 100_000; level++) deep = [deep]
      const calls: ReadonlyArray<(client: HttpApiClient.ForApi<typeof Api>) => Effect.Effect<unknown, unknown>> = [
        (client) => client.users.updateMe({ payload: { cyclic } }),
        (client) => client.users.updateMe({ payload: { deep } }),
        (client) => client.users.updateMe({ payload: { nickname: 1 as unknown as string } }),
        (client) => client.ratings.rate({ payload: { score: 6 } }),
        (client) => client.ratings.rate({ payload: { score: 2.5 } }),
        (client) => client.robot.like({ params: { id: 1.5 as Id.MessageId } }),
        (client) => client.robot.suggestions({ query: { query: undefined as unknown as string } }),
        (client) => client.conversations.list({ query: { filter: cyclic } }),
        (client) => client.uploads.presign({ payload: { filename: "a", contentType: "b", byteSize: -1 } })
      ]
      for (const call of calls) {
        const { exit, seen } = yield* sent(call)
        assert.deepStrictEqual(seen, [])
        assert.isTrue(Exit.isFailure(exit) && Schema.isSchemaError(Exit.findErrorOption(exit).valueOrUndefined))
      }
    })
  )

  it.effect("camelCase answers, unknown fields included", () =>
    Effect.gen(function* () {
      const { value: me } = yield* sent((client) => client.users.me({}), {
        id: 3,
        user_type: "VIP",
        nickname: null,
        custom_fields: [{ shoe_size: 42, utm_1_x: "推广" }]
      })
      assert.deepStrictEqual(me, {
        id: 3,
        userType: "VIP",
        nickname: null,
        customFields: [{ shoeSize: 42, utm1X: "推广" }]
      } as unknown as typeof me)
      const { value: free } = yield* sent(
        (client) => client.conversations.terminate({ params: { id: conversationId } }),
        [{ ok_then: true }]
      )
      assert.deepStrictEqual(free, [{ okThen: true }])
      const { value: token } = yield* sent((client) => client.tokens.anonymous({}), { token: "秘密", expires_in: 1 })
      assert.strictEqual(token === undefined ? "" : Redacted.value(token.token), "秘密")
      assert.notInclude(JSON.stringify(token), "秘密")
      const { value: list } = yield* sent((client) => client.conversations.current({}), [{ id: 1, state: "ACTIVE" }])
      assert.deepStrictEqual(list, [
        { id: 1, state: "ACTIVE", users: [], conversationsUser: [], messages: [] }
      ] as unknown as typeof list)
    })
  )

  it.effect("fail with the error of their status", () =>
    Effect.gen(function* () {
      for (const [status, error] of [
        [400, new ApiError.BadRequest({ message: "坏", field: "nickname" })],
        [401, new ApiError.Unauthorized({ message: "no" })],
        [403, new ApiError.Forbidden({ message: "no" })],
        [404, new ApiError.NotFound({ message: "no" })],
        [409, new ApiError.Conflict({ message: "no" })],
        [413, new ApiError.TooLarge({ message: "no" })]
      ] as const) {
        const { exit } = yield* sent((client) => client.users.me({}), { ...error, message: error.message }, status)
        assert.deepStrictEqual(exit, Exit.fail(error) as typeof exit)
      }
    })
  )
})

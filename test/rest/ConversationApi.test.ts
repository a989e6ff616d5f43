import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ConversationApi } from "../../src/rest/ConversationApi.ts"
import { ConversationId, SubChannelId, UserId } from "../../src/domain/Id.ts"
import type { KefuError } from "../../src/KefuError.ts"
import * as Calls from "../support/Calls.ts"
import { skippedOf } from "../../src/codec/Odd.ts"
import * as Recorder from "../support/Recorder.ts"

const id = ConversationId.make(7)
const customer = UserId.make(2)

const onWire = {
  id: 7,
  state: "ACTIVE",
  customer: { id: 2, user_type: "CUSTOMER", nickname: "小明", vip_level: 3 },
  last_staff: null,
  users: [{ id: 2, user_type: "CUSTOMER" }],
  conversations_user: [{ user_id: 2, latest_read_message_id: 11 }],
  messages: [
    { id: 11, message_type: 1, content: "你好", from_id: 2, conversation_id: 7, created_at: 5, client_tag: "x" },
    { id: 12, message_type: 999, content: { some_key: 1 }, conversation_id: 7 }
  ],
  source_channel: { channel_id: 9, utm_1_x: "a" }
}

const inApp = {
  id: 7,
  state: "ACTIVE",
  customer: { id: 2, userType: "CUSTOMER", nickname: "小明", vipLevel: 3 },
  lastStaff: null,
  users: [{ id: 2, userType: "CUSTOMER" }],
  conversationsUser: [{ userId: 2, latestReadMessageId: 11 }],
  messages: [
    { id: 11, messageType: "Text", content: "你好", fromId: 2, conversationId: 7, createdAt: 5, clientTag: "x" },
    { id: 12, messageType: "Unknown", typeCode: 999, content: { someKey: 1 }, conversationId: 7 }
  ],
  sourceChannel: { channelId: 9, utm1X: "a" }
}

const through = <A>(
  run: (api: ConversationApi["Service"]) => Effect.Effect<A, KefuError>,
  backend: ReturnType<typeof Recorder.make>
) => Calls.through(ConversationApi, ConversationApi.layer, run, backend)

/** Filters that only the backend knows. */
const others = { tag_ids: [1, 2], extra: { a: 1 }, none: null, missing: undefined }

describe("ConversationApi", () => {
  Calls.check(ConversationApi, ConversationApi.layer, [
    {
      title: "list()",
      run: (api) => api.list(),
      sends: ["GET", "/im/conversations"],
      answer: { conversations: [onWire], total: 1, has_more: false },
      gets: { conversations: [inApp], total: 1, hasMore: false }
    },
    {
      title: "list({ all filters })",
      run: (api) =>
        api.list({
          state: "FINISHED",
          page: 2,
          limit: 50,
          search: "退款 & more",
          beginAt: 0,
          endAt: 1_700_000_000_000,
          order: "ASC",
          customerId: customer,
          showAll: false,
          ...others
        }),
      sends: [
        "GET",
        "/im/conversations?state=FINISHED&page=2&limit=50&search=%E9%80%80%E6%AC%BE+%26+more&begin_at=0" +
          "&end_at=1700000000000&order=ASC&customer_id=2&show_all=false&tag_ids%5B%5D=1&tag_ids%5B%5D=2" +
          "&extra=%7B%22a%22%3A1%7D"
      ],
      answer: { conversations: null },
      gets: { conversations: [] }
    },
    {
      title: "current",
      run: (api) => api.current,
      sends: ["GET", "/im/current_list"],
      answer: [onWire],
      gets: [inApp]
    },
    { title: "get(7)", run: (api) => api.get(id), sends: ["GET", "/im/conversations/7"], answer: onWire, gets: inApp },
    {
      title: "request({})",
      run: (api) => api.request({}),
      sends: ["POST", "/im/conversations", {}],
      answer: onWire,
      gets: inApp
    },
    {
      title: "request({ all })",
      run: (api) =>
        api.request({
          customerId: customer,
          conversationId: id,
          subChannelId: SubChannelId.make(3),
          openedBy: { userID: 1 }
        }),
      sends: [
        "POST",
        "/im/conversations",
        { customer_id: 2, conversation_id: 7, sub_channel_id: 3, opened_by: { user_i_d: 1 } }
      ],
      answer: onWire,
      gets: inApp
    },
    {
      title: "update(7)",
      run: (api) => api.update(id, { remark: "VIP", extraNote: 1 }),
      sends: ["PUT", "/im/conversations/7", { remark: "VIP", extra_note: 1 }]
    },
    {
      title: "visitInfo(7)",
      run: (api) => api.visitInfo(id),
      sends: ["GET", "/im/conversations/7/source_info"],
      answer: { page_url: "https://shop.test", visit_count: 3, screen_size: [1, 2] },
      gets: { pageUrl: "https://shop.test", visitCount: 3, screenSize: [1, 2] }
    },
    {
      title: "pendingPosition(7)",
      run: (api) => api.pendingPosition(id),
      sends: ["GET", "/im/conversations/7/pending_position"],
      answer: { position: 4 },
      gets: { position: 4 }
    },
    {
      title: "pendingCount",
      run: (api) => api.pendingCount,
      sends: ["GET", "/im/pending_count"],
      answer: { count: 12 },
      gets: { count: 12 }
    },
    {
      title: "count()",
      run: (api) => api.count(),
      sends: ["GET", "/im/conversations_count"],
      answer: { active: 1, by_channel: { web_site: 2 } },
      gets: { active: 1, byChannel: { webSite: 2 } }
    },
    {
      title: "count({ filters })",
      run: (api) => api.count({ begin_at: 1, show_all: true, empty: "", camelCase: 0 }),
      sends: ["GET", "/im/conversations_count?begin_at=1&show_all=true&empty=&camelCase=0"],
      answer: {},
      gets: {}
    },
    { title: "terminate(7)", run: (api) => api.terminate(id), sends: ["PUT", "/im/conversations/7/terminate"] },
    {
      title: "transfer(7)",
      run: (api) => api.transfer(id, { userId: UserId.make(4), reason: "late" }),
      sends: ["PUT", "/im/conversations/7/transfer", { user_id: 4, reason: "late" }]
    },
    {
      title: "exportHistory({ all })",
      run: (api) => api.exportHistory({ conversationIds: [id], beginAt: 1, endAt: 2, search: "a", fileFormat: "csv" }),
      sends: [
        "POST",
        "/im/conversations/export",
        { conversation_ids: [7], begin_at: 1, end_at: 2, search: "a", file_format: "csv" }
      ],
      answer: { url: "/exports/1.csv", count: 1 },
      gets: { url: "/exports/1.csv", count: 1 }
    }
  ])

  Calls.refuses(ConversationApi, ConversationApi.layer, [
    ["an id that is no integer", "id", (api) => api.get(1.5 as ConversationId)],
    ["an id that is a string", "id", (api) => api.terminate("7/../8" as unknown as ConversationId)],
    ["a page that is no number", "page", (api) => api.list({ page: "2" as unknown as number })],
    ["a state that is no string", "state", (api) => api.list({ state: 1 as unknown as "ACTIVE" })],
    ["a remark that is no string", "remark", (api) => api.update(id, { remark: 5 as unknown as string })],
    [
      "an id in a list",
      "conversationIds.1",
      (api) => api.exportHistory({ conversationIds: [id, "x"] as unknown as Array<ConversationId> })
    ]
  ])

  it.effect("reports where a response is wrong, and of which call", () =>
    Effect.gen(function* () {
      const backend = Recorder.make(() => Recorder.json({ ...onWire, id: "eight" }))
      const error = yield* Effect.flip(through((api) => api.get(id), backend))
      assert.strictEqual(error.method, "ConversationApi.get")
      assert.deepInclude(error.reason, { _tag: "UnexpectedResponse", path: "id" })
    })
  )

  it.effect("leaves out the conversations of a list that make no sense, and tells which", () =>
    Effect.gen(function* () {
      const odd = { ...onWire, id: "eight" }
      const backend = Recorder.make(() => Recorder.json({ conversations: [null, onWire, odd] }))
      const { conversations } = yield* through((api) => api.list(), backend)
      assert.deepStrictEqual(
        conversations.map((conversation) => conversation.id),
        [onWire.id]
      )
      assert.deepStrictEqual(skippedOf(conversations), [null, odd])
      const current = Recorder.make(() => Recorder.json([null, onWire, odd]))
      assert.deepStrictEqual(skippedOf(yield* through((api) => api.current, current)), [null, odd])
    })
  )

  it.effect("an unknown response to a change is not a failure", () =>
    Effect.gen(function* () {
      for (const answer of [null, true, 5, "ok", [1], { result: { deep: 1 } }]) {
        const backend = Recorder.make(() => Recorder.json(answer, { status: 201 }))
        assert.isUndefined(yield* through((api) => api.update(id, {}), backend))
      }
    })
  )

  it.effect("a call sends a request each time it runs", () =>
    Effect.gen(function* () {
      const backend = Recorder.make((_, nth) => Recorder.json({ count: nth }))
      const counts = yield* through((api) => Effect.all([api.pendingCount, api.pendingCount]), backend)
      assert.deepStrictEqual(counts, [{ count: 1 }, { count: 2 }])
    })
  )

  it.effect("can be mocked in part", () =>
    Effect.gen(function* () {
      const counted = yield* ConversationApi.use((api) => api.pendingCount).pipe(
        Effect.provide(ConversationApi.layerTest({ pendingCount: Effect.succeed({ count: 1 }) }))
      )
      assert.deepStrictEqual(counted, { count: 1 })
    })
  )
})

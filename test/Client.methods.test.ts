/**
 * Every method of the façade against a recording backend: what it sends, and what its promise resolves to.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Client } from "../src/Client.ts"
import * as Backend from "./support/Backend.ts"
import { using } from "./support/ClientSetup.ts"

/** The methods in the old client's documentation, in its order. */
const documented = [
  "open",
  "close",
  "isOpened",
  "isConnecting",
  "buildMessage",
  "sendMessage",
  "recallMessage",
  "readMessage",
  "closeConversation",
  "inviteRate",
  "selectMenuItem",
  "inputting",
  "getUserInfo",
  "updateMyProfile",
  "getConversations",
  "getConversationById",
  "updateUserProfile",
  "rateStaff",
  "getVisitInfo",
  "getPendingCount",
  "addCustomerTag",
  "deleteCustomerTag",
  "getQuickReply",
  "addQuickReply",
  "editQuickReply",
  "deleteQuickReply",
  "adminCloseConversation",
  "exportHistoryConversations",
  "getTransferServiceList",
  "conversationTransfer",
  "requestConversations",
  "getConversationsCount",
  "uploadBlobs",
  "likeRobotAnswer",
  "dislikeRobotAnswer",
  "getSuggestions",
  "getPendingPosition"
] as const

/** Methods of newer backends. */
const newer = [
  "getCurrentConversationList",
  "getSubChannel",
  "getHotFaqs",
  "getRatings",
  "updateConversationRemark"
] as const

/** Methods that only this client has, tested in the other files. */
const own = [
  "constructor",
  "state",
  "retryNow",
  "takeOver",
  "on",
  "events",
  "dispose",
  "retrySend",
  "cancelSend",
  "discardSend"
]

const token = "s3cret/token+of=the user"

interface Rest {
  readonly title: string
  readonly call: (client: Client) => Promise<unknown>
  /** On the wire. */
  readonly sends: readonly [method: string, address: string, body?: string]
  /** The backend's response. Undefined: 204 without a body. */
  readonly answer?: unknown
  /** The `data` that the promise resolves to. Default: that of an empty body. */
  readonly data?: unknown
}

const rawUser = { id: 5, user_type: "STAFF", nickname: "小李", avatar_url: "a.png" }
const user = { id: 5, userType: "STAFF", nickname: "小李", avatarUrl: "a.png" }

const rawMessage = {
  id: 31,
  from_id: 5,
  content: { url: "u", file_name_2: "x" },
  message_type: 2,
  created_at: 1000,
  conversation_id: 3
}
const message = {
  isSystemMessage: false,
  direction: 1,
  content: { url: "u", fileName2: "x" },
  isRead: false,
  id: 31,
  fromId: 5,
  nickname: "小李",
  messageType: "Image",
  createdAt: 1000,
  conversationId: 3,
  hasRecommend: false
}

const rawConversation = {
  id: 3,
  state: "ACTIVE",
  customer: { id: 7, user_type: "CUSTOMER", nickname: "小明" },
  last_staff: rawUser,
  users: [rawUser],
  conversations_user: [{ user_id: 5, latest_read_message_id: 30 }],
  messages: [rawMessage],
  queue_no: 8
}
const conversation = {
  id: 3,
  state: "ACTIVE",
  customer: { id: 7, userType: "CUSTOMER", nickname: "小明" },
  lastStaff: user,
  users: { 5: user },
  conversationsUser: [{ userId: 5, latestReadMessageId: 30 }],
  messages: [message],
  unreadCount: 1,
  isNew: true,
  queueNo: 8
}

/** A response of unknown shape. */
const odd = { some_rows: [{ row_id: "x", UPPER: null }], total_2: "9" }
const oddData = { someRows: [{ rowId: "x", uPPER: null }], total2: "9" }

const rest: Readonly<Record<string, ReadonlyArray<Rest>>> = {
  getUserInfo: [
    {
      title: "()",
      call: (client) => client.getUserInfo(),
      sends: ["GET", "/im/users/me"],
      answer: { ...Backend.visitor, vip_level: 3 },
      data: { id: 7, userType: "CUSTOMER", nickname: "小明", vipLevel: 3 }
    }
  ],
  updateMyProfile: [
    {
      title: "(data)",
      call: (client) => client.updateMyProfile({ nickname: "明", customData: { fooBar: [1, undefined] } }),
      sends: ["PUT", "/im/users/me", '{"nickname":"明","custom_data":{"foo_bar":[1,null]}}']
    }
  ],
  getConversations: [
    {
      title: "()",
      call: (client) => client.getConversations(),
      sends: ["GET", "/im/conversations"],
      answer: { conversations: [rawConversation], total_count: 1 },
      data: { conversations: [conversation], totalCount: 1 }
    },
    {
      title: "(every filter)",
      call: (client) =>
        client.getConversations({
          state: "ACTIVE",
          page: 1,
          limit: 0,
          search: "",
          begin_at: 5,
          end_at: null,
          order: "DESC",
          customer_id: 7,
          show_all: false,
          freeOne: ["a b", "c"],
          nested: { a: 1 },
          gone: undefined
        }),
      sends: [
        "GET",
        "/im/conversations?state=ACTIVE&page=1&limit=0&search=&begin_at=5&order=DESC&customer_id=7&show_all=false" +
          "&freeOne%5B%5D=a+b&freeOne%5B%5D=c&nested=%7B%22a%22%3A1%7D"
      ],
      answer: { conversations: null },
      data: { conversations: [] }
    }
  ],
  getConversationById: [
    {
      title: "(id)",
      call: (client) => client.getConversationById(3),
      sends: ["GET", "/im/conversations/3"],
      answer: rawConversation,
      data: conversation
    }
  ],
  getCurrentConversationList: [
    {
      title: "()",
      call: (client) => client.getCurrentConversationList(),
      sends: ["GET", "/im/current_list"],
      answer: [rawConversation],
      data: [conversation]
    }
  ],
  updateUserProfile: [
    {
      title: "(id, data)",
      call: (client) => client.updateUserProfile(9, { remark: "VIP" }),
      sends: ["PUT", "/im/users/9", '{"remark":"VIP"}']
    }
  ],
  rateStaff: [
    {
      title: "(score)",
      call: (client) => client.rateStaff(5),
      sends: ["POST", "/im/rates", '{"score":5}'],
      answer: odd,
      data: oddData
    },
    {
      title: "(score, suggestion, ratingTagIds)",
      call: (client) => client.rateStaff(4, "谢谢", [1, 2]),
      sends: ["POST", "/im/rates", '{"score":4,"suggestion":"谢谢","rating_tag_ids":[1,2]}']
    },
    {
      title: "(score, nothing, ratingTagIds)",
      call: (client) => client.rateStaff(4, undefined, [1]),
      sends: ["POST", "/im/rates", '{"score":4,"rating_tag_ids":[1]}']
    }
  ],
  getRatings: [
    {
      title: "()",
      call: (client) => client.getRatings(),
      sends: ["GET", "/ratings"],
      answer: odd,
      data: oddData
    }
  ],
  getVisitInfo: [
    {
      title: "(id)",
      call: (client) => client.getVisitInfo(3),
      sends: ["GET", "/im/conversations/3/source_info"],
      answer: { page_url: 1 },
      data: { pageUrl: 1 }
    }
  ],
  getPendingCount: [
    {
      title: "()",
      call: (client) => client.getPendingCount(),
      sends: ["GET", "/im/pending_count"],
      answer: 12,
      data: 12
    }
  ],
  getPendingPosition: [
    {
      title: "(convId)",
      call: (client) => client.getPendingPosition(3),
      sends: ["GET", "/im/conversations/3/pending_position"],
      answer: { position: "third" },
      data: { position: "third" }
    }
  ],
  addCustomerTag: [
    {
      title: "(id, data)",
      call: (client) => client.addCustomerTag(7, { name: "老客户", tagColor: "red" }),
      sends: ["POST", "/im/users/7/tags", '{"name":"老客户","tag_color":"red"}'],
      answer: { tag: { tag_id: 4 } },
      data: { tag: { tagId: 4 } }
    }
  ],
  deleteCustomerTag: [
    {
      title: "(id, tagId)",
      call: (client) => client.deleteCustomerTag(7, 4),
      sends: ["DELETE", "/im/users/7/tags/4"]
    }
  ],
  getQuickReply: [
    {
      title: "()",
      call: (client) => client.getQuickReply(),
      sends: ["GET", "/im/common_words"],
      answer: [odd],
      data: [oddData]
    }
  ],
  addQuickReply: [
    {
      title: "(data)",
      call: (client) => client.addQuickReply({ title: "Hi", content: "您好", groupId: 2 }),
      sends: ["POST", "/im/common_words", '{"title":"Hi","content":"您好","group_id":2}'],
      answer: { id: "odd" },
      data: { id: "odd" }
    }
  ],
  editQuickReply: [
    {
      title: "(id, data)",
      call: (client) => client.editQuickReply(2, { content: "再见" }),
      sends: ["PUT", "/im/common_words/2", '{"content":"再见"}']
    }
  ],
  deleteQuickReply: [
    { title: "(id)", call: (client) => client.deleteQuickReply(2), sends: ["DELETE", "/im/common_words/2"] }
  ],
  adminCloseConversation: [
    {
      title: "(id)",
      call: (client) => client.adminCloseConversation(3),
      sends: ["PUT", "/im/conversations/3/terminate"]
    }
  ],
  exportHistoryConversations: [
    {
      title: "(data)",
      call: (client) => client.exportHistoryConversations({ conversationIds: [3, 4], beginAt: 1 }),
      sends: ["POST", "/im/conversations/export", '{"conversation_ids":[3,4],"begin_at":1}'],
      answer: { url: "x.csv" },
      data: { url: "x.csv" }
    },
    {
      title: "()",
      call: (client) => client.exportHistoryConversations(),
      sends: ["POST", "/im/conversations/export"]
    }
  ],
  getTransferServiceList: [
    {
      title: "(params)",
      call: (client) => client.getTransferServiceList({ user_type: "STAFF", keyWord: "a/b&c" }),
      sends: ["GET", "/im/users?user_type=STAFF&keyWord=a%2Fb%26c"],
      answer: odd,
      data: oddData
    },
    { title: "()", call: (client) => client.getTransferServiceList(), sends: ["GET", "/im/users"] }
  ],
  conversationTransfer: [
    {
      title: "(id, data)",
      call: (client) => client.conversationTransfer(3, { userId: 5, transferReason: "busy" }),
      sends: ["PUT", "/im/conversations/3/transfer", '{"user_id":5,"transfer_reason":"busy"}']
    }
  ],
  requestConversations: [
    {
      title: "(data)",
      call: (client) => client.requestConversations({ customerId: 7 }),
      sends: ["POST", "/im/conversations", '{"customer_id":7}'],
      answer: odd,
      data: oddData
    }
  ],
  getConversationsCount: [
    {
      title: "(params)",
      call: (client) => client.getConversationsCount({ begin_at: 1 }),
      sends: ["GET", "/im/conversations_count?begin_at=1"],
      answer: { active_count: 1 },
      data: { activeCount: 1 }
    }
  ],
  likeRobotAnswer: [
    { title: "(id)", call: (client) => client.likeRobotAnswer(31), sends: ["POST", "/im/robot_answers/31/like"] }
  ],
  dislikeRobotAnswer: [
    {
      title: "(msgId)",
      call: (client) => client.dislikeRobotAnswer(31),
      sends: ["POST", "/im/robot_answers/31/dislike"]
    }
  ],
  getSuggestions: [
    {
      title: "(query)",
      call: (client) => client.getSuggestions("多久 a&b#"),
      sends: ["GET", `/im/questions/suggest?query=${encodeURIComponent("多久")}+a%26b%23`],
      answer: odd,
      data: oddData
    },
    {
      title: "(query, subChannelId)",
      call: (client) => client.getSuggestions("", 2),
      sends: ["GET", "/im/questions/suggest?query=&sub_channel_id=2"]
    }
  ],
  getSubChannel: [
    {
      title: "(id)",
      call: (client) => client.getSubChannel(2),
      sends: ["GET", "/client/channels/sub_channels/2"],
      answer: odd,
      data: oddData
    }
  ],
  getHotFaqs: [
    {
      title: "(groupId, limit, page)",
      call: (client) => client.getHotFaqs(1, 10, 2),
      sends: ["GET", "/hot_faqs?limit=10&page=2&group_id=1"],
      answer: odd,
      data: oddData
    },
    { title: "()", call: (client) => client.getHotFaqs(), sends: ["GET", "/hot_faqs"] }
  ],
  updateConversationRemark: [
    {
      title: "(id, data)",
      call: (client) => client.updateConversationRemark(3, { remark: "急" }),
      sends: ["PUT", "/im/conversations/3", '{"remark":"急"}']
    }
  ]
}

interface Command {
  readonly title: string
  readonly call: (client: Client) => Promise<unknown>
  readonly sends: string
  readonly ack?: object
  readonly resolves: unknown
}

const acknowledged = { sequenceId: 1, serverTime: 5 }

const commands: Readonly<Record<string, ReadonlyArray<Command>>> = {
  sendMessage: [
    {
      title: "(text, toId)",
      call: (client) => client.sendMessage(client.buildMessage("Text", "你好", 3), 5).then(({ id }) => id),
      sends: '{"sequence_id":1,"event_type":101,"payload":{"message_type":1,"content":"你好","to_id":5}}',
      ack: { message_id: 40 },
      resolves: 40
    },
    {
      title: "(attachment)",
      call: (client) =>
        client
          .sendMessage(client.buildMessage("Attachment", { url: "u", contentType: "text/plain", byteSize: 1 }, 3))
          .then(({ id }) => id),
      sends:
        '{"sequence_id":1,"event_type":101,"payload":' +
        '{"message_type":4,"content":{"url":"u","content_type":"text/plain","byte_size":1}}}',
      ack: { message_id: 41 },
      resolves: 41
    }
  ],
  recallMessage: [
    {
      title: "(messageId)",
      call: (client) => client.recallMessage(40),
      sends: '{"sequence_id":1,"event_type":203,"payload":{"message_id":40}}',
      resolves: acknowledged
    }
  ],
  readMessage: [
    {
      title: "(messageId)",
      call: (client) => client.readMessage(40),
      sends: '{"sequence_id":1,"event_type":104,"payload":{"message_id":40}}',
      resolves: acknowledged
    }
  ],
  closeConversation: [
    {
      title: "(conversationId)",
      call: (client) => client.closeConversation(3),
      sends: '{"sequence_id":1,"event_type":202,"payload":{"conversation_id":3}}',
      resolves: acknowledged
    }
  ],
  inviteRate: [
    {
      title: "(userId)",
      call: (client) => client.inviteRate(7),
      sends: '{"sequence_id":1,"event_type":204,"payload":{"user_id":7}}',
      resolves: acknowledged
    }
  ],
  selectMenuItem: [
    {
      title: "(menuItemId)",
      call: (client) => client.selectMenuItem(6),
      sends: '{"sequence_id":1,"event_type":205,"payload":{"menu_item_id":6}}',
      resolves: acknowledged
    }
  ],
  inputting: [
    {
      title: "(content, conversationId, toId)",
      call: (client) => client.inputting("你", 3, 5),
      sends: '{"sequence_id":1,"event_type":105,"payload":{"content":"你","conversation_id":3,"to_id":5}}',
      resolves: acknowledged
    },
    {
      title: "(content, conversationId)",
      call: (client) => client.inputting("", 3),
      sends: '{"sequence_id":1,"event_type":105,"payload":{"content":"","conversation_id":3}}',
      resolves: acknowledged
    }
  ]
}

/** Methods with a test of their own below. */
const special = ["open", "close", "isOpened", "isConnecting", "buildMessage", "uploadBlobs"]

const traceHeaders = ["traceparent", "b3", "tracestate"]

const setup = (options: ConstructorParameters<typeof Client>[1] = {}) =>
  Effect.gen(function* () {
    const backend = yield* Backend.make
    const client = yield* using({}, { baseUrl: backend.baseUrl, token, retry: false, catchUp: false, ...options })
    return { backend, client }
  })

describe("Client", () => {
  it("has a row in these tables for every method", () => {
    const rows = new Set([...Object.keys(rest), ...Object.keys(commands), ...special])
    const expected = new Set<string>([...documented, ...newer])
    assert.deepStrictEqual(rows, expected)
    const missing = [...documented, ...newer].filter((name) => typeof Client.prototype[name] !== "function")
    assert.deepStrictEqual(missing, [])
    const actual = Object.getOwnPropertyNames(Client.prototype).filter((name) => !own.includes(name))
    assert.deepStrictEqual(new Set(actual), expected)
    assert.strictEqual(typeof Client.getAnonymousToken, "function")
  })

  for (const [name, rows] of Object.entries(rest)) {
    for (const { answer, call, data, sends, title } of rows) {
      it.live(`${name}${title}: ${sends[0]} ${sends[1]}`, () =>
        Effect.gen(function* () {
          const { backend, client } = yield* setup()
          yield* Effect.promise(() => client.getUserInfo())
          backend.seen.length = 0
          const headers = { "x-request-id": "r1" }
          backend.answer = () =>
            answer === undefined ? { status: 204, headers } : { status: 201, headers, body: answer }
          const resolved = (yield* Effect.promise(() => call(client))) as {
            readonly data: unknown
            readonly status: number
            readonly headers: Readonly<Record<string, string>>
          }

          const [method, address, body] = sends
          assert.strictEqual(backend.seen.length, 1)
          const [seen] = backend.seen
          assert.deepStrictEqual([seen?.method, seen?.url], [method, `/api/v1${address}`])
          assert.strictEqual(seen?.body, body ?? "")
          assert.strictEqual(seen?.headers["authorization"], `Bearer ${token}`)
          assert.strictEqual(seen?.headers["content-type"], body === undefined ? undefined : "application/json")
          for (const header of traceHeaders) assert.notProperty(seen?.headers, header)

          assert.deepStrictEqual(Object.keys(resolved).toSorted(), [
            "config",
            "data",
            "headers",
            "status",
            "statusText"
          ])
          assert.deepStrictEqual(resolved.data, data ?? "")
          assert.strictEqual(resolved.status, answer === undefined ? 204 : 201)
          assert.strictEqual(resolved.headers["x-request-id"], "r1")
        })
      )
    }
  }

  for (const [name, rows] of Object.entries(commands)) {
    for (const { ack, call, resolves, sends, title } of rows) {
      it.live(`${name}${title}: ${sends}`, () =>
        Effect.gen(function* () {
          const { backend, client } = yield* setup()
          backend.onFrame = (frame, link) =>
            link.send(103, { sequence_id: frame.sequence_id, ...(ack ?? { server_time: 5 }) })
          client.open()
          assert.deepStrictEqual(yield* Effect.promise(() => call(client)), resolves)
          assert.deepStrictEqual(backend.links[0]?.texts, [sends])
        })
      )
    }
  }

  it.live("open, close, isOpened, isConnecting", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup({ subChannelId: 4 })
      const states: Array<readonly [opened: boolean, connecting: boolean]> = []
      const note = () => states.push([client.isOpened(), client.isConnecting()])
      note()
      const reached = (tag: string) =>
        Effect.promise(
          () =>
            new Promise<void>((resolve) => client.on("StateChanged", ({ state }) => state._tag === tag && resolve()))
        )
      const opened = yield* Effect.forkChild(reached("Connected"), { startImmediately: true })
      const closed = yield* Effect.forkChild(reached("Closed"), { startImmediately: true })
      assert.strictEqual(client.open(), undefined)
      note()
      yield* Fiber.join(opened)
      note()
      assert.strictEqual(client.close(), undefined)
      note()
      yield* Fiber.join(closed)
      note()
      assert.deepStrictEqual(states, [
        [false, false],
        [false, true],
        [true, false],
        [false, false],
        [false, false]
      ])
      assert.strictEqual(backend.links.length, 1)
      const [link] = backend.links
      assert.strictEqual(link?.url, `${Backend.path}?token=${encodeURIComponent(token)}&sub_channel_id=4`)
      assert.notProperty(link?.headers, "sec-websocket-protocol")
      assert.notProperty(link?.headers, "authorization")
    })
  )

  it.live("omits sub_channel_id from the socket's address without a sub-channel", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup({ subChannelId: 0, token: () => Promise.resolve("t&1") })
      client.open()
      yield* Effect.promise(() => client.readMessage(1))
      assert.strictEqual(backend.links[0]?.url, `${Backend.path}?token=t%261`)
    })
  )

  it.live("builds messages locally", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup()
      const early = client.buildMessage("Text", "在吗", 3)
      assert.deepStrictEqual({ ...early, createdAt: 0 }, built(0, ""))
      assert.deepStrictEqual(backend.seen, [])
      yield* Effect.promise(() => client.getUserInfo())
      assert.deepStrictEqual({ ...early, createdAt: 0 }, built(7, "小明"))
      const before = Date.now()
      const late = client.buildMessage("Text", "在吗", 3)
      assert.isTrue(late.createdAt >= before && late.createdAt <= Date.now())
      assert.deepStrictEqual({ ...late, createdAt: 0 }, built(7, "小明"))
      assert.strictEqual(backend.seen.length, 1)
    })
  )

  it.live("sendMessage sets the id of the given message, and resolves to it", () =>
    Effect.gen(function* () {
      const { client } = yield* setup()
      client.open()
      const message = client.buildMessage("Text", "你好", 3)
      assert.strictEqual(yield* Effect.promise(() => client.sendMessage(message, 5)), message)
      assert.strictEqual(message.id, 1001)
      assert.strictEqual(message.isRead, false)
    })
  )

  it.live("uploadBlobs(file, onUploadProgress): POST /presign_urls, then the file without the token", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup()
      backend.answer = ({ url }) =>
        url === "/api/v1/presign_urls"
          ? { body: { blob_id: 8, signed_url: "/store/8?sig=x", url: "https://cdn.test/8" } }
          : { status: 204 }
      const progress: Array<unknown> = []
      const file = new File(["hello"], "报告.txt", { type: "text/plain" })
      const uploaded = yield* Effect.promise(() => client.uploadBlobs(file, (event) => progress.push(event)))
      assert.deepStrictEqual(uploaded, { id: 8, url: "https://cdn.test/8" })
      const [presign, store] = backend.seen
      assert.deepStrictEqual([presign?.method, presign?.url], ["POST", "/api/v1/presign_urls"])
      assert.strictEqual(presign?.body, '{"filename":"报告.txt","content_type":"text/plain","byte_size":5}')
      assert.strictEqual(presign?.headers["authorization"], `Bearer ${token}`)
      assert.deepStrictEqual([store?.method, store?.url], ["POST", "/store/8?sig=x"])
      assert.notProperty(store?.headers, "authorization")
      assert.match(store?.headers["content-type"] ?? "", /^multipart\/form-data; boundary=/)
      assert.include(store?.body, "hello")
      assert.strictEqual(store?.body.match(/name="file"/g)?.length, 1)
      assert.deepInclude(progress.at(-1), { loaded: 5, total: 5 })
    })
  )

  it.live("getAnonymousToken(): POST /im/tokens, with neither body nor token", () =>
    Effect.gen(function* () {
      const { backend } = yield* setup()
      backend.answer = () => ({ status: 201, body: { token: "fresh", expires_in: 60 } })
      const { data, status } = yield* Effect.promise(() => Client.getAnonymousToken({ baseUrl: backend.baseUrl }))
      assert.deepStrictEqual([data, status], [{ token: "fresh", expiresIn: 60 }, 201])
      const [seen] = backend.seen
      assert.deepStrictEqual([seen?.method, seen?.url, seen?.body], ["POST", "/api/v1/im/tokens", ""])
      for (const header of ["authorization", "content-type", ...traceHeaders]) assert.notProperty(seen?.headers, header)
    })
  )
})

const built = (fromId: number, nickname: string) => ({
  id: 0,
  fromId,
  nickname,
  content: "在吗",
  createdAt: 0,
  direction: 0,
  messageType: "Text",
  isRead: false,
  conversationId: 3
})

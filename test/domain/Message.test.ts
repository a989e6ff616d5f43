import { assert, describe, it } from "@effect/vitest"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Key from "../../src/codec/Key.ts"
import { oddOf, original, skippedOf } from "../../src/codec/Odd.ts"
import { Draft, isSystemMessage, Message, messageTypeCode } from "../../src/domain/Message.ts"

const read = Schema.decodeUnknownSync(Message)
const write = Schema.encodeUnknownSync(Message)

/** A message as the app gets it where nothing of it is interpreted. */
const cameAs = (wire: object, messageType: string) => ({ ...(Key.fromWire(wire) as object), messageType })

/** The enumerable fields with names alone. */
const withoutOdd = (value: object) => Object.fromEntries(Object.entries(value))

// Section 4 of the protocol.
const kinds = [
  [1, "Text"],
  [2, "Image"],
  [3, "Video"],
  [4, "Attachment"],
  [5, "ChannelMenu"],
  [6, "RobotChitchatMessage"],
  [7, "RobotCanAnswerMessage"],
  [8, "RobotNotAnswerMessage"],
  [9, "RobotMayAnswerMessage"],
  [10, "FAQAnswerMessage"],
  [11, "OrderMessage"],
  [12, "StaffTimeoutMessage"],
  [101, "ManualServiceStart"],
  [102, "ConversationBuilt"],
  [103, "MessageRecall"],
  [104, "ConversationEnd"],
  [105, "RateInvite"],
  [106, "RateInviteError"],
  [107, "StaffBusyEvent"],
  [108, "StaffOfflineEvent"],
  [109, "ConversationTransfer"],
  [110, "CustomerRate"]
] as const

type Name = (typeof kinds)[number][1]

const wire = (code: number, content: unknown, rest?: object) => ({
  id: 7,
  from_id: 3,
  conversation_id: 5,
  created_at: 1732262400000,
  message_type: code,
  content,
  ...rest
})

const media = {
  url: "https://cdn.example.com/图 1.png",
  filename: "图 1.png",
  byte_size: 9,
  exif_data: { iso_speed: 100 }
}
const mediaApp = {
  url: "https://cdn.example.com/图 1.png",
  filename: "图 1.png",
  byteSize: 9,
  exifData: { isoSpeed: 100 }
}

/** What may come as the content of each kind, and what the app gets. */
const contents: Readonly<Record<Name, ReadonlyArray<readonly [wire: unknown, app: unknown]>>> = {
  Text: [
    ["你好 👋🏽\n", "你好 👋🏽\n"],
    ["", ""],
    ['{"some_key":1}', '{"some_key":1}']
  ],
  Image: [
    [media, mediaApp],
    [
      { url: "u", filename: null, width: null },
      { url: "u", filename: null, width: null }
    ],
    [JSON.stringify(media), mediaApp]
  ],
  Video: [
    [
      { ...media, duration: 1.5 },
      { ...mediaApp, duration: 1.5 }
    ],
    [JSON.stringify(media), mediaApp]
  ],
  Attachment: [
    [
      { url: "u", blob_id: "b1" },
      { url: "u", blobId: "b1" }
    ],
    [JSON.stringify({ url: "u", blob_id: 1 }), { url: "u", blobId: 1 }]
  ],
  ChannelMenu: [
    [
      { title: "请选择", items: [{ id: 1, title: "退款", icon_url: "i" }] },
      { title: "请选择", items: [{ id: 1, title: "退款", iconUrl: "i" }] }
    ],
    [{}, { items: [] }],
    [{ items: null }, { items: [] }],
    ['{"items":[{"id":1}]}', { items: [{ id: 1 }] }]
  ],
  RobotChitchatMessage: [
    ["您好", "您好"],
    ["", ""],
    ["123", "123"],
    ["null", "null"],
    ['"quoted"', '"quoted"'],
    [{ answer: "您好" }, { answer: "您好" }]
  ],
  RobotCanAnswerMessage: [
    [
      { question: "运费", answer: "免", source_url: "s" },
      { question: "运费", answer: "免", sourceUrl: "s" }
    ],
    ['{"answer":"免","source_url":"s"}', { answer: "免", sourceUrl: "s" }]
  ],
  RobotNotAnswerMessage: [
    [{}, {}],
    ["{broken", "{broken"]
  ],
  RobotMayAnswerMessage: [
    [{ candidates: ["甲", "乙"] }, { candidates: ["甲", "乙"] }],
    [{ candidates: null }, { candidates: null }]
  ],
  FAQAnswerMessage: [
    ["七天", "七天"],
    [
      { answer: "七天", faq_id: 1 },
      { answer: "七天", faqId: 1 }
    ]
  ],
  OrderMessage: [
    [
      { order_no: "A1", price: 9.9, line_items: [{ unit_price: 1 }] },
      { orderNo: "A1", price: 9.9, lineItems: [{ unitPrice: 1 }] }
    ],
    ["订单 A1", "订单 A1"]
  ],
  StaffTimeoutMessage: [
    [null, null],
    [undefined, undefined]
  ],
  ManualServiceStart: [
    [undefined, undefined],
    ["", ""],
    [{ staff_id: 1 }, { staffId: 1 }]
  ],
  ConversationBuilt: [
    [
      { user_id: 3, nickname: "小明", user_type: "CUSTOMER", entry_point: { page_url: "p" } },
      { userId: 3, nickname: "小明", userType: "CUSTOMER", entryPoint: { pageUrl: "p" } }
    ],
    [{}, {}],
    [
      { user_id: null, nickname: null, user_type: null },
      { userId: null, nickname: null, userType: null }
    ],
    ['{"user_id":3}', { userId: 3 }]
  ],
  MessageRecall: [
    [{ message_id: 6 }, { messageId: 6 }],
    ['{"message_id":6}', { messageId: 6 }]
  ],
  ConversationEnd: [
    [{ reason: 1 }, { reason: 1 }],
    [{ reason: 4 }, { reason: 4 }],
    [
      { reason: 99, closed_by: 2 },
      { reason: 99, closedBy: 2 }
    ],
    ['{"reason":3}', { reason: 3 }]
  ],
  RateInvite: [
    [undefined, undefined],
    [{ rate_id: 1 }, { rateId: 1 }]
  ],
  RateInviteError: [
    ["already rated", "already rated"],
    [null, null]
  ],
  StaffBusyEvent: [[undefined, undefined]],
  StaffOfflineEvent: [[null, null]],
  ConversationTransfer: [
    [undefined, undefined],
    [null, null],
    [
      { from_user_id: 1, to_user_id: 2 },
      { fromUserId: 1, toUserId: 2 }
    ],
    ['{"to_user_id":2}', { toUserId: 2 }]
  ],
  CustomerRate: [
    [undefined, undefined],
    [
      { score: 4.5, suggestion: "好" },
      { score: 4.5, suggestion: "好" }
    ],
    ['{"score":5}', { score: 5 }]
  ]
}

const samples = kinds.flatMap(([code, name]) =>
  contents[name].map(([content, app]) => [code, name, content, app] as const)
)

describe("kinds of messages", () => {
  it("have the numbers of the protocol", () => {
    assert.deepStrictEqual(
      Object.entries(messageTypeCode).map(([name, code]) => [code, name]),
      kinds.map(([code, name]) => [code, name])
    )
    assert.sameMembers([...Message.discriminants], [...kinds.map(([, name]) => name), "Unknown"])
  })

  it.each(samples)("%i is %s: %j", (code, messageType, content, app) => {
    const message = read(JSON.parse(JSON.stringify(wire(code, content))))
    assert.strictEqual(message.messageType, messageType)
    assert.deepStrictEqual<unknown>(message.content, app)
    assert.isTrue(Schema.is(Message)(message))
    // Whatever an old server sent as text is sent back as what it stands for, and can be had as the text that it was.
    const isOldText = typeof content === "string" && typeof app === "object"
    assert.deepStrictEqual(oddOf(message), isOldText ? { content } : undefined)
    assert.deepStrictEqual(original(message), cameAs(JSON.parse(JSON.stringify(wire(code, content))), messageType))
    assert.deepStrictEqual({ ...read(write(message)) }, withoutOdd(message))
  })

  it("from 100 on are system messages, unknown ones too", () => {
    for (const [code, messageType] of kinds) {
      const message = read(wire(code, contents[messageType][0]?.[0]))
      assert.strictEqual(isSystemMessage(message), code >= 100, messageType)
    }
    for (const [code, system] of [
      [0, false],
      [13, false],
      [99, false],
      [100, true],
      [111, true],
      [99_999, true],
      [-1, false]
    ] as const) {
      const message = read(wire(code, {}))
      assert.strictEqual(message.messageType, "Unknown")
      assert.strictEqual(isSystemMessage(message), system, `${code}`)
    }
  })

  it("that may be sent are six", () => {
    const sendable = ["Text", "Image", "Video", "Attachment", "FAQAnswerMessage", "OrderMessage"]
    for (const [, messageType] of kinds) {
      const content = messageType === "Text" ? "文" : { url: "u" }
      const exit = Schema.decodeUnknownExit(Draft)({ messageType, content })
      assert.strictEqual(Exit.isSuccess(exit), sendable.includes(messageType), messageType)
    }
  })
})

describe("messages of an unknown kind", () => {
  it("keep their number and all they hold", () => {
    const sent = wire(77, { some_key: [{ inner_key: "a_b" }] }, { seen_by: [{ user_id: 1 }] })
    const message = read({ ...sent, type_code: "loses against the number" })
    assert.deepStrictEqual(message, {
      id: 7,
      fromId: 3,
      conversationId: 5,
      createdAt: 1732262400000,
      messageType: "Unknown",
      typeCode: 77,
      content: { someKey: [{ innerKey: "a_b" }] },
      seenBy: [{ userId: 1 }]
    } as unknown as Message)
    assert.deepStrictEqual<unknown>(write(message), sent)
  })

  it.each([
    [1, { text: "没有" }],
    [1, null],
    [1, 5],
    [2, "https://cdn.example.com/a.png"],
    [2, {}],
    [2, { url: 1 }],
    [2, null],
    [3, ["u"]],
    [6, null],
    [6, 1],
    [10, ["七天"]],
    [102, "小明"],
    [103, {}],
    [103, "6"],
    [10, 5]
  ])("are also those of kind %i with %j", (code, content) => {
    const message = read(wire(code, content))
    assert.strictEqual(message.messageType, "Unknown")
    assert.strictEqual(message.messageType === "Unknown" ? message.typeCode : undefined, code)
    assert.deepStrictEqual(message.content, content)
    assert.deepStrictEqual(write(message), wire(code, content))
  })

  it("may lack their content", () => {
    const { content: _, ...bare } = wire(77, null)
    assert.notProperty(read(bare), "content")
    assert.deepStrictEqual(write(read(bare)), bare)
    const { content: __, ...text } = wire(1, null)
    assert.strictEqual(read(text).messageType, "Unknown")
  })
})

describe("fields of messages", () => {
  it("that are optional may be missing or null", () => {
    const bare = { id: 1, conversation_id: 2, message_type: 1, content: "文" }
    assert.deepStrictEqual(read(bare), {
      id: 1,
      conversationId: 2,
      messageType: "Text",
      content: "文"
    } as unknown as Message)
    const nulls = { ...bare, from_id: null, created_at: null, has_recommend: null }
    const message = read(nulls)
    assert.deepStrictEqual([message.fromId, message.createdAt, message.hasRecommend], [null, null, null])
    assert.deepStrictEqual(write(message), nulls)
  })

  it.each([
    { conversation_id: 2, message_type: 1, content: "no id" },
    { id: 1, message_type: 1, content: "no conversation" },
    { id: 1, conversation_id: 2, content: "no kind" },
    { id: "one", conversation_id: 2, message_type: 1, content: "a string for an id" },
    { id: "9007199254740993", conversation_id: 2, message_type: 1, content: "an id that cannot be held" },
    { id: 1, conversation_id: 2 ** 53, message_type: 1, content: "an id that was rounded" },
    { id: 1.5, conversation_id: 2, message_type: 1, content: "a fraction for an id" },
    { id: 1, conversation_id: 2, message_type: "1", content: "a string for a kind" },
    { id: 1, conversation_id: 2, message_type: null, content: "null for a kind" },
    null,
    [],
    "text",
    1
  ])("that make a message are needed: %j", (wrong) => {
    assert.isTrue(Exit.isFailure(Schema.decodeUnknownExit(Message)(wrong)))
  })

  it("of unknown types are kept, hostile ones too", () => {
    const message = read(
      JSON.parse(
        '{"id":1,"conversation_id":2,"message_type":1,"content":"文","__proto__":{"content":"x"},"constructor":{"a_b":1},' +
          '"to_string":null,"":0,"0":1,"quoted_message":{"message_id":9,"quoted_by":[{"user_id":3}]}}'
      )
    )
    assert.strictEqual(message.content, "文")
    assert.deepStrictEqual(JSON.parse(JSON.stringify(message)), {
      0: 1,
      "": 0,
      id: 1,
      conversationId: 2,
      messageType: "Text",
      content: "文",
      proto: { content: "x" },
      constructor: { aB: 1 },
      toString: null,
      quotedMessage: { messageId: 9, quotedBy: [{ userId: 3 }] }
    })
  })
})

describe("odd messages", () => {
  const base = { id: 7, conversation_id: 5, message_type: 1, content: "文" }
  const app = { id: 7, conversationId: 5, messageType: "Text", content: "文" }

  it.each<readonly [field: object, app: object, odd: object, sent?: object]>([
    [{ has_recommend: 1 }, { hasRecommend: true }, { hasRecommend: 1 }, { has_recommend: true }],
    [{ has_recommend: 0 }, { hasRecommend: false }, { hasRecommend: 0 }, { has_recommend: false }],
    [{ has_recommend: "yes" }, {}, { hasRecommend: "yes" }],
    [
      { created_at: "1732262400000" },
      { createdAt: 1732262400000 },
      { createdAt: "1732262400000" },
      { created_at: 1732262400000 }
    ],
    [
      { created_at: "2024-11-22T16:00:00.5+08:00" },
      { createdAt: 1732262400500 },
      { createdAt: "2024-11-22T16:00:00.5+08:00" },
      { created_at: 1732262400500 }
    ],
    [{ created_at: "yesterday" }, {}, { createdAt: "yesterday" }],
    [{ created_at: { at_ms: 1 } }, {}, { createdAt: { at_ms: 1 } }],
    [{ from_id: "3" }, { fromId: 3 }, { fromId: "3" }, { from_id: 3 }],
    [{ from_id: "robot" }, {}, { fromId: "robot" }],
    [{ from_id: 2 ** 53 }, {}, { fromId: 2 ** 53 }],
    [{ id: "7" }, {}, { id: "7" }, { id: 7 }],
    [{ conversation_id: "5" }, {}, { conversationId: "5" }, { conversation_id: 5 }]
  ])("keep %j, and what it certainly means", (field, decoded, odd, sent) => {
    const wire = { ...base, ...field }
    const message = read(wire)
    assert.deepStrictEqual(withoutOdd(message), { ...app, ...decoded })
    assert.deepStrictEqual<unknown>(oddOf(message), odd)
    assert.deepStrictEqual<unknown>(oddOf({ ...message }), odd)
    assert.isTrue(Schema.is(Message)(message))
    assert.deepStrictEqual<unknown>(write(message), { ...base, ...(sent ?? field) })
    assert.deepStrictEqual(original(message), cameAs(wire, "Text"))
  })

  it.each([
    [{ reason: null }, 0],
    [{ reason: "visitor" }, 0],
    [{ reason: "3" }, 3],
    [{}, 0],
    [null, 0],
    ["over", 0],
    [undefined, 0]
  ])("end a conversation whatever the reason: %j", (content, reason) => {
    const { content: _, ...bare } = base
    const wire = { ...bare, message_type: 104, ...(content === undefined ? {} : { content }) }
    const message = read(wire)
    assert.strictEqual(message.messageType === "ConversationEnd" && message.content.reason, reason)
    assert.deepStrictEqual(original(message), cameAs(wire, "ConversationEnd"))
    assert.deepStrictEqual<unknown>(write(message), reason === 3 ? { ...wire, content: { reason } } : wire)
  })

  it.each([
    [109, "to nobody"],
    [109, { to_user_id: "2", from_user_id: [] }],
    [110, 5],
    [110, { score: "good" }]
  ])("of kind %i are that with %j", (code, content) => {
    const message = read({ ...base, message_type: code, content })
    assert.strictEqual(message.messageType === "Unknown" ? 0 : messageTypeCode[message.messageType], code)
    assert.deepStrictEqual((original(message) as { readonly content: unknown }).content, Key.fromWire(content))
  })

  it("keep the text of robots, answers and orders that only looks like JSON", () => {
    for (const message_type of [6, 7, 8, 9, 10, 11]) {
      for (const content of ['{"code": 0, "msg_text": "x"}', "{}", "{broken", " {", "[1]", '{"answer"'])
        assert.strictEqual(read({ ...base, message_type, content }).content, content)
    }
  })

  it("leave out odd items of a menu, and the odd fields of a picture", () => {
    const items = [{ title: "without an id" }, { id: "1" }, null, { id: 2, title: 3 }]
    const menu = read({ ...base, message_type: 5, content: { title: 1, items } })
    if (menu.messageType !== "ChannelMenu") return assert.fail(menu.messageType)
    assert.deepStrictEqual(
      menu.content.items.map((item): ReadonlyArray<unknown> => [item.id, item.title]),
      [
        [1, undefined],
        [2, undefined]
      ]
    )
    assert.deepStrictEqual(skippedOf(menu.content.items), [{ title: "without an id" }, null])
    assert.deepStrictEqual((original(menu) as { readonly content: unknown }).content, { title: 1, items })
    const empty = { ...base, message_type: 5, content: {} }
    assert.deepStrictEqual(original(read(empty)), cameAs(empty, "ChannelMenu"))
    const content = { url: "u", byte_size: "2048", width: "9.5", filename: 1, blob_id: "b" }
    const image = read({ ...base, message_type: 2, content })
    if (image.messageType !== "Image") return assert.fail(image.messageType)
    assert.deepStrictEqual(withoutOdd(image.content), { url: "u", byteSize: 2048, width: 9.5, blobId: "b" })
    assert.deepStrictEqual(oddOf(image.content), { byteSize: "2048", width: "9.5", filename: 1 })
  })
})

import { assert, describe, it } from "@effect/vitest"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { skippedOf } from "../../src/codec/Odd.ts"
import { Message } from "../../src/domain/Message.ts"
import * as Frame from "../../src/wire/Frame.ts"

const read = Schema.decodeUnknownSync(Frame.ServerFrameJson)
const readExit = Schema.decodeUnknownExit(Frame.ServerFrameJson)
const write = Schema.encodeUnknownSync(Frame.ClientFrameJson)
const writeExit = Schema.encodeUnknownExit(Frame.ClientFrameJson)

/** Fails by type, and not with a defect. */
const refused = (exit: Exit.Exit<unknown, Schema.SchemaError>) => {
  assert.isTrue(Exit.isFailure(exit))
  assert.isTrue(Exit.findErrorOption(exit)._tag === "Some", String(exit))
}

// Section 3 of the protocol.
const events = [
  [101, "Message"],
  [102, "MessageBatch"],
  [103, "Ack"],
  [104, "Read"],
  [105, "Inputting"],
  [201, "Ping"],
  [202, "CloseConversation"],
  [203, "Recall"],
  [204, "InviteRate"],
  [205, "SelectMenuItem"],
  [301, "MultipleLogin"]
] as const

const text = { id: 7, from_id: 3, conversation_id: 5, message_type: 1, content: "你好 👋", created_at: 1732262400000 }
const textMessage = {
  id: 7,
  fromId: 3,
  conversationId: 5,
  messageType: "Text",
  content: "你好 👋",
  createdAt: 1732262400000
}

describe("event types", () => {
  it("have the numbers of the protocol", () => {
    assert.deepStrictEqual(
      Object.entries(Frame.eventTypeCode).map(([name, code]) => [code, name]),
      events.map(([code, name]) => [code, name])
    )
  })

  it("of the server are 101 to 105 and 301, and the unknown ones", () => {
    assert.sameMembers(
      [...Frame.ServerFrame.discriminants],
      ["Message", "MessageBatch", "Ack", "Read", "Inputting", "MultipleLogin", "Unknown"]
    )
  })

  it("of the client are 101, 104, 105 and 201 to 205", () => {
    assert.sameMembers(
      [...Frame.ClientFrame.discriminants],
      ["Message", "Read", "Inputting", "Ping", "CloseConversation", "Recall", "InviteRate", "SelectMenuItem"]
    )
  })
})

describe("frames from the server", () => {
  const samples: ReadonlyArray<readonly [string, unknown, unknown]> = [
    ["a message", { event_type: 101, payload: text }, { eventType: "Message", payload: textMessage }],
    [
      "a batch of messages",
      { event_type: 102, payload: [text, { ...text, id: 8, message_type: 107, content: null }] },
      {
        eventType: "MessageBatch",
        payload: [textMessage, { ...textMessage, id: 8, messageType: "StaffBusyEvent", content: null }]
      }
    ],
    ["an empty batch", { event_type: 102, payload: [] }, { eventType: "MessageBatch", payload: [] }],
    [
      "the ack of a message",
      { event_type: 103, payload: { sequence_id: 1, message_id: 7 } },
      { eventType: "Ack", payload: { sequenceId: 1, messageId: 7 } }
    ],
    [
      "the ack of another frame",
      { event_type: 103, payload: { sequence_id: 2 } },
      { eventType: "Ack", payload: { sequenceId: 2 } }
    ],
    [
      "an ack with null",
      { event_type: 103, payload: { sequence_id: 3, message_id: null } },
      { eventType: "Ack", payload: { sequenceId: 3, messageId: null } }
    ],
    [
      "a read mark",
      { event_type: 104, payload: { message_id: 7, conversation_id: 5 } },
      { eventType: "Read", payload: { messageId: 7, conversationId: 5 } }
    ],
    [
      "typing",
      { event_type: 105, payload: { content: "请问…", conversation_id: 5, user_info: { nick_name: "小明" } } },
      { eventType: "Inputting", payload: { content: "请问…", conversationId: 5, userInfo: { nickName: "小明" } } }
    ],
    [
      "typing without the draft",
      { event_type: 105, payload: { conversation_id: 5 } },
      { eventType: "Inputting", payload: { conversationId: 5 } }
    ],
    ["a second login", { event_type: 301 }, { eventType: "MultipleLogin" }],
    ["a second login with null", { event_type: 301, payload: null }, { eventType: "MultipleLogin", payload: null }],
    [
      "a second login that says where",
      { event_type: 301, payload: { logged_in_at: { ip_address: "::1" } } },
      { eventType: "MultipleLogin", payload: { loggedInAt: { ipAddress: "::1" } } }
    ],
    [
      "what nobody knows beside what we know",
      { event_type: 103, server_time: 1, payload: { sequence_id: 1, trace_info: [{ span_id: "a_b" }] } },
      { eventType: "Ack", serverTime: 1, payload: { sequenceId: 1, traceInfo: [{ spanId: "a_b" }] } }
    ],
    [
      "an unknown type",
      { event_type: 999, payload: { some_key: [{ inner_key: "snake_value" }] }, more_keys: true },
      {
        eventType: "Unknown",
        eventTypeCode: 999,
        payload: { someKey: [{ innerKey: "snake_value" }] },
        moreKeys: true
      }
    ],
    ["an unknown type without payload", { event_type: 0 }, { eventType: "Unknown", eventTypeCode: 0 }],
    [
      "a type of the client's",
      { event_type: 201, payload: "ping" },
      { eventType: "Unknown", eventTypeCode: 201, payload: "ping" }
    ],
    [
      "a known type with a payload of another shape",
      { event_type: 103, payload: { sequence_id: "one" } },
      { eventType: "Unknown", eventTypeCode: 103, payload: { sequenceId: "one" } }
    ],
    ["a known type without its payload", { event_type: 101 }, { eventType: "Unknown", eventTypeCode: 101 }],
    [
      "a known type with null",
      { event_type: 104, payload: null },
      { eventType: "Unknown", eventTypeCode: 104, payload: null }
    ],
    [
      "a batch that is none",
      { event_type: 102, payload: text },
      { eventType: "Unknown", eventTypeCode: 102, payload: { ...textMessage, messageType: 1 } }
    ],
    [
      "a message without an id",
      { event_type: 101, payload: { message_type: 1, content: "?" } },
      { eventType: "Unknown", eventTypeCode: 101, payload: { messageType: 1, content: "?" } }
    ]
  ]

  it.each(samples)("%s", (_, wire, app) => {
    const frame = read(JSON.stringify(wire))
    assert.deepStrictEqual(frame, app as Frame.ServerFrame)
    assert.isTrue(Schema.is(Frame.ServerFrame)(frame))
    // All keys of the samples convert back, so nothing may be lost on the way.
    assert.deepStrictEqual(JSON.parse(Schema.encodeUnknownSync(Frame.ServerFrameJson)(frame)), wire)
  })

  it("have a sample of each type", () => {
    const seen = new Set(samples.map(([, wire]) => read(JSON.stringify(wire)).eventType))
    assert.sameMembers([...seen], [...Frame.ServerFrame.discriminants])
  })

  it("may come in any order of keys and with any white space", () => {
    assert.deepStrictEqual(read(' {\n"payload" : {"message_id":7,"sequence_id":1},\t"event_type":103 } '), {
      eventType: "Ack",
      payload: { sequenceId: 1, messageId: 7 }
    } as unknown as Frame.ServerFrame)
  })

  it.each([
    "",
    " ",
    "ping",
    "{",
    '{"event_type":101',
    "null",
    "1",
    '"101"',
    "[]",
    "[101]",
    "{}",
    '{"payload":{}}',
    '{"event_type":"","payload":{}}',
    '{"event_type":"ack","payload":{}}',
    '{"event_type":null}',
    '{"event_type":101.5}',
    '{"event_type":1e400}',
    "\u0000",
    '{"event_type":301}{"event_type":301}'
  ])("%j is no frame", (malformed) => refused(readExit(malformed)))

  it("lose only the odd fields", () => {
    const ack = read('{"event_type":"103","payload":{"sequence_id":"12","message_id":"7","conversation_id":{}}}')
    assert.strictEqual(ack.eventType, "Ack")
    assert.deepStrictEqual(JSON.parse(JSON.stringify(ack.payload)), {
      sequenceId: 12,
      messageId: 7,
      conversationId: {}
    })
    const unsafe = read('{"event_type":103,"payload":{"sequence_id":1,"message_id":9007199254740993}}')
    assert.deepStrictEqual(JSON.parse(JSON.stringify(unsafe.payload)), { sequenceId: 1 })
    assert.strictEqual(read('{"event_type":104,"payload":{"message_id":"7","conversation_id":"5"}}').eventType, "Read")
    const typing = read('{"event_type":105,"payload":{"content":5,"conversation_id":"5"}}')
    assert.deepStrictEqual(JSON.parse(JSON.stringify(typing.payload)), { conversationId: 5 })
    // An id that was rounded names something else.
    for (const id of ["9007199254740993", '"9007199254740993"', "1e300", "1.5"]) {
      assert.strictEqual(read(`{"event_type":105,"payload":{"conversation_id":${id}}}`).eventType, "Unknown", id)
      assert.strictEqual(
        read(`{"event_type":104,"payload":{"message_id":${id},"conversation_id":5}}`).eventType,
        "Unknown",
        id
      )
    }
  })

  it("leave out the messages of a batch that cannot be decoded, and return them raw", () => {
    const odd = [null, "text", 1, {}, { ...text, id: null }, { ...text, conversation_id: "none" }]
    const frame = read(
      JSON.stringify({
        event_type: 102,
        payload: [odd[0], text, ...odd.slice(1), { ...text, id: "8", message_type: "1" }]
      })
    )
    if (frame.eventType !== "MessageBatch") return assert.fail(frame.eventType)
    assert.deepStrictEqual(
      frame.payload.map(({ id, messageType }) => [id, messageType]),
      [
        [7, "Text"],
        [8, "Text"]
      ]
    )
    assert.deepStrictEqual(skippedOf(frame.payload), odd)
    assert.deepStrictEqual(skippedOf([...frame.payload]), [])
  })

  it("with hostile keys pollute nothing", () => {
    const frame = read(
      '{"__proto__":{"polluted":1},"event_type":103,"payload":{"sequence_id":1,"__proto__":{"message_id":9},' +
        '"constructor":{"prototype":{"polluted":1}},"toString":1,"":2,"7":3}}'
    )
    assert.deepStrictEqual(JSON.parse(JSON.stringify(frame)), {
      eventType: "Ack",
      proto: { polluted: 1 },
      payload: {
        7: 3,
        sequenceId: 1,
        proto: { messageId: 9 },
        constructor: { prototype: { polluted: 1 } },
        toString: 1,
        "": 2
      }
    })
    assert.strictEqual(Object.getPrototypeOf(frame), Object.prototype)
    assert.strictEqual(Object.getPrototypeOf(frame.payload), Object.prototype)
    assert.notProperty({}, "polluted")
  })

  it("nested 100,000 levels deep are frames like others", () => {
    const nested = (open: string, close: string) => open.repeat(100_000) + "1" + close.repeat(100_000)
    for (const payload of [nested("[", "]"), nested('{"some_key":', "}")]) {
      assert.strictEqual(read(`{"event_type":999,"payload":${payload}}`).eventType, "Unknown")
      const message = `{"id":1,"conversation_id":2,"message_type":1,"content":"深","extra_key":${payload}}`
      assert.strictEqual(read(`{"event_type":101,"payload":${message}}`).eventType, "Message")
      const image = `{"id":1,"conversation_id":2,"message_type":2,"content":{"url":"u","extra_key":${payload}}}`
      const frame = read(`{"event_type":102,"payload":[${image}]}`)
      assert.strictEqual(frame.eventType === "MessageBatch" && frame.payload[0]?.messageType, "Image")
    }
    refused(readExit(nested("[", "]")))
    refused(readExit(nested('{"event_type":', "}")))
    refused(readExit("[".repeat(100_000)))
  })

  it("of a megabyte are read", () => {
    const content = "客服".repeat(200_000)
    const frame = read(JSON.stringify({ event_type: 101, payload: { ...text, content } }))
    assert.strictEqual(frame.eventType === "Message" && frame.payload.content, content)
  })
})

describe("frames from the client", () => {
  const samples: ReadonlyArray<readonly [string, unknown, string]> = [
    [
      "a text",
      { sequenceId: 1, eventType: "Message", payload: { messageType: "Text", content: "你好 👋", toId: 3 } },
      '{"sequence_id":1,"event_type":101,"payload":{"message_type":1,"content":"你好 👋","to_id":3}}'
    ],
    [
      "a text to nobody in particular",
      { sequenceId: 2, eventType: "Message", payload: { messageType: "Text", content: "" } },
      '{"sequence_id":2,"event_type":101,"payload":{"message_type":1,"content":""}}'
    ],
    [
      "a text whose receiver was left undefined",
      { sequenceId: 2, eventType: "Message", payload: { messageType: "Text", content: '{"a_b":1}', toId: undefined } },
      '{"sequence_id":2,"event_type":101,"payload":{"message_type":1,"content":"{\\"a_b\\":1}"}}'
    ],
    [
      "an image",
      {
        sequenceId: 3,
        eventType: "Message",
        payload: {
          messageType: "Image",
          content: { url: "/a.png", filename: "图.png", byteSize: 9, width: undefined, exifData: { cameraModel: "X" } },
          toId: 3
        }
      },
      '{"sequence_id":3,"event_type":101,"payload":{"message_type":2,' +
        '"content":{"url":"/a.png","filename":"图.png","byte_size":9,"exif_data":{"camera_model":"X"}},"to_id":3}}'
    ],
    [
      "a video",
      { sequenceId: 4, eventType: "Message", payload: { messageType: "Video", content: { url: "/a.mp4" }, toId: 3 } },
      '{"sequence_id":4,"event_type":101,"payload":{"message_type":3,"content":{"url":"/a.mp4"},"to_id":3}}'
    ],
    [
      "an attachment",
      { sequenceId: 5, eventType: "Message", payload: { messageType: "Attachment", content: { url: "/a.pdf" } } },
      '{"sequence_id":5,"event_type":101,"payload":{"message_type":4,"content":{"url":"/a.pdf"}}}'
    ],
    [
      "an answer from the FAQ",
      {
        sequenceId: 6,
        eventType: "Message",
        payload: { messageType: "FAQAnswerMessage", content: { answer: "七天", faqId: 1 }, toId: 3 }
      },
      '{"sequence_id":6,"event_type":101,"payload":{"message_type":10,"content":{"answer":"七天","faq_id":1},"to_id":3}}'
    ],
    [
      "an order",
      {
        sequenceId: 7,
        eventType: "Message",
        payload: { messageType: "OrderMessage", content: { orderNo: "A1", lineItems: [{ unitPrice: 1.5 }] }, toId: 3 }
      },
      '{"sequence_id":7,"event_type":101,"payload":{"message_type":11,' +
        '"content":{"order_no":"A1","line_items":[{"unit_price":1.5}]},"to_id":3}}'
    ],
    [
      "an order as text",
      { sequenceId: 8, eventType: "Message", payload: { messageType: "OrderMessage", content: "A1" } },
      '{"sequence_id":8,"event_type":101,"payload":{"message_type":11,"content":"A1"}}'
    ],
    [
      "a read mark",
      { sequenceId: 9, eventType: "Read", payload: { messageId: 7 } },
      '{"sequence_id":9,"event_type":104,"payload":{"message_id":7}}'
    ],
    [
      "typing",
      { sequenceId: 10, eventType: "Inputting", payload: { content: "请", conversationId: 5, toId: 3 } },
      '{"sequence_id":10,"event_type":105,"payload":{"content":"请","conversation_id":5,"to_id":3}}'
    ],
    [
      "a ping",
      { sequenceId: 11, eventType: "Ping", payload: "ping" },
      '{"sequence_id":11,"event_type":201,"payload":"ping"}'
    ],
    [
      "the end of a conversation",
      { sequenceId: 12, eventType: "CloseConversation", payload: { conversationId: 5 } },
      '{"sequence_id":12,"event_type":202,"payload":{"conversation_id":5}}'
    ],
    [
      "a recall",
      { sequenceId: 13, eventType: "Recall", payload: { messageId: 7 } },
      '{"sequence_id":13,"event_type":203,"payload":{"message_id":7}}'
    ],
    [
      "an invitation to rate",
      { sequenceId: 14, eventType: "InviteRate", payload: { userId: 2 } },
      '{"sequence_id":14,"event_type":204,"payload":{"user_id":2}}'
    ],
    [
      "the choice of a menu item",
      { sequenceId: 15, eventType: "SelectMenuItem", payload: { menuItemId: 4 } },
      '{"sequence_id":15,"event_type":205,"payload":{"menu_item_id":4}}'
    ]
  ]

  it.each(samples)("%s", (_, app, wire) => {
    assert.strictEqual(write(app), wire)
    // The sandbox reads what the client writes.
    assert.strictEqual(write(Schema.decodeUnknownSync(Frame.ClientFrameJson)(wire)), wire)
  })

  it("have a sample of each type", () => {
    const frames = samples.map(([, , wire]) => Schema.decodeUnknownSync(Frame.ClientFrameJson)(wire))
    assert.sameMembers([...new Set(frames.map(({ eventType }) => eventType))], [...Frame.ClientFrame.discriminants])
    assert.sameMembers(
      [...new Set(frames.flatMap((frame) => (frame.eventType === "Message" ? [frame.payload.messageType] : [])))],
      ["Text", "Image", "Video", "Attachment", "FAQAnswerMessage", "OrderMessage"]
    )
  })

  it("keep the order of keys whatever the order of the caller's", () => {
    assert.strictEqual(
      write({
        payload: { toId: 3, content: "a", messageType: "Text", zoneId: 1 },
        eventType: "Message",
        sequenceId: 1
      }),
      '{"sequence_id":1,"event_type":101,"payload":{"message_type":1,"content":"a","to_id":3,"zone_id":1}}'
    )
  })

  it("do not mutate what they send", () => {
    const content = Object.freeze({ url: "u", extraKeys: Object.freeze([Object.freeze({ innerKey: new Date(0) })]) })
    const frame = { sequenceId: 1, eventType: "Message", payload: { messageType: "Image", content } }
    assert.strictEqual(
      write(frame),
      '{"sequence_id":1,"event_type":101,"payload":{"message_type":2,' +
        '"content":{"url":"u","extra_keys":[{"inner_key":"1970-01-01T00:00:00.000Z"}]}}}'
    )
  })

  const cyclic: Record<string, unknown> = { url: "u" }
  cyclic.itSelf = { and: [cyclic] }
  let deep: unknown = 1
  for (let level = 0; level < 100_000; level++) deep = { deep }
  const send = (messageType: unknown, content: unknown, rest?: object) => ({
    sequenceId: 1,
    eventType: "Message",
    payload: { messageType, content, ...rest }
  })

  it.each([
    ["of an unknown type", { sequenceId: 1, eventType: "Bye", payload: {} }],
    ["without a sequence id", { eventType: "Ping", payload: "ping" }],
    ["with a sequence id that is none", { sequenceId: 1.5, eventType: "Ping", payload: "ping" }],
    ["with another ping", { sequenceId: 1, eventType: "Ping", payload: "pong" }],
    ["without a payload", { sequenceId: 1, eventType: "Read" }],
    ["of a kind that nobody may send", send("ConversationEnd", { reason: 1 })],
    ["of an unknown kind", send("Unknown", "a", { typeCode: 77 })],
    ["with a cyclic content", send("Image", cyclic)],
    ["with a cyclic field", send("Text", "a", { extra: cyclic })],
    ["nested deeper than the stack", send("Image", { url: "u", deep })],
    ["with a bigint", send("Image", { url: "u", big: 1n })]
  ])("%s are refused by type", (_, frame) => refused(writeExit(frame)))

  it.each([
    ["a number for text", send("Text", 1), { message_type: 1, content: 1 }],
    ["text for an image", send("Image", '{"url":"u"}'), { message_type: 2, content: '{"url":"u"}' }],
    [
      "an image without its address",
      send("Image", { byteSize: "2048" }),
      { message_type: 2, content: { byte_size: "2048" } }
    ],
    [
      "an order with a text for its price",
      send("OrderMessage", { orderNo: 1 }),
      { message_type: 11, content: { order_no: 1 } }
    ],
    ["a text for a receiver", send("Text", "a", { toId: "v-1" }), { message_type: 1, content: "a", to_id: "v-1" }],
    ["null for a receiver", send("Text", "a", { toId: null }), { message_type: 1, content: "a", to_id: null }],
    [
      "NaN for a size",
      send("Image", { url: "u", byteSize: Number.NaN }),
      { message_type: 2, content: { url: "u", byte_size: null } }
    ]
  ])("go with %s as given: what a message may hold, the backend and the app know", (_, frame, payload) => {
    assert.strictEqual(write(frame), JSON.stringify({ sequence_id: 1, event_type: 101, payload }))
  })
})

describe("messages", () => {
  it("are the same in frames as elsewhere", () => {
    const frame = read(JSON.stringify({ event_type: 101, payload: text }))
    assert.deepStrictEqual(frame.payload, Schema.decodeUnknownSync(Message)(text))
  })
})

/**
 * What the old client did, row by row: for each method what it sends for odd inputs, for each inbound frame the callbacks
 * with their arguments. A row where the client is better names the row of the migration table that tells it, in both
 * READMEs. Client.methods.test.ts has a row for every method with plain inputs.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { Client } from "../src/Client.ts"
import { opened, refusal, setup } from "./support/ClientSetup.ts"

/** The subjects of the improvements, in English and in Chinese. */
const told = {
  arguments: ["Wrong arguments", "参数错误"],
  missing: ["Missing values", "缺失的值"],
  acks: ["Acknowledgements", "确认帧"],
  content: ["Content and ids", "内容与 ID"],
  frames: ["Frames that cannot be read", "无法识别的帧"],
  data: ["Unexpected data", "异常数据"]
} as const

type Told = keyof typeof told

const any = <A>(value: unknown): A => value as A

/** The app's arguments, which may be of any type. */
const odd = any as (value: unknown) => never

// --- requests

const requests: ReadonlyArray<
  readonly [name: string, call: (client: Client) => Promise<unknown>, sent: string, body?: string]
> = [
  ["getUserInfo()", (c) => c.getUserInfo(), "GET /im/users/me"],
  [
    "updateMyProfile(keys)",
    (c) => c.updateMyProfile(odd({ userID: 1, addressLine2: "x", URL: "u", 中文: 1, a_b: 2 })),
    "PUT /im/users/me",
    '{"user_i_d":1,"address_line2":"x","u_r_l":"u","中文":1,"a_b":2}'
  ],
  [
    "updateMyProfile(values)",
    (c) => c.updateMyProfile(odd({ at: new Date(0), n: Number.NaN, u: undefined, f: () => 1, s: '{"aB":1}' })),
    "PUT /im/users/me",
    '{"at":"1970-01-01T00:00:00.000Z","n":null,"s":"{\\"aB\\":1}"}'
  ],
  ["updateMyProfile({})", (c) => c.updateMyProfile({}), "PUT /im/users/me", "{}"],
  ["updateMyProfile(list)", (c) => c.updateMyProfile(odd([{ aB: 1 }, null])), "PUT /im/users/me", '[{"a_b":1},null]'],
  ["updateMyProfile(null)", (c) => c.updateMyProfile(odd(null)), "PUT /im/users/me", ""],
  [
    "updateUserProfile(text, data)",
    (c) => c.updateUserProfile(odd("u-9"), { nickname: "明" }),
    "PUT /im/users/u-9",
    '{"nickname":"明"}'
  ],
  ["updateUserProfile(0, data)", (c) => c.updateUserProfile(0, { nickname: "" }), "PUT /im/users/0", '{"nickname":""}'],
  ["getTransferServiceList()", (c) => c.getTransferServiceList(), "GET /im/users"],
  [
    "getTransferServiceList(params)",
    (c) => c.getTransferServiceList({ keyWord: "a&b", off: false, none: null }),
    "GET /im/users?keyWord=a%26b&off=false"
  ],
  [
    "addCustomerTag(id, data)",
    (c) => c.addCustomerTag(7, odd({ tagName: "VIP" })),
    "POST /im/users/7/tags",
    '{"tag_name":"VIP"}'
  ],
  [
    "addCustomerTag(text, data)",
    (c) => c.addCustomerTag(odd("7"), odd({ id: "3" })),
    "POST /im/users/7/tags",
    '{"id":"3"}'
  ],
  ["deleteCustomerTag(id, text)", (c) => c.deleteCustomerTag(7, odd("t/1")), "DELETE /im/users/7/tags/t%2F1"],
  ["getConversations()", (c) => c.getConversations(), "GET /im/conversations"],
  ["getConversations(null)", (c) => c.getConversations(odd(null)), "GET /im/conversations"],
  [
    "getConversations(zero values)",
    (c) => c.getConversations({ page: 0, search: "", show_all: false }),
    "GET /im/conversations?page=0&search=&show_all=false"
  ],
  [
    "getConversations(nothing)",
    (c) => c.getConversations({ state: undefined, customer_id: null }),
    "GET /im/conversations"
  ],
  [
    "getConversations(list)",
    (c) => c.getConversations(odd({ state: ["ACTIVE", "PENDING"] })),
    "GET /im/conversations?state[]=ACTIVE&state[]=PENDING"
  ],
  [
    "getConversations(object)",
    (c) => c.getConversations({ filter: { aB: 1 } }),
    'GET /im/conversations?filter={"aB":1}'
  ],
  [
    "getConversations(date)",
    (c) => c.getConversations(odd({ begin_at: new Date(0) })),
    "GET /im/conversations?begin_at=1970-01-01T00:00:00.000Z"
  ],
  [
    "getConversations(text)",
    (c) => c.getConversations(odd({ page: "2", begin_at: "1700000000000" })),
    "GET /im/conversations?page=2&begin_at=1700000000000"
  ],
  ["getConversationById(text)", (c) => c.getConversationById(odd("3")), "GET /im/conversations/3"],
  ["getCurrentConversationList()", (c) => c.getCurrentConversationList(), "GET /im/current_list"],
  ["requestConversations()", (c) => c.requestConversations(), "POST /im/conversations", ""],
  [
    "requestConversations(data)",
    (c) => c.requestConversations(odd({ customerId: "7" })),
    "POST /im/conversations",
    '{"customer_id":"7"}'
  ],
  [
    "updateConversationRemark(id, data)",
    (c) => c.updateConversationRemark(3, odd({ remark: null })),
    "PUT /im/conversations/3",
    '{"remark":null}'
  ],
  ["getVisitInfo(text)", (c) => c.getVisitInfo(odd("c-3")), "GET /im/conversations/c-3/source_info"],
  ["getPendingCount()", (c) => c.getPendingCount(), "GET /im/pending_count"],
  [
    "getPendingPosition(boxed)",
    (c) => c.getPendingPosition(odd(new Number(3))),
    "GET /im/conversations/3/pending_position"
  ],
  [
    "getConversationsCount(params)",
    (c) => c.getConversationsCount({ begin_at: 1, camelCase: true }),
    "GET /im/conversations_count?begin_at=1&camelCase=true"
  ],
  ["adminCloseConversation(id)", (c) => c.adminCloseConversation(3), "PUT /im/conversations/3/terminate", ""],
  [
    "conversationTransfer(id, data)",
    (c) => c.conversationTransfer(3, odd({ toUserId: "5", groupId: null })),
    "PUT /im/conversations/3/transfer",
    '{"to_user_id":"5","group_id":null}'
  ],
  ["exportHistoryConversations()", (c) => c.exportHistoryConversations(), "POST /im/conversations/export", ""],
  [
    "exportHistoryConversations(data)",
    (c) => c.exportHistoryConversations(odd({ beginAt: "2020", ids: [1, "2"] })),
    "POST /im/conversations/export",
    '{"begin_at":"2020","ids":[1,"2"]}'
  ],
  ["getQuickReply()", (c) => c.getQuickReply(), "GET /im/common_words"],
  [
    "addQuickReply(data)",
    (c) => c.addQuickReply(odd({ content: "您好", sortOrder: 0 })),
    "POST /im/common_words",
    '{"content":"您好","sort_order":0}'
  ],
  [
    "editQuickReply(text, data)",
    (c) => c.editQuickReply(odd("w-3"), odd({ content: new String("好") })),
    "PUT /im/common_words/w-3",
    '{"content":"好"}'
  ],
  ["deleteQuickReply(text)", (c) => c.deleteQuickReply(odd("w-3")), "DELETE /im/common_words/w-3"],
  ["rateStaff(score)", (c) => c.rateStaff(5), "POST /im/rates", '{"score":5}'],
  ["rateStaff(0)", (c) => c.rateStaff(0), "POST /im/rates", '{"score":0}'],
  ["rateStaff(text)", (c) => c.rateStaff(odd("4.5")), "POST /im/rates", '{"score":"4.5"}'],
  ["rateStaff(null)", (c) => c.rateStaff(odd(null)), "POST /im/rates", '{"score":null}'],
  [
    "rateStaff(score, null, null)",
    (c) => c.rateStaff(5, odd(null), odd(null)),
    "POST /im/rates",
    '{"score":5,"suggestion":null,"rating_tag_ids":null}'
  ],
  ["getRatings()", (c) => c.getRatings(), "GET /ratings"],
  ["likeRobotAnswer(text)", (c) => c.likeRobotAnswer(odd("abc-1")), "POST /im/robot_answers/abc-1/like", ""],
  ["dislikeRobotAnswer(text)", (c) => c.dislikeRobotAnswer(odd("31")), "POST /im/robot_answers/31/dislike", ""],
  ["getSuggestions(query)", (c) => c.getSuggestions("a&b=c"), "GET /im/questions/suggest?query=a%26b%3Dc"],
  ["getSuggestions('')", (c) => c.getSuggestions(""), "GET /im/questions/suggest?query="],
  ["getSuggestions()", (c) => c.getSuggestions(odd(undefined)), "GET /im/questions/suggest"],
  ["getSuggestions(query, 0)", (c) => c.getSuggestions("x", 0), "GET /im/questions/suggest?query=x&sub_channel_id=0"],
  ["getHotFaqs()", (c) => c.getHotFaqs(), "GET /hot_faqs"],
  ["getHotFaqs(null, 10)", (c) => c.getHotFaqs(odd(null), 10), "GET /hot_faqs?limit=10"],
  ["getSubChannel(text)", (c) => c.getSubChannel(odd("2")), "GET /client/channels/sub_channels/2"]
]

// --- frames

const text = (c: Client, content: unknown = "x", conversation: unknown = 3) =>
  c.buildMessage("Text", odd(content), odd(conversation))

const frames: ReadonlyArray<
  readonly [name: string, call: (client: Client) => Promise<unknown>, event: number, payload: unknown]
> = [
  ["sendMessage(text, id)", (c) => c.sendMessage(text(c), 5), 101, { message_type: 1, content: "x", to_id: 5 }],
  ["sendMessage(text)", (c) => c.sendMessage(text(c)), 101, { message_type: 1, content: "x" }],
  [
    "sendMessage(text, null)",
    (c) => c.sendMessage(text(c), odd(null)),
    101,
    { message_type: 1, content: "x", to_id: null }
  ],
  ["sendMessage(text, 0)", (c) => c.sendMessage(text(c), 0), 101, { message_type: 1, content: "x", to_id: 0 }],
  [
    "sendMessage(text, '5')",
    (c) => c.sendMessage(text(c), odd("5")),
    101,
    { message_type: 1, content: "x", to_id: "5" }
  ],
  ["sendMessage(empty text)", (c) => c.sendMessage(text(c, ""), 5), 101, { message_type: 1, content: "", to_id: 5 }],
  [
    "sendMessage(no content)",
    (c) => c.sendMessage(odd({ messageType: "Text" }), 5),
    101,
    { message_type: 1, to_id: 5 }
  ],
  [
    "sendMessage(without a conversation)",
    (c) => c.sendMessage(text(c, "x", undefined), 5),
    101,
    { message_type: 1, content: "x", to_id: 5 }
  ],
  [
    "sendMessage(image)",
    (c) => c.sendMessage(c.buildMessage("Image", { url: "u", contentType: "image/png" }, 3), 5),
    101,
    { message_type: 2, content: { url: "u", content_type: "image/png" }, to_id: 5 }
  ],
  [
    "sendMessage(video as text)",
    (c) => c.sendMessage(c.buildMessage("Video", odd('{"url":"u"}'), 3), 5),
    101,
    { message_type: 3, content: '{"url":"u"}', to_id: 5 }
  ],
  [
    "sendMessage(attachment)",
    (c) => c.sendMessage(c.buildMessage("Attachment", odd({ byteSize: "2048" }), 3), 5),
    101,
    { message_type: 4, content: { byte_size: "2048" }, to_id: 5 }
  ],
  [
    "sendMessage(FAQ)",
    (c) => c.sendMessage(c.buildMessage("FAQAnswerMessage", odd({ question: { id: 1 } }), 3), 5),
    101,
    { message_type: 10, content: { question: { id: 1 } }, to_id: 5 }
  ],
  [
    "sendMessage(order)",
    (c) => c.sendMessage(c.buildMessage("OrderMessage", odd({ price: "9.90", orderNo: 123 }), 3), 5),
    101,
    { message_type: 11, content: { price: "9.90", order_no: 123 }, to_id: 5 }
  ],
  ["recallMessage(id)", (c) => c.recallMessage(12), 203, { message_id: 12 }],
  ["recallMessage(text)", (c) => c.recallMessage(odd("12")), 203, { message_id: "12" }],
  ["readMessage(id)", (c) => c.readMessage(12), 104, { message_id: 12 }],
  ["readMessage(0)", (c) => c.readMessage(0), 104, { message_id: 0 }],
  ["closeConversation(id)", (c) => c.closeConversation(3), 202, { conversation_id: 3 }],
  ["closeConversation(text)", (c) => c.closeConversation(odd("c-3")), 202, { conversation_id: "c-3" }],
  ["inviteRate(id)", (c) => c.inviteRate(7), 204, { user_id: 7 }],
  ["inviteRate(boxed)", (c) => c.inviteRate(odd(new Number(7))), 204, { user_id: 7 }],
  ["selectMenuItem(text)", (c) => c.selectMenuItem(odd("a1")), 205, { menu_item_id: "a1" }],
  [
    "inputting(content, id, id)",
    (c) => c.inputting("草稿", 3, 5),
    105,
    { content: "草稿", conversation_id: 3, to_id: 5 }
  ],
  ["inputting('', 0)", (c) => c.inputting("", 0), 105, { content: "", conversation_id: 0 }],
  ["inputting(content)", (c) => c.inputting("草", odd(undefined)), 105, { content: "草" }],
  [
    "inputting(null, null, null)",
    (c) => c.inputting(odd(null), odd(null), odd(null)),
    105,
    { content: null, conversation_id: null, to_id: null }
  ]
]

/** What the old client sent although it could mean nothing: no answer ever came. */
const refusals: ReadonlyArray<
  readonly [name: string, call: (client: Client) => Promise<unknown>, field: string, told: Told]
> = [
  ["recallMessage()", (c) => c.recallMessage(odd(undefined)), "messageId", "arguments"],
  ["readMessage(null)", (c) => c.readMessage(odd(null)), "messageId", "arguments"],
  ["closeConversation(NaN)", (c) => c.closeConversation(Number.NaN), "conversationId", "arguments"],
  ["inviteRate({})", (c) => c.inviteRate(odd({})), "userId", "arguments"],
  ["selectMenuItem('')", (c) => c.selectMenuItem(odd("")), "menuItemId", "arguments"],
  ["inputting(content, id, {})", (c) => c.inputting("x", 3, odd({})), "toId", "arguments"],
  ["sendMessage()", (c) => c.sendMessage(odd(undefined)), "message", "arguments"],
  [
    "sendMessage(unknown kind)",
    (c) => c.sendMessage(odd({ messageType: "Sticker", content: "x" }), 5),
    "messageType",
    "arguments"
  ],
  ["sendMessage(bigint)", (c) => c.sendMessage(text(c, 1n), 5), "content", "content"],
  ["getConversationById()", (c) => c.getConversationById(odd(undefined)), "id", "arguments"],
  ["deleteCustomerTag(id)", (c) => c.deleteCustomerTag(7, odd(undefined)), "tagId", "arguments"],
  ["uploadBlobs()", (c) => c.uploadBlobs(odd(undefined)), "file", "arguments"]
]

// --- inbound

const at = 1_700_000_000_000

const raw = { id: 10, from_id: 5, content: "你好", message_type: 1, created_at: at, conversation_id: 3 }

const plainMessage = {
  isSystemMessage: false,
  direction: 1,
  content: "你好",
  isRead: true,
  id: 10,
  fromId: 5,
  nickname: "",
  messageType: "Text",
  createdAt: at,
  conversationId: 3,
  hasRecommend: false
}

const system = { ...plainMessage, isSystemMessage: true }

const message = (fields: object) => [101, { ...raw, ...fields }] as const
const onMessage = (fields: object = {}) => ["onMessage", { ...plainMessage, ...fields }] as const
const onSystem = (fields: object) => ["onMessage", { ...system, ...fields }] as const

type Called = readonly [name: string, ...args: ReadonlyArray<unknown>]

const inbound: ReadonlyArray<
  readonly [name: string, frame: readonly [event: number, payload?: unknown], calls: ReadonlyArray<Called>, told?: Told]
> = [
  ["a text", message({}), [onMessage()]],
  ["a text that recommends", message({ has_recommend: true }), [onMessage({ hasRecommend: true })]],
  ["a text of oneself", message({ from_id: 7 }), [onMessage({ fromId: 7, direction: 0, nickname: "小明" })]],
  ["a text with a field that nobody knows", message({ extra_field: 1 }), [onMessage()]],
  ["a text that is JSON", message({ content: '{"a_b":1}' }), [onMessage({ content: '{"a_b":1}' })]],
  ["a number for text", message({ content: 5 }), [onMessage({ content: 5 })]],
  ["no content", message({ content: null }), [onMessage({ content: null })]],
  [
    "an image",
    message({ message_type: 2, content: { url: "u", content_type: "image/png", byte_size: "9" } }),
    [onMessage({ messageType: "Image", content: { url: "u", contentType: "image/png", byteSize: "9" } })]
  ],
  [
    "an image as text",
    message({ message_type: 2, content: '{"url":"u"}' }),
    [onMessage({ messageType: "Image", content: '{"url":"u"}' })]
  ],
  [
    "a video",
    message({ message_type: 3, content: { url: "u" } }),
    [onMessage({ messageType: "Video", content: { url: "u" } })]
  ],
  [
    "an attachment without an address",
    message({ message_type: 4, content: { file_name: "f" } }),
    [onMessage({ messageType: "Attachment", content: { fileName: "f" } })]
  ],
  [
    "a menu",
    message({ message_type: 5, content: { menu_items: [{ id: "a1", item_title: "t" }] } }),
    [onMessage({ messageType: "ChannelMenu", content: { menuItems: [{ id: "a1", itemTitle: "t" }] } })]
  ],
  [
    "small talk",
    message({ message_type: 6, content: "嗨" }),
    [onMessage({ messageType: "RobotChitchatMessage", content: "嗨" })]
  ],
  [
    "an answer",
    message({ message_type: 7, content: { answer: "a", code: 0 } }),
    [onMessage({ messageType: "RobotCanAnswerMessage", content: { answer: "a", code: 0 } })]
  ],
  [
    "no answer",
    message({ message_type: 8, content: '{"code": 0, "msg_text": "x"}' }),
    [onMessage({ messageType: "RobotNotAnswerMessage", content: '{"code": 0, "msg_text": "x"}' })]
  ],
  [
    "a choice of answers",
    message({ message_type: 9, content: { candidates: [{ q_id: 1 }] } }),
    [onMessage({ messageType: "RobotMayAnswerMessage", content: { candidates: [{ qId: 1 }] } })]
  ],
  [
    "a FAQ",
    message({ message_type: 10, content: { question: { id: 1 } } }),
    [onMessage({ messageType: "FAQAnswerMessage", content: { question: { id: 1 } } })]
  ],
  [
    "an order",
    message({ message_type: 11, content: { order_no: 1, price: "9.90" } }),
    [onMessage({ messageType: "OrderMessage", content: { orderNo: 1, price: "9.90" } })]
  ],
  [
    "staff who are late",
    message({ message_type: 12 }),
    [onMessage({ messageType: "StaffTimeoutMessage" }), ["onStaffTimeout", 3]]
  ],
  [
    "staff who take over",
    message({ message_type: 101 }),
    [onSystem({ messageType: "ManualServiceStart" }), ["onManualServiceStart"]]
  ],
  [
    "a conversation that begins",
    message({ message_type: 102, content: { user_id: 5, nickname: "小李", user_type: "STAFF" } }),
    [
      [
        "onMessage",
        {
          ...system,
          nickname: "小李",
          messageType: "ConversationBuilt",
          content: { userId: 5, nickname: "小李", userType: "STAFF" }
        }
      ],
      ["onConversationBuilt", 3, 5, "小李", "STAFF"]
    ]
  ],
  [
    "a conversation that begins for a known user",
    message({ message_type: 102, content: { user_id: 7 } }),
    [
      onSystem({ messageType: "ConversationBuilt", content: { userId: 7, nickname: "小明", userType: "CUSTOMER" } }),
      ["onConversationBuilt", 3, 7, "小明", "CUSTOMER"]
    ]
  ],
  [
    "a conversation that begins for nobody",
    message({ message_type: 102, content: {} }),
    [onSystem({ messageType: "ConversationBuilt", content: {} }), ["onConversationBuilt", 3, 0, "", ""]],
    "missing"
  ],
  [
    "a recall",
    message({ message_type: 103, content: { message_id: 4 } }),
    [onSystem({ messageType: "MessageRecall", content: { messageId: 4 } }), ["onMessageRecall", 3, 4]]
  ],
  [
    "a recall by text",
    message({ message_type: 103, content: { message_id: "m-4" } }),
    [onSystem({ messageType: "MessageRecall", content: { messageId: "m-4" } }), ["onMessageRecall", 3, "m-4"]]
  ],
  [
    "a recall of nothing",
    message({ message_type: 103, content: {} }),
    [onSystem({ messageType: "MessageRecall", content: {} })],
    "missing"
  ],
  [
    "an end",
    message({ message_type: 104, content: { reason: 2 } }),
    [onSystem({ messageType: "ConversationEnd", content: { reason: 2 } }), ["onConversationClosed", 3, 2]]
  ],
  [
    "an end for another reason",
    message({ message_type: 104, content: { reason: 9 } }),
    [onSystem({ messageType: "ConversationEnd", content: { reason: 9 } }), ["onConversationClosed", 3, 9]]
  ],
  [
    "an end for a reason in words",
    message({ message_type: 104, content: { reason: "gone" } }),
    [onSystem({ messageType: "ConversationEnd", content: { reason: "gone" } }), ["onConversationClosed", 3, "gone"]]
  ],
  [
    "an end without a reason",
    message({ message_type: 104, content: {} }),
    [onSystem({ messageType: "ConversationEnd", content: {} }), ["onConversationClosed", 3, 0]],
    "missing"
  ],
  [
    "an end without content",
    message({ message_type: 104, content: null }),
    [onSystem({ messageType: "ConversationEnd", content: null }), ["onConversationClosed", 3, 0]],
    "data"
  ],
  ["an invitation to rate", message({ message_type: 105 }), [onSystem({ messageType: "RateInvite" })]],
  ["a failed invitation", message({ message_type: 106 }), [onSystem({ messageType: "RateInviteError" })]],
  ["busy staff", message({ message_type: 107 }), [onSystem({ messageType: "StaffBusyEvent" }), ["onStaffBusy"]]],
  [
    "absent staff",
    message({ message_type: 108 }),
    [onSystem({ messageType: "StaffOfflineEvent" }), ["onStaffOffline"]]
  ],
  [
    "a transfer",
    message({ message_type: 109, content: { to_user_id: 6 } }),
    [onSystem({ messageType: "ConversationTransfer", content: { toUserId: 6 } }), ["onConversationTransfer", 3]]
  ],
  [
    "a rating",
    message({ message_type: 110, content: { score: "5" } }),
    [onSystem({ messageType: "CustomerRate", content: { score: "5" } })]
  ],
  ["a system message of no name", message({ message_type: 150 }), [onSystem({ messageType: undefined })]],
  ["a message of no name", message({ message_type: 77 }), [onMessage({ messageType: undefined })]],
  ["an id of 0", message({ id: 0 }), [onMessage({ id: 0 })]],
  ["no id", message({ id: undefined }), [onMessage({ id: 0 })], "missing"],
  ["an id as text", message({ id: "10" }), [onMessage()], "missing"],
  ["no conversation", message({ conversation_id: null }), [onMessage({ conversationId: 0 })], "missing"],
  ["no sender", message({ from_id: null }), [onMessage({ fromId: 0 })], "missing"],
  ["no time", message({ created_at: undefined }), [onMessage({ createdAt: 0 })], "missing"],
  [
    "a time in words",
    message({ created_at: "2023-11-14T22:13:20Z" }),
    [onMessage({ createdAt: "2023-11-14T22:13:20Z" })]
  ],
  ["a flag that is a number", message({ has_recommend: 1 }), [onMessage({ hasRecommend: 1 })]],
  ["a batch", [102, [raw, { ...raw, id: 11, content: "二" }]], [onMessage(), onMessage({ id: 11, content: "二" })]],
  ["an empty batch", [102, []], []],
  ["an ack that nothing waits for", [103, { sequence_id: 77, message_id: 4 }], [], "acks"],
  ["a read mark", [104, { message_id: 4, conversation_id: 3 }], []],
  ["typing", [105, { content: "草稿", conversation_id: 3 }], [["onInputting", "草稿", 3]]],
  ["typing of nothing", [105, { content: "", conversation_id: 3 }], [["onInputting", "", 3]]],
  ["typing without a draft", [105, { conversation_id: 3 }], [["onInputting", "", 3]], "missing"],
  ["a frame that nobody knows", [999, { a_b: 1 }], [["onError"]], "frames"]
]

const subjects = (file: string) =>
  readFileSync(new URL(`../${file}`, import.meta.url), "utf8")
    .split("\n")
    .flatMap((line) => (line.startsWith("| ") ? [(line.split("|")[1] ?? "").trim()] : []))

describe("the client does what the old client did", () => {
  for (const [name, call, sent, body = ""] of requests) {
    it.live(name, () =>
      Effect.gen(function* () {
        const { backend, client } = yield* setup()
        backend.answer = ({ url }) =>
          url.endsWith("/im/users/me") ? { body: { id: 7, user_type: "CUSTOMER" } } : { body: { conversations: [] } }
        yield* Effect.promise(() => call(client).catch(() => undefined))
        const seen = backend.seen.find(
          ({ method, url }) => !(method === "GET" && url.endsWith("/me")) || sent.endsWith("/me")
        )
        const decoded = (url = "") =>
          url
            .replaceAll("%5B", "[")
            .replaceAll("%5D", "]")
            .replaceAll("%22", '"')
            .replaceAll("%7B", "{")
            .replaceAll("%7D", "}")
            .replaceAll("%3A", ":")
        assert.strictEqual(`${seen?.method} ${decoded(seen?.url.replace("/api/v1", ""))}`, sent)
        assert.strictEqual(seen?.body, body)
        assert.strictEqual(seen?.headers["content-type"], body === "" ? undefined : "application/json")
      })
    )
  }

  it.live("in its frames, whose numbers begin at 1 for each client", () =>
    Effect.gen(function* () {
      for (let session = 0; session < 2; session++) {
        const { client, link } = yield* opened()
        for (const [, call] of frames) yield* Effect.promise(() => call(client))
        assert.deepStrictEqual(
          link.texts,
          frames.map(([, , event_type, payload], index) =>
            JSON.stringify({ sequence_id: index + 1, event_type, payload })
          )
        )
      }
    })
  )

  for (const [name, call, field] of refusals) {
    it.live(`${name} is refused at once`, () =>
      Effect.gen(function* () {
        const { client, link } = yield* opened()
        const { reason } = yield* refusal(call(client))
        assert.strictEqual(reason._tag, "InvalidRequest")
        assert.strictEqual((reason as { readonly field?: string }).field, field)
        assert.deepStrictEqual(link.frames, [])
      })
    )
  }

  for (const [name, [event, payload], calls] of inbound) {
    it.live(`on ${name}`, () =>
      Effect.gen(function* () {
        const { callbacks, link } = yield* opened()
        link.send(event, payload)
        link.send(105, { content: "end", conversation_id: 9999 })
        yield* callbacks.until((all) => all.some(([name, content]) => name === "onInputting" && content === "end"))
        const heard = callbacks.calls.filter(([name, content]) => name !== "onOpen" && content !== "end")
        assert.deepStrictEqual(
          heard.map((call) => (call[0] === "onError" ? [call[0]] : [...call])) as unknown,
          calls.map((call) => [...call])
        )
      })
    )
  }

  it.live("on a frame that is no JSON: onError, and the next frame follows", () =>
    Effect.gen(function* () {
      const { callbacks, link } = yield* opened()
      link.sendText("<html>")
      link.send(...(message({}) as readonly [number, unknown]))
      yield* callbacks.called("onMessage")
      assert.deepStrictEqual(callbacks.order(), ["onOpen", "onError", "onMessage"])
    })
  )

  it.live("on a second login: onMultipleLogin, then onClose", () =>
    Effect.gen(function* () {
      const { callbacks, link } = yield* opened()
      link.send(301)
      yield* callbacks.called("onClose")
      assert.deepStrictEqual(callbacks.order(), ["onOpen", "onMultipleLogin", "onClose"])
    })
  )

  it.live("an own echo marks the messages before it as read, as every inbound message does", () =>
    Effect.gen(function* () {
      const { callbacks, client, link } = yield* opened()
      const sent = yield* Effect.promise(() => client.sendMessage(text(client), 5))
      assert.isFalse(sent.isRead)
      link.send(101, { ...raw, id: 2000, from_id: 7 })
      yield* callbacks.called("onMessage")
      assert.isTrue(sent.isRead)
    })
  )

  it.live("isNew, unreadCount and isRead, and people without a type", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup()
      const answer = backend.answer
      const conversation = {
        id: 3,
        state: "ACTIVE",
        customer: { id: 7 },
        last_staff: { id: 5, level: 2 },
        users: [{ id: 5 }, { id: 7, user_type: "CUSTOMER", nickname: "小明" }],
        conversations_user: [
          { user_id: 7, latest_read_message_id: 0 },
          { user_id: 5, latest_read_message_id: 11 }
        ],
        messages: [13, 12, 11].map((id) => ({ ...raw, id, from_id: id === 12 ? 7 : 5 }))
      }
      const view = (more: object) =>
        Effect.promise(async () => {
          backend.answer = (seen) =>
            seen.url.includes("/conversations/") ? { body: { ...conversation, ...more } } : answer(seen)
          return (await client.getConversationById(3)).data
        })
      const viewed = yield* view({})
      assert.deepInclude(viewed, {
        isNew: true,
        unreadCount: 2,
        customer: { id: 7 },
        lastStaff: { id: 5, level: 2 }
      } as object)
      assert.deepStrictEqual(viewed.users as unknown, {
        5: { id: 5 },
        7: { id: 7, userType: "CUSTOMER", nickname: "小明" }
      })
      assert.deepStrictEqual(
        viewed.messages.map(({ id, isRead }) => [id, isRead]),
        [
          [13, false],
          [12, false],
          [11, true]
        ]
      )
      const mine = (latest_read_message_id: unknown) => ({
        conversations_user: [{ user_id: 7, latest_read_message_id }]
      })
      const marks: ReadonlyArray<readonly [mark: unknown, isNew: boolean, unread: number]> = [
        [null, true, 2],
        [undefined, true, 2],
        [0, true, 2],
        [3, false, 2],
        [11, false, 1],
        [13, false, 0],
        [99, false, 0]
      ]
      for (const [mark, isNew, unreadCount] of marks)
        assert.deepInclude(yield* view(mine(mark)), { isNew, unreadCount })
      assert.deepInclude(yield* view({ state: "FINISHED", ...mine(0) }), { isNew: false, unreadCount: 2 })
      const robot = yield* view({ last_staff: { id: 1, user_type: "ROBOT" }, ...mine(0) })
      assert.deepInclude(robot, { isNew: true, unreadCount: 2 })
      assert.isTrue(robot.messages.every(({ isRead }) => isRead))
    })
  )

  it.live("getUserInfo resolves to whatever came", () =>
    Effect.gen(function* () {
      const { backend, client } = yield* setup()
      for (const body of [{ nick_name: "x" }, [], { id: "u-7" }, 5]) {
        backend.answer = () => ({ body })
        const { data } = yield* Effect.promise(() => client.getUserInfo())
        assert.deepStrictEqual(
          data as unknown,
          Array.isArray(body) || typeof body === "number" ? body : "id" in body ? body : { nickName: "x" }
        )
      }
    })
  )

  it.live("opens once however often it is asked, closes what never opened without a word, and opens again", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client } = yield* setup({ token: "a b&c" })
      client.close()
      client.open()
      client.open()
      yield* callbacks.called("onOpen")
      client.open()
      assert.deepStrictEqual([client.isOpened(), client.isConnecting()], [true, false])
      client.close()
      client.close()
      yield* callbacks.called("onClose")
      assert.deepStrictEqual([client.isOpened(), client.isConnecting()], [false, false])
      client.open()
      yield* callbacks.called("onOpen", 2)
      assert.deepStrictEqual(callbacks.order(), ["onOpen", "onClose", "onOpen"])
      assert.deepStrictEqual(
        backend.links.map(({ url }) => url),
        ["/api/v1/im/ws?token=a%20b%26c", "/api/v1/im/ws?token=a%20b%26c"]
      )
    })
  )

  for (const [name, type, content, conversation] of [
    ["an object", "Image", { url: "u", aB: 1 }, 3],
    ["a text for an object", "Image", '{"url":"u"}', 3],
    ["nothing", "Text", undefined, 3],
    ["null", "Text", null, null],
    ["a number", "Text", 5, "c-3"],
    ["a list", "OrderMessage", [1], 0]
  ] as const) {
    it.live(`buildMessage keeps ${name} as its content, and asks the backend nothing`, () =>
      Effect.gen(function* () {
        const { backend, client } = yield* setup()
        const built = client.buildMessage(type, odd(content), odd(conversation))
        const { createdAt, ...rest } = built
        assert.strictEqual(built.content as unknown, content)
        assert.isTrue(Number.isSafeInteger(createdAt))
        assert.deepStrictEqual(rest as unknown, {
          id: 0,
          fromId: 0,
          nickname: "",
          content,
          direction: 0,
          messageType: type,
          isRead: false,
          conversationId: conversation
        })
        assert.deepStrictEqual([backend.seen, backend.links], [[], []])
      })
    )
  }

  for (const [name, file, presigned] of [
    ["a file", new File(["ab"], "a b.png", { type: "image/png" }), ["a b.png", "image/png", 2]],
    ["an empty file", new File([], "空.txt", { type: "text/plain" }), ["空.txt", "text/plain", 0]]
  ] as const) {
    it.live(`uploadBlobs presigns ${name} by its name, type and size`, () =>
      Effect.gen(function* () {
        const { backend, client } = yield* setup()
        backend.answer = ({ url }) =>
          url.endsWith("/presign_urls")
            ? { body: { blob_id: "b-8", signed_url: "/store/8", url: "https://cdn.test/8", more_of_it: 1 } }
            : { status: 204 }
        const uploaded = yield* Effect.promise(() => client.uploadBlobs(file))
        assert.deepStrictEqual(uploaded as unknown, { id: "b-8", url: "https://cdn.test/8" })
        const [filename, content_type, byte_size] = presigned
        assert.deepStrictEqual(JSON.parse(backend.seen[0]?.body ?? ""), { filename, content_type, byte_size })
      })
    )
  }

  for (const [name, body, data] of [
    ["an object", { access_token: "t", user_id: "7" }, { accessToken: "t", userId: "7" }],
    ["a text", "t", "t"],
    ["nothing", undefined, ""]
  ] as const) {
    it.live(`getAnonymousToken resolves to ${name} as it came`, () =>
      Effect.gen(function* () {
        const { backend } = yield* setup()
        backend.answer = () => (body === undefined ? { status: 204 } : { body })
        const answer = yield* Effect.promise(() => Client.getAnonymousToken({ baseUrl: backend.baseUrl }))
        assert.deepStrictEqual(answer.data as unknown, data)
        assert.deepStrictEqual([backend.seen[0]?.method, backend.seen[0]?.url], ["POST", "/api/v1/im/tokens"])
        assert.notProperty(backend.seen[0]?.headers, "authorization")
      })
    )
  }

  it.live("an own message whose ack came too late reaches onMessage when it comes back", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client, link } = yield* opened({ outbox: false, ackTimeout: 50 })
      const late = new Promise<() => void>((resolve) => {
        backend.onFrame = (frame, over) => {
          if (frame.event_type === 101)
            resolve(() => over.send(103, { sequence_id: frame.sequence_id, message_id: 1234 }))
          else over.send(103, { sequence_id: frame.sequence_id })
        }
      })
      yield* refusal(client.sendMessage(text(client, "迟"), 5))
      ;(yield* Effect.promise(() => late))()
      link.send(101, { ...raw, id: 1234, from_id: 7, content: "迟" })
      yield* callbacks.called("onMessage")
      const [[, heard] = []] = callbacks.calls.filter(([name]) => name === "onMessage")
      assert.deepInclude(heard, { id: 1234, content: "迟", direction: 0 })
    })
  )

  it("tells every improvement in the migration tables", () => {
    const used = new Set<Told>([...refusals.map(([, , , row]) => row), ...inbound.flatMap(([, , , row]) => row ?? [])])
    assert.sameMembers([...used], Object.keys(told))
    const english = subjects("README.md")
    const chinese = subjects("README.zh-CN.md")
    for (const row of used) {
      assert.include(english, told[row][0])
      assert.include(chinese, told[row][1])
    }
  })
})

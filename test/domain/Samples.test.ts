/**
 * What the backend sends and what the app gets, by hand, for each schema of the domain.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { oddOf } from "../../src/codec/Odd.ts"
import * as Channel from "../../src/domain/Channel.ts"
import * as Conversation from "../../src/domain/Conversation.ts"
import * as Faq from "../../src/domain/Faq.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Queue from "../../src/domain/PendingQueue.ts"
import * as QuickReply from "../../src/domain/QuickReply.ts"
import * as Rating from "../../src/domain/Rating.ts"
import * as Tag from "../../src/domain/Tag.ts"
import * as Token from "../../src/domain/Token.ts"
import * as Upload from "../../src/domain/Upload.ts"
import * as User from "../../src/domain/User.ts"
import * as Visit from "../../src/domain/Visit.ts"

interface Sample {
  readonly wire: unknown
  readonly app: unknown
  /** What is sent, where it is not what came. */
  readonly sent?: unknown
  /** The raw values of what was converted or left out. */
  readonly odd?: object
}

interface Samples {
  readonly good: readonly [Sample, ...ReadonlyArray<Sample>]
  readonly odd?: ReadonlyArray<Sample>
  readonly bad: ReadonlyArray<unknown>
}

const same = (value: unknown): Sample => ({ wire: value, app: value })
const noObject = [null, undefined, 1, "text", []]

const staff = { id: 2, user_type: "STAFF", nickname: "客服小王 👩‍💼" }
const staffApp = { id: 2, userType: "STAFF", nickname: "客服小王 👩‍💼" }

const conversationWire = {
  id: 5,
  state: "ACTIVE",
  customer: { id: 3, user_type: "CUSTOMER", nickname: null, vip_level: { since_year: 2020 } },
  last_staff: staff,
  users: [staff],
  conversations_user: [
    { user_id: 3, latest_read_message_id: 7 },
    { user_id: 2, latest_read_message_id: null },
    { user_id: 4 }
  ],
  messages: [
    { id: 7, from_id: 3, conversation_id: 5, message_type: 1, content: "在吗？", created_at: 1 },
    { id: 8, conversation_id: 5, message_type: 4242, content: { what_is: "this" } }
  ],
  sub_channel_id: 1,
  custom_data: { order_ids: [1, 2] }
}

const conversationApp = {
  id: 5,
  state: "ACTIVE",
  customer: { id: 3, userType: "CUSTOMER", nickname: null, vipLevel: { sinceYear: 2020 } },
  lastStaff: staffApp,
  users: [staffApp],
  conversationsUser: [{ userId: 3, latestReadMessageId: 7 }, { userId: 2, latestReadMessageId: null }, { userId: 4 }],
  messages: [
    { id: 7, fromId: 3, conversationId: 5, messageType: "Text", content: "在吗？", createdAt: 1 },
    { id: 8, conversationId: 5, messageType: "Unknown", typeCode: 4242, content: { whatIs: "this" } }
  ],
  subChannelId: 1,
  customData: { orderIds: [1, 2] }
}

const noLists = { users: [], conversationsUser: [], messages: [] }
const noWireLists = { users: [], conversations_user: [], messages: [] }
const pendingApp = { id: 6, state: "PENDING", lastStaff: null, ...noLists }
const pendingSent = { id: 6, state: "PENDING", last_staff: null, users: [], conversations_user: [], messages: [] }

const samples: ReadonlyArray<readonly [module: Readonly<Record<string, unknown>>, Readonly<Record<string, Samples>>]> =
  [
    [
      Channel,
      {
        SubChannel: {
          good: [
            {
              wire: { id: 1, name: "商城首页", greeting: null, faq_group_id: 2, theme_color: "#fff" },
              app: { id: 1, name: "商城首页", greeting: null, faqGroupId: 2, themeColor: "#fff" }
            },
            same({ id: 1 })
          ],
          odd: [
            { wire: { id: "1" }, app: { id: 1 }, odd: { id: "1" }, sent: { id: 1 } },
            { wire: { id: 1, name: 1 }, app: { id: 1 }, odd: { name: 1 } }
          ],
          bad: [...noObject, {}, { id: "one" }, { id: 1.5 }, { id: "9007199254740993" }, { id: 2 ** 53 }]
        }
      }
    ],
    [
      Conversation,
      {
        ConversationState: {
          good: [same("ACTIVE"), same("PENDING"), same("FINISHED"), same("")],
          bad: ["ARCHIVED", 1, null]
        },
        ReadMark: {
          good: [
            { wire: { user_id: 3, latest_read_message_id: 7 }, app: { userId: 3, latestReadMessageId: 7 } },
            { wire: { user_id: 3, latest_read_message_id: null }, app: { userId: 3, latestReadMessageId: null } },
            { wire: { user_id: 3 }, app: { userId: 3 } }
          ],
          odd: [
            {
              wire: { user_id: "3", latest_read_message_id: "7" },
              app: { userId: 3, latestReadMessageId: 7 },
              odd: { userId: "3", latestReadMessageId: "7" },
              sent: { user_id: 3, latest_read_message_id: 7 }
            },
            {
              wire: { user_id: 3, latest_read_message_id: "9007199254740993" },
              app: { userId: 3 },
              odd: { latestReadMessageId: "9007199254740993" }
            }
          ],
          bad: [...noObject, {}, { user_id: null }]
        },
        Conversation: {
          good: [
            { wire: conversationWire, app: conversationApp },
            // Nobody serves it yet, and the lists are missing or null: the old client rejected the whole list for it.
            { wire: { id: 6, state: "PENDING", last_staff: null }, app: pendingApp, sent: pendingSent },
            {
              wire: {
                id: 6,
                state: "PENDING",
                last_staff: null,
                users: null,
                conversations_user: null,
                messages: null
              },
              app: pendingApp,
              sent: pendingSent
            }
          ],
          odd: [
            { wire: { id: 5, ...noWireLists }, app: { id: 5, state: "", ...noLists }, odd: { state: undefined } },
            { wire: { id: 5, state: 1, ...noWireLists }, app: { id: 5, state: "", ...noLists }, odd: { state: 1 } },
            {
              wire: { id: 5, state: "ACTIVE", ...noWireLists, users: {} },
              app: { id: 5, state: "ACTIVE", ...noLists }
            },
            {
              wire: { id: 5, state: "ACTIVE", ...noWireLists, messages: [null, "text", {}, { id: 0 }] },
              app: { id: 5, state: "ACTIVE", ...noLists }
            },
            {
              wire: { id: 5, state: "ACTIVE", ...noWireLists, last_staff: 2, remark: { a_b: 1 } },
              app: { id: 5, state: "ACTIVE", ...noLists },
              odd: { lastStaff: 2, remark: { a_b: 1 } }
            },
            {
              wire: { id: 5, state: "ACTIVE", ...noWireLists, created_at: "2024-11-22T08:00:00Z", updated_at: "12" },
              app: { id: 5, state: "ACTIVE", ...noLists, createdAt: 1732262400000, updatedAt: 12 },
              odd: { createdAt: "2024-11-22T08:00:00Z", updatedAt: "12" },
              sent: { id: 5, state: "ACTIVE", ...noWireLists, created_at: 1732262400000, updated_at: 12 }
            },
            // A time without its zone may mean several.
            {
              wire: { id: 5, state: "ACTIVE", ...noWireLists, created_at: "2024-11-22 08:00:00" },
              app: { id: 5, state: "ACTIVE", ...noLists },
              odd: { createdAt: "2024-11-22 08:00:00" }
            }
          ],
          bad: [...noObject, {}, { state: "ACTIVE" }, { id: null, state: "ACTIVE" }]
        },
        ConversationPage: {
          good: [
            {
              wire: { conversations: [conversationWire], total: 1, next_cursor: "a_b" },
              app: { conversations: [conversationApp], total: 1, nextCursor: "a_b" }
            },
            { wire: {}, app: { conversations: [] }, sent: { conversations: [] } }
          ],
          odd: [
            { wire: { conversations: [{}] }, app: { conversations: [] } },
            { wire: { conversations: 1 }, app: { conversations: [] } },
            {
              wire: { conversations: [], total: "1" },
              app: { conversations: [], total: 1 },
              odd: { total: "1" },
              sent: { conversations: [], total: 1 }
            }
          ],
          bad: noObject
        },
        ConversationQuery: {
          good: [
            {
              wire: {
                state: "FINISHED",
                page: "2",
                limit: "20",
                search: "退款",
                begin_at: "0",
                end_at: "1732262400000",
                order: "DESC",
                customer_id: "3",
                show_all: "false",
                staff_id: "9"
              },
              app: {
                state: "FINISHED",
                page: 2,
                limit: 20,
                search: "退款",
                beginAt: 0,
                endAt: 1732262400000,
                order: "DESC",
                customerId: 3,
                showAll: false,
                staff_id: "9"
              }
            },
            same({})
          ],
          bad: [
            ...noObject,
            { page: "" },
            { page: "two" },
            { customer_id: "1.5" },
            { show_all: "perhaps" },
            { page: 2 }
          ]
        },
        ConversationRequest: {
          good: [
            {
              wire: { customer_id: 3, conversation_id: 5, sub_channel_id: 1, greeting_text: "您好" },
              app: { customerId: 3, conversationId: 5, subChannelId: 1, greetingText: "您好" }
            },
            same({})
          ],
          bad: [...noObject, { customer_id: "3" }, { customer_id: null }]
        },
        ConversationUpdate: {
          good: [{ wire: { remark: "急", some_flag: true }, app: { remark: "急", someFlag: true } }, same({})],
          bad: [...noObject, { remark: 1 }, { remark: null }]
        },
        TransferRequest: {
          good: [{ wire: { user_id: 2, hand_over_note: "急" }, app: { userId: 2, handOverNote: "急" } }, same({})],
          bad: [...noObject, { user_id: "2" }]
        },
        ExportRequest: {
          good: [
            {
              wire: { conversation_ids: [1, 2], begin_at: 0, end_at: 1, search: "", file_type: "csv" },
              app: { conversationIds: [1, 2], beginAt: 0, endAt: 1, search: "", fileType: "csv" }
            },
            same({})
          ],
          bad: [...noObject, { conversation_ids: [1.5] }, { conversation_ids: 1 }, { begin_at: "0" }]
        },
        ExportResult: {
          good: [
            { wire: { url: "/a.csv", count: 0, file_size: 1 }, app: { url: "/a.csv", count: 0, fileSize: 1 } },
            same({})
          ],
          odd: [{ wire: { count: 1.5 }, app: {}, odd: { count: 1.5 } }],
          bad: noObject
        },
        ConversationCount: {
          good: [
            {
              wire: { total: 3, active: null, by_staff: { staff_2: 1 } },
              app: { total: 3, active: null, byStaff: { staff2: 1 } },
              sent: { total: 3, active: null, by_staff: { staff2: 1 } }
            },
            same({})
          ],
          odd: [{ wire: { total: "3" }, app: { total: 3 }, odd: { total: "3" }, sent: { total: 3 } }],
          bad: noObject
        }
      }
    ],
    [
      Faq,
      {
        Suggestion: {
          good: [
            { wire: { id: 1, question: "怎么退款", hit_count: 2 }, app: { id: 1, question: "怎么退款", hitCount: 2 } },
            same({})
          ],
          odd: [{ wire: { question: 1 }, app: {}, odd: { question: 1 } }],
          bad: noObject
        },
        Suggestions: {
          good: [
            same({ questions: [{ question: "怎么退款" }] }),
            { wire: {}, app: { questions: [] }, sent: { questions: [] } }
          ],
          odd: [{ wire: { questions: "怎么退款" }, app: { questions: [] } }],
          bad: noObject
        },
        SuggestionQuery: {
          good: [
            { wire: { query: "退 & 换", sub_channel_id: "1" }, app: { query: "退 & 换", subChannelId: 1 } },
            same({ query: "" })
          ],
          bad: [...noObject, {}, { query: "退", sub_channel_id: "" }]
        },
        Faq: {
          good: [
            {
              wire: { id: 1, group_id: 2, question: "问", answer: "答" },
              app: { id: 1, groupId: 2, question: "问", answer: "答" }
            },
            same({})
          ],
          odd: [{ wire: { group_id: "2" }, app: { groupId: 2 }, odd: { groupId: "2" }, sent: { group_id: 2 } }],
          bad: noObject
        },
        Faqs: {
          good: [{ wire: { faqs: [{ group_id: 2 }], total: 1 }, app: { faqs: [{ groupId: 2 }], total: 1 } }],
          odd: [{ wire: { faqs: {} }, app: { faqs: [] } }],
          bad: noObject
        },
        FaqQuery: {
          good: [{ wire: { limit: "5", page: "1", group_id: "2" }, app: { limit: 5, page: 1, groupId: 2 } }, same({})],
          bad: [...noObject, { group_id: "a" }]
        }
      }
    ],
    [
      Message,
      {
        Draft: {
          good: [
            same({ messageType: "Text", content: "文" }),
            {
              wire: { messageType: "Image", content: { url: "u", byte_size: 1 } },
              app: { messageType: "Image", content: { url: "u", byteSize: 1 } }
            },
            same({ messageType: "OrderMessage", content: "A1" })
          ],
          bad: [...noObject, { messageType: "Text" }, { messageType: "Image", content: "u" }]
        }
      }
    ],
    [
      Queue,
      {
        PendingCount: {
          good: [same({ count: 0 }), same({ count: null }), same({})],
          odd: [{ wire: { count: "1" }, app: { count: 1 }, odd: { count: "1" }, sent: { count: 1 } }],
          bad: noObject
        },
        PendingPosition: {
          good: [{ wire: { position: 1, wait_seconds: 60 }, app: { position: 1, waitSeconds: 60 } }, same({})],
          odd: [{ wire: { position: 1.5 }, app: {}, odd: { position: 1.5 } }],
          bad: noObject
        }
      }
    ],
    [
      QuickReply,
      {
        QuickReply: {
          good: [
            {
              wire: { id: 1, title: "问候", content: null, sort_order: 1 },
              app: { id: 1, title: "问候", content: null, sortOrder: 1 }
            }
          ],
          odd: [{ wire: { id: "1" }, app: { id: 1 }, odd: { id: "1" }, sent: { id: 1 } }],
          bad: [...noObject, {}, { id: "w-1" }]
        },
        QuickReplies: {
          good: [
            { wire: { common_words: [{ id: 1 }] }, app: { commonWords: [{ id: 1 }] } },
            { wire: {}, app: { commonWords: [] }, sent: { common_words: [] } }
          ],
          odd: [{ wire: { common_words: [{}, { id: 1 }, 2] }, app: { commonWords: [{ id: 1 }] } }],
          bad: noObject
        },
        QuickReplyInput: {
          good: [
            { wire: { title: "", content: "您好", sort_order: 1 }, app: { title: "", content: "您好", sortOrder: 1 } },
            same({})
          ],
          bad: [...noObject, { title: null }]
        }
      }
    ],
    [
      Rating,
      {
        RatingInput: {
          good: [
            {
              wire: { score: 5, suggestion: "很好", rating_tag_ids: [1] },
              app: { score: 5, suggestion: "很好", ratingTagIds: [1] }
            },
            same({ score: 1 })
          ],
          bad: [
            ...noObject,
            {},
            { score: 0 },
            { score: 6 },
            { score: 2.5 },
            { score: "5" },
            { score: 5, rating_tag_ids: ["1"] }
          ]
        },
        RatingTag: { good: [same({ id: 1, name: "热情" }), same({ id: 1 })], bad: [...noObject, {}] },
        Rating: {
          good: [
            same({ score: 5, label: "非常满意", tags: [{ id: 1 }] }),
            { wire: { tags: null }, app: { tags: [] }, sent: { tags: [] } }
          ],
          odd: [{ wire: { tags: [{}] }, app: { tags: [] } }],
          bad: noObject
        },
        Ratings: {
          good: [
            same({ ratings: [{ score: 5, tags: [] }] }),
            { wire: {}, app: { ratings: [] }, sent: { ratings: [] } }
          ],
          odd: [{ wire: { ratings: 1 }, app: { ratings: [] } }],
          bad: noObject
        },
        RatingReceipt: {
          good: [{ wire: { score: 5, conversation_id: 5 }, app: { score: 5, conversationId: 5 } }, same({})],
          odd: [
            {
              wire: { conversation_id: "5" },
              app: { conversationId: 5 },
              odd: { conversationId: "5" },
              sent: { conversation_id: 5 }
            }
          ],
          bad: noObject
        }
      }
    ],
    [
      Tag,
      {
        Tag: {
          good: [same({ id: 1, name: "VIP ⭐" }), same({ id: 1, name: null })],
          odd: [{ wire: { id: "1" }, app: { id: 1 }, odd: { id: "1" }, sent: { id: 1 } }],
          bad: [...noObject, {}, { id: "" }]
        },
        NewTag: {
          good: [{ wire: { name: "VIP", text_color: "red" }, app: { name: "VIP", textColor: "red" } }, same({})],
          bad: [...noObject, { name: 1 }]
        }
      }
    ],
    [
      Token,
      {
        AnonymousToken: {
          good: [{ wire: { token: "秘密", expires_in: 1 }, app: { token: Redacted.make("秘密"), expiresIn: 1 } }],
          bad: [...noObject, {}, { token: null }, { token: 1 }]
        }
      }
    ],
    [
      Upload,
      {
        PresignRequest: {
          good: [
            {
              wire: { filename: "图.png", content_type: "image/png", byte_size: 0 },
              app: { filename: "图.png", contentType: "image/png", byteSize: 0 }
            }
          ],
          bad: [
            ...noObject,
            {},
            { filename: "a", content_type: "b", byte_size: -1 },
            { filename: "a", content_type: "b", byte_size: 1.5 }
          ]
        },
        PresignedUrl: {
          good: [
            {
              wire: { blob_id: "b1", signed_url: "/upload?sig=a_b", url: "/blobs/b1", expires_in: 60 },
              app: { blobId: "b1", signedUrl: "/upload?sig=a_b", url: "/blobs/b1", expiresIn: 60 }
            }
          ],
          bad: [...noObject, {}, { blob_id: 1, signed_url: "s" }, { blob_id: null, signed_url: "s", url: "u" }]
        },
        UploadedFile: { good: [same({ id: 1, url: "/blobs/1" })], bad: [...noObject, { id: 1 }] }
      }
    ],
    [
      User,
      {
        UserType: {
          good: [same("CUSTOMER"), same("STAFF"), same("ADMIN"), same("ROBOT"), same("BOT_2")],
          bad: [1, null]
        },
        User: {
          good: [
            { wire: staff, app: staffApp },
            {
              wire: { id: 3, user_type: "CUSTOMER", tags: [{ id: 1, tag_color: "red" }], utm_1_x: "a" },
              app: { id: 3, userType: "CUSTOMER", tags: [{ id: 1, tagColor: "red" }], utm1X: "a" },
              sent: { id: 3, user_type: "CUSTOMER", tags: [{ id: 1, tag_color: "red" }], utm1_x: "a" }
            },
            {
              wire: { id: 3, user_type: "VIP", tags: null, online: null },
              app: { id: 3, userType: "VIP", tags: null, online: null }
            }
          ],
          odd: [
            { wire: { id: 3 }, app: { id: 3, userType: "" }, odd: { userType: undefined } },
            { wire: { id: 3, user_type: null }, app: { id: 3, userType: "" }, odd: { userType: null } },
            {
              wire: { id: 3, user_type: "A", nickname: 1, phone: 13800138000, remark: { some_key: 1 }, tags: ["VIP"] },
              app: { id: 3, userType: "A", tags: [] },
              odd: { nickname: 1, phone: 13800138000, remark: { some_key: 1 } }
            },
            ...[1, "1", "true"].map((online) => ({
              wire: { id: 3, user_type: "A", online },
              app: { id: 3, userType: "A", online: true },
              odd: { online },
              sent: { id: 3, user_type: "A", online: true }
            })),
            ...[0, "0", "false"].map((online) => ({
              wire: { id: 3, user_type: "A", online },
              app: { id: 3, userType: "A", online: false },
              odd: { online },
              sent: { id: 3, user_type: "A", online: false }
            })),
            { wire: { id: 3, user_type: "A", online: 2 }, app: { id: 3, userType: "A" }, odd: { online: 2 } }
          ],
          bad: [...noObject, {}, { user_type: "STAFF" }, { id: true, user_type: "STAFF" }]
        },
        ProfileUpdate: {
          good: [{ wire: { nickname: "", real_name: "王" }, app: { nickname: "", realName: "王" } }, same({})],
          bad: [...noObject, { nickname: 1 }]
        },
        TransferTarget: {
          good: [
            {
              wire: { id: 2, user_type: "STAFF", online: true, capacity: 5, load: 0, skill_groups: ["售后"] },
              app: { id: 2, userType: "STAFF", online: true, capacity: 5, load: 0, skillGroups: ["售后"] }
            }
          ],
          odd: [{ wire: { id: 2 }, app: { id: 2, userType: "" }, odd: { userType: undefined } }],
          bad: [...noObject, {}]
        },
        TransferTargets: {
          good: [
            { wire: { users: [staff], total: 1 }, app: { users: [staffApp], total: 1 } },
            { wire: { users: null }, app: { users: [] }, sent: { users: [] } }
          ],
          odd: [{ wire: { users: [{}] }, app: { users: [] } }],
          bad: noObject
        }
      }
    ],
    [
      Visit,
      {
        VisitInfo: {
          good: [
            {
              wire: { page_url: "https://shop.example.com/?a_b=1", visit_count: 2, ip_address: "::1" },
              app: { pageUrl: "https://shop.example.com/?a_b=1", visitCount: 2, ipAddress: "::1" }
            },
            same({})
          ],
          odd: [
            { wire: { visit_count: "2" }, app: { visitCount: 2 }, odd: { visitCount: "2" }, sent: { visit_count: 2 } }
          ],
          bad: noObject
        }
      }
    ]
  ]

const isCodec = (value: unknown): value is Schema.Codec<unknown> => Schema.isSchema(value)

/** To chai all redacted values are equal. */
const revealed = (value: unknown) =>
  JSON.parse(JSON.stringify(value, (_, item: unknown) => (Redacted.isRedacted(item) ? Redacted.value(item) : item)))

describe.each(
  samples.flatMap(([module, byName]) =>
    Object.entries(byName).map(([name, list]) => [name, module[name], list] as const)
  )
)("%s", (_, schema, { bad, good, odd = [] }) => {
  if (!isCodec(schema)) throw new Error("no schema")
  const decode = Schema.decodeUnknownSync(schema)

  it.each([...good, ...odd])("decodes $wire", ({ app, odd, sent, wire }) => {
    const decoded = decode(JSON.parse(JSON.stringify(wire)))
    assert.deepStrictEqual(oddOf(decoded), odd)
    if (decoded !== null && typeof decoded === "object") assert.deepStrictEqual(oddOf({ ...decoded }), odd)
    assert.deepStrictEqual(revealed(decoded), revealed(app))
    assert.isTrue(Schema.is(schema)(decoded))
    assert.deepStrictEqual(Schema.encodeUnknownSync(schema)(decoded), sent ?? wire)
  })

  it.each(bad.map((wire) => ({ wire })))("refuses $wire", ({ wire }) => {
    assert.isTrue(Exit.isFailure(Schema.decodeUnknownExit(schema)(wire)))
  })
})

describe("samples", () => {
  it("there are of each schema", () => {
    // Message.test.ts has those of messages and their contents.
    const elsewhere = /Message$|^(?:Media|Menu|MenuItem|RobotAnswer|Order|MessageRecall|CustomerRate|Conversation\w+)$/
    for (const [module, byName] of samples) {
      const schemas = Object.keys(module).filter(
        (name) => isCodec(module[name]) && !(module === Message && elsewhere.test(name))
      )
      assert.sameMembers(Object.keys(byName), schemas)
    }
  })

  it("without what the caller left undefined are sent without it", () => {
    assert.deepStrictEqual(
      Schema.encodeUnknownSync(User.ProfileUpdate)({ nickname: undefined, phone: "1", realName: undefined }),
      { phone: "1" }
    )
    assert.deepStrictEqual(
      Schema.encodeUnknownSync(Rating.RatingInput)({ score: 5, suggestion: undefined, ratingTagIds: undefined }),
      { score: 5 }
    )
    assert.deepStrictEqual(
      Schema.encodeUnknownSync(Conversation.ConversationQuery)({ page: undefined, limit: null, state: undefined }),
      {}
    )
  })
})

import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { Conversation } from "../../src/domain/Conversation.ts"
import { Message } from "../../src/domain/Message.ts"
import * as perspective from "../../src/domain/Perspective.ts"

const people = {
  visitor: { id: 7, userType: "CUSTOMER", nickname: "小明" },
  other: { id: 8, userType: "CUSTOMER", nickname: "小红" },
  staff: { id: 5, userType: "STAFF", nickname: "小李" },
  colleague: { id: 6, userType: "STAFF", nickname: "小王" },
  admin: { id: 4, userType: "ADMIN", nickname: "赵经理" },
  robot: { id: 1, userType: "ROBOT", nickname: "小海" },
  stranger: { id: 99, userType: "?", nickname: "" }
} as const

type Name = keyof typeof people

const known = new Map<number, perspective.Person>(
  Object.entries(people).flatMap(([name, person]) => (name === "stranger" ? [] : [[person.id, person] as const]))
)

const viewer = (me: Name | undefined): perspective.Viewer => ({
  me: me === undefined ? undefined : people[me],
  users: known
})

const decodeMessage = Schema.decodeUnknownSync(Message)
const decodeConversation = Schema.decodeUnknownSync(Conversation)

const message = (from_id: number | null | undefined, message_type = 1, content: unknown = "x", id = 10) =>
  decodeMessage({ id, from_id, content, message_type, conversation_id: 3 })

describe("perspective", () => {
  const directions: ReadonlyArray<readonly [me: Name | undefined, from: Name, direction: 0 | 1]> = [
    ["visitor", "visitor", 0],
    ["visitor", "other", 0],
    ["visitor", "staff", 1],
    ["visitor", "admin", 1],
    ["visitor", "robot", 1],
    ["visitor", "stranger", 1],
    ["staff", "staff", 0],
    ["staff", "colleague", 0],
    ["staff", "admin", 0],
    ["staff", "robot", 0],
    ["staff", "visitor", 1],
    ["staff", "stranger", 1],
    ["admin", "visitor", 1],
    ["admin", "staff", 0],
    ["robot", "visitor", 1],
    [undefined, "visitor", 1]
  ]

  for (const [me, from, direction] of directions) {
    it(`${me ?? "somebody unknown"} ${direction === 0 ? "sent" : "received"} what ${from} said`, () => {
      assert.strictEqual(perspective.directionOf(message(people[from].id), viewer(me)), direction)
    })
  }

  it("counts system messages as received, whoever sent them", () => {
    for (const code of [101, 102, 104, 110, 150]) {
      const said = message(7, code, { reason: 1, message_id: 1 })
      assert.strictEqual(perspective.directionOf(said, viewer("visitor")), 1)
      assert.isTrue(perspective.viewMessage(said, viewer("visitor"), true).isSystemMessage)
    }
  })

  it("counts a message without a sender as received", () => {
    for (const from of [null, undefined]) {
      const viewed = perspective.viewMessage(message(from), viewer("visitor"), false)
      assert.deepInclude(viewed, { direction: 1, fromId: 0, nickname: "", createdAt: 0, hasRecommend: false })
    }
  })

  it("prefers the own profile to a conversation's copy of it", () => {
    const renamed = { ...people.visitor, nickname: "新名" }
    const viewed = perspective.viewMessage(message(7), { me: renamed, users: known }, true)
    assert.strictEqual(viewed.nickname, "新名")
  })

  it("has the fields that the old client gave, and no others", () => {
    const viewed = perspective.viewMessage(decodeMessage({ ...raw(10, 7), extra_field: 1 }), viewer("staff"), true)
    const fields = [
      "isSystemMessage direction content isRead id fromId nickname messageType createdAt conversationId hasRecommend"
    ]
    assert.strictEqual(Object.keys(viewed).join(" "), fields.join(" "))
  })

  it("completes a known user that the content names by id only", () => {
    const built = (content: object) => perspective.contentOf(message(5, 102, content), viewer("visitor"))
    assert.deepStrictEqual(built({ user_id: 5 }), { userId: 5, nickname: "小李", userType: "STAFF" })
    assert.deepStrictEqual(built({ user_id: 5, nickname: null }), { userId: 5, nickname: "小李", userType: "STAFF" })
    assert.deepStrictEqual(built({ user_id: 5, nickname: "别名" }), { userId: 5, nickname: "别名" })
    assert.deepStrictEqual(built({ user_id: 99 }), { userId: 99 })
  })

  it("keeps the name of a type whose content does not match", () => {
    assert.strictEqual(perspective.messageName(message(5, 2, "no image")), "Image")
    assert.strictEqual(perspective.messageName(message(5, 77)), undefined)
  })

  const raw = (id: number, from_id: number, message_type = 1) => ({
    id,
    from_id,
    content: "x",
    message_type,
    conversation_id: 3
  })

  const raws = { visitor: { id: 7, user_type: "CUSTOMER" }, staff: { id: 5, user_type: "STAFF", nickname: "小李" } }

  const conversation = (marks: Readonly<Record<number, number | null>>, more: object = {}) =>
    decodeConversation({
      id: 3,
      state: "ACTIVE",
      customer: raws.visitor,
      last_staff: raws.staff,
      users: [raws.visitor, raws.staff],
      conversations_user: Object.entries(marks).map(([user_id, latest_read_message_id]) => ({
        user_id: Number(user_id),
        latest_read_message_id
      })),
      messages: [raw(10, 7), raw(11, 5), raw(12, 5, 107), raw(13, 5), raw(14, 7)],
      free_field: { a_b: 1 },
      ...more
    })

  const counts: ReadonlyArray<readonly [me: Name, mark: number | undefined, unread: number]> = [
    ["visitor", 11, 1],
    ["visitor", 12, 1],
    ["visitor", 13, 0],
    ["visitor", 3, 2],
    ["visitor", 99, 0],
    ["visitor", undefined, 2],
    ["staff", 10, 1],
    ["staff", 3, 2],
    ["staff", 14, 0],
    ["staff", undefined, 2]
  ]

  for (const [me, mark, unread] of counts) {
    it(`${me} who read up to ${mark ?? "nothing"} has ${unread} unread of five messages`, () => {
      const marks = mark === undefined ? {} : { [people[me].id]: mark }
      assert.strictEqual(perspective.unreadCountOf(conversation(marks), viewer(me)), unread)
    })
  }

  it("fetched messages are read up to the counterpart's mark", () => {
    const read = (me: Name, marks: Readonly<Record<number, number>>, more?: object) =>
      perspective
        .viewConversation(conversation(marks, more), viewer(me))
        .messages.filter(({ isRead }) => isRead)
        .map(({ id }) => id)
    assert.deepStrictEqual(read("visitor", { 5: 12, 7: 99 }), [10, 11, 12])
    assert.deepStrictEqual(read("staff", { 5: 12, 7: 10 }), [10])
    assert.deepStrictEqual(read("visitor", { 7: 99 }), [])
    assert.deepStrictEqual(read("visitor", { 5: 12 }, { last_staff: null, state: "PENDING" }), [])
  })

  it("while a robot serves an active conversation, every message is read, and received ones count as unread", () => {
    const robot = { last_staff: { id: 1, user_type: "ROBOT" } }
    const served = perspective.viewConversation(conversation({}, robot), viewer("visitor"))
    assert.isTrue(served.messages.every(({ isRead }) => isRead))
    assert.strictEqual(served.unreadCount, 2)
    const over = perspective.viewConversation(conversation({}, { ...robot, state: "FINISHED" }), viewer("visitor"))
    assert.isFalse(over.messages.some(({ isRead }) => isRead))
  })

  it("counts a conversation without an own read mark as new, unless it has ended", () => {
    const isNew = (marks: Readonly<Record<number, number | null>>, state: string) =>
      perspective.viewConversation(conversation(marks, { state }), viewer("staff")).isNew
    assert.isTrue(isNew({}, "ACTIVE"))
    assert.isTrue(isNew({ 5: null }, "PENDING"))
    assert.isTrue(isNew({ 5: 0 }, "ACTIVE"))
    assert.isTrue(isNew({ 7: 10 }, "ACTIVE"))
    assert.isFalse(isNew({ 5: 3 }, "ACTIVE"))
    assert.isFalse(isNew({}, "FINISHED"))
  })

  it("knows a conversation's users by id, and passes other fields on", () => {
    const viewed = perspective.viewConversation(conversation({}), { me: people.visitor, users: new Map() })
    assert.deepStrictEqual(Object.keys(viewed.users), ["5", "7"])
    assert.strictEqual(viewed.messages[1]?.nickname, "小李")
    assert.deepStrictEqual(viewed["freeField"], { aB: 1 })
    const empty = perspective.viewConversation(decodeConversation({ id: 3, state: "PENDING" }), viewer("visitor"))
    assert.deepInclude(empty, { users: {}, messages: [], unreadCount: 0, isNew: true })
  })
})

import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { Conversation } from "../../src/domain/Conversation.ts"
import { Message } from "../../src/domain/Message.ts"
import { Directory, type Unplaced } from "../../src/client/directory.ts"

const staff = { id: 5, userType: "STAFF", nickname: "小李" }
const visitors = [7, 8].map((id) => ({ id, userType: "CUSTOMER", nickname: "客" }))

const conversation = (id: number, customer: number | null, state = "ACTIVE") =>
  Schema.decodeUnknownSync(Conversation)({
    id,
    state,
    customer: customer === null ? null : { id: customer, user_type: "CUSTOMER", nickname: "客" },
    users: [],
    conversations_user: [],
    messages: []
  })

const from = (from_id: number | null, conversation_id: number, message_type = 1) =>
  Schema.decodeUnknownSync(Message)({ id: 1, from_id, conversation_id, message_type, content: "x", created_at: 1 })

const setup = (me: typeof staff | undefined) => {
  const placed: Array<Unplaced> = []
  const directory = new Directory((message) => placed.push(message))
  if (me !== undefined) directory.setMe(me)
  for (const user of [staff, ...visitors]) directory.add(user)
  return { directory, placed }
}

const built = (): Unplaced => ({ id: 9, conversationId: 0, isRead: false })

describe("Directory", () => {
  it("knows the visitor of a conversation that staff have read, or in which the visitor wrote", () => {
    const { directory } = setup(staff)
    directory.readConversation(conversation(3, 7))
    directory.readMessage(from(8, 4))
    directory.readMessage(from(5, 6))
    directory.readMessage(from(null, 6, 107))
    assert.deepStrictEqual(
      [3, 4, 6].map((id) => directory.visitorOf(id)),
      [7, 8, undefined]
    )
  })

  it("sets the conversation of the staff's message to a visitor, and of no other", () => {
    const { placed, directory } = setup(staff)
    const [toSeven, toEight, toNobody] = [built(), built(), built()]
    directory.place(toSeven, 7)
    directory.place(toEight, 8)
    directory.place(toNobody, undefined)
    directory.readConversation(conversation(2, 8, "FINISHED"))
    assert.deepStrictEqual(placed, [])
    directory.readMessage(from(8, 4))
    assert.deepStrictEqual(placed, [toEight])
    assert.deepStrictEqual(
      [toSeven, toEight, toNobody].map(({ conversationId }) => conversationId),
      [0, 4, 0]
    )
  })

  it("does not set an ended conversation", () => {
    const { placed, directory } = setup(visitors[0])
    directory.readMessage(from(5, 3))
    directory.readMessage(from(null, 3, 104))
    const message = built()
    directory.place(message, undefined)
    assert.deepStrictEqual(placed, [])
    directory.readMessage(from(null, 4, 102))
    assert.strictEqual(message.conversationId, 4)
  })

  it("sets no conversation while the current user is unknown", () => {
    const { placed, directory } = setup(undefined)
    directory.readConversation(conversation(3, 7))
    directory.place(built(), 7)
    directory.readMessage(from(7, 3))
    assert.deepStrictEqual(placed, [])
  })
})

import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { Conversation } from "../../src/domain/Conversation.ts"
import { Message } from "../../src/domain/Message.ts"
import { type Homeless, Whereabouts } from "../../src/client/whereabouts.ts"

const staff = { id: 5, userType: "STAFF", nickname: "小李" }
const visitors = [7, 8].map((id) => ({ id, userType: "CUSTOMER", nickname: "客" }))
const people = new Map([staff, ...visitors].map((person) => [person.id, person]))

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
  const placed: Array<Homeless> = []
  return { placed, whereabouts: new Whereabouts({ me, users: people }, (message) => placed.push(message)) }
}

const built = () => ({ id: 9, conversationId: 0 })

describe("Whereabouts", () => {
  it("staff: knows the visitor of a conversation that was read, or that the visitor wrote in", () => {
    const { whereabouts } = setup(staff)
    whereabouts.read(conversation(3, 7))
    whereabouts.hear(from(8, 4))
    whereabouts.hear(from(5, 6))
    whereabouts.hear(from(null, 6, 107))
    assert.deepStrictEqual(
      [3, 4, 6].map((id) => whereabouts.visitorOf(id)),
      [7, 8, undefined]
    )
  })

  it("staff: places a message to a visitor, and to no other", () => {
    const { placed, whereabouts } = setup(staff)
    const [toSeven, toEight, toNobody] = [built(), built(), built()]
    whereabouts.place(toSeven, 7)
    whereabouts.place(toEight, 8)
    whereabouts.place(toNobody, undefined)
    whereabouts.read(conversation(2, 8, "FINISHED"))
    assert.deepStrictEqual(placed, [])
    whereabouts.hear(from(8, 4))
    assert.deepStrictEqual(placed, [toEight])
    assert.deepStrictEqual(
      [toSeven, toEight, toNobody].map(({ conversationId }) => conversationId),
      [0, 4, 0]
    )
  })

  it("a conversation that has ended is no place any more", () => {
    const { placed, whereabouts } = setup(visitors[0])
    whereabouts.hear(from(5, 3))
    whereabouts.hear(from(null, 3, 104))
    const message = built()
    whereabouts.place(message, undefined)
    assert.deepStrictEqual(placed, [])
    whereabouts.hear(from(null, 4, 102))
    assert.strictEqual(message.conversationId, 4)
  })

  it("nothing is placed for whom nobody knows", () => {
    const { placed, whereabouts } = setup(undefined)
    whereabouts.read(conversation(3, 7))
    whereabouts.place(built(), 7)
    whereabouts.hear(from(7, 3))
    assert.deepStrictEqual(placed, [])
  })
})

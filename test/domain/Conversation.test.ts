import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { oddOf } from "../../src/codec/Odd.ts"
import { Conversation } from "../../src/domain/Conversation.ts"
import { viewConversation } from "../../src/domain/Perspective.ts"

describe("a conversation in a state that this version does not know", () => {
  it("has an empty state, tells the backend's, and sends it back", () => {
    const wire = { id: 7, state: "ARCHIVED", users: [], conversations_user: [], messages: [] }
    const conversation = Schema.decodeUnknownSync(Conversation)(wire)
    assert.strictEqual(conversation.state, "")
    assert.deepStrictEqual(oddOf(conversation), { state: "ARCHIVED" })
    assert.deepStrictEqual(Schema.encodeSync(Conversation)(conversation), wire)
    const viewed: object = viewConversation(conversation, { me: undefined, users: new Map() })
    assert.propertyVal(viewed, "state", "ARCHIVED")
  })
})

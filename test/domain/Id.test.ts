import { assert, describe, it } from "@effect/vitest"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Id from "../../src/domain/Id.ts"

const { BlobId, ...integers } = Id

describe("ids", () => {
  it.each(Object.entries(integers))("%s is an integer and nothing else", (_, id) => {
    for (const value of [0, 1, -1, Number.MAX_SAFE_INTEGER]) {
      assert.strictEqual(Schema.decodeUnknownSync(id)(value), value)
      assert.strictEqual(Schema.encodeUnknownSync(id)(value), value)
    }
    for (const wrong of [1.5, "1", Number.NaN, Infinity, 2 ** 53, null, undefined, true, [1], { id: 1 }, 1n]) {
      assert.isTrue(Exit.isFailure(Schema.decodeUnknownExit(id)(wrong)), String(wrong))
      assert.isTrue(Exit.isFailure(Schema.encodeUnknownExit(id)(wrong)), String(wrong))
    }
  })

  it("of one kind do not stand in for another", () => {
    const userId = Schema.decodeUnknownSync(Id.UserId)(1)
    const asUser: Id.UserId = userId
    // @ts-expect-error a user's id is no conversation's
    const asConversation: Id.ConversationId = userId
    // @ts-expect-error a number must be checked first
    const unchecked: Id.UserId = 1
    assert.deepStrictEqual<ReadonlyArray<number>>([asUser, asConversation, unchecked], [1, 1, 1])
  })

  it("of files are numbers or strings", () => {
    for (const value of [1, "1", "b1f0-中"]) assert.strictEqual(Schema.decodeUnknownSync(BlobId)(value), value)
    for (const wrong of [1.5, Number.NaN, null, {}]) {
      assert.isTrue(Exit.isFailure(Schema.decodeUnknownExit(BlobId)(wrong)))
    }
  })
})

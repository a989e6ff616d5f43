import { assert, describe, it } from "@effect/vitest"
import { Positions } from "../../src/internal/positions.ts"
import { cid, message } from "../support/Chat.ts"

const say = (id: number, conversationId: number) => message(id, undefined, "Text", "x", conversationId)

describe("positions", () => {
  it("gives each message once, and tells one that comes late", () => {
    const positions = new Positions()
    assert.deepStrictEqual(
      [10, 10, 12, 11, 11, 13].map((id) => positions.admit(say(id, 7))),
      ["new", "duplicate", "new", "late", "duplicate", "new"]
    )
    assert.isFalse(positions.misses(say(12, 7)))
    assert.isTrue(positions.misses(say(14, 7)))
  })

  it("CONN-16 forgets the conversation that was quiet for longest, so that hostile ids cannot fill the memory", () => {
    const positions = new Positions()
    for (let id = 1; id <= 10_000; id++) {
      positions.admit(say(id, id))
      if (id % 100 === 0) positions.admit(say(1_000_000 + id, 1))
    }
    assert.strictEqual(positions.open().length, 4096)
    assert.isTrue(positions.knows(cid(1)))
    assert.isFalse(positions.knows(cid(2)))
    assert.isTrue(positions.knows(cid(10_000)))
    assert.strictEqual(positions.admit(say(1_000_100, 1)), "duplicate")
  })
})

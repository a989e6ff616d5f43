import { assert, describe, it } from "@effect/vitest"
import type { Conversation } from "../../../src/domain/Conversation.ts"
import { ConversationId, MessageId } from "../../../src/domain/Id.ts"
import type { Message } from "../../../src/domain/Message.ts"
import { Positions } from "../../../src/realtime/internal/deliveryLog.ts"

const one = ConversationId.make(1)

const text = (id: number): Message => ({
  id: MessageId.make(id),
  conversationId: one,
  messageType: "Text",
  content: `${id}`
})

const built = (id: number, userType: "CUSTOMER" | "STAFF" | "ROBOT"): Message => ({
  id: MessageId.make(id),
  conversationId: one,
  messageType: "ConversationBuilt",
  content: { userType }
})

const conversation = (...messages: ReadonlyArray<Message>): Conversation => ({
  id: one,
  state: "ACTIVE",
  users: [],
  conversationsUser: [],
  messages
})

const missing = (positions: Positions, ...messages: ReadonlyArray<Message>) => {
  const found = positions.missing(conversation(...messages))
  return { ids: found.messages.map(({ id }) => Number(id)), complete: found.complete }
}

const baselined = (settled?: number) => {
  const positions = new Positions()
  positions.baselined = true
  if (settled !== undefined) positions.settle(one, settled)
  return positions
}

describe("Positions", () => {
  it("admits each message once, and tells when one is late", () => {
    const positions = new Positions()
    assert.deepStrictEqual(
      [1, 2, 2, 5, 4, 5, 4, 6].map((id) => positions.admit(text(id))),
      ["new", "new", "duplicate", "new", "late", "duplicate", "duplicate", "new"]
    )
  })

  it("admits what comes live even if the history had it before", () => {
    const positions = baselined(9)
    assert.strictEqual(positions.admit(text(9)), "new")
    assert.strictEqual(positions.admit(text(9)), "duplicate")
  })

  it("remembers the latest 512 ids, and takes older ones for delivered", () => {
    const positions = new Positions()
    for (let id = 1; id <= 600; id++) positions.admit(text(id))
    assert.strictEqual(positions.admit(text(1)), "duplicate")
    assert.strictEqual(positions.admit(text(600)), "duplicate")
    assert.isAtMost(positions.size, 1)
  })

  it("takes only what was known for a while for the end of a page, since pushes may overtake each other", () => {
    const positions = baselined(1)
    positions.tick(0)
    positions.admit(text(2))
    positions.sent(MessageId.make(5))
    positions.tick(1000)
    assert.deepStrictEqual(missing(positions, text(5)), { ids: [], complete: false })
    assert.deepStrictEqual(missing(positions, text(1), text(4), text(5)), { ids: [4], complete: true })
    positions.tick(2000)
    assert.deepStrictEqual(missing(positions, text(5)), { ids: [], complete: false })
    positions.tick(4000)
    assert.deepStrictEqual(missing(positions, text(5), text(6)), { ids: [6], complete: true })
  })

  it("takes nothing for missed of which nobody knows whether it is new", () => {
    const positions = new Positions()
    assert.deepStrictEqual(missing(positions, built(1, "ROBOT"), text(2)), { ids: [], complete: false })
    positions.admit(text(4))
    positions.baselined = true
    assert.deepStrictEqual(missing(positions, built(1, "ROBOT"), text(2), text(4), text(5)), {
      ids: [5],
      complete: false
    })
  })

  it("forgets conversations that ended long ago, and what is left of them is no news", () => {
    const positions = baselined()
    for (let id = 1; id <= 300; id++) {
      const conversationId = ConversationId.make(id)
      positions.admit({ ...text(id), conversationId })
      positions.end(conversationId)
    }
    assert.isAtMost(positions.size, 512)
    assert.deepStrictEqual(positions.open(), [])
    positions.clear()
    assert.strictEqual(positions.size, 0)
  })

  it("CONN-16 forgets the conversation that was quiet for longest, so that hostile ids cannot fill the memory", () => {
    const positions = new Positions()
    for (let id = 1; id <= 10_000; id++) {
      positions.admit({ ...text(id), conversationId: ConversationId.make(id) })
      if (id % 100 === 0) positions.admit(text(1_000_000 + id))
    }
    assert.strictEqual(positions.open().length, 4096)
    assert.isTrue(positions.knows(ConversationId.make(1)))
    assert.isFalse(positions.knows(ConversationId.make(2)))
    assert.isTrue(positions.knows(ConversationId.make(10_000)))
    assert.strictEqual(positions.admit(text(1_000_100)), "duplicate")
  })
})

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

  it("finds what is missing, and knows whether that is all", () => {
    const positions = baselined(3)
    positions.admit(text(4))
    assert.deepStrictEqual(missing(positions, text(3), text(4), text(6)), { ids: [6], complete: true })
    assert.deepStrictEqual(missing(positions, text(4), text(6)), { ids: [6], complete: true })
    assert.deepStrictEqual(missing(positions, text(6)), { ids: [6], complete: false })
    assert.deepStrictEqual(missing(baselined(5), text(6)), { ids: [6], complete: true })
    assert.deepStrictEqual(missing(positions), { ids: [], complete: false })
  })

  it("does not miss what the app sent or recalled itself", () => {
    const positions = baselined(1)
    positions.sent(MessageId.make(2))
    positions.recalled(MessageId.make(2))
    const recall: Message = {
      id: MessageId.make(3),
      conversationId: one,
      messageType: "MessageRecall",
      content: { messageId: MessageId.make(2) }
    }
    assert.deepStrictEqual(missing(positions, text(2), recall, text(4)), { ids: [4], complete: true })
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

  it("gives whoever was brought in by a transfer that transfer too", () => {
    const transfer: Message = {
      id: MessageId.make(3),
      conversationId: one,
      messageType: "ConversationTransfer",
      content: {}
    }
    const page = [text(2), transfer, built(5, "CUSTOMER"), text(6)]
    assert.deepStrictEqual(missing(baselined(), ...page), { ids: [3, 5, 6], complete: true })
    assert.deepStrictEqual(missing(baselined(), ...page.slice(2)), { ids: [5, 6], complete: false })
    const overtaken = baselined()
    overtaken.admit(built(5, "CUSTOMER"))
    assert.deepStrictEqual(missing(overtaken, ...page), { ids: [3, 6], complete: true })
  })

  it("lets staff begin where a customer was brought to them", () => {
    assert.deepStrictEqual(missing(baselined(), built(1, "ROBOT"), text(2), built(3, "CUSTOMER"), text(4)), {
      ids: [3, 4],
      complete: true
    })
    const live = baselined()
    live.admit(built(3, "CUSTOMER"))
    assert.deepStrictEqual(missing(live, text(2), built(3, "CUSTOMER"), text(4)), { ids: [4], complete: true })
    const reordered = baselined()
    reordered.admit(text(4))
    assert.deepStrictEqual(missing(reordered, text(2), built(3, "CUSTOMER"), text(4)), { ids: [3], complete: true })
  })

  it("is not sure which of several joinings was its own", () => {
    const page = [built(3, "CUSTOMER"), text(4), built(5, "CUSTOMER"), text(6)]
    assert.deepStrictEqual(missing(baselined(), ...page), { ids: [5, 6], complete: false })
  })

  it("lets a visitor begin with the robot", () => {
    assert.deepStrictEqual(missing(baselined(), built(1, "ROBOT"), text(2)), { ids: [1, 2], complete: true })
    assert.deepStrictEqual(missing(baselined(), built(7, "STAFF"), text(8)), { ids: [7, 8], complete: false })
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

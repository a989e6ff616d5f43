import { assert, describe, it } from "@effect/vitest"
import type { Conversation } from "../../../src/domain/Conversation.ts"
import { ConversationId, MessageId } from "../../../src/domain/Id.ts"
import type { Message } from "../../../src/domain/Message.ts"
import { DeliveryLog } from "../../../src/realtime/internal/deliveryLog.ts"

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

const newMessages = (log: DeliveryLog, ...messages: ReadonlyArray<Message>) => {
  const found = log.newMessagesOf(conversation(...messages))
  return { ids: found.messages.map(({ id }) => Number(id)), complete: found.complete }
}

const baselined = (settled?: number) => {
  const log = new DeliveryLog()
  log.baselined = true
  if (settled !== undefined) log.settle(conversation(text(settled)))
  return log
}

describe("DeliveryLog", () => {
  it("admits each message once, and reports a late one", () => {
    const log = new DeliveryLog()
    assert.deepStrictEqual(
      [1, 2, 2, 5, 4, 5, 4, 6].map((id) => log.admit(text(id))),
      ["new", "new", "duplicate", "new", "late", "duplicate", "duplicate", "new"]
    )
  })

  it("admits a live message even if the history had it before", () => {
    const log = baselined(9)
    assert.strictEqual(log.admit(text(9)), "new")
    assert.strictEqual(log.admit(text(9)), "duplicate")
  })

  it("remembers the latest 512 ids, and counts older ones as delivered", () => {
    const log = new DeliveryLog()
    for (let id = 1; id <= 600; id++) log.admit(text(id))
    assert.strictEqual(log.admit(text(1)), "duplicate")
    assert.strictEqual(log.admit(text(600)), "duplicate")
    assert.isAtMost(log.size, 1)
  })

  it("is sure that a page is complete only once no push can still be on its way", () => {
    const log = baselined(1)
    log.noteTime(0)
    log.admit(text(2))
    log.noteSent(MessageId.make(5))
    log.noteTime(1000)
    assert.deepStrictEqual(newMessages(log, text(5)), { ids: [], complete: false })
    assert.deepStrictEqual(newMessages(log, text(1), text(4), text(5)), { ids: [4], complete: true })
    log.noteTime(2000)
    assert.deepStrictEqual(newMessages(log, text(5)), { ids: [], complete: false })
    log.noteTime(4000)
    assert.deepStrictEqual(newMessages(log, text(5), text(6)), { ids: [6], complete: true })
  })

  it("finds nothing new in a conversation of which the beginning is not known", () => {
    const log = new DeliveryLog()
    assert.deepStrictEqual(newMessages(log, built(1, "ROBOT"), text(2)), { ids: [], complete: false })
    log.admit(text(4))
    log.baselined = true
    assert.deepStrictEqual(newMessages(log, built(1, "ROBOT"), text(2), text(4), text(5)), {
      ids: [5],
      complete: false
    })
  })

  it("forgets conversations that ended long ago", () => {
    const log = baselined()
    for (let id = 1; id <= 300; id++) {
      const conversationId = ConversationId.make(id)
      log.admit({ ...text(id), conversationId })
      log.noteEnd(conversationId)
    }
    assert.isAtMost(log.size, 512)
    assert.deepStrictEqual(log.openConversations(), [])
    log.clear()
    assert.strictEqual(log.size, 0)
  })

  it("CONN-16 forgets the conversation quiet for longest, so that hostile ids cannot fill the memory", () => {
    const log = new DeliveryLog()
    for (let id = 1; id <= 10_000; id++) {
      log.admit({ ...text(id), conversationId: ConversationId.make(id) })
      if (id % 100 === 0) log.admit(text(1_000_000 + id))
    }
    assert.strictEqual(log.openConversations().length, 4096)
    assert.isTrue(log.knows(ConversationId.make(1)))
    assert.isFalse(log.knows(ConversationId.make(2)))
    assert.isTrue(log.knows(ConversationId.make(10_000)))
    assert.strictEqual(log.admit(text(1_000_100)), "duplicate")
  })
})

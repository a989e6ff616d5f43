import { assert, describe, it, vi } from "@effect/vitest"
import { type Flagged, ReadFlags } from "../../src/client/readFlags.ts"

const make = (id: number, conversationId = 3): Flagged => ({ id, conversationId, isRead: false })

describe("ReadFlags", () => {
  it("sets the flags that a mark covers, whatever the order of the messages", () => {
    const flags = new ReadFlags()
    const messages = [30, 10, 20, 10, 40].map((id) => make(id))
    for (const message of messages) flags.track(message)
    const read = () => messages.filter(({ isRead }) => isRead).map(({ id }) => id)
    flags.mark(3, 9)
    assert.deepStrictEqual(read(), [])
    flags.mark(3, 20)
    assert.deepStrictEqual(read(), [10, 20, 10])
    flags.mark(3, 15)
    flags.mark(4, 99)
    assert.deepStrictEqual(read(), [10, 20, 10])
    flags.mark(3, 40)
    assert.strictEqual(read().length, 5)
  })

  it("applies a mark to messages tracked later", () => {
    const flags = new ReadFlags()
    flags.mark(3, 20)
    const [early, late] = [make(20), make(21)]
    flags.track(early)
    flags.track(late)
    assert.deepStrictEqual([early.isRead, late.isRead], [true, false])
  })

  it("sets the flags of pages, of which marks cover parts", () => {
    const flags = new ReadFlags()
    const page = [10, 20, 30, 40].map((id) => make(id))
    const again = [10, 20, 30, 40].map((id) => make(id))
    const odd = [make(35), make(15), make(15, 4)]
    flags.trackPage(3, page)
    flags.trackPage(3, odd)
    flags.track(make(25))
    const read = (messages: ReadonlyArray<Flagged>) => messages.filter(({ isRead }) => isRead).map(({ id }) => id)
    flags.mark(3, 20)
    assert.deepStrictEqual([read(page), read(odd)], [[10, 20], [15]])
    flags.trackPage(3, again)
    assert.deepStrictEqual(read(again), [10, 20])
    flags.mark(3, 30)
    flags.mark(3, 36)
    assert.deepStrictEqual(
      [read(page), read(again), read(odd)],
      [
        [10, 20, 30],
        [10, 20, 30],
        [35, 15]
      ]
    )
    flags.mark(3, 40)
    flags.mark(4, 15)
    assert.deepStrictEqual([read(page).length, read(again).length, read(odd).length], [4, 4, 3])
    assert.deepStrictEqual(page[0], { id: 10, conversationId: 3, isRead: true })
  })

  it("visits only the messages that a mark newly covers", () => {
    const deref = vi.spyOn(WeakRef.prototype, "deref")
    const looks = () => deref.mock.calls.length
    try {
      const flags = new ReadFlags()
      const messages = Array.from({ length: 50_000 }, (_, index) => make(1000 + index))
      for (const message of messages) flags.track(message)
      const tracking = looks()
      // Each message is looked at a constant number of times while the memory is tidied up.
      assert.isBelow(tracking, 3 * messages.length)
      for (let id = 0; id < 1000; id++) flags.mark(3, id)
      assert.strictEqual(looks(), tracking)
      for (let id = 1000; id < 2000; id++) flags.mark(3, id)
      assert.strictEqual(looks(), tracking + 1000)
      flags.mark(3, 1_000_000)
      assert.strictEqual(looks(), tracking + messages.length)
      assert.isTrue(messages.every(({ isRead }) => isRead))
    } finally {
      deref.mockRestore()
    }
  })

  it("remembers a bounded number of conversations, and forgets the least recently used", () => {
    const flags = new ReadFlags()
    flags.mark(1, 10)
    flags.mark(2, 10)
    for (let id = 100; id < 100 + 4095; id++) {
      flags.mark(id, 1)
      flags.mark(1, 11)
    }
    const [kept, gone] = [make(10, 1), make(10, 2)]
    flags.track(kept)
    flags.track(gone)
    assert.deepStrictEqual([kept.isRead, gone.isRead], [true, false])
  })
})

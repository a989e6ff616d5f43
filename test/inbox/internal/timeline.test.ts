import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { pageSize, Timeline } from "../../../src/inbox/internal/timeline.ts"

interface Item {
  readonly id: number
  readonly note?: string
}

const upTo = (count: number) =>
  new Timeline<Item>().setAll(Array.from({ length: count }, (_, index) => ({ id: index + 1 })))

const byId = (left: Item, right: Item) => left.id - right.id

/** The number of pages of `now` that `before` does not share. */
const fresh = (before: Timeline<Item>, now: Timeline<Item>) =>
  now.pages.filter((page) => !before.pages.includes(page)).length

const Id = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 400 }))

describe("Timeline", () => {
  it.prop(
    "is a sorted list without duplicates, in whatever order and batches it is filled",
    [Schema.Array(Schema.Array(Id).check(Schema.isMaxLength(120)))],
    ([lots]) => {
      let timeline = new Timeline<Item>()
      const naive = new Map<number, Item>()
      for (const [index, lot] of lots.entries()) {
        const items = Array.from(new Set(lot), (id) => ({ id, note: `${index}` })).toSorted(byId)
        timeline = items.length === 1 && items[0] !== undefined ? timeline.set(items[0]) : timeline.setAll(items)
        for (const item of items) naive.set(item.id, item)
        assert.deepStrictEqual(timeline.items, Array.from(naive.values()).toSorted(byId))
        assert.isTrue(timeline.pages.every((page) => page.length > 0 && page.length <= pageSize))
        assert.strictEqual(timeline.last, timeline.items.at(-1))
      }
      for (let id = 0; id <= 401; id++) assert.strictEqual(timeline.get(id), naive.get(id))
    }
  )

  it.prop("finds and maps the items between two ids", [Schema.Array(Id), Id, Id], ([all, after, until]) => {
    const items = Array.from(new Set(all), (id): Item => ({ id })).toSorted(byId)
    const timeline = new Timeline<Item>().setAll(items)
    const within = (item: Item) => item.id > after && item.id <= until
    assert.deepStrictEqual(Array.from(timeline.between(after, until)), items.filter(within))
    const changed = timeline.update(after, until, (item) => (item.id % 2 === 0 ? item : { ...item, note: "odd" }))
    assert.deepStrictEqual(
      changed.items,
      items.map((item) => (within(item) && item.id % 2 === 1 ? { ...item, note: "odd" } : item))
    )
    assert.deepStrictEqual(timeline.items, items)
  })

  it("keeps its identity when nothing changes, and builds its array once", () => {
    const timeline = upTo(1000)
    assert.strictEqual(
      timeline.update(0, 1000, (item) => item),
      timeline
    )
    assert.strictEqual(timeline.setAll([]), timeline)
    assert.strictEqual(timeline.items, timeline.items)
  })

  it("copies as few pages after 100,000 items as after 100", () => {
    for (const count of [100, 100_000]) {
      const timeline = upTo(count)
      assert.strictEqual(fresh(timeline, timeline.set({ id: count + 1 })), 1)
      assert.strictEqual(fresh(timeline, timeline.set({ id: count / 2, note: "changed" })), 1)
      assert.strictEqual(fresh(timeline, timeline.set({ id: count / 2 + 0.5 })), 2)
      let visited = 0
      const changed = timeline.update(count - 3, count, (item) => {
        visited++
        return { ...item, note: "read" }
      })
      assert.strictEqual(visited, 3)
      assert.isAtMost(fresh(timeline, changed), 2)
    }
  })
})

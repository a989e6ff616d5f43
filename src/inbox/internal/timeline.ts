/**
 * An immutable list sorted by id, stored in pages: a change copies the pages that it affects, not the whole list.
 */
import * as Array from "effect/Array"
import * as Iterable from "effect/Iterable"

/** The maximum number of items in a page. */
export const pageSize = 64

export interface Identified {
  readonly id: number
}

export class Timeline<Item extends Identified> {
  /** In order, none empty. */
  readonly pages: ReadonlyArray<ReadonlyArray<Item>>
  #items: ReadonlyArray<Item> | undefined

  constructor(pages: ReadonlyArray<ReadonlyArray<Item>> = []) {
    this.pages = pages
  }

  /** All items in one array, built on first use. */
  get items(): ReadonlyArray<Item> {
    // Copies page by page: `flat` looks at each item.
    this.#items ??= ([] as ReadonlyArray<Item>).concat(...this.pages)
    return this.#items
  }

  get first(): Item | undefined {
    return this.pages[0]?.[0]
  }

  get last(): Item | undefined {
    return this.pages.at(-1)?.at(-1)
  }

  get(id: number): Item | undefined {
    const page = this.pages[this.#pageOf(id)]
    const item = page?.[firstAfter(page, id) - 1]
    return item?.id === id ? item : undefined
  }

  /** Inserts an item, or replaces the one with its id. */
  set(item: Item): Timeline<Item> {
    const index = this.#pageOf(item.id)
    const page = this.pages[index]
    if (page === undefined) return new Timeline([[item]])
    const at = firstAfter(page, item.id)
    const replaces = page[at - 1]?.id === item.id
    const isAtTheEnd = index === this.pages.length - 1 && at === page.length
    if (isAtTheEnd && !replaces && page.length >= pageSize) return new Timeline([...this.pages, [item]])
    const changed = page.toSpliced(replaces ? at - 1 : at, replaces ? 1 : 0, item)
    if (changed.length <= pageSize) return new Timeline(this.pages.with(index, changed))
    const half = changed.length >>> 1
    return new Timeline(this.pages.toSpliced(index, 1, changed.slice(0, half), changed.slice(half)))
  }

  /** Inserts or replaces items, which are sorted by id. */
  setAll(items: ReadonlyArray<Item>): Timeline<Item> {
    const [first] = items
    if (first === undefined) return this
    const { last } = this
    if (last === undefined) return new Timeline(Array.chunksOf(items, pageSize))
    if (last.id < first.id) {
      const tail = [...(this.pages.at(-1) ?? []), ...items]
      return new Timeline([...this.pages.slice(0, -1), ...Array.chunksOf(tail, pageSize)])
    }
    return items.reduce<Timeline<Item>>((timeline, item) => timeline.set(item), this)
  }

  /** Removes the items with these ids. */
  without(ids: ReadonlySet<number>): Timeline<Item> {
    if (!Iterable.some(ids, (id) => this.get(id) !== undefined)) return this
    const pages = this.pages.map((page) =>
      page.some(({ id }) => ids.has(id)) ? page.filter(({ id }) => !ids.has(id)) : page
    )
    return new Timeline(pages.filter(({ length }) => length > 0))
  }

  /** The items with ids above `after`, up to `upTo`, in order. */
  *between(after: number, upTo: number): Iterable<Item> {
    for (let index = this.#pageOf(after); index < this.pages.length; index++) {
      const page = this.pages[index] ?? []
      for (let at = firstAfter(page, after); at < page.length; at++) {
        const item = page[at]
        if (item === undefined || item.id > upTo) return
        yield item
      }
    }
  }

  /** Maps the items with ids above `after`, up to `upTo`; a page in which `f` changes nothing is not copied. */
  update(after: number, upTo: number, f: (item: Item) => Item): Timeline<Item> {
    let pages = this.pages
    for (let index = this.#pageOf(after); index < pages.length; index++) {
      const page = this.pages[index] ?? []
      if ((page[0]?.id ?? 0) > upTo) break
      const mapped = page.map((item) => (item.id > after && item.id <= upTo ? f(item) : item))
      if (mapped.some((item, at) => item !== page[at])) pages = pages.with(index, mapped)
    }
    return pages === this.pages ? this : new Timeline(pages)
  }

  /** The last page that begins at or before an id, or the first one. */
  #pageOf(id: number): number {
    return Math.max(firstBeyond(this.pages, ([first]) => first, id) - 1, 0)
  }
}

/** The index of the first item with an id beyond `id`. */
const firstAfter = (page: ReadonlyArray<Identified>, id: number): number => firstBeyond(page, (item) => item, id)

const firstBeyond = <A>(list: ReadonlyArray<A>, itemOf: (value: A) => Identified | undefined, id: number): number => {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const value = list[middle]
    if (value !== undefined && (itemOf(value)?.id ?? id) <= id) low = middle + 1
    else high = middle
  }
  return low
}

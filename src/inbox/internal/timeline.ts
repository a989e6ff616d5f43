/**
 * An immutable list in the order of ids, kept in pages: a change copies the pages that it touches and not the history.
 */

/** How many items a page holds at most. */
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

  /** All items in one array, which is made when it is first asked for. */
  get items(): ReadonlyArray<Item> {
    this.#items ??= this.pages.flat()
    return this.#items
  }

  get last(): Item | undefined {
    return this.pages.at(-1)?.at(-1)
  }

  get(id: number): Item | undefined {
    const page = this.pages[this.#pageOf(id)]
    const item = page?.[firstAfter(page, id) - 1]
    return item?.id === id ? item : undefined
  }

  /** Puts an item in its place, in that of the one with the same id if there is one. */
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

  /** Puts many items in their places; `items` are in the order of their ids. */
  setAll(items: ReadonlyArray<Item>): Timeline<Item> {
    const [first] = items
    if (first === undefined) return this
    const { last } = this
    if (last === undefined) return new Timeline(split(items))
    if (last.id < first.id) {
      const tail = [...(this.pages.at(-1) ?? []), ...items]
      return new Timeline([...this.pages.slice(0, -1), ...split(tail)])
    }
    return items.reduce<Timeline<Item>>((timeline, item) => timeline.set(item), this)
  }

  /** The items with ids beyond `after`, up to `upTo`, in order. */
  *between(after: number, upTo: number): Iterable<Item> {
    for (let index = Math.max(this.#pageOf(after), 0); index < this.pages.length; index++) {
      const page = this.pages[index] ?? []
      for (let at = firstAfter(page, after); at < page.length; at++) {
        const item = page[at]
        if (item === undefined || item.id > upTo) return
        yield item
      }
    }
  }

  /** Changes the items with ids beyond `after`, up to `upTo`. What `f` returns as it is stays as it is. */
  update(after: number, upTo: number, f: (item: Item) => Item): Timeline<Item> {
    let pages: Array<ReadonlyArray<Item>> | undefined
    for (let index = Math.max(this.#pageOf(after), 0); index < this.pages.length; index++) {
      const page = this.pages[index] ?? []
      const first = page[0]
      if (first === undefined || first.id > upTo) break
      let changed: Array<Item> | undefined
      for (let at = firstAfter(page, after); at < page.length; at++) {
        const item = page[at]
        if (item === undefined || item.id > upTo) break
        const next = f(item)
        if (next === item) continue
        changed ??= page.slice()
        changed[at] = next
      }
      if (changed === undefined) continue
      pages ??= this.pages.slice()
      pages[index] = changed
    }
    return pages === undefined ? this : new Timeline(pages)
  }

  /** The last page that begins at or before an id, or the first one; -1 if there are none. */
  #pageOf(id: number): number {
    let low = 0
    let high = this.pages.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const first = this.pages[middle]?.[0]
      if (first !== undefined && first.id <= id) low = middle + 1
      else high = middle
    }
    return this.pages.length === 0 ? -1 : Math.max(low - 1, 0)
  }
}

/** Where in a page the ids beyond one begin. */
const firstAfter = (page: ReadonlyArray<Identified>, id: number): number => {
  let low = 0
  let high = page.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const item = page[middle]
    if (item !== undefined && item.id <= id) low = middle + 1
    else high = middle
  }
  return low
}

const split = <Item>(items: ReadonlyArray<Item>): ReadonlyArray<ReadonlyArray<Item>> => {
  const pages: Array<ReadonlyArray<Item>> = []
  for (let from = 0; from < items.length; from += pageSize) pages.push(items.slice(from, from + pageSize))
  return pages
}

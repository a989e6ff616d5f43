/**
 * A list of messages of any length. Only a window of them is in the page: it moves when the reader scrolls near its ends,
 * and follows new messages while the reader is at the last one.
 */
import type { InboxMessage } from "../../src/Client.ts"
import { h, icon, keyed } from "./dom.ts"
import { dayOf, t } from "./texts.ts"

const size = 60
const step = 20
const near = 400

interface Row {
  readonly message: InboxMessage
  /** Whether the message before is from somebody else. */
  readonly isFirst: boolean
  /** The day, where it begins. */
  readonly day: string
}

/** The messages of several conversations, one after the other. */
type Parts = ReadonlyArray<ReadonlyArray<InboxMessage>>

/** The messages from an index up to another one; the others are not looked at. */
const slice = (parts: Parts, from: number, to: number): ReadonlyArray<InboxMessage> => {
  let before = 0
  return parts.flatMap((part) => {
    const start = before
    before += part.length
    return before <= from || start >= to ? [] : part.slice(Math.max(0, from - start), to - start)
  })
}

const indexOf = (parts: Parts, key: string): number => {
  let before = 0
  for (const part of parts) {
    const index = part.findIndex((message) => message.key === key)
    if (index >= 0) return before + index
    before += part.length
  }
  return -1
}

const dayNumber = (at = 0): number => Math.floor((at - new Date(at).getTimezoneOffset() * 60_000) / 86_400_000)

export class Timeline {
  readonly element: HTMLElement
  readonly #list: HTMLElement
  readonly #scroller: HTMLElement
  readonly #latest: HTMLButtonElement
  readonly #fill: (rows: ReadonlyArray<Row>) => void
  #parts: Parts = []
  #length = 0
  #from = 0
  #atEnd = true
  /** Where the list was scrolled to when it was last scrolled to its end. */
  #end = 0
  readonly #onTop: () => void

  constructor(render: (message: InboxMessage, isFirst: boolean) => HTMLElement | undefined, onTop: () => void) {
    this.#onTop = onTop
    this.#list = h("div", { class: "rows", role: "log", "aria-label": t.history, "aria-live": "polite" })
    this.#scroller = h("div", { class: "scroller", tabindex: 0, role: "region", "aria-label": t.history }, this.#list)
    this.#latest = h(
      "button",
      {
        type: "button",
        class: "latest",
        "aria-label": t.latest,
        title: t.latest,
        hidden: true,
        click: () => this.toEnd()
      },
      icon("latest")
    )
    this.element = h("div", { class: "timeline" }, this.#scroller, this.#latest)
    this.#fill = keyed<Row>(
      this.#list,
      ({ message }) => message.key,
      (a, b) => a.message === b.message && a.isFirst === b.isFirst && a.day === b.day,
      ({ day, isFirst, message }) => {
        const shown = render(message, isFirst || day !== "")
        return h("div", { class: "row" }, day !== "" && h("div", { class: "day" }, day), shown)
      }
    )
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true })
    new ResizeObserver(() => this.#stick()).observe(this.#list)
    new ResizeObserver(() => this.#stick()).observe(this.#scroller)
  }

  /** Whether the reader sees the last message. */
  get isAtEnd(): boolean {
    return this.#atEnd
  }

  /** Shows the messages of conversations, the oldest first. */
  show(parts: Parts): void {
    const [first] = slice(this.#parts, 0, 1)
    const grownAbove = first === undefined ? 0 : indexOf(parts, first.key)
    const take = () => {
      this.#parts = parts
      this.#length = parts.reduce((sum, { length }) => sum + length, 0)
      if (!this.#atEnd) this.#from = Math.max(0, this.#from + (grownAbove > 0 ? grownAbove - step : 0))
      // While nothing leaves the page, nothing in it moves.
      else if (grownAbove > 0 || this.#length - this.#from > size || this.#from > this.#length) this.#fromEnd()
      this.#paint()
    }
    if (this.#atEnd) {
      take()
      return this.#stick()
    }
    if (grownAbove <= 0) return take()
    // Older conversations have come in above.
    this.#inPlace(take)
    this.#scrolled()
  }

  #fromEnd(): void {
    this.#from = Math.max(0, this.#length - size + step)
  }

  toEnd(): void {
    this.#atEnd = true
    if (this.#length - this.#from > size) this.#fromEnd()
    this.#paint()
    this.#stick()
  }

  #paint(): void {
    const shown = slice(this.#parts, this.#from, this.#from + size)
    const [above] = this.#from === 0 ? [] : slice(this.#parts, this.#from - 1, this.#from)
    const rows = shown.map((message, index): Row => {
      const before = shown[index - 1] ?? above
      const isNewDay = dayNumber(before?.createdAt) !== dayNumber(message.createdAt)
      return {
        message,
        isFirst:
          before === undefined ||
          before.direction !== message.direction ||
          before.nickname !== message.nickname ||
          before.isSystemMessage,
        day: isNewDay ? dayOf(message.createdAt) : ""
      }
    })
    this.#fill(rows)
    this.#latest.hidden = this.#atEnd
  }

  /** Keeps the last message in sight. A list that does not fill the screen cannot be scrolled to its top: it is there. */
  #stick(): void {
    if (!this.#atEnd) return
    this.#scroller.scrollTop = this.#scroller.scrollHeight
    this.#end = this.#scroller.scrollTop
    if (this.#scroller.scrollHeight > this.#scroller.clientHeight || this.#length === 0) return
    if (this.#from > 0) this.#move(-step)
    else this.#onTop()
  }

  #scrolled(): void {
    const { clientHeight, scrollHeight, scrollTop } = this.#scroller
    const last = this.#from + size >= this.#length
    // The list may have grown since it was scrolled to its end; the reader leaves it by scrolling up.
    const isAtEnd = (last && scrollHeight - scrollTop - clientHeight < 40) || (this.#atEnd && scrollTop >= this.#end)
    if (isAtEnd !== this.#atEnd) {
      this.#atEnd = isAtEnd
      this.#latest.hidden = isAtEnd
    }
    if (scrollTop < near && this.#from > 0) this.#move(-step)
    else if (scrollTop < near) this.#onTop()
    else if (!last && scrollHeight - scrollTop - clientHeight < near) this.#move(step)
  }

  #move(by: number): void {
    this.#inPlace(() => {
      this.#from = Math.max(0, Math.min(this.#from + by, this.#length - size))
      this.#paint()
    })
  }

  /** Keeps what the reader sees in its place while `change` moves the window. */
  #inPlace(change: () => void): void {
    const { top } = this.#scroller.getBoundingClientRect()
    const rows = [...this.#list.children]
    const index = rows.findIndex((row) => row.getBoundingClientRect().bottom > top)
    const [seen] = slice(this.#parts, this.#from + index, this.#from + index + 1)
    const before = rows[index]?.getBoundingClientRect().bottom ?? 0
    change()
    const now = slice(this.#parts, this.#from, this.#from + size).findIndex(({ key }) => key === seen?.key)
    const after = this.#list.children[now]?.getBoundingClientRect().bottom
    if (after !== undefined) this.#scroller.scrollTop += after - before
  }
}

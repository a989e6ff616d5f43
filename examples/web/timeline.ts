/**
 * A list of messages of any length. Only a window of them is in the page: it moves when the reader scrolls near its ends,
 * and follows new messages while the reader is at the last one.
 */
import type { InboxMessage } from "../../src/Client.ts"
import { h, icon, keyed } from "./dom.ts"
import { dayOf, t } from "./texts.ts"

const size = 80
const step = 40
const near = 400

interface Row {
  readonly message: InboxMessage
  /** Whether the message before is from somebody else. */
  readonly isFirst: boolean
  /** The day, where it begins. */
  readonly day: string
}

const dayNumber = (at = 0): number => Math.floor((at - new Date(at).getTimezoneOffset() * 60_000) / 86_400_000)

export class Timeline {
  readonly element: HTMLElement
  readonly #list: HTMLElement
  readonly #scroller: HTMLElement
  readonly #latest: HTMLButtonElement
  readonly #fill: (rows: ReadonlyArray<Row>) => void
  #messages: ReadonlyArray<InboxMessage> = []
  #from = 0
  #atEnd = true
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

  show(messages: ReadonlyArray<InboxMessage>): void {
    const [first] = this.#messages
    const grownAbove = first === undefined ? 0 : messages.findIndex(({ key }) => key === first.key)
    const take = () => {
      this.#messages = messages
      if (this.#atEnd) this.#from = Math.max(0, messages.length - size)
      else if (grownAbove > 0) this.#from = Math.max(0, this.#from + grownAbove - step)
      this.#paint()
    }
    if (this.#atEnd || grownAbove <= 0) return take()
    // Older conversations have come in above.
    this.#inPlace(take)
    this.#scrolled()
  }

  toEnd(): void {
    this.#atEnd = true
    this.#from = Math.max(0, this.#messages.length - size)
    this.#paint()
    this.#stick()
  }

  #paint(): void {
    const rows = this.#messages.slice(this.#from, this.#from + size).map((message, index): Row => {
      const before = this.#messages[this.#from + index - 1]
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
    if (this.#scroller.scrollHeight <= this.#scroller.clientHeight && this.#messages.length > 0) this.#onTop()
  }

  #scrolled(): void {
    const { clientHeight, scrollHeight, scrollTop } = this.#scroller
    const last = this.#from + size >= this.#messages.length
    const isAtEnd = last && scrollHeight - scrollTop - clientHeight < 40
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
      this.#from = Math.max(0, Math.min(this.#from + by, this.#messages.length - size))
      this.#paint()
    })
  }

  /** Keeps what the reader sees in its place while `change` moves the window. */
  #inPlace(change: () => void): void {
    const { top } = this.#scroller.getBoundingClientRect()
    const rows = [...this.#list.children]
    const index = rows.findIndex((row) => row.getBoundingClientRect().bottom > top)
    const key = this.#messages[this.#from + index]?.key
    const before = rows[index]?.getBoundingClientRect().bottom ?? 0
    change()
    const now = this.#messages.slice(this.#from, this.#from + size).findIndex((message) => message.key === key)
    const after = this.#list.children[now]?.getBoundingClientRect().bottom
    if (after !== undefined) this.#scroller.scrollTop += after - before
  }
}

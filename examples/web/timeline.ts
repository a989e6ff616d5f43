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
    const grownAbove = this.#messages.length > 0 ? messages.indexOf(this.#messages[0]!) : 0
    const first = this.#messages[this.#from]
    this.#messages = messages
    if (this.#atEnd) this.#from = Math.max(0, messages.length - size)
    // Older conversations have come in above: the window stays where it was.
    else if (grownAbove > 0 && first !== undefined) this.#from += grownAbove
    this.#paint()
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

  #stick(): void {
    if (this.#atEnd) this.#scroller.scrollTop = this.#scroller.scrollHeight
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
    else if (scrollTop < near && !isAtEnd) this.#onTop()
    else if (!last && scrollHeight - scrollTop - clientHeight < near) this.#move(step)
  }

  /** Moves the window, and keeps what the reader sees in its place. */
  #move(by: number): void {
    const stays = [...this.#list.children].find((row) => row.getBoundingClientRect().bottom > near / 4)
    const before = stays?.getBoundingClientRect().top ?? 0
    this.#from = Math.max(0, Math.min(this.#from + by, this.#messages.length - size))
    this.#paint()
    if (stays?.isConnected === true) this.#scroller.scrollTop += stays.getBoundingClientRect().top - before
  }
}

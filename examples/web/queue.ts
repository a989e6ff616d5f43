/** Who waits for staff: how many, and, while one looks at the list, who they are and how long they have waited. */
import { type Client, type Conversation, KefuError } from "../../src/Client.ts"
import { h, keyed } from "./dom.ts"
import { t } from "./texts.ts"

interface Waiting {
  readonly customerId: number
  readonly name: string
  readonly said: string
  readonly minutes: number
}

const latestText = (messages: Conversation["messages"]): string =>
  messages
    .flatMap(({ content, messageType }) => (messageType === "Text" && typeof content === "string" ? [content] : []))
    .at(-1) ?? ""

const waitingIn = ({ createdAt, customer, messages }: Conversation): ReadonlyArray<Waiting> => {
  if (customer === undefined || customer === null) return []
  const { id, nickname } = customer
  const minutes = Math.max(0, Math.floor((Date.now() - (createdAt ?? Date.now())) / 60_000))
  return [{ customerId: id, name: nickname ?? `#${id}`, said: latestText(messages), minutes }]
}

export class Queue {
  /** How many wait. */
  readonly count = h("span", { class: "queue", role: "status" })
  readonly element: HTMLElement
  readonly #client: Client
  readonly #rows = h("ul", { class: "waiting" })
  readonly #none = h("div", { class: "none" }, h("strong", {}, t.nobodyWaits))
  readonly #fill: (waiting: ReadonlyArray<Waiting>) => void
  #timer: ReturnType<typeof setTimeout> | undefined

  /** `onTaken` gets the conversation that one has taken. */
  constructor(client: Client, onTaken: (id: number) => Promise<unknown>, tell: (what: unknown) => void) {
    this.#client = client
    this.element = h("section", { "aria-label": t.queueTitle, hidden: true }, this.#rows, this.#none)
    const take = async (customerId: number) => {
      const { data } = await client.requestConversations({ customerId })
      await onTaken(data.id)
    }
    this.#fill = keyed<Waiting>(
      this.#rows,
      ({ customerId }) => String(customerId),
      (a, b) => a.said === b.said && a.minutes === b.minutes && a.name === b.name,
      ({ customerId, minutes, name, said }) =>
        h(
          "li",
          {},
          h("span", { class: `avatar tint${customerId % 5}`, "aria-hidden": "true" }, [...name][0] ?? "?"),
          h("strong", {}, name),
          h("small", {}, t.waited(minutes)),
          h("span", { class: "last" }, said),
          h(
            "button",
            {
              type: "button",
              "aria-label": t.takeWho(name),
              // Somebody else may have been faster.
              click: () =>
                void take(customerId)
                  .catch(tell)
                  .then(() => this.read())
            },
            t.take
          )
        )
    )
  }

  /** Shows or hides the list. */
  show(isShown: boolean): void {
    if (isShown === !this.element.hidden) return
    this.element.hidden = !isShown
    if (isShown) this.read()
  }

  /** Reads now, and every five seconds from now on. */
  read(): void {
    clearTimeout(this.#timer)
    const next = () => (this.#timer = setTimeout(() => this.read(), 5000))
    void this.#read().then(next, next)
  }

  async #read(): Promise<void> {
    const { data } = await this.#client.getPendingCount()
    this.count.textContent = t.inQueue(data.count ?? 0)
    if (this.element.hidden) return
    const waiting = await this.#waiting()
    this.#fill(waiting)
    this.#none.hidden = waiting.length > 0
  }

  /** A backend may tell staff how many wait, but not who. */
  async #waiting(): Promise<ReadonlyArray<Waiting>> {
    try {
      const which = { state: "PENDING", show_all: true, order: "ASC", limit: 50 } as const
      const { data } = await this.#client.getConversations(which)
      return data.conversations.flatMap(waitingIn)
    } catch (error) {
      if (error instanceof KefuError && error.reason._tag === "Forbidden") return []
      throw error
    }
  }
}

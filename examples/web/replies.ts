/** Quick replies: a row of them above the composer, and a dialogue in which one adds, changes and deletes them. */
import { type Client, KefuError, type QuickReply } from "../../src/Client.ts"
import { h, icon, tool } from "./dom.ts"
import { t } from "./texts.ts"

export class Replies {
  /** The row. */
  readonly element = h("div", { class: "quick", role: "group", "aria-label": t.quick })
  readonly #client: Client
  readonly #tell: (what: unknown) => void
  readonly #use: (text: string) => void
  #replies: ReadonlyArray<QuickReply> = []

  /** `use` gets the text of the reply that was chosen. */
  constructor(client: Client, use: (text: string) => void, tell: (what: unknown) => void) {
    this.#client = client
    this.#use = use
    this.#tell = tell
    void this.#load().catch(tell)
  }

  async #load(): Promise<void> {
    this.#replies = (await this.#client.getQuickReply()).data.commonWords
    this.element.replaceChildren(
      ...this.#replies.map(({ content, title }) =>
        h("button", { type: "button", title: content, click: () => this.#use(content ?? "") }, title || content || "")
      ),
      tool("edit", t.editReplies, () => this.#edit())
    )
  }

  #edit(): void {
    const status = h("p", { role: "status" })
    const list = h("div", { class: "list" })
    const dialog = h(
      "dialog",
      { class: "sheet", "aria-label": t.quick, close: () => dialog.remove() },
      h(
        "header",
        {},
        h("h2", {}, t.quick),
        status,
        tool("close", t.back, () => dialog.close())
      ),
      list
    )
    const done = async (act: () => Promise<unknown>) => {
      try {
        await act()
        await this.#load()
        status.textContent = t.saved
        fill()
      } catch (error) {
        const isCommon = error instanceof KefuError && error.reason._tag === "Forbidden"
        if (isCommon) status.textContent = t.commonReply
        else this.#tell(error)
      }
    }
    const row = (reply?: QuickReply) => {
      const title = h("input", { value: reply?.title, placeholder: t.replyTitle, "aria-label": t.replyTitle })
      const content = h("textarea", { rows: 2, placeholder: t.replyText, "aria-label": t.replyText, required: true })
      content.value = reply?.content ?? ""
      const save = (event: Event) => {
        event.preventDefault()
        const data = { title: title.value.trim(), content: content.value.trim() }
        void done(() =>
          reply === undefined ? this.#client.addQuickReply(data) : this.#client.editQuickReply(reply.id, data)
        )
      }
      const name = reply?.title || reply?.content || ""
      return h(
        "form",
        { submit: save, "aria-label": reply === undefined ? t.addReply : name },
        title,
        content,
        h("button", { class: reply === undefined ? "primary" : "" }, reply === undefined ? t.addReply : t.save),
        reply !== undefined &&
          h(
            "button",
            {
              type: "button",
              "aria-label": t.deleteReply(name),
              title: t.deleteReply(name),
              click: () => void done(() => this.#client.deleteQuickReply(reply.id))
            },
            icon("bin")
          )
      )
    }
    const fill = () => list.replaceChildren(row(), ...this.#replies.toReversed().map(row))
    fill()
    document.body.append(dialog)
    dialog.showModal()
  }
}

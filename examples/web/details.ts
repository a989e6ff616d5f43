/** Beside a chat: who the visitor is, where they come from, tags, notes, transfer, rating. */
import type { Client, InboxConversation, InboxUser } from "../../src/Client.ts"
import { h, tool } from "./dom.ts"
import { t } from "./texts.ts"

const fields = ["nickname", "phone", "email", "remark"] as const

export class Details {
  readonly element: HTMLElement
  onBack = () => {}
  readonly #client: Client
  readonly #tell: (what: unknown) => void
  readonly #inputs = Object.fromEntries(fields.map((name) => [name, h("input", { name, autocomplete: "off" })]))
  readonly #tags = h("div", { class: "tags" })
  readonly #visit = h("dl")
  readonly #remark = h("textarea", { rows: 2, "aria-label": t.conversationRemark })
  readonly #staff = h("select", { "aria-label": t.transferTo })
  readonly #body: HTMLElement
  #shown: InboxConversation | undefined
  #customer: InboxUser | undefined

  constructor(client: Client, tell: (what: unknown) => void) {
    this.#client = client
    this.#tell = tell
    const newTag = h("input", { placeholder: t.addTag, "aria-label": t.addTag, autocomplete: "off" })
    const labels = { nickname: t.nickname, phone: t.phone, email: t.email, remark: t.remark }
    this.#body = h(
      "div",
      { class: "cards", hidden: true },
      this.#form(
        t.profile,
        () => this.#saveProfile(),
        ...fields.map((name) => h("label", {}, labels[name], this.#inputs[name]!)),
        h("button", {}, t.save)
      ),
      this.#form(
        t.tags,
        async () => {
          const name = newTag.value.trim()
          if (name === "" || this.#customer === undefined) return
          newTag.value = ""
          await client.addCustomerTag(this.#customer.id, { name })
          await this.#reread()
        },
        this.#tags,
        newTag
      ),
      h("section", { class: "card" }, h("h2", {}, t.visit), this.#visit),
      this.#form(
        t.conversationRemark,
        async () => {
          await client.updateConversationRemark(this.#id, { remark: this.#remark.value })
          tell(t.saved)
        },
        this.#remark,
        h("button", {}, t.save)
      ),
      this.#form(
        t.transfer,
        async () => {
          if (this.#staff.value !== "")
            await client.conversationTransfer(this.#id, { userId: Number(this.#staff.value) })
        },
        this.#staff,
        h("button", {}, t.transfer)
      ),
      h("button", { type: "button", class: "invite", click: () => void this.#invite().catch(tell) }, `★ ${t.invite}`)
    )
    this.element = h(
      "section",
      { class: "details", "aria-label": t.details },
      h(
        "header",
        { class: "bar narrow" },
        tool("back", t.back, () => this.onBack()),
        h("strong", {}, t.details)
      ),
      this.#body
    )
  }

  /** Reads what the inbox does not know. */
  read(id: number): void {
    const { getTransferServiceList, getVisitInfo } = this.#client
    Promise.all([getVisitInfo(id), getTransferServiceList()]).then(([{ data: visit }, { data: targets }]) => {
      if (this.#shown?.id !== id) return
      const facts: ReadonlyArray<readonly [string, string | null | undefined]> = [
        [t.page, visit.pageTitle ?? visit.pageUrl],
        [t.referrer, visit.referrer],
        [t.device, [visit.browser, visit.os].filter(Boolean).join(" · ")],
        [t.city, visit.city],
        [t.visits, visit.visitCount?.toString()]
      ]
      this.#visit.replaceChildren(
        ...facts.flatMap(([name, value]) => (value ? [h("dt", {}, name), h("dd", { title: value }, value)] : []))
      )
      this.#staff.replaceChildren(
        h("option", { value: "" }, t.transferTo),
        ...targets.users.map((user) =>
          h(
            "option",
            { value: user.id, disabled: user.online === false },
            `${user.online === false ? "○" : "●"} ${user.nickname ?? user.id}`
          )
        )
      )
    }, this.#tell)
  }

  show(conversation: InboxConversation | undefined): void {
    const isOther = conversation?.id !== this.#shown?.id
    const customer = conversation?.counterpart
    if (conversation === this.#shown && customer === this.#customer) return
    this.#body.hidden = conversation === undefined
    const isChanged = isOther || customer !== this.#customer
    if (isOther) this.#remark.value = conversation?.details.remark ?? ""
    this.#shown = conversation
    this.#customer = customer
    if (!isChanged || customer === undefined) return
    for (const name of fields) this.#inputs[name]!.value = customer[name] ?? ""
    this.#tags.replaceChildren(
      ...(customer.tags ?? []).map(({ id, name }) =>
        h(
          "span",
          { class: "tag" },
          name,
          h(
            "button",
            {
              type: "button",
              "aria-label": t.removeTag(name ?? ""),
              click: () => void this.#removeTag(id).catch(this.#tell)
            },
            "×"
          )
        )
      )
    )
  }

  get #id(): number {
    return this.#shown?.id ?? 0
  }

  #form(title: string, save: () => Promise<void>, ...children: ReadonlyArray<Node>): HTMLElement {
    const submit = (event: Event) => {
      event.preventDefault()
      save().catch(this.#tell)
    }
    return h("form", { class: "card", submit }, h("h2", {}, title), ...children)
  }

  async #saveProfile(): Promise<void> {
    if (this.#customer === undefined) return
    const data = Object.fromEntries(fields.map((name) => [name, this.#inputs[name]!.value]))
    await this.#client.updateUserProfile(this.#customer.id, data)
    await this.#reread()
    this.#tell(t.saved)
  }

  async #removeTag(tag: number): Promise<void> {
    if (this.#customer === undefined) return
    await this.#client.deleteCustomerTag(this.#customer.id, tag)
    await this.#reread()
  }

  async #invite(): Promise<void> {
    if (this.#customer === undefined) return
    await this.#client.inviteRate(this.#customer.id)
    this.#tell(t.invited)
  }

  /** The backend tells nobody of a changed profile. */
  async #reread(): Promise<void> {
    await this.#client.inbox.refresh()
  }
}

/** The staff's console over `Client` and its inbox: conversations, chats, the visitor beside them. */
import { Client, type InboxConversation, type InboxSnapshot } from "../../src/Client.ts"
import { bubble } from "./bubble.ts"
import { Composer } from "./composer.ts"
import { badge, h, icon, keyed, perFrame, setText, tool } from "./dom.ts"
import { Details } from "./details.ts"
import { faultPanel } from "./faults.ts"
import { Queue } from "./queue.ts"
import { Replies } from "./replies.ts"
import { banner, notices, reader } from "./shell.ts"
import { summary, switchLanguage, t, timeOf } from "./texts.ts"
import { Timeline } from "./timeline.ts"

const { element: noticeBoard, tell } = notices()

/** One open chat: its own timeline, its own draft. */
class Chat {
  readonly element: HTMLElement
  readonly timeline: Timeline
  readonly composer: Composer
  readonly #peek = h("div", { class: "peek", "aria-live": "polite", hidden: true })
  readonly #name = h("strong")
  readonly #state = h("span", { class: "sub" })

  constructor(client: Client, id: number, desk: { back(): void; details(): void }) {
    const { inbox } = client
    this.composer = new Composer({
      client,
      conversation: () => id,
      tell,
      onDraft: (draft) => inbox.typing(id, draft),
      onSent: () => this.timeline.toEnd()
    })
    const options = { client, asStaff: true, say: (text: string) => this.composer.say(text), tell }
    let reading = false
    this.timeline = new Timeline(
      (message, isFirst) => bubble(message, isFirst, options),
      async () => {
        const customerId = inbox.getConversation(id)?.counterpart?.id
        if (reading || customerId === undefined) return
        reading = true
        reading = !(await inbox.loadMore({ customerId, limit: 5 }).catch(() => true))
      }
    )
    const bar = h(
      "header",
      { class: "bar" },
      tool("back", t.back, desk.back, "narrow"),
      h("div", { class: "name" }, this.#name, this.#state),
      tool("user", t.details, desk.details, "narrow"),
      tool("end", t.end, () => void client.closeConversation(id).catch(tell))
    )
    this.element = h(
      "section",
      { class: "chat", "aria-label": t.chat },
      bar,
      this.timeline.element,
      this.#peek,
      this.composer.element
    )
  }

  show(snapshot: InboxSnapshot, conversation: InboxConversation): void {
    const customer = conversation.counterpart?.id
    const history = snapshot.conversations
      .filter(
        ({ counterpart, id }) => id === conversation.id || (customer !== undefined && counterpart?.id === customer)
      )
      .toSorted((a, b) => a.id - b.id)
    setText(this.#name, conversation.counterpart?.nickname ?? `#${conversation.id}`)
    setText(this.#state, conversation.state === "FINISHED" ? t.reasons[0]! : "")
    this.composer.element.hidden = conversation.state === "FINISHED"
    const { typing } = conversation
    this.#peek.hidden = typing === undefined
    setText(this.#peek, typing === undefined ? "" : (typing.draft ?? t.typing))
    // After everything that changes its height.
    this.timeline.show(history.map(({ messages }) => messages))
  }
}

type Filter = "current" | "unread" | "ended" | "queue"

const desk = (token: string, signOut: () => void): HTMLElement => {
  const client = new Client(null, { token })
  const { inbox } = client
  const chats = new Map<number, Chat>()
  let open: number | undefined
  let filter: Filter = "current"
  let found: ReadonlySet<number> | undefined
  let unreadBefore = 0

  const link = banner(client)
  const paint = perFrame(() => show())
  const markRead = reader(client, paint)
  const details = new Details(client, tell)
  const stage = h("div", { class: "stage" })
  const blank = h("div", { class: "blank" }, icon("chat"), h("p", {}, t.pick))
  const tabs = h("div", { class: "tabs", role: "group", "aria-label": t.tabs })
  const replies = new Replies(client, (text) => open !== undefined && chats.get(open)?.composer.insert(text), tell)
  const queue = new Queue(
    client,
    async (id) => {
      await inbox.conversation(id)
      choose("current")
      select(id)
    },
    tell
  )
  const me = h("strong")
  const more = h("button", { type: "button", class: "more", click: () => void inbox.loadMore().catch(tell) }, t.more)
  const rows = h("ul", { class: "conversations" })
  const none = h("div", { class: "none" }, h("strong", {}, t.none), h("p", {}, t.noneHint))

  const view = (name: "list" | "chat" | "details") => root.setAttribute("data-view", name)
  const select = (id: number) => {
    open = id
    if (!chats.has(id))
      chats.set(id, new Chat(client, id, { back: () => view("list"), details: () => view("details") }))
    view("chat")
    show()
    chats.get(id)?.timeline.toEnd()
    chats.get(id)?.composer.input.focus()
    details.read(id)
  }

  const fill = keyed<InboxConversation & { readonly isOpen: boolean }>(
    rows,
    ({ id }) => String(id),
    (a, b) =>
      a.lastMessage === b.lastMessage &&
      a.unreadCount === b.unreadCount &&
      a.typing === b.typing &&
      a.state === b.state &&
      a.isOpen === b.isOpen &&
      a.counterpart === b.counterpart,
    ({ counterpart, id, isNew, isOpen, lastMessage, state, typing, unreadCount }) => {
      const name = counterpart?.nickname ?? `#${id}`
      return h(
        "li",
        {},
        h(
          "button",
          {
            type: "button",
            class: isOpen ? "current" : "",
            "aria-current": isOpen ? "true" : undefined,
            click: () => select(id)
          },
          h("span", { class: `avatar tint${id % 5}`, "aria-hidden": "true" }, [...name][0] ?? "?"),
          h("span", { class: "who" }, name, isNew && state !== "FINISHED" && h("em", {}, t.newMark)),
          h("time", {}, timeOf(lastMessage?.createdAt)),
          h(
            "span",
            { class: "last" },
            typing === undefined ? (lastMessage === undefined ? t.empty : summary(lastMessage, true)) : t.typing
          ),
          unreadCount > 0 && h("span", { class: "count", "aria-label": t.unread(unreadCount) }, String(unreadCount))
        )
      )
    }
  )
  const fillTabs = keyed<{ readonly id: number; readonly name: string; readonly isOpen: boolean }>(
    tabs,
    ({ id }) => String(id),
    (a, b) => a.name === b.name && a.isOpen === b.isOpen,
    ({ id, isOpen, name }) =>
      h("button", { type: "button", "aria-pressed": String(isOpen), click: () => select(id) }, name)
  )

  const matches = (conversation: InboxConversation) => {
    if (found !== undefined) return found.has(conversation.id)
    if (filter === "queue") return false
    if (filter === "ended") return conversation.state === "FINISHED"
    return conversation.state !== "FINISHED" && (filter === "current" || conversation.unreadCount > 0)
  }

  const show = () => {
    const snapshot = inbox.getSnapshot()
    link.show(snapshot)
    setText(me, snapshot.me?.nickname ?? "")
    const listed = snapshot.conversations.filter(matches).map((one) => ({ ...one, isOpen: one.id === open }))
    fill(listed)
    const isQueue = filter === "queue" && found === undefined
    queue.show(isQueue)
    rows.hidden = isQueue
    none.hidden = isQueue || listed.length > 0 || !snapshot.isLoaded
    more.hidden = filter !== "ended" || found !== undefined
    for (const id of chats.keys()) if (snapshot.isLoaded && inbox.getConversation(id) === undefined) chats.delete(id)
    if (open !== undefined && !chats.has(open)) {
      open = undefined
      view("list")
    }
    fillTabs(
      [...chats.keys()].map((id) => ({
        id,
        name: inbox.getConversation(id)?.counterpart?.nickname ?? `#${id}`,
        isOpen: id === open
      }))
    )
    const conversation = open === undefined ? undefined : inbox.getConversation(open)
    const chat = open === undefined ? undefined : chats.get(open)
    const shown = chat?.element ?? blank
    if (stage.firstChild !== shown) stage.replaceChildren(shown)
    if (conversation !== undefined && chat !== undefined) {
      chat.show(snapshot, conversation)
      replies.element.hidden = conversation.state === "FINISHED"
      if (chat.composer.element.previousSibling !== replies.element) chat.composer.element.before(replies.element)
      details.show(conversation)
      if (!document.hidden && chat.timeline.isAtEnd && conversation.unreadCount > 0) {
        markRead(conversation.id)
      }
    } else details.show(undefined)
    const unread = snapshot.unreadCount
    badge(t.console, unread)
    if (unread > unreadBefore && document.hidden) announce(snapshot)
    unreadBefore = unread
  }

  // --- desktop notifications, by consent
  const bell = tool("bell", t.notify, () => void Notification.requestPermission().then(showBell))
  const showBell = () => (bell.hidden = !("Notification" in window) || Notification.permission !== "default")
  const announce = ({ conversations }: InboxSnapshot) => {
    const latest = conversations.find(({ unreadCount }) => unreadCount > 0)
    if (latest?.lastMessage === undefined || !("Notification" in window) || Notification.permission !== "granted")
      return
    const note = new Notification(latest.counterpart?.nickname ?? t.console, {
      body: summary(latest.lastMessage, true),
      tag: String(latest.id)
    })
    note.addEventListener("click", () => {
      window.focus()
      select(latest.id)
    })
  }

  // --- the sidebar
  const filters: ReadonlyArray<readonly [Filter, string]> = [
    ["current", t.current],
    ["unread", t.onlyUnread],
    ["queue", t.queueTitle],
    ["ended", t.history2]
  ]
  const choose = (name: Filter) => {
    filter = name
    segments.forEach((one, index) => one.setAttribute("aria-pressed", String(filters[index]?.[0] === name)))
    if (name === "ended" && !inbox.getSnapshot().conversations.some(({ state }) => state === "FINISHED")) {
      void inbox.loadMore().catch(tell)
    }
    show()
  }
  const segments = filters.map(([name, label]) =>
    h("button", { type: "button", "aria-pressed": String(name === filter), click: () => choose(name) }, label)
  )
  let typed: ReturnType<typeof setTimeout> | undefined
  const search = h("input", {
    type: "search",
    placeholder: t.search,
    "aria-label": t.search,
    input: () => {
      clearTimeout(typed)
      typed = setTimeout(() => void find().catch(tell), 250)
    }
  })
  const find = async () => {
    const words = search.value.trim()
    found = undefined
    if (words !== "") {
      const { data } = await client.getConversations({ search: words, limit: 20 })
      const ids = data.conversations.map(({ id }) => id)
      await Promise.all(ids.map((id) => inbox.conversation(id)))
      if (search.value.trim() === words) found = new Set(ids)
    }
    show()
  }
  const exportAll = async () => {
    const { data } = await client.exportHistoryConversations({})
    if (data.url !== undefined) h("a", { href: data.url, download: "" }).click()
  }
  // On a phone the list, the chat or the details are all there is to see: landmark and heading are around them.
  const root = h(
    "main",
    { class: "desk", "data-view": "list" },
    h("h1", { class: "unseen" }, t.console),
    h(
      "section",
      { class: "side", "aria-label": t.console },
      h(
        "header",
        { class: "bar" },
        h("div", { class: "name" }, me, queue.count),
        bell,
        tool("file", t.exporting, () => void exportAll().catch(tell)),
        tool("user", t.logout, () => void client.dispose().then(signOut))
      ),
      search,
      h("div", { class: "segments", role: "group" }, ...segments),
      rows,
      queue.element,
      none,
      more,
      h("button", { type: "button", class: "language", click: switchLanguage }, t.other)
    ),
    h("div", { class: "centre" }, link.element, tabs, stage),
    details.element
  )
  details.onBack = () => view("chat")
  inbox.subscribe(paint)
  document.addEventListener("visibilitychange", show)
  showBell()
  queue.read()
  show()
  return root
}

// --- signing in, as one of the sandbox's people

interface Login {
  readonly token: string
  readonly nickname: string
  readonly userType: string
}

const signIn = async () => {
  const response = await fetch("/", { headers: { accept: "application/json" } })
  const { tokens }: { readonly tokens: ReadonlyArray<Login> } = await response.json()
  const enter = (token: string) => {
    sessionStorage.setItem("desk/staff", token)
    document.body.replaceChildren(desk(token, leave), noticeBoard, faultPanel())
  }
  const leave = () => {
    sessionStorage.removeItem("desk/staff")
    location.reload()
  }
  const known = sessionStorage.getItem("desk/staff")
  if (known !== null && tokens.some(({ token }) => token === known)) return enter(known)
  const people = tokens.filter(({ userType }) => userType === "STAFF")
  document.body.replaceChildren(
    h(
      "main",
      { class: "login" },
      h("h1", {}, t.console),
      h("p", {}, t.who),
      ...people.map(({ nickname, token }, index) =>
        h(
          "button",
          { type: "button", click: () => enter(token) },
          h("span", { class: `avatar tint${index}`, "aria-hidden": "true" }, [...nickname][0] ?? ""),
          nickname
        )
      ),
      h("button", { type: "button", class: "language", click: switchLanguage }, t.other)
    )
  )
}
void signIn().catch(tell)

/** The visitor's page: a shop with a chat widget over `Client` and its inbox. */
import { Client, type InboxConversation, type InboxMessage, type InboxSnapshot } from "../../src/Client.ts"
import { bubble, type BubbleOptions } from "./bubble.ts"
import { Composer } from "./composer.ts"
import { badge, chime, h, icon, perFrame, remember, setText, tool } from "./dom.ts"
import { faultPanel } from "./faults.ts"
import { banner, notices, reader } from "./shell.ts"
import { switchLanguage, t } from "./texts.ts"
import { Timeline } from "./timeline.ts"

const subChannelId = t.code === "en" ? 3 : 1
const client = new Client(null, {
  storage: () => localStorage,
  subChannelId,
  outbox: { persist: true },
  shareTabs: true
})
const { inbox } = client
const { element: noticeBoard, tell } = notices()

let isOpen = false
let hasSound = remember.get("sound") === "on"
let lastSeen: InboxMessage | undefined

/** The conversation that is going on, or else the latest. */
const current = ({ conversations }: InboxSnapshot): InboxConversation | undefined =>
  conversations.find(({ state }) => state !== "FINISHED") ?? conversations[0]

const id = () => {
  const conversation = current(inbox.getSnapshot())
  return conversation === undefined || conversation.state === "FINISHED" ? 0 : conversation.id
}

const composer = new Composer({
  client,
  conversation: id,
  tell,
  onDraft: (draft) => {
    if (id() !== 0) inbox.typing(id(), draft)
    suggest(draft)
  },
  onSent: () => timeline.toEnd()
})

const bubbles: BubbleOptions = {
  client,
  asStaff: false,
  say: (text) => composer.say(text),
  tell,
  rate: () => rating.show()
}
const timeline = new Timeline(
  (message, isFirst) => bubble(message, isFirst, bubbles),
  () => void older()
)

/** The visitor's earlier conversations are the history above the current one. */
let reading = false
const older = async () => {
  if (reading) return
  reading = true
  // Once all are read there is nothing to wait for again.
  reading = !(await inbox.loadMore({ limit: 10 }).catch(() => true))
}

// --- what the robot offers

const offers = h("div", { class: "offers" })
const offer = (title: string, questions: ReadonlyArray<string>) =>
  offers.replaceChildren(
    ...(questions.length === 0 ? [] : [h("strong", {}, title)]),
    ...questions.map((question) =>
      h(
        "button",
        {
          type: "button",
          click: () => {
            composer.input.value = ""
            offers.replaceChildren()
            composer.say(question)
            composer.input.focus()
          }
        },
        question
      )
    )
  )

let asked: ReturnType<typeof setTimeout> | undefined
let asking: AbortController | undefined
const suggest = (draft: string) => {
  clearTimeout(asked)
  asking?.abort()
  const query = draft.trim()
  if (query === "" || current(inbox.getSnapshot())?.isServedByRobot !== true) return offer("", [])
  asked = setTimeout(() => {
    asking = new AbortController()
    client.getSuggestions(query, subChannelId, { signal: asking.signal }).then(
      ({ data }) =>
        offer(
          t.suggestions,
          data.questions.slice(0, 4).flatMap(({ question }) => question ?? [])
        ),
      () => {}
    )
  }, 200)
}

const showHot = async () => {
  const { data: channel } = await client.getSubChannel(subChannelId)
  const { data } = await client.getHotFaqs(channel.faqGroupId ?? undefined, 3)
  if (composer.input.value === "")
    offer(
      t.hot,
      data.faqs.flatMap(({ question }) => question ?? [])
    )
}

// --- the rating

const makeRating = () => {
  const stars = h("div", { class: "stars", role: "radiogroup", "aria-label": t.rateTitle })
  const labels = h("p", { class: "label", role: "status" })
  const tags = h("div", { class: "tags" })
  const words = h("textarea", { rows: 2, placeholder: t.rateHint, "aria-label": t.rateHint })
  const send = h("button", { class: "primary", disabled: true }, t.rateSend)
  let score = 0
  const form = h(
    "form",
    {
      class: "rating",
      "aria-label": t.rateTitle,
      hidden: true,
      submit: (event: Event) => {
        event.preventDefault()
        const chosen = [...tags.querySelectorAll("input:checked")].map((input) => Number(input.getAttribute("value")))
        form.hidden = true
        client.rateStaff(score, words.value, chosen).then(() => tell(t.thanks), tell)
      }
    },
    h(
      "header",
      {},
      h("strong", {}, t.rateTitle),
      tool("close", t.cancel, () => (form.hidden = true))
    ),
    stars,
    labels,
    tags,
    words,
    send
  )
  const show = async () => {
    const { data } = await client.getRatings()
    score = 0
    send.disabled = true
    words.value = ""
    labels.textContent = ""
    tags.replaceChildren()
    const choose = (rating: (typeof data.ratings)[number]) => {
      score = rating.score ?? 0
      send.disabled = false
      labels.textContent = t.code === "en" ? t.stars(score) : (rating.label ?? "")
      tags.replaceChildren(
        ...rating.tags.map((tag) =>
          h("label", {}, h("input", { type: "checkbox", value: tag.id }), h("span", {}, tag.name ?? ""))
        )
      )
      for (const star of stars.children) star.classList.toggle("lit", Number(star.getAttribute("data-score")) <= score)
    }
    stars.replaceChildren(
      ...data.ratings.map((rating) =>
        h(
          "label",
          { "data-score": rating.score },
          h("input", {
            type: "radio",
            name: "score",
            "aria-label": t.stars(rating.score ?? 0),
            change: () => choose(rating)
          }),
          h("span", { "aria-hidden": "true" }, "★")
        )
      )
    )
    form.hidden = false
    stars.querySelector("input")?.focus()
  }
  return { form, show: () => void show().catch(tell) }
}
const rating = makeRating()

// --- the panel

const who = h("strong")
const what = h("span", { class: "sub" })
const place = h("div", { class: "place", role: "status", hidden: true })
const typing = h("div", { class: "typing", "aria-live": "polite", hidden: true }, h("i"), h("i"), h("i"))
const link = banner(client)
const paint = perFrame(() => show())
const markRead = reader(client, paint)
const sound = tool("muted", t.sound, () => {
  hasSound = !hasSound
  remember.set("sound", hasSound ? "on" : "off")
  if (hasSound) chime()
  showSound()
})
const showSound = () => {
  sound.setAttribute("aria-pressed", String(hasSound))
  sound.replaceChildren(icon(hasSound ? "sound" : "muted"))
}
const end = tool("end", t.end, () => void client.closeConversation(id()).catch(tell))
const human = h("button", { type: "button", class: "human", click: () => composer.say(t.humanText) }, t.human)

const panel = h(
  "section",
  { class: "widget", "aria-label": t.chat, hidden: true },
  h(
    "header",
    { class: "bar" },
    h("span", { class: "avatar", "aria-hidden": "true" }, "海"),
    h("div", { class: "name" }, who, what),
    human,
    sound,
    end,
    tool("close", t.close, () => setOpen(false))
  ),
  link.element,
  place,
  timeline.element,
  typing,
  rating.form,
  offers,
  composer.element
)
panel.addEventListener("keydown", (event) => {
  if (event.key === "Escape") setOpen(false)
})

const count = h("span", { class: "count", hidden: true })
const launcher = h(
  "button",
  { type: "button", class: "launcher", "aria-label": t.open, "aria-expanded": "false", click: () => setOpen(true) },
  icon("chat"),
  count
)
const availability = h("p", { class: "availability", role: "status" })

let begun = false
const setOpen = (open: boolean) => {
  isOpen = open
  panel.hidden = !open
  launcher.hidden = open
  document.body.classList.toggle("chatting", open)
  if (!open) return launcher.focus()
  if (!begun) {
    begun = true
    inbox.subscribe(paint)
    void showHot().catch(() => {})
  }
  show()
  timeline.toEnd()
  composer.input.focus()
}

const show = () => {
  const snapshot = inbox.getSnapshot()
  const conversation = current(snapshot)
  link.show(snapshot)

  const isEnded = conversation?.state === "FINISHED"
  const isServed = conversation?.counterpart !== undefined && !isEnded
  setText(who, isServed && !conversation.isServedByRobot ? (conversation.counterpart.nickname ?? "") : t.chat)
  setText(what, isEnded ? t.ended : !isServed ? t.waiting : conversation.isServedByRobot ? t.robot : t.staff)
  panel.classList.toggle("served", isServed)
  human.hidden = conversation?.isServedByRobot !== true || isEnded === true
  end.hidden = conversation === undefined || isEnded === true
  const { queue } = conversation ?? {}
  place.hidden = queue === undefined
  if (queue !== undefined) {
    const { estimatedWaitMillis: wait } = queue
    const estimate = wait === undefined ? "" : ` · ${t.wait(Math.max(1, Math.round(wait / 60_000)))}`
    setText(place, t.queue(queue.position) + estimate)
  }
  typing.hidden = conversation?.typing === undefined
  typing.title = t.typing

  // After everything that changes its height.
  timeline.show(snapshot.conversations.toSorted((a, b) => a.id - b.id).map(({ messages }) => messages))
  const seen = isOpen && !document.hidden && timeline.isAtEnd
  if (seen && conversation !== undefined && conversation.unreadCount > 0) {
    markRead(conversation.id)
  }
  const unread = seen ? 0 : snapshot.unreadCount
  count.hidden = unread === 0
  setText(count, String(unread))
  launcher.setAttribute("aria-label", unread === 0 ? t.open : `${t.open}, ${t.unread(unread)}`)
  badge(t.product, unread)

  const newest = conversation?.lastMessage
  if (newest?.key !== lastSeen?.key) {
    if (lastSeen !== undefined && newest?.direction === 1 && hasSound) chime()
    if (newest?.direction === 1 && newest.message.messageType === "RateInvite" && lastSeen !== undefined) rating.show()
    lastSeen = newest
  }
}
document.addEventListener("visibilitychange", () => begun && show())

document.body.append(
  h(
    "main",
    {},
    h("nav", {}, h("b", {}, "SEATONE"), h("button", { type: "button", click: switchLanguage }, t.other)),
    h(
      "div",
      { class: "hero" },
      h("div", { class: "disc", "aria-hidden": "true" }),
      h(
        "div",
        {},
        h("h1", {}, t.product),
        h("p", { class: "tagline" }, t.tagline),
        h("p", {}, t.pitch),
        h("button", { type: "button", class: "primary ask", click: () => setOpen(true) }, t.ask),
        availability
      )
    )
  ),
  panel,
  launcher,
  noticeBoard,
  faultPanel()
)
showSound()
client.getPendingCount().then(
  ({ data }) => (availability.textContent = t.available(data.count ?? 0)),
  () => {}
)

/** What frames both pages: the connection's banner, notices, the panel of faults. */
import { type Client, type InboxSnapshot, KefuError } from "../../src/Client.ts"
import { h } from "./dom.ts"
import { t } from "./texts.ts"

/** Why the client is not connected, until when, and what to do about it. */
export const banner = (client: Client): { readonly element: HTMLElement; show(snapshot: InboxSnapshot): void } => {
  const text = h("span")
  const button = h("button", { type: "button" })
  const element = h("div", { class: "banner", role: "status", hidden: true }, text, button)
  let act = () => {}
  let timer: ReturnType<typeof setInterval> | undefined
  let slow: ReturnType<typeof setTimeout> | undefined
  button.addEventListener("click", () => act())
  const say = (words: string, label: string, action: () => void) => {
    element.hidden = false
    text.textContent = words
    button.textContent = label
    act = action
  }
  const hide = () => {
    element.hidden = true
  }
  let shown: InboxSnapshot["connection"] | undefined
  const show = ({ connection }: InboxSnapshot) => {
    if (connection === shown) return
    shown = connection
    clearInterval(timer)
    clearTimeout(slow)
    switch (connection._tag) {
      case "Waiting": {
        const tick = () => {
          const seconds = Math.max(0, Math.ceil((connection.retryAt - Date.now()) / 1000))
          say(t.reconnecting(seconds), t.retryNow, () => client.retryNow())
        }
        timer = setInterval(tick, 250)
        return tick()
      }
      case "Suspended":
        return say(t.offline, t.retryNow, () => client.retryNow())
      case "Superseded":
        return say(t.superseded, t.takeOver, () => client.takeOver())
      case "Closed":
        return say(connection.reason?.userText[t.code === "en" ? "en" : "zh"] ?? t.stopped, t.retryNow, () =>
          client.open()
        )
      case "Connecting":
        // A dial that is quick needs no words.
        slow = setTimeout(() => say(t.connecting, t.retryNow, () => client.retryNow()), 600)
        return connection.attempt === 0 ? hide() : undefined
      case "Idle":
      case "Connected":
        return hide()
    }
  }
  return { element, show }
}

/** Marks a conversation as read, at most twice a second: a busy one would need many. `again` looks for what came meanwhile. */
export const reader = (client: Client, again: () => void): ((id: number) => void) => {
  let isBusy = false
  return (id) => {
    if (isBusy) return
    isBusy = true
    const rest = () =>
      setTimeout(() => {
        isBusy = false
        again()
      }, 500)
    client.inbox.markRead(id).then(rest, rest)
  }
}

/** Notices that go away by themselves. */
export const notices = (): { readonly element: HTMLElement; readonly tell: (what: unknown) => void } => {
  const element = h("div", { class: "notices", role: "status" })
  const tell = (what: unknown) => {
    const text =
      what instanceof KefuError
        ? what.userText[t.code === "en" ? "en" : "zh"]
        : what instanceof Error
          ? what.message
          : String(what)
    const notice = h("p", {}, text)
    element.append(notice)
    setTimeout(() => notice.remove(), 5000)
  }
  return { element, tell }
}

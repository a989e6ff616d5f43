/** A message as a bubble: every kind of content, its state, and what one can do with it. */
import type { Client, InboxMessage } from "../../src/Client.ts"
import { h, icon } from "./dom.ts"
import { systemText, t, timeOf } from "./texts.ts"

export interface BubbleOptions {
  readonly client: Client
  readonly asStaff: boolean
  /** Sends a text, for buttons that ask in the visitor's place. */
  readonly say: (text: string) => void
  /** Shows a failure. */
  readonly tell: (error: unknown) => void
  /** Opens the rating dialogue. */
  readonly rate?: () => void
}

const recallable = 2 * 60_000

interface Media {
  readonly url?: unknown
  readonly filename?: unknown
  readonly byteSize?: unknown
  readonly width?: unknown
  readonly height?: unknown
}

const viewer = (url: string, alt: string): void => {
  const dialog = h(
    "dialog",
    { class: "viewer", "aria-label": alt, click: () => dialog.close(), close: () => dialog.remove() },
    h("img", { src: url, alt }),
    h("button", { type: "button", class: "tool", "aria-label": t.cancel }, icon("close"))
  )
  document.body.append(dialog)
  dialog.showModal()
}

const size = (bytes: unknown): string =>
  typeof bytes !== "number" ? "" : bytes < 1e6 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`

const media = (kind: string | undefined, content: Media): HTMLElement => {
  const url = typeof content.url === "string" && /^https?:/.test(content.url) ? content.url : "about:blank"
  const name = typeof content.filename === "string" ? content.filename : t.file
  if (kind === "Image") {
    const { height, width } = content
    const dimensions = typeof width === "number" && typeof height === "number" ? { width, height } : {}
    return h(
      "button",
      { type: "button", class: "picture", "aria-label": `${t.preview}: ${name}`, click: () => viewer(url, name) },
      h("img", { src: url, alt: name, loading: "lazy", ...dimensions })
    )
  }
  if (kind === "Video") return h("video", { src: url, controls: true, preload: "metadata", "aria-label": name })
  return h(
    "a",
    { class: "file", href: url, target: "_blank", rel: "noopener", download: name },
    icon("file"),
    h("span", {}, name, h("small", {}, size(content.byteSize)))
  )
}

const choices = (list: ReadonlyArray<readonly [string, () => void]>): HTMLElement =>
  h("div", { class: "choices" }, ...list.map(([label, click]) => h("button", { type: "button", click }, label)))

const feedback = ({ client, tell }: BubbleOptions, id: number): HTMLElement => {
  const thank = (done: Promise<unknown>) =>
    done.then(() => box.replaceChildren(h("span", { role: "status" }, t.thanks)), tell)
  const box = h(
    "div",
    { class: "feedback" },
    h("button", { type: "button", click: () => void thank(client.likeRobotAnswer(id)) }, icon("up"), t.like),
    h("button", { type: "button", click: () => void thank(client.dislikeRobotAnswer(id)) }, icon("down"), t.dislike)
  )
  return box
}

const robotAnswer = (
  content: Extract<InboxMessage["message"], { messageType: "RobotCanAnswerMessage" }>["content"],
  options: BubbleOptions
): ReadonlyArray<HTMLElement> => {
  if (typeof content === "string") return [h("p", {}, content)]
  const { answer, candidates } = content
  return [
    h("p", {}, answer ?? t.suggestions),
    ...(candidates === undefined || candidates === null || options.asStaff
      ? []
      : [choices(candidates.map((question) => [question, () => options.say(question)]))])
  ]
}

const body = ({ id, message }: InboxMessage, options: BubbleOptions): ReadonlyArray<HTMLElement> => {
  const { client, say, tell } = options
  switch (message.messageType) {
    case "Text":
      return [h("p", {}, message.content)]
    case "Image":
    case "Video":
    case "Attachment":
      return message.content === undefined ? [] : [media(message.messageType, message.content)]
    case "ChannelMenu": {
      const items = message.content.items.map(
        (item) => [item.title ?? String(item.id), () => void client.selectMenuItem(item.id).catch(tell)] as const
      )
      return [h("p", {}, message.content.title ?? ""), options.asStaff ? h("span") : choices(items)]
    }
    case "RobotCanAnswerMessage":
    case "FAQAnswerMessage": {
      const answer = robotAnswer(message.content, options)
      return id === undefined || options.asStaff ? answer : [...answer, feedback(options, id)]
    }
    case "RobotNotAnswerMessage": {
      const answer = robotAnswer(message.content, options)
      return options.asStaff ? answer : [...answer, choices([[t.human, () => say(t.humanText)]])]
    }
    case "RobotChitchatMessage":
    case "RobotMayAnswerMessage":
      return robotAnswer(message.content, options)
    case "OrderMessage":
      return [h("p", {}, typeof message.content === "string" ? message.content : (message.content.title ?? ""))]
    default:
      return [h("p", {}, typeof message.content === "string" ? message.content : JSON.stringify(message.content))]
  }
}

/** The state of a message of one's own, with what can be done about it. */
const status = (message: InboxMessage, { client, tell }: BubbleOptions): HTMLElement => {
  const { delivery, id, isRead, outboxKey } = message
  const button = (label: string, act: () => Promise<unknown>) =>
    h("button", { type: "button", click: () => void act().catch(tell) }, label)
  if (delivery?._tag === "Failed" || delivery?._tag === "DeliveryUnknown") {
    const key = outboxKey ?? ""
    return h(
      "div",
      { class: "status failed", role: "status" },
      delivery._tag === "Failed" ? t.failed : t.unknown,
      button(t.retry, () => client.retrySend(key)),
      button(t.discard, () => client.discardSend(key))
    )
  }
  if (id === undefined) {
    return h(
      "div",
      { class: "status" },
      t.sending,
      delivery?._tag === "Queued" && outboxKey !== undefined && button(t.cancel, () => client.discardSend(outboxKey))
    )
  }
  const isYoung = message.createdAt !== undefined && Date.now() - message.createdAt < recallable
  const from = "fromId" in message.message ? message.message.fromId : undefined
  const isOwn = outboxKey !== undefined || from === client.inbox.getSnapshot().me?.id
  return h(
    "div",
    { class: "status" },
    isOwn && isYoung && button(t.recall, () => client.inbox.recall(id)),
    h("time", {}, timeOf(message.createdAt)),
    h("span", { class: isRead ? "read" : "" }, isRead ? t.read : t.sent)
  )
}

/** Undefined for messages that are not shown. */
export const bubble = (message: InboxMessage, isFirst: boolean, options: BubbleOptions): HTMLElement | undefined => {
  const isMine = message.direction === 0
  const pill = (text: string, ...more: ReadonlyArray<HTMLElement>) => h("div", { class: "pill" }, text, ...more)
  if (message.isRecalled) return pill(isMine ? t.recalledMine : t.recalled)
  if (message.isSystemMessage) {
    const text = systemText(message, options.asStaff)
    if (text === undefined) return undefined
    const { rate } = options
    if (message.message.messageType !== "RateInvite" || rate === undefined) return pill(text)
    return pill(text, h("button", { type: "button", click: rate }, t.rateTitle))
  }
  const kind = message.message.messageType
  const bare = kind === "Image" || kind === "Video" ? "bare" : ""
  return h(
    "article",
    { class: `message ${isMine ? "mine" : "theirs"} ${isFirst ? "first" : ""}` },
    isFirst &&
      h("header", {}, message.nickname ?? (isMine ? t.you : ""), !isMine && h("time", {}, timeOf(message.createdAt))),
    h("div", { class: `bubble ${bare}` }, ...body(message, options)),
    isMine && status(message, options)
  )
}

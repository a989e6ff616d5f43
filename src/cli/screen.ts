/** The full screen of `effect-kefu chat`: what it shows of the inbox, as lines that fit a terminal. */
import type { ConversationId } from "../domain/Id.ts"
import type { InboxConversation, InboxMessage, InboxSnapshot } from "../inbox/InboxSnapshot.ts"
import * as text from "./text.ts"

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u

/** How many cells of a terminal a text takes: Chinese characters and emoji take two. */
export const width = (said: string): number => {
  let cells = 0
  for (const char of said) cells += /\p{Mn}|\u200d|\ufe0f/u.test(char) ? 0 : wide.test(char) ? 2 : 1
  return cells
}

/** The lines of a text of which none is wider than `columns`. */
export const wrap = (said: string, columns: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  for (const char of said) {
    if (line !== "" && width(line + char) > columns) {
      lines.push(line)
      line = ""
    }
    line += char
  }
  return [...lines, line]
}

const clip = (said: string, columns: number): string => wrap(said, columns)[0] ?? ""

/** The end of a text, so that one sees what one types. */
const tail = (said: string, columns: number): string => {
  const chars = Array.from(said)
  while (width(chars.join("")) > columns) chars.shift()
  return chars.join("")
}

/** What the person at the keyboard has chosen and typed. */
export interface View {
  readonly chosen: ConversationId | undefined
  readonly input: string
  /** An answer to the last command. */
  readonly notice: string
}

/** The conversation on the screen: the chosen one, otherwise the latest that has not ended, otherwise the latest. */
export const shown = (snapshot: InboxSnapshot, chosen: ConversationId | undefined): InboxConversation | undefined => {
  const { conversations } = snapshot
  return (
    conversations.find(({ id }) => id === chosen) ??
    conversations.find(({ state }) => state !== "FINISHED") ??
    conversations[0]
  )
}

const marks: Readonly<Record<string, string>> = {
  Queued: " …",
  Uploading: " ↑",
  Sending: " …",
  Failed: " ✗ not sent: /retry or /discard",
  DeliveryUnknown: " ? may have arrived: /retry or /discard"
}

const line = (message: InboxMessage): string => {
  const sender = message.isSystemMessage ? "·" : message.direction === 0 ? "me" : (message.nickname ?? "?")
  const said = message.isRecalled
    ? "[recalled]"
    : text.content({
        messageType: message.message.messageType,
        content: "content" in message.message ? message.message.content : undefined
      })
  const mark =
    message.delivery === undefined
      ? message.direction === 0 && message.isRead
        ? " ✓"
        : ""
      : marks[message.delivery._tag]
  return text.oneLine(`${text.time(message.createdAt)} ${sender}: ${said}${mark ?? ""}`)
}

const status = (snapshot: InboxSnapshot, conversation: InboxConversation | undefined, notice: string): string => {
  if (notice !== "") return notice
  if (snapshot.connection._tag !== "Connected") return text.connection(snapshot.connection)
  if (conversation?.typing !== undefined)
    return `${text.name(conversation.counterpart)} is typing ${conversation.typing.draft ?? "…"}`
  if (conversation?.queue !== undefined) return `number ${conversation.queue.position} in the queue`
  if (conversation?.staffStatus !== undefined) return `the staff are ${conversation.staffStatus}`
  return "/help lists the commands"
}

/** Exactly `rows` lines, none wider than `columns`. */
export const render = (
  snapshot: InboxSnapshot,
  { chosen, input, notice }: View,
  { columns, rows }: { readonly columns: number; readonly rows: number }
): ReadonlyArray<string> => {
  const conversation = shown(snapshot, chosen)
  const title =
    conversation === undefined
      ? "No conversation yet: say something"
      : `${text.name(conversation.counterpart)}  ${conversation.state}  conversation ${conversation.id}`
  const others = snapshot.unreadCount - (conversation?.unreadCount ?? 0)
  const height = Math.max(0, rows - 3)
  const pending = snapshot.unplaced.map(({ draft, state }) =>
    text.oneLine(
      `me: ${text.content({ messageType: draft.messageType, content: "content" in draft ? draft.content : undefined })}${marks[state._tag] ?? ""}`
    )
  )
  const said = [...(conversation?.messages ?? []).slice(-rows).map(line), ...pending].flatMap((one) =>
    wrap(one, columns)
  )
  const visible = said.slice(Math.max(0, said.length - height))
  return [
    clip(text.oneLine(others > 0 ? `${title}  (${others} unread elsewhere: /next)` : title), columns),
    ...visible,
    ...Array.from({ length: height - visible.length }, () => ""),
    clip(text.oneLine(status(snapshot, conversation, notice)), columns),
    `> ${tail(text.oneLine(input), Math.max(1, columns - 3))}`
  ]
}

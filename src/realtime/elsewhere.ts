/**
 * Commands of other tabs over a shared connection. The backend acknowledges a command to who sent it and to nobody else,
 * so the tab that holds the connection tells the others in frames of its own, which no backend sends.
 */
import { MessageId } from "../domain/Id.ts"
import { eventTypeCode } from "../wire/Frame.ts"

/** A command that another tab has sent. */
export type CommandElsewhere = "Message" | "Read" | "Recall" | "CloseConversation" | "InviteRate" | "SelectMenuItem"

export interface Elsewhere {
  readonly command: CommandElsewhere
  /** The message that was sent, read or recalled. */
  readonly messageId: MessageId | undefined
}

const names = new Map<unknown, CommandElsewhere>(
  (["Message", "Read", "Recall", "CloseConversation", "InviteRate", "SelectMenuItem"] as const).map((name) => [
    eventTypeCode[name],
    name
  ])
)

const beginning = '{"elsewhere":'

interface Told {
  readonly elsewhere: { readonly event_type?: unknown; readonly payload?: { readonly message_id?: unknown } | null }
  readonly message_id: unknown
}

/** The frame that tells of a command and of the message id in its acknowledgement. */
export const encode = (command: string, messageId: unknown): string =>
  `${beginning}${command},"message_id":${JSON.stringify(messageId ?? null)}}`

/** Undefined if a frame tells of no command, or of one that changes nothing for other tabs. */
export const decode = (frame: string): Elsewhere | undefined => {
  const { elsewhere, message_id: sent } = JSON.parse(frame) as Told
  const command = names.get(elsewhere.event_type)
  const id = Number(command === "Message" ? sent : elsewhere.payload?.message_id)
  return command && { command, messageId: Number.isSafeInteger(id) && id > 0 ? MessageId.make(id) : undefined }
}

export const isElsewhere = (frame: string): boolean => frame.startsWith(beginning)

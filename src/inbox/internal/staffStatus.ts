/**
 * What system messages say about a conversation and the staff.
 */
import type { MessageName } from "../../domain/Perspective.ts"
import type { InboxConversation } from "../InboxSnapshot.ts"

export type StaffStatus = InboxConversation["staffStatus"]

/** What some messages say about the staff. */
export const staffStatus: ReadonlyMap<MessageName | undefined, StaffStatus> = new Map([
  ["StaffBusyEvent", "busy"],
  ["StaffOfflineEvent", "offline"]
])

/** The messages that report a change of the conversation itself. */
export const statusMessages: ReadonlySet<MessageName> = new Set([
  "ConversationEnd",
  "ManualServiceStart",
  "ConversationBuilt",
  "ConversationTransfer",
  "StaffBusyEvent",
  "StaffOfflineEvent"
])

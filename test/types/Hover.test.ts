import { assert, describe, it } from "@effect/vitest"
import { hovers } from "../support/Hover.ts"

const source = `
import { Client } from "../../src/Client.ts"
import type { Message } from "../../src/domain/Message.ts"
import type { InboxMessage } from "../../src/inbox/InboxSnapshot.ts"
import type { ServerFrame } from "../../src/wire/Frame.ts"

declare const frame: ServerFrame
declare const inboxMessage: InboxMessage
declare const domainMessage: Message
const client = new Client({ onMessage: (received) => { received.nickname } })
export const builtText = client.buildMessage("Text", "hi", 1)
export const builtImage = client.buildMessage("Image", { url: "u" }, 1)
export const sent = client.sendMessage(builtText)
export const current = client.inbox.getSnapshot()
export const content = () => domainMessage.messageType === "Image" && domainMessage.content
`

const frames = [
  "AckFrame",
  "InputtingFrame",
  "MessageBatchFrame",
  "MessageFrame",
  "MultipleLoginFrame",
  "ReadFrame",
  "UnknownFrame"
]

/** What an editor shows where the name first stands. */
const expected: Readonly<Record<string, string>> = {
  "frame:": `const frame: ${frames.join(" | ")}`,
  "inboxMessage:": "const inboxMessage: InboxMessage",
  received: "(parameter) received: ViewedMessage",
  builtText: 'const builtText: MessageOf<"Text">',
  builtImage: 'const builtImage: MessageOf<"Image">',
  sent: 'const sent: Promise<MessageOf<"Text">>',
  current: "const current: InboxSnapshot",
  content: "const content: () => false | Media"
}

/** The greatest length of a hover, in characters. */
const longest = 330

describe("an editor", () => {
  it("shows the public names of frames, messages and the inbox", async () => {
    const shown = await hovers(source, Object.keys(expected))
    assert.deepStrictEqual(shown, Object.values(expected))
  }, 60_000)

  it("shows a message of the Effect API as a short list of names, without its fields", async () => {
    const [shown = ""] = await hovers(source, ["domainMessage:"])
    assert.isAtMost(shown.length, longest)
    assert.match(shown, /^const domainMessage: AttachmentMessage \| [^{}<>]*VideoMessage$/)
  }, 60_000)
})

/**
 * A chat in a page: the `Client` of the script, and what it received.
 */
import type * as Kefu from "../../../src/Client.ts"
import type { Tab } from "./Tab.ts"

interface Chat {
  readonly client: Kefu.Client
  readonly received: Array<Kefu.Message>
}

declare global {
  interface Window {
    readonly Kefu: typeof Kefu
    chat: Chat
  }
}

/** Opens a client in the page, as `window.chat`, and waits for its connection. */
export const begin = async (tab: Tab, options: Kefu.ClientOptions): Promise<void> => {
  await tab.page.evaluate((options) => {
    const received: Array<Kefu.Message> = []
    const client = new window.Kefu.Client({ onMessage: (message) => received.push(message) }, options)
    window.chat = { client, received }
    client.open()
  }, options)
  await opened(tab)
}

const opened = (tab: Tab): Promise<void> => tab.until(() => window.chat.client.isOpened())

/** Sends a text, and resolves with the id that the backend gave it. */
export const say = (tab: Tab, text: string): Promise<number> =>
  tab.page.evaluate(async (text) => {
    const { client } = window.chat
    return (await client.sendMessage(client.buildMessage("Text", text, 0))).id
  }, text)

/** Resolves once the page has received a message whose content is this text. */
export const heard = (tab: Tab, text: string): Promise<void> =>
  tab.until((text) => window.chat.received.some(({ content }) => content === text), text)

/**
 * A chat in a page: the `Client` of the script, and what it received.
 */
import type * as Kefu from "../../../src/Client.ts"
import type { Tab } from "./Tab.ts"

interface Chat {
  readonly client: Kefu.Client
  readonly received: Array<Kefu.Message>
  readonly states: Array<Kefu.ConnectionState>
  /** The reasons of the errors that `onError` was told. */
  readonly errors: Array<string>
}

declare global {
  interface Window {
    readonly Kefu: typeof Kefu
    chat: Chat
  }
}

/** Opens a client in the page, as `window.chat`, and waits for its connection. `isStored`: its storage is `localStorage`. */
export const begin = async (tab: Tab, options: Kefu.ClientOptions, isStored = false): Promise<void> => {
  await tab.page.evaluate(
    (options, isStored) => {
      const received: Array<Kefu.Message> = []
      const states: Array<Kefu.ConnectionState> = []
      const errors: Array<string> = []
      const client = new window.Kefu.Client(
        {
          onMessage: (message) => received.push(message),
          onError: ({ error, message }) =>
            errors.push(error instanceof window.Kefu.KefuError ? error.reason._tag : message)
        },
        { ...options, storage: isStored ? () => localStorage : undefined }
      )
      client.on("StateChanged", ({ state }) => states.push(state))
      window.chat = { client, received, states, errors }
      client.open()
    },
    options,
    isStored
  )
  await opened(tab)
}

/** Resolves once the client is connected. */
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

/**
 * A visitor's page in conversation with staff, on another origin than the backend and under a strict policy.
 */
import { assert } from "@effect/vitest"
import type { Browser } from "puppeteer-core"
import { Client, type ClientOptions, type Message } from "../../../src/Client.ts"
import { UserId } from "../../../src/domain/Id.ts"
import { type PromiseSandbox, startSandbox } from "../../../src/testing/PromiseSandbox.ts"
import * as Chat from "./Chat.ts"
import * as Site from "./Site.ts"
import * as Tab from "./Tab.ts"

export interface Service extends AsyncDisposable {
  readonly sandbox: PromiseSandbox
  readonly site: Site.Site
  /** The visitor's page. */
  readonly visitor: Tab.Tab
  readonly visitorId: UserId
  /** Sends a text as staff, who are connected throughout. */
  readonly answer: (text: string) => Promise<unknown>
  /** Opens the visitor's client in the present page. */
  readonly begin: () => Promise<void>
  /**
   * Ends the story with a word from each side, and asserts that until then the page has received each answer since
   * `begin` once and in order, and staff each text that the visitor has said; and that the history has nothing else.
   */
  readonly settle: (said: ReadonlyArray<string>) => Promise<void>
}

export interface ServiceOptions {
  readonly client?: ClientOptions
  /** Whether the client's storage is `localStorage`. */
  readonly isStored?: boolean
  /** Done in the page before the client is made. */
  readonly prepare?: (tab: Tab.Tab) => Promise<unknown>
}

/** Another page of the site, without a client. */
export const elsewhere = "/elsewhere"

const request = "转人工"

const textsOf = (messages: ReadonlyArray<{ readonly content?: unknown; readonly messageType: string | undefined }>) =>
  messages
    .filter(({ content, messageType }) => messageType === "Text" && content !== request)
    .map(({ content }) => content)

/** What Chromium itself logs about a dial that the backend refuses. */
const refusedDial = (backend: string) =>
  new RegExp(`^error: WebSocket connection to '${backend.replace("http", "ws")}/[^']*' failed: Error during WebSocket`)

/** A member of staff, connected from Node. */
const startStaff = async ({ baseUrl, createStaff }: PromiseSandbox) => {
  const { token } = await createStaff()
  const heard: Array<Message> = []
  const client = new Client({ onMessage: (message) => heard.push(message) }, { baseUrl, token })
  await new Promise<void>((resolve) => {
    client.on("StateChanged", ({ state }) => {
      if (state._tag === "Connected") resolve()
    })
    client.open()
  })
  return { client, heard }
}

/** Opens all, and has staff take over from the robot. The visitor is anonymous. */
export const open = async (
  browser: Browser,
  { client, isStored = false, prepare }: ServiceOptions = {}
): Promise<Service> => {
  await using stack = new AsyncDisposableStack()
  const sandbox = stack.use(await startSandbox())
  const page = {
    type: "text/html",
    body: `<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Away</title>`
  }
  const site = stack.use(await Site.serve({ [elsewhere]: page }, Site.strict(sandbox.baseUrl)))
  const staff = await startStaff(sandbox)
  stack.use(staff.client)
  const visitor = stack.use(await Tab.open(browser, site.origin, { expected: refusedDial(sandbox.baseUrl) }))
  await prepare?.(visitor)
  const answers: Array<string> = []
  let before = 0
  const begin = async () => {
    before = answers.length
    await Chat.begin(visitor, { baseUrl: sandbox.baseUrl, ...client }, isStored)
  }
  await begin()
  const visitorId = UserId.make(
    await visitor.page.evaluate(async () => (await window.chat.client.getUserInfo()).data.id)
  )
  await Chat.say(visitor, request)
  await visitor.until(() => window.chat.received.some(({ messageType }) => messageType === "ManualServiceStart"))
  const conversationId = await visitor.page.evaluate(() => window.chat.received.at(-1)?.conversationId ?? 0)
  const answer = (text: string) => {
    answers.push(text)
    return staff.client.sendMessage(staff.client.buildMessage("Text", text, conversationId), visitorId)
  }
  const settle = async (said: ReadonlyArray<string>) => {
    const heard = new Promise<void>((resolve) => {
      staff.client.on("MessageReceived", ({ message }) => {
        if (message.content === "谢谢，再见") resolve()
      })
    })
    await Chat.say(visitor, "谢谢，再见")
    await heard
    await answer("再见")
    await Chat.heard(visitor, "再见")
    const received = await visitor.page.evaluate(() => window.chat.received)
    assert.deepStrictEqual(textsOf(received), answers.slice(before), "what the page received")
    assert.deepStrictEqual(textsOf(staff.heard), [...said, "谢谢，再见"], "what staff received")
    const history = textsOf(await sandbox.messages(conversationId))
    assert.deepStrictEqual(history.toSorted(), [...said, "谢谢，再见", ...answers].toSorted(), "the history")
  }
  const all = stack.move()
  return { sandbox, site, visitor, visitorId, answer, begin, settle, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

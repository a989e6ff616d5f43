/**
 * Who takes part in the stories of the web desk, in English and on a wide screen.
 */
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import type { Browser } from "puppeteer-core"
import { seed, type Seed, type SeedConversation } from "../../../src/sandbox/Seed.ts"
import type { PromiseSandbox } from "../../../src/testing/PromiseSandbox.ts"
import { expected, press, shows } from "./Desk.ts"
import * as Tab from "./Tab.ts"

const open = async (browser: Browser, { baseUrl }: PromiseSandbox, page: string) => {
  const tab = await Tab.open(browser, "about:blank", { expected })
  await tab.page.setViewport({ width: 1280, height: 800 })
  await tab.page.emulateMediaFeatures([{ name: "prefers-reduced-motion", value: "reduce" }])
  return { tab, go: () => tab.page.goto(`${baseUrl}/desk/${page}.html?lang=en`) }
}

/** A member of staff of the seed at their console. */
export const staff = async (browser: Browser, sandbox: PromiseSandbox, nickname: string): Promise<Tab.Tab> => {
  const { go, tab } = await open(browser, sandbox, "staff")
  await go()
  await press(tab, `${[...nickname][0]}${nickname}`)
  await shows(tab, "Pick a conversation to start")
  return tab
}

/** A visitor with the chat open: an anonymous one, or the one of a token. */
export const visitor = async (browser: Browser, sandbox: PromiseSandbox, token?: string): Promise<Tab.Tab> => {
  const { go, tab } = await open(browser, sandbox, "visitor")
  if (token !== undefined) {
    await tab.page.evaluateOnNewDocument(
      (key, token) => localStorage.setItem(key, token),
      `effect-kefu/token/${sandbox.baseUrl}`,
      token
    )
  }
  await go()
  await press(tab, "Ask us")
  await tab.until(() => document.querySelector(".message") !== null)
  return tab
}

/** Opens the conversation that the console lists first. */
export const openFirst = async (console: Tab.Tab): Promise<void> => {
  await console.page.bringToFront()
  await console.until(() => {
    const button = document.querySelector<HTMLElement>(".conversations button")
    button?.click()
    return button !== null
  })
  await console.until(() => document.querySelector(".chat .composer") !== null)
}

/** A seed in which Alice has talked with Li in `conversations` of `lines` numbered lines each. */
export const longHistory = (conversations: number, lines: number): Seed => ({
  ...seed,
  conversations: Array.from({ length: conversations }, (_, conversation): SeedConversation => ({
    customer: "alice",
    staff: "li",
    subChannelId: 3,
    hoursAgo: 10 * (conversations - conversation),
    endReason: 1,
    lines: Array.from({ length: lines }, (_, line) => [
      line * 10,
      line % 3 === 0 ? "li" : "alice",
      `Line ${conversation * lines + line + 1}.`
    ])
  }))
})

/** A folder for files to send, which vanishes with its disposal. */
export const folder = async () => {
  const path = await Fs.mkdtemp(Path.join(Os.tmpdir(), "effect-kefu-files-"))
  return {
    /** Writes a file, and returns its path. */
    file: async (name: string, bytes: number) => {
      const file = Path.join(path, name)
      await Fs.writeFile(file, new Uint8Array(bytes))
      return file
    },
    [Symbol.asyncDispose]: () => Fs.rm(path, { recursive: true, force: true })
  }
}

/** Drags files from outside the browser over the composer, and drops them. */
export const drop = async ({ page }: Tab.Tab, files: Array<string>): Promise<void> => {
  await page.bringToFront()
  const box = await (await page.$(".composer"))?.boundingBox()
  if (box === null || box === undefined) throw new Error("there is no composer")
  const session = await page.createCDPSession()
  for (const type of ["dragEnter", "dragOver", "drop"] as const) {
    await session.send("Input.dispatchDragEvent", {
      type,
      x: box.x + box.width / 2,
      y: box.y + box.height / 2,
      data: { items: [], files, dragOperationsMask: 1 }
    })
  }
  await session.detach()
}

/**
 * The web desk in a tab: what one reads and presses, and axe-core.
 */
import { afterAll, assert, beforeAll } from "@effect/vitest"
import axe from "axe-core"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { Browser } from "puppeteer-core"
import { bundlePages } from "../../../examples/web/bundle.ts"
import type { SandboxPage } from "../../../src/sandbox/SandboxOptions.ts"
import * as Browsers from "./Browser.ts"
import type * as Tab from "./Tab.ts"

declare global {
  interface Window {
    axe: typeof axe
  }
}

/** Where screenshots go: an ignored folder. */
export const screens = Path.join(import.meta.dirname, "../.screens")

/** The pages of the desk, and a browser for the tests of a block, which is closed after them. */
export const useDesk = () => {
  let browser: Browser
  let pages: ReadonlyMap<string, SandboxPage>
  beforeAll(async () => {
    Fs.mkdirSync(screens, { recursive: true })
    pages = await bundlePages()
    browser = await Browsers.start("chrome")
  })
  afterAll(() => browser?.close())
  return {
    get browser() {
      return browser
    },
    get pages() {
      return pages
    }
  }
}

/** What the browser itself logs about a dial that the test lets fail. */
export const expected = /WebSocket connection to|Failed to load resource/

/** Waits until the page shows a text. */
export const shows = (tab: Tab.Tab, text: string) => tab.until((text) => document.body.innerText.includes(text), text)
/** Waits until nothing visible matches the selector. */
export const hides = (tab: Tab.Tab, selector: string) =>
  tab.until((selector) => {
    const element = document.querySelector(selector)
    return element === null || element.getClientRects().length === 0
  }, selector)
/** Presses the button with this label, as soon as it is visible. */
export const press = async (tab: Tab.Tab, label: string) => {
  await tab.until((label) => {
    const button = [...document.querySelectorAll("button")].find(
      (one) =>
        (one.textContent === label || one.getAttribute("aria-label") === label) && one.getClientRects().length > 0
    )
    button?.click()
    return button !== undefined
  }, label)
}
/** Sends a text from the composer. */
export const write = async (tab: Tab.Tab, text: string) => {
  await tab.page.bringToFront()
  await tab.page.focus(".composer textarea")
  await tab.page.keyboard.type(text)
  await tab.page.keyboard.press("Enter")
}

/** The rules that the page breaks, each with the elements that break it. */
export const broken = async (tab: Tab.Tab): Promise<ReadonlyArray<string>> => {
  await tab.page.bringToFront()
  await tab.page.evaluate(axe.source)
  return tab.page.evaluate(async () => {
    const { violations } = await window.axe.run()
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`)
  })
}

/** Takes pictures of a page as a wide screen and a phone show it, and asserts that axe-core finds nothing, in both themes. */
export const look = async (tab: Tab.Tab, name: string) => {
  await tab.page.bringToFront()
  for (const theme of ["light", "dark"]) {
    await tab.page.emulateMediaFeatures([
      { name: "prefers-color-scheme", value: theme },
      { name: "prefers-reduced-motion", value: "reduce" }
    ])
    for (const [size, viewport] of [
      ["phone", { width: 400, height: 780 }],
      ["desktop", { width: 1280, height: 800 }]
    ] as const) {
      await tab.page.setViewport(viewport)
      await tab.page.screenshot({ path: Path.join(screens, `${name}-${size}-${theme}.png`) })
    }
    assert.deepStrictEqual(await broken(tab), [], `${name} in ${theme}`)
  }
}

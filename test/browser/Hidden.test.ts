/**
 * A staff console in a tab that has been hidden for minutes, whose timers Chromium lets fire once a minute.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Browser } from "puppeteer-core"
import { bundlePages } from "../../examples/web/bundle.ts"
import type { SandboxPage } from "../../src/sandbox/SandboxOptions.ts"
import { Client } from "../../src/Client.ts"
import { startSandbox } from "../../src/testing/PromiseSandbox.ts"
import * as Browsers from "./support/Browser.ts"
import { shows } from "./support/Desk.ts"
import * as Stories from "./support/Stories.ts"

declare global {
  interface Window {
    /** How many milliseconds passed between the steps of a plain timer of one second. */
    steps: Array<number>
  }
}

describe("a staff console that has been hidden for minutes", () => {
  let browser: Browser
  let pages: ReadonlyMap<string, SandboxPage>
  beforeAll(async () => {
    pages = await bundlePages()
    // Instead of five minutes.
    const grace = "--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/10"
    browser = await Browsers.start("chrome", { args: [grace] })
  })
  afterAll(() => browser?.close())

  it("stays connected, counts what comes in, and comes back after a break", async () => {
    await using sandbox = await startSandbox({ pages })
    await using li = await Stories.staff(browser, sandbox, "李静")
    const { token } = await sandbox.createVisitor()
    await using visitor = new Client({}, { baseUrl: sandbox.baseUrl, token })
    const say = (text: string) => visitor.sendMessage(visitor.buildMessage("Text", text, 0))
    await say("转人工")
    await Stories.openFirst(li)
    const title = (expected: string) => li.until((expected) => document.title === expected, expected)
    await title("Service desk")

    const session = await li.page.createCDPSession()
    const frames: Array<number> = []
    let dials = 0
    session.on("Network.webSocketFrameSent", ({ timestamp }) => frames.push(timestamp))
    session.on("Network.webSocketCreated", () => dials++)
    await session.send("Network.enable")
    await li.page.evaluate(() => {
      window.steps = []
      let before = performance.now()
      const step = () => {
        window.steps.push(performance.now() - before)
        before = performance.now()
        setTimeout(step, 1000)
      }
      setTimeout(step, 1000)
    })
    const other = await li.page.browserContext().newPage()
    await other.bringToFront()
    await li.until(() => document.visibilityState === "hidden")
    /** Waits for two more steps of half a minute and more, which the throttling alone makes. */
    const throttled = async () => {
      const isLong = () => li.page.evaluate(() => window.steps.filter((step) => step > 30_000).length)
      const before = await isLong()
      while ((await isLong()) < before + 2) await new Promise((resolve) => setTimeout(resolve, 1000))
    }
    await throttled()

    // Proxies end a connection that is silent for a minute.
    const silences = frames.slice(1).map((at, index) => at - (frames[index] ?? at))
    assert.isAbove(silences.length, 2)
    assert.isBelow(Math.max(...silences), 60)
    assert.strictEqual(dials, 0)
    await say("在吗？")
    await title("(1) Service desk")

    await sandbox.inject({ _tag: "Reset" })
    await say("还在吗？")
    await title("(2) Service desk")
    assert.strictEqual(dials, 1)
    assert.isTrue(await li.page.evaluate(() => document.hidden))

    await li.page.bringToFront()
    await shows(li, "还在吗？")
    await title("Service desk")
  }, 400_000)
})

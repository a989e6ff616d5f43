/**
 * Two desk tabs of one member of staff in Firefox, which share a connection under the name of their login.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Browser } from "puppeteer-core"
import { Client } from "../../src/Client.ts"
import { startSandbox } from "../../src/testing/PromiseSandbox.ts"
import * as Browsers from "./support/Browser.ts"
import * as Chat from "./support/Chat.ts"
import * as Site from "./support/Site.ts"
import * as Tab from "./support/Tab.ts"

describe("two tabs of one member of staff in Firefox", () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await Browsers.start("firefox")
  })
  afterAll(() => browser?.close())

  it("share a connection, both hear the visitor, and the second goes on when the first is closed", async () => {
    await using sandbox = await startSandbox()
    await using site = await Site.serve()
    const { token, userId } = await sandbox.createStaff()
    const options = { baseUrl: sandbox.baseUrl, token, shareTabs: `staff ${userId}` }
    await using one = await Tab.open(browser, site.origin)
    await using two = await Tab.open(browser, site.origin, { beside: one })
    await Chat.begin(one, options)
    await Chat.begin(two, options)
    const visitor = await sandbox.createVisitor()
    await using client = new Client({}, { baseUrl: sandbox.baseUrl, token: visitor.token })
    const say = (text: string) => client.sendMessage(client.buildMessage("Text", text, 0))
    await say("转人工")
    await say("您在吗？")
    for (const tab of [one, two]) await Chat.heard(tab, "您在吗？")
    for (const { page } of [one, two]) {
      assert.notInclude(await page.evaluate(() => window.chat.states.map(({ _tag }) => _tag)), "Superseded")
    }
    await one.page.close()
    await say("还在吗？")
    await Chat.heard(two, "还在吗？")
    const texts = await two.page.evaluate(() =>
      window.chat.received.flatMap(({ content, messageType }) => (messageType === "Text" ? [content] : []))
    )
    assert.deepStrictEqual(
      texts.filter((text) => text !== "转人工"),
      ["您在吗？", "还在吗？"]
    )
  }, 120_000)
})

/** The page of the READMEs, as it stands there. `test/Snippets.test.ts` runs their other blocks. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Browser } from "puppeteer-core"
import { startSandbox } from "../../src/testing/PromiseSandbox.ts"
import { readmes } from "../support/Readme.ts"
import * as Browsers from "./support/Browser.ts"
import * as Site from "./support/Site.ts"
import * as Tab from "./support/Tab.ts"

describe("the page of", () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await Browsers.start("chrome")
  })
  afterAll(() => browser?.close())

  for (const { blocks, name } of readmes) {
    it(`${name} shows what the visitor and the robot say`, async () => {
      const pages = blocks.filter(({ language }) => language === "html")
      assert.strictEqual(pages.length, 1)
      await using sandbox = await startSandbox()
      const body = pages[0]?.code.replaceAll("http://127.0.0.1:8787", sandbox.baseUrl) ?? ""
      await using site = await Site.serve({
        "/": { type: "text/html", body },
        "/favicon.ico": { type: "image/x-icon", body: "" }
      })
      await using tab = await Tab.open(browser, site.origin)
      await tab.page.type("#text", "多久发货？")
      await tab.page.keyboard.press("Enter")
      await tab.until(() => document.querySelector("#chat")?.textContent.includes("24 小时内发货") === true)
      const lines = await tab.page.$$eval("#chat li", (all) => all.map((line) => line.textContent))
      assert.strictEqual(lines.filter((line) => line === "多久发货？").length, 1)
    })
  }
})

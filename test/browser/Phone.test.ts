/**
 * The web desk in Chinese and on a phone: what the visitor is offered, and how staff find and describe a visitor.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Path from "node:path"
import type { Browser } from "puppeteer-core"
import { startSandbox } from "../../src/testing/PromiseSandbox.ts"
import { broken, hides, press, screens, shows, useDesk, write } from "./support/Desk.ts"
import * as Tab from "./support/Tab.ts"

const phone = { width: 390, height: 780, hasTouch: true, isMobile: true }

/** Takes a picture, and asserts that axe-core finds nothing, in both themes. */
const look = async (tab: Tab.Tab, name: string) => {
  for (const theme of ["light", "dark"]) {
    await tab.page.emulateMediaFeatures([
      { name: "prefers-color-scheme", value: theme },
      { name: "prefers-reduced-motion", value: "reduce" }
    ])
    assert.deepStrictEqual(await broken(tab), [], `${name} in ${theme}`)
    await tab.page.screenshot({ path: Path.join(screens, `${name}-zh-phone-${theme}.png`) })
  }
  const overflow = await tab.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
  assert.isAtMost(overflow, 0, `${name} is not wider than the phone`)
}

const open = async (browser: Browser, url: string) => {
  const tab = await Tab.open(browser, url)
  await tab.page.setViewport(phone)
  return tab
}

describe("the web desk in Chinese on a phone", () => {
  const desk = useDesk()

  it("offers a visitor what others ask and what the draft may mean, and says at once which files cannot be sent", async () => {
    await using sandbox = await startSandbox({ pages: desk.pages })
    await using visitor = await open(desk.browser, `${sandbox.baseUrl}/desk/visitor.html?lang=zh`)
    await shows(visitor, "现在无人排队")
    await press(visitor, "咨询客服")
    await shows(visitor, "大家都在问")
    await look(visitor, "hot")
    await visitor.page.focus(".composer textarea")
    await visitor.page.keyboard.type("发票")
    await shows(visitor, "猜您想问")
    await look(visitor, "suggestions")
    await visitor.until(() => {
      const choice = document.querySelector<HTMLElement>(".offers button")
      choice?.click()
      return choice !== null
    })
    await visitor.until(() => document.querySelector(".mine") !== null && document.querySelector(".feedback") !== null)
    await hides(visitor, ".offers button")

    const uploads = await visitor.page.evaluate(() => {
      const data = new DataTransfer()
      data.items.add(new File(["MZ"], "setup.exe", { type: "application/x-msdownload" }))
      const drop = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })
      document.querySelector(".composer")?.dispatchEvent(drop)
      return document.querySelectorAll(".upload").length
    })
    assert.strictEqual(uploads, 0)
    await shows(visitor, "不支持发送 setup.exe")
  }, 120_000)

  it("lets staff find a visitor, tag them and note what the conversation was about", async () => {
    await using sandbox = await startSandbox({ pages: desk.pages })
    await using visitor = await open(desk.browser, `${sandbox.baseUrl}/desk/visitor.html?lang=zh`)
    await using li = await open(desk.browser, `${sandbox.baseUrl}/desk/staff.html?lang=zh`)
    await shows(li, "李静")
    await press(li, "李李静")
    await li.until(() => document.querySelector(".desk input[type=search]") !== null)
    await visitor.page.bringToFront()
    await press(visitor, "咨询客服")
    await visitor.until(() => document.querySelector(".composer textarea") !== null)
    await write(visitor, "转人工")
    await shows(visitor, "人工客服")
    await write(visitor, "海风耳罩有备件吗")
    await li.page.bringToFront()
    await shows(li, "海风耳罩有备件吗")
    await look(li, "list")
    await li.page.type("input[type=search]", "海风耳罩")
    await li.until(() => document.querySelectorAll(".conversations li").length === 1)
    await li.until(() => document.querySelector<HTMLElement>(".conversations button")?.click() === undefined)
    await li.until(() => document.querySelector(".chat .composer") !== null)
    await look(li, "chat")
    await press(li, "资料")
    await li.until(() => document.querySelector(".details h2")?.getClientRects().length === 1)
    await li.page.type(".details input[aria-label=添加标签]", "耳罩")
    await li.page.keyboard.press("Enter")
    await li.until(() => document.querySelector(".details .tag")?.textContent.startsWith("耳罩") === true)
    await li.page.type(".details textarea[aria-label=会话备注]", "问耳罩备件")
    await li.until(() => {
      const note = document.querySelector("textarea[aria-label=会话备注]")
      note?.closest("form")?.requestSubmit()
      return note !== null
    })
    await shows(li, "已保存")
    await look(li, "details")
    const noted = (await sandbox.conversations()).filter(({ remark }) => remark === "问耳罩备件")
    assert.strictEqual(noted.length, 1)
    await press(li, "删除标签 耳罩")
    await hides(li, ".details .tag")
  }, 120_000)
})

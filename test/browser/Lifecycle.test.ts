/**
 * What a page goes through: outages, hiding, freezing, the back-forward cache, reloads, and storage that fails. After each,
 * no message is lost or doubled, and the page has logged nothing but refused dials.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Browser, CDPSession } from "puppeteer-core"
import * as Browsers from "./support/Browser.ts"
import * as Chat from "./support/Chat.ts"
import * as Service from "./support/Service.ts"
import type { Tab } from "./support/Tab.ts"

/** Breaks the visitor's connection, and refuses new ones until the faults are cleared. */
const breakDown = ({ sandbox, visitorId: userId }: Service.Service) =>
  sandbox.inject({ _tag: "Reset", userId }, { _tag: "RefuseDials", status: 503, userId })

const reaches = (tab: Tab, tag: string) => tab.until((tag) => window.chat.client.state._tag === tag, tag)

const isHidden = (tab: Tab) => tab.page.evaluate(() => document.visibilityState === "hidden")

const network = (session: CDPSession, offline: boolean) =>
  session.send("Network.emulateNetworkConditions", {
    offline,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: -1
  })

describe("a visitor's page in Chromium", () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await Browsers.start("chrome")
  })
  afterAll(() => browser?.close())

  it("reconnects by itself after an outage in front of the user, who is told when the next dial is due", async () => {
    await using service = await Service.open(browser)
    const { answer, sandbox, settle, visitor } = service
    await breakDown(service)
    await visitor.until(() => {
      const { state } = window.chat.client
      return state._tag === "Waiting" && state.attempt > 1 && state.retryAt > Date.now()
    })
    assert.isFalse(await isHidden(visitor))
    const sent = Chat.say(visitor, "您还在吗？")
    await answer("我在")
    await sandbox.clearFaults()
    assert.isAbove(await sent, 0)
    await settle(["您还在吗？"])
  })

  it("waits while the device is offline, and dials as soon as it is online", async () => {
    await using service = await Service.open(browser)
    const { answer, sandbox, settle, visitor, visitorId: userId } = service
    const session = await visitor.page.createCDPSession()
    await session.send("Network.enable")
    await network(session, true)
    // Chromium's emulation blocks new connections only.
    await sandbox.inject({ _tag: "Reset", userId })
    await visitor.until(() => {
      const { state } = window.chat.client
      return state._tag === "Suspended" && state.why === "offline"
    })
    const sent = Chat.say(visitor, "在地铁里写的")
    await answer("慢慢来")
    await network(session, false)
    assert.isAbove(await sent, 0)
    await settle(["在地铁里写的"])
  })

  it("reconnects in a hidden tab, with its throttled timers", async () => {
    await using service = await Service.open(browser)
    const { answer, sandbox, settle, visitor } = service
    const other = await visitor.page.browserContext().newPage()
    await other.bringToFront()
    await visitor.until(() => document.visibilityState === "hidden")
    await breakDown(service)
    await visitor.until(() => window.chat.client.state._tag === "Waiting" && window.chat.client.state.attempt > 1)
    const sent = Chat.say(visitor, "先看看别的")
    await answer("有货了")
    await sandbox.clearFaults()
    await Chat.heard(visitor, "有货了")
    assert.isAbove(await sent, 0)
    assert.isTrue(await isHidden(visitor))
    await visitor.page.bringToFront()
    await visitor.until(() => document.visibilityState === "visible")
    await settle(["先看看别的"])
  })

  it("comes back from the back-forward cache", async () => {
    await using service = await Service.open(browser)
    const { answer, settle, site, visitor } = service
    await visitor.page.evaluate(() => {
      window.addEventListener("pageshow", ({ persisted }) => {
        document.title = persisted ? "restored" : "loaded"
      })
      // At the last moment: the page is frozen before the acknowledgement.
      window.addEventListener("pagehide", () => {
        const { client } = window.chat
        void client.sendMessage(client.buildMessage("Text", "稍等，我看看订单", 0))
      })
    })
    await visitor.page.goto(site.origin + Service.elsewhere)
    await answer("好的，不急")
    await visitor.page.goBack()
    await visitor.until(() => document.title === "restored")
    await Chat.heard(visitor, "好的，不急")
    await settle(["稍等，我看看订单"])
  })

  it("comes back after the browser froze its tab", async () => {
    await using service = await Service.open(browser)
    const { answer, settle, visitor } = service
    await visitor.page.evaluate(() => {
      document.addEventListener("resume", () => {
        document.title = "resumed"
      })
    })
    const session = await visitor.page.createCDPSession()
    await session.send("Page.setWebLifecycleState", { state: "frozen" })
    await answer("您还在吗？")
    await session.send("Page.setWebLifecycleState", { state: "active" })
    await visitor.until(() => document.title === "resumed")
    await Chat.heard(visitor, "您还在吗？")
    await visitor.page.bringToFront()
    await settle([])
  })

  it("sends after a reload what it could not send before, once, as the same visitor", async () => {
    await using service = await Service.open(browser, { client: { outbox: { persist: true } }, isStored: true })
    const { answer, begin, sandbox, settle, visitor } = service
    await breakDown(service)
    await reaches(visitor, "Waiting")
    await visitor.page.evaluate(() => {
      const { client } = window.chat
      for (const text of ["第一句", "第二句"]) void client.sendMessage(client.buildMessage("Text", text, 0))
    })
    await visitor.until(() => Object.values({ ...localStorage }).some((stored) => stored.includes("第二句")))
    await visitor.page.reload()
    await sandbox.clearFaults()
    await begin()
    await answer("收到")
    await settle(["第一句", "第二句"])
  })

  it("does not send again after a reload what had arrived without an acknowledgement", async () => {
    await using service = await Service.open(browser, { client: { outbox: { persist: true } }, isStored: true })
    const { begin, sandbox, settle, visitor, visitorId: userId } = service
    await sandbox.inject({ _tag: "Silence", direction: "outbound", userId })
    await visitor.page.evaluate(() => {
      const { client } = window.chat
      void client.sendMessage(client.buildMessage("Text", "只说一遍", 0))
    })
    const arrived = async () =>
      (await sandbox.conversations()).some(({ messages }) => messages?.some(({ content }) => content === "只说一遍"))
    await visitor.until(() => Object.values({ ...localStorage }).some((stored) => stored.includes("只说一遍")))
    while (!(await arrived())) await visitor.page.evaluate(() => new Promise(requestAnimationFrame))
    await visitor.page.reload()
    await sandbox.clearFaults()
    await begin()
    await settle(["只说一遍"])
  })

  it("chats without persistence where the browser blocks its storage, and says so once", async () => {
    const blocking = await Browsers.startWithoutSiteData()
    await using _ = { [Symbol.asyncDispose]: () => blocking.close() }
    await using service = await Service.open(blocking, {
      client: { outbox: { persist: true } },
      isStored: true,
      prepare: async ({ page }) => {
        const name = await page.evaluate(() => {
          try {
            return String(localStorage)
          } catch (error) {
            return (error as Error).name
          }
        })
        assert.strictEqual(name, "SecurityError")
      }
    })
    const { answer, settle, visitor } = service
    await Chat.say(visitor, "你好")
    await answer("您好")
    await settle(["你好"])
    assert.deepStrictEqual(await visitor.page.evaluate(() => window.chat.errors), ["StorageFailed"])
  })

  it("chats without persistence where the storage is full, and says so once", async () => {
    await using service = await Service.open(browser, {
      client: { outbox: { persist: true } },
      isStored: true,
      prepare: async ({ page }) => {
        const used = await page.evaluate(() => {
          let used = 0
          for (let size = 2 ** 22; size >= 1;) {
            try {
              localStorage.setItem(`filler-${used}`, "x".repeat(size))
              used += size
            } catch {
              size /= 2
            }
          }
          return used
        })
        assert.isAbove(used, 2 ** 22)
      }
    })
    const { answer, settle, visitor } = service
    await Chat.say(visitor, "你好")
    await answer("您好")
    await settle(["你好"])
    assert.deepStrictEqual(await visitor.page.evaluate(() => window.chat.errors), ["StorageFailed"])
  })
})

/**
 * Real tabs of one visitor that share a connection, in Chromium.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as ManagedRuntime from "effect/ManagedRuntime"
import type { Browser } from "puppeteer-core"
import { Client } from "../../src/Client.ts"
import * as SandboxNode from "../../src/sandbox/doors/SandboxNode.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import * as Browsers from "./support/Browser.ts"
import * as Chat from "./support/Chat.ts"
import * as Site from "./support/Site.ts"
import * as Tab from "./support/Tab.ts"

const texts = (contents: ReadonlyArray<unknown>) =>
  contents.flatMap((content) => (typeof content === "string" && /^\d/.test(content) ? [content] : []))

/** The numbered texts that a tab has received, in order. */
const received = async (tab: Tab.Tab) =>
  texts(await tab.page.evaluate(() => window.chat.received.map(({ content }) => content)))

/** Opens a client in a tab, which shares its connection and stores what it sends; gives the visitor's id. */
const begin = async (tab: Tab.Tab, baseUrl: string): Promise<number> => {
  await Chat.begin(tab, { baseUrl, outbox: { persist: true }, shareTabs: true }, true)
  return tab.page.evaluate(async () => (await window.chat.client.getUserInfo()).data.id)
}

/** Whether a tab holds the connection. */
const holds = (tab: Tab.Tab): Promise<boolean> =>
  tab.page.evaluate(() =>
    navigator.locks.request(`probe ${performance.timeOrigin}`, async (probe) => {
      const { held = [] } = await navigator.locks.query()
      const self = held.find(({ name }) => name === probe?.name)?.clientId
      return held.some(({ clientId, name }) => clientId === self && name?.startsWith("effect-kefu/tabs/") === true)
    })
  )

/** The tab that holds the connection, and the others. */
const sorted = async (tabs: ReadonlyArray<Tab.Tab>) => {
  const all = await Promise.all(tabs.map(async (tab) => ({ tab, isHolder: await holds(tab) })))
  const holders = all.filter(({ isHolder }) => isHolder).map(({ tab }) => tab)
  assert.lengthOf(holders, 1)
  return { holder: holders[0] as Tab.Tab, others: tabs.filter((tab) => !holders.includes(tab)) }
}

/** What Chromium logs when the last tab closes while it takes over the connection of the one before. */
const expected = /WebSocket is closed before the connection is established/

/** A desk with one member of staff. */
const start = async () => {
  const runtime = ManagedRuntime.make(SandboxNode.layer())
  const sandbox = await runtime.runPromise(Sandbox)
  const baseUrl = await runtime.runPromise(SandboxNode.baseUrl)
  const site = await Site.serve()
  const member = await runtime.runPromise(sandbox.createStaff())
  const staff = new Client({}, { baseUrl, token: member.token })
  staff.open()
  return {
    baseUrl,
    origin: site.origin,
    /** What staff say to a visitor. */
    answer: (visitor: number, text: string) => staff.sendMessage(staff.buildMessage("Text", text, 0), visitor),
    connectionsOf: async (visitor: number) =>
      (await runtime.runPromise(sandbox.connections)).filter(({ userId }) => userId === visitor).length,
    superseded: async () => (await runtime.runPromise(sandbox.counters)).superseded,
    /** The numbered texts that the backend holds of a visitor's conversation. */
    history: async (visitor: number) =>
      texts(
        (await runtime.runPromise(sandbox.conversations))
          .filter(({ customer }) => customer?.id === visitor)
          .flatMap(({ messages }) => messages.map(({ content }) => content))
      ),
    [Symbol.asyncDispose]: async () => {
      await staff.dispose()
      await site[Symbol.asyncDispose]()
      await runtime.dispose()
    }
  }
}

describe("tabs of one visitor", () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await Browsers.start("chrome")
  })
  afterAll(() => browser?.close())

  it("that open at the same instant with one storage are one visitor over one connection", async () => {
    await using desk = await start()
    await using one = await Tab.open(browser, desk.origin, { expected })
    await using two = await Tab.open(browser, desk.origin, { beside: one, expected })
    const [first, second] = await Promise.all([begin(one, desk.baseUrl), begin(two, desk.baseUrl)])
    assert.strictEqual(first, second)
    assert.strictEqual(await desk.connectionsOf(first), 1)
    assert.strictEqual(await desk.superseded(), 0)
  })

  for (const [how, end] of [
    ["closes", (tab: Tab.Tab) => tab.page.close()],
    [
      "crashes",
      async (tab: Tab.Tab) => {
        const session = await tab.page.createCDPSession()
        const crashed = new Promise((resolve) => tab.page.once("error", resolve))
        // Nothing answers it.
        void session.send("Page.crash").catch(() => {})
        await crashed
      }
    ]
  ] as const) {
    it(`go on when the one with the connection ${how}: each message once, in all of them`, async () => {
      await using desk = await start()
      await using one = await Tab.open(browser, desk.origin, { expected })
      await using two = await Tab.open(browser, desk.origin, { beside: one, expected })
      await using three = await Tab.open(browser, desk.origin, { beside: one, expected })
      const tabs = [one, two, three]
      const visitor = await begin(one, desk.baseUrl)
      await begin(two, desk.baseUrl)
      await begin(three, desk.baseUrl)
      await Chat.say(one, "转人工")
      await one.until(() => window.chat.received.some(({ messageType }) => messageType === "ManualServiceStart"))
      await Chat.say(one, "1 one")
      await Chat.say(two, "2 two")
      await desk.answer(visitor, "3 staff")
      for (const tab of tabs) await Chat.heard(tab, "3 staff")
      await Chat.heard(three, "2 two")
      assert.deepStrictEqual(await received(one), ["2 two", "3 staff"])
      assert.deepStrictEqual(await received(two), ["1 one", "3 staff"])
      assert.deepStrictEqual(await received(three), ["1 one", "2 two", "3 staff"])
      assert.strictEqual(await desk.connectionsOf(visitor), 1)
      assert.strictEqual(await desk.superseded(), 0)

      const { holder, others } = await sorted(tabs)
      const [left, right] = others as [Tab.Tab, Tab.Tab]
      const [before, after] = [await received(left), await received(right)]
      const ending = end(holder)
      const sending = Promise.all([
        Chat.say(left, "4 left"),
        desk.answer(visitor, "5 staff"),
        Chat.say(right, "6 right")
      ])
      await ending
      await sending
      for (const tab of others) await Chat.heard(tab, "5 staff")
      await Chat.heard(left, "6 right")
      await Chat.heard(right, "4 left")
      const history = await desk.history(visitor)
      assert.deepStrictEqual(history.toSorted(), ["1 one", "2 two", "3 staff", "4 left", "5 staff", "6 right"])
      assert.deepStrictEqual((await received(left)).toSorted(), [...before, "5 staff", "6 right"].toSorted())
      assert.deepStrictEqual((await received(right)).toSorted(), [...after, "4 left", "5 staff"].toSorted())
      assert.strictEqual(await desk.connectionsOf(visitor), 1)
      await sorted(others)
    })
  }

  it("go on when the one with the connection is frozen, which shares it again when it is resumed", async () => {
    await using desk = await start()
    await using one = await Tab.open(browser, desk.origin, { expected })
    await using two = await Tab.open(browser, desk.origin, { beside: one, expected })
    const visitor = await begin(one, desk.baseUrl)
    await begin(two, desk.baseUrl)
    await Chat.say(one, "转人工")
    const { holder, others } = await sorted([one, two])
    const [other] = others as [Tab.Tab]
    const session = await holder.page.createCDPSession()
    await session.send("Page.setWebLifecycleState", { state: "frozen" })
    await Chat.say(other, "1 other")
    await desk.answer(visitor, "2 staff")
    await Chat.heard(other, "2 staff")
    await session.send("Page.setWebLifecycleState", { state: "active" })
    await Chat.heard(holder, "2 staff")
    await Chat.say(holder, "3 resumed")
    await Chat.heard(other, "3 resumed")
    assert.deepStrictEqual(await desk.history(visitor), ["1 other", "2 staff", "3 resumed"])
    assert.deepStrictEqual(await received(other), ["2 staff", "3 resumed"])
    assert.deepStrictEqual(await received(holder), ["1 other", "2 staff"])
    assert.strictEqual(await desk.connectionsOf(visitor), 1)
    assert.strictEqual(await desk.superseded(), 0)
  })
})

import { assert, describe, it } from "@effect/vitest"
import * as Path from "node:path"
import type { ElementHandle } from "puppeteer-core"
import { startSandbox } from "../../src/testing/PromiseSandbox.ts"
import { expected, hides, look, press, shows, useDesk, write } from "./support/Desk.ts"
import * as Tab from "./support/Tab.ts"

const picture = Path.join(import.meta.dirname, "../../examples/web/desk.webp")

const attach = async (tab: Tab.Tab) => {
  const input = await tab.page.$("input[type=file]")
  await (input as ElementHandle<HTMLInputElement>).uploadFile(picture)
}

describe("the web desk", () => {
  const desk = useDesk()

  it("plays a conversation between widget and console, under its policy and without a word in the console", async () => {
    await using sandbox = await startSandbox({ faultControl: true, pages: desk.pages })
    const at = (page: string) => `${sandbox.baseUrl}/desk/${page}.html?lang=en`
    await using li = await Tab.open(desk.browser, at("staff"), { expected })
    await shows(li, "李静")
    await look(li, "login")
    await press(li, "李李静")
    await shows(li, "Pick a conversation to start")
    await look(li, "console-empty")

    // The visitor has a keyboard only.
    await using visitor = await Tab.open(desk.browser, at("visitor"), { expected })
    await shows(visitor, "No queue right now")
    await look(visitor, "shop")
    await visitor.page.keyboard.press("Tab")
    await visitor.page.keyboard.press("Tab")
    await visitor.page.keyboard.press("Enter")
    await shows(visitor, "How can I help you?")
    await visitor.page.keyboard.type("When will my order ship?")
    await visitor.page.keyboard.press("Enter")
    await shows(visitor, "ship within 24 hours")
    await press(visitor, "Helpful")
    await shows(visitor, "Thanks for your feedback")
    await look(visitor, "robot")
    await write(visitor, "talk to a person")
    await shows(visitor, "You are talking to a person now")

    await li.page.bringToFront()
    await li.until(() => document.querySelector<HTMLElement>(".conversations button")?.click() === undefined)
    await li.until(() => document.querySelector(".chat .composer") !== null)
    await write(li, "Hello from Li")
    await shows(visitor, "Hello from Li")
    await visitor.page.bringToFront()
    await visitor.page.keyboard.type("half a thought")
    await li.page.bringToFront()
    await shows(li, "half a thought")
    await visitor.page.bringToFront()
    await visitor.page.keyboard.press("Enter")
    await li.page.bringToFront()
    await look(li, "console")

    // An upload that is cancelled leaves nothing; the next one arrives.
    await visitor.page.bringToFront()
    await sandbox.inject({ _tag: "DelayRequests", path: "/uploads", millis: 60_000 })
    await attach(visitor)
    await visitor.until(() => document.querySelector(".upload progress") !== null)
    await press(visitor, "Cancel: desk.webp")
    await hides(visitor, ".upload")
    await sandbox.clearFaults()
    assert.strictEqual(await visitor.page.$(".picture"), null)
    await attach(visitor)
    await visitor.until(() => document.querySelector<HTMLImageElement>(".picture img")?.naturalWidth !== undefined)
    await li.page.bringToFront()
    await li.until(() => (document.querySelector<HTMLImageElement>(".picture img")?.naturalWidth ?? 0) > 0)

    // A recall.
    await write(li, "a slip of the pen")
    await shows(visitor, "a slip of the pen")
    await li.page.bringToFront()
    await li.until(() => {
      const own = [...document.querySelectorAll(".mine")].find((one) => one.textContent.includes("a slip of the pen"))
      const button = [...(own?.querySelectorAll("button") ?? [])].find(({ textContent }) => textContent === "Recall")
      button?.click()
      return button !== undefined
    })
    await visitor.page.bringToFront()
    await shows(visitor, "A message was recalled")

    // The connection breaks before the visitor's eyes, and what was written meanwhile arrives once.
    await sandbox.inject({ _tag: "Reset" }, { _tag: "RefuseDials", status: 503 })
    await shows(visitor, "Connection lost")
    await write(visitor, "written while offline")
    await look(visitor, "reconnecting")
    await sandbox.clearFaults()
    await press(visitor, "Retry now")
    await hides(visitor, ".banner")
    await li.page.bringToFront()
    await shows(li, "written while offline")
    assert.strictEqual(
      await li.page.evaluate(
        () =>
          [...document.querySelectorAll(".bubble")].filter((one) => one.textContent === "written while offline").length
      ),
      1
    )

    // Transfer and rating.
    await using wang = await Tab.open(desk.browser, at("staff"), { expected })
    await wang.page.setViewport({ width: 1280, height: 800 })
    await shows(wang, "王磊")
    await press(wang, "王王磊")
    await shows(wang, "Pick a conversation to start")
    await li.page.bringToFront()
    await li.until(() => document.querySelector<HTMLElement>(".conversations button")?.click() === undefined)
    await li.until(() => {
      const choice = [...document.querySelectorAll("option")].find(({ textContent }) => textContent.includes("王磊"))
      if (choice === undefined || choice.disabled) return false
      choice.selected = true
      choice.closest("form")?.requestSubmit()
      return true
    })
    await shows(li, "Pick a conversation to start")
    await wang.page.bringToFront()
    await wang.until(() => document.querySelector<HTMLElement>(".conversations button")?.click() === undefined)
    await wang.until(() => document.querySelector(".chat") !== null)
    await press(wang, "★ Ask for a rating")
    await visitor.page.bringToFront()
    await shows(visitor, "How was our service?")
    await visitor.until(() => document.querySelector(".stars :focus") !== null)
    await visitor.page.keyboard.press("ArrowLeft")
    await shows(visitor, "5 stars")
    await look(visitor, "rating")
    await press(visitor, "Send rating")
    await wang.page.bringToFront()
    await shows(wang, "★★★★★")
  }, 180_000)
})

/**
 * What people go through at the web desk beside the conversation itself: sends that fail, older history, files by
 * clipboard and mouse, the other side's eyes, the queue, and quick replies.
 */
import { assert, describe, it } from "@effect/vitest"
import type { Page } from "puppeteer-core"
import { Client } from "../../src/Client.ts"
import { startSandbox } from "../../src/testing/PromiseSandbox.ts"
import { hides, look, press, shows, useDesk, write } from "./support/Desk.ts"
import * as Stories from "./support/Stories.ts"
import type { Tab } from "./support/Tab.ts"

/** Presses a button of the message with this text. */
const pressAt = (tab: Tab, text: string, label: string) =>
  tab.until(
    (both) => {
      const [text, label] = JSON.parse(both) as [string, string]
      const message = [...document.querySelectorAll(".message")].find(
        (one) => one.querySelector(".bubble")?.textContent === text
      )
      const button = [...(message?.querySelectorAll("button") ?? [])].find((one) => one.textContent === label)
      button?.click()
      return button !== undefined
    },
    JSON.stringify([text, label])
  )

/** The texts of the bubbles in the page. */
const bubbles = (page: Page) =>
  page.evaluate(() => [...document.querySelectorAll(".message .bubble")].map(({ textContent }) => textContent))

/** Scrolls up as a person does, with the wheel. */
const wheelUp = async ({ page }: Tab) => {
  const scroller = await page.$(".scroller")
  const box = await scroller?.boundingBox()
  if (box === null || box === undefined) throw new Error("there is no timeline")
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
  await page.mouse.wheel({ deltaY: -4000 })
}

/** Scrolls up until the page shows a text, and returns how many rows it ever held. */
const scrollTo = async (tab: Tab, text: string): Promise<number> => {
  await tab.page.bringToFront()
  let most = 0
  await tab.until(() => document.querySelector(".row") !== null)
  for (let turn = 0; turn < 200; turn++) {
    const { isThere, rows } = await tab.page.evaluate((text) => {
      const rows = [...document.querySelectorAll(".row")]
      return { rows: rows.length, isThere: rows.some((row) => row.querySelector(".bubble")?.textContent === text) }
    }, text)
    most = Math.max(most, rows)
    if (isThere) return most
    await wheelUp(tab)
    await tab.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 20))))
  }
  throw new Error(`no ${text} after 200 turns of the wheel: ${(await bubbles(tab.page)).slice(0, 3)}`)
}

/** Scrolls to the top again and again until that is `text`; returns how far, at most, this moved what was in sight. */
const drift = (tab: Tab, text: string): Promise<number> =>
  tab.page.evaluate(async (text) => {
    const scroller = document.querySelector(".scroller")
    const list = document.querySelector(".rows")
    if (scroller === null || list === null) throw new Error("there is no timeline")
    const textOf = (row: Element) => row.querySelector(".bubble")?.textContent
    // Until it knows that one has scrolled up, it returns to its end with each change of its layout.
    while (document.querySelector(".latest:not([hidden])") === null) {
      scroller.scrollTop = Math.max(0, scroller.scrollHeight - scroller.clientHeight - 200)
      await new Promise(requestAnimationFrame)
    }
    let most = 0
    while (![...list.children].some((row) => textOf(row) === text)) {
      scroller.scrollTop = 0
      const { top } = scroller.getBoundingClientRect()
      const seen = [...list.children].find((row) => textOf(row) !== undefined && row.getBoundingClientRect().top > top)
      const before = seen?.getBoundingClientRect().bottom
      await new Promise<void>((done) => {
        const changes = new MutationObserver(() => {
          changes.disconnect()
          done()
        })
        changes.observe(list, { childList: true })
      })
      const same = [...list.children].find((row) => textOf(row) === (seen && textOf(seen)))
      const after = same?.getBoundingClientRect().bottom
      if (before === undefined || after === undefined) throw new Error("what was in sight is not in the page any more")
      most = Math.max(most, Math.abs(after - before))
    }
    return most
  }, text)

describe("the web desk", () => {
  const desk = useDesk()

  it("tells a visitor which messages did not go out, also after a reload, and sends them again or drops them", async () => {
    await using sandbox = await startSandbox({ pages: desk.pages })
    await using visitor = await Stories.visitor(desk.browser, sandbox)
    await sandbox.inject({ _tag: "Reset" }, { _tag: "RefuseDials", status: 503 })
    await shows(visitor, "Connection lost")
    for (const text of ["Is it in stock?", "Never mind"]) await write(visitor, text)
    await visitor.until(() => Object.values({ ...localStorage }).some((stored) => stored.includes("Never mind")))
    // The visitor comes back after a quarter of an hour: what was written then is not sent unasked.
    await visitor.page.evaluateOnNewDocument(() => {
      const now = Date.now
      Date.now = () => now() + 15 * 60_000
    })
    await sandbox.clearFaults()
    await visitor.page.reload()
    await press(visitor, "Ask us")
    await visitor.until(() => document.querySelectorAll(".status.failed").length === 2)
    await look(visitor, "failed")
    const before = await sandbox.conversations()
    assert.isFalse(before.some(({ messages }) => messages.some(({ content }) => content === "Is it in stock?")))
    await pressAt(visitor, "Never mind", "Discard")
    await pressAt(visitor, "Is it in stock?", "Retry")
    await visitor.until(() => document.querySelector(".status.failed") === null)
    await visitor.until(() => document.querySelector(".mine .status time") !== null)
    await visitor.page.reload()
    await press(visitor, "Ask us")
    await visitor.until(() => document.querySelector(".mine .status time") !== null)
    const mine = await visitor.page.evaluate(() =>
      [...document.querySelectorAll(".mine .bubble")].map((one) => one.textContent)
    )
    assert.deepStrictEqual(mine, ["Is it in stock?"])
    const said = (await sandbox.conversations()).flatMap(({ messages }) => messages.map(({ content }) => content))
    assert.deepStrictEqual(
      said.filter((content) => content === "Is it in stock?" || content === "Never mind"),
      ["Is it in stock?"]
    )
  }, 120_000)

  it("leaves in the field what cannot be sent because the account is in use elsewhere", async () => {
    await using sandbox = await startSandbox({ pages: desk.pages })
    await using visitor = await Stories.visitor(desk.browser, sandbox)
    await sandbox.inject({ _tag: "Kick" })
    await shows(visitor, "Your account is in use elsewhere")
    await write(visitor, "Which colours are there?")
    await visitor.until(
      () => document.querySelector<HTMLTextAreaElement>(".composer textarea")?.value === "Which colours are there?"
    )
    await press(visitor, "Continue here")
    await hides(visitor, ".banner")
    await visitor.page.focus(".composer textarea")
    await visitor.page.keyboard.press("Enter")
    await visitor.until(() => document.querySelector(".mine .bubble")?.textContent === "Which colours are there?")
  })

  it("shows older history to the visitor and to staff as they scroll up, and keeps only what is seen in the page", async () => {
    await using sandbox = await startSandbox({
      pages: desk.pages,
      seed: Stories.longHistory(30, 40),
      messagesPerConversation: 100
    })
    await using visitor = await Stories.visitor(desk.browser, sandbox, "visitor-alice-token")
    assert.isAtMost(await scrollTo(visitor, "Line 1."), 60)
    await look(visitor, "history")
    await press(visitor, "Jump to the latest message")
    await using li = await Stories.staff(desk.browser, sandbox, "李静")
    await write(visitor, "talk to a person")
    await Stories.openFirst(li)
    assert.isAtMost(await drift(li, "Line 1."), 1)
    assert.isAtMost(await li.page.evaluate(() => document.querySelectorAll(".row").length), 60)
  }, 120_000)

  it("stays at the latest message while more come in than it paints, with only what is seen in the page", async () => {
    await using sandbox = await startSandbox({ pages: desk.pages })
    await using visitor = await Stories.visitor(desk.browser, sandbox)
    const { token } = await sandbox.createStaff()
    let meet = (_conversation: number, _user: number) => {}
    const built = new Promise<readonly [conversation: number, user: number]>((resolve) => {
      meet = (...both) => resolve(both)
    })
    await using staff = new Client(
      { onConversationBuilt: (conversation, user) => meet(conversation, user) },
      { baseUrl: sandbox.baseUrl, token, outbox: false }
    )
    staff.open()
    await write(visitor, "talk to a person")
    const [conversation, user] = await built
    for (let n = 0; n < 1000; n += 50) {
      await Promise.all(
        Array.from({ length: 50 }, (_, more) =>
          staff.sendMessage(staff.buildMessage("Text", `Message ${n + more}.`, conversation), user)
        )
      )
    }
    await visitor.until(() => {
      const last = [...document.querySelectorAll(".row")].at(-1)
      const scroller = document.querySelector(".scroller")
      if (last?.querySelector(".bubble")?.textContent !== "Message 999." || scroller === null) return false
      return last.getBoundingClientRect().bottom <= scroller.getBoundingClientRect().bottom
    })
    assert.isAtMost(await visitor.page.evaluate(() => document.querySelectorAll(".row").length), 60)
    assert.isNull(await visitor.page.$(".latest:not([hidden])"))
    assert.strictEqual(await visitor.page.evaluate(() => document.title), "Seatone Wave 2")
  })

  it("takes files from the clipboard and from a drop, and refuses others before anything is uploaded", async () => {
    await using sandbox = await startSandbox({ pages: desk.pages })
    await using visitor = await Stories.visitor(desk.browser, sandbox)
    const { page } = visitor
    const requests: Array<string> = []
    page.on("request", (request) => requests.push(new URL(request.url()).pathname))
    await page.bringToFront()
    const context = page.browserContext()
    await context.overridePermissions(sandbox.baseUrl, [
      "clipboard-read",
      "clipboard-write",
      "clipboard-sanitized-write"
    ])
    await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(64, 48)
      const paint = canvas.getContext("2d")
      if (paint === null) throw new Error("there is no canvas")
      paint.fillStyle = "teal"
      paint.fillRect(0, 0, 64, 48)
      await navigator.clipboard.write([new ClipboardItem({ "image/png": await canvas.convertToBlob() })])
    })
    await page.focus(".composer textarea")
    await page.keyboard.down("Control")
    await page.keyboard.press("KeyV", { commands: ["Paste"] })
    await page.keyboard.up("Control")
    await visitor.until(() => document.querySelector<HTMLImageElement>(".picture img")?.naturalWidth === 64)
    assert.include(requests, "/api/v1/presign_urls")

    await using folder = await Stories.folder()
    await Stories.drop(visitor, [await folder.file("invoice.pdf", 2000)])
    await shows(visitor, "invoice.pdf")
    await visitor.until(() => document.querySelectorAll(".mine .status time").length === 2)

    requests.length = 0
    await Stories.drop(visitor, [
      await folder.file("setup.exe", 2),
      await folder.file("holiday.mp4", 10 * 1024 * 1024 + 1)
    ])
    await shows(visitor, "setup.exe cannot be sent")
    await shows(visitor, "Files may have up to 10 MB")
    assert.strictEqual(await page.$(".upload"), null)
    assert.notInclude(requests, "/api/v1/presign_urls")
    assert.strictEqual(await page.evaluate(() => document.querySelectorAll(".mine").length), 2)
  })

  it("shows either side whether the other one types and has read, and takes back what the visitor recalls", async () => {
    await using sandbox = await startSandbox({ pages: desk.pages })
    await using visitor = await Stories.visitor(desk.browser, sandbox)
    await write(visitor, "talk to a person")
    await using li = await Stories.staff(desk.browser, sandbox, "李静")
    await shows(visitor, "You are talking to a person now")
    await write(visitor, "Is anybody there?")
    const told = (tab: Tab, text: string, status: string) =>
      tab.until((wanted) => {
        const [text, status = ""] = wanted.split("|")
        return [...document.querySelectorAll(".mine")].some(
          (mine) =>
            mine.querySelector(".bubble")?.textContent === text &&
            mine.querySelector(".status")?.textContent.endsWith(status) === true
        )
      }, `${text}|${status}`)
    await told(visitor, "Is anybody there?", "Sent")
    await Stories.openFirst(li)
    await told(visitor, "Is anybody there?", "Read")

    await li.page.focus(".composer textarea")
    await li.page.keyboard.type("Yes, I am")
    await visitor.page.bringToFront()
    await visitor.until(() => document.querySelector(".typing:not([hidden])") !== null)
    await li.page.bringToFront()
    await li.page.keyboard.press("Enter")
    await visitor.page.bringToFront()
    await shows(visitor, "Yes, I am")
    await hides(visitor, ".typing")
    await li.page.bringToFront()
    await told(li, "Yes, I am", "Read")

    await write(visitor, "my password is 1234")
    await li.page.bringToFront()
    await shows(li, "my password is 1234")
    await visitor.page.bringToFront()
    await pressAt(visitor, "my password is 1234", "Recall")
    await shows(visitor, "You recalled a message")
    await li.page.bringToFront()
    await shows(li, "A message was recalled")
    assert.notInclude(await li.page.evaluate(() => document.body.innerText), "1234")
  })

  it("lists to staff who waits, and lets them take somebody out of turn", async () => {
    await using sandbox = await startSandbox({ pages: desk.pages, staffCapacity: 1 })
    await using li = await Stories.staff(desk.browser, sandbox, "李静")
    await using first = await Stories.visitor(desk.browser, sandbox)
    await write(first, "talk to a person")
    await shows(first, "You are talking to a person now")
    await using second = await Stories.visitor(desk.browser, sandbox)
    await write(second, "talk to a person")
    await shows(second, "You are next in line")
    await using third = await Stories.visitor(desk.browser, sandbox)
    await write(third, "My parcel is on fire. Talk to a person")
    await shows(third, "1 before you in line")

    await li.page.bringToFront()
    await press(li, "Queue")
    await li.until(() => document.querySelectorAll(".waiting li").length === 2)
    await shows(li, "My parcel is on fire")
    await look(li, "queue")
    await li.until(() => {
      const row = [...document.querySelectorAll(".waiting li")].find((one) => one.textContent.includes("on fire"))
      row?.querySelector("button")?.click()
      return row !== undefined
    })
    await li.until(() => document.querySelector(".chat .composer") !== null)
    await shows(li, "My parcel is on fire")
    await write(li, "Fire brigade is on its way")
    await third.page.bringToFront()
    await shows(third, "Fire brigade is on its way")
    await second.page.bringToFront()
    await shows(second, "You are next in line")
    await li.page.bringToFront()
    await press(li, "Queue")
    await li.until(() => document.querySelectorAll(".waiting li").length === 1)
  }, 120_000)

  it("lets staff add, change and delete quick replies, by keyboard too, and use them at once", async () => {
    await using sandbox = await startSandbox({ pages: desk.pages })
    await using visitor = await Stories.visitor(desk.browser, sandbox)
    await write(visitor, "talk to a person")
    await using li = await Stories.staff(desk.browser, sandbox, "李静")
    await Stories.openFirst(li)
    const { page } = li
    await press(li, "Edit quick replies")
    await page.focus(".sheet input")
    await page.keyboard.type("Parcel")
    await page.keyboard.press("Tab")
    await page.keyboard.type("It arrives on Monday.")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await shows(li, "Saved")
    await look(li, "replies")
    await li.until(() => {
      const text = document.querySelectorAll<HTMLTextAreaElement>(".sheet textarea")[1]
      if (text === undefined) return false
      text.value = "It arrives on Tuesday."
      text.form?.requestSubmit()
      return true
    })
    await li.until(() => document.querySelector(".quick button[title='It arrives on Tuesday.']") !== null)
    await page.keyboard.press("Escape")
    await hides(li, ".sheet")
    await press(li, "Parcel")
    await page.keyboard.press("Enter")
    await visitor.page.bringToFront()
    await shows(visitor, "It arrives on Tuesday.")

    await page.bringToFront()
    await press(li, "Edit quick replies")
    await press(li, "Delete Greeting")
    await shows(li, "Only administrators may change what all staff share")
    await press(li, "Delete Parcel")
    await li.until(() => document.querySelector(".quick button[title='It arrives on Tuesday.']") === null)
    await page.reload()
    await Stories.openFirst(li)
    await shows(li, "Greeting")
    assert.notInclude(await page.evaluate(() => document.body.innerText), "Parcel")
  })
})

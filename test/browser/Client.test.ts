import { afterAll, beforeAll, describe, it } from "@effect/vitest"
import type { Browser } from "puppeteer-core"
import { startSandbox } from "../../src/testing/PromiseSandbox.ts"
import * as Browsers from "./support/Browser.ts"
import * as Chat from "./support/Chat.ts"
import * as Site from "./support/Site.ts"
import * as Tab from "./support/Tab.ts"

for (const name of ["chrome", "firefox"] as const) {
  describe(`the script of the package in ${name}`, () => {
    let browser: Browser
    beforeAll(async () => {
      browser = await Browsers.start(name)
    })
    afterAll(() => browser?.close())

    it("a visitor asks the robot, is handed over, and talks with staff, cross-origin and under a strict policy", async () => {
      await using sandbox = await startSandbox()
      await using site = await Site.serve({}, Site.strict(sandbox.baseUrl))
      const member = await sandbox.createStaff()
      await using visitor = await Tab.open(browser, site.origin)
      await using staff = await Tab.open(browser, site.origin)
      await Chat.begin(staff, { baseUrl: sandbox.baseUrl, token: member.token })
      const token = await visitor.page.evaluate(
        async (baseUrl) => (await window.Kefu.Client.getAnonymousToken({ baseUrl })).data.token,
        sandbox.baseUrl
      )
      await Chat.begin(visitor, { baseUrl: sandbox.baseUrl, token })
      await Chat.say(visitor, "多久发货")
      await visitor.until(() => window.chat.received.some(({ messageType }) => messageType === "RobotCanAnswerMessage"))
      await Chat.say(visitor, "转人工")
      await visitor.until(() => window.chat.received.some(({ messageType }) => messageType === "ManualServiceStart"))
      await Chat.say(visitor, "您在吗？")
      await Chat.heard(staff, "您在吗？")
      await staff.page.evaluate(async () => {
        const { client, received } = window.chat
        const asked = received.find(({ content }) => content === "您在吗？")
        await client.sendMessage(client.buildMessage("Text", "在的，您好", asked?.conversationId ?? 0), asked?.fromId)
      })
      await Chat.heard(visitor, "在的，您好")
    })
  })
}

import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Browser } from "puppeteer-core"
import { type PromiseSandbox, startSandbox } from "../../src/testing/PromiseSandbox.ts"
import * as Browsers from "./support/Browser.ts"
import * as Chat from "./support/Chat.ts"
import * as Site from "./support/Site.ts"
import * as Tab from "./support/Tab.ts"

/** A visitor's page that uploads 256 kB a second, and the URLs of the files that it posts by XMLHttpRequest. */
const open = async (browser: Browser, sandbox: PromiseSandbox, site: Site.Site) => {
  const visitor = await Tab.open(browser, site.origin)
  const session = await visitor.page.createCDPSession()
  const posts: Array<string> = []
  session.on("Network.requestWillBeSent", ({ request: { method, url }, type }) => {
    if (type === "XHR" && method === "POST") posts.push(url)
  })
  await session.send("Network.enable")
  await session.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: 256 * 1024
  })
  const { token } = await sandbox.createVisitor()
  await Chat.begin(visitor, { baseUrl: sandbox.baseUrl, token })
  return { posts, visitor }
}

describe("uploads of a page, cross-origin and under a strict policy", () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await Browsers.start("chrome")
  })
  afterAll(() => browser?.close())

  it("tell their progress, and store the file byte for byte", async () => {
    await using sandbox = await startSandbox()
    await using site = await Site.serve({}, Site.strict(sandbox.baseUrl))
    const { posts, visitor } = await open(browser, sandbox, site)
    await using _ = visitor
    const { isSame, progress } = await visitor.page.evaluate(async () => {
      const bytes = new Uint8Array(384 * 1024).map((_, index) => (index * 31) % 251)
      const progress: Array<{ readonly loaded: number; readonly total: number }> = []
      const { url } = await window.chat.client.uploadBlobs(
        new File([bytes], "照片.png", { type: "image/png" }),
        ({ loaded, total }) => progress.push({ loaded, total })
      )
      const stored = new Uint8Array(await (await fetch(url)).arrayBuffer())
      return {
        progress,
        isSame: stored.length === bytes.length && stored.every((byte, index) => byte === bytes[index])
      }
    })
    assert.isTrue(isSame)
    assert.strictEqual(posts.length, 1)
    const size = 384 * 1024
    assert.isTrue(progress.every(({ loaded, total }) => loaded <= total && total === size))
    assert.isTrue(
      progress.some(({ loaded }) => loaded > 0 && loaded < size),
      "while it is under way"
    )
    assert.deepStrictEqual(progress.at(-1), { loaded: size, total: size })
    const loaded = progress.map((event) => event.loaded)
    assert.deepStrictEqual(
      loaded,
      loaded.toSorted((a, b) => a - b)
    )
  })

  it("stop in the middle when they are cancelled, and can be made again", async () => {
    await using sandbox = await startSandbox()
    await using site = await Site.serve({}, Site.strict(sandbox.baseUrl))
    const { posts, visitor } = await open(browser, sandbox, site)
    await using _ = visitor
    const cancelled = await visitor.page.evaluate(async () => {
      const abort = new AbortController()
      const file = new File([new Uint8Array(8 * 1024 * 1024)], "视频.mp4", { type: "video/mp4" })
      let most = 0
      const outcome = await window.chat.client
        .uploadBlobs(
          file,
          ({ loaded }) => {
            most = loaded
            if (loaded > 0) abort.abort()
          },
          { signal: abort.signal }
        )
        .then(
          () => "uploaded",
          (error: Error) => error.name
        )
      return { outcome, isPartly: most > 0 && most < file.size }
    })
    assert.deepStrictEqual(cancelled, { outcome: "AbortError", isPartly: true })
    const again = await visitor.page.evaluate(async () => {
      const { url } = await window.chat.client.uploadBlobs(new File(["第二次"], "再来.txt", { type: "text/plain" }))
      return (await fetch(url)).text()
    })
    assert.strictEqual(again, "第二次")
    assert.strictEqual(posts.length, 2)
  })
})

/**
 * A tab whose console must stay empty.
 */
import type { Browser, Page } from "puppeteer-core"

export interface Tab extends AsyncDisposable {
  readonly page: Page
  /** Resolves once `condition`, evaluated in the page, is true. Unlike `waitForFunction` it works under any policy. */
  readonly until: (condition: (argument: string) => boolean, argument?: string) => Promise<void>
}

export interface TabOptions {
  /** Console errors that the test causes, such as the browser's own line about a connection that was refused. */
  readonly expected?: RegExp
  /** A tab whose cookies and storage it shares. */
  readonly beside?: Tab
}

/**
 * Opens `url` in a new tab with cookies and storage of its own, or those of another tab. Its disposal closes the tab, and rejects if the page
 * logged an error or a warning or threw.
 */
export const open = async (browser: Browser, url: string, { beside, expected }: TabOptions = {}): Promise<Tab> => {
  const context = beside?.page.browserContext() ?? (await browser.createBrowserContext())
  const page = await context.newPage()
  const problems: Array<string> = []
  const note = (problem: string) => {
    if (expected?.test(problem) !== true) problems.push(problem)
  }
  page.on("console", (line) => {
    if (line.type() === "error" || line.type() === "warn") note(`${line.type()}: ${line.text()}`)
  })
  page.on("pageerror", (error) => note(`thrown: ${String(error)}`))
  await page.goto(url)
  return {
    page,
    until: async (condition, argument = "") => {
      const deadline = performance.now() + 20_000
      while (!(await page.evaluate(condition, argument))) {
        if (performance.now() > deadline) throw new Error(`not within 20 s: ${condition}; console: ${problems}`)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
    [Symbol.asyncDispose]: async () => {
      if (beside === undefined) await context.close()
      else if (!page.isClosed()) await page.close()
      if (problems.length > 0) throw new Error(`the page logged:\n${problems.join("\n")}`)
    }
  }
}

/**
 * Real browsers: Debian's Chromium and Firefox, without a window.
 */
import * as Fs from "node:fs"
import { type Browser, launch } from "puppeteer-core"

const executables = { chrome: "/usr/bin/chromium", firefox: "/usr/bin/firefox-esr" }

/** Starts a browser. Rejects if it is not installed. */
export const start = async (name: keyof typeof executables = "chrome"): Promise<Browser> => {
  const executablePath = executables[name]
  if (!Fs.existsSync(executablePath)) throw new Error(`${executablePath} is missing: see .ci/run`)
  return launch({
    browser: name,
    executablePath,
    headless: true,
    // Chromium has no sandbox for root, and containers have little shared memory.
    args: name === "chrome" ? ["--no-sandbox", "--disable-dev-shm-usage"] : []
  })
}

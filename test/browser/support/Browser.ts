/**
 * Real browsers: Debian's Chromium and Firefox, without a window.
 */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { type Browser, launch, type LaunchOptions } from "puppeteer-core"

const executables = { chrome: "/usr/bin/chromium", firefox: "/usr/bin/firefox-esr" }

/** Starts a browser. Rejects if it is not installed. */
export const start = async (
  name: keyof typeof executables = "chrome",
  options: LaunchOptions = {}
): Promise<Browser> => {
  const executablePath = executables[name]
  if (!Fs.existsSync(executablePath)) throw new Error(`${executablePath} is missing: see .ci/run`)
  return launch({
    browser: name,
    executablePath,
    headless: true,
    // What Puppeteer adds lest hidden tabs be throttled, as they are for people.
    ignoreDefaultArgs: [
      "--disable-background-timer-throttling",
      "--disable-backgrounding-occluded-windows",
      "--disable-renderer-backgrounding"
    ],
    // Chromium has no sandbox for root, and containers have little shared memory.
    ...options,
    args: [...(name === "chrome" ? ["--no-sandbox", "--disable-dev-shm-usage"] : []), ...(options.args ?? [])]
  })
}

/** Starts a Chromium whose user has forbidden sites to store data. */
export const startWithoutSiteData = async (): Promise<Browser> => {
  const userDataDir = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-kefu-chromium-"))
  const preferences = { profile: { default_content_setting_values: { cookies: 2 } } }
  Fs.mkdirSync(Path.join(userDataDir, "Default"))
  Fs.writeFileSync(Path.join(userDataDir, "Default/Preferences"), JSON.stringify(preferences))
  const browser = await start("chrome", { userDataDir })
  browser.process()?.once("exit", () => Fs.rmSync(userDataDir, { recursive: true, force: true }))
  return browser
}

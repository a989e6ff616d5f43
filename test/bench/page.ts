/**
 * How long the tasks of the web desk are, in Chromium at a CPU slowed four times, with 10,000 messages in a conversation
 * and 50 a second coming in: `node test/bench/page.ts [--page visitor|staff] [--seconds N] [--messages N] [--profile FILE]`.
 *
 * Times are those that the page's main thread was on a core, so that other programs count little. `--profile` writes a
 * CPU profile for Chromium's developer tools. Exits with 1 if a task was longer than 50 ms.
 */
import * as Fs from "node:fs/promises"
import { parseArgs } from "node:util"
import type { CDPSession } from "puppeteer-core"
import { bundlePages } from "../../examples/web/bundle.ts"
import { Client } from "../../src/Client.ts"
import { startSandbox } from "../../src/testing/PromiseSandbox.ts"
import * as Browsers from "../browser/support/Browser.ts"
import { write } from "../browser/support/Desk.ts"
import * as Stories from "../browser/support/Stories.ts"

const { values } = parseArgs({
  options: {
    page: { type: "string", default: "visitor" },
    seconds: { type: "string", default: "20" },
    messages: { type: "string", default: "10000" },
    profile: { type: "string" }
  }
})

const longest = 50
const rate = 50
const slowdown = 4

interface TraceEvent {
  readonly name: string
  readonly ph: string
  readonly pid: number
  readonly tid: number
  readonly ts: number
  readonly tdur?: number
  readonly dur?: number
  readonly args?: { readonly name?: string }
}

/** Records what the browser does while `act` runs. */
const traced = async (session: CDPSession, act: () => Promise<void>): Promise<ReadonlyArray<TraceEvent>> => {
  const events: Array<TraceEvent> = []
  session.on("Tracing.dataCollected", ({ value }) => events.push(...(value as ReadonlyArray<TraceEvent>)))
  await session.send("Tracing.start", {
    transferMode: "ReportEvents",
    traceConfig: { includedCategories: ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"] }
  })
  await act()
  const complete = new Promise((resolve) => session.once("Tracing.tracingComplete", resolve))
  await session.send("Tracing.end")
  await complete
  return events
}

/** The main thread's tasks of the process that ran the most. */
const tasksOf = (events: ReadonlyArray<TraceEvent>): ReadonlyArray<TraceEvent> => {
  const mains = new Set(
    events
      .filter(({ args, name }) => name === "thread_name" && args?.name === "CrRendererMain")
      .map(({ pid, tid }) => `${pid}/${tid}`)
  )
  const byThread = new Map([...mains].map((thread): [string, Array<TraceEvent>] => [thread, []]))
  for (const event of events) if (event.name === "RunTask") byThread.get(`${event.pid}/${event.tid}`)?.push(event)
  const total = (tasks: ReadonlyArray<TraceEvent>) => tasks.reduce((sum, { tdur = 0 }) => sum + tdur, 0)
  return [...byThread.values()].toSorted((a, b) => total(b) - total(a))[0] ?? []
}

const run = async () => {
  await using sandbox = await startSandbox({ pages: await bundlePages(), maxOutgoingFrames: 100_000 })
  const browser = await Browsers.start("chrome", { protocolTimeout: 600_000 })
  await using _ = { [Symbol.asyncDispose]: () => browser.close() }
  const asVisitor = values.page === "visitor"
  const { token } = asVisitor ? await sandbox.createStaff() : await sandbox.createVisitor()
  let conversationId = 0
  let visitorId = 0
  let begin = () => {}
  const built = new Promise<void>((resolve) => (begin = resolve))
  await using other = new Client(
    {
      onConversationBuilt: (conversation, user, _, type) => {
        if (asVisitor || type === "STAFF") {
          conversationId = conversation
          visitorId = user
          begin()
        }
      }
    },
    { baseUrl: sandbox.baseUrl, token, outbox: false }
  )
  other.open()
  const tab = asVisitor ? await Stories.visitor(browser, sandbox) : await Stories.staff(browser, sandbox, "李静")
  const say = (text: string) =>
    other.sendMessage(other.buildMessage("Text", text, conversationId), asVisitor ? visitorId : undefined)
  if (asVisitor) await write(tab, "talk to a person")
  else await say("talk to a person")
  await built
  if (!asVisitor) await Stories.openFirst(tab)

  const session = await tab.page.createCDPSession()
  const count = Number(values.messages)
  const text = (n: number) =>
    `Message ${n}, about as long as what people write in a chat, now and then a little longer.`
  const shown = (n: number) => tab.until((n) => document.body.innerText.includes(`Message ${n},`), String(n))
  for (let n = 0; n < count; n += 100) {
    await Promise.all(Array.from({ length: Math.min(100, count - n) }, (_, more) => say(text(n + more))))
  }
  await shown(count - 1)
  const pour = async (messages: number) => {
    const started = performance.now()
    for (let n = 0; n < messages; n++) {
      await say(text(count + n))
      const due = started + ((n + 1) * 1000) / rate - performance.now()
      if (due > 0) await new Promise((resolve) => setTimeout(resolve, due))
    }
    await shown(count + messages - 1)
  }
  await session.send("HeapProfiler.enable")
  const heap = async () => {
    await session.send("HeapProfiler.collectGarbage")
    const { usedSize } = await session.send("Runtime.getHeapUsage")
    return usedSize / 1e6
  }
  const before = await heap()
  await session.send("Emulation.setCPUThrottlingRate", { rate: slowdown })
  if (values.profile !== undefined) {
    await session.send("Profiler.enable")
    await session.send("Profiler.setSamplingInterval", { interval: 250 })
    await session.send("Profiler.start")
  }
  const more = Number(values.seconds) * rate
  const events = await traced(session, () => pour(more))
  if (values.profile !== undefined) {
    const { profile } = await session.send("Profiler.stop")
    await Fs.writeFile(values.profile, JSON.stringify(profile))
  }
  await session.send("Emulation.setCPUThrottlingRate", { rate: 1 })
  const after = await heap()
  const tasks = tasksOf(events)
    .map(({ tdur = 0 }) => tdur / 1000)
    .toSorted((a, b) => b - a)
  const busy = tasks.reduce((sum, tdur) => sum + tdur, 0)
  const rows = await tab.page.evaluate(() => document.querySelectorAll(".row").length)
  const long = tasks.filter((task) => task > longest)
  console.log(
    [
      `${values.page}: ${count} messages, then ${more} at ${rate} a second, CPU slowed ${slowdown} times`,
      `longest tasks (ms)   ${tasks
        .slice(0, 8)
        .map((task) => task.toFixed(1))
        .join(" ")}`,
      `over ${longest} ms           ${long.length} of ${tasks.length}`,
      `main thread          ${((busy / 1000 / Number(values.seconds)) * 100).toFixed(0)} % of ${values.seconds} s`,
      `heap (MB)            ${before.toFixed(1)}, ${after.toFixed(1)} after ${more} more (${(((after - before) * 1000) / more).toFixed(2)} kB each)`,
      `rows in the page     ${rows}`
    ].join("\n")
  )
  return long.length === 0
}

if (!(await run())) process.exitCode = 1

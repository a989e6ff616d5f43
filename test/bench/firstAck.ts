/**
 * What a page pays from its navigation to the first acknowledged message, in Debian's Chromium without a window: ours with
 * the script for pages, the least client over Effect, and a bare WebSocket. Scripts and the sandbox are on the page's own
 * origin, behind the same latency and without a limit of bandwidth; nothing is cached.
 */
import * as Net from "node:net"
import { setTimeout as pause } from "node:timers/promises"
import type { Browser } from "puppeteer-core"
import { pageScript } from "../../.ci/bundle.ts"
import { type PromiseSandbox, startSandbox } from "../../src/testing/PromiseSandbox.ts"
import { start } from "../browser/support/Browser.ts"
import { bundle } from "./bundle.ts"
import { floorName, type Row } from "./measure.ts"

/** What the network takes in each direction, in milliseconds. */
const latency = 20

interface Figures {
  /** The thread's time for the script's own statements, compiling included, in milliseconds. */
  readonly evaluating: number
  /** The thread's time for its longest task until the ack, in milliseconds. */
  readonly longest: number
  /** From the navigation to the ack, in milliseconds by the clock. */
  readonly acked: number
}

/** A page: its script, and what it does with it. Calls `acked` at the first ack. */
interface Page {
  readonly script: string
  readonly use: (token: string) => string
}

const address = (path: string) => `/bench/${path}`

const html = ({ use }: Page, token: string) => `<!doctype html>
<link rel="icon" href="data:," />
<script>const acked = () => performance.mark("acked")</script>
<script src="${address("script.js")}"></script>
<script>${use(token)}</script>`

const pages = async (): Promise<Readonly<Record<string, Page>>> => ({
  ours: {
    script: await pageScript(),
    use: (token) => `
      const client = new Kefu.Client({}, { baseUrl: location.origin, token: "${token}" })
      client.open()
      client.sendMessage(client.buildMessage("Text", "hello", 0)).then(acked)`
  },
  [floorName]: {
    // It has no exports, so that it is no module.
    script: await bundle('import { Client } from "./test/bench/floor.ts"; globalThis.LeastClient = Client'),
    use: (token) => `
      const onOpen = () => client.send(101, { message_type: 1, content: "hello" }).then(acked)
      const client = new LeastClient({ onOpen }, { baseUrl: location.origin, token: "${token}" })
      client.open()`
  },
  "bare WebSocket": {
    script: "",
    use: (token) => `
      const socket = new WebSocket(location.origin.replace("http", "ws") + "/api/v1/im/ws?token=${token}")
      socket.onopen = () =>
        socket.send(JSON.stringify({ event_type: 101, sequence_id: 1, payload: { message_type: 1, content: "hello" } }))
      socket.onmessage = ({ data }) => JSON.parse(data).event_type === 103 && acked()`
  }
})

type Files = ReadonlyMap<string, readonly [type: string, body: string]>

/**
 * The page's files and the backend on one origin, behind the latency: what one side writes, the other gets that much
 * later.
 */
const serve = async ({ baseUrl }: PromiseSandbox, files: () => Files): Promise<Net.Server> => {
  const pass = (from: Net.Socket, to: Net.Socket) => {
    from.on("data", (bytes) => setTimeout(() => to.writable && to.write(bytes), latency))
    from.on("close", () => setTimeout(() => to.destroy(), latency))
    from.on("error", () => to.destroy())
  }
  const server = Net.createServer((near) => {
    near.once("data", (first) => {
      const path = /^GET (\/bench\/\S*)/.exec(String(first))?.[1]
      const [type, body] = files().get(path ?? "") ?? []
      if (type === undefined || body === undefined) {
        const far = Net.connect(Number(new URL(baseUrl).port), "127.0.0.1")
        pass(near, far)
        pass(far, near)
        near.emit("data", first)
        return
      }
      const length = Buffer.byteLength(body)
      const head = `HTTP/1.1 200 OK\r\nContent-Type: ${type}; charset=utf-8\r\nContent-Length: ${length}`
      setTimeout(() => near.end(`${head}\r\nConnection: close\r\n\r\n${body}`), 2 * latency)
    })
    near.on("error", () => near.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return server
}

interface Trace {
  readonly name: string
  readonly ph: string
  readonly pid: number
  readonly tid: number
  /** In microseconds, as the next two. */
  readonly ts: number
  readonly dur?: number
  /** The thread's own time. */
  readonly tdur?: number
  readonly args: { readonly data?: { readonly url?: string } }
}

const figuresOf = (events: ReadonlyArray<Trace>): Figures => {
  const ack = events.find(({ name }) => name === "acked")
  if (ack === undefined) throw new Error("the trace has no ack")
  const ours = events.filter(({ pid, tid, ts }) => pid === ack.pid && tid === ack.tid && ts <= ack.ts)
  const navigated = ours.findLast(({ name }) => name === "navigationStart")
  if (navigated === undefined) throw new Error("the trace has no navigation")
  const millis = ({ dur = 0, tdur = dur }: Trace) => tdur / 1000
  const since = ours.filter(({ ts }) => ts >= navigated.ts)
  const tasks = since.filter(({ name }) => name === "RunTask")
  const scripts = since.filter(
    ({ args, name }) => name === "EvaluateScript" && args.data?.url?.endsWith(address("script.js")) === true
  )
  return {
    evaluating: scripts.reduce((sum, script) => sum + millis(script), 0),
    longest: Math.max(...tasks.map(millis)),
    acked: (ack.ts - navigated.ts) / 1000
  }
}

const visit = async (browser: Browser, origin: string, slowed: number): Promise<Figures> => {
  // Nothing of an earlier visit is cached, compiled code neither.
  const context = await browser.createBrowserContext()
  try {
    const tab = await context.newPage()
    await tab.emulateCPUThrottling(slowed === 1 ? null : slowed)
    await tab.tracing.start({
      categories: ["blink.user_timing", "devtools.timeline", "disabled-by-default-devtools.timeline", "toplevel"]
    })
    await tab.goto(`${origin}${address("page.html")}`)
    const isAcked = 'performance.getEntriesByName("acked").length > 0'
    await tab.waitForFunction(isAcked, { timeout: 60_000, polling: 100 })
    const trace = Buffer.from((await tab.tracing.stop()) ?? []).toString()
    return figuresOf((JSON.parse(trace) as { readonly traceEvents: ReadonlyArray<Trace> }).traceEvents)
  } finally {
    await context.close()
  }
}

/** The rows of a page, at the machine's speed and slowed down four times; of each figure the least of the runs counts. */
export const firstAckRows = async (runs: number): Promise<ReadonlyArray<Row>> => {
  await using sandbox = await startSandbox()
  const all = Object.entries(await pages())
  let files: Files = new Map()
  const server = await serve(sandbox, () => files)
  const { port } = server.address() as Net.AddressInfo
  const browser = await start()
  try {
    const rows: Array<Row> = []
    for (const slowed of [1, 4]) {
      const least = new Map<string, Figures>()
      for (let run = 0; run < runs; run++) {
        for (const [name, page] of all) {
          const { token } = await sandbox.createVisitor()
          files = new Map([
            [address("page.html"), ["text/html", html(page, token)]],
            [address("script.js"), ["text/javascript", page.script]]
          ])
          const now = await visit(browser, `http://127.0.0.1:${port}`, slowed)
          const { acked, evaluating, longest } = least.get(name) ?? now
          least.set(name, {
            evaluating: Math.min(evaluating, now.evaluating),
            longest: Math.min(longest, now.longest),
            acked: Math.min(acked, now.acked)
          })
          // What the page leaves behind, the backend ends before the next one.
          await pause(100)
        }
      }
      const { ours, ...others } = Object.fromEntries(least)
      const row = (what: string, figure: keyof Figures, goal: (bare: number) => number) => {
        const bare = others["bare WebSocket"]?.[figure] ?? Number.NaN
        for (const [name, figures] of Object.entries(others)) {
          rows.push({
            what: `${what}, ${slowed === 1 ? "full speed" : "slowed 4 times"}`,
            unit: "ms",
            ours: ours?.[figure] ?? Number.NaN,
            other: { name, value: figures[figure] },
            ...(name === "bare WebSocket" && { goal: goal(bare) })
          })
        }
      }
      row("page: evaluating the script", "evaluating", () => 60 * slowed)
      row("page: the longest task until the first ack", "longest", () => 50)
      row("page: from navigation to the first ack", "acked", (bare) => bare * 1.5)
    }
    return rows
  } finally {
    await browser.close()
    server.close()
  }
}

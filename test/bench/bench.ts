/**
 * What a session, a message and a page cost: `npm run bench`. Prints a table, with `--markdown` as Markdown; `--json FILE`
 * also writes it as JSON, and `--quick` measures so briefly that only the exit code tells something. Takes some minutes.
 *
 * `--first-ack` measures only what a page pays until its first ack, in Debian's Chromium, which must be installed.
 * `--churn` measures only whether the heap stays flat over 10,000 sessions and a million messages.
 *
 * Everything is compared with the bare thing in the same run, with the clients of other chat systems, and with the least
 * client that Effect's parts make (`floor.ts`). Goals that were set in microseconds on an idle machine are
 * scaled with the time that `JSON.parse` of a text frame takes.
 */
import { execFile, spawn } from "node:child_process"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import { parseArgs, promisify } from "node:util"
import * as Zlib from "node:zlib"
import { bundle } from "./bundle.ts"
import { type Effort, floorName, markdown, type Row, table } from "./measure.ts"
import * as network from "./network.ts"
import { firstAckRows } from "./firstAck.ts"

const { values } = parseArgs({
  options: {
    json: { type: "string" },
    markdown: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    churn: { type: "boolean", default: false },
    "first-ack": { type: "boolean", default: false }
  }
})

const effort: Effort = values.quick ? { rounds: 1, roundMillis: 5 } : { rounds: 12, roundMillis: 100 }
const sessions = values.quick ? 20 : 1000
const processes = values.quick ? 1 : 3
const herd = values.quick ? 50 : 5000

const exec = promisify(execFile)

/** Runs one of the programs beside this one, and gives the last line that it prints: sessions may log before it. */
const run = async (script: string, ...args: ReadonlyArray<string>): Promise<Readonly<Record<string, number>>> => {
  const path = Path.join(import.meta.dirname, script)
  const { stdout } = await exec(process.execPath, ["--expose-gc", path, ...args], { timeout: 1_800_000 })
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Readonly<Record<string, number>>
}

/** The least of each figure over some runs. */
const least = async (times: number, once: () => Promise<Readonly<Record<string, number>>>) => {
  const best: Record<string, number> = {}
  for (let time = 0; time < times; time++) {
    for (const [name, value] of Object.entries(await once())) best[name] = Math.min(best[name] ?? Infinity, value)
  }
  return (name: string) => best[name] ?? Number.NaN
}

const sessionRows = async (): Promise<ReadonlyArray<Row>> => {
  const backend = spawn(process.execPath, [Path.join(import.meta.dirname, "backend.ts")], {
    stdio: ["ignore", "pipe", "inherit"]
  })
  try {
    const port = String(await new Promise((resolve) => backend.stdout.once("data", resolve))).trim()
    const cost = (kind: string) => least(values.quick ? 1 : 2, () => run("sessions.ts", kind, String(sessions), port))
    const bare = await cost("WebSocket")
    const others = { [floorName]: await cost(floorName), "socket.io": await cost("socket.io") }
    const rows: Array<Row> = []
    for (const kind of ["Kefu.layer", "Client"]) {
      const ours = await cost(kind)
      const row = (what: string, unit: string, figure: string, scale: number, goal: (bare: number) => number) => {
        const value = bare(figure) / scale
        const subject = { what: `${what} (${kind})`, unit, ours: ours(figure) / scale }
        rows.push({ ...subject, other: { name: "global WebSocket", value }, goal: goal(value) })
        for (const [name, other] of Object.entries(others)) {
          rows.push({ ...subject, other: { name, value: other(figure) / scale } })
        }
      }
      row("heap of an idle session", "kB", "heapBytes", 1000, (value) => value + 60)
      row(`opening ${sessions} sessions, CPU`, "ms", "cpuMillis", 1, (value) => value * 4)
      row(`opening ${sessions} sessions, wall`, "ms", "wallMillis", 1, (value) => value * 4)
    }
    return rows
  } finally {
    backend.kill()
  }
}

const firstRows = async (): Promise<ReadonlyArray<Row>> => {
  const folder = await Fs.mkdtemp(Path.join(Os.tmpdir(), "effect-kefu-bench-"))
  try {
    const cost = async (name: string, entry: string) => {
      const file = Path.join(folder, `${name}.mjs`)
      await Fs.writeFile(file, await bundle(`export { Client } from "${entry}"`))
      return least(processes, () => run("first.ts", file))
    }
    const ours = await cost("client", "./src/Client.ts")
    const floor = await cost("floor", "./test/bench/floor.ts")
    const row = (what: string, figure: string, goal: number): Row => {
      const other = { name: floorName, value: floor(figure) }
      return { what, unit: "ms", ours: ours(figure), other, goal }
    }
    return [
      row("evaluating the page bundle", "evaluated", 60),
      row("open() of the first Client blocks", "open", 15),
      row("work of the thread until the first Client is connected", "connected", 50)
    ]
  } finally {
    await Fs.rm(folder, { recursive: true })
  }
}

/** What a page downloads, against the other clients' bundles. */
const bundleRows = async (): Promise<ReadonlyArray<Row>> => {
  const size = async (code: string) => Zlib.gzipSync(await bundle(code), { level: 9 }).length / 1000
  const ours = await size('export { Client } from "./src/Client.ts"')
  const others = {
    [floorName]: 'export { Client } from "./test/bench/floor.ts"',
    "socket.io": 'export { io } from "socket.io-client"',
    phoenix: 'export { Socket } from "phoenix"',
    centrifuge: 'export { Centrifuge } from "centrifuge"'
  }
  const rows: Array<Row> = []
  for (const [name, code] of Object.entries(others)) {
    const other = { name, value: await size(code) }
    const goal = name === floorName ? { goal: 85 } : {}
    rows.push({ what: "page bundle, gzip -9", unit: "kB", ours, other, ...goal })
  }
  return rows
}

/** The rows of messages and commands again, against other clients. */
const peerRows = async (client: ReadonlyArray<Row>): Promise<ReadonlyArray<Row>> => {
  const found = await run("peers.ts", String(effort.rounds), String(effort.roundMillis))
  const measures = {
    "inbound text frame to onMessage, bursts of 100": "inbound, bursts",
    "inbound text frame to onMessage, one at a time": "inbound, single",
    "recallMessage to its ack, 100 at once": "command, at once",
    "recallMessage to its ack, one at a time": "command, single"
  }
  return Object.entries(measures).flatMap(([what, measure]) =>
    client
      .filter((row) => row.what === what)
      .flatMap(({ ours, unit }) =>
        Object.entries(found)
          .filter(([name]) => name.endsWith(`: ${measure}`))
          .map(([name, value]) => ({ what, unit, ours, other: { name: name.slice(0, -measure.length - 2), value } }))
      )
  )
}

const requestRows = async (): Promise<ReadonlyArray<Row>> => {
  const counted = await run("requests.ts")
  return [
    {
      what: "requests of a first connect and a first message, with the dial",
      unit: "",
      ours: counted["requests"] ?? Number.NaN,
      other: { name: "token and dial", value: 2 }
    },
    { what: "their preflights from another origin", unit: "", ours: counted["preflights"] ?? Number.NaN }
  ]
}

const herdRows = async (): Promise<ReadonlyArray<Row>> => {
  const found = await run("herd.ts", String(herd))
  if (found["back"] !== herd) throw new Error(`only ${found["back"]} of ${herd} sessions came back`)
  const what = `${herd} sessions lose the link together`
  return [
    {
      what: `${what}: the last is back after an outage of 60 s`,
      unit: "ms",
      ours: found["lastMillis"] ?? 0,
      goal: 40_000
    },
    { what: `${what}: most dials within 100 ms`, unit: "", ours: found["peak"] ?? 0 }
  ]
}

const churnRows = async (sessions: number, messages: number): Promise<ReadonlyArray<Row>> => {
  const found = await run("churn.ts", String(sessions), String(messages))
  const what = `growth of the heap over two thirds of ${found["sessions"]} sessions and ${found["messages"]} messages`
  return [
    { what, unit: "kB", ours: (found["grownBytes"] ?? Number.NaN) / 1000, goal: (found["slackBytes"] ?? 0) / 1000 }
  ]
}

const began = performance.now()

const report = async (rows: ReadonlyArray<Row>): Promise<never> => {
  process.stdout.write(`${(values.markdown ? markdown : table)(rows)}\n`)
  const date = new Date().toISOString().slice(0, 10)
  const seconds = ((performance.now() - began) / 1000).toFixed(0)
  process.stdout.write(`\nNode ${process.version}, ${Os.availableParallelism()} cores, ${date}, took ${seconds} s\n`)
  if (values.json !== undefined) {
    await Fs.writeFile(values.json, `${JSON.stringify({ node: process.version, date, rows }, undefined, 2)}\n`)
  }
  process.exit(0)
}

if (values.churn) await report(await churnRows(10_000, 1_000_000))
if (values["first-ack"]) await report(await firstAckRows(values.quick ? 1 : 7))

network.install()
const rows: Array<Row> = []
// Modules that build sessions see the WebSocket and `fetch` in memory.
const { rows: frameRows } = await import("./frames.ts")
const { rows: clientRows } = await import("./client.ts")
for (const part of [
  () => frameRows(effort),
  async () => {
    const rows = await clientRows(effort)
    return [...rows, ...(await peerRows(rows))]
  },
  bundleRows,
  sessionRows,
  firstRows,
  requestRows,
  herdRows,
  () => churnRows(values.quick ? 200 : 1000, values.quick ? 20_000 : 100_000)
]) {
  rows.push(...(await part()))
}
await report(rows)

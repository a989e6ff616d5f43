/**
 * What a page's first `Client` costs its thread, in a process of its own: `node first.ts BUNDLE`. Prints how long the
 * bundle takes to evaluate, how long `open()` blocks, and how much time the thread works from there until the client is
 * connected, in milliseconds. What Node loads at the first use of a global of the page is not counted.
 */
import type * as Page from "../../src/Client.ts"
import * as network from "./network.ts"

network.install()
const [bundle = ""] = process.argv.slice(2)
const millis = () => {
  const { system, user } = process.threadCpuUsage()
  return (system + user) / 1000
}
new TextDecoder().decode(await new Response("{}").arrayBuffer())
const start = millis()
const { Client } = (await import(bundle)) as typeof Page
const began = millis()
await new Promise<void>((resolve) => {
  const client = new Client({ onOpen: () => resolve() }, { baseUrl: "https://chat.example.com", token: "t" })
  client.open()
  process.stdout.write(`{"evaluated":${began - start},"open":${millis() - began},`)
})
process.stdout.write(`"connected":${millis() - began}}\n`)
process.exit(0)

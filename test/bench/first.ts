/**
 * What the first `open()` of a page costs its thread, in a process of its own: `node first.ts BUNDLE`. Prints how long
 * `open()` blocks, and how much time the thread works until the client is connected, in milliseconds.
 */
import type * as Page from "../../src/Client.ts"
import * as network from "./network.ts"

network.install()
const [bundle = ""] = process.argv.slice(2)
const { Client } = (await import(bundle)) as typeof Page
const millis = () => {
  const { system, user } = process.threadCpuUsage()
  return (system + user) / 1000
}
const began = millis()
await new Promise<void>((resolve) => {
  const client = new Client({ onOpen: () => resolve() }, { baseUrl: "https://chat.example.com", token: "t" })
  client.open()
  process.stdout.write(`{"open":${millis() - began},`)
})
process.stdout.write(`"connected":${millis() - began}}\n`)
process.exit(0)

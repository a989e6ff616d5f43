/**
 * Counts the requests of a first connect and a first message of an anonymous visitor with a chat screen, and those for which a page of
 * another origin needs a preflight. Prints them: `node requests.ts`.
 */
import { Client } from "../../src/Client.ts"
import * as network from "./network.ts"

network.install()
const client = new Client({}, { baseUrl: "https://chat.example.com" })
await new Promise<void>((resolve) => client.inbox.subscribe(() => client.inbox.getSnapshot().isLoaded && resolve()))
await client.sendMessage(client.buildMessage("Text", "你好", 0))
await new Promise((resolve) => setTimeout(resolve, 200))
const paths: Record<string, number> = {}
for (const { method, url } of network.requests) {
  const { pathname, searchParams } = new URL(url)
  const state = searchParams.get("state")
  const name = `${method} ${pathname.replace("/api/v1", "")}${state === null ? "" : `?state=${state}`}`
  paths[name] = (paths[name] ?? 0) + 1
}
// A browser asks once for each URL and keeps the answer.
const preflights = new Set(network.requests.flatMap(({ isPreflighted, url }) => (isPreflighted ? [url] : []))).size
process.stdout.write(`${JSON.stringify({ requests: network.requests.length, preflights, paths })}\n`)
await client.dispose()
process.exit(0)

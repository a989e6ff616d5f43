/**
 * Whether the heap stays flat: one session lasts while others are opened and disposed of one after the other, and all get
 * messages and send some, over a WebSocket and `fetch` in memory. Fails if the heap has grown after the first third.
 * `node --expose-gc churn.ts SESSIONS MESSAGES`.
 */
import { Client } from "../../src/Client.ts"
import * as network from "./network.ts"

const [sessions = 0, messages = 0] = process.argv.slice(2).map(Number)

/** How much the heap may grow, in bytes: less than thirty sessions hold. */
const slack = 4_000_000

const width = 10

let received = 0
let id = 0

const until = async (isTrue: () => boolean) => {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 1))
}

/** An open session, its WebSocket, and how to wait for all that it was sent. */
const open = async () => {
  const client = new Client({ onMessage: () => received++ }, { baseUrl: "https://chat.example.com", token: "t" })
  const earlier = new Set(network.sockets)
  client.open()
  await until(() => client.isOpened())
  const socket = network.sockets.find((one) => !earlier.has(one))
  if (socket === undefined) throw new Error("the session has no connection")
  return { client, socket }
}

const receive = async (sockets: ReadonlyArray<network.InMemoryWebSocket>, count: number) => {
  const wanted = received + count * sockets.length
  for (let at = 0; at < count; at++) {
    const json = JSON.stringify({ event_type: 101, payload: network.message(++id) })
    for (const socket of sockets) socket.receive(json)
  }
  await until(() => received >= wanted)
}

const heap = async () => {
  for (let pass = 0; pass < 4; pass++) {
    // Finalizers and what waits in the queue run between the collections.
    await new Promise((resolve) => setTimeout(resolve, 50))
    globalThis.gc?.()
  }
  return process.memoryUsage().heapUsed
}

network.install()
const lasting = await open()
const each = Math.max(1, Math.round(messages / 2 / sessions))
const marks: Array<number> = []
const rounds = Math.ceil(sessions / width)
let next = rounds / 3
for (let round = 0; round < rounds; round++) {
  if (round >= next) {
    marks.push(await heap())
    next += rounds / 12
  }
  const opened = []
  for (let at = 0; at < width; at++) opened.push(await open())
  await receive(
    opened.map(({ socket }) => socket),
    each
  )
  await Promise.all(opened.map(({ client }) => client.sendMessage(client.buildMessage("Text", "好的，谢谢", 7))))
  await Promise.all(opened.map(({ client }) => client.dispose()))
  await receive([lasting.socket], each * width)
  await lasting.client.sendMessage(lasting.client.buildMessage("Text", "好的，谢谢", 7))
  network.requests.length = 0
}
marks.push(await heap())
const [first = 0] = marks
const grownBytes = (marks.at(-1) ?? 0) - first
if (grownBytes > slack) throw new Error(`the heap grew by ${grownBytes} bytes: ${marks.join(", ")}`)
process.stdout.write(
  `${JSON.stringify({ sessions: rounds * width + 1, messages: received, grownBytes, slackBytes: slack })}\n`
)
process.exit(0)

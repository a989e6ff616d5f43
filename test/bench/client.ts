/**
 * The cost of a message and of a command through the whole `Client`, over a WebSocket and `fetch` in memory.
 */
import { Client } from "../../src/Client.ts"
import { type Effort, microseconds, type Row, used } from "./measure.ts"
import * as network from "./network.ts"

const burst = 100

const until = (isTrue: () => boolean): Promise<void> =>
  isTrue() ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, 1)).then(() => until(isTrue))

/** A connected client that has read what it reads first, and its WebSocket. */
const connected = async (onMessage: () => void) => {
  const client = new Client({ onMessage }, { baseUrl: "https://chat.example.com", token: "t" })
  client.open()
  await until(() => client.isOpened())
  await new Promise((resolve) => setTimeout(resolve, 100))
  const [socket] = network.sockets
  if (socket === undefined) throw new Error("the client has no connection")
  return { client, socket }
}

const all = (run: () => Promise<unknown>) => () => Promise.all(Array.from({ length: burst }, run))

/** The goals, in microseconds, are those of a machine that parses the text frame in as many. */
const unloaded = 0.57

export const rows = async (effort: Effort): Promise<ReadonlyArray<Row>> => {
  let received = 0
  let wanted = 0
  let arrived: (() => void) | undefined
  const { client, socket } = await connected(() => {
    if (++received === wanted) arrived?.()
  })
  let id = 1000
  const frame = () => JSON.stringify({ event_type: 101, payload: network.message(++id) })
  /** Made ahead, so that making them is not measured. */
  let ready: Array<string> = []
  const receive = (count: number) => () =>
    new Promise<void>((resolve) => {
      wanted = received + count
      arrived = resolve
      for (let at = 0; at < count; at++) socket.receive(ready.pop() ?? frame())
    })
  const inbound = async (count: number) => {
    let best = Infinity
    for (let round = 0; round < effort.rounds + 2; round++) {
      ready = Array.from({ length: 10_000 }, frame).toReversed()
      const run = receive(count)
      const began = used()
      while (ready.length >= count) await run()
      const took = (used() - began) / 10_000
      // The first two rounds warm up.
      if (round >= 2) best = Math.min(best, took)
    }
    return best
  }
  const json = frame()
  const parse = await microseconds(effort, 100, () => {
    for (let at = 0; at < 100; at++) JSON.parse(json)
  })
  const row = (what: string, ours: number, goal: number): Row => {
    return {
      what,
      unit: "us",
      ours,
      other: { name: "JSON.parse of a text frame", value: parse },
      goal: (goal / unloaded) * parse
    }
  }
  const recall = () => client.recallMessage(12)
  const send = () => client.sendMessage(client.buildMessage("Text", "好的，谢谢", 7))
  const found = [
    row("inbound text frame to onMessage, bursts of 100", await inbound(burst), 5),
    row("inbound text frame to onMessage, one at a time", await inbound(1), 10),
    row("recallMessage to its ack, 100 at once", await microseconds(effort, burst, all(recall)), 10),
    row("recallMessage to its ack, one at a time", await microseconds(effort, 1, recall), 15),
    row("sendMessage to its ack, 100 at once", await microseconds(effort, burst, all(send)), 25),
    row("sendMessage to its ack, one at a time", await microseconds(effort, 1, send), 35)
  ]
  const body = JSON.stringify(network.page(20, 50))
  network.setConversations(body)
  const page = await microseconds(effort, 1, () => JSON.parse(body) as unknown)
  const conversations = await microseconds(effort, 1, () => client.getConversations())
  await client.dispose()
  return [
    ...found,
    {
      what: "getConversations, 20 conversations of 50 messages",
      unit: "us",
      ours: conversations,
      other: { name: "JSON.parse of the page", value: page },
      goal: (3500 / unloaded) * parse
    }
  ]
}

/**
 * What a message and a command cost in the clients of other chat systems, each over a fake of its own protocol in memory,
 * with the same message as ours, and in the least client over Effect: `node peers.ts ROUNDS ROUND_MILLIS`. Prints
 * microseconds by name.
 */
import type * as SocketIo from "socket.io-client"
import { bundle } from "./bundle.ts"
import { floorName, microseconds } from "./measure.ts"
import * as floor from "./floor.ts"
import * as network from "./network.ts"

const burst = 100

/** A WebSocket whose other side is a function that answers each frame. */
const fake = (answer: (frame: string, reply: (frame: string) => void) => void, greeting?: string) => {
  const open: Array<{ readonly receive: (frame: string) => void }> = []
  class FakeWebSocket extends EventTarget {
    static readonly OPEN = 1
    binaryType = "blob"
    readyState = 0
    bufferedAmount = 0
    onopen: (() => void) | undefined
    onmessage: ((event: { readonly data: string }) => void) | undefined
    onclose: (() => void) | undefined

    constructor() {
      super()
      queueMicrotask(() => {
        this.readyState = 1
        open.push(this)
        this.onopen?.()
        if (greeting !== undefined) this.receive(greeting)
      })
    }

    send(frame: string) {
      answer(frame, (reply) => queueMicrotask(() => this.receive(reply)))
    }

    close() {
      this.readyState = 3
    }

    receive(data: string) {
      this.onmessage?.({ data })
    }
  }
  return {
    WebSocket: FakeWebSocket as unknown as typeof WebSocket,
    receive: (frame: string) => open[0]?.receive(frame)
  }
}

/** A connected client. */
interface Peer {
  /** Has the other side push a message. */
  readonly push: (id: number) => void
  /** Sends a command and waits for its ack. */
  readonly command: () => Promise<unknown>
}

type Start = (onMessage: () => void) => Promise<Peer>

const socketIo: Start = async (onMessage) => {
  const { WebSocket, receive } = fake((frame, reply) => {
    const [, kind, id] = /^4(\d)(\d*)/.exec(frame) ?? []
    if (kind === "0") reply(`40{"sid":"1"}`)
    if (kind === "2") reply(`43${id}[{"message_id":1}]`)
  }, `0{"sid":"1","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`)
  // The page's build takes the global when it is loaded.
  globalThis.WebSocket = WebSocket
  const page = Buffer.from(await bundle('export { io } from "socket.io-client"')).toString("base64")
  const { io } = (await import(`data:text/javascript;base64,${page}`)) as typeof SocketIo
  const socket = io("http://chat.example.com", { transports: ["websocket"], reconnection: false })
  socket.on("message", onMessage)
  await new Promise<void>((resolve) => socket.on("connect", resolve))
  return {
    push: (id) => receive(`42${JSON.stringify(["message", network.message(id)])}`),
    command: () => socket.emitWithAck("recall", { message_id: 12 })
  }
}

const phoenix: Start = async (onMessage) => {
  const { WebSocket, receive } = fake((frame, reply) => {
    const [joinRef, ref, topic] = JSON.parse(frame) as ReadonlyArray<string>
    reply(JSON.stringify([joinRef, ref, topic, "phx_reply", { status: "ok", response: { message_id: 1 } }]))
  })
  const { Socket } = await import("phoenix")
  const socket = new Socket("ws://chat.example.com/socket", { transport: WebSocket })
  socket.connect()
  const channel = socket.channel("room:7")
  channel.on("message", onMessage)
  await new Promise((resolve) => channel.join().receive("ok", resolve))
  return {
    push: (id) => receive(JSON.stringify([null, null, "room:7", "message", network.message(id)])),
    command: () => new Promise((resolve) => channel.push("recall", { message_id: 12 }).receive("ok", resolve))
  }
}

const centrifuge: Start = async (onMessage) => {
  const { WebSocket, receive } = fake((frames, reply) => {
    for (const frame of frames.split("\n")) {
      const { connect, id, rpc } = JSON.parse(frame) as {
        readonly id?: number
        readonly connect?: unknown
        readonly rpc?: unknown
      }
      if (id === undefined) continue
      reply(
        JSON.stringify({
          id,
          ...(connect !== undefined
            ? { connect: { client: "1", version: "0" } }
            : rpc !== undefined
              ? { rpc: { data: { message_id: 1 } } }
              : { subscribe: {} })
        })
      )
    }
  })
  const { Centrifuge } = await import("centrifuge")
  const client = new Centrifuge("ws://chat.example.com/connection/websocket", { websocket: WebSocket })
  const subscription = client.newSubscription("room:7")
  subscription.on("publication", onMessage)
  subscription.subscribe()
  client.connect()
  await subscription.ready()
  return {
    push: (id) => receive(JSON.stringify({ push: { channel: "room:7", pub: { data: network.message(id) } } })),
    command: () => client.rpc("recall", { message_id: 12 })
  }
}

const leastOverEffect: Start = async (onMessage) => {
  network.install()
  const client = await new Promise<floor.Client>((resolve) => {
    const opened: floor.Client = new floor.Client(
      { onOpen: () => resolve(opened), onMessage },
      { baseUrl: "https://chat.example.com", token: "t" }
    )
    opened.open()
  })
  return {
    push: (id) => network.sockets[0]?.receive(JSON.stringify({ event_type: 101, payload: network.message(id) })),
    command: () => client.send(107, { message_id: 12 })
  }
}

const [rounds = "1", roundMillis = "5"] = process.argv.slice(2)
const effort = { rounds: Number(rounds), roundMillis: Number(roundMillis) }
const found: Record<string, number> = {}
for (const [name, start] of Object.entries({
  "socket.io": socketIo,
  phoenix,
  centrifuge,
  [floorName]: leastOverEffect
})) {
  let received = 0
  let wanted = 0
  let arrived: (() => void) | undefined
  const { command, push } = await start(() => {
    if (++received === wanted) arrived?.()
  })
  let id = 1000
  const receive = (count: number) => () =>
    new Promise<void>((resolve) => {
      wanted = received + count
      arrived = resolve
      for (let at = 0; at < count; at++) push(++id)
    })
  // What writing a frame costs is not the client's.
  const writing = await microseconds(effort, 100, () => {
    for (let at = 0; at < 100; at++) JSON.stringify(network.message(++id))
  })
  found[`${name}: inbound, bursts`] = (await microseconds(effort, burst, receive(burst))) - writing
  found[`${name}: inbound, single`] = (await microseconds(effort, 1, receive(1))) - writing
  const all = () => Promise.all(Array.from({ length: burst }, command))
  found[`${name}: command, at once`] = await microseconds(effort, burst, all)
  found[`${name}: command, single`] = await microseconds(effort, 1, command)
}
process.stdout.write(`${JSON.stringify(found)}\n`)
process.exit(0)

/**
 * Opens many sessions in a process of its own, and prints what they cost:
 * `node --expose-gc sessions.ts KIND COUNT PORT`.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { io } from "socket.io-client"
import { Client } from "../../src/Client.ts"
import * as Kefu from "../../src/Kefu.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import * as floor from "./floor.ts"
import { floorName } from "./measure.ts"

const [kind = "", count = "", port = ""] = process.argv.slice(2)
const baseUrl = `http://127.0.0.1:${port}`

const open: Readonly<Record<string, () => Promise<unknown>>> = {
  WebSocket: () =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/api/v1/im/ws?token=t`)
      socket.addEventListener("message", ({ data }) => void JSON.parse(String(data)))
      socket.addEventListener("open", () => resolve(socket))
      socket.addEventListener("error", () => reject(new Error("a dial was refused")))
    }),
  "Kefu.layer": async () => {
    const scope = Scope.makeUnsafe()
    const context = await Effect.runPromise(Layer.buildWithScope(Kefu.layer({ baseUrl, token: "t" }), scope))
    await Effect.runPromise(
      Effect.provide(
        Realtime.use((realtime) => realtime.open),
        context
      )
    )
    return () => Scope.close(scope, Exit.void)
  },
  [floorName]: () =>
    new Promise((resolve) => {
      const client: floor.Client = new floor.Client({ onOpen: () => resolve(client) }, { baseUrl, token: "t" })
      client.open()
    }),
  "socket.io": () =>
    new Promise((resolve, reject) => {
      const socket = io(baseUrl, { transports: ["websocket"], forceNew: true })
      socket.on("connect", () => resolve(socket))
      socket.on("connect_error", reject)
    }),
  Client: () =>
    new Promise((resolve) => {
      const client = new Client({ onOpen: () => resolve(client), onMessage: () => {} }, { baseUrl, token: "t" })
      client.open()
    })
}

const heap = async () => {
  await new Promise((resolve) => setTimeout(resolve, 500))
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

const start = open[kind]
if (start === undefined) throw new Error(`no kind "${kind}"`)

const held = [await start()]
const before = await heap()
const began = performance.now()
const cpu = process.cpuUsage()
held.push(...(await Promise.all(Array.from({ length: Number(count) }, start))))
// What the sessions read after they have opened belongs to it.
await new Promise((resolve) => setTimeout(resolve, 1))
const wallMillis = performance.now() - began
const { system, user } = process.cpuUsage(cpu)
const heapBytes = ((await heap()) - before) / Number(count)
process.stdout.write(
  `${JSON.stringify({ heapBytes, wallMillis, cpuMillis: (system + user) / 1000, held: held.length })}\n`
)
process.exit(0)

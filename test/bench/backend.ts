/**
 * A backend on a free port of this machine, in a process of its own: WebSockets whose frames are acknowledged, and the
 * requests of a session; beside them the server of socket.io. Prints its port.
 */
import { createHash } from "node:crypto"
import { createServer } from "node:http"
import { Server } from "socket.io"
import { visitor } from "./network.ts"

const bodies: Readonly<Record<string, unknown>> = {
  "/api/v1/im/users/me": visitor,
  "/api/v1/im/current_list": [],
  "/api/v1/im/conversations": { conversations: [] }
}

const server = createServer((request, response) => {
  const body = bodies[new URL(request.url ?? "/", "http://localhost").pathname]
  // A connection that waits for another request is none of the session's cost.
  response.writeHead(body === undefined ? 404 : 200, { "content-type": "application/json", connection: "close" })
  response.end(JSON.stringify(body ?? {}))
})

new Server({ destroyUpgrade: false }).attach(server)

server.on("upgrade", (request, socket) => {
  if (request.url?.startsWith("/socket.io/")) return
  const key = createHash("sha1").update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
  socket.on("error", () => socket.destroy())
  // Idle sessions send nothing before their first ping.
  socket.resume()
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key.digest("base64")}\r\n\r\n`
  )
})

server.listen(0, "127.0.0.1", 4096, () => {
  const address = server.address()
  if (typeof address === "object" && address !== null) process.stdout.write(`${address.port}\n`)
})

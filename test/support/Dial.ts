/**
 * A WebSocket constructor for tests: the test plays the backend of each socket.
 */
import type * as Socket from "effect/socket/Socket"

type Listener = Parameters<Socket.WebSocketLike["addEventListener"]>[1]

export class FakeSocket implements Socket.WebSocketLike {
  readyState = 0
  readonly sent: Array<string> = []
  readonly closedWith: Array<number | undefined> = []
  readonly url: string
  private listeners: Array<readonly [type: string, listener: Listener]> = []

  constructor(url: string) {
    this.url = url
  }
  addEventListener(type: string, listener: Listener): void {
    this.listeners.push([type, listener])
  }
  removeEventListener(type: string, listener: Listener): void {
    this.listeners = this.listeners.filter((entry) => entry[0] !== type || entry[1] !== listener)
  }
  send(data: string | Uint8Array): void {
    // As in browsers: a closing socket silently discards writes.
    if (this.readyState === 1) this.sent.push(String(data))
  }
  close(code?: number): void {
    this.closedWith.push(code)
    this.readyState = Math.max(this.readyState, 2)
  }

  private emit(type: string, event: object): void {
    for (const [wanted, listener] of this.listeners) if (wanted === type) listener(event as Parameters<Listener>[0])
  }
  opens(): void {
    this.readyState = 1
    this.emit("open", {})
  }
  says(data: string): void {
    this.emit("message", { data })
  }
  /** The backend closes it. */
  closes(code: number, reason = ""): void {
    this.readyState = 3
    this.emit("close", { code, reason })
  }
  /** How browsers report a refused dial or a broken connection. */
  breaks(): void {
    this.readyState = 3
    this.emit("error", { message: `cannot reach ${this.url}` })
    this.emit("close", { code: 1006, reason: "" })
  }
}

export const make = (onDial: (socket: FakeSocket, nth: number) => void = () => {}) => {
  const sockets: Array<FakeSocket> = []
  const webSocket: Socket.WebSocketConstructor["Service"] = (url) => {
    const socket = new FakeSocket(url)
    sockets.push(socket)
    onDial(socket, sockets.length)
    return socket
  }
  return { sockets, webSocket }
}

/**
 * The TCP socket beneath a WebSocket of Node, which can be closed only by asking the other side: over a silent connection
 * that never ends, and keeps the process alive. Node tells its sockets over a diagnostics channel.
 */
export interface TcpSocket {
  destroy(): unknown
  on(type: "data", listener: (chunk: Uint8Array) => void): unknown
}

interface Sent {
  readonly request?: { readonly upgrade?: unknown; readonly origin?: unknown; readonly path?: unknown } | undefined
  readonly socket?: TcpSocket | undefined
}

interface Channels {
  subscribe(name: string, listener: (message: Sent) => void): void
  unsubscribe(name: string, listener: (message: Sent) => void): void
}

const globals: {
  readonly process?: { readonly getBuiltinModule?: (name: string) => Channels | undefined } | undefined
} = globalThis

const channel = "undici:client:sendHeaders"

/** Sockets that belong to a WebSocket already. */
const taken = new WeakSet<TcpSocket>()

/** Whether the request of a handshake is that of a WebSocket for this URL. */
const isFor = ({ origin, path }: NonNullable<Sent["request"]>, url: string): boolean => {
  const { host, pathname, search } = new URL(url)
  const isSameHost = typeof origin !== "string" || new URL(origin).host === host
  return isSameHost && path === `${pathname}${search}`
}

/**
 * Watches for the socket of the WebSocket that is made next for a URL, which is asked for when a socket is told. `found` is
 * called at most once, and never where it is not Node's own WebSocket; `stop` ends the watch.
 */
export const watch = (url: () => string, found: (socket: TcpSocket) => void): { readonly stop: () => void } => {
  const channels = globals.process?.getBuiltinModule?.("node:diagnostics_channel")
  if (channels === undefined) return { stop: () => {} }
  const stop = () => channels.unsubscribe(channel, listener)
  const listener = ({ request, socket }: Sent) => {
    if (request?.upgrade !== "websocket" || socket === undefined || taken.has(socket)) return
    if (!isFor(request, url())) return
    taken.add(socket)
    stop()
    found(socket)
  }
  channels.subscribe(channel, listener)
  return { stop }
}

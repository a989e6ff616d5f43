/**
 * A local TCP proxy that forwards bytes until `silence`: from then on it discards everything in both directions and
 * reports nothing, not even that one side has closed.
 */
import * as Effect from "effect/Effect"
import { connect, createServer, type AddressInfo, type Socket } from "node:net"

interface Pair {
  readonly client: Socket
  readonly server: Socket | undefined
  /** Stays silent once it was: a stream with a hole is useless. */
  isSilent: boolean
}

/** Starts a proxy in front of a server. */
export const make = Effect.fnUntraced(function* (baseUrl: string) {
  const target = new URL(baseUrl)
  const pairs = new Set<Pair>()
  let silent = false
  let swallowed = 0
  let accepted = 0

  const serve = (client: Socket) => {
    accepted++
    const server = silent ? undefined : connect(Number(target.port), target.hostname)
    const pair: Pair = { client, server, isSilent: silent }
    pairs.add(pair)
    const pass = (from: Socket, to: Socket | undefined) => {
      from.on("data", (bytes) => {
        if (pair.isSilent) swallowed += bytes.length
        else to?.write(bytes)
      })
      from.on("error", () => from.destroy())
      from.on("close", () => {
        if (!pair.isSilent) to?.destroy()
        if (client.destroyed && (server === undefined || server.destroyed)) pairs.delete(pair)
      })
    }
    pass(client, server)
    if (server !== undefined) pass(server, client)
  }

  const listener = createServer({ noDelay: true }, serve)
  const cut = Effect.sync(() => {
    for (const { client, server } of pairs) {
      client.destroy()
      server?.destroy()
    }
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      listener.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.andThen(
        cut,
        Effect.callback<void>((resume) => {
          listener.close(() => resume(Effect.void))
        })
      )
  )
  const { port } = listener.address() as AddressInfo

  return {
    baseUrl: `http://127.0.0.1:${port}`,
    /** Silences open and new connections without closing them. */
    silence: Effect.sync(() => {
      silent = true
      for (const pair of pairs) pair.isSilent = true
    }),
    /** Serves new connections again. Silenced ones stay silent. */
    forward: Effect.sync(() => {
      silent = false
    }),
    /** Resets every open connection. */
    cut,
    /** Accepted connections so far. */
    accepted: () => accepted,
    /** Discarded bytes so far. */
    swallowed: () => swallowed,
    /** Connections that clients still hold open. */
    held: () => Array.from(pairs).filter(({ client }) => !client.destroyed && !client.readableEnded).length
  }
})

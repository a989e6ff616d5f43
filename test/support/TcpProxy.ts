/**
 * A TCP proxy on this machine that passes bytes on until it is told to fall silent: then it swallows everything in both
 * directions and tells nobody, not even that one side has gone.
 */
import * as Effect from "effect/Effect"
import { connect, createServer, type AddressInfo, type Socket } from "node:net"

interface Pair {
  readonly client: Socket
  readonly server: Socket | undefined
  /** Once swallowed, always: a stream with a hole in it is of no use. */
  isSilent: boolean
}

/** In front of a server at this address. */
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
    /** Says nothing any more, over what is open and over what will be opened, and closes nothing. */
    silence: Effect.sync(() => {
      silent = true
      for (const pair of pairs) pair.isSilent = true
    }),
    /** Serves new connections again. What fell silent stays so. */
    forward: Effect.sync(() => {
      silent = false
    }),
    /** Breaks everything off that is open. */
    cut,
    /** How many connections there were. */
    accepted: () => accepted,
    /** How many bytes went nowhere. */
    swallowed: () => swallowed,
    /** How many connections the clients still hold open. */
    held: () => Array.from(pairs).filter(({ client }) => !client.destroyed && !client.readableEnded).length
  }
})

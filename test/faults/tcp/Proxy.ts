/**
 * A TCP proxy that fails as networks do: it cuts, falls silent in one or both directions, stalls and delivers late, holds
 * new connections up, and tears what it passes on into pieces.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as FiberSet from "effect/FiberSet"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"

export type Direction = "up" | "down"

interface Pair {
  readonly client: Socket
  readonly server: Socket
  /** What is swallowed, for as long as the pair lives. */
  readonly silent: Record<Direction, boolean>
  /** How many bytes more the client gets before both ends are reset. */
  cutAfter: number
}

/** A listener of its own in front of the backend, for one client. */
export const make = Effect.fnUntraced(function* (port: number) {
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const pairs = new Set<Pair>()
  const run = yield* FiberSet.makeRuntime<never>()
  /** Until when each trouble lasts. */
  const until = { up: 0, down: 0, holds: 0, refused: 0, upSilent: 0, downSilent: 0, torn: 0 }
  let heldFor = 0
  let swallowed = 0

  /** Waits for the end of a stall, however often that moves. */
  const wait = (isOver: () => number): Effect.Effect<void> =>
    Effect.suspend(() => {
      const left = isOver() - now()
      return left > 0 ? Effect.andThen(Effect.sleep(Math.min(left, 250)), wait(isOver)) : Effect.void
    })

  const pass = Effect.fnUntraced(function* (pair: Pair, direction: Direction, heldUntil: number) {
    const [from, to] = direction === "up" ? [pair.client, pair.server] : [pair.server, pair.client]
    const queue = yield* Queue.unbounded<Uint8Array | "end">()
    from.on("data", (bytes: Uint8Array) => Queue.offerUnsafe(queue, bytes))
    from.on("error", () => from.destroy())
    from.on("close", () => Queue.offerUnsafe(queue, "end"))
    yield* wait(() => heldUntil)
    while (true) {
      const bytes = yield* Queue.take(queue)
      yield* wait(() => until[direction])
      if (pair.silent[direction]) swallowed += bytes.length
      if (bytes === "end") break
      if (pair.silent[direction]) continue
      if (direction === "down" && pair.cutAfter < bytes.length) {
        to.write(bytes.subarray(0, pair.cutAfter), () => to.resetAndDestroy())
        from.resetAndDestroy()
        break
      }
      if (direction === "down") pair.cutAfter -= bytes.length
      const size = until.torn > now() ? Math.max(1, Math.ceil(bytes.length / 7)) : bytes.length
      for (let at = 0; at < bytes.length; at += size) {
        if (at > 0) yield* Effect.sleep(5)
        to.write(bytes.subarray(at, at + size))
      }
    }
    if (!pair.silent[direction]) to.end()
    if (pair.client.destroyed && pair.server.destroyed) pairs.delete(pair)
  })

  const listener = createServer({ noDelay: true }, (client) => {
    client.on("error", () => client.destroy())
    if (until.refused > now()) return client.resetAndDestroy()
    const server = connect({ port, host: "127.0.0.1", noDelay: true })
    const silent = { up: until.upSilent > now(), down: until.downSilent > now() }
    const pair: Pair = { client, server, silent, cutAfter: Infinity }
    pairs.add(pair)
    run(pass(pair, "up", until.holds > now() ? now() + heldFor : 0))
    run(pass(pair, "down", 0))
  })
  const destroy = (pair: Pair) => {
    pair.client.resetAndDestroy()
    pair.server.resetAndDestroy()
    pairs.delete(pair)
  }
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      listener.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.sync(() => {
        listener.close()
        for (const pair of pairs) destroy(pair)
      })
  )

  return {
    baseUrl: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    /** Resets every open connection. */
    cut: () => {
      for (const pair of pairs) destroy(pair)
    },
    /** Resets each open connection in the midst of what the backend sends next. */
    cutWithin: (bytes: number) => {
      for (const pair of pairs) pair.cutAfter = bytes
    },
    /** Silences open connections for good, and connections that are opened meanwhile. */
    silence: (directions: ReadonlyArray<Direction>, millis: number) => {
      for (const direction of directions) {
        until[direction === "up" ? "upSilent" : "downSilent"] = now() + millis
        for (const pair of pairs) pair.silent[direction] = true
      }
    },
    /** Holds everything back, and delivers it afterwards. */
    stall: (directions: ReadonlyArray<Direction>, millis: number) => {
      for (const direction of directions) until[direction] = now() + millis
    },
    /** What clients write on connections that they open meanwhile arrives so much later, also where they have given up. */
    hold: (millis: number, late: number) => {
      until.holds = now() + millis
      heldFor = late
    },
    refuse: (millis: number) => {
      until.refused = now() + millis
    },
    /** Passes everything on in small pieces. */
    tear: (millis: number) => {
      until.torn = now() + millis
    },
    /** Ends every trouble; what is silent stays so. */
    heal: () => {
      for (const key of Object.keys(until)) until[key as keyof typeof until] = 0
      for (const pair of pairs) pair.cutAfter = Infinity
    },
    swallowed: () => swallowed
  }
})

export type Proxy = Effect.Success<ReturnType<typeof make>>

/**
 * Many sessions that lose the link together, in virtual time, over a backend that refuses dials for a while.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as HttpClient from "effect/http/HttpClient"
import { type Connection, Transport } from "../../src/http/Transport.ts"
import { KefuConfig } from "../../src/KefuConfig.ts"
import { ConnectionLost, KefuError, NetworkUnreachable } from "../../src/KefuError.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"

/** Over how many milliseconds dials are counted as coming at once. */
export const slot = 100

const lost = new KefuError({ method: "herd", reason: new ConnectionLost({ code: 1006, detail: "" }) })
const refused = new KefuError({ method: "herd", reason: new NetworkUnreachable({ detail: "down" }) })

/**
 * Opens `count` sessions. Once they have lost the link, their dials are refused until `outage`, in milliseconds of virtual
 * time; later ones end as `recovered`.
 */
export const open = Effect.fnUntraced(function* (count: number, outage: number, recovered: Effect.Effect<Connection>) {
  const down = Latch.makeUnsafe(false)
  const dials: Array<number> = []
  const connection: Connection = { pull: Effect.andThen(down.await, Effect.fail(lost)), write: () => Result.void }
  const connect = Effect.flatMap(Clock.currentTimeMillis, (now): Effect.Effect<Connection, typeof refused> => {
    dials.push(now)
    if (!down.isOpen()) return Effect.succeed(connection)
    return now < outage ? Effect.fail(refused) : recovered
  })
  const platform = HttpClient.make(() => Effect.never)
  const network = Layer.effect(
    Transport,
    Effect.map(KefuConfig, (config) =>
      Transport.of({
        baseUrl: config.baseUrl,
        publicHttpClient: platform,
        httpClient: Transport.makeHttpClient(platform, config),
        connect,
        tokenGeneration: Effect.succeed(0),
        tokenChanges: Stream.never,
        fingerprint: Effect.undefined
      })
    )
  )
  const session = Realtime.layer.pipe(
    Layer.provide(network),
    Layer.provide(KefuConfig.layer({ baseUrl: "http://backend.test", catchUp: false })),
    Layer.fresh
  )
  for (let at = 0; at < count; at++) {
    const context = yield* Layer.build(session)
    yield* Effect.provide(
      Realtime.use((realtime) => realtime.open),
      context
    )
  }
  return {
    /** When each dial was made, in milliseconds of virtual time. */
    dials,
    lose: Effect.andThen(
      Effect.sync(() => (dials.length = 0)),
      down.open
    ),
    /** The greatest number of dials in a slot, from a time on. */
    busiest: (from: number) => {
      const slots = new Map<number, number>()
      for (const at of dials) slots.set(Math.floor(at / slot), (slots.get(Math.floor(at / slot)) ?? 0) + 1)
      return Math.max(...Array.from(slots, ([index, dialled]) => (index * slot < from ? 0 : dialled)))
    }
  }
})

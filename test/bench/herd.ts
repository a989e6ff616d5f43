/**
 * Many sessions lose the link together, in virtual time, and the backend refuses dials for a minute: how long after that
 * the last one is back, and how many dials come at once. `node herd.ts COUNT`.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import * as HttpClient from "effect/http/HttpClient"
import * as TestClock from "effect/testing/TestClock"
import { type Connection, Transport } from "../../src/http/Transport.ts"
import { KefuConfig } from "../../src/KefuConfig.ts"
import { ConnectionLost, KefuError, NetworkUnreachable } from "../../src/KefuError.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"

const count = Number(process.argv[2] ?? "5000")

/** Over how many milliseconds dials are counted as coming at once. */
const slot = 100

const outage = 60_000

const lost = new KefuError({ method: "herd", reason: new ConnectionLost({ code: 1006, detail: "" }) })
const refused = new KefuError({ method: "herd", reason: new NetworkUnreachable({ detail: "down" }) })

const program = Effect.gen(function* () {
  const down = Latch.makeUnsafe(false)
  const dials: Array<number> = []
  const back: Array<number> = []
  const connection: Connection = { pull: Effect.andThen(down.await, Effect.fail(lost)), write: () => Effect.void }
  const connect = Effect.flatMap(Clock.currentTimeMillis, (now): Effect.Effect<Connection, typeof refused> => {
    dials.push(now)
    if (!down.isOpen()) return Effect.succeed(connection)
    if (now < outage) return Effect.fail(refused)
    back.push(now)
    return Effect.succeed({ ...connection, pull: Effect.never })
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
  dials.length = 0
  yield* down.open
  // Ends before the heartbeat of the first that are back, to whom nothing answers.
  yield* TestClock.adjust(outage + 20_000)
  const slots = new Map<number, number>()
  for (const at of dials) slots.set(Math.floor(at / slot), (slots.get(Math.floor(at / slot)) ?? 0) + 1)
  return {
    back: back.length,
    lastMillis: Math.max(...back) - outage,
    dials: dials.length,
    peak: Math.max(...slots.values())
  }
}).pipe(Effect.scoped, Random.withSeed("herd"), Effect.provide([TestClock.layer(), Logger.layer([])]))

process.stdout.write(`${JSON.stringify(await Effect.runPromise(program))}\n`)
process.exit(0)

import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as HttpClient from "effect/http/HttpClient"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Latch from "effect/Latch"
import { KefuConfig } from "../../src/KefuConfig.ts"
import { ConnectionLost, KefuError, NetworkUnreachable } from "../../src/KefuError.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import { type Connection, Transport } from "../../src/http/Transport.ts"

const clients = 10_000
const outage = 120_000
const slot = 100

describe("a herd", () => {
  it.effect(
    "CONN-2 10,000 clients that lose their connection at once spread their dials",
    () =>
      Effect.gen(function* () {
        const down = Latch.makeUnsafe(false)
        const dials: Array<number> = []
        const lost = new KefuError({ method: "test", reason: new ConnectionLost({ code: 1006, detail: "" }) })
        const refused = new KefuError({ method: "test", reason: new NetworkUnreachable({ detail: "down" }) })
        const connection: Connection = {
          pull: Effect.andThen(down.await, Effect.fail(lost)),
          write: () => Effect.void
        }
        const connect = Effect.flatMap(Clock.currentTimeMillis, (now) => {
          dials.push(now)
          if (!down.isOpen()) return Effect.succeed(connection)
          return now < outage ? Effect.fail(refused) : Effect.never
        })
        const platform = HttpClient.make(() => Effect.never)
        const Network = Layer.effect(
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
        const Client = Realtime.layer.pipe(
          Layer.provide(Network),
          Layer.provide(KefuConfig.layer({ baseUrl: "http://backend.test", catchUp: false })),
          Layer.fresh
        )
        yield* Effect.forEach(
          Array.from({ length: clients }),
          () =>
            Layer.build(Client).pipe(
              Effect.flatMap((context) =>
                Effect.provide(
                  Realtime.use((_) => _.open),
                  context
                )
              )
            ),
          { discard: true }
        )
        assert.strictEqual(dials.length, clients)
        dials.length = 0
        yield* down.open
        yield* TestClock.adjust("150 seconds")
        const slots = new Map<number, number>()
        for (const at of dials) slots.set(Math.floor(at / slot), (slots.get(Math.floor(at / slot)) ?? 0) + 1)
        const busiest = Math.max(...Array.from(slots, ([index, count]) => (index * slot < 1000 ? 0 : count)))
        const share = busiest / dials.length
        console.log(
          `herd: ${clients} clients made ${dials.length} dials; after the first second the busiest ${slot} ms slot saw ` +
            `${busiest} of them, ${(100 * share).toFixed(2)} %`
        )
        assert.isAtLeast(dials.length, 10 * clients)
        assert.isAtMost(share, 0.01)
      }).pipe(Random.withSeed("herd")),
    3_600_000
  )
})

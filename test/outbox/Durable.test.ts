import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import { OutboxKey } from "../../src/outbox/OutboxEntry.ts"
import { StrictStore } from "../../src/outbox/strictStore.ts"
import { message, pass, settle } from "../support/Gateway.ts"
import { Desk, failure, handle, messagesOf, text } from "../support/OutboxDesk.ts"
import { makeGatedStore, makeMortalStore, makeStore, start, storedIn } from "../support/OutboxStore.ts"
import * as WallClock from "../support/WallClock.ts"

const never = { write: Infinity, bytes: 0 }

/**
 * A person says "a", whose ack arrives, and "b", whose ack does not, and the process dies in the midst of a write. Gives
 * what the app was told to be accepted.
 */
const live = Effect.fnUntraced(function* (store: ReturnType<typeof makeMortalStore>, desk: Desk) {
  const accepted: Array<string> = []
  const session = yield* Effect.forkDetach(start(store, desk), { startImmediately: true })
  yield* settle
  if (session.pollUnsafe() === undefined) return accepted
  const { gateway, outbox } = yield* Fiber.join(session)
  for (const content of ["a", "b"]) {
    yield* Effect.forkDetach(
      Effect.map(outbox.enqueue(text(content)), () => accepted.push(content)),
      { startImmediately: true }
    )
    yield* settle
  }
  const process = Effect.gen(function* () {
    const connection = yield* gateway.accept
    yield* handle(desk, connection)
    desk.handle(yield* message(connection))
  })
  const serving = yield* Effect.forkDetach(process, { startImmediately: true })
  yield* settle
  yield* Fiber.interrupt(serving)
  return [...accepted]
})

/** Starts again with what the store holds, and handles everything that comes. */
const revive = Effect.fnUntraced(function* (map: Map<string, string>, desk: Desk) {
  const { gateway, outbox, stop } = yield* start(makeStore(map), desk)
  const serving = yield* Effect.forkChild(
    Effect.flatMap(gateway.accept, (connection) => Effect.forever(handle(desk, connection)))
  )
  yield* pass("1 second")
  yield* pass("1 second")
  const entries = yield* outbox.entries
  yield* Fiber.interrupt(serving)
  yield* stop
  return entries
})

describe("a process that is killed in the middle of a write", () => {
  it.effect(
    "has lost none of the sends that it accepted, and sends none of them twice",
    () =>
      Effect.gen(function* () {
        const whole = makeMortalStore(new Map(), never)
        assert.deepStrictEqual(yield* live(whole, new Desk(7)), ["a", "b"])
        assert.isAtLeast(whole.writes.length, 4)
        for (const [index, value] of whole.writes.entries()) {
          for (const bytes of [0, 1, value.length >> 1, value.length - 1]) {
            const map = new Map<string, string>()
            const desk = new Desk(7)
            const accepted = yield* live(makeMortalStore(map, { write: index + 1, bytes }), desk)
            const entries = yield* revive(map, desk)
            const place = `write ${index + 1}, ${bytes} bytes of ${value}`
            assert.deepStrictEqual(entries, [], place)
            for (const content of accepted) assert.include(desk.texts(), content, place)
            assert.deepStrictEqual(
              desk.texts(),
              ["a", "b"].filter((content) => desk.texts().includes(content)),
              place
            )
          }
        }
      }).pipe(Effect.provide(Logger.layer([]))),
    60_000
  )
})

describe("a store", () => {
  it.effect("holds sends made offline before the first connection, which go out after a restart in their order", () =>
    Effect.gen(function* () {
      const map = new Map<string, string>()
      const desk = new Desk(7)
      desk.override = () => Effect.never
      const first = yield* start(makeMortalStore(map, never), desk)
      const said = ["1", "2", "3", "4", "5"]
      for (const content of said) yield* first.outbox.enqueue(text(content))
      assert.deepStrictEqual(storedIn({ map }), said)
      // The process is killed: nothing of it is closed.
      const online = new Desk(7)
      assert.deepStrictEqual(yield* revive(map, online), [])
      assert.deepStrictEqual(online.texts(), said)
    })
  )

  it.effect(
    "holds a send as waiting that the lost connection did not take, although nobody knows what it follows",
    () =>
      Effect.gen(function* () {
        const store = makeStore()
        const desk = new Desk(7)
        desk.override = ({ path }) => (path === "/im/conversations" ? Effect.never : undefined)
        const first = yield* start(store, desk)
        yield* first.outbox.enqueue(text("a", null))
        const connection = yield* first.gateway.accept
        yield* pass("1 second")
        yield* connection.close(1006)
        yield* pass("5 seconds")
        assert.deepStrictEqual(yield* messagesOf(connection), [])
        desk.override = () => undefined
        assert.deepStrictEqual(yield* revive(new Map(store.map), desk), [])
        assert.deepStrictEqual(desk.texts(), ["a"])
        yield* first.stop
      })
  )

  it.effect("is written at most twice for a send", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const { gateway, outbox, stop } = yield* start(store, desk)
      yield* outbox.enqueue(text("first"))
      const connection = yield* gateway.accept
      yield* handle(desk, connection)
      yield* settle
      const before = store.writes
      for (let number = 0; number < 20; number++) {
        const { key } = yield* outbox.enqueue(text(`${number}`))
        yield* handle(desk, connection)
        yield* outbox.result(key)
      }
      assert.isAtMost(store.writes - before, 40)
      yield* stop
    })
  )

  it.effect("gives the outcome of a send by its own key after a restart, once it has taken it over", () =>
    Effect.gen(function* () {
      const map = new Map<string, string>()
      const desk = new Desk(7)
      const key = OutboxKey.make("mine")
      const first = yield* start(makeMortalStore(map, never), desk)
      assert.strictEqual((yield* first.outbox.enqueue(text("a"), { key })).key, key)
      assert.strictEqual((yield* first.outbox.enqueue(text("b"), { key })).key, key)
      assert.deepStrictEqual(storedIn({ map }), ["a"])
      // The process is killed: nothing of it is closed.
      const { gateway, outbox, stop } = yield* start(makeStore(map), desk)
      const mine = yield* Effect.forkChild(outbox.result(key))
      const other = yield* Effect.forkChild(Effect.flip(outbox.result(OutboxKey.make("other"))))
      yield* pass("1 second")
      assert.isUndefined(mine.pollUnsafe())
      assert.isUndefined(other.pollUnsafe())
      yield* handle(desk, yield* gateway.accept)
      yield* pass("1 second")
      assert.deepStrictEqual(desk.texts(), ["a"])
      assert.strictEqual((yield* Fiber.join(mine)).key, key)
      assert.strictEqual((yield* Fiber.join(other)).reason._tag, "NotFound")
      yield* stop
    })
  )

  it.effect("hands nothing over that a strict store does not hold, and waits for it as long as it takes", () =>
    Effect.gen(function* () {
      const store = makeGatedStore(new Map())
      const desk = new Desk(7)
      const { gateway, outbox, stop } = yield* Effect.provideService(start(store, desk), StrictStore, {
        settle: () => Effect.void
      })
      yield* outbox.enqueue(text("a"))
      const connection = yield* gateway.accept
      yield* handle(desk, connection)
      yield* pass("1 second")
      yield* store.gate.close
      const second = yield* Effect.forkChild(outbox.enqueue(text("b")))
      yield* pass("10 seconds")
      assert.deepStrictEqual(yield* messagesOf(connection), ["a"])
      yield* store.gate.open
      yield* handle(desk, connection)
      yield* Fiber.join(second)
      assert.deepStrictEqual(desk.texts(), ["a", "b"])
      yield* stop
    })
  )

  it.effect("keeps an expired send for the app to retry after a restart", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const first = yield* start(store, desk)
      const { key } = yield* first.outbox.enqueue(text("a"))
      yield* pass("5 minutes")
      assert.strictEqual((yield* failure(first.outbox.result(key)))._tag, "OutboxExpired")
      yield* first.stop
      const second = yield* start(store, desk)
      const connection = yield* second.gateway.accept
      yield* pass("1 second")
      assert.strictEqual((yield* failure(second.outbox.result(key)))._tag, "OutboxExpired")
      yield* second.outbox.retry(key)
      yield* handle(desk, connection)
      yield* second.outbox.result(key)
      yield* second.stop
      assert.deepStrictEqual(storedIn(store), [])
    })
  )

  it.effect("does not send after a restart what has expired, although the wall clock was set back", () =>
    Effect.gen(function* () {
      const clock = yield* WallClock.make
      yield* Effect.gen(function* () {
        const store = makeStore()
        const desk = new Desk(7)
        const first = yield* start(store, desk)
        const { key } = yield* first.outbox.enqueue(text("a"))
        yield* pass("5 minutes")
        assert.strictEqual((yield* failure(first.outbox.result(key)))._tag, "OutboxExpired")
        yield* clock.jump("-1 hour")
        const second = yield* start(store, desk)
        const connection = yield* second.gateway.accept
        const serving = yield* Effect.forkChild(Effect.forever(handle(desk, connection)))
        yield* pass("1 second")
        assert.strictEqual((yield* failure(second.outbox.result(key)))._tag, "OutboxExpired")
        assert.deepStrictEqual(desk.texts(), [])
        yield* Fiber.interrupt(serving)
      }).pipe(clock.run)
    })
  )
})

describe("a store that fails", () => {
  const ways: ReadonlyArray<readonly [name: string, fail: (store: ReturnType<typeof makeStore>) => void]> = [
    ["has no more room after the first sends", (store) => (store.broken = true)],
    ["throws when it is read", (store) => (store.unreadable = true)],
    ["throws at everything", (store) => (store.unreadable = store.broken = true)]
  ]
  for (const [name, fail] of ways) {
    for (const when of ["from the beginning", "in between"] as const) {
      it.effect(`because it ${name}, ${when}, holds nothing up and is logged once`, () =>
        Effect.gen(function* () {
          const logged: Array<unknown> = []
          const logger = Logger.layer([Logger.make(({ message }) => logged.push(message))])
          yield* Effect.gen(function* () {
            const store = makeStore()
            const desk = new Desk(7)
            if (when === "from the beginning") fail(store)
            const { gateway, outbox, stop } = yield* start(store, desk)
            yield* outbox.enqueue(text("a"))
            yield* outbox.enqueue(text("b"))
            const connection = yield* gateway.accept
            yield* handle(desk, connection)
            if (when === "in between") fail(store)
            yield* handle(desk, connection)
            const { key } = yield* outbox.enqueue(text("c"))
            yield* handle(desk, connection)
            yield* outbox.result(key)
            assert.deepStrictEqual(desk.texts(), ["a", "b", "c"])
            yield* stop
          }).pipe(Effect.provide(logger))
          assert.strictEqual(logged.filter((line) => String(line).includes("without persistence")).length, 1)
        })
      )
    }
  }

  it.effect("in that it keeps only half of what is written takes nothing for the work of another session", () =>
    Effect.gen(function* () {
      const store = makeStore()
      store.torn = true
      const desk = new Desk(7)
      const { gateway, outbox } = yield* start(store, desk)
      const { key } = yield* outbox.enqueue(text("a"))
      const connection = yield* gateway.accept
      yield* handle(desk, connection)
      assert.strictEqual((yield* outbox.result(key)).state._tag, "Sent")
      assert.deepStrictEqual(desk.texts(), ["a"])
    }).pipe(Effect.provide(Logger.layer([])))
  )

  it.effect("in that it keeps only half of what is written leaves no send unknown because of an earlier session", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const killed = yield* start(store, desk)
      yield* killed.outbox.enqueue(text("a"))
      yield* handle(desk, yield* killed.gateway.accept)
      yield* settle
      store.torn = true
      const { gateway, outbox, stop } = yield* start(store, desk)
      const { key } = yield* outbox.enqueue(text("b"))
      const connection = yield* gateway.accept
      yield* pass("1 second")
      yield* message(connection)
      yield* connection.close(1006)
      yield* pass("1 millis")
      const next = yield* gateway.accept
      yield* pass("1 second")
      yield* handle(desk, next)
      assert.strictEqual((yield* outbox.result(key)).id, 103)
      yield* Effect.all([stop, killed.stop])
    })
  )

  it.effect("in that it never answers holds a send up for two seconds, and the next ones not at all", () =>
    Effect.gen(function* () {
      const desk = new Desk(7)
      const store = makeMortalStore(new Map(), { write: 1, bytes: 0 })
      store.isDead = true
      const { gateway, outbox } = yield* start(store, desk)
      const first = yield* Effect.forkChild(outbox.send(text("a")), { startImmediately: true })
      yield* pass("2 seconds")
      const connection = yield* gateway.accept
      yield* pass("2 seconds")
      yield* handle(desk, connection)
      yield* Fiber.join(first)
      const second = yield* Effect.forkChild(outbox.send(text("b")), { startImmediately: true })
      yield* handle(desk, connection)
      yield* Fiber.join(second)
      assert.deepStrictEqual(desk.texts(), ["a", "b"])
    }).pipe(Effect.provide(Logger.layer([])))
  )
})

describe("a store that does not respond for a while", () => {
  /** Says something offline while the store does not respond. */
  const sayInSilence = Effect.fnUntraced(function* (map: Map<string, string>, contents: ReadonlyArray<string>) {
    const store = makeGatedStore(map)
    const desk = new Desk(7)
    desk.override = () => Effect.never
    const { outbox } = yield* start(store, desk)
    yield* outbox.enqueue(text("before"))
    store.gate.closeUnsafe()
    for (const content of contents) {
      yield* Effect.forkDetach(outbox.enqueue(text(content)), { startImmediately: true })
      yield* pass("2 seconds")
    }
    store.gate.openUnsafe()
    yield* settle
    return outbox
  })

  it.effect("holds what was said meanwhile and later as soon as it responds, without a new connection", () =>
    Effect.gen(function* () {
      const map = new Map<string, string>()
      const outbox = yield* sayInSilence(map, ["during", "still"])
      yield* outbox.enqueue(text("after"))
      // The process is killed: nothing of it is closed.
      const online = new Desk(7)
      assert.deepStrictEqual(yield* revive(map, online), [])
      assert.deepStrictEqual(online.texts(), ["before", "during", "still", "after"])
    }).pipe(Effect.provide(Logger.layer([])))
  )

  it.effect("holds nothing that the app has cancelled meanwhile", () =>
    Effect.gen(function* () {
      const map = new Map<string, string>()
      const store = makeGatedStore(map)
      const desk = new Desk(7)
      desk.override = () => Effect.never
      const { outbox } = yield* start(store, desk)
      const { key } = yield* outbox.enqueue(text("before"))
      store.gate.closeUnsafe()
      yield* Effect.forkDetach(outbox.enqueue(text("during")), { startImmediately: true })
      yield* pass("2 seconds")
      for (const entry of yield* outbox.entries) yield* outbox.cancel(entry.key)
      assert.strictEqual((yield* failure(outbox.result(key)))._tag, "Cancelled")
      store.gate.openUnsafe()
      yield* settle
      assert.deepStrictEqual(storedIn(store), [])
    }).pipe(Effect.provide(Logger.layer([])))
  )

  it.effect("does not make a message go out again that arrived meanwhile", () =>
    Effect.gen(function* () {
      const map = new Map<string, string>()
      const store = makeGatedStore(map, { areReadsFree: true })
      const desk = new Desk(7)
      const { gateway, outbox } = yield* start(store, desk)
      const connection = yield* Effect.andThen(outbox.enqueue(text("a")), gateway.accept)
      yield* handle(desk, connection)
      yield* settle
      store.gate.closeUnsafe()
      const sending = yield* Effect.forkChild(outbox.send(text("b")), { startImmediately: true })
      yield* pass("2 seconds")
      yield* pass("2 seconds")
      yield* handle(desk, connection)
      yield* Fiber.join(sending)
      store.gate.openUnsafe()
      yield* settle
      assert.deepStrictEqual(storedIn(store), [])
      assert.deepStrictEqual(yield* revive(map, desk), [])
      assert.deepStrictEqual(desk.texts(), ["a", "b"])
    }).pipe(Effect.provide(Logger.layer([])))
  )

  const left = Effect.fnUntraced(function* () {
    const map = new Map<string, string>()
    const outbox = yield* sayInSilence(map, [])
    yield* outbox.enqueue(text("left"))
    return map
  })

  it.effect("gives what an earlier session left as soon as it responds, over the connection that there is", () =>
    Effect.gen(function* () {
      const store = makeGatedStore(yield* left())
      const desk = new Desk(7)
      const { gateway, outbox } = yield* start(store, desk)
      yield* settle
      store.gate.closeUnsafe()
      const connection = yield* gateway.accept
      yield* pass("2 seconds")
      yield* pass("2 seconds")
      yield* pass("2 seconds")
      store.gate.openUnsafe()
      const serving = yield* Effect.forkChild(Effect.forever(handle(desk, connection)))
      yield* settle
      assert.deepStrictEqual(desk.texts(), ["before", "left"])
      assert.deepStrictEqual(yield* outbox.entries, [])
      yield* Fiber.interrupt(serving)
    }).pipe(Effect.provide(Logger.layer([])))
  )

  it.effect("at the start shows and sends what an earlier session left once it responds", () =>
    Effect.gen(function* () {
      const store = makeGatedStore(yield* left())
      store.gate.closeUnsafe()
      const desk = new Desk(7)
      const { gateway, outbox } = yield* start(store, desk)
      yield* pass("1 minute")
      store.gate.openUnsafe()
      yield* settle
      const shown = yield* outbox.entries
      assert.deepStrictEqual(
        shown.map(({ draft }) => draft.content),
        ["before", "left"]
      )
      const connection = yield* gateway.accept
      const serving = yield* Effect.forkChild(Effect.forever(handle(desk, connection)))
      yield* settle
      assert.deepStrictEqual(desk.texts(), ["before", "left"])
      yield* Fiber.interrupt(serving)
    }).pipe(Effect.provide(Logger.layer([])))
  )
})

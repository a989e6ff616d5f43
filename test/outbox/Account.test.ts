import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Realtimes from "../../src/realtime/Realtime.ts"
import { MessageId } from "../../src/domain/Id.ts"
import { accept, message, pass, push, replace, settle, text as received } from "../support/Gateway.ts"
import * as Gateway from "../support/Gateway.ts"
import { Desk, failure, handle, me, messagesOf, open, reaches, text } from "../support/OutboxDesk.ts"
import { makeStore, start, storedIn } from "../support/OutboxStore.ts"
import * as WallClock from "../support/WallClock.ts"

describe("an account that is replaced by another one", () => {
  it.effect("leaves what was under way unknown, and sends what waits with the new account", () =>
    Effect.gen(function* () {
      const desk = new Desk()
      const { gateway, outbox } = yield* open(desk)
      const first = yield* outbox.enqueue(text("a", null))
      const second = yield* outbox.enqueue(text("b", null))
      const connection = yield* gateway.accept
      desk.handle(yield* message(connection))
      // The new visitor has another id, and no conversation yet.
      const others = new Desk()
      others.account = 9
      others.ids = 200
      yield* gateway.respond(others.respond)
      yield* gateway.replaceToken
      const next = yield* replace(connection)
      yield* pass("1 second")
      assert.strictEqual((yield* failure(outbox.result(first.key)))._tag, "DeliveryUnknown")
      yield* handle(others, next)
      yield* outbox.result(second.key)
      assert.deepStrictEqual([desk.texts(), others.texts()], [["a"], ["b"]])
    }).pipe(Effect.provide(Gateway.layer()))
  )

  it.effect("takes the waiting sends along in the store", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const first = yield* start(store, desk)
      yield* first.outbox.enqueue(text("a"))
      yield* first.outbox.enqueue(text("b"))
      const connection = yield* first.gateway.accept
      yield* message(connection)
      const others = new Desk(7)
      others.account = 9
      yield* first.gateway.respond(others.respond)
      yield* first.gateway.replaceToken
      yield* connection.close(1006)
      yield* pass("1 millis")
      yield* message(yield* first.gateway.accept)
      yield* settle
      yield* first.stop
      const second = yield* start(store, others)
      yield* second.gateway.replaceToken
      const again = yield* second.gateway.accept
      yield* pass("1 second")
      yield* handle(others, again)
      yield* settle
      assert.deepStrictEqual(others.texts(), ["b"])
      yield* second.stop
    })
  )

  it.effect("takes along what nobody has taken over, though another session has come and gone", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const first = yield* start(store, desk)
      yield* first.outbox.enqueue(text("a"))
      const connection = yield* first.gateway.accept
      yield* handle(desk, connection)
      yield* settle
      const second = yield* start(store, desk)
      yield* Effect.forkChild(second.outbox.enqueue(text("b")))
      const other = yield* second.gateway.accept
      yield* pass("1 second")
      yield* handle(desk, other)
      yield* connection.push({ eventType: "MultipleLogin" })
      yield* settle
      yield* second.stop
      yield* Effect.forkChild(first.realtime.takeOver)
      yield* settle
      const { key } = yield* first.outbox.enqueue(text("c"))
      const others = new Desk(7)
      others.account = 9
      others.ids = 200
      yield* first.gateway.respond(others.respond)
      yield* first.gateway.replaceToken
      const back = yield* first.gateway.accept
      yield* pass("2 seconds")
      assert.deepStrictEqual(
        (yield* first.outbox.entries).map(({ state }) => state._tag),
        ["Sending"]
      )
      yield* handle(others, back)
      assert.isAbove((yield* first.outbox.result(key)).id, 200)
      assert.deepStrictEqual([desk.texts(), others.texts()], [["a", "b"], ["c"]])
      yield* first.stop
    })
  )

  for (const isReadable of [true, false]) {
    const told = isReadable ? "and tells what became of it" : "also where the store no longer tells"
    it.effect(`does not take along what another session has taken over, ${told}`, () =>
      Effect.gen(function* () {
        const store = makeStore()
        const desk = new Desk(7)
        const first = yield* dialling(store, desk)
        const keys = yield* Effect.forEach(["b", "c", "d"], (content) => first.outbox.enqueue(text(content)))
        const connection = yield* first.gateway.accept
        const second = yield* start(store, desk)
        const taking = yield* second.gateway.accept
        yield* connection.push({ eventType: "MultipleLogin" })
        yield* pass("1 second")
        yield* handle(desk, taking)
        yield* handle(desk, taking)
        yield* message(taking)
        const others = new Desk(7)
        others.account = 9
        others.ids = 200
        yield* first.gateway.respond(others.respond)
        yield* first.gateway.replaceToken
        for (const name of store.map.keys()) {
          if (!isReadable && name.includes(`/${me}/index-`)) store.map.set(name, "{")
        }
        yield* Effect.forkChild(first.realtime.takeOver)
        const back = yield* first.gateway.accept
        yield* pass("2 seconds")
        assert.deepStrictEqual(yield* messagesOf(back), [])
        const outcomes = yield* Effect.forEach(keys, ({ key }) => Effect.exit(first.outbox.result(key)))
        assert.deepStrictEqual(
          outcomes.map((exit) => (Exit.isSuccess(exit) ? exit.value.id : "unknown")),
          ["unknown", isReadable ? 104 : "unknown", "unknown"]
        )
        yield* Effect.all([first.stop, second.stop])
      })
    )
  }
})

/** A session that has sent "a" and dials again, so that what it accepts waits. */
const dialling = Effect.fnUntraced(function* (store: ReturnType<typeof makeStore>, desk: Desk) {
  const session = yield* start(store, desk)
  yield* session.outbox.enqueue(text("a"))
  yield* handle(desk, yield* session.gateway.accept)
  yield* settle
  yield* session.realtime.close
  yield* Effect.forkChild(session.realtime.open)
  yield* settle
  return session
})

describe("sessions of one account that share a store", () => {
  it.effect("tell each other what arrived, so that equal messages are not mistaken for each other", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const first = yield* start(store, desk)
      const lost = yield* first.outbox.enqueue(text("ok"))
      const old = yield* first.gateway.accept
      yield* message(old)
      const second = yield* start(store, desk)
      const own = yield* second.outbox.enqueue(text("ok"))
      const connection = yield* second.gateway.accept
      yield* old.push({ eventType: "MultipleLogin" })
      yield* pass("1 second")
      yield* handle(desk, connection)
      yield* handle(desk, connection)
      const ownId = (yield* second.outbox.result(own.key)).id
      yield* Effect.forkChild(first.realtime.takeOver)
      const back = yield* first.gateway.accept
      yield* pass("2 seconds")
      const lostId = (yield* first.outbox.result(lost.key)).id
      assert.notStrictEqual(ownId, lostId)
      assert.deepStrictEqual(yield* messagesOf(back), [])
      assert.deepStrictEqual(desk.texts(), ["ok", "ok"])
      yield* Effect.all([first.stop, second.stop])
    })
  )

  it.effect("leave the other's sends alone where the connection ends before they are taken over", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const first = yield* dialling(store, desk)
      const { key } = yield* first.outbox.enqueue(text("b"))
      const second = yield* start(store, desk)
      const connection = yield* second.gateway.accept
      yield* pass("1 second")
      const frame = yield* message(connection)
      const before = new Map(store.map)

      const brief = yield* first.gateway.accept
      yield* connection.push({ eventType: "MultipleLogin" })
      yield* pass("500 millis")
      yield* brief.close(1006)
      yield* pass("5 seconds")
      assert.deepStrictEqual(store.map, before)

      desk.handle(frame)
      yield* first.gateway.accept
      yield* pass("2 seconds")
      assert.strictEqual((yield* first.outbox.result(key)).id, 103)
      assert.deepStrictEqual(desk.texts(), ["a", "b"])
      yield* Effect.all([first.stop, second.stop])
    })
  )

  it.effect("learn what one that is closed by now has done with their sends, and take over what it left", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const first = yield* dialling(store, desk)
      const { key } = yield* first.outbox.enqueue(text("b"))
      const second = yield* start(store, desk)
      const connection = yield* second.gateway.accept
      yield* pass("1 second")
      yield* handle(desk, connection)
      yield* settle
      yield* connection.close(1006)
      yield* settle
      yield* second.outbox.enqueue(text("c"))
      yield* second.stop

      const back = yield* first.gateway.accept
      yield* pass("2 seconds")
      assert.strictEqual((yield* first.outbox.result(key)).id, 103)
      yield* handle(desk, back)
      yield* settle
      assert.deepStrictEqual(yield* messagesOf(back), ["c"])
      assert.deepStrictEqual(desk.texts(), ["a", "b", "c"])
      yield* first.stop
    })
  )

  it.effect("keep the order in which one of them accepted its sends, also of those that another takes over later", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const first = yield* dialling(store, desk)
      yield* first.outbox.enqueue(text("b"))
      yield* first.outbox.enqueue(text("c"))
      const second = yield* start(store, desk)
      const connection = yield* second.gateway.accept
      yield* pass("1 second")
      yield* message(connection)
      yield* connection.close(1006)
      yield* settle
      const brief = yield* first.gateway.accept
      yield* pass("1 second")
      yield* brief.close(1006)
      yield* settle
      yield* first.outbox.enqueue(text("d"))
      const last = yield* second.gateway.accept
      yield* pass("1 second")
      yield* pass("1 second")
      for (const _ of ["b", "c", "d"]) yield* handle(desk, last)
      assert.deepStrictEqual(desk.texts(), ["a", "b", "c", "d"])
      yield* Effect.all([first.stop, second.stop])
    })
  )

  for (const connects of [true, false]) {
    it.effect(
      `keep the order of restarts, also if the last was killed ${connects ? "after" : "before"} a connection`,
      () =>
        Effect.gen(function* () {
          const map = new Map<string, string>()
          const desk = new Desk(7)
          const first = yield* dialling(makeStore(map), desk)
          yield* first.outbox.enqueue(text("b"))
          yield* first.outbox.enqueue(text("c"))
          const left = new Map(map)
          const second = yield* start(makeStore(left), desk)
          if (!connects) yield* settle
          yield* second.outbox.enqueue(text("d"))
          if (connects) yield* second.gateway.accept
          yield* pass("1 second")
          const third = yield* start(makeStore(new Map(left)), desk)
          const connection = yield* third.gateway.accept
          yield* pass("1 second")
          yield* pass("1 second")
          for (const _ of ["b", "c", "d"]) yield* handle(desk, connection)
          assert.deepStrictEqual(desk.texts(), ["a", "b", "c", "d"])
          yield* Effect.all([first.stop, second.stop, third.stop])
        })
    )
  }

  it.effect("keep the order of the sends also where the store has failed for some of them", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const first = yield* dialling(store, desk)
      yield* first.outbox.enqueue(text("b"))
      store.broken = true
      yield* first.outbox.enqueue(text("c"))
      store.broken = false
      yield* first.outbox.enqueue(text("d"))
      const second = yield* start(store, desk)
      const connection = yield* second.gateway.accept
      yield* pass("1 second")
      for (const _ of ["b", "c", "d"]) yield* handle(desk, connection)
      assert.deepStrictEqual(desk.texts(), ["a", "b", "c", "d"])
      yield* Effect.all([first.stop, second.stop])
    })
  )

  it.effect("agree on what has expired by a wall clock that is set, so that nothing goes out after later sends", () =>
    Effect.gen(function* () {
      const clock = yield* WallClock.make
      yield* Effect.gen(function* () {
        const store = makeStore()
        const desk = new Desk(7)
        const first = yield* dialling(store, desk)
        const { key } = yield* first.outbox.enqueue(text("b"))
        yield* clock.jump("1 hour")
        yield* first.outbox.enqueue(text("c"))
        const second = yield* start(store, desk)
        const connection = yield* second.gateway.accept
        yield* pass("1 second")
        yield* handle(desk, connection)
        const back = yield* first.gateway.accept
        yield* pass("1 second")
        assert.deepStrictEqual(yield* messagesOf(back), [])
        assert.strictEqual((yield* failure(first.outbox.result(key)))._tag, "OutboxExpired")
        assert.deepStrictEqual(desk.texts(), ["a", "c"])
        yield* Effect.all([first.stop, second.stop])
      }).pipe(clock.run)
    })
  )

  it.effect("leave a stored send unknown where the store no longer tells what the other one has done with it", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const first = yield* start(store, desk)
      yield* first.outbox.enqueue(text("a"))
      const old = yield* first.gateway.accept
      yield* message(old)
      const { key } = yield* first.outbox.enqueue(text("b"))
      const second = yield* start(store, desk)
      const connection = yield* second.gateway.accept
      yield* old.push({ eventType: "MultipleLogin" })
      yield* pass("1 second")
      yield* handle(desk, connection)
      yield* handle(desk, connection)
      store.unreadable = true
      yield* Effect.forkChild(first.realtime.takeOver)
      const back = yield* first.gateway.accept
      yield* pass("2 seconds")
      assert.strictEqual((yield* failure(first.outbox.result(key)))._tag, "DeliveryUnknown")
      assert.deepStrictEqual(yield* messagesOf(back), [])
      assert.deepStrictEqual(desk.texts(), ["a", "b"])
      yield* Effect.all([first.stop, second.stop])
    })
  )

  it.effect("tell what became of a send that another one has taken over, also when the app closes the connection", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const first = yield* dialling(store, desk)
      const { key } = yield* first.outbox.enqueue(text("b"))
      const taken = yield* first.outbox.enqueue(text("c"))
      const second = yield* start(store, desk)
      const connection = yield* second.gateway.accept
      yield* pass("1 second")
      yield* handle(desk, connection)
      yield* settle
      yield* first.realtime.close
      yield* settle
      assert.strictEqual((yield* first.outbox.result(key)).id, 103)
      assert.strictEqual((yield* failure(first.outbox.result(taken.key)))._tag, "DeliveryUnknown")
      yield* Effect.all([first.stop, second.stop])
    })
  )

  for (const isReadable of [true, false]) {
    const store = isReadable ? "before the first of them has connected" : "and the store cannot be read any more"
    it.effect(`tell of no send that it has expired where another one has sent it, ${store}`, () =>
      Effect.gen(function* () {
        const store = makeStore()
        const desk = new Desk(7)
        const first = yield* isReadable ? start(store, desk) : dialling(store, desk)
        const { key } = yield* first.outbox.enqueue(text("b"))
        const second = yield* start(store, desk)
        const connection = yield* second.gateway.accept
        yield* pass("2 seconds")
        yield* handle(desk, connection)
        yield* settle
        store.unreadable = !isReadable
        yield* pass("10 minutes")
        assert.strictEqual((yield* failure(first.outbox.result(key)))._tag, "DeliveryUnknown")
        yield* Effect.all([first.stop, second.stop])
      })
    )
  }

  it.effect("send each message once and know its outcome though they take over from each other rapidly", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const tabs = [yield* start(store, desk), yield* start(store, desk)] as const
      const keys = yield* Effect.forEach(tabs, ({ outbox }, tab) =>
        Effect.forEach(["1", "2", "3"], (content) =>
          Effect.map(outbox.enqueue(text(`${tab} ${content}`)), ({ key }) => key)
        )
      )
      let connection = yield* tabs[0].gateway.accept
      for (let round = 0; round < 6; round++) {
        const [winner, loser] = round % 2 === 0 ? [tabs[1], tabs[0]] : [tabs[0], tabs[1]]
        yield* pass("200 millis")
        const old = connection
        yield* Effect.forkChild(Effect.ignore(round === 0 ? winner.realtime.open : winner.realtime.takeOver))
        // A session that takes over again and again waits longer each time.
        const accepting = yield* Effect.forkChild(winner.gateway.accept)
        while (accepting.pollUnsafe() === undefined) yield* pass("200 millis")
        connection = yield* Fiber.join(accepting)
        yield* old.push({ eventType: "MultipleLogin" })
        yield* settle
        assert.strictEqual((yield* loser.realtime.state)._tag, "Superseded")
      }
      const last = connection
      const serving = yield* Effect.forkChild(Effect.forever(handle(desk, last)))
      for (let second = 0; second < 10; second++) yield* pass("1 second")
      yield* Fiber.interrupt(serving)
      yield* last.push({ eventType: "MultipleLogin" })
      yield* Effect.forkChild(Effect.ignore(tabs[1].realtime.takeOver))
      const back = yield* Effect.forkChild(tabs[1].gateway.accept)
      while (back.pollUnsafe() === undefined) yield* pass("200 millis")
      for (let second = 0; second < 5; second++) yield* pass("1 second")
      for (const { outbox } of tabs) assert.deepStrictEqual(yield* outbox.entries, [])
      const ids = yield* Effect.forEach(tabs, ({ outbox }, tab) =>
        Effect.forEach(keys[tab] ?? [], (key) => Effect.map(outbox.result(key), ({ id }) => id))
      )
      assert.strictEqual(new Set(ids.flat()).size, 6)
      assert.deepStrictEqual(desk.texts().toSorted(), ["0 1", "0 2", "0 3", "1 1", "1 2", "1 3"])
      yield* Effect.all(tabs.map(({ stop }) => stop))
    })
  )
})

describe("a message of unknown outcome that is seen after all", () => {
  it.effect("is sent, also in the store, and is listed no more", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const { gateway, outbox, stop } = yield* start(store, desk)
      const { key } = yield* outbox.enqueue(text("a"))
      const connection = yield* gateway.accept
      desk.handle(yield* message(connection))
      desk.hide()
      yield* connection.close(1006)
      yield* pass("1 millis")
      const next = yield* gateway.accept
      yield* pass("1 second")
      assert.strictEqual((yield* failure(outbox.result(key)))._tag, "DeliveryUnknown")
      yield* push(next, received(102, { from: me, content: "a" }))
      assert.deepStrictEqual(yield* outbox.entries, [])
      assert.strictEqual((yield* outbox.result(key)).id, 102)
      assert.deepStrictEqual(storedIn(store), [])
      yield* stop
    })
  )

  it.effect(
    "stays unknown if the message is another one: of other words, older, or acknowledged for another send",
    () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { gateway, outbox } = yield* open(desk)
        const { key } = yield* outbox.enqueue(text("a"))
        const connection = yield* gateway.accept
        yield* message(connection)
        desk.hide()
        const next = yield* replace(connection)
        yield* pass("1 second")
        yield* reaches(key, "DeliveryUnknown")
        desk.override = () => undefined
        yield* outbox.enqueue(text("a"))
        const frame = yield* message(next)
        yield* next.ack(frame, MessageId.make(110))
        yield* settle
        yield* push(next, received(111, { from: me, content: "b" }), received(90, { from: me, content: "a" }))
        yield* push(next, received(112, { content: "a" }), received(110, { from: me, content: "a" }))
        assert.deepStrictEqual(
          (yield* outbox.entries).map(({ state }) => state._tag),
          ["DeliveryUnknown"]
        )
      }).pipe(Effect.provide(Gateway.layer()))
  )
})

describe("a failed send", () => {
  it.effect("is kept until it is discarded, however many others are sent after it", () =>
    Effect.gen(function* () {
      const desk = new Desk(7)
      const { gateway, outbox } = yield* open(desk)
      const failed = yield* outbox.enqueue(text("a"))
      yield* pass("5 minutes")
      yield* reaches(failed.key, "Failed")
      yield* Effect.forkChild(Realtimes.Realtime.use((realtime) => realtime.retryNow))
      let connection = yield* gateway.accept
      for (let isOpen = false; !isOpen;) {
        yield* pass("1 millis")
        isOpen = (yield* Realtimes.Realtime.use(({ state }) => state))._tag === "Connected"
        if (!isOpen) connection = yield* accept
      }
      for (let number = 0; number < 10; number++) {
        const { key } = yield* outbox.enqueue(text(`${number}`))
        yield* handle(desk, connection)
        yield* outbox.result(key)
      }
      assert.strictEqual((yield* failure(outbox.result(failed.key)))._tag, "OutboxExpired")
      assert.strictEqual((yield* outbox.retry(failed.key)).state._tag, "Queued")
      yield* handle(desk, connection)
      yield* outbox.result(failed.key)
    }).pipe(Effect.provide(Gateway.layer({ outbox: { capacity: 3 } })))
  )
})

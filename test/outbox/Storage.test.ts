import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import { UserId } from "../../src/domain/Id.ts"
import { lose, message, pass, settle } from "../support/Gateway.ts"
import { makeStore, start, storedIn } from "../support/OutboxStore.ts"
import { Desk, eight, failure, handle, me, messagesOf, staff, text } from "../support/OutboxDesk.ts"

describe("an outbox with a store", () => {
  it.effect("sends waiting messages after a restart, in order and before later ones", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const first = yield* start(store, desk)
      yield* first.outbox.enqueue(text("a"))
      const connection = yield* first.gateway.accept
      yield* handle(desk, connection)
      yield* connection.close(1006)
      yield* settle
      yield* first.outbox.enqueue(text("b"))
      yield* first.outbox.enqueue(text("c"))
      yield* pass("1 minute")
      yield* first.stop

      const second = yield* start(store, desk)
      yield* second.outbox.enqueue(text("d"))
      const again = yield* second.gateway.accept
      for (const _ of ["b", "c", "d"]) {
        yield* handle(desk, again)
      }
      yield* settle
      assert.deepStrictEqual(desk.texts(), ["a", "b", "c", "d"])
      assert.deepStrictEqual(yield* second.outbox.entries, [])
      assert.deepStrictEqual(storedIn(store), [])
      yield* second.stop
    })
  )

  it.effect("connects on its own to send stored messages, and does not without any", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const idle = yield* start(store, desk)
      yield* pass("1 minute")
      assert.strictEqual((yield* idle.realtime.state)._tag, "Idle")
      yield* idle.outbox.enqueue(text("a"))
      yield* message(yield* idle.gateway.accept)
      yield* idle.stop
      const second = yield* start(store, desk)
      yield* second.gateway.accept
      yield* second.stop
    })
  )

  for (const handled of [true, false]) {
    it.effect(`looks up a message that was handed over, and ${handled ? "does not send" : "sends"} it again`, () =>
      Effect.gen(function* () {
        const store = makeStore()
        const desk = new Desk(7)
        const first = yield* start(store, desk)
        const { key } = yield* first.outbox.enqueue(text("ok"))
        yield* first.outbox.enqueue(text("ok"))
        const frame = yield* message(yield* first.gateway.accept)
        if (handled) desk.handle(frame)
        yield* first.stop

        const second = yield* start(store, desk)
        const connection = yield* second.gateway.accept
        yield* pass("1 second")
        for (let left = handled ? 1 : 2; left > 0; left--) {
          yield* handle(desk, connection)
        }
        assert.strictEqual((yield* second.outbox.result(key)).id, 102)
        yield* settle
        assert.deepStrictEqual(desk.texts(), ["ok", "ok"])
        yield* second.stop
      })
    )
  }

  it.effect("does not send messages after a restart that have expired meanwhile", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const first = yield* start(store, desk)
      const lost = yield* first.outbox.enqueue(text("a"))
      const waiting = yield* first.outbox.enqueue(text("b"))
      yield* message(yield* first.gateway.accept)
      yield* first.stop
      yield* pass("1 hour")
      const second = yield* start(store, desk)
      const connection = yield* second.gateway.accept
      yield* pass("1 second")
      assert.strictEqual((yield* failure(second.outbox.result(lost.key)))._tag, "OutboxExpired")
      assert.strictEqual((yield* failure(second.outbox.result(waiting.key)))._tag, "OutboxExpired")
      assert.deepStrictEqual(yield* messagesOf(connection), [])
      yield* second.stop
    })
  )

  it.effect("keeps sends with an unknown outcome over restarts, for the app to decide", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const first = yield* start(store, desk)
      const { key } = yield* first.outbox.enqueue(text("a"))
      yield* message(yield* first.gateway.accept)
      desk.say(7, me, "from elsewhere")
      yield* first.stop
      for (let restart = 0; restart < 2; restart++) {
        const next = yield* start(store, desk)
        const connection = yield* next.gateway.accept
        yield* pass("1 second")
        assert.strictEqual((yield* failure(next.outbox.result(key)))._tag, "DeliveryUnknown")
        assert.deepStrictEqual(yield* messagesOf(connection), [])
        yield* next.stop
      }
      const last = yield* start(store, desk)
      const connection = yield* last.gateway.accept
      yield* pass("1 second")
      yield* last.outbox.retry(key)
      yield* handle(desk, connection)
      yield* last.outbox.result(key)
      yield* last.stop
      assert.deepStrictEqual(storedIn(store), [])
    })
  )

  it.effect("does not mistake a message acknowledged before the restart for one of unknown outcome", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const first = yield* start(store, desk)
      const { key } = yield* first.outbox.enqueue(text("ok"))
      const connection = yield* first.gateway.accept
      yield* message(connection)
      desk.override = ({ path }) => (path === "/im/conversations/7" ? { status: 403 } : undefined)
      yield* connection.close(1006)
      yield* pass("1 millis")
      const again = yield* first.gateway.accept
      yield* pass("1 second")
      assert.strictEqual((yield* failure(first.outbox.result(key)))._tag, "DeliveryUnknown")
      desk.override = () => undefined
      yield* first.outbox.enqueue(text("ok"))
      yield* handle(desk, again)
      yield* settle
      yield* first.stop
      const second = yield* start(store, desk)
      const last = yield* second.gateway.accept
      yield* pass("1 second")
      yield* second.outbox.retry(key)
      yield* handle(desk, last)
      yield* second.outbox.result(key)
      assert.deepStrictEqual(desk.texts(), ["ok", "ok"])
      yield* second.stop
      assert.deepStrictEqual(storedIn(store), [])
    })
  )

  it.effect("keeps accounts apart", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const first = yield* start(store, desk)
      yield* first.outbox.enqueue(text("a"))
      yield* message(yield* first.gateway.accept)
      yield* first.stop
      const others = new Desk(7)
      others.account = staff
      const second = yield* start(store, others)
      yield* second.outbox.enqueue(text("b", eight))
      const connection = yield* second.gateway.accept
      yield* handle(others, connection, 8)
      yield* pass("5 seconds")
      assert.deepStrictEqual(yield* messagesOf(connection), ["b"])
      yield* second.stop
      assert.deepStrictEqual(storedIn(store), ["a"])
    })
  )

  it.effect("hands the sends of one page over to the page that connects next", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const first = yield* start(store, desk)
      const lost = yield* first.outbox.enqueue(text("a"))
      const waiting = yield* first.outbox.enqueue(text("b"))
      const old = yield* first.gateway.accept
      const frame = yield* message(old)
      desk.handle(frame)
      yield* settle

      const second = yield* start(store, desk)
      const connection = yield* second.gateway.accept
      yield* old.push({ eventType: "MultipleLogin" })
      yield* pass("1 second")
      yield* handle(desk, connection)
      assert.strictEqual((yield* second.outbox.result(lost.key)).id, 102)
      assert.strictEqual((yield* second.outbox.result(waiting.key)).id, 103)

      // The first page may take the session back: it learns what the other one has sent, and does not send it again.
      yield* Effect.forkChild(first.realtime.takeOver)
      const back = yield* first.gateway.accept
      yield* pass("5 seconds")
      assert.strictEqual((yield* first.outbox.result(lost.key)).id, 102)
      assert.strictEqual((yield* first.outbox.result(waiting.key)).id, 103)
      assert.deepStrictEqual(yield* messagesOf(back), [])
      assert.deepStrictEqual(desk.texts(), ["a", "b"])
      yield* first.stop
      yield* second.stop
    })
  )

  it.effect("settles every send and ends every stream, also where an interruption closes the layer", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const { gateway, outbox, stop } = yield* start(store, desk)
      const sent = yield* Effect.forkChild(Effect.flip(outbox.send(text("a"))))
      const changes = yield* Effect.forkChild(Stream.runDrain(outbox.changes))
      yield* message(yield* gateway.accept)
      const waiting = yield* outbox.enqueue(text("b"))
      const result = yield* Effect.forkChild(failure(outbox.result(waiting.key)), { startImmediately: true })
      yield* Fiber.interrupt(
        yield* Effect.forkChild(
          Effect.onInterrupt(Effect.never, () => stop),
          { startImmediately: true }
        )
      )
      yield* settle
      assert.isDefined(changes.pollUnsafe())
      assert.strictEqual((yield* Fiber.join(sent)).reason._tag, "DeliveryUnknown")
      assert.strictEqual((yield* Fiber.join(result))._tag, "Closed")
      assert.deepStrictEqual(storedIn(store), ["a", "b"])
    })
  )

  it.effect("empties the store when the app closes the connection, which fails the waiting sends", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const first = yield* start(store, desk)
      const { key } = yield* first.outbox.enqueue(text("a"))
      const connection = yield* first.gateway.accept
      yield* message(connection)
      yield* first.outbox.enqueue(text("b"))
      yield* settle
      assert.isTrue(store.has('"b"'))
      yield* first.realtime.close
      yield* settle
      assert.isFalse(store.has('"b"'))
      assert.strictEqual((yield* failure(first.outbox.result(key)))._tag, "DeliveryUnknown")
      yield* first.stop
    })
  )

  it.effect("sends messages that the store holds as waiting though it fails by now", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const logged: Array<unknown> = []
      const logger = Logger.layer([Logger.make(({ message }) => logged.push(message))])
      yield* Effect.gen(function* () {
        const first = yield* start(store, desk)
        yield* first.outbox.enqueue(text("a"))
        yield* first.outbox.enqueue(text("b"))
        const connection = yield* first.gateway.accept
        const frame = yield* message(connection)
        yield* settle
        store.broken = true
        yield* connection.ack(frame, desk.handle(frame))
        const { key } = yield* first.outbox.enqueue(text("c"))
        for (const _ of ["b", "c"]) yield* handle(desk, connection)
        yield* first.outbox.result(key)
        assert.deepStrictEqual(desk.texts(), ["a", "b", "c"])
        yield* first.stop
      }).pipe(Effect.provide(logger))
      assert.deepStrictEqual(logged, [
        ["The store of the outbox failed; the outbox continues without persistence", "the disk is full"]
      ])
    })
  )

  it.effect("sends messages that a failing store does not hold", () =>
    Effect.gen(function* () {
      const store = makeStore()
      store.broken = true
      const desk = new Desk(7)
      const first = yield* start(store, desk)
      const { key } = yield* first.outbox.enqueue(text("a"))
      const connection = yield* first.gateway.accept
      yield* handle(desk, connection)
      yield* first.outbox.result(key)
      yield* first.stop
      assert.strictEqual(store.map.size, 0)
    })
  )

  it.effect("waits until the account of the store is known", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      desk.override = ({ path }) => (path === "/im/users/me" ? { status: 500, body: {} } : undefined)
      const first = yield* start(store, desk)
      const { key } = yield* first.outbox.enqueue(text("a"))
      const connection = yield* first.gateway.accept
      yield* pass("1 second")
      assert.deepStrictEqual(yield* messagesOf(connection), [])
      desk.override = () => undefined
      yield* pass("10 seconds")
      yield* handle(desk, connection)
      yield* first.outbox.result(key)
      yield* first.stop
    })
  )

  it.effect("sends what an earlier run has stored over a connection whose account becomes known late", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const first = yield* start(store, desk)
      yield* first.outbox.enqueue(text("a"))
      yield* message(yield* first.gateway.accept)
      yield* first.stop

      const second = yield* start(store, desk)
      desk.override = ({ path }) => (path === "/im/users/me" ? { status: 503, body: {} } : undefined)
      yield* Effect.forkChild(second.realtime.open)
      const connection = yield* second.gateway.accept
      yield* pass("8 seconds")
      desk.override = () => undefined
      yield* pass("8 seconds")
      yield* handle(desk, connection)
      yield* settle
      assert.deepStrictEqual(desk.texts(), ["a"])
      assert.deepStrictEqual(storedIn(store), [])
      yield* second.stop
    })
  )

  it.effect("restores a message in the app's spelling, with its recipient", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7, 8)
      const first = yield* start(store, desk)
      yield* first.outbox.enqueue(text("a"))
      const connection = yield* first.gateway.accept
      yield* handle(desk, connection)
      const content = { orderNo: "1", line_2: { "kebab-case": 1, ctmName: "客" } }
      yield* first.outbox.enqueue({
        conversationId: eight,
        toId: UserId.make(3),
        messageType: "OrderMessage",
        content
      })
      const { payload } = yield* message(connection)
      yield* first.stop

      const second = yield* start(store, desk)
      const again = yield* second.gateway.accept
      yield* pass("1 second")
      const restored = yield* message(again)
      assert.deepStrictEqual(restored.payload, payload)
      const [entry] = yield* second.outbox.entries
      assert.deepStrictEqual(entry?.draft.content, content)
      assert.strictEqual(entry?.draft.toId, 3)
      yield* second.stop
    })
  )

  it.effect("shows the waiting messages after a restart although the backend cannot be reached", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const first = yield* start(store, desk)
      yield* first.outbox.enqueue(text("a"))
      const connection = yield* first.gateway.accept
      yield* handle(desk, connection)
      yield* pass("1 second")
      yield* lose(connection)
      yield* first.outbox.enqueue(text("b"))
      yield* first.outbox.enqueue(text("c", null))
      yield* first.stop

      desk.override = () => ({ status: 503 })
      const second = yield* start(store, desk)
      second.inbox.subscribe(() => {})
      yield* pass("1 second")
      const { conversations, unplaced } = second.inbox.getSnapshot()
      assert.deepStrictEqual(
        conversations.map(({ id, messages }) => [Number(id), messages.map(({ message }) => message.content)]),
        [[7, ["b"]]]
      )
      assert.deepStrictEqual(
        unplaced.map(({ draft }) => draft.content),
        ["c"]
      )
      yield* second.stop
    })
  )

  it.effect("restores a message without content, which JSON cannot hold", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7)
      const first = yield* start(store, desk)
      const content: unknown = undefined
      yield* first.outbox.enqueue({ messageType: "Text", content: content as string })
      yield* first.stop
      const second = yield* start(store, desk)
      yield* pass("1 second")
      const entries = yield* second.outbox.entries
      assert.deepStrictEqual(
        entries.map(({ draft, state }) => [draft.messageType, draft.content, state._tag]),
        [["Text", undefined, "Queued"]]
      )
      yield* second.stop
    })
  )

  for (const [name, damaged] of [
    ["no JSON", "{"],
    ["something else", '{"a":1}'],
    ["nothing", ""]
  ] as const) {
    it.effect(`logs a stored value that holds ${name}, leaves it as it is, and restores the others`, () =>
      Effect.gen(function* () {
        const store = makeStore()
        const desk = new Desk(7)
        const first = yield* start(store, desk)
        for (const content of ["a", "b", "c"]) yield* first.outbox.enqueue(text(content))
        yield* first.stop
        const [place = ""] = Array.from(store.map).find(([, value]) => value.includes('"b"')) ?? []
        store.map.set(place, damaged)
        const logged: Array<unknown> = []
        const logger = Logger.layer([Logger.make(({ message }) => logged.push(message))])
        const second = yield* Effect.provide(start(store, desk), logger)
        const connection = yield* second.gateway.accept
        yield* pass("1 second")
        for (const _ of ["a", "c"]) yield* handle(desk, connection)
        yield* settle
        yield* second.stop
        assert.deepStrictEqual(desk.texts(), ["a", "c"])
        assert.include(logged.map(String).join("\n"), place)
        assert.strictEqual(store.map.get(place), damaged)
      })
    )
  }

  it.effect("does not overwrite a store that it cannot read, and claims it at the next connection", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const desk = new Desk(7, 8)
      const first = yield* start(store, desk)
      yield* first.outbox.enqueue(text("a"))
      yield* message(yield* first.gateway.accept)
      yield* first.stop
      const before = new Map(store.map)
      assert.deepStrictEqual(storedIn(store), ["a"])

      store.unreadable = true
      const second = yield* start(store, desk)
      yield* second.outbox.enqueue(text("b", eight))
      const connection = yield* second.gateway.accept
      yield* handle(desk, connection, 8)
      yield* settle
      assert.deepStrictEqual(store.map, before)
      assert.deepStrictEqual(yield* messagesOf(connection), ["b"])

      store.unreadable = false
      yield* connection.close(1006)
      yield* pass("1 millis")
      const again = yield* second.gateway.accept
      yield* pass("1 second")
      yield* handle(desk, again)
      yield* settle
      assert.deepStrictEqual(yield* messagesOf(again), ["a"])

      store.unreadable = true
      const { key: next } = yield* second.outbox.enqueue(text("c"))
      yield* handle(desk, again)
      yield* second.outbox.result(next)
      assert.notInclude(storedIn(store), "c")
      yield* second.stop
    })
  )
})

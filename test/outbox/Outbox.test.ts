import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { MessageId, UserId } from "../../src/domain/Id.ts"
import { ConnectTimeout, type KefuError } from "../../src/KefuError.ts"
import { Outbox } from "../../src/outbox/Outbox.ts"
import { OutboxKey } from "../../src/outbox/OutboxEntry.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import { accept, message, pass, replace, settle } from "../support/Gateway.ts"
import * as Gateway from "../support/Gateway.ts"
import {
  Desk,
  eight,
  failure,
  handle,
  me,
  messagesOf,
  open,
  reaches,
  seven,
  staff,
  text
} from "../support/OutboxDesk.ts"

const reasonOf = (exit: Exit.Exit<unknown, KefuError>) =>
  Exit.isFailure(exit) ? Exit.findErrorOption(exit) : undefined

/** Sends "a" and takes it as the first connection receives it. */
const handOver = Effect.fnUntraced(function* (desk: Desk) {
  const { gateway, outbox } = yield* open(desk)
  const { key } = yield* outbox.enqueue(text("a"))
  const connection = yield* gateway.accept
  const frame = yield* message(connection)
  return { connection, frame, key, outbox }
})

const states = Effect.flatMap(Outbox, (outbox) =>
  Effect.map(outbox.entries, (entries) => entries.map(({ state }) => state._tag))
)

describe("Outbox", () => {
  it.effect("sends once connected, and succeeds with the message's id", () =>
    Effect.gen(function* () {
      const desk = new Desk(7)
      const { gateway, outbox } = yield* open(desk)
      const sending = yield* Effect.forkChild(outbox.send(text("hello")))
      const connection = yield* gateway.accept
      const frame = yield* message(connection)
      assert.deepStrictEqual(yield* states, ["Sending"])
      yield* connection.ack(frame, desk.handle(frame))
      const sent = yield* Fiber.join(sending)
      assert.strictEqual(sent.id, 102)
      assert.strictEqual(sent.state._tag, "Sent")
      assert.deepStrictEqual(yield* outbox.entries, [])
      assert.deepStrictEqual(frame.payload, { messageType: "Text", content: "hello" })
    }).pipe(Effect.provide(Gateway.layer()))
  )

  it.effect("opens no connection before the first send", () =>
    Effect.gen(function* () {
      const { gateway, outbox } = yield* open(new Desk(7))
      const dial = yield* Effect.forkChild(gateway.dial)
      yield* pass("1 minute")
      assert.isUndefined(dial.pollUnsafe())
      yield* outbox.enqueue(text("hello"))
      yield* Fiber.join(dial)
    }).pipe(Effect.provide(Gateway.layer()))
  )

  it.effect("sends the staff's messages to one visitor one at a time, in order, and delays no other visitor", () =>
    Effect.gen(function* () {
      const desk = new Desk(7, 8)
      desk.userType = "STAFF"
      const { gateway, outbox } = yield* open(desk)
      for (const content of ["a", "b", "c"]) yield* outbox.enqueue(text(content, seven, UserId.make(3)))
      const connection = yield* gateway.accept
      const first = yield* message(connection)
      yield* outbox.enqueue(text("other", eight, UserId.make(4)))
      const other = yield* message(connection)
      assert.deepStrictEqual(yield* messagesOf(connection), ["a", "other"])
      yield* connection.ack(other, desk.handle(other, 8))
      yield* connection.ack(first, desk.handle(first))
      const second = yield* message(connection)
      assert.deepStrictEqual(yield* messagesOf(connection), ["a", "other", "b"])
      yield* connection.ack(second, desk.handle(second))
      yield* handle(desk, connection)
      yield* settle
      assert.deepStrictEqual(desk.texts(), ["a", "b", "c"])
      assert.deepStrictEqual(yield* outbox.entries, [])
    }).pipe(Effect.provide(Gateway.layer()))
  )

  it.effect("fails at once on content that JSON cannot hold", () =>
    Effect.gen(function* () {
      const { outbox } = yield* open(new Desk(7))
      const cyclic: Record<string, unknown> = {}
      cyclic["self"] = cyclic
      const big = yield* failure(outbox.send({ messageType: "Text", content: 1n as unknown as string }))
      assert.strictEqual(big._tag, "InvalidRequest")
      const lane = yield* failure(outbox.enqueue({ ...text("a"), conversationId: "7" as never }))
      assert.isTrue(lane._tag === "InvalidRequest" && lane.field === "conversationId")
      const reason = yield* failure(outbox.enqueue({ messageType: "OrderMessage", content: cyclic }))
      assert.strictEqual(reason._tag, "InvalidRequest")
      assert.deepStrictEqual(yield* outbox.entries, [])
    }).pipe(Effect.provide(Gateway.layer()))
  )

  it.effect("sends the content as it was at the call, whatever the app does to its object later", () =>
    Effect.gen(function* () {
      const { gateway, outbox } = yield* open(new Desk(7))
      const content = { orderNo: "1", extra: { at: new Date(0) } }
      const { key } = yield* outbox.enqueue({ conversationId: seven, messageType: "OrderMessage", content })
      content.orderNo = "2"
      const connection = yield* gateway.accept
      const frame = yield* message(connection)
      assert.deepStrictEqual(frame.payload, {
        messageType: "OrderMessage",
        content: { orderNo: "1", extra: { at: "1970-01-01T00:00:00.000Z" } }
      })
      yield* connection.ack(frame, MessageId.make(500))
      assert.strictEqual((yield* outbox.result(key)).id, 500)
    }).pipe(Effect.provide(Gateway.layer()))
  )

  describe("a send that waits", () => {
    it.effect("fails with OutboxFull beyond the capacity, which counts only unsettled sends", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { gateway, outbox } = yield* open(desk)
        yield* outbox.enqueue(text("a"))
        const { key } = yield* outbox.enqueue(text("b"))
        const reason = yield* failure(outbox.send(text("c")))
        assert.isTrue(reason._tag === "OutboxFull" && reason.capacity === 2)
        assert.isTrue(yield* outbox.cancel(key))
        yield* outbox.enqueue(text("c"))
        const connection = yield* gateway.accept
        for (const _ of ["a", "c"]) {
          yield* handle(desk, connection)
        }
        yield* settle
        assert.deepStrictEqual(desk.texts(), ["a", "c"])
      }).pipe(Effect.provide(Gateway.layer({ outbox: { capacity: 2 } })))
    )

    it.effect("expires after its lifetime, each send at its own time, and is never sent after that", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { gateway, outbox } = yield* open(desk)
        const first = yield* Effect.forkChild(Effect.exit(outbox.send(text("a"))))
        const second = yield* outbox.enqueue(text("b", eight))
        yield* pass("2 minutes")
        const third = yield* outbox.enqueue(text("c"))
        yield* pass("3 minutes")
        assert.strictEqual((yield* failure(outbox.result(second.key)))._tag, "OutboxExpired")
        assert.isTrue(Exit.isFailure(yield* Fiber.join(first)))
        assert.deepStrictEqual(yield* states, ["Failed", "Failed", "Queued"])
        // Earlier dials have timed out by now.
        for (let connected = false; !connected;) {
          const connection = yield* gateway.accept
          yield* pass("1 millis")
          connected = (yield* Realtime.use(({ state }) => state))._tag === "Connected"
          if (!connected) continue
          yield* handle(desk, connection)
        }
        assert.strictEqual((yield* outbox.result(third.key)).id, 102)
        assert.deepStrictEqual(desk.texts(), ["c"])
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("waits for `open` with a manual connection", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { gateway, outbox } = yield* open(desk)
        const { key } = yield* outbox.enqueue(text("a"))
        yield* pass("1 minute")
        assert.deepStrictEqual(yield* states, ["Queued"])
        yield* Effect.forkChild(Realtime.use((realtime) => realtime.open))
        const connection = yield* gateway.accept
        yield* handle(desk, connection)
        yield* outbox.result(key)
      }).pipe(Effect.provide(Gateway.layer({ connect: "manual" })))
    )
  })

  describe("cancel", () => {
    it.effect("cancels a waiting send, and none that was handed over", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { gateway, outbox } = yield* open(desk)
        const first = yield* outbox.enqueue(text("a"))
        const second = yield* outbox.enqueue(text("b"))
        const third = yield* outbox.enqueue(text("c"))
        assert.isTrue(yield* outbox.cancel(second.key))
        assert.isFalse(yield* outbox.cancel(second.key))
        assert.strictEqual((yield* failure(outbox.result(second.key)))._tag, "Cancelled")
        const connection = yield* gateway.accept
        const frame = yield* message(connection)
        assert.isFalse(yield* outbox.cancel(first.key))
        assert.isFalse(yield* outbox.discard(first.key))
        assert.isTrue(yield* outbox.cancel(third.key))
        yield* connection.ack(frame, desk.handle(frame))
        yield* outbox.result(first.key)
        assert.isFalse(yield* outbox.cancel(first.key))
        assert.isFalse(yield* outbox.cancel(OutboxKey.make("none")))
        yield* settle
        assert.deepStrictEqual(yield* messagesOf(connection), ["a"])
        assert.deepStrictEqual(yield* outbox.entries, [])
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("does not cancel a send that may have arrived while the connection is lost", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { connection, key, outbox } = yield* handOver(desk)
        yield* connection.close(1006)
        yield* settle
        assert.deepStrictEqual(yield* states, ["Sending"])
        assert.isFalse(yield* outbox.cancel(key))
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("interrupting `send` cancels a waiting send; one that was handed over continues", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { gateway, outbox } = yield* open(desk)
        const first = yield* Effect.forkChild(outbox.send(text("a")), { startImmediately: true })
        const second = yield* Effect.forkChild(outbox.send(text("b")), { startImmediately: true })
        const connection = yield* gateway.accept
        const frame = yield* message(connection)
        yield* Fiber.interrupt(first)
        yield* Fiber.interrupt(second)
        assert.deepStrictEqual(yield* states, ["Sending"])
        yield* connection.ack(frame, desk.handle(frame))
        yield* settle
        assert.deepStrictEqual(yield* outbox.entries, [])
        assert.deepStrictEqual(yield* messagesOf(connection), ["a"])
      }).pipe(Effect.provide(Gateway.layer()))
    )
  })

  describe("a connection that is lost before the acknowledgement", () => {
    /** Sends, loses the connection after `handle`, and reconnects. */
    const lose = Effect.fnUntraced(function* (
      desk: Desk,
      contents: ReadonlyArray<string>,
      handle: (frame: Parameters<Desk["handle"]>[0]) => void
    ) {
      const { gateway, outbox } = yield* open(desk)
      const keys: Array<OutboxKey> = []
      for (const content of contents) keys.push((yield* outbox.enqueue(text(content))).key)
      const first = yield* gateway.accept
      handle(yield* message(first))
      const second = yield* replace(first)
      yield* pass("1 second")
      return { outbox, keys, first, second, key: keys[0] as OutboxKey }
    })

    it.effect("sends a lost message again", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { key, outbox, second } = yield* lose(desk, ["a"], () => {})
        yield* handle(desk, second)
        assert.strictEqual((yield* outbox.result(key)).id, 102)
        assert.deepStrictEqual(desk.texts(), ["a"])
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("does not send a message again that arrived", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { key, outbox, second } = yield* lose(desk, ["a"], (frame) => desk.handle(frame))
        assert.strictEqual((yield* outbox.result(key)).id, 102)
        yield* settle
        assert.deepStrictEqual(yield* messagesOf(second), [])
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("reads the history a second after the reconnection, no sooner", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { connection: first, frame, key, outbox } = yield* handOver(desk)
        yield* replace(first)
        yield* pass("900 millis")
        desk.handle(frame)
        yield* pass("100 millis")
        assert.strictEqual((yield* outbox.result(key)).id, 102)
      }).pipe(Effect.provide(Gateway.layer()))
    )

    for (const handled of [false, true]) {
      it.effect(`keeps the order and the number of equal messages, the first ${handled ? "handled" : "lost"}`, () =>
        Effect.gen(function* () {
          const desk = new Desk(7)
          desk.say(7, me, "ok")
          const { keys, outbox, second } = yield* lose(desk, ["ok", "ok", "ok", "bye"], (frame) => {
            if (handled) desk.handle(frame)
          })
          for (let left = handled ? 3 : 4; left > 0; left--) {
            yield* handle(desk, second)
          }
          const sent = yield* Effect.forEach(keys, outbox.result)
          assert.deepStrictEqual(
            sent.map(({ id }) => id),
            [103, 104, 105, 106]
          )
          assert.deepStrictEqual(desk.texts(), ["ok", "ok", "ok", "ok", "bye"])
        }).pipe(Effect.provide(Gateway.layer()))
      )
    }

    it.effect("does not mistake an acknowledged message for an equal one that was lost", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { gateway, outbox } = yield* open(desk)
        yield* outbox.enqueue(text("ok"))
        const { key } = yield* outbox.enqueue(text("ok"))
        const first = yield* gateway.accept
        yield* handle(desk, first)
        yield* message(first)
        const second = yield* replace(first)
        yield* pass("1 second")
        yield* handle(desk, second)
        yield* outbox.result(key)
        assert.deepStrictEqual(desk.texts(), ["ok", "ok"])
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("reconciles again after each further loss of the connection", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { gateway, outbox } = yield* open(desk)
        const { key } = yield* outbox.enqueue(text("a"))
        for (let times = 0; times < 5; times++) {
          const connection = yield* gateway.accept
          yield* pass("1 second")
          yield* message(connection)
          const shortLived = yield* replace(connection)
          yield* pass("500 millis")
          yield* shortLived.close(1006)
          yield* pass("1 millis")
        }
        const last = yield* gateway.accept
        yield* pass("1 second")
        yield* handle(desk, last)
        yield* outbox.result(key)
        assert.deepStrictEqual(desk.texts(), ["a"])
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("reconciles the staff's messages to different visitors independently", () =>
      Effect.gen(function* () {
        const desk = new Desk(7, 8)
        desk.userType = "STAFF"
        const { gateway, outbox } = yield* open(desk)
        const connecting = yield* Effect.forkChild(Realtime.use((realtime) => realtime.open))
        const first = yield* gateway.accept
        yield* Fiber.join(connecting)
        // Who writes is known from now on, so that each visitor has an order of their own.
        yield* outbox.enqueue(text("hello", seven, UserId.make(3)))
        yield* handle(desk, first)
        yield* settle
        const a = yield* outbox.enqueue(text("same", seven, UserId.make(3)))
        const b = yield* outbox.enqueue(text("same", eight, UserId.make(4)))
        const frame = yield* message(first)
        desk.handle(frame)
        yield* message(first)
        const second = yield* replace(first)
        yield* pass("1 second")
        assert.strictEqual((yield* outbox.result(a.key)).id, 104)
        yield* handle(desk, second, 8)
        assert.strictEqual((yield* outbox.result(b.key)).id, 105)
        assert.deepStrictEqual([desk.texts(7), desk.texts(8)], [["hello", "same"], ["same"]])
      }).pipe(Effect.provide(Gateway.layer()))
    )

    const doubts: ReadonlyArray<readonly [name: string, (desk: Desk, frame: Parameters<Desk["handle"]>[0]) => void]> = [
      ["the history holds another own message", (desk) => desk.say(7, me, "from elsewhere")],
      [
        "the history holds it and another own message",
        (desk, frame) => {
          desk.handle(frame)
          desk.say(7, me, "from elsewhere")
        }
      ],
      [
        "the page does not reach back far enough",
        (desk) => {
          desk.say(7, staff, "b")
          desk.say(7, staff, "c")
          desk.of(7).limit = 2
        }
      ],
      [
        "an own message was recalled",
        (desk, frame) => {
          const id = desk.handle(frame)
          desk.of(7).messages.pop()
          desk.say(7, me, { message_id: id }, 103)
        }
      ],
      ["a message names no author", (desk) => desk.say(7, null, "?")],
      [
        "the history cannot be read",
        (desk) => {
          desk.override = ({ path }) => (path === "/im/conversations/7" ? { status: 403 } : undefined)
        }
      ]
    ]

    for (const [name, happens] of doubts) {
      it.effect(`is DeliveryUnknown and not sent again if ${name}`, () =>
        Effect.gen(function* () {
          const desk = new Desk(7)
          const { key, outbox, second } = yield* lose(desk, ["a"], (frame) => happens(desk, frame))
          assert.strictEqual((yield* failure(outbox.result(key)))._tag, "DeliveryUnknown")
          assert.deepStrictEqual(yield* states, ["DeliveryUnknown"])
          yield* pass("10 minutes")
          assert.deepStrictEqual(yield* messagesOf(second), [])
        }).pipe(Effect.provide(Gateway.layer()))
      )
    }

    it.effect("finds the message in a page that is cut short", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        desk.of(7).limit = 2
        const { key, outbox } = yield* lose(desk, ["a"], (frame) => {
          desk.handle(frame)
          desk.say(7, staff, "b")
        })
        assert.strictEqual((yield* outbox.result(key)).id, 102)
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("ignores the recalls of others", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { key, outbox, second } = yield* lose(desk, ["a"], () => {
          desk.say(7, staff, { message_id: 90 }, 103)
        })
        yield* handle(desk, second)
        yield* outbox.result(key)
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("reads the history again after a temporary failure", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        let failures = 2
        const { key, outbox } = yield* lose(desk, ["a"], (frame) => {
          desk.handle(frame)
          desk.override = ({ path }) =>
            path === "/im/conversations/7" && failures-- > 0 ? { status: 500, body: {} } : undefined
        })
        yield* pass("2 seconds")
        yield* pass("1 second")
        yield* pass("4 seconds")
        yield* pass("1 second")
        assert.strictEqual((yield* outbox.result(key)).id, 102)
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("is DeliveryUnknown if the latest message before the hand-over is not known", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        desk.override = () => ({ status: 403 })
        const { connection: first, frame, key, outbox } = yield* handOver(desk)
        desk.override = () => undefined
        desk.handle(frame)
        yield* replace(first)
        yield* pass("1 second")
        assert.strictEqual((yield* failure(outbox.result(key)))._tag, "DeliveryUnknown")
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("reads the successor of a conversation that has ended", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { key, outbox } = yield* lose(desk, ["a"], (frame) => {
          desk.say(7, null, { reason: 3 }, 104)
          desk.of(7).state = "FINISHED"
          desk.handle(frame, 8)
        })
        assert.strictEqual((yield* outbox.result(key)).id, 103)
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("sends a visitor's first message again if it opened no conversation", () =>
      Effect.gen(function* () {
        const desk = new Desk()
        const { gateway, outbox } = yield* open(desk)
        const { key } = yield* outbox.enqueue(text("a", null))
        const first = yield* gateway.accept
        yield* message(first)
        const second = yield* replace(first)
        yield* pass("1 second")
        const frame = yield* message(second)
        desk.handle(frame)
        yield* replace(second)
        yield* pass("1 second")
        assert.strictEqual((yield* outbox.result(key)).id, 101)
        assert.deepStrictEqual(desk.texts(), ["a"])
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("is DeliveryUnknown if no connection comes back within the lifetime", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { gateway, outbox } = yield* open(desk)
        const { key } = yield* outbox.enqueue(text("a"))
        const waiting = yield* outbox.enqueue(text("b"))
        const first = yield* gateway.accept
        yield* message(first)
        yield* first.close(1006)
        yield* pass("5 minutes")
        assert.strictEqual((yield* failure(outbox.result(key)))._tag, "DeliveryUnknown")
        assert.strictEqual((yield* failure(outbox.result(waiting.key)))._tag, "OutboxExpired")
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("does not send a lost message again after its lifetime", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { gateway, outbox } = yield* open(desk)
        const connecting = yield* Effect.forkChild(Realtime.use((realtime) => realtime.open))
        const first = yield* gateway.accept
        yield* Fiber.join(connecting)
        const blocking = yield* outbox.enqueue(text("a"))
        yield* message(first)
        const { key } = yield* outbox.enqueue(text("b"))
        yield* first.close(1006)
        yield* pass("9 seconds")
        const second = yield* gateway.accept
        yield* pass("1 second")
        assert.strictEqual((yield* failure(outbox.result(blocking.key)))._tag, "OutboxExpired")
        assert.strictEqual((yield* failure(outbox.result(key)))._tag, "OutboxExpired")
        assert.deepStrictEqual(yield* messagesOf(second), [])
      }).pipe(Effect.provide(Gateway.layer({ outbox: { lifetime: "9500 millis" } })))
    )
  })

  describe("a message that closed the connection because of its size", () => {
    const overflow = Effect.fnUntraced(function* (desk: Desk, handle: boolean) {
      const { gateway, outbox } = yield* open(desk)
      const long = yield* outbox.enqueue(text("x".repeat(99)))
      const short = yield* outbox.enqueue(text("b"))
      const connection = yield* gateway.accept
      const frame = yield* message(connection)
      if (handle) desk.handle(frame)
      yield* connection.close(1009, "too big")
      const next = yield* accept
      yield* pass("1 second")
      return { long, next, outbox, short }
    })

    it.effect("fails with RequestTooLarge, is not sent again, and the next send continues", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { long, next, outbox, short } = yield* overflow(desk, false)
        const reason = yield* failure(outbox.result(long.key))
        assert.strictEqual(reason._tag, "RequestTooLarge")
        assert.include(reason.message, "bytes, but too big")
        yield* handle(desk, next)
        yield* outbox.result(short.key)
        assert.deepStrictEqual(yield* messagesOf(next), ["b"])
        assert.deepStrictEqual(yield* states, ["Failed"])
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("is sent if the history shows it", () =>
      Effect.gen(function* () {
        const { long, outbox } = yield* overflow(new Desk(7), true)
        assert.strictEqual((yield* outbox.result(long.key)).id, 102)
      }).pipe(Effect.provide(Gateway.layer()))
    )
  })

  describe("a message without an acknowledgement over a living connection", () => {
    const ignore = Effect.fnUntraced(function* (desk: Desk, handle: boolean) {
      const { gateway, outbox } = yield* open(desk)
      const first = yield* outbox.enqueue(text("a"))
      const second = yield* outbox.enqueue(text("b"))
      const connection = yield* gateway.accept
      const frame = yield* message(connection)
      if (handle) desk.handle(frame)
      yield* pass("10 seconds")
      const ping = yield* connection.next
      assert.strictEqual(ping.eventType, "Ping")
      assert.deepStrictEqual(yield* messagesOf(connection), ["a"])
      return { outbox, connection, ping, first, second }
    })

    it.effect("fails as refused also where the history shows that only after the send's lifetime", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { connection, first, outbox, ping } = yield* ignore(desk, false)
        const body = { id: 7, state: "ACTIVE", users: [], messages: desk.of(7).messages }
        desk.override = ({ path }) =>
          path === "/im/conversations/7" ? Effect.delay(Effect.succeed({ body }), "6 seconds") : undefined
        yield* connection.ack(ping)
        yield* pass("6 seconds")
        assert.strictEqual((yield* failure(outbox.result(first.key)))._tag, "AckTimeout")
      }).pipe(Effect.provide(Gateway.layer({ outbox: { lifetime: 15_000 } })))
    )

    it.effect("fails as refused if the next frame is acknowledged and the history does not show it", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { connection, first, outbox, ping, second } = yield* ignore(desk, false)
        yield* connection.ack(ping)
        assert.strictEqual((yield* failure(outbox.result(first.key)))._tag, "AckTimeout")
        yield* handle(desk, connection)
        yield* outbox.result(second.key)
        assert.deepStrictEqual(yield* messagesOf(connection), ["a", "b"])
        assert.deepStrictEqual(yield* states, ["Failed"])
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("is sent if the history shows it", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { connection, first, outbox, ping } = yield* ignore(desk, true)
        yield* connection.ack(ping)
        assert.strictEqual((yield* outbox.result(first.key)).id, 102)
      }).pipe(Effect.provide(Gateway.layer()))
    )

    for (const arrived of [true, false]) {
      const outcome = arrived ? "is Sent" : "is sent again"
      it.effect(`${outcome} over the next connection, as the history says, if the next frame gets no ack either`, () =>
        Effect.gen(function* () {
          const desk = new Desk(7)
          const { connection, first, outbox, second } = yield* ignore(desk, arrived)
          // Frames that come in do not show that anything goes out.
          yield* pass("4 seconds")
          yield* connection.push({ eventType: "Inputting", payload: { conversationId: seven } })
          yield* pass("1 second")
          const next = yield* Gateway.accept
          yield* pass("1 second")
          if (!arrived) yield* handle(desk, next)
          yield* handle(desk, next)
          yield* outbox.result(first.key)
          yield* outbox.result(second.key)
          assert.deepStrictEqual(desk.texts(), ["a", "b"])
        }).pipe(Effect.provide(Gateway.layer()))
      )
    }

    it.effect("is not mistaken for a later equal one", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { gateway, outbox } = yield* open(desk)
        const first = yield* outbox.enqueue(text("a"))
        const second = yield* outbox.enqueue(text("a"))
        const connection = yield* gateway.accept
        const frame = yield* message(connection)
        yield* pass("15 seconds")
        let reads = 0
        yield* gateway.respond((request) =>
          request.path === "/im/conversations/7" && reads++ === 0 ? { status: 403 } : desk.respond(request)
        )
        const next = yield* Gateway.accept
        yield* pass("1 second")
        assert.strictEqual((yield* failure(outbox.result(first.key)))._tag, "DeliveryUnknown")
        yield* message(next)
        desk.handle(frame)
        yield* replace(next)
        yield* pass("1 second")
        // The history holds one "a", which may be either of the two.
        assert.strictEqual((yield* failure(outbox.result(second.key)))._tag, "DeliveryUnknown")
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("is reconciled after the reconnection if the connection ends meanwhile", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { connection, key, outbox } = yield* handOver(desk)
        yield* pass("10 seconds")
        const second = yield* replace(connection)
        yield* pass("1 second")
        yield* handle(desk, second)
        yield* outbox.result(key)
        assert.deepStrictEqual(desk.texts(), ["a"])
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("looks up a message whose acknowledgement has no id", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { gateway, outbox } = yield* open(desk)
        const first = yield* outbox.enqueue(text("a"))
        const second = yield* outbox.enqueue(text("b"))
        const connection = yield* gateway.accept
        const frame = yield* message(connection)
        desk.handle(frame)
        yield* connection.ack(frame)
        yield* connection.ack(yield* connection.next)
        assert.strictEqual((yield* outbox.result(first.key)).id, 102)
        yield* connection.ack(yield* message(connection))
        yield* connection.ack(yield* connection.next)
        assert.strictEqual((yield* failure(outbox.result(second.key)))._tag, "DeliveryUnknown")
      }).pipe(Effect.provide(Gateway.layer()))
    )
  })

  describe("retry", () => {
    /** Produces a send with the outcome DeliveryUnknown. */
    const doubtful = Effect.fnUntraced(function* (desk: Desk, handle: boolean) {
      const { connection: first, frame, key, outbox } = yield* handOver(desk)
      if (handle) desk.handle(frame)
      desk.hide()
      const second = yield* replace(first)
      yield* pass("1 second")
      yield* reaches(key, "DeliveryUnknown")
      return { outbox, key, second }
    })

    it.effect("finds a message that has arrived, and does not send it again", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { key, outbox, second } = yield* doubtful(desk, true)
        desk.override = () => undefined
        assert.strictEqual((yield* outbox.retry(key)).state._tag, "Queued")
        assert.strictEqual((yield* outbox.result(key)).id, 102)
        assert.deepStrictEqual(yield* messagesOf(second), [])
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("sends a message that has not arrived", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { key, outbox, second } = yield* doubtful(desk, false)
        desk.override = () => undefined
        yield* outbox.retry(key)
        yield* handle(desk, second)
        yield* outbox.result(key)
        assert.deepStrictEqual(desk.texts(), ["a"])
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("sends a message whose outcome is still unknown", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { key, outbox, second } = yield* doubtful(desk, true)
        yield* outbox.retry(key)
        yield* handle(desk, second)
        assert.strictEqual((yield* outbox.result(key)).id, 103)
        assert.deepStrictEqual(desk.texts(), ["a", "a"])
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("leaves the outcome unknown if the send is then cancelled or expires", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { key, outbox, second } = yield* doubtful(desk, true)
        yield* second.close(1006)
        yield* settle
        yield* outbox.retry(key)
        assert.isTrue(yield* outbox.cancel(key))
        assert.strictEqual((yield* failure(outbox.result(key)))._tag, "DeliveryUnknown")
        yield* outbox.retry(key)
        yield* pass("5 minutes")
        assert.strictEqual((yield* failure(outbox.result(key)))._tag, "DeliveryUnknown")
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("sends a failed message, and does nothing in other states", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { gateway, outbox } = yield* open(desk)
        const { key } = yield* outbox.enqueue(text("a"))
        yield* pass("5 minutes")
        yield* reaches(key, "Failed")
        assert.strictEqual((yield* outbox.retry(key)).state._tag, "Queued")
        assert.strictEqual((yield* outbox.retry(key)).state._tag, "Queued")
        assert.strictEqual((yield* failure(outbox.retry(OutboxKey.make("none"))))._tag, "NotFound")
        yield* Realtime.use((realtime) => realtime.retryNow)
        for (let done = false; !done;) {
          const connection = yield* gateway.accept
          yield* pass("1 millis")
          if ((yield* Realtime.use(({ state }) => state))._tag !== "Connected") continue
          yield* handle(desk, connection)
          done = true
        }
        assert.strictEqual((yield* outbox.result(key)).state._tag, "Sent")
        assert.strictEqual((yield* outbox.retry(key)).state._tag, "Sent")
      }).pipe(Effect.provide(Gateway.layer()))
    )
  })

  describe("the end", () => {
    it.effect("closing the connection fails waiting sends, leaves handed-over ones unknown, and accepts no more", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { gateway, outbox } = yield* open(desk)
        const first = yield* outbox.enqueue(text("a"))
        const second = yield* outbox.enqueue(text("b"))
        const connection = yield* gateway.accept
        yield* message(connection)
        yield* Realtime.use((realtime) => realtime.close)
        assert.strictEqual((yield* failure(outbox.result(first.key)))._tag, "DeliveryUnknown")
        assert.strictEqual((yield* failure(outbox.result(second.key)))._tag, "Closed")
        assert.strictEqual((yield* failure(outbox.send(text("c"))))._tag, "Closed")
        assert.strictEqual((yield* failure(outbox.retry(second.key)))._tag, "Closed")
        yield* Effect.forkChild(Realtime.use((realtime) => realtime.open))
        const again = yield* gateway.accept
        yield* pass("5 seconds")
        assert.deepStrictEqual(yield* messagesOf(again), [])
        yield* outbox.retry(second.key)
        yield* handle(desk, again)
        yield* outbox.result(second.key)
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("a connection that ends for good settles every send with its reason", () =>
      Effect.gen(function* () {
        const { gateway, outbox } = yield* open(new Desk(7))
        const first = yield* outbox.enqueue(text("a"))
        const second = yield* outbox.enqueue(text("b"))
        const connection = yield* gateway.accept
        yield* message(connection)
        yield* connection.close(1006)
        assert.strictEqual((yield* failure(outbox.result(first.key)))._tag, "DeliveryUnknown")
        assert.strictEqual((yield* failure(outbox.result(second.key)))._tag, "ConnectionLost")
      }).pipe(Effect.provide(Gateway.layer({ reconnect: false })))
    )

    it.effect("waits while the session is superseded, and continues after `takeOver`", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { connection: first, key, outbox } = yield* handOver(desk)
        yield* first.push({ eventType: "MultipleLogin" })
        yield* pass("1 minute")
        assert.deepStrictEqual(yield* states, ["Sending"])
        yield* Effect.forkChild(Realtime.use((realtime) => realtime.takeOver))
        const second = yield* accept
        yield* pass("1 second")
        yield* handle(desk, second)
        assert.strictEqual((yield* outbox.result(key)).id, 102)
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect(
      "does not take an equal message, which the session that superseded it may have written, for its own",
      () =>
        Effect.gen(function* () {
          const desk = new Desk(7)
          const { connection: first, frame, key, outbox } = yield* handOver(desk)
          yield* first.push({ eventType: "MultipleLogin" })
          yield* settle
          desk.handle(frame)
          yield* Effect.forkChild(Realtime.use((realtime) => realtime.takeOver))
          const second = yield* accept
          yield* pass("1 second")
          assert.strictEqual((yield* failure(outbox.result(key)))._tag, "DeliveryUnknown")
          assert.deepStrictEqual(yield* messagesOf(second), [])
        }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("does not do so either where a dial of its own that arrives late may have been that session", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { gateway, outbox } = yield* open(desk)
        const { key } = yield* outbox.enqueue(text("a"))
        yield* gateway.refuse(new ConnectTimeout({ afterMillis: 10_000 }))
        yield* pass("1 second")
        const first = yield* gateway.accept
        const frame = yield* message(first)
        yield* first.push({ eventType: "MultipleLogin" })
        yield* settle
        desk.handle(frame)
        yield* pass("1 second")
        const second = yield* gateway.accept
        yield* pass("1 second")
        assert.strictEqual((yield* failure(outbox.result(key)))._tag, "DeliveryUnknown")
        assert.deepStrictEqual(yield* messagesOf(second), [])
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("accepts no message while superseded", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { connection, key, outbox } = yield* handOver(desk)
        yield* connection.push({ eventType: "MultipleLogin" })
        yield* settle
        assert.strictEqual((yield* failure(outbox.send(text("b"))))._tag, "Superseded")
        assert.strictEqual((yield* failure(outbox.enqueue(text("b"))))._tag, "Superseded")
        assert.deepStrictEqual(
          (yield* outbox.entries).map((entry) => entry.key),
          [key]
        )
      }).pipe(Effect.provide(Gateway.layer()))
    )

    it.effect("closing the layer settles every send and ends every stream", () =>
      Effect.gen(function* () {
        const { changes, results } = yield* Effect.gen(function* () {
          const { gateway, outbox } = yield* open(new Desk(7))
          const changes = yield* Effect.forkDetach(Stream.runCollect(outbox.changes), { startImmediately: true })
          const results = yield* Effect.forEach(["a", "b"], (content) =>
            Effect.forkDetach(Effect.exit(outbox.send(text(content))), { startImmediately: true })
          )
          yield* message(yield* gateway.accept)
          return { changes, results }
        }).pipe(Effect.provide(Gateway.layer()))
        const [first, second] = yield* Effect.forEach(results, Fiber.join)
        assert.isDefined(reasonOf(first ?? Exit.void))
        assert.isDefined(reasonOf(second ?? Exit.void))
        const seen = yield* Fiber.join(changes)
        assert.deepStrictEqual(
          seen.slice(-2).map(({ state }) => state._tag),
          ["DeliveryUnknown", "Failed"]
        )
      })
    )
  })

  describe("changes and entries", () => {
    it.effect("streams the present entries, then each change", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { gateway, outbox } = yield* open(desk)
        yield* outbox.enqueue(text("a"))
        const seen: Array<string> = []
        yield* outbox.changes.pipe(
          Stream.runForEach((entry) => Effect.sync(() => seen.push(`${entry.draft.content} ${entry.state._tag}`))),
          Effect.forkScoped({ startImmediately: true })
        )
        yield* settle
        const { key } = yield* outbox.enqueue(text("b"))
        const connection = yield* gateway.accept
        const frame = yield* message(connection)
        yield* settle
        yield* connection.ack(frame, desk.handle(frame))
        yield* message(connection)
        yield* settle
        yield* Realtime.use((realtime) => realtime.close)
        yield* settle
        assert.isTrue(yield* outbox.discard(key))
        assert.isFalse(yield* outbox.discard(key))
        yield* settle
        assert.deepStrictEqual(seen, [
          "a Queued",
          "b Queued",
          "a Sending",
          "a Sent",
          "b Sending",
          "b DeliveryUnknown",
          "b Discarded"
        ])
        assert.deepStrictEqual(yield* outbox.entries, [])
      }).pipe(Effect.scoped, Effect.provide(Gateway.layer()))
    )

    it.effect("holds the latest state of each entry for a slow subscriber", () =>
      Effect.gen(function* () {
        const desk = new Desk(7)
        const { gateway, outbox } = yield* open(desk)
        const pulled: Array<string> = []
        const slow = yield* outbox.changes.pipe(
          Stream.runForEach((entry) =>
            Effect.andThen(
              Effect.sync(() => pulled.push(entry.state._tag)),
              Effect.sleep("1 hour")
            )
          ),
          Effect.forkScoped({ startImmediately: true })
        )
        const connection = yield* Effect.andThen(outbox.enqueue(text("a")), gateway.accept)
        yield* handle(desk, connection)
        yield* settle
        yield* pass("1 hour")
        yield* pass("1 hour")
        assert.strictEqual(pulled.length, 2)
        assert.strictEqual(pulled[1], "Sent")
        yield* Fiber.interrupt(slow)
      }).pipe(Effect.scoped, Effect.provide(Gateway.layer()))
    )

    it.effect("remembers only the latest settled sends", () =>
      Effect.gen(function* () {
        const { outbox } = yield* open(new Desk(7))
        const keys: Array<OutboxKey> = []
        for (let number = 0; number < 5; number++) {
          keys.push((yield* outbox.enqueue(text(`${number}`))).key)
          yield* outbox.cancel(keys[number] as OutboxKey)
        }
        const reasons = yield* Effect.forEach(keys, (key) => failure(outbox.result(key)))
        assert.deepStrictEqual(
          reasons.map(({ _tag }) => _tag),
          ["NotFound", "NotFound", "Cancelled", "Cancelled", "Cancelled"]
        )
      }).pipe(Effect.provide(Gateway.layer({ outbox: { capacity: 3 } })))
    )
  })
})

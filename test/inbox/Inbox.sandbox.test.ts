import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as TestClock from "effect/testing/TestClock"
import type * as Kefu from "../../src/Kefu.ts"
import type { InboxConversation } from "../../src/inbox/InboxSnapshot.ts"
import { Inbox } from "../../src/inbox/Inbox.ts"
import { Outbox } from "../../src/outbox/Outbox.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import * as TestKefu from "../../src/testing/TestKefu.ts"
import { cid, settle } from "../support/Chat.ts"

const wait = (seconds: number) => Effect.andThen(TestClock.adjust(`${seconds} seconds`), settle)

/** Another session of the same backend, closed with the scope. */
const session = Effect.fnUntraced(function* (options: Kefu.Options) {
  const context = yield* Layer.build(TestKefu.layerSession(options))
  const inbox = Context.get(context, Inbox)
  const open = () => inbox.getSnapshot().conversations.find(({ state }) => state !== "FINISHED")
  return { inbox, open, outbox: Context.get(context, Outbox), realtime: Context.get(context, Realtime) }
})

const texts = (shown: InboxConversation | undefined) =>
  shown?.messages.flatMap(({ isRecalled, message }) =>
    message.messageType === "Text" ? [isRecalled ? "(recalled)" : message.content] : []
  )

describe("with the sandbox", () => {
  it.effect('CONN-1 opens no connection before it is used, and none with `connect: "manual"`', () =>
    Effect.gen(function* () {
      const { counters } = yield* Sandbox
      const idle = yield* session({ token: "visitor-alice-token" })
      const manual = yield* session({ token: "visitor-chen-token", connect: "manual" })
      yield* wait(60)
      assert.isTrue((yield* manual.inbox.ready).isLoaded)
      yield* wait(60)
      assert.strictEqual((yield* counters).dials, 0)
      assert.strictEqual(manual.inbox.getSnapshot().connection._tag, "Idle")
      yield* idle.inbox.ready
      yield* wait(1)
      assert.strictEqual((yield* counters).dials, 1)
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("shows both sides the same conversation, from the robot to the end", () =>
    Effect.gen(function* () {
      const visitor = yield* session({ token: "visitor-alice-token" })
      yield* visitor.inbox.ready
      yield* wait(1)
      assert.deepInclude(visitor.open(), { state: "ACTIVE", isServedByRobot: true, unreadCount: 0 })
      assert.isTrue(visitor.open()?.messages.some(({ message }) => message.messageType === "ChannelMenu"))

      yield* visitor.outbox.send({ messageType: "Text", content: "human" })
      yield* wait(1)
      assert.strictEqual(visitor.open()?.state, "PENDING")
      assert.deepStrictEqual(visitor.open()?.queue, { position: 1, estimatedWaitMillis: undefined })

      const staff = yield* session({ token: "staff-emma-token" })
      yield* staff.inbox.ready
      yield* wait(1)
      assert.deepInclude(visitor.open(), { state: "ACTIVE", queue: undefined, isServedByRobot: false })
      assert.strictEqual(visitor.open()?.counterpart?.id, staff.inbox.getSnapshot().me?.id)
      assert.strictEqual(staff.open()?.counterpart?.id, visitor.inbox.getSnapshot().me?.id)
      const id = visitor.open()?.id ?? cid(0)
      const toId = visitor.inbox.getSnapshot().me?.id

      yield* staff.inbox.typing(id, "Hi A")
      yield* settle
      assert.strictEqual(visitor.open()?.typing?.draft, "Hi A")
      const sent = yield* staff.outbox.send({ conversationId: id, toId, messageType: "Text", content: "Hi Alice" })
      yield* settle
      assert.isUndefined(visitor.open()?.typing)
      assert.strictEqual(visitor.open()?.unreadCount, 1)
      const own = () => staff.open()?.messages.find((one) => one.id === sent.id)
      assert.deepInclude(own(), { key: sent.key, isRead: false, direction: 0, delivery: undefined })
      yield* visitor.inbox.markRead(id)
      yield* settle
      assert.isTrue(own()?.isRead)
      assert.strictEqual(visitor.open()?.unreadCount, 0)

      yield* visitor.outbox.send({ conversationId: id, messageType: "Text", content: "hello" })
      const mistake = yield* visitor.outbox.send({ conversationId: id, messageType: "Text", content: "oops" })
      yield* settle
      assert.strictEqual(staff.open()?.unreadCount, 2)
      yield* visitor.inbox.recall(mistake.id)
      yield* settle
      assert.deepStrictEqual(texts(visitor.open()), ["human", "Hi Alice", "hello", "(recalled)"])
      assert.deepStrictEqual(texts(staff.open()), ["human", "Hi Alice", "hello", "(recalled)"])

      yield* staff.realtime.closeConversation(id)
      yield* settle
      assert.isUndefined(visitor.open())
      assert.isUndefined(staff.open())
      assert.strictEqual(visitor.inbox.getConversation(id)?.details.endReason, 2)
      assert.isFalse(yield* visitor.inbox.loadMore())
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("shows each message once after lost connections, own sends too", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const visitor = yield* session({ token: "visitor-alice-token" })
      const staff = yield* session({ token: "staff-emma-token" })
      yield* Effect.all([visitor.inbox.ready, staff.inbox.ready])
      yield* wait(1)
      yield* visitor.outbox.send({ messageType: "Text", content: "human" })
      yield* wait(1)
      const id = visitor.open()?.id ?? cid(0)
      const toId = visitor.inbox.getSnapshot().me?.id
      const expected = ["human"]
      for (let round = 1; round <= 5; round++) {
        yield* Effect.forEach(yield* sandbox.connections, (connection) => connection.reset)
        yield* visitor.outbox.enqueue({ conversationId: id, messageType: "Text", content: `v${round}` })
        yield* staff.outbox.enqueue({ conversationId: id, toId, messageType: "Text", content: `s${round}` })
        yield* settle
        assert.includeMembers(Array.from(texts(visitor.open()) ?? []), [`v${round}`])
        yield* wait(60)
        expected.push(`v${round}`, `s${round}`)
      }
      const history = (yield* sandbox.messages(id)).flatMap((one) => (one.messageType === "Text" ? [one.id] : []))
      const shownIds = (shown: InboxConversation | undefined) =>
        shown?.messages.flatMap((one) => (one.message.messageType === "Text" ? [one.id] : []))
      assert.sameMembers(Array.from(texts(visitor.open()) ?? []), expected)
      assert.deepStrictEqual<unknown>(shownIds(visitor.open()), history)
      assert.deepStrictEqual<unknown>(shownIds(staff.open()), history)
      const keys = visitor.open()?.messages.map(({ key }) => key) ?? []
      assert.strictEqual(new Set(keys).size, keys.length)
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("shows a stored message that waits at once after a restart, and once only when it has been sent", () =>
    Effect.gen(function* () {
      const store = yield* Layer.build(KeyValueStore.layerMemory)
      const storage = Layer.succeedContext(store)
      const options = { token: "visitor-alice-token", connect: "manual", outbox: { storage } } as const
      const before = yield* session({ token: "visitor-alice-token" })
      yield* before.inbox.ready
      yield* before.outbox.send({ messageType: "Text", content: "hello" })
      yield* wait(1)
      yield* before.realtime.close
      const conversationId = before.open()?.id ?? cid(0)

      const scope = yield* Scope.make()
      const first = yield* Scope.provide(session(options), scope)
      yield* first.outbox.enqueue({ conversationId, messageType: "Text", content: "one" })
      yield* first.outbox.enqueue({ messageType: "Text", content: "two" })
      yield* wait(1)
      yield* Scope.close(scope, Exit.void)

      const second = yield* session(options)
      yield* second.inbox.ready
      yield* settle
      assert.deepStrictEqual(texts(second.open()), ["hello", "one", "two"])
      assert.deepStrictEqual(
        second.open()?.messages.flatMap(({ delivery }) => (delivery === undefined ? [] : [delivery._tag])),
        ["Queued", "Queued"]
      )
      yield* second.realtime.open
      yield* wait(5)
      assert.deepStrictEqual(texts(second.open()), ["hello", "one", "two"])
      assert.isTrue(second.open()?.messages.every(({ delivery }) => delivery === undefined))
      assert.lengthOf(yield* second.outbox.entries, 0)
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("says whether the history of a long conversation is cut", () =>
    Effect.gen(function* () {
      const visitor = yield* session({ token: "visitor-alice-token" })
      yield* visitor.inbox.ready
      yield* wait(1)
      for (let count = 0; count < 5; count++) yield* visitor.outbox.send({ messageType: "Text", content: `${count}` })
      yield* wait(1)
      assert.isFalse(visitor.open()?.mayHaveEarlierMessages)
      const reloaded = yield* session({ token: "visitor-alice-token", connect: "manual" })
      yield* reloaded.inbox.ready
      assert.lengthOf(reloaded.open()?.messages ?? [], 4)
      assert.isTrue(reloaded.open()?.mayHaveEarlierMessages)
    }).pipe(Effect.provide(Sandbox.layer({ messagesPerConversation: 4 })))
  )

  it.effect("follows the session again after it was superseded and taken back", () =>
    Effect.gen(function* () {
      const staff = yield* session({ token: "staff-emma-token" })
      yield* staff.inbox.ready
      const visitor = yield* session({ token: "visitor-alice-token" })
      yield* visitor.inbox.ready
      yield* visitor.outbox.send({ messageType: "Text", content: "human" })
      yield* wait(1)
      const elsewhere = yield* session({ token: "visitor-alice-token" })
      yield* elsewhere.realtime.open
      yield* wait(1)
      assert.strictEqual(visitor.inbox.getSnapshot().connection._tag, "Superseded")
      const conversationId = visitor.open()?.id ?? cid(0)
      const toId = visitor.inbox.getSnapshot().me?.id
      const say = (content: string) => staff.outbox.send({ conversationId, toId, messageType: "Text", content })
      yield* say("missed")
      yield* wait(1)
      assert.deepStrictEqual(texts(visitor.open()), ["human"])
      yield* visitor.realtime.takeOver
      yield* wait(5)
      yield* say("live")
      yield* wait(1)
      assert.deepStrictEqual(texts(visitor.open()), ["human", "missed", "live"])
      assert.deepInclude(visitor.open(), { isFresh: true, unreadCount: 2 })
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("says once that it is not live if the connection was never opened", () => {
    const warnings: Array<unknown> = []
    const logger = Logger.make(({ logLevel, message }) => {
      if (logLevel === "Warn") warnings.push(message)
    })
    return Effect.gen(function* () {
      const manual = yield* session({ token: "visitor-alice-token", connect: "manual" })
      yield* manual.inbox.ready
      yield* wait(60)
      yield* manual.inbox.refresh
      yield* wait(60)
      assert.lengthOf(warnings, 1)
      assert.include(String(warnings[0]), "open")
      const early = yield* session({ token: "visitor-chen-token", connect: "manual" })
      yield* early.realtime.open
      yield* early.inbox.ready
      yield* wait(60)
      assert.lengthOf(warnings, 1)
    }).pipe(Effect.provide(Layer.merge(Sandbox.layer(), Logger.layer([logger]))))
  })

  const Step = Schema.Literals(["send", "reset", "reset all", "read", "recall", "type", "wait", "wait long"])
  const Steps = Schema.Array(Schema.Struct({ side: Schema.Literals(["visitor", "staff"]), step: Step }))

  it.effect.prop(
    "ends up with what a fresh session reads, whatever happened to the connections",
    [Steps.check(Schema.isMinLength(5), Schema.isMaxLength(30))],
    ([steps]) =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox
        const sides = {
          visitor: yield* session({ token: "visitor-alice-token" }),
          staff: yield* session({ token: "staff-emma-token" })
        }
        yield* Effect.all([sides.visitor.inbox.ready, sides.staff.inbox.ready])
        yield* wait(1)
        yield* sides.visitor.outbox.send({ messageType: "Text", content: "human" })
        yield* wait(1)
        const id = sides.visitor.open()?.id ?? cid(0)
        const toId = sides.visitor.inbox.getSnapshot().me?.id
        const say = (side: keyof typeof sides, content: string) =>
          sides[side].outbox.enqueue({ conversationId: id, toId, messageType: "Text", content })
        yield* say("staff", "hello")
        yield* wait(1)
        yield* say("visitor", "hi")

        let count = 0
        for (const { side, step } of steps) {
          const { inbox } = sides[side]
          const me = inbox.getSnapshot().me?.id
          const connections = yield* sandbox.connections
          switch (step) {
            case "send":
              yield* say(side, `${side} ${count++}`)
              break
            case "reset":
            case "reset all":
              yield* Effect.forEach(connections, (one) =>
                step === "reset all" || one.userId === me ? one.reset : Effect.void
              )
              break
            case "read":
              yield* Effect.forkScoped(Effect.ignore(inbox.markRead(id)))
              break
            case "recall": {
              const mine = inbox.getConversation(id)?.messages.findLast((one) => one.direction === 0 && !one.isRecalled)
              if (mine?.id !== undefined) yield* Effect.forkScoped(Effect.ignore(inbox.recall(mine.id)))
              break
            }
            case "type":
              yield* inbox.typing(id, "a draft")
              break
            default:
              yield* wait(step === "wait" ? 0.3 : 7)
          }
          yield* settle
        }
        yield* wait(60)
        yield* wait(60)

        for (const side of ["visitor", "staff"] as const) {
          const fresh = yield* session({
            token: `${side}-${side === "visitor" ? "alice" : "emma"}-token`,
            connect: "manual"
          })
          yield* fresh.inbox.ready
          const seen = sides[side].inbox.getConversation(id)
          const told = fresh.inbox.getConversation(id)
          assert.deepEqual(essence(seen), essence(told), side)
          assert.isTrue(seen?.isFresh)
          assert.isUndefined(seen?.typing)
        }
      }).pipe(Effect.provide(Sandbox.layer())),
    { arbitrary: { runs: 15 }, timeout: 60_000 }
  )
})

/** What the history says about a conversation; it omits recalled messages. */
const essence = (shown: InboxConversation | undefined) => ({
  state: shown?.state,
  counterpart: shown?.counterpart?.id,
  unreadCount: shown?.unreadCount,
  messages: shown?.messages
    .filter(({ isRecalled, isSystemMessage }) => !isRecalled && !isSystemMessage)
    .map(({ direction, id, isRead, message, nickname }) => ({
      id,
      direction,
      isRead,
      nickname,
      content: message.content
    }))
})

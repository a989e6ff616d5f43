/**
 * Tabs of one visitor that share a connection, against the sandbox and under virtual time.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { layerShared } from "../../../src/client/tabs/layer.ts"
import type { UserId } from "../../../src/domain/Id.ts"
import { Inbox } from "../../../src/inbox/Inbox.ts"
import * as Kefu from "../../../src/Kefu.ts"
import { Outbox } from "../../../src/outbox/Outbox.ts"
import { Realtime } from "../../../src/realtime/Realtime.ts"
import { SandboxFaults } from "../../../src/sandbox/faults/SandboxFaults.ts"
import { Sandbox } from "../../../src/sandbox/Sandbox.ts"
import * as Device from "../../../src/testing/Device.ts"
import * as SandboxPlatform from "../../../src/testing/SandboxPlatform.ts"
import { makeStore } from "../../support/OutboxStore.ts"
import * as Browsers from "../../support/Tabs.ts"

const baseUrl = "http://sandbox.test"

/** Lets time pass until a condition holds. */
const until = Effect.fnUntraced(function* (what: string, condition: () => boolean) {
  for (let rounds = 0; !condition(); rounds++) {
    if (rounds > 600) return assert.fail(`not within a minute: ${what}`)
    yield* TestClock.adjust("100 millis")
  }
})

/** Runs an effect while time passes. */
const passing = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const fiber = yield* Effect.forkScoped(effect, { startImmediately: true })
  yield* until("the end of an effect", () => fiber.pollUnsafe() !== undefined)
  return yield* Fiber.join(fiber)
})

/** A session, and the numbered texts that it has received, in order. */
const session = Effect.fnUntraced(function* (services: Context.Context<Kefu.Kefu>) {
  const realtime = Context.get(services, Realtime)
  const outbox = Context.get(services, Outbox)
  const received: Array<string> = []
  const events = yield* realtime.subscribe({ lasting: true })
  yield* Effect.forkScoped(
    Stream.runForEach(events, (event) =>
      Effect.sync(() => {
        if (event._tag !== "MessageReceived" || event.message.messageType !== "Text") return
        if (/^\d/.test(event.message.content)) received.push(event.message.content)
      })
    ),
    { startImmediately: true }
  )
  return {
    realtime,
    inbox: Context.get(services, Inbox),
    received,
    state: () => Effect.runSync(realtime.state)._tag,
    say: (content: string, toId?: UserId) => outbox.send({ messageType: "Text", content, toId })
  }
})

/** A visitor who talks with staff, and can open tabs. */
const desk = Effect.gen(function* () {
  const sandbox = yield* Sandbox
  const browser = Browsers.make()
  const visitor = yield* sandbox.createVisitor()
  const member = yield* sandbox.createStaff()
  const staffLayer = Kefu.layerPlatform({ baseUrl, token: member.token })
  const staff = yield* session(yield* Layer.build(Layer.provide(staffLayer, SandboxPlatform.layer)))

  /** `close` ends the client, as a tab that is closed does. */
  const open = Effect.fnUntraced(function* (storage?: Layer.Layer<KeyValueStore.KeyValueStore>) {
    const tab = browser.tab()
    const scope = yield* Scope.fork(yield* Effect.scope)
    const shared = layerShared({ baseUrl, token: visitor.token, outbox: { storage } }, tab.tabs)
    const device = yield* Device.make
    const services = yield* Layer.build(Layer.provide(shared, SandboxPlatform.layer)).pipe(
      Scope.provide(scope),
      device.run
    )
    const its = yield* device.run(session(services))
    yield* until("it is connected", () => its.state() === "Connected")
    return {
      ...tab,
      ...its,
      close: Scope.close(scope, Exit.void),
      /** It neither does nor gets anything any more. */
      crash: Effect.suspend(() => {
        tab.crash()
        return Effect.forkScoped(device.sleep("1 day"), { startImmediately: true })
      }),
      /** Freezes the tab: it neither does nor gets anything, and its timers are late. */
      freeze: Effect.suspend(() => {
        tab.freeze()
        return Effect.forkScoped(Effect.andThen(device.sleep("40 seconds"), Effect.sync(tab.thaw)), {
          startImmediately: true
        })
      })
    }
  })

  const connections = Effect.map(sandbox.connections, (all) => all.filter(({ userId }) => userId === visitor.userId))

  const { clear, inject } = yield* SandboxFaults
  const { userId } = visitor

  return {
    open,
    connections,
    /** From now on the visitor's frames arrive, and nothing comes back over the present connection. */
    silence: inject({ _tag: "Silence", direction: "outbound", userId }),
    /** Ends the visitor's connection, and refuses others until `clear`. */
    cut: inject({ _tag: "RefuseDials", status: 503, userId }, { _tag: "Reset", userId }),
    clear,
    superseded: Effect.map(sandbox.counters, ({ superseded }) => superseded),
    staff,
    answer: (text: string) => staff.say(text, visitor.userId),
    /** Drops the visitor's connection, as the crash of its tab does. */
    reset: Effect.flatMap(connections, (all) => Effect.forEach(all, ({ reset }) => reset, { discard: true })),
    /** The numbered texts that the backend holds. */
    history: Effect.map(sandbox.conversations, (all) =>
      all
        .filter(({ customer }) => customer?.id === visitor.userId)
        .flatMap(({ messages }) =>
          messages.flatMap(({ content, messageType }) =>
            messageType === "Text" && /^\d/.test(String(content)) ? [String(content)] : []
          )
        )
    )
  }
})

const withSandbox = Effect.provide(Layer.provideMerge(Sandbox.layer(), SandboxFaults.layer))

describe("tabs that share a connection", () => {
  it.effect("hold one, over which what each sends or gets arrives once, in order, in all of them", () =>
    Effect.gen(function* () {
      const { answer, connections, history, open, superseded } = yield* desk
      const one = yield* open()
      yield* passing(one.say("转人工"))
      const two = yield* open()
      const three = yield* open()
      yield* passing(one.say("1 one"))
      yield* passing(answer("2 staff"))
      yield* passing(two.say("3 two"))
      yield* passing(three.say("4 three"))
      yield* passing(answer("5 staff"))
      yield* until("all have the last one", () =>
        [one, two, three].every(({ received }) => received.includes("5 staff"))
      )
      assert.deepStrictEqual(yield* history, ["1 one", "2 staff", "3 two", "4 three", "5 staff"])
      assert.deepStrictEqual(one.received, ["2 staff", "3 two", "4 three", "5 staff"])
      assert.deepStrictEqual(two.received, ["1 one", "2 staff", "4 three", "5 staff"])
      assert.deepStrictEqual(three.received, ["1 one", "2 staff", "3 two", "5 staff"])
      assert.strictEqual((yield* connections).length, 1)
      assert.strictEqual(yield* superseded, 0)
    }).pipe(withSandbox)
  )

  it.effect("move it when the tab that holds it closes: nothing is lost or doubled, nobody is superseded", () =>
    Effect.gen(function* () {
      const { answer, connections, history, open, superseded } = yield* desk
      const one = yield* open()
      yield* passing(one.say("转人工"))
      const two = yield* open()
      const three = yield* open()
      yield* passing(answer("1 staff"))
      const sending = yield* Effect.forkScoped(Effect.all([two.say("2 two"), two.say("3 two")], { concurrency: 2 }))
      yield* one.close
      yield* passing(answer("4 staff"))
      yield* passing(Fiber.join(sending))
      yield* passing(three.say("5 three"))
      yield* until("both have everything", () => two.received.length === 3 && three.received.length === 4)
      const all = yield* history
      assert.deepStrictEqual(all.toSorted(), ["1 staff", "2 two", "3 two", "4 staff", "5 three"])
      assert.deepStrictEqual(
        two.received,
        all.filter((text) => !text.endsWith("two"))
      )
      assert.deepStrictEqual(
        three.received,
        all.filter((text) => !text.endsWith("three"))
      )
      assert.strictEqual((yield* connections).length, 1)
      assert.strictEqual(yield* superseded, 0)
    }).pipe(withSandbox)
  )

  it.effect("move it when that tab crashes", () =>
    Effect.gen(function* () {
      const { answer, connections, history, open, reset } = yield* desk
      const one = yield* open()
      yield* passing(one.say("转人工"))
      const two = yield* open()
      const three = yield* open()
      const sending = yield* Effect.forkScoped(Effect.all([two.say("1 two"), three.say("2 three")], { concurrency: 2 }))
      yield* one.crash
      yield* reset
      yield* passing(answer("3 staff"))
      yield* passing(Fiber.join(sending))
      yield* until("both have everything", () => two.received.length === 2 && three.received.length === 2)
      assert.deepStrictEqual((yield* history).toSorted(), ["1 two", "2 three", "3 staff"])
      assert.deepStrictEqual(two.received.toSorted(), ["2 three", "3 staff"])
      assert.deepStrictEqual(three.received.toSorted(), ["1 two", "3 staff"])
      assert.strictEqual((yield* connections).length, 1)
    }).pipe(withSandbox)
  )

  it.effect("know their own sends, also equal ones, of which no acknowledgement came before the crash", () =>
    Effect.gen(function* () {
      const { clear, history, open, reset, silence } = yield* desk
      const one = yield* open()
      yield* passing(one.say("转人工"))
      const two = yield* open()
      const three = yield* open()
      yield* silence
      const texts = Effect.all([two.say("1 two"), two.say("2 same"), three.say("3 three"), three.say("2 same")], {
        concurrency: 4
      })
      const sending = yield* Effect.forkScoped(texts)
      yield* TestClock.adjust("1 second")
      assert.lengthOf(yield* history, 2)
      yield* one.crash
      yield* clear
      yield* reset
      const sent = yield* passing(Fiber.join(sending))
      assert.deepStrictEqual((yield* history).toSorted(), ["1 two", "2 same", "2 same", "3 three"])
      assert.strictEqual(new Set(sent.map(({ id }) => id)).size, 4)
    }).pipe(withSandbox)
  )

  it.effect("keep their own sends in a store, and send those of a tab that has crashed, once", () =>
    Effect.gen(function* () {
      const { clear, cut, history, open } = yield* desk
      const store = makeStore()
      const one = yield* open(store.layer)
      yield* passing(one.say("转人工"))
      const two = yield* open(store.layer)
      const three = yield* open(store.layer)
      yield* passing(one.say("1 one"))
      yield* passing(two.say("2 two"))
      yield* cut
      yield* until("nobody is connected", () => [one, two, three].every(({ state }) => state() !== "Connected"))
      yield* Effect.forkScoped(one.say("3 one"))
      const sending = yield* Effect.forkScoped(two.say("4 two"))
      yield* until("both are stored", () => store.has("3 one") && store.has("4 two"))
      yield* one.crash
      yield* clear
      yield* passing(Fiber.join(sending))
      yield* until("the store is empty", () => !store.has("3 one"))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual((yield* history).toSorted(), ["1 one", "2 two", "3 one", "4 two"])
      // One of the others has sent it, and the other one shows it.
      const shown = [...two.received, ...three.received].filter((text) => text === "3 one")
      assert.deepStrictEqual(shown, ["3 one"])
    }).pipe(withSandbox)
  )

  it.effect("take it from a frozen tab, which shares it again when it is resumed", () =>
    Effect.gen(function* () {
      const { answer, connections, history, open } = yield* desk
      const one = yield* open()
      yield* passing(one.say("转人工"))
      const two = yield* open()
      const frozen = yield* one.freeze
      yield* passing(two.say("1 two"))
      yield* passing(answer("2 staff"))
      yield* until("the other has it", () => two.received.length === 1)
      yield* passing(Fiber.join(frozen))
      yield* until("it shares again", () => one.state() === "Connected" && one.received.length === 2)
      yield* passing(one.say("3 one"))
      yield* until("the other shows it", () => two.received.length === 2)
      assert.deepStrictEqual(yield* history, ["1 two", "2 staff", "3 one"])
      assert.deepStrictEqual(one.received, ["1 two", "2 staff"])
      assert.deepStrictEqual(two.received, ["2 staff", "3 one"])
      assert.strictEqual((yield* connections).length, 1)
    }).pipe(withSandbox)
  )

  it.effect("are all superseded by another login, and come back with the one that takes over", () =>
    Effect.gen(function* () {
      const { connections, open } = yield* desk
      const one = yield* open()
      const two = yield* open()
      const [connection] = yield* connections
      assert.isDefined(connection)
      const elsewhere = yield* Sandbox.use((sandbox) => sandbox.connect({ token: connection.dial.token }))
      yield* until("both are superseded", () => one.state() === "Superseded" && two.state() === "Superseded")
      yield* elsewhere.close()
      yield* passing(two.realtime.takeOver)
      yield* passing(one.realtime.takeOver)
      assert.strictEqual((yield* connections).length, 1)
    }).pipe(withSandbox)
  )

  it.effect("count down together what one of them has read", () =>
    Effect.gen(function* () {
      const { answer, open } = yield* desk
      const one = yield* open()
      const two = yield* open()
      yield* passing(one.say("转人工"))
      yield* passing(Effect.all([one.inbox.ready, two.inbox.ready]))
      yield* passing(answer("1 staff"))
      yield* passing(answer("2 staff"))
      const unread = () => [one, two].map(({ inbox }) => inbox.getSnapshot().unreadCount)
      yield* until("both count the two", () => unread().every((count) => count >= 2))
      const [conversation] = one.inbox.getSnapshot().conversations
      assert.isDefined(conversation)
      yield* passing(one.inbox.markRead(conversation.id))
      yield* until("both have read it", () => unread().every((count) => count === 0))
    }).pipe(withSandbox)
  )
})

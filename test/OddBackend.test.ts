/**
 * Over a backend whose answers and frames have odd fields, visitors and staff chat to the end: nothing that anybody said
 * is lost, doubled or out of order, and both sides see what is unread and what was read.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { MessageId } from "../src/domain/Id.ts"
import { Inbox } from "../src/inbox/Inbox.ts"
import { Outbox } from "../src/outbox/Outbox.ts"
import { Realtime } from "../src/realtime/Realtime.ts"
import { Sandbox } from "../src/sandbox/Sandbox.ts"
import * as TestKefu from "../src/testing/TestKefu.ts"
import { settle } from "./support/Chat.ts"
import * as OddBackend from "./support/OddBackend.ts"

const seeds = Array.from({ length: 40 }, (_, index) => index + 1)

const wait = (seconds: number) => Effect.andThen(TestClock.adjust(`${seconds} seconds`), settle)

const join = Effect.fnUntraced(function* (token: string) {
  const context = yield* Layer.build(TestKefu.layerSession({ token }))
  const inbox = Context.get(context, Inbox)
  const realtime = Context.get(context, Realtime)
  const heard: Array<MessageId> = []
  yield* (yield* realtime.subscribe()).pipe(
    Stream.runForEach((event) =>
      Effect.sync(() => {
        if (event._tag === "MessageReceived" && event.message.messageType === "Text") heard.push(event.message.id)
      })
    ),
    Effect.forkScoped({ startImmediately: true })
  )
  yield* inbox.ready
  return { heard, inbox, outbox: Context.get(context, Outbox), realtime }
})

type Person = Effect.Success<ReturnType<typeof join>>

/** The only conversation of a person, or that with another one, which has not ended. */
const chatOf = (person: Person, other?: Person) => {
  const otherId = other?.inbox.getSnapshot().me?.id
  const found = person.inbox
    .getSnapshot()
    .conversations.find(({ counterpart, state }) => state !== "FINISHED" && (!other || counterpart?.id === otherId))
  return found ?? assert.fail("there is no such conversation")
}

const textsIn = (person: Person, other?: Person) =>
  chatOf(person, other).messages.filter(({ message }) => message.messageType === "Text")

const say = (person: Person, content: string, to?: Person) => {
  const toId = to?.inbox.getSnapshot().me?.id
  return person.outbox.enqueue({
    conversationId: chatOf(person, to).id,
    messageType: "Text",
    content,
    ...(toId === undefined ? {} : { toId })
  })
}

describe("a backend with odd fields", () => {
  for (const seed of seeds) {
    it.effect(`lets people who use the Effect API chat to the end (seed ${seed})`, () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox
        const staff = yield* join("staff-li-token")
        const visitors = [yield* join("visitor-chen-token"), yield* join("visitor-alice-token")]
        yield* wait(2)
        for (const [index, visitor] of visitors.entries()) {
          yield* visitor.outbox.send({ messageType: "Text", content: index === 0 ? "人工" : "human" })
        }
        yield* wait(30)

        for (let round = 1; round <= 4; round++) {
          if (round === 3) yield* Effect.forEach(yield* sandbox.connections, (connection) => connection.reset)
          for (const visitor of visitors) {
            yield* say(visitor, `v${round}a`)
            yield* say(staff, `s${round}`, visitor)
            yield* say(visitor, `v${round}b`)
          }
          yield* wait(60)
        }

        for (const visitor of visitors) {
          const { id } = chatOf(visitor)
          const said = (yield* sandbox.messages(id)).filter(({ messageType }) => messageType === "Text")
          assert.sameMembers(
            said.map(({ content }) => content),
            [visitor === visitors[0] ? "人工" : "human", ...[1, 2, 3, 4].flatMap((n) => [`v${n}a`, `s${n}`, `v${n}b`])],
            "each text was said once"
          )
          const isStaffs = ({ content }: { readonly content?: unknown }) => String(content).startsWith("s")
          const own = said.filter((one) => !isStaffs(one))
          const staffs = said.filter(isStaffs)
          assert.deepStrictEqual(
            own.slice(1).map(({ content }) => content),
            [1, 2, 3, 4].flatMap((n) => [`v${n}a`, `v${n}b`]),
            "in the order in which it was said"
          )
          for (const person of [visitor, staff]) {
            assert.deepStrictEqual(
              textsIn(person, person === staff ? visitor : undefined).map((one) => [
                one.id,
                "content" in one.message && one.message.content
              ]),
              said.map((one) => [one.id, one.content]),
              "both see the same messages"
            )
          }
          // What people said themselves may be among it: a history that was read again may hold it before its ack.
          for (const [person, theirs] of [
            [visitor, staffs],
            [staff, own.slice(1)]
          ] as const) {
            const ids = new Set(theirs.map((one) => one.id))
            const heard = person.heard.filter((one) => ids.has(one))
            assert.deepStrictEqual(heard, Array.from(ids), "heard each once, in order")
          }

          yield* say(staff, "any questions?", visitor)
          yield* wait(5)
          assert.isAtLeast(chatOf(visitor).unreadCount, 1)
          yield* visitor.inbox.markRead(id)
          yield* wait(5)
          assert.strictEqual(chatOf(visitor).unreadCount, 0)
          assert.isTrue(
            textsIn(staff, visitor)
              .filter((one) => one.direction === 0)
              .every((one) => one.isRead)
          )
          yield* say(visitor, "no")
          yield* say(visitor, "thanks")
          yield* wait(5)
          assert.strictEqual(chatOf(staff, visitor).unreadCount, 2)
          yield* staff.inbox.markRead(id)
          yield* wait(5)
          assert.strictEqual(chatOf(staff, visitor).unreadCount, 0)
          assert.isTrue(
            textsIn(visitor)
              .filter((one) => one.direction === 0)
              .every((one) => one.isRead)
          )

          yield* staff.realtime.closeConversation(id)
          yield* wait(5)
          for (const person of [visitor, staff]) {
            assert.strictEqual(person.inbox.getConversation(id)?.state, "FINISHED")
          }
        }
        for (const person of [staff, ...visitors]) {
          assert.strictEqual((yield* person.realtime.state)._tag, "Connected")
        }
      }).pipe(Effect.provide(Sandbox.layer().pipe(Layer.provide(OddBackend.layer(seed)))))
    )
  }
})

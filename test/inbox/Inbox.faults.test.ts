import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { Conversation } from "../../src/domain/Conversation.ts"
import { Message } from "../../src/domain/Message.ts"
import type { User } from "../../src/domain/User.ts"
import { UnexpectedResponse } from "../../src/KefuError.ts"
import { OutboxState } from "../../src/outbox/OutboxState.ts"
import { RealtimeEvent } from "../../src/realtime/RealtimeEvent.ts"
import {
  alice,
  begun,
  cid,
  conversation,
  entry,
  failure,
  ids,
  inputting,
  li,
  loaded,
  message,
  mid,
  received,
  resynced,
  wang
} from "../support/Chat.ts"

/** The value, with a field that throws when it is read. */
const hostile = <A extends object>(value: A, field: keyof A): A =>
  Object.defineProperty({ ...value }, field, {
    enumerable: true,
    get: () => {
      throw new Error("a defect")
    }
  })

/** Collects what is logged as an error. */
const logged = () => {
  const errors: Array<unknown> = []
  const layer = Logger.layer([
    Logger.make(({ logLevel, message }) => {
      if (logLevel === "Error") errors.push(message)
    })
  ])
  return { errors, layer }
}

describe("a typing sign with an odd user id", () => {
  it.effect("is shown without the user, and nothing else is lost", () =>
    Effect.gen(function* () {
      const { publish, shown } = yield* begun(li)
      for (const fromId of [2 ** 60, -(2 ** 53), 1.5, Number.NaN]) {
        yield* publish(inputting(`draft of ${fromId}`, { fromId }))
        assert.deepStrictEqual(shown()?.typing, { draft: `draft of ${fromId}`, userId: undefined })
      }
      yield* publish(received(message(1, alice)))
      assert.deepStrictEqual(ids(shown()), [1])
    })
  )
})

describe("a defect", () => {
  it.effect("in an event is logged, the conversations are read again, and later events are shown", () => {
    const { errors, layer } = logged()
    return Effect.gen(function* () {
      const { called, publish, shown } = yield* begun(alice)
      const before = called("current").length
      yield* publish(received(hostile(message(1, li), "content")), received(message(2, li)))
      yield* publish(received(message(3, li)))
      assert.deepStrictEqual(ids(shown()), [2, 3])
      assert.lengthOf(called("current"), before + 1)
      assert.lengthOf(errors, 1)
    }).pipe(Effect.provide(layer))
  })

  it.effect("in one conversation of a list costs no other", () => {
    const { errors, layer } = logged()
    return Effect.gen(function* () {
      const { backend, inbox, publish, shown } = yield* begun(alice)
      const odd = hostile(conversation({ id: cid(8) }), "users")
      yield* publish(resynced(odd, conversation({ messages: [message(1, li)] })))
      assert.deepStrictEqual(ids(shown()), [1])
      backend.conversations = [odd, conversation({ messages: [message(1, li), message(2, li)] })]
      yield* inbox.refresh
      assert.deepStrictEqual(ids(shown()), [1, 2])
      assert.isNotEmpty(errors)
    }).pipe(Effect.provide(layer))
  })

  it.effect("in a read is logged, and later reads take place", () => {
    const { errors, layer } = logged()
    return Effect.gen(function* () {
      const { backend, publish, shown } = yield* begun(alice)
      backend.before = Effect.die("a defect")
      const gap = RealtimeEvent.GapUnresolved({ conversationId: cid(7), detail: "" })
      yield* publish(gap)
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(errors, 1)
      assert.isFalse(shown()?.isFresh)
      backend.before = Effect.void
      yield* publish(gap)
      assert.isTrue(shown()?.isFresh)
    }).pipe(Effect.provide(layer))
  })

  it.effect("in a send is logged, and later sends are shown", () => {
    const { errors, layer } = logged()
    return Effect.gen(function* () {
      const { send, shown } = yield* begun(alice)
      yield* send(hostile(entry("a", OutboxState.Queued()), "draft"))
      yield* send(entry("b", OutboxState.Sent({ id: mid(1) })))
      assert.deepStrictEqual(
        shown()?.messages.map(({ key }) => key),
        ["b"]
      )
      assert.lengthOf(errors, 1)
    }).pipe(Effect.provide(layer))
  })

  it.effect("in a draft's command is logged, and later drafts are sent", () => {
    const { errors, layer } = logged()
    return Effect.gen(function* () {
      const { backend, called, inbox } = yield* begun(alice)
      backend.acknowledge = Effect.die("a defect")
      yield* inbox.typing(cid(7), "h")
      yield* TestClock.adjust("2 seconds")
      yield* inbox.typing(cid(7), "he")
      yield* TestClock.adjust("2 seconds")
      assert.lengthOf(called("inputting"), 2)
      assert.lengthOf(errors, 2)
    }).pipe(Effect.provide(layer))
  })
})

describe("odd fields", () => {
  const decodeMessage = Schema.decodeUnknownSync(Message)
  const decodeConversation = Schema.decodeUnknownSync(Conversation)
  const person = ({ id, nickname, userType }: User) => ({ id, nickname, user_type: userType })
  const text = (id: unknown, from: User) => ({
    id,
    from_id: from.id,
    conversation_id: 7,
    message_type: 1,
    content: "hi"
  })
  const wire = {
    id: 7,
    state: "ACTIVE",
    customer: person(alice),
    last_staff: person(li),
    users: [person(alice), person(li)],
    messages: [text(1, li)]
  }

  it.effect("of an end do not leave the conversation open", () =>
    Effect.gen(function* () {
      for (const content of [null, {}, "", [], { reason: null }, { reason: "by staff" }, 2]) {
        const { publish, shown } = yield* begun(alice)
        yield* publish(received(decodeMessage({ id: 1, from_id: 3, conversation_id: 7, message_type: 104, content })))
        assert.strictEqual(shown()?.state, "FINISHED")
      }
    })
  )

  it.effect("of other system messages lead to a read of the conversation", () =>
    Effect.gen(function* () {
      for (const message_type of [101, 102, 103, 107, 108, 109]) {
        for (const content of [null, "odd", { user_id: "x", message_id: "x" }]) {
          const { publish, reads } = yield* begun(alice)
          const odd = decodeMessage({ id: 1, conversation_id: 7, message_type, content })
          assert.deepStrictEqual(
            yield* reads(publish(received(odd))),
            [7],
            `${message_type} ${JSON.stringify(content)}`
          )
        }
      }
    })
  )

  it.effect("of a conversation leave what was known before", () =>
    Effect.gen(function* () {
      const { backend, inbox, publish, shown } = yield* loaded(alice, decodeConversation(wire))
      assert.deepStrictEqual(shown()?.counterpart, li)
      const odd = decodeConversation({
        ...wire,
        state: { name: "ACTIVE" },
        customer: "Alice",
        last_staff: "李静",
        users: [{ ...person(li), user_type: 3 }, null, "王磊", person(wang)],
        conversations_user: "none",
        messages: [text("1", li), null, text("2", li), "a text", { ...text(3, li), created_at: "today" }]
      })
      backend.conversations = [odd]
      yield* publish(resynced(odd))
      yield* inbox.refresh
      assert.deepInclude(shown(), { state: "ACTIVE", isFresh: true, unreadCount: 3 })
      assert.deepInclude(shown()?.counterpart, { id: li.id, userType: "STAFF", nickname: "李静" })
      assert.deepStrictEqual(ids(shown()), [1, 2, 3])
      assert.deepStrictEqual(
        shown()?.messages.map(({ direction, nickname }) => [direction, nickname]),
        [1, 2, 3].map(() => [1 as const, "李静"])
      )
      assert.deepStrictEqual(inbox.getSnapshot().users.get(wang.id), wang)
    })
  )

  it.effect("of its first conversation do not keep the inbox from loading", () =>
    Effect.gen(function* () {
      const odd = decodeConversation({
        id: "7",
        state: 1,
        messages: [null, { ...text("2", li), content: { odd: true } }]
      })
      const { inbox, shown } = yield* loaded(alice, odd)
      assert.isTrue((yield* inbox.ready).isLoaded)
      assert.deepInclude(shown(), { state: "ACTIVE", counterpart: undefined })
      assert.deepStrictEqual(ids(shown()), [2])
    })
  )
})

describe("the queue", () => {
  const malformed = failure(new UnexpectedResponse({ path: "position", detail: "expected a number" }))

  it.effect("is polled on after a malformed answer and after a defect", () => {
    const { errors, layer } = logged()
    return Effect.gen(function* () {
      const { backend, publish, shown } = yield* begun(alice)
      backend.conversations = [conversation({ state: "PENDING", lastStaff: null })]
      yield* publish(resynced(...backend.conversations))
      assert.strictEqual(shown()?.queue?.position, 1)
      backend.before = Effect.fail(malformed)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(shown()?.queue?.position, 1)
      backend.before = Effect.die("a defect")
      yield* TestClock.adjust("1 minute")
      assert.isNotEmpty(errors)
      backend.before = Effect.void
      backend.position = 4
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(shown()?.queue?.position, 4)
    }).pipe(Effect.provide(layer))
  })

  it.effect("shows no position that is none", () =>
    Effect.gen(function* () {
      const { backend, publish, shown } = yield* begun(alice)
      backend.conversations = [conversation({ state: "PENDING", lastStaff: null })]
      for (const position of [0, -3, 1.5, Number.NaN, 2 ** 70]) {
        backend.position = position
        yield* publish(resynced(...backend.conversations))
        yield* TestClock.adjust("1 minute")
        assert.isUndefined(shown()?.queue)
      }
    })
  )
})

describe("a listener", () => {
  const silent = (value: unknown): never => {
    throw value
  }
  const unprintable: ReadonlyArray<readonly [what: string, thrown: unknown]> = [
    ["an object without a prototype", Object.create(null)],
    ["undefined", undefined],
    ["an object whose fields throw", hostile({ message: "", toString: () => "" }, "message")],
    ["an object that cannot be converted", { toString: () => silent("no"), toJSON: () => silent("no") }]
  ]
  for (const [what, thrown] of unprintable) {
    it.effect(`that throws ${what} keeps no other from being called`, () =>
      Effect.gen(function* () {
        const { inbox, publish, shown } = yield* begun(alice)
        let heard = 0
        inbox.subscribe(() => silent(thrown))
        inbox.subscribe(() => heard++)
        yield* publish(received(message(1, li)))
        yield* publish(received(message(2, li)))
        assert.deepStrictEqual(ids(shown()), [1, 2])
        assert.strictEqual(heard, 2)
      }).pipe(Effect.provide(Logger.layer([Logger.formatJson, Logger.consolePretty()])))
    )
  }
})

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import type { InboxConversation } from "../../src/inbox/InboxSnapshot.ts"
import { AckTimeout } from "../../src/KefuError.ts"
import { ConnectionState } from "../../src/realtime/ConnectionState.ts"
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
  message,
  received,
  robot,
  wang
} from "../support/Chat.ts"

describe("typing of the other side", () => {
  const typing = (shown: InboxConversation | undefined) => shown?.typing?.draft

  it.effect("is shown, and expires 10 seconds after the last sign", () =>
    Effect.gen(function* () {
      const { publish, shown } = yield* begun(li)
      yield* publish(inputting("h", { fromId: 1 }))
      assert.deepStrictEqual(shown()?.typing, { draft: "h", userId: alice.id })
      yield* TestClock.adjust("9 seconds")
      const before = shown()
      yield* publish(inputting("h", { fromId: 1 }))
      assert.strictEqual(shown(), before)
      yield* TestClock.adjust(9999)
      assert.strictEqual(typing(shown()), "h")
      yield* TestClock.adjust(1)
      assert.isUndefined(shown()?.typing)
    })
  )

  it.effect("ends with the message, with an empty draft, and with the conversation", () =>
    Effect.gen(function* () {
      const { publish, shown } = yield* begun(li)
      yield* publish(inputting("h"), received(message(1, alice)))
      assert.isUndefined(shown()?.typing)
      yield* publish(inputting("h"), received(message(2, wang)), received(message(3, li, "StaffTimeoutMessage")))
      assert.strictEqual(typing(shown()), "h")
      yield* publish(inputting(""))
      assert.isUndefined(shown()?.typing)
      yield* publish(inputting("h"), received(message(4, alice, "ConversationEnd", { reason: 1 })))
      assert.isUndefined(shown()?.typing)
      yield* publish(inputting("h"))
      assert.isUndefined(shown()?.typing)
    })
  )

  it.effect("may come without a draft, but not from this account or in an unknown conversation", () =>
    Effect.gen(function* () {
      const { inbox, publish, shown } = yield* begun(li)
      yield* publish(inputting(undefined))
      assert.deepStrictEqual(shown()?.typing, { draft: undefined, userId: undefined })
      yield* publish(inputting(""), inputting("mine", { fromId: li.id }))
      assert.isUndefined(shown()?.typing)
      yield* publish(
        RealtimeEvent.Inputting({ conversationId: cid(99), payload: { content: "h", conversationId: cid(99) } })
      )
      assert.lengthOf(inbox.getSnapshot().conversations, 1)
    })
  )
})

describe("a typing sign that its own message has overtaken", () => {
  const hello = received(message(1, alice, "Text", "hello there"))

  it.effect("is not shown", () =>
    Effect.gen(function* () {
      for (const draft of ["hello there", "hello th", "…", undefined]) {
        const { publish, shown } = yield* begun(li)
        yield* publish(inputting("hello"), hello, inputting(draft, { fromId: 1 }))
        assert.isUndefined(shown()?.typing)
        yield* TestClock.adjust("1 second")
        yield* publish(inputting(draft))
        assert.isUndefined(shown()?.typing)
      }
    })
  )

  it.effect("is told apart from the next draft", () =>
    Effect.gen(function* () {
      const { publish, shown } = yield* begun(li)
      yield* publish(hello, inputting("and"))
      assert.strictEqual(shown()?.typing?.draft, "and")
      yield* publish(received(message(2, alice)), inputting("h"))
      assert.strictEqual(shown()?.typing?.draft, "h")
      yield* publish(hello, received(message(3, alice, "Text", "hello")))
      yield* TestClock.adjust("3 seconds")
      yield* publish(inputting("hello"))
      assert.strictEqual(shown()?.typing?.draft, "hello")
    })
  )

  it.effect("is told apart from the draft of somebody else", () =>
    Effect.gen(function* () {
      const { publish, shown } = yield* begun(alice)
      yield* publish(received(message(1, li, "Text", "hello")), inputting("hello", { fromId: wang.id }))
      assert.deepStrictEqual(shown()?.typing, { draft: "hello", userId: wang.id })
    })
  )
})

describe("typing of this account", () => {
  it.effect("goes to the counterpart, at most once a second, the last draft always", () =>
    Effect.gen(function* () {
      const { called, inbox } = yield* begun(alice)
      yield* inbox.typing(cid(7), "h")
      yield* inbox.typing(cid(7), "he")
      yield* TestClock.adjust(999)
      yield* inbox.typing(cid(7), "hel")
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(
        called("inputting").map(({ at, with: draft }) => [at, draft]),
        [
          [0, { content: "h", conversationId: 7, toId: 3 }],
          [1000, { content: "hel", conversationId: 7, toId: 3 }]
        ]
      )
    })
  )

  it.effect("does not wait for acks, and fails silently", () =>
    Effect.gen(function* () {
      const { backend, called, inbox } = yield* begun(alice)
      backend.acknowledge = Effect.andThen(
        Effect.sleep("10 seconds"),
        failure(new AckTimeout({ afterMillis: 10_000, sequenceId: 1 }))
      )
      yield* inbox.typing(cid(7), "h")
      yield* TestClock.adjust("3 seconds")
      yield* inbox.typing(cid(7), "he")
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(called("inputting"), 2)
    })
  )

  it.effect("ends when the message is sent", () =>
    Effect.gen(function* () {
      const { called, inbox, send, shown } = yield* begun(alice)
      yield* inbox.typing(cid(7), "h")
      yield* inbox.typing(cid(7), "hello")
      yield* send(entry("a", OutboxState.Queued()))
      yield* TestClock.adjust("10 seconds")
      assert.lengthOf(called("inputting"), 1)
      assert.deepStrictEqual(ids(shown()), ["?"])
    })
  )

  it.effect("is not sent while a robot or nobody serves, or after the end", () =>
    Effect.gen(function* () {
      const { backend, called, inbox } = yield* begun(alice)
      for (const state of [
        { lastStaff: robot },
        { state: "PENDING" as const, lastStaff: null },
        { state: "FINISHED" as const, lastStaff: li }
      ]) {
        backend.conversations = [conversation(state)]
        yield* inbox.refresh
        yield* inbox.typing(cid(7), "h")
        yield* inbox.typing(cid(99), "h")
        yield* TestClock.adjust("10 seconds")
      }
      assert.lengthOf(called("inputting"), 0)
    })
  )

  it.effect("is dropped without a connection, and not sent later", () =>
    Effect.gen(function* () {
      const { called, connected, enter, inbox } = yield* begun(alice)
      yield* enter(ConnectionState.Connecting({ attempt: 0 }))
      yield* inbox.typing(cid(7), "h")
      yield* enter(connected)
      yield* TestClock.adjust("10 seconds")
      assert.lengthOf(called("inputting"), 0)
    })
  )

  it.effect("sends only the beginning of a long draft, which cannot end the connection", () =>
    Effect.gen(function* () {
      const { called, inbox } = yield* begun(alice)
      yield* inbox.typing(cid(7), `${"x".repeat(999)}🎧${"长".repeat(99_999)}`)
      assert.deepStrictEqual(
        called("inputting").map((call) => (call.with as { readonly content: string }).content),
        ["x".repeat(999)]
      )
    })
  )

  it.effect("can withhold the draft", () =>
    Effect.gen(function* () {
      const { called, inbox } = yield* begun(alice, { inbox: { withholdDraft: true } })
      yield* inbox.typing(cid(7), "my secret")
      yield* TestClock.adjust("1 second")
      yield* inbox.typing(cid(7), "")
      assert.deepStrictEqual(
        called("inputting").map((call) => (call.with as { readonly content: string }).content),
        ["…", ""]
      )
    })
  )
})

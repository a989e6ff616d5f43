/**
 * The inbox after the session has become another account's: an anonymous visitor's token was refused and replaced, or a
 * token provider returned another account's token.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { Inbox } from "../../src/inbox/Inbox.ts"
import { ServerFault } from "../../src/KefuError.ts"
import { OutboxState } from "../../src/outbox/OutboxState.ts"
import { ConversationApi } from "../../src/rest/ConversationApi.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import * as TestKefu from "../../src/testing/TestKefu.ts"
import {
  alice,
  begun,
  cid,
  conversation,
  entry,
  failure,
  ids,
  li,
  message,
  mid,
  received,
  settle,
  user
} from "../support/Chat.ts"

const bob = user(9, "CUSTOMER", "Bob")
const hers = conversation({ messages: [message(1, li), message(2, li)] })
const his = conversation({ id: cid(8), customer: bob, users: [bob, li], messages: [message(3, li, "Text", "a", 8)] })

/** Alice's inbox, loaded, at the moment at which her token is refused and Bob's takes its place. */
const replacing = Effect.gen(function* () {
  const chat = yield* begun(alice)
  chat.backend.conversations = [hers]
  yield* chat.inbox.refresh
  const becomeBob = Effect.suspend(() => {
    chat.backend.me = Effect.succeed(bob)
    chat.backend.conversations = [his]
    return chat.replaceToken
  })
  return { ...chat, becomeBob }
})

describe("when the account changes", () => {
  it.effect("the conversations, the users and the unread count are the new account's", () =>
    Effect.gen(function* () {
      const { becomeBob, inbox, publish, shown } = yield* replacing
      assert.strictEqual(inbox.getSnapshot().unreadCount, 2)
      yield* becomeBob
      const { conversations, isLoaded, me, unreadCount, users } = inbox.getSnapshot()
      assert.deepStrictEqual([isLoaded, me, unreadCount], [true, bob, 1])
      assert.deepStrictEqual(
        conversations.map(({ id }) => id),
        [cid(8)]
      )
      assert.sameDeepMembers(Array.from(users.values()), [bob, li])
      yield* publish(received(message(4, bob, "Text", "hello", 8)))
      assert.deepInclude(shown(8)?.messages.at(-1), { direction: 0, nickname: "Bob" })
    })
  )

  it.effect("nothing changes if the new token is the same account's", () =>
    Effect.gen(function* () {
      const { inbox, replaceToken } = yield* replacing
      const before = inbox.getSnapshot()
      yield* replaceToken
      assert.strictEqual(inbox.getSnapshot(), before)
    })
  )

  it.effect("an answer that was on its way to the old account is not shown", () =>
    Effect.gen(function* () {
      const { backend, becomeBob, inbox, shown } = yield* replacing
      const latch = Latch.makeUnsafe(false)
      backend.before = latch.await
      const refresh = yield* Effect.forkChild(inbox.refresh)
      yield* settle
      yield* becomeBob
      backend.conversations = [hers]
      backend.before = Effect.sync(() => (backend.conversations = [his]))
      yield* Effect.andThen(latch.open, Fiber.join(refresh))
      yield* settle
      assert.isUndefined(shown(7))
      assert.deepStrictEqual(ids(shown(8)), [3])
    })
  )

  it.effect("the inbox is empty until the new account's conversations could be read", () =>
    Effect.gen(function* () {
      const { backend, becomeBob, inbox } = yield* replacing
      backend.before = Effect.fail(failure(new ServerFault({ status: 503 })))
      yield* becomeBob
      assert.deepInclude(inbox.getSnapshot(), { isLoaded: false, me: bob, conversations: [], unreadCount: 0 })
      const ready = yield* Effect.forkChild(inbox.ready)
      backend.before = Effect.void
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual((yield* Fiber.join(ready)).unreadCount, 1)
    })
  )

  it.effect("sends that still wait are shown where they will arrive", () =>
    Effect.gen(function* () {
      const { becomeBob, send, shown } = yield* replacing
      yield* send(entry("a", OutboxState.Queued()))
      yield* send(entry("b", OutboxState.DeliveryUnknown({ detail: "?" })))
      yield* becomeBob
      assert.deepStrictEqual(
        shown(8)?.messages.map(({ key }) => key),
        ["m3", "a", "b"]
      )
      yield* send(entry("a", OutboxState.Sending()))
      yield* send(entry("a", OutboxState.Sent({ id: mid(5) })))
      yield* send(entry("b", OutboxState.Discarded()))
      assert.deepStrictEqual(ids(shown(8)), [3, 5])
      assert.isUndefined(shown(7))
    })
  )

  it.effect("a visitor of the sandbox whose token is refused sees the new visitor's conversation only", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      let token = "visitor-alice-token"
      const session = yield* Layer.build(TestKefu.layerSession({ token: Effect.sync(() => token) }))
      const inbox = Context.get(session, Inbox)
      yield* inbox.ready
      yield* Effect.andThen(TestClock.adjust("1 second"), settle)
      const before = inbox.getSnapshot()
      yield* sandbox.revokeToken(token)
      token = "visitor-chen-token"
      yield* Context.get(session, ConversationApi).pendingCount
      yield* Effect.andThen(TestClock.adjust("5 seconds"), settle)
      const after = yield* inbox.ready
      assert.notStrictEqual(after.me?.id, before.me?.id)
      assert.isNotEmpty(before.conversations)
      for (const { id } of after.conversations) assert.isFalse(before.conversations.some((one) => one.id === id))
      for (const one of after.conversations) assert.strictEqual(one.details.customer?.id, after.me?.id)
    }).pipe(Effect.provide(Sandbox.layer()))
  )
})

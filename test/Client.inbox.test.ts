/**
 * The façade's inbox.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Client, type KefuError } from "../src/Client.ts"
import * as Backend from "./support/Backend.ts"
import * as Callbacks from "./support/Callbacks.ts"
import { setup, refusal, message, using } from "./support/ClientSetup.ts"

describe("Client", () => {
  it.live("is a store for any UI framework", () =>
    Effect.gen(function* () {
      const { backend, callbacks, client } = yield* setup()
      const conversation = {
        id: 3,
        state: "ACTIVE",
        customer: Backend.visitor,
        last_staff: { id: 5, user_type: "STAFF", nickname: "小李" },
        users: [{ id: 5, user_type: "STAFF", nickname: "小李" }],
        conversations_user: [{ user_id: 7, latest_read_message_id: 9 }],
        messages: [message(10)]
      }
      backend.answer = Backend.answers({
        "GET /im/current_list": [conversation],
        "GET /im/conversations/3": conversation
      })
      const { getSnapshot, subscribe } = client.inbox
      const before = getSnapshot()
      assert.strictEqual(getSnapshot(), before)
      assert.isFalse(before.isLoaded)
      let changes = 0
      const stop = subscribe(() => {
        changes++
        throw new Error("in a listener of the inbox")
      })
      yield* Effect.promise(() => client.inbox.ready())
      const loaded = getSnapshot()
      assert.strictEqual(getSnapshot(), loaded)
      assert.deepInclude(
        { unreadCount: loaded.unreadCount, name: loaded.users.get(5)?.nickname },
        { unreadCount: 1, name: "小李" }
      )
      assert.isAbove(changes, 0)
      assert.include(callbacks.order(), "onError")

      client.open()
      yield* callbacks.called("onOpen")
      const frames = new Promise<Backend.Frame>((resolve) => {
        const onFrame = backend.onFrame
        backend.onFrame = (frame, link) => {
          onFrame(frame, link)
          resolve(frame)
        }
      })
      yield* Effect.promise(() => client.inbox.markRead(3))
      assert.deepInclude(yield* Effect.promise(() => frames), { event_type: 104, payload: { message_id: 10 } })
      assert.strictEqual(client.inbox.getConversation(3)?.unreadCount, 0)
      assert.deepInclude(yield* Effect.promise(() => client.inbox.conversation(3)), { id: 3 })
      yield* Effect.promise(() => client.inbox.refresh())
      client.inbox.typing(3, "你")
      stop()
      const { reason } = yield* refusal(client.inbox.markRead(Number.NaN))
      assert.deepInclude(reason, { _tag: "InvalidRequest", field: "id" })
    })
  )

  it("is empty if the options are invalid", () => {
    const client = new Client()
    assert.deepStrictEqual(client.inbox.getSnapshot().conversations, [])
    client.inbox.subscribe(() => {})()
  })

  for (const use of ["subscribe", "ready"] as const) {
    it.live(`is live from ${use} on, although the app has not opened the connection`, () =>
      Effect.gen(function* () {
        const { backend, callbacks, client } = yield* setup()
        const page = { id: 3, state: "ACTIVE", customer: Backend.visitor, users: [], messages: [message(10)] }
        backend.answer = Backend.answers({ "GET /im/current_list": [page], "GET /im/conversations/3": page })
        if (use === "subscribe") client.inbox.subscribe(() => {})
        else yield* Effect.promise(() => client.inbox.ready())
        yield* callbacks.called("onOpen")
        assert.strictEqual(backend.links.length, 1)
        assert.isTrue(client.isOpened())
      })
    )
  }

  it.live("reports invalid options to onError, once it is used", () =>
    Effect.gen(function* () {
      const callbacks = Callbacks.make()
      const client = yield* using(callbacks.handler, {})
      client.inbox.subscribe(() => {})
      yield* callbacks.called("onError")
      const [, event] = callbacks.calls.find(([name]) => name === "onError") ?? assert.fail("not told")
      assert.deepInclude(((event as { readonly error: unknown }).error as KefuError).reason, {
        _tag: "InvalidRequest",
        field: "baseUrl"
      })
    })
  )
})

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ServerFault } from "../../src/KefuError.ts"
import { alice, begun, cid, conversation, failure, ids, li, message } from "../support/Chat.ts"

const unavailable = failure(new ServerFault({ status: 503 }))

describe("ended conversations", () => {
  it.effect("are loaded page by page, the latest first", () =>
    Effect.gen(function* () {
      const { backend, called, inbox } = yield* begun(alice)
      backend.past = Array.from({ length: 5 }, (_, index) =>
        conversation({
          id: cid(index + 1),
          state: "FINISHED",
          messages: [message(index + 1, li, "Text", "a", index + 1)]
        })
      )
      assert.isTrue(yield* inbox.loadMore({ limit: 2 }))
      assert.isTrue(yield* inbox.loadMore({ limit: 2 }))
      assert.isFalse(yield* inbox.loadMore({ limit: 2 }))
      assert.lengthOf(inbox.getSnapshot().conversations, 6)
      yield* inbox.loadMore({ customerId: alice.id })
      assert.deepStrictEqual(
        called("list").map((call) => call.with),
        [
          ...[1, 2, 3].map((page) => ({ state: "FINISHED", order: "DESC", page, limit: 2, customerId: undefined })),
          { state: "FINISHED", order: "DESC", page: 1, limit: 20, customerId: alice.id }
        ]
      )
    })
  )

  it.effect("repeat a page that could not be read", () =>
    Effect.gen(function* () {
      const { backend, called, inbox } = yield* begun(alice)
      backend.before = Effect.fail(unavailable)
      assert.strictEqual((yield* Effect.flip(inbox.loadMore())).method, "Inbox.loadMore")
      backend.before = Effect.void
      assert.isFalse(yield* inbox.loadMore())
      assert.deepStrictEqual(
        called("list").map((call) => (call.with as { readonly page: number }).page),
        [1, 1]
      )
    })
  )

  it.effect("are read one by one when requested by id", () =>
    Effect.gen(function* () {
      const { backend, called, inbox } = yield* begun(alice)
      assert.strictEqual((yield* inbox.conversation(cid(7))).id, cid(7))
      assert.lengthOf(called("get"), 0)
      backend.conversations = [
        conversation({ id: cid(3), state: "FINISHED", messages: [message(1, li, "Text", "a", 3)] })
      ]
      assert.deepStrictEqual(ids(yield* inbox.conversation(cid(3))), [1])
      assert.strictEqual(yield* inbox.conversation(cid(3)), inbox.getConversation(cid(3)))
      const error = yield* Effect.flip(inbox.conversation(cid(99)))
      assert.deepStrictEqual([error.method, error.reason._tag], ["Inbox.conversation", "NotFound"])
      assert.isUndefined(inbox.getConversation(cid(99)))
    })
  )
})

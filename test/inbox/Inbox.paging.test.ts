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
          // The page before is read too, to see that the list has not moved.
          ...[1, 2, 1, 3, 2].map((page) => ({
            state: "FINISHED",
            order: "DESC",
            page,
            limit: 2,
            customerId: undefined
          })),
          { state: "FINISHED", order: "DESC", page: 1, limit: 20, customerId: alice.id }
        ]
      )
    })
  )

  const past = (id: number) =>
    conversation({ id: cid(id), state: "FINISHED", messages: [message(id, li, "Text", "a", id)] })
  const numbers = (inbox: Effect.Success<ReturnType<typeof begun>>["inbox"]) =>
    inbox
      .getSnapshot()
      .conversations.filter(({ state }) => state === "FINISHED")
      .map(({ id }) => Number(id))

  it.effect("are all loaded, although some of the first page are removed meanwhile", () =>
    Effect.gen(function* () {
      const all = [109, 108, 107, 106, 105, 104, 103, 102, 101].map(past)
      for (const removed of [[109], [108, 107], [109, 108, 107], [109, 108, 107, 106, 105]]) {
        const { backend, inbox } = yield* begun(alice)
        backend.past = all
        yield* inbox.loadMore({ limit: 3 })
        backend.past = all.filter(({ id }) => !removed.includes(id))
        for (let page = 0; page < 10 && (yield* inbox.loadMore({ limit: 3 })); page++);
        const expected = all.map(({ id }) => Number(id)).filter((id) => id >= 107 || !removed.includes(id))
        assert.deepStrictEqual(numbers(inbox), expected)
      }
    })
  )

  it.effect("come as a full page, although others have ended meanwhile", () =>
    Effect.gen(function* () {
      const { backend, inbox } = yield* begun(alice)
      backend.past = [106, 105, 104, 103, 102, 101].map(past)
      yield* inbox.loadMore({ limit: 2 })
      backend.past = [108, 107, ...backend.past.map(({ id }) => Number(id))].map((id) => past(Number(id)))
      assert.isTrue(yield* inbox.loadMore({ limit: 2 }))
      assert.includeMembers(numbers(inbox), [106, 105, 104, 103])
    })
  )

  it.effect("are loaded in pages of any sizes, also of a backend that clips them", () =>
    Effect.gen(function* () {
      const { backend, inbox } = yield* begun(alice)
      backend.past = [107, 106, 105, 104, 103, 102, 101].map(past)
      backend.largestPage = 3
      yield* inbox.loadMore({ limit: 2 })
      for (let page = 0; page < 10 && (yield* inbox.loadMore({ limit: 100 })); page++);
      assert.deepStrictEqual(numbers(inbox), [107, 106, 105, 104, 103, 102, 101])
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

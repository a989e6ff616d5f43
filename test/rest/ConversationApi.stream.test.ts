import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Conversation, ConversationQuery } from "../../src/domain/Conversation.ts"
import { ConversationId, MessageId, UserId } from "../../src/domain/Id.ts"
import { ConversationApi } from "../../src/rest/ConversationApi.ts"
import * as TestKefu from "../../src/testing/TestKefu.ts"
import { text } from "../support/Gateway.ts"

const idsOf = (conversations: ReadonlyArray<Conversation>) => conversations.map(({ id }) => id)

/** Some conversations of the sandbox's history, newest first. */
const history = ConversationApi.use((api) => api.list({ showAll: true, limit: 1000 })).pipe(
  Effect.map(({ conversations }) => conversations)
)

/** The ids that a stream gives from a backend of the given pages, and the pages that it asks for. */
const over = (pages: (page: number) => ReadonlyArray<Conversation>, count = Number.POSITIVE_INFINITY) =>
  Effect.gen(function* () {
    const asked: Array<number | null | undefined> = []
    const api = ConversationApi.layerTest({
      list: ({ page } = {}) =>
        Effect.sync(() => {
          asked.push(page)
          return { conversations: pages(page ?? 1) }
        })
    })
    const read = yield* ConversationApi.stream().pipe(Stream.take(count), Stream.runCollect, Effect.provide(api))
    return { ids: idsOf(read), asked }
  })

const desk = TestKefu.layer({ token: "admin-zhao-token" })

it.effect("gives every conversation of the filter once, in the order of the list", () =>
  Effect.gen(function* () {
    const all = yield* history
    assert.isAbove(all.length, 2)
    const read = yield* Stream.runCollect(ConversationApi.stream({ showAll: true, limit: 2 }))
    assert.deepStrictEqual(idsOf(read), idsOf(all))
  }).pipe(Effect.provide(desk))
)

it.effect("gives a conversation once that moves to the next page meanwhile", () =>
  Effect.gen(function* () {
    const [a, b, c] = yield* history
    assert.isDefined(c)
    const pages = [[], [a!, b!], [b!, c!]]
    const { asked, ids } = yield* over((page) => pages[page] ?? [])
    assert.deepStrictEqual(ids, idsOf([a!, b!, c!]))
    assert.deepStrictEqual(asked, [1, 2, 3])
  }).pipe(Effect.provide(desk))
)

it.effect("asks for no page that nobody reads", () =>
  Effect.gen(function* () {
    const [a, b] = yield* history
    const first = yield* over(() => [a!, b!], 2)
    assert.deepStrictEqual(first, { ids: idsOf([a!, b!]), asked: [1] })
  }).pipe(Effect.provide(desk))
)

it.effect("ends over a backend that gives the same page for ever", () =>
  Effect.gen(function* () {
    const [a] = yield* history
    assert.deepStrictEqual(yield* over(() => [a!]), { ids: idsOf([a!]), asked: [1, 2] })
  }).pipe(Effect.provide(desk))
)

describe("the history of a visitor", () => {
  /** A visitor who has had three conversations: messages 1 to 4, 5 to 7, and 8 and 9. */
  const visits = [
    [8, [8, 9]],
    [7, [5, 6, 7]],
    [6, [4, 3, 1, 2]]
  ] as const
  const conversations = visits.map(([id, messages]): Conversation => ({
    id: ConversationId.make(id),
    state: "FINISHED",
    users: [],
    conversationsUser: [],
    messages: messages.map((n) => text(n, { conversation: id }))
  }))

  const reading = (options?: Parameters<typeof ConversationApi.history>[0], count = Infinity) =>
    Effect.gen(function* () {
      const queries: Array<ConversationQuery> = []
      const api = ConversationApi.layerTest({
        list: (query = {}) =>
          Effect.sync(() => {
            queries.push(query)
            const page = query.page ?? 1
            return { conversations: conversations.slice(page * 2 - 2, page * 2) }
          })
      })
      const read = yield* ConversationApi.history(options).pipe(
        Stream.take(count),
        Stream.runCollect,
        Effect.provide(api)
      )
      return { ids: read.map(({ id }): number => id), queries }
    })

  it.effect("is all messages, the newest first, over all conversations", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* reading()).ids, [9, 8, 7, 6, 5, 4, 3, 2, 1])
    })
  )

  it.effect("asks for the visitor's conversations, the latest first, and for no page that nobody reads", () =>
    Effect.gen(function* () {
      const { queries } = yield* reading({ customerId: UserId.make(5), limit: 2 }, 5)
      assert.deepStrictEqual(queries, [{ customerId: UserId.make(5), limit: 2, order: "DESC", page: 1 }])
    })
  )

  it.effect("is resumed after the last message that was taken, whatever came meanwhile", () =>
    Effect.gen(function* () {
      const { ids } = yield* reading(undefined, 4)
      assert.deepStrictEqual(ids, [9, 8, 7, 6])
      const rest = yield* reading({ before: MessageId.make(ids.at(-1) ?? 0) })
      assert.deepStrictEqual(rest.ids, [5, 4, 3, 2, 1])
    })
  )

  it.effect("is the visitor's own over the sandbox", () =>
    Effect.gen(function* () {
      const read = yield* Stream.runCollect(ConversationApi.history())
      const ids = read.map(({ id }) => id)
      assert.isAbove(ids.length, 2)
      assert.deepStrictEqual(
        ids,
        ids.toSorted((left, right) => right - left)
      )
      const { conversations } = yield* ConversationApi.use((api) => api.list({ limit: 100 }))
      assert.sameMembers(
        ids,
        conversations.flatMap(({ messages }) => messages.map(({ id }) => id))
      )
    }).pipe(Effect.provide(TestKefu.layer({ token: "visitor-alice-token" })))
  )
})

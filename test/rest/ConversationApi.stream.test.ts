import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Conversation } from "../../src/domain/Conversation.ts"
import { ConversationApi } from "../../src/rest/ConversationApi.ts"
import * as TestKefu from "../../src/testing/TestKefu.ts"

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

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TestGateway, type TestRequest, type TestResponse } from "../../src/testing/TestGateway.ts"
import { collect, layer, open, pass, push, received, replace, tags, text } from "../support/Gateway.ts"

const message = (id: number) => ({ id, conversation_id: 7, from_id: 2, message_type: 1, content: `${id}` })
const conversation = (messages: ReadonlyArray<unknown>, state = "ACTIVE") => ({ id: 7, state, users: [], messages })

/** The events of the second connection; `before` and `after` are the answers of REST at each connection. */
const recover = (
  before: (request: TestRequest) => TestResponse | undefined,
  after: (request: TestRequest) => TestResponse | undefined
) =>
  Effect.gen(function* () {
    const gateway = yield* TestGateway
    yield* gateway.respond(before)
    const events = yield* collect
    const connection = yield* open
    yield* push(connection, text(3))
    yield* gateway.respond(after)
    const seen = events.length
    yield* replace(connection)
    yield* pass("3 seconds")
    return events.slice(seen)
  }).pipe(Effect.scoped, Effect.provide(layer()))

const lists =
  (...conversations: ReadonlyArray<unknown>) =>
  ({ path }: TestRequest): TestResponse | undefined =>
    path === "/im/current_list" ? { body: conversations } : undefined

const older =
  (state: string, messages: ReadonlyArray<unknown>) =>
  ({ path, query }: TestRequest): TestResponse | undefined => {
    if (path === "/im/current_list") return { status: 404 }
    if (path !== "/im/conversations") return undefined
    return { body: { conversations: query["state"] === state ? [conversation(messages, state)] : [] } }
  }

const before = [message(1), message(2)]
const idsOf = (events: Effect.Success<typeof collect>) => received(events).map(({ id }) => Number(id))

describe("after a reconnection", () => {
  for (const odd of [null, "text", { id: 5 }, { ...message(5), id: 2 ** 60 }]) {
    it.effect(`a message that is ${JSON.stringify(odd)} costs no other, and is told as a possible gap`, () =>
      Effect.gen(function* () {
        const events = yield* recover(
          lists(conversation(before)),
          lists(conversation([...before, message(3), message(4), odd, message(6)]))
        )
        assert.deepStrictEqual(idsOf(events), [4, 6])
        const gap = events.find((event) => event._tag === "GapUnresolved")
        assert.strictEqual(gap?.conversationId, 7)
        assert.deepInclude(
          events.find((event) => event._tag === "Resynced"),
          { complete: false }
        )
      })
    )
  }

  it.effect("a conversation that cannot be read costs no other, and is told as a possible gap", () =>
    Effect.gen(function* () {
      const events = yield* recover(
        lists(conversation(before)),
        lists({ id: "none" }, conversation([...before, message(3), message(4)]))
      )
      assert.deepStrictEqual(idsOf(events), [4])
      assert.deepInclude(
        events.find((event) => event._tag === "GapUnresolved"),
        { conversationId: undefined }
      )
      assert.deepInclude(
        events.find((event) => event._tag === "Resynced"),
        { complete: false }
      )
    })
  )

  for (const state of ["ACTIVE", "PENDING"]) {
    it.effect(`a backend without a list of current conversations is asked for ${state} ones`, () =>
      Effect.gen(function* () {
        const events = yield* recover(older(state, before), older(state, [...before, message(3), message(4)]))
        assert.deepStrictEqual(idsOf(events), [4])
        assert.notInclude(tags(events), "GapUnresolved")
      })
    )
  }
})

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Realtime } from "../../src/realtime/Realtime.ts"
import { TestGateway } from "../../src/testing/TestGateway.ts"
import { accept, collect, layer, lose, open, pass, push, received, settle, tags, text } from "../support/Gateway.ts"

/** Dials again within a second. */
const options = { reconnect: { base: 1000, cap: 1000 } }

/** The answers of REST to a user with one conversation. */
const answers = (user: number | undefined, conversation: number, ...ids: ReadonlyArray<number>) =>
  TestGateway.use((gateway) =>
    gateway.respond(({ path }) => {
      const body = {
        id: conversation,
        state: "ACTIVE",
        users: [],
        messages: ids.map((id) => ({
          id,
          conversation_id: conversation,
          from_id: 2,
          message_type: 1,
          content: `${id}`
        }))
      }
      if (path === "/im/users/me") {
        return user === undefined ? { status: 404 } : { body: { id: user, user_type: "CUSTOMER", nickname: "" } }
      }
      if (path === "/im/current_list") return { body: [body] }
      return path === `/im/conversations/${conversation}` ? { body } : undefined
    })
  )

/** The events of a second connection, before which the token was replaced. */
const reconnectWith = (first: number | undefined, second: Parameters<typeof answers>) =>
  Effect.gen(function* () {
    const gateway = yield* TestGateway
    yield* answers(first, 7, 1, 2)
    const events = yield* collect
    const connection = yield* open
    yield* push(connection, text(3))
    yield* answers(...second)
    yield* lose(connection)
    const seen = events.length
    yield* gateway.replaceToken
    yield* pass("1 second")
    yield* gateway.accept
    yield* pass("10 seconds")
    return events.slice(seen)
  }).pipe(Effect.scoped, Effect.provide(layer(options)))

const idsOf = (events: Effect.Success<typeof collect>) => received(events).map(({ id }) => Number(id))

describe("after the token was replaced", () => {
  it.effect("by another account's, what that account has long had is not new", () =>
    Effect.gen(function* () {
      const events = yield* reconnectWith(1, [9, 8, 10, 11])
      assert.deepStrictEqual(tags(events), ["Resynced"])
      assert.deepInclude(events[0], { complete: true })
    })
  )

  it.effect("by one of the same account, what was missed is recovered", () =>
    Effect.gen(function* () {
      const events = yield* reconnectWith(1, [1, 7, 1, 2, 3, 4])
      assert.deepStrictEqual(idsOf(events), [4])
      assert.notInclude(tags(events), "GapUnresolved")
    })
  )

  it.effect("before it was known whose it was, it is told that messages may be missing", () =>
    Effect.gen(function* () {
      const events = yield* reconnectWith(undefined, [1, 7, 1, 2, 3, 4])
      assert.deepStrictEqual(tags(events), ["GapUnresolved", "Resynced"])
    })
  )

  it.effect("by another account's while connected, the connection of the old account ends", () =>
    Effect.gen(function* () {
      const gateway = yield* TestGateway
      const realtime = yield* Realtime
      yield* answers(1, 7, 1, 2)
      const first = yield* open
      yield* answers(9, 8, 10, 11)
      yield* gateway.replaceToken
      yield* settle
      yield* first.closed
      yield* pass("1 second")
      yield* accept
      yield* pass("1 minute")
      const state = yield* realtime.state
      assert.strictEqual(state._tag === "Connected" && state.connection, 2)
    }).pipe(Effect.scoped, Effect.provide(layer({ ...options, heartbeat: { idle: "1 hour" } })))
  )

  it.effect("by one of the same account while connected, the connection goes on", () =>
    Effect.gen(function* () {
      const gateway = yield* TestGateway
      const realtime = yield* Realtime
      yield* answers(1, 7, 1, 2)
      yield* open
      yield* gateway.replaceToken
      yield* pass("10 seconds")
      const state = yield* realtime.state
      assert.strictEqual(state._tag === "Connected" && state.connection, 1)
    }).pipe(Effect.scoped, Effect.provide(layer(options)))
  )
})

/**
 * A visitor and a member of staff whose conversation must survive whatever else happens to the sandbox or to them.
 */
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { KefuError } from "../../src/KefuError.ts"
import * as Person from "./Person.ts"

export const text = (content: string) => ({ messageType: "Text" as const, content })

/** A visitor and a member of staff in a conversation, and two users outside of it. */
export class Pair extends Context.Service<
  Pair,
  Readonly<Record<"visitor" | "staff" | "stranger" | "admin", Person.Person>>
>()("test/Pair") {
  static readonly layer = Layer.effect(
    Pair,
    Effect.gen(function* () {
      const reconnect = { base: "100 millis", cap: "100 millis" } as const
      const join = (name: string, token: string) => Person.join(name, { token, reconnect, ackTimeout: "3 seconds" })
      const visitor = yield* join("陈晓明", "visitor-chen-token")
      const staff = yield* join("李静", "staff-li-token")
      const stranger = yield* join("Alice", "visitor-alice-token")
      const admin = yield* join("赵敏", "admin-zhao-token")
      for (const person of [visitor, staff, stranger, admin]) yield* person.realtime.open
      yield* staff.conversations.request({ customerId: visitor.me.id })
      yield* staff.hear("ConversationBuilt")
      yield* visitor.hear("ConversationBuilt", ({ fromId }) => fromId === staff.me.id)
      yield* stranger.hear("ChannelMenu")
      return Pair.of({ visitor, staff, stranger, admin })
    })
  )
}

/** One successful REST call, and one message in each direction. */
export const talk = Effect.fnUntraced(function* (after: string) {
  const { staff, visitor } = yield* Pair
  assert.strictEqual((yield* visitor.users.me).id, visitor.me.id, after)
  const question = yield* visitor.realtime.send(text(`after ${after}`))
  yield* staff.hear("Text", ({ id }) => id === question.messageId)
  const answer = yield* staff.realtime.send({ ...text("…"), toId: visitor.me.id })
  yield* visitor.hear("Text", ({ id }) => id === answer.messageId)
  const [current] = yield* staff.conversations.current
  assert.strictEqual(current?.messages.at(-1)?.id, answer.messageId, after)
})

/** The number of a person's connection. */
export const connectionOf = ({ realtime }: Person.Person) =>
  Effect.map(realtime.state, (state) => (state._tag === "Connected" ? state.connection : state._tag))

/** Waits for a person's connection with a number. */
export const connected = ({ realtime }: Person.Person, number: number) =>
  realtime.states.pipe(
    Stream.filter((state) => state._tag === "Connected" && state.connection === number),
    Stream.runHead
  )

/** Checks that the two still talk over the same connections afterwards. */
export const unharmed = Effect.fnUntraced(function* <A, E, R>(what: string, wrong: Effect.Effect<A, E, R>) {
  const { staff, visitor } = yield* Pair
  const connections = Effect.all([connectionOf(visitor), connectionOf(staff)])
  const before = yield* connections
  const outcome = yield* wrong
  yield* talk(what)
  assert.deepStrictEqual(yield* connections, before, what)
  return outcome
})

/** The error of a failed call; checks that its message names the call and contains no token. */
export const failure = <A, R>(call: Effect.Effect<A, KefuError, R>) =>
  Effect.matchEffect(call, {
    onSuccess: (value) => Effect.die(new Error(`it did not fail, but gave ${JSON.stringify(value)}`)),
    onFailure: (error) =>
      Effect.sync(() => {
        assert.match(error.message, /^\S.+: .+; .+$/)
        assert.notInclude(JSON.stringify(error), "-token")
        return error
      })
  })

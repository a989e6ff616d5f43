import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { type ConversationId, UserId } from "../src/domain/Id.ts"
import type { Message } from "../src/domain/Message.ts"
import * as Kefu from "../src/Kefu.ts"
import { Realtime } from "../src/realtime/Realtime.ts"
import { Sandbox } from "../src/sandbox/Sandbox.ts"
import * as SandboxNode from "../src/sandbox/doors/SandboxNode.ts"

const visitors = 200
const staff = 10
const questions = 5

/** The test measures losses, not timing: no timeout may end a wait on a busy machine. */
const patient = {
  ackTimeout: "2 minutes",
  connectTimeout: "2 minutes",
  requestTimeout: "2 minutes",
  heartbeat: { idle: "2 minutes", timeout: "2 minutes" }
} as const

const connect = Effect.fnUntraced(function* (token: string) {
  const baseUrl = yield* SandboxNode.baseUrl
  const context = yield* Layer.build(Kefu.layer({ baseUrl, token, ...patient }))
  const realtime = Context.get(context, Realtime)
  const messages = Stream.filterMap(yield* realtime.subscribe(), (event) =>
    event._tag === "MessageReceived" ? Result.succeed(event.message) : Result.fail(event)
  )
  yield* realtime.open
  return { realtime, messages }
})

const isText = (message: Message) => message.messageType === "Text"

/** Connects a member of staff; the returned effect answers every text for ever. */
const serve = Effect.fnUntraced(function* (token: string) {
  const { messages, realtime } = yield* connect(token)
  return messages.pipe(
    Stream.filter(isText),
    Stream.runForEach((message) =>
      realtime.send({
        messageType: "Text",
        content: `re: ${String(message.content)}`,
        toId: UserId.make(Number(message.fromId))
      })
    )
  )
})

/** Asks for a person, then asks the questions, each after the answer to the previous one. */
const ask = Effect.fnUntraced(function* (token: string) {
  const { messages, realtime } = yield* connect(token)
  const pull = yield* Stream.toPull(messages)
  const backlog: Array<Message> = []
  const received: Array<Message> = []
  const next = Effect.gen(function* () {
    while (backlog.length === 0) backlog.push(...(yield* pull))
    const message = backlog.shift()
    if (message !== undefined) received.push(message)
    return message
  })
  yield* realtime.send({ messageType: "Text", content: "转人工" })
  while ((yield* next)?.messageType !== "ManualServiceStart");
  for (let n = 1; n <= questions; n++) {
    yield* realtime.send({ messageType: "Text", content: `question ${n}` })
    while ((yield* next)?.messageType !== "Text");
  }
  const conversationId: ConversationId | undefined = received[0]?.conversationId
  return { conversationId, answers: received.filter(isText).map(({ content }) => content) }
}, Effect.scoped)

layer(SandboxNode.layer({ staffCapacity: visitors / staff }), { excludeTestServices: true })("load", (it) => {
  it.effect(
    "200 visitors chat with 10 members of staff at once, and nothing is lost",
    () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox
        const serving = yield* Effect.forEach(Array.from({ length: staff }), () =>
          Effect.flatMap(sandbox.createStaff(), ({ token }) => serve(token))
        )
        const asking = Effect.forEach(
          Array.from({ length: visitors }),
          () => Effect.flatMap(sandbox.createVisitor(), ({ token }) => ask(token)),
          { concurrency: "unbounded" }
        )
        const outcomes = yield* Effect.raceFirst(
          asking,
          Effect.andThen(Effect.all(serving, { concurrency: "unbounded" }), Effect.die("the staff stopped answering"))
        )
        const expected = Array.from({ length: questions }, (_, n) => `question ${n + 1}`)
        const conversations = new Map((yield* sandbox.conversations).map((one) => [one.id, one]))
        assert.strictEqual(new Set(outcomes.map(({ conversationId }) => conversationId)).size, visitors)
        for (const { answers, conversationId } of outcomes) {
          assert.deepStrictEqual(
            answers,
            expected.map((question) => `re: ${question}`)
          )
          const history = conversationId === undefined ? undefined : conversations.get(conversationId)
          assert.deepStrictEqual(
            history?.messages.filter(isText).map(({ content }) => content),
            ["转人工", ...expected.flatMap((question) => [question, `re: ${question}`])]
          )
        }
        const { acks, refusals, slowConsumers, superseded } = yield* sandbox.counters
        assert.deepStrictEqual(
          { refusals, slowConsumers, superseded },
          { refusals: 0, slowConsumers: 0, superseded: 0 }
        )
        assert.isAtLeast(acks, visitors * (1 + 2 * questions))
      }).pipe(Effect.scoped),
    300_000
  )
})

/** `examples/model-bot.ts` with a fake model, in virtual time. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as LanguageModel from "effect/ai/LanguageModel"
import { bot } from "../../examples/model-bot.ts"
import { Outbox } from "../../src/outbox/Outbox.ts"
import { Realtime } from "../../src/realtime/Realtime.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import * as TestKefu from "../../src/testing/TestKefu.ts"

const asked: Array<string> = []

/** A model that repeats what it was asked last. */
const echo = Layer.effect(
  LanguageModel.LanguageModel,
  LanguageModel.make({
    generateText: ({ prompt }) =>
      Effect.sync(() => {
        const last = prompt.content.at(-1)
        const said = last?.role === "user" && last.content[0]?.type === "text" ? last.content[0].text : "nothing"
        asked.push(said)
        return [{ type: "text" as const, text: `the model on: ${said}` }]
      }),
    streamText: () => Stream.empty
  })
)

const visit = Effect.gen(function* () {
  const events = yield* Realtime.use((realtime) => realtime.subscribe())
  const said = events.pipe(
    Stream.filter((event) => event._tag === "MessageReceived"),
    Stream.map(({ message }) => message)
  )
  const answer = yield* said.pipe(
    Stream.filter(({ content }) => String(content).startsWith("the model")),
    Stream.runHead,
    Effect.forkChild
  )
  const served = yield* said.pipe(
    Stream.filter(({ messageType }) => messageType === "ManualServiceStart"),
    Stream.runHead,
    Effect.forkChild
  )
  const send = (content: string) => Outbox.use((outbox) => outbox.send({ messageType: "Text", content }))
  yield* send("转人工")
  yield* Fiber.join(served)
  yield* send("多久发货？")
  return Option.getOrThrow(yield* Fiber.join(answer))
}).pipe(Effect.scoped, Effect.provide(TestKefu.layerSession({ token: "visitor-alice-token" })))

it.effect("model-bot.ts answers a visitor with what the model says", () =>
  Effect.gen(function* () {
    yield* Effect.forkChild(bot.pipe(Effect.provide([TestKefu.layerSession({ token: "staff-li-token" }), echo])))
    const answer = yield* visit
    assert.strictEqual(answer.content, "the model on: 多久发货？")
    assert.deepStrictEqual(asked, ["多久发货？"])
  }).pipe(Effect.provide(Sandbox.layer()))
)

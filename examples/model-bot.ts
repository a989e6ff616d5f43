/**
 * A bot whose answers come from a language model. It asks for any `LanguageModel`: provide one of `@effect/ai-openai` or the
 * like, and a session of a staff account; in tests, a fake one and `TestKefu`.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import type { Conversation } from "../src/domain/Conversation.ts"
import { ConversationApi, CurrentUser, Outbox, Realtime } from "../src/index.ts"
import type { UserId } from "../src/domain/Id.ts"

const instructions = "You work in customer service. Answer the last message, briefly, in its language."

const promptOf = ({ messages }: Conversation, me: UserId) =>
  Prompt.make([
    { role: "system", content: instructions },
    ...messages
      .filter(({ messageType }) => messageType === "Text")
      .map(({ content, fromId }) => ({
        role: fromId === me ? ("assistant" as const) : ("user" as const),
        content: [{ type: "text" as const, text: String(content) }]
      }))
  ])

/** Answers every text of a visitor, and runs until the session ends. */
export const bot = Effect.gen(function* () {
  const [outbox, conversations] = [yield* Outbox, yield* ConversationApi]
  const me = yield* CurrentUser.use((user) => user.get)
  const events = yield* Realtime.use((realtime) => realtime.subscribe())
  yield* events.pipe(
    Stream.filter((event) => event._tag === "MessageReceived"),
    Stream.map(({ message }) => message),
    Stream.filter((message) => message.messageType === "Text" && message.fromId !== me.id),
    Stream.runForEach(
      Effect.fnUntraced(
        function* ({ conversationId }) {
          const conversation = yield* conversations.get(conversationId)
          const { text } = yield* LanguageModel.generateText({ prompt: promptOf(conversation, me.id) })
          yield* outbox.send({ messageType: "Text", content: text, conversationId })
        },
        Effect.catch((error) => Effect.logWarning(error.message))
      )
    )
  )
}).pipe(Effect.scoped)

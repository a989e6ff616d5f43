/**
 * A bot with a staff account, as one Effect program: it answers every text, and transfers on request. Set `KEFU_BASE_URL`
 * and `KEFU_TOKEN`, for example to those that `npm run sandbox` prints.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { ConversationApi, Kefu, Outbox, Realtime, UserApi } from "../src/index.ts"

const bot = Effect.gen(function* () {
  const realtime = yield* Realtime
  const outbox = yield* Outbox
  const me = yield* UserApi.use((api) => api.me)
  yield* Effect.log(`${me.nickname} is on duty`)

  yield* realtime.on("MessageReceived").pipe(
    Stream.map(({ message }) => message),
    Stream.filter((message) => message.messageType === "Text"),
    Stream.runForEach(
      Effect.fnUntraced(
        function* ({ content, conversationId, fromId }) {
          yield* Effect.log(`visitor ${fromId}: ${content}`)
          if (/人工|human/i.test(content)) {
            const { users } = yield* UserApi.use((api) => api.transferTargets({ online: true }))
            const [colleague] = users
            if (colleague !== undefined) {
              return yield* ConversationApi.use((api) => api.transfer(conversationId, { userId: colleague.id }))
            }
          }
          const answer = { messageType: "Text" as const, content: `收到：${content}`, conversationId }
          yield* outbox.send(fromId === null || fromId === undefined ? answer : { ...answer, toId: fromId })
        },
        Effect.catchTag("KefuError", (error) => Effect.logWarning(error.message))
      )
    )
  )
})

bot.pipe(Effect.provide(Kefu.layerConfig()), NodeRuntime.runMain)

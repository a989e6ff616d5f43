/**
 * A bot with a staff account that survives restarts: it answers from the robot's suggestions, hands over to a colleague when
 * it knows none, and keeps what it has not sent yet in SQLite. Set `KEFU_BASE_URL` and `KEFU_TOKEN`; `KEFU_FILE` is the
 * database, by default `bot.sqlite`.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import { DatabaseSync } from "node:sqlite"
import { ConversationApi, CurrentUser, Kefu, Outbox, Realtime, RobotApi, UserApi } from "../src/index.ts"

/** A `KeyValueStore` in a table. What throws is a defect: without its store this bot is not durable. */
const sqlite = (file: string) =>
  Layer.effect(
    KeyValueStore.KeyValueStore,
    Effect.gen(function* () {
      const open = Effect.sync(() => new DatabaseSync(file))
      const db = yield* Effect.acquireRelease(open, (it) => Effect.sync(() => it.close()))
      db.exec("CREATE TABLE IF NOT EXISTS kefu (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT")
      const [get, set, remove, keys] = [
        db.prepare("SELECT value FROM kefu WHERE key = ?"),
        db.prepare("INSERT INTO kefu VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"),
        db.prepare("DELETE FROM kefu WHERE key = ?"),
        db.prepare("SELECT key FROM kefu")
      ] as const
      return KeyValueStore.makeStringOnly({
        get: (key) => Effect.sync(() => get.get(key)?.["value"] as string | undefined),
        set: (key, value) => Effect.sync(() => void set.run(key, value)),
        remove: (key) => Effect.sync(() => void remove.run(key)),
        clear: Effect.sync(() => db.exec("DELETE FROM kefu")),
        keys: Effect.sync(() => keys.all().map(({ key }) => String(key))),
        size: Effect.sync(() => keys.all().length)
      })
    })
  )

const bot = Effect.gen(function* () {
  const [outbox, robot, users, conversations] = [yield* Outbox, yield* RobotApi, yield* UserApi, yield* ConversationApi]
  const me = yield* CurrentUser.use((user) => user.get)
  const events = yield* Realtime.use((realtime) => realtime.subscribe())
  yield* Effect.log(`${me.nickname} is on duty`)
  yield* events.pipe(
    Stream.filter((event) => event._tag === "MessageReceived"),
    Stream.map(({ message }) => message),
    Stream.filter((message) => message.messageType === "Text" && message.fromId !== me.id),
    Stream.runForEach(
      Effect.fnUntraced(
        function* ({ content, conversationId }) {
          const { questions } = yield* robot.suggestions({ query: String(content) })
          if (questions.length > 0) {
            const answer = `Did you mean: ${questions.map(({ question }) => question).join(" / ")}`
            yield* outbox.enqueue({ messageType: "Text", content: answer, conversationId })
            return yield* Effect.log(`answering "${content}"`)
          }
          const { users: targets } = yield* users.transferTargets({ online: true })
          const [colleague] = targets.filter(({ id }) => id !== me.id)
          if (colleague === undefined) return yield* Effect.logWarning("nobody to hand over to")
          yield* conversations.transfer(conversationId, { userId: colleague.id })
          yield* Effect.log(`handed over to ${colleague.nickname}`)
        },
        Effect.catchTag("KefuError", (error) => Effect.logWarning(error.message))
      )
    )
  )
}).pipe(Effect.scoped)

const layer = Layer.unwrap(
  Effect.map(Config.withDefault(Config.String("KEFU_FILE"), "bot.sqlite"), (file) =>
    Kefu.layerConfig({ outbox: { storage: sqlite(file) } })
  )
)

bot.pipe(Effect.provide(layer), NodeRuntime.runMain)

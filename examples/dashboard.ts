/**
 * A supervisor's dashboard as one `Stream`: how many conversations are in each state and how many visitors wait, whenever
 * something happens and at least every ten seconds. Set `KEFU_BASE_URL` and `KEFU_TOKEN` of an admin.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { ConversationApi, Kefu, Realtime } from "../src/index.ts"

const figures = Effect.gen(function* () {
  const api = yield* ConversationApi
  const [count, waiting] = yield* Effect.all([api.count(), api.pendingCount], { concurrency: 2 })
  return { count, waiting }
})

/** The figures now and after every change; a read that fails is logged, and the next one follows. */
const dashboard = Realtime.use((realtime) => realtime.subscribe()).pipe(
  Effect.map((events) =>
    events.pipe(
      Stream.merge(Stream.tick("10 seconds")),
      Stream.debounce("200 millis"),
      Stream.mapEffect(() => Effect.option(Effect.tapError(figures, (error) => Effect.logWarning(error.message)))),
      Stream.filter((read) => read._tag === "Some"),
      Stream.map(({ value }) => JSON.stringify(value)),
      Stream.changes
    )
  ),
  Stream.unwrap
)

dashboard.pipe(Stream.runForEach(Console.log), Effect.provide(Kefu.layerConfig()), NodeRuntime.runMain)

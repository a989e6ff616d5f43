/**
 * The example programs, run as their comments say. The build runs `demo.ts`, and `test/examples` runs `legacy-app.ts`.
 */
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import * as Kefu from "../src/Kefu.ts"
import { Realtime } from "../src/realtime/Realtime.ts"
import * as SandboxNode from "../src/sandbox/doors/SandboxNode.ts"

const examples = Path.resolve(import.meta.dirname, "..", "examples")

/** Starts an example and stops it with the scope. */
const start = Effect.fnUntraced(function* (name: string, env: Record<string, string>) {
  const baseUrl = yield* SandboxNode.baseUrl
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      ChildProcess.spawn(process.execPath, [Path.join(examples, name)], {
        env: { ...process.env, KEFU_BASE_URL: baseUrl, ...env }
      })
    ),
    (child) => Effect.sync(() => child.kill())
  )
  const output: Array<string> = []
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => output.push(String(chunk)))
  const says = (text: string) =>
    Effect.callback<void>((resume) => {
      const look = () => {
        if (output.join("").includes(text)) resume(Effect.void)
      }
      look()
      child.stdout.on("data", look)
      return Effect.sync(() => child.stdout.off("data", look))
    })
  const exit = Effect.callback<number | null>((resume) => {
    child.once("close", (code) => resume(Effect.succeed(code)))
  })
  return { says, exit, output: () => output.join("") }
})

layer(SandboxNode.layer(), { excludeTestServices: true })("examples", (it) => {
  it.effect(
    "bot.ts answers a visitor with a staff account",
    () =>
      Effect.gen(function* () {
        const bot = yield* start("bot.ts", { KEFU_TOKEN: "staff-emma-token" })
        yield* bot.says("on duty")
        const baseUrl = yield* SandboxNode.baseUrl
        const context = yield* Layer.build(Kefu.layer({ baseUrl, token: "visitor-alice-token" }))
        const realtime = Context.get(context, Realtime)
        const events = yield* realtime.subscribe()
        const texts = events.pipe(
          Stream.filter((event) => event._tag === "MessageReceived"),
          Stream.map(({ message }) => message),
          Stream.filter((message) => message.messageType === "Text" || message.messageType === "ManualServiceStart")
        )
        yield* realtime.send({ messageType: "Text", content: "talk to a person" })
        const started = yield* Stream.runHead(texts)
        assert.strictEqual(Option.getOrThrow(started).messageType, "ManualServiceStart")
        yield* realtime.send({ messageType: "Text", content: "Hi there" })
        const answer = Option.getOrThrow(yield* Stream.runHead(texts))
        assert.strictEqual(answer.content, "收到：Hi there")
      }).pipe(Effect.scoped),
    60_000
  )

  it.effect(
    "promise.ts asks the robot and exits",
    () =>
      Effect.gen(function* () {
        const script = yield* start("promise.ts", {})
        assert.strictEqual(yield* script.exit, 0, script.output())
        assert.include(script.output(), "RobotCanAnswerMessage")
      }).pipe(Effect.scoped),
    60_000
  )
})

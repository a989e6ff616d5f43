/** How one talks in a terminal: keys come from a script, and the screen is what was displayed last. */
import { assert, describe, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"
import * as TestClock from "effect/testing/TestClock"
import * as TestConsole from "effect/testing/TestConsole"
import * as chat from "../../src/cli/chat.ts"
import { Sandbox } from "../../src/sandbox/Sandbox.ts"
import { SandboxFaults } from "../../src/sandbox/faults/SandboxFaults.ts"
import * as TestKefu from "../../src/testing/TestKefu.ts"

describe("parse", () => {
  for (const [input, expected] of [
    ["  你好 ", { _tag: "Say", said: "你好" }],
    ["//root", { _tag: "Say", said: "/root" }],
    ["/upload a b.png", { _tag: "Upload", file: "a b.png" }],
    ["/upload", { _tag: "Unknown", command: "/upload" }],
    ["/end", { _tag: "End" }],
    ["/toString", { _tag: "Unknown", command: "/toString" }],
    ["   ", { _tag: "Nothing" }]
  ] as const) {
    it(JSON.stringify(input), () => assert.deepStrictEqual(chat.parse(input), expected))
  }
})

/** A terminal of 70 by 20 cells. */
const scripted = Effect.gen(function* () {
  const keys = yield* Queue.unbounded<Terminal.UserInput>()
  let shown = ""
  const terminal = Terminal.make({
    columns: Effect.succeed(70),
    rows: Effect.succeed(20),
    size: Effect.die("not used"),
    readInput: Effect.succeed(keys),
    readLine: Effect.die("not used"),
    display: (text) =>
      Effect.sync(() => {
        shown += text
      })
  })
  const press = (name: string, input?: string) =>
    Queue.offer(keys, {
      input: Option.fromUndefinedOr(input),
      key: { name, ctrl: false, meta: false, shift: false }
    })
  return {
    layer: Layer.succeed(Terminal.Terminal, terminal),
    type: (said: string) =>
      Effect.gen(function* () {
        for (const char of said) yield* press(char, char)
        yield* press("return", "\r")
      }),
    press,
    all: () => shown,
    /** Lets time pass, up to a minute, until the screen shows it. */
    shows: (expected: RegExp) =>
      Effect.gen(function* () {
        const screen = () => (shown.split("\u001b[H").at(-1) ?? "").replaceAll("\u001b[K", "")
        for (let waited = 0; waited < 6000 && !expected.test(screen()); waited++) yield* TestClock.adjust("10 millis")
        assert.match(screen(), expected)
      })
  }
})

describe("the full screen", () => {
  it.effect("shows what is said, keeps what waits, and leaves the terminal as it was", () =>
    Effect.gen(function* () {
      const terminal = yield* scripted
      const talk = yield* Effect.forkChild(
        Effect.scoped(chat.fullScreen(undefined)).pipe(Effect.provide(terminal.layer))
      )
      yield* terminal.shows(/^小海 \(Robot\)  ACTIVE[^]*请问有什么可以帮您/)

      yield* terminal.type("多久发货？")
      yield* terminal.shows(/me: 多久发货？[^]*24 小时/)

      yield* SandboxFaults.use((faults) => faults.inject({ _tag: "RefuseDials", status: 503 }, { _tag: "Reset" }))
      yield* terminal.shows(/disconnected, dials again at/)
      yield* terminal.type("还在吗")
      yield* terminal.shows(/me: 还在吗 …/)
      yield* SandboxFaults.use((faults) => faults.clear)
      yield* terminal.shows(/me: 还在吗(?! …)/)

      yield* terminal.type("/bogus")
      yield* terminal.shows(/\/bogus is no command/)
      yield* terminal.press("x", "x")
      yield* terminal.press("好", "好")
      yield* terminal.shows(/> x好$/)
      yield* terminal.press("backspace")
      yield* terminal.shows(/> x$/)
      yield* terminal.press("backspace")
      yield* terminal.type("/quit")
      yield* Fiber.join(talk)
      assert.isTrue(terminal.all().endsWith("\u001b[?1049l"))

      const sandbox = yield* Sandbox
      const said = (yield* sandbox.conversations).flatMap(({ messages }) => messages).map(({ content }) => content)
      assert.strictEqual(said.filter((content) => content === "还在吗").length, 1)
    }).pipe(Effect.provide([TestKefu.layer(), NodeServices.layer]))
  )
})

describe("line by line", () => {
  it.effect("sends each line in order, prints the answers, and ends", () =>
    Effect.gen(function* () {
      const input = Stdio.layerTest({
        stdin: Stream.make(new TextEncoder().encode("多久发货？\n/bogus\n转人工\n在吗\n"))
      })
      const talk = yield* Effect.forkChild(
        Effect.scoped(chat.plain(undefined, Duration.seconds(2))).pipe(Effect.provide(input))
      )
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(talk)
      assert.match((yield* TestConsole.logLines).join("\n"), /小海 \(Robot\): .*24 小时/)
      assert.match((yield* TestConsole.errorLines).join("\n"), /\/bogus is no command/)
      const sandbox = yield* Sandbox
      const visitor = (yield* sandbox.conversations).filter(({ state }) => state !== "FINISHED")
      const texts = visitor.flatMap(({ messages }) => messages).filter(({ messageType }) => messageType === "Text")
      assert.deepStrictEqual(
        texts.map(({ content }) => content),
        ["多久发货？", "转人工", "在吗"]
      )
    }).pipe(Effect.provide([TestKefu.layer(), NodeServices.layer]))
  )
})

/**
 * What the façade logs, and which globals it touches.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import { promisify } from "node:util"
import { Client } from "../src/Client.ts"
import { logs, message, opened, quick, refusal, setup, using } from "./support/ClientSetup.ts"

describe("Client", () => {
  for (const debug of [true, false]) {
    it.live(`debug: ${debug}`, () =>
      Effect.gen(function* () {
        const lines = yield* logs
        const { backend, callbacks, client, link } = yield* opened({ debug })
        link.send(101, { ...message(10), content: "private words" })
        link.sendText("s3cret-token is no JSON")
        yield* callbacks.called("onMessage")
        backend.answer = () => ({ status: 404, body: { message: "no s3cret-token here" } })
        yield* refusal(client.getRatings())
        const text = lines.join()
        assert.strictEqual(text.includes("Client.getRatings"), debug)
        assert.notInclude(text, "s3cret")
        assert.notInclude(text, "private")
        assert.strictEqual(lines.length > 0, debug)
      })
    )
  }

  it.live("logs in one line what a callback throws without an onError, and open() after disposal", () =>
    Effect.gen(function* () {
      const { backend } = yield* setup()
      const lines = yield* logs
      let resolve = () => {}
      const thrown = new Promise<void>((done) => (resolve = done))
      const onOpen = () => {
        resolve()
        throw new Error("in\nonOpen")
      }
      const broken = yield* using({ onOpen }, { ...quick, baseUrl: backend.baseUrl })
      broken.open()
      yield* Effect.promise(() => thrown)
      assert.match(lines.join(), /^[^\n]*A callback of the client has failed: Error: in onOpen, at [^\n]*$/)
      lines.length = 0
      const client = new Client({}, quick)
      yield* Effect.promise(() => client.dispose())
      client.open()
      assert.match(lines.join(), /^[^\n]*Client\.open: the session is closed[^\n]*$/)
      assert.notInclude(lines.join(), "callback")
    })
  )

  it.live("logs with debug: true why the connection waits or is closed", () =>
    Effect.gen(function* () {
      const lines = yield* logs
      const { callbacks, client } = yield* setup({ debug: true, reconnect: false, baseUrl: "http://127.0.0.1:1" })
      client.open()
      yield* callbacks.called("onClose")
      assert.isAbove(lines.length, 1)
      for (const line of lines) assert.notInclude(line, "\n")
      assert.match(lines.at(-1) ?? "", /Closed.*127\.0\.0\.1:1/)
    })
  )

  it.live("touches no global when it is imported and built", () =>
    Effect.gen(function* () {
      const script = `
        const names = ["window", "document", "navigator", "location", "localStorage", "sessionStorage", "WebSocket", "fetch", "XMLHttpRequest"]
        for (const name of names) {
          Object.defineProperty(globalThis, name, { configurable: true, get() { throw new Error("touched " + name) } })
        }
        const { default: Client } = await import(${JSON.stringify(Path.resolve(import.meta.dirname, "../src/Client.ts"))})
        const client = new Client({ onMessage() {} }, { token: "t" })
        console.log(client.isOpened(), client.isConnecting(), client.state._tag, client.buildMessage("Text", "x", 1).content)
      `
      const run = promisify(ChildProcess.execFile)
      const { stdout } = yield* Effect.promise(() => run(process.execPath, ["--input-type=module", "--eval", script]))
      assert.strictEqual(stdout.trim(), "false false Idle x")
    })
  )
})

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { vi } from "vitest"
import * as webSocket from "../../../src/http/internal/webSocket.ts"

class FakeWebSocket extends EventTarget {
  readonly binaryType = "blob"
  readonly readyState = 1
  readonly closes: Array<number | undefined> = []
  close(code?: number) {
    this.closes.push(code)
  }
  send() {}
}

describe("http/internal/webSocket", () => {
  for (const [type, target] of [
    ["pagehide", "window"],
    ["freeze", "document"]
  ] as const) {
    it.effect(`closes the WebSocket before the listeners of ${type} return, after which the page stands still`, () =>
      Effect.gen(function* () {
        const page = { window: new EventTarget(), document: new EventTarget() }
        vi.stubGlobal("document", page.document)
        vi.stubGlobal("addEventListener", page.window.addEventListener.bind(page.window))
        vi.stubGlobal("removeEventListener", page.window.removeEventListener.bind(page.window))
        yield* Effect.addFinalizer(() => Effect.sync(() => vi.unstubAllGlobals()))
        const ws = new FakeWebSocket()
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* webSocket.open(() => ws, "ws://127.0.0.1/", 1000)
            page[target].dispatchEvent(new Event(type))
            assert.deepStrictEqual(ws.closes, [1000])
          })
        )
        const { length } = ws.closes
        page[target].dispatchEvent(new Event(type))
        assert.strictEqual(ws.closes.length, length, "a released one is left alone")
      })
    )
  }
})

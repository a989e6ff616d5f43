import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
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

/** A page in place of the globals until the scope ends. */
const fakePage = Effect.acquireRelease(
  Effect.sync(() => {
    const page = { window: new EventTarget(), document: new EventTarget() }
    vi.stubGlobal("document", page.document)
    vi.stubGlobal("addEventListener", page.window.addEventListener.bind(page.window))
    vi.stubGlobal("removeEventListener", page.window.removeEventListener.bind(page.window))
    return page
  }),
  () => Effect.sync(() => vi.unstubAllGlobals())
)

describe("http/internal/webSocket", () => {
  it.effect("makes no WebSocket in a page for a dial that is taken back at once", () =>
    Effect.gen(function* () {
      yield* fakePage
      let made = 0
      const make = () => {
        made++
        return new FakeWebSocket()
      }
      const dial = Effect.scoped(webSocket.open(make, "ws://127.0.0.1/", 1000))
      yield* Fiber.interrupt(yield* Effect.forkChild(dial, { startImmediately: true }))
      assert.strictEqual(made, 0)
      yield* dial
      assert.strictEqual(made, 1)
    })
  )

  for (const [type, target] of [
    ["pagehide", "window"],
    ["freeze", "document"]
  ] as const) {
    it.effect(`closes the WebSocket before the listeners of ${type} return, after which the page stands still`, () =>
      Effect.gen(function* () {
        const page = yield* fakePage
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

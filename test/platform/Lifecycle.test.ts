import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { vi } from "vitest"
import { Lifecycle, suspendedWhileHidden } from "../../src/platform/Lifecycle.ts"

/** A page in place of the globals until the scope ends. */
const fakePage = Effect.acquireRelease(
  Effect.sync(() => {
    const window = new EventTarget()
    const document = Object.assign(new EventTarget(), { visibilityState: "visible" })
    const navigator = { onLine: true }
    vi.stubGlobal("document", document)
    vi.stubGlobal("navigator", navigator)
    vi.stubGlobal("addEventListener", window.addEventListener.bind(window))
    vi.stubGlobal("removeEventListener", window.removeEventListener.bind(window))
    return { window, document, navigator }
  }),
  () => Effect.sync(() => vi.unstubAllGlobals())
)

describe("platform/Lifecycle", () => {
  it.effect("is never suspended and has no signals outside of pages", () =>
    Effect.gen(function* () {
      const { isHidden, signals, suspension } = yield* Lifecycle
      const seen: Array<string> = []
      yield* Effect.forkScoped(
        Stream.runForEach(signals, (signal) => Effect.sync(() => seen.push(signal))),
        { startImmediately: true }
      )
      assert.isUndefined(yield* suspension)
      assert.isFalse(yield* isHidden)
      assert.deepStrictEqual(seen, [])
    })
  )

  it.effect("is suspended while the page is offline, and while it is hidden only where the app wants that", () =>
    Effect.gen(function* () {
      const { document, navigator } = yield* fakePage
      const page = yield* Lifecycle
      const thrifty = suspendedWhileHidden(page)
      const read = Effect.all([page.isHidden, page.suspension, thrifty.suspension])
      assert.deepStrictEqual(yield* read, [false, undefined, undefined])
      document.visibilityState = "hidden"
      assert.deepStrictEqual(yield* read, [true, undefined, "hidden"])
      navigator.onLine = false
      assert.deepStrictEqual(yield* read, [true, "offline", "offline"])
    })
  )

  it.effect("turns the page's events into signals, and removes its listeners at the end", () =>
    Effect.gen(function* () {
      const { document, window } = yield* fakePage
      const { signals } = yield* Lifecycle
      const seen: Array<string> = []
      const listening = yield* Effect.forkChild(
        Stream.runForEach(signals, (signal) => Effect.sync(() => seen.push(signal))),
        { startImmediately: true }
      )
      yield* Effect.yieldNow
      for (const type of ["online", "offline", "pageshow", "pagehide"]) window.dispatchEvent(new Event(type))
      document.dispatchEvent(new Event("freeze"))
      document.dispatchEvent(new Event("resume"))
      document.dispatchEvent(new Event("visibilitychange"))
      document.visibilityState = "hidden"
      document.dispatchEvent(new Event("visibilitychange"))
      yield* Effect.yieldNow
      const all = ["wake", "sleep", "wake", "freeze", "freeze", "wake", "wake", "sleep"]
      assert.deepStrictEqual(seen, all)
      yield* Fiber.interrupt(listening)
      window.dispatchEvent(new Event("online"))
      yield* Effect.yieldNow
      assert.deepStrictEqual(seen, all)
    })
  )
})

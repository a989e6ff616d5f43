import { assert, describe, it } from "@effect/vitest"
import { afterEach, vi } from "vitest"

const globals = [
  "window",
  "document",
  "navigator",
  "location",
  "localStorage",
  "sessionStorage",
  "XMLHttpRequest",
  "WebSocket",
  "fetch",
  "crypto",
  "addEventListener",
  "removeEventListener"
]

const entries = {
  index: () => import("../src/index.ts"),
  Client: () => import("../src/Client.ts"),
  Kefu: () => import("../src/Kefu.ts"),
  "sandbox/index": () => import("../src/sandbox/index.ts"),
  "testing/index": () => import("../src/testing/index.ts")
}

afterEach(() => {
  vi.unstubAllGlobals()
})

describe("importing", () => {
  for (const [entry, load] of Object.entries(entries)) {
    it(`${entry} touches no global of the platform`, async () => {
      // The modules of Effect stay loaded: what counts is ours.
      await load()
      vi.resetModules()
      const touched: Array<string> = []
      for (const name of globals) {
        const real: unknown = Reflect.get(globalThis, name)
        vi.stubGlobal(name, undefined)
        Object.defineProperty(globalThis, name, {
          configurable: true,
          get: () => {
            touched.push(name)
            return real
          }
        })
      }
      await load()
      assert.deepStrictEqual(touched, [])
    })
  }
})

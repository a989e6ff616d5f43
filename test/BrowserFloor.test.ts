/**
 * The READMEs name the oldest browsers in which the package runs.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as ChildProcess from "node:child_process"
import { readFileSync } from "node:fs"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import { promisify } from "node:util"
import { bundle, root } from "./bench/bundle.ts"
import { newer } from "./support/newerThanOldest.ts"

const exec = promisify(ChildProcess.execFile)

const page = bundle('export { Client } from "./src/Client.ts"')

/** What the code asks for by name, and uses only where it is there. */
const optional = ["Uint8Array.prototype.toBase64"]

/** Methods of iterators have the names of those of arrays: only running the code tells them apart. */
const pattern = (owner: string, name: string) => {
  if (owner === "") return new RegExp(`(?<![\\w.$\`"'])${name}[.(]`)
  return owner.endsWith(".prototype") ? new RegExp(`\\.${name}\\b`) : new RegExp(`\\b${owner}\\.${name}\\b`)
}

describe("in the oldest browsers, a page", () => {
  it.effect("names nothing that they lack", () =>
    Effect.gen(function* () {
      const code = yield* Effect.promise(() => page)
      const found = Object.entries(newer).flatMap(([owner, names]) =>
        owner === "Iterator.prototype"
          ? []
          : names.flatMap((name) => (pattern(owner, name).test(code) ? [`${owner}.${name}`] : []))
      )
      assert.deepStrictEqual(found, optional)
    })
  )

  it("is styled with nothing that they lack", () => {
    const styles = readFileSync(Path.join(root, "examples/web/desk.css"), "utf8")
    const newer = /light-dark\(|@starting-style|@position-try|anchor-name|field-sizing|interpolate-size|calc-size\(/g
    assert.deepStrictEqual(styles.match(newer), null)
  })

  it.effect("connects", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.promise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "effect-kefu-floor-"))),
        (folder) => Effect.promise(() => Fs.rm(folder, { recursive: true }))
      )
      const file = Path.join(folder, "client.mjs")
      const { stdout } = yield* Effect.promise(async () => {
        await Fs.writeFile(file, await page)
        const old = Path.join(root, "test", "support", "oldestBrowser.ts")
        return exec(process.execPath, ["--import", old, Path.join(root, "test", "bench", "first.ts"), file])
      })
      assert.match(stdout, /"connected":\d/)
    })
  )
})

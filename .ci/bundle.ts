/**
 * Bundles the program `effect-kefu` with its server platform, so that `npx effect-kefu sandbox` needs only the package and
 * its peer dependency `effect`, and the web desk that this command serves.
 */
import * as Fs from "node:fs"
import { rolldown } from "rolldown"
import { bundleFiles } from "../examples/web/bundle.ts"

const build = await rolldown({
  input: "src/cli/main.ts",
  platform: "node",
  external: /^effect(\/|$)/,
  checks: { eval: false }
})
await build.write({ file: "dist/cli/main.js", format: "esm", codeSplitting: false })
// It told about the file that the compiler had put there.
Fs.rmSync("dist/cli/main.js.map")

Fs.mkdirSync("dist/web")
for (const [name, text] of await bundleFiles()) Fs.writeFileSync(`dist/web/${name}`, text)

/**
 * Bundles what `npm run build` adds to the compiled modules: the program `effect-kefu` with its server platform, so that
 * `npx effect-kefu sandbox` needs only the package and its peer dependency `effect`; the web desk that this command
 * serves; and the script for pages.
 */
import * as Fs from "node:fs"
import { rolldown } from "rolldown"
import { bundleFiles } from "../examples/web/bundle.ts"

/** The minified script for a `<script>` tag: the documented `Client`, with Effect, as the global `Kefu`. */
export const pageScript = async (): Promise<string> => {
  const build = await rolldown({
    input: "src/Client.ts",
    platform: "browser",
    transform: { target: ["chrome120", "firefox124", "safari17.4"], define: { "import.meta": "{}" } }
  })
  const { output } = await build.generate({ format: "iife", name: "Kefu", exports: "named", minify: true })
  return output[0].code
}

if (import.meta.main) {
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

  Fs.writeFileSync("dist/effect-kefu.global.js", await pageScript())
}

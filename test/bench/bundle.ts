/**
 * Bundles an entry as a page does: minified, with the parts of Effect that it uses.
 */
import * as Path from "node:path"
import { rolldown } from "rolldown"

export const root = Path.resolve(import.meta.dirname, "..", "..")

/** The bundle of an entry, whose imports are relative to the root of the repository. */
export const bundle = async (code: string) => {
  const build = await rolldown({
    input: "entry",
    cwd: root,
    platform: "browser",
    logLevel: "silent",
    plugins: [
      {
        name: "entry",
        resolveId: (id) => (id === "entry" ? Path.join(root, "entry.ts") : null),
        load: (id) => (id === Path.join(root, "entry.ts") ? code : null)
      }
    ]
  })
  const { output } = await build.generate({ format: "esm", minify: true })
  return output[0].code
}

/**
 * Bundles an entry as a page does: minified, with the parts of Effect that it uses.
 */
import * as Path from "node:path"
import { rolldown } from "rolldown"

export const root = Path.resolve(import.meta.dirname, "..", "..")

/** How many bytes each module takes in a bundle, before it is minified; the largest first. */
export const modules = async (code: string): Promise<ReadonlyArray<readonly [path: string, bytes: number]>> =>
  Object.entries((await chunk(code, false)).modules)
    .map(([id, { renderedLength }]) => [Path.relative(root, id), renderedLength] as const)
    .toSorted(([, left], [, right]) => right - left)

/** The bundle of an entry, whose imports are relative to the root of the repository. */
export const bundle = async (code: string): Promise<string> => (await chunk(code, true)).code

const chunk = async (code: string, minify: boolean) => {
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
  const { output } = await build.generate({ format: "esm", minify })
  return output[0]
}

/** Bundles both pages, as what the sandbox serves under `/desk/`. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { rolldown } from "rolldown"
import { deskPage } from "../../src/sandbox/doors/Pages.ts"
import type { SandboxPage } from "../../src/sandbox/SandboxOptions.ts"

const here = import.meta.dirname

/** Every file of the pages, by name. */
export const bundleFiles = async (): Promise<ReadonlyMap<string, string>> => {
  const build = await rolldown({
    input: { visitor: Path.join(here, "visitor.ts"), staff: Path.join(here, "staff.ts") },
    platform: "browser"
  })
  const { output } = await build.generate({ format: "esm", minify: true, chunkFileNames: "[name].js" })
  await build.close()
  return new Map([
    ...output.flatMap((file): ReadonlyArray<[string, string]> =>
      file.type === "chunk" ? [[file.fileName, file.code]] : []
    ),
    ...["visitor.html", "staff.html", "desk.css"].map((name): [string, string] => [
      name,
      Fs.readFileSync(Path.join(here, name), "utf8")
    ])
  ])
}

/** The pages for the option `pages` of the sandbox. */
export const bundlePages = async (): Promise<ReadonlyMap<string, SandboxPage>> =>
  new Map([...(await bundleFiles())].map(([name, text]) => deskPage(name, text)))

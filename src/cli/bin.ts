#!/usr/bin/env node
/** The program `effect-kefu`. A Node that is too old is refused before any module is loaded that it might not run. */
// oxlint-disable-next-line no-restricted-imports -- runs before anything of Effect may be loaded
import * as Fs from "node:fs"
// oxlint-disable-next-line no-restricted-imports -- runs before anything of Effect may be loaded
import process from "node:process"

const manifest = JSON.parse(Fs.readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  readonly version: string
  readonly engines: { readonly node: string }
}
const numbers = (version: string) => (version.match(/\d+/g) ?? []).map(Number)
const [major = 0, minor = 0] = numbers(process.versions.node)
const [leastMajor = 0, leastMinor = 0] = numbers(manifest.engines.node)

if (major < leastMajor || (major === leastMajor && minor < leastMinor)) {
  process.stderr.write(
    `effect-kefu needs Node ${leastMajor}.${leastMinor} or newer, and this is Node ${process.versions.node}. ` +
      "Install a newer Node from https://nodejs.org, or run `npx --package node@24 --package effect-kefu effect-kefu`.\n"
  )
  process.exit(1)
} else {
  try {
    const { main } = await import("./main.ts")
    main(manifest.version)
  } catch (error) {
    if (!(error instanceof Error) || !/Cannot find package '@effect\/platform-node/.test(error.message)) throw error
    process.stderr.write("effect-kefu needs the package @effect/platform-node: npm install @effect/platform-node\n")
    process.exit(1)
  }
}

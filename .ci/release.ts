/** Gives what is unreleased in the CHANGELOG the version that `npm version` has just set, and the day. */
import * as Fs from "node:fs"

const { version } = JSON.parse(Fs.readFileSync("package.json", "utf8")) as { readonly version: string }
const changelog = Fs.readFileSync("CHANGELOG.md", "utf8")
const heading = "## Unreleased\n"
if (!changelog.includes(heading)) throw new Error("CHANGELOG.md has nothing unreleased")
const day = new Date().toISOString().slice(0, 10)
Fs.writeFileSync("CHANGELOG.md", changelog.replace(heading, `## ${version} - ${day}\n`))

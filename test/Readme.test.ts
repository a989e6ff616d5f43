/**
 * Both READMEs are of one make, every link of theirs resolves, also on npm's page, and they leave out no reason of an
 * error and no option.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { ClientOptions } from "../src/Client.ts"
import type { Options } from "../src/Kefu.ts"
import { KefuErrorReason } from "../src/KefuError.ts"
import { Fault } from "../src/sandbox/faults/Fault.ts"
import { anchor, parse, type Readme, readmes, root } from "./support/Readme.ts"

const manifest = JSON.parse(Fs.readFileSync(Path.join(root, "package.json"), "utf8")) as {
  readonly files: ReadonlyArray<string>
  readonly scripts: Readonly<Record<string, string>>
}

/** Without a `repository` npm's page resolves no path: a file is named as code, and only the picture is shown where it can be. */
const broken = ({ headings, targets }: Readme): ReadonlyArray<string> => {
  const anchors = headings.map(({ title }) => `#${anchor(title)}`)
  return targets.filter((target) => {
    if (target.startsWith("#")) return !anchors.includes(target)
    if (target.startsWith("https://")) return false
    const path = target.replace("./", "")
    return !path.endsWith(".webp") || !manifest.files.includes(path.split("/")[0] ?? "") || !Fs.existsSync(path)
  })
}

/** The names in the first cells of the rows under a heading of columns. */
const firstCells = (rows: Readme["rows"]) =>
  rows.flatMap(([cell = ""]) => Array.from(cell.matchAll(/`(\w+)`/g), ([, name = ""]) => name))

const options: Readonly<Record<keyof ClientOptions | keyof Options, null>> = {
  ackTimeout: null,
  baseUrl: null,
  bufferSize: null,
  catchUp: null,
  connect: null,
  connectTimeout: null,
  debug: null,
  fetch: null,
  heartbeat: null,
  inbox: null,
  maxBodySize: null,
  maxFrameSize: null,
  outbox: null,
  overflow: null,
  reconnect: null,
  requestTimeout: null,
  retry: null,
  shareTabs: null,
  storage: null,
  subChannelId: null,
  token: null,
  tokenKey: null,
  tracePropagation: null,
  uploadTimeout: null,
  webSocket: null
}

describe("the check of links", () => {
  it("reports an anchor without a heading, and a path that npm's page cannot resolve", () => {
    const sample = parse(
      "sample",
      "# A `b`, c\n[1](#a-b-c) [2](#d) [3](./examples/bot.ts) ![4](./examples/web/desk.webp) ![5](./no.webp) `[6](#e)`\n"
    )
    assert.deepStrictEqual(broken(sample), ["#d", "./examples/bot.ts", "./no.webp"])
  })
})

for (const readme of readmes) {
  describe(readme.name, () => {
    it("has no link that leads nowhere", () => {
      assert.isAbove(readme.targets.length, 20)
      assert.deepStrictEqual(broken(readme), [])
    })

    it("has no two sections of one name", () => {
      const anchors = readme.headings.map(({ title }) => anchor(title))
      assert.deepStrictEqual(
        anchors.filter((one, index) => anchors.indexOf(one) !== index),
        []
      )
    })

    it("lists every section in its table of contents", () => {
      const sections = readme.headings.flatMap(({ level, title }) => (level === 2 ? [`#${anchor(title)}`] : []))
      const unlisted = sections.filter((section) => !readme.targets.includes(section))
      assert.deepStrictEqual(unlisted, [readme.name === "README.md" ? "#contents" : "#目录"])
    })

    it("says of every reason of an error when it comes and what to do", () => {
      const reasons = KefuErrorReason.members.map((member) => member.fields._tag.schema.literal)
      const catalogue = readme.rows.filter(
        ([first = "", when = "", advice = ""]) =>
          reasons.some((tag) => first === `\`${tag}\``) && when !== "" && advice !== ""
      )
      assert.deepStrictEqual(firstCells(catalogue).toSorted(), reasons.toSorted())
    })

    it("lists every option of `Kefu.layer` and of `Client`, with its default", () => {
      const named = firstCells(readme.rows.filter((cells) => cells.length === 3))
      assert.deepStrictEqual(
        Object.keys(options).filter((option) => !named.includes(option)),
        []
      )
    })

    it("lists every kind of fault", () => {
      const named = firstCells(readme.rows.filter((cells) => cells.length === 2))
      assert.deepStrictEqual(
        Object.keys(Fault.cases).filter((fault) => !named.includes(fault)),
        []
      )
    })

    it("names only scripts that `package.json` has", () => {
      const text = Fs.readFileSync(Path.join(root, readme.name), "utf8")
      assert.deepStrictEqual(
        Array.from(text.matchAll(/npm run ([\w:-]+)/g), ([, script = ""]) => script).filter(
          (script) => !(script in manifest.scripts)
        ),
        []
      )
    })
  })
}

describe("both READMEs", () => {
  it("have the same sections, tables and blocks of code, in the same order", () => {
    const [english, chinese] = readmes.map(({ blocks, headings, rows }) => ({
      headings: headings.map(({ level }) => level),
      blocks: blocks.map(({ language, runs }) => `${language}${runs ? ", runs" : ""}`),
      rows: rows.map((cells) => cells.length)
    }))
    assert.deepStrictEqual(english, chinese)
  })
})

/**
 * Every TypeScript snippet of the READMEs and of the documentation in `src` compiles. Those of the READMEs also run on a
 * sandbox, to their end, or until they have printed what `<!-- runs until "…" -->` says. So do the commands of the READMEs,
 * and they print what the block after them shows. `test/browser/Readme.test.ts` has the pages.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as SandboxNode from "../src/sandbox/doors/SandboxNode.ts"
import { type Block, blocksOf, readmes, root } from "./support/Readme.ts"

const folder = Path.join(root, "dist", "snippets")
const vitest = Path.join(root, "node_modules", "vitest", "vitest.mjs")

interface Snippet extends Block {
  readonly file: string
}

const resolved = (code: string) =>
  code.replaceAll(/"effect-kefu(\/[^"]+)?"/g, (_, path: string | undefined) => {
    const source = path === undefined ? "src/index.ts" : `src${path}.ts`
    const module = Fs.existsSync(Path.join(root, source)) ? source : `src${path}/index.ts`
    return JSON.stringify(Path.relative(folder, Path.join(root, module)))
  })

const snippetsOf = (path: string, blocks: ReadonlyArray<Block>): ReadonlyArray<Snippet> =>
  blocks
    .filter(({ language }) => language === "ts")
    .map((block, index) => ({
      ...block,
      file: `${path.replaceAll(/[^A-Za-z]+/g, "_")}${index + 1}.ts`,
      code: `${resolved(block.code)}\nexport {}\n`
    }))

const sources = Fs.readdirSync(Path.join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .map((path) => `src/${path}`)
const ofReadmes = readmes.flatMap(({ blocks, name }) => snippetsOf(name, blocks))
const ofSources = sources.flatMap((path) => {
  const text = Fs.readFileSync(Path.join(root, path), "utf8")
  return snippetsOf(path, blocksOf(path, text.replaceAll(/^[ \t]*\* ?/gm, "")))
})
const snippets = [...ofReadmes, ...ofSources]

Fs.rmSync(folder, { recursive: true, force: true })
Fs.mkdirSync(folder, { recursive: true })
for (const { code, file } of snippets) Fs.writeFileSync(Path.join(folder, file), code)
Fs.writeFileSync(
  Path.join(folder, "tsconfig.json"),
  JSON.stringify({
    extends: "../../tsconfig.json",
    compilerOptions: { noUnusedLocals: false, allowImportingTsExtensions: true },
    include: ["*.ts"],
    exclude: []
  })
)

interface Result {
  readonly ok: boolean
  readonly output: string
}

/** Runs a program to its end, or until it has printed `until`. */
const run = (program: string, args: ReadonlyArray<string>, until?: string) =>
  Effect.callback<Result>((resume) => {
    const child = ChildProcess.spawn(program, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] })
    let output = ""
    const take = (chunk: string) => {
      output += chunk
      if (until !== undefined && output.includes(until)) resume(Effect.succeed({ ok: true, output }))
    }
    child.stdout.setEncoding("utf8").on("data", take)
    child.stderr.setEncoding("utf8").on("data", take)
    child.on("error", (error) => resume(Effect.succeed({ ok: false, output: error.message })))
    child.on("close", (code) => resume(Effect.succeed({ ok: code === 0 && until === undefined, output })))
    return Effect.sync(() => child.kill())
  }).pipe(
    Effect.timeoutOrElse({ duration: "110 seconds", orElse: () => Effect.succeed({ ok: false, output: "it hangs" }) })
  )
const node = (args: ReadonlyArray<string>, until?: string) => run(process.execPath, args, until)

describe("snippets", () => {
  it.live(
    "compile",
    () =>
      Effect.gen(function* () {
        assert.isAbove(snippets.length, 10)
        const tsc = Path.join(root, "node_modules", "typescript", "bin", "tsc")
        const { ok, output } = yield* node([tsc, "--project", folder])
        const named = snippets.reduce((text, { file, origin }) => text.replaceAll(file, origin), output)
        assert.isTrue(ok, named)
      }),
    120_000
  )
})

const home = "http://127.0.0.1:8787"

/** The adapters for frameworks run in a page: `test/browser/Frameworks.test.ts`. */
const isAdapter = ({ code }: Block) => /from "(?:react|vue|svelte\/store)"/.test(code)

/** Commands that this test does not run, and who does. */
const elsewhere: Readonly<Record<string, string>> = {
  "npm init -y": "test/package/run.ts makes the projects itself",
  "npm pkg set type=module": "test/package/run.ts makes the projects itself",
  "npm install effect-kefu effect": "test/package/run.ts, from the tarball",
  "npm install effect-kefu effect @effect/platform-node @effect/sql-pg": "test/package/run.ts, from the tarball",
  "npx effect-kefu fleet --config fleet.json":
    "test/cli/fleet.test.ts; the file is read by test/cli/fleet/config.test.ts",
  "npm ci && npm run demo": ".ci/run",
  "npm ci && npm run demo:web": "test/browser/Desk.test.ts, the desk of the sandbox",
  "npm ci && npm test": ".ci/run"
}

/** Both READMEs have many blocks in common. */
const once = <A>(all: ReadonlyArray<A>, key: (one: A) => string) =>
  Array.from(new Map(all.map((one) => [key(one), one])).values())

/** The commands, without a comment at their end, and what the block after them says that they print. */
const commands = readmes.flatMap(({ blocks }) =>
  blocks.flatMap(({ code, language, origin }, index) => {
    const next = blocks[index + 1]
    const shown = next?.language === "text" ? next.code : undefined
    const lines = language === "sh" ? code.trim().split("\n") : []
    return lines.map((line) => ({ line: line.replace(/ +# .*$/, ""), origin, shown }))
  })
)

/** Runs a command on the sandbox. */
const execute = (command: string, baseUrl: string) => {
  const words = command
    .replace(home, baseUrl)
    .replace("--port 8787", "--port 0")
    .matchAll(/'([^']*)'|(\S+)/g)
  const [program = "", ...args] = Array.from(words, ([, quoted, plain = ""]) => quoted ?? plain)
  if (program === "curl") return run(program, ["--silent", "--show-error", "--fail-with-body", ...args])
  const [name, ...rest] = args
  assert.deepStrictEqual([program, name], ["npx", "effect-kefu"])
  return node(["src/cli/bin.ts", ...rest], rest[0] === "sandbox" ? "The sandbox is running." : undefined)
}

/** Numbers, spaces and generated names differ from run to run. */
const shape = (output: string, baseUrl: string) =>
  output
    .trim()
    .replaceAll(baseUrl, home)
    .replaceAll(/\/blobs\/\w+/g, "/blobs/…")
    .replaceAll(/ahead of|behind/g, "off")
    .replaceAll(/\d+/g, "0")
    .replaceAll(/ +/g, " ")

layer(SandboxNode.layer(), { excludeTestServices: true })("the blocks of the READMEs", (it) => {
  it("every block of code and every command is run, here or elsewhere", () => {
    assert.deepStrictEqual(
      readmes.flatMap(({ blocks }) =>
        blocks.filter(
          (block) =>
            !["sh", "text", "html", "json"].includes(block.language) &&
            !(block.language === "ts" && (block.runs || isAdapter(block)))
        )
      ),
      []
    )
    assert.deepStrictEqual(
      Object.keys(elsewhere).filter((command) => !commands.some(({ line }) => line === command)),
      []
    )
  })

  for (const { code, file, origin, until } of once(
    ofReadmes.filter((snippet) => !isAdapter(snippet)),
    ({ code }) => code
  )) {
    it.effect(
      `${origin} runs`,
      () =>
        Effect.gen(function* () {
          const baseUrl = yield* SandboxNode.baseUrl
          const isTest = /"(?:@effect\/)?vitest"/.test(code)
          const path = Path.join(folder, isTest ? file.replace(/ts$/, "test.ts") : `run_${file}`)
          Fs.writeFileSync(path, code.replaceAll(home, baseUrl))
          const { ok, output } = yield* node(isTest ? [vitest, "run", "--root", folder, path] : [path], until)
          assert.isTrue(ok, output)
          assert.notStrictEqual(output.trim(), "", "a snippet prints its result")
          if (isTest) assert.match(output, /1 passed/)
        }),
      120_000
    )
  }
})

describe("the commands of the READMEs", () => {
  for (const { line, origin, shown } of once(commands, ({ line, shown }) => line + shown)) {
    if (line in elsewhere) continue
    it.live(
      `${origin} runs: ${line}`,
      () =>
        Effect.gen(function* () {
          const baseUrl = yield* SandboxNode.baseUrl
          const { ok, output } = yield* execute(line, baseUrl)
          assert.isTrue(ok, output)
          if (shown !== undefined) assert.strictEqual(shape(output, baseUrl), shape(shown, baseUrl))
        }).pipe(Effect.provide(SandboxNode.layer({ faultControl: true }))),
      120_000
    )
  }
})

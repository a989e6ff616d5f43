/**
 * Every TypeScript snippet of the READMEs and of the documentation in `src` compiles; README snippets marked
 * `<!-- runs -->` also run on a sandbox.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { promisify } from "node:util"
import * as SandboxNode from "../src/sandbox/doors/SandboxNode.ts"

const root = Path.resolve(import.meta.dirname, "..")
const folder = Path.join(root, "dist", "snippets")
const vitest = Path.join(root, "node_modules", "vitest", "vitest.mjs")
const run = promisify(ChildProcess.execFile)

interface Snippet {
  readonly origin: string
  readonly file: string
  readonly code: string
  readonly runs: boolean
}

const resolved = (code: string) =>
  code.replaceAll(/"effect-kefu(\/[^"]+)?"/g, (_, path: string | undefined) => {
    const source = path === undefined ? "src/index.ts" : `src${path}.ts`
    const module = Fs.existsSync(Path.join(root, source)) ? source : `src${path}/index.ts`
    return JSON.stringify(Path.relative(folder, Path.join(root, module)))
  })

const snippetsOf = (path: string): ReadonlyArray<Snippet> => {
  const text = Fs.readFileSync(Path.join(root, path), "utf8")
  const isCode = path.endsWith(".ts")
  const plain = isCode ? text.replaceAll(/^[ \t]*\* ?/gm, "") : text
  return Array.from(plain.matchAll(/(<!-- runs -->\n+)?```tsx?\n([\s\S]*?)```/g), ([, mark, code = ""], index) => ({
    origin: `${path}, snippet ${index + 1}`,
    file: `${path.replaceAll(/[^A-Za-z]+/g, "_")}${index + 1}.ts`,
    code: `${resolved(code)}\nexport {}\n`,
    runs: mark !== undefined
  }))
}

const sources = Fs.readdirSync(Path.join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .map((path) => `src/${path}`)
const readmes = ["README.md", "README.zh-CN.md"].filter((path) => Fs.existsSync(Path.join(root, path)))
const snippets = [...readmes, ...sources].flatMap(snippetsOf)

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

const node = (args: ReadonlyArray<string>) =>
  Effect.promise(() =>
    run(process.execPath, args, { cwd: root, timeout: 60_000 }).then(
      ({ stdout }) => ({ ok: true, output: stdout }),
      (failure: { readonly stdout: string; readonly stderr: string }) => ({
        ok: false,
        output: failure.stdout + failure.stderr
      })
    )
  )

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

layer(SandboxNode.layer(), { excludeTestServices: true })("snippets of the READMEs", (it) => {
  for (const { code, file, origin } of snippets.filter((snippet) => snippet.runs)) {
    it.effect(
      `${origin} runs`,
      () =>
        Effect.gen(function* () {
          const baseUrl = yield* SandboxNode.baseUrl
          const isTest = /"(?:@effect\/)?vitest"/.test(code)
          const path = Path.join(folder, isTest ? file.replace(/ts$/, "test.ts") : `run_${file}`)
          Fs.writeFileSync(path, code.replaceAll("http://127.0.0.1:8787", baseUrl))
          const { ok, output } = yield* node(isTest ? [vitest, "run", "--root", folder, path] : [path])
          assert.isTrue(ok, output)
          assert.notStrictEqual(output.trim(), "", "a snippet prints its result")
          if (isTest) assert.match(output, /1 passed/)
        }),
      60_000
    )
  }
})

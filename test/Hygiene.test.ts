/**
 * The promises this repository makes about its own shape, for what the linter (`.ci/oxlint.json`) cannot see.
 *
 * Each rule carries a sample that breaks it, so that a rule which stopped working is noticed.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Path from "node:path"

/** Modules of `src` that touch the platform: globals, timers, `node:` modules, Promises. Keep this list short. */
const platformEdge: ReadonlyArray<string> = ["src/sandbox/SandboxNode.ts"]

const root = Path.resolve(import.meta.dirname, "..")

interface File {
  /** From the root, with slashes. */
  readonly path: string
  readonly text: string
}

interface Rule {
  readonly name: string
  readonly applies: (path: string) => boolean
  /** What is wrong, one line each. */
  readonly problems: (file: File) => ReadonlyArray<string>
  /** Each must be reported. */
  readonly bad: ReadonlyArray<File>
  /** None may be reported. */
  readonly good: ReadonlyArray<File>
}

const file = (path: string, text = ""): File => ({ path, text })
const inSource = (path: string) => path.startsWith("src/") && path.endsWith(".ts")
const inTests = (path: string) => path.startsWith("test/") && path.endsWith(".ts")
const isPlatformEdge = (path: string) => platformEdge.includes(path)

const tokens = /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/.*/g
const withoutComments = (text: string) => text.replace(tokens, (_, literal: string | undefined) => literal ?? "")
const withoutLiterals = (text: string) =>
  text.replace(tokens, (_, literal: string | undefined) => (literal?.startsWith("`") ? literal : '""'))

const matches = (text: string, pattern: RegExp) => Array.from(text.matchAll(pattern), ([found]) => found.trim())

/** Every module a file imports or re-exports; relative ones as paths from the root. */
const importsOf = ({ path, text }: File): ReadonlyArray<string> =>
  Array.from(withoutComments(text).matchAll(/\b(?:from|import)\s*\(?\s*["']([^"']+)["']/g), ([, specifier = ""]) =>
    specifier.startsWith(".") ? Path.posix.join(Path.posix.dirname(path), specifier) : specifier
  )

const importsOnly = (path: string, allowed: RegExp): Rule => ({
  name: `${path} imports only what is to its left`,
  applies: (candidate) => candidate.startsWith(path),
  problems: (source) => importsOf(source).filter((module) => !allowed.test(module)),
  bad: [
    file(`${path}A.ts`, 'import { Kefu } from "../Kefu.ts"'),
    file(`${path}A.ts`, 'import type { Store } from "../sandbox/Store.ts"'),
    file(`${path}A.ts`, 'export * from "lodash"')
  ],
  good: [
    file(`${path}A.ts`, '// from "../Kefu.ts"\nimport * as Schema from "effect/Schema"\nimport { B } from "./B.ts"')
  ]
})

const rules: ReadonlyArray<Rule> = [
  importsOnly("src/domain/", /^effect\/|^src\/domain\/|^src\/wire\/Wire\.ts$/),
  importsOnly("src/wire/", /^effect\/|^src\/domain\/|^src\/wire\//),
  {
    name: "only the façade and the platform edges know Promises",
    applies: (path) => inSource(path) && path !== "src/Client.ts" && !isPlatformEdge(path),
    problems: ({ text }) =>
      matches(
        withoutLiterals(text),
        /(?<![.\w])(?:async|await|Promise|PromiseLike|AbortSignal|AbortController)\b(?!:).*/g
      ),
    bad: [
      file("src/A.ts", "export const a = async () => 1"),
      file("src/A.ts", "export declare const a: Promise<number>"),
      file("src/A.ts", "export const a = (signal: AbortSignal) => signal")
    ],
    good: [
      file("src/A.ts", '/** `async` and `Promise<A>` */\nexport const a = "a Promise"'),
      file("src/A.ts", "export const a = Effect.tryPromise(f).pipe(Effect.andThen(Deferred.await(d)))")
    ]
  },
  {
    name: "lint exceptions are few: one line, one named rule, one reason; globals at the platform edges only",
    applies: inSource,
    problems: ({ path, text }) =>
      matches(text, /(?:oxlint|eslint)-disable.*|@ts-nocheck.*/g).filter((comment) => {
        const [, names, reason] = /-disable(?:-next)?-line ([^*]+?) -- (\S+)/.exec(comment) ?? []
        if (names === undefined || reason === undefined) return true
        if (/no-explicit-any|ban-ts-comment/.test(names)) return true
        return /no-restricted|no-console/.test(names) && !isPlatformEdge(path)
      }),
    bad: [
      file("src/A.ts", "// oxlint-disable"),
      file("src/A.ts", "// oxlint-disable-next-line eqeqeq"),
      file("src/A.ts", "/* eslint-disable eqeqeq -- all of it */"),
      file("src/A.ts", "// oxlint-disable-next-line no-restricted-globals -- not an edge"),
      file("src/A.ts", "// oxlint-disable-next-line typescript/no-explicit-any -- never")
    ],
    good: [file("src/A.ts", "// oxlint-disable-next-line eqeqeq -- null and undefined alike")]
  },
  {
    name: "no test is skipped, narrowed or left for later",
    applies: inTests,
    problems: ({ text }) =>
      matches(
        withoutLiterals(text),
        /\b(?:it|test|describe|suite|bench)(?:\.\w+)*\.(?:skip|skipIf|runIf|only|todo|fails)\b.*|\b[xf](?:it|describe)\(.*/g
      ),
    bad: [
      "it.skip",
      "it.effect.skip",
      "describe.only",
      "it.live.only",
      "test.todo",
      "it.effect.skipIf(true)",
      "xit"
    ].map((call) => file("test/A.test.ts", `${call}("a", () => {})`)),
    good: [file("test/A.test.ts", '// it.skip("a")\nit.effect("it.only", () => iterator.skip(1))')]
  },
  {
    name: "a module is found by its name: PascalCase, at most two folders deep, no drawers for odds and ends",
    applies: (path) => path.startsWith("src/"),
    problems: ({ path }) => {
      const folders = path.split("/").slice(1, -1)
      const name = Path.posix.basename(path)
      return [
        ...(folders.length > 2 ? ["nested too deep"] : []),
        ...(folders.every((folder) => /^[a-z-]+$/.test(folder)) ? [] : ["folders are lower case"]),
        ...(/(?:^|\/)(?:utils?|helpers?|common|types|misc|shared)(?:\/|\.ts$)/i.test(path) ? ["says nothing"] : []),
        ...(/^[A-Z][A-Za-z0-9]*\.ts$/.test(name) || folders.includes("internal") || /^(?:index|bin)\.ts$/.test(name)
          ? []
          : ["not PascalCase"])
      ]
    },
    bad: ["src/a/b/c/D.ts", "src/utils/A.ts", "src/types.ts", "src/user.ts", "src/Users/A.ts"].map((path) =>
      file(path)
    ),
    good: ["src/index.ts", "src/Client.ts", "src/sandbox/bin.ts", "src/internal/catchUp.ts"].map((path) => file(path))
  }
]

const ignored = Fs.readFileSync(Path.join(root, ".gitignore"), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => new RegExp(`^${line.replace(/\/$/, "").replaceAll(".", "\\.").replaceAll("*", ".*")}$`))
const isIgnored = (name: string) => ignored.some((pattern) => pattern.test(name))

const walk = (folder: string): ReadonlyArray<string> =>
  Fs.existsSync(Path.join(root, folder))
    ? Fs.readdirSync(Path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
        if (isIgnored(entry.name)) return []
        const path = `${folder}/${entry.name}`
        return entry.isDirectory() ? walk(path) : [path]
      })
    : []

const files = ["src", "test", "examples"]
  .flatMap(walk)
  .map((path) => file(path, Fs.readFileSync(Path.join(root, path), "utf8")))

/** What the sandbox is there to test against; so it must not share code with it. */
const clientSide = /^src\/(?:Transport|Realtime|\w+Api|Client|Kefu|Outbox|Inbox|Credentials|index)\.ts$/

/** The ways from the sandbox to the client side, also through other modules. */
const leaks = (sources: ReadonlyArray<File>): ReadonlyArray<string> => {
  const imports = new Map(sources.map((source) => [source.path, importsOf(source)]))
  const seen = new Set<string>()
  const found: Array<string> = []
  const visit = (path: string, way: string) => {
    if (seen.has(path)) return
    seen.add(path)
    if (clientSide.test(path)) found.push(way)
    else for (const next of imports.get(path) ?? []) visit(next, `${way} -> ${next}`)
  }
  for (const { path } of sources) if (path.startsWith("src/sandbox/")) visit(path, path)
  return found
}

describe("Hygiene", () => {
  for (const rule of rules) {
    const check = (candidate: File) => (rule.applies(candidate.path) ? rule.problems(candidate) : [])

    it(rule.name, () => {
      for (const sample of rule.bad) assert.notDeepEqual(check(sample), [], `${sample.path}: ${sample.text}`)
      for (const sample of rule.good) assert.deepStrictEqual(check(sample), [], `${sample.path}: ${sample.text}`)
      assert.deepStrictEqual(
        files.flatMap((candidate) => check(candidate).map((problem) => `${candidate.path}: ${problem}`)),
        []
      )
    })
  }

  it("the sandbox never reaches the client side", () => {
    const sandbox = file("src/sandbox/A.ts", 'import { b } from "../internal/b.ts"')
    const api = file("src/UserApi.ts")
    assert.deepStrictEqual(leaks([sandbox, api, file("src/internal/b.ts", 'import type { U } from "../UserApi.ts"')]), [
      "src/sandbox/A.ts -> src/internal/b.ts -> src/UserApi.ts"
    ])
    assert.deepStrictEqual(leaks([sandbox, api, file("src/internal/b.ts", 'import { Api } from "../wire/Api.ts"')]), [])
    assert.deepStrictEqual(leaks(files), [])
  })

  it("every platform edge exists", () => {
    assert.deepStrictEqual(
      platformEdge.filter((path) => !files.some((candidate) => candidate.path === path)),
      []
    )
  })

  it("the top level holds nothing but what it must", () => {
    const allowed = new Set([
      ".ci",
      ".git",
      ".gitignore",
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "README.zh-CN.md",
      "examples",
      "package-lock.json",
      "package.json",
      "src",
      "test",
      "tsconfig.json",
      "vitest.config.ts"
    ])
    assert.deepStrictEqual(
      Fs.readdirSync(root).filter((name) => !isIgnored(name) && !allowed.has(name)),
      []
    )
  })

  it("the lockfile names no registry and covers every platform", () => {
    const { packages } = JSON.parse(Fs.readFileSync(Path.join(root, "package-lock.json"), "utf8")) as {
      readonly packages: Readonly<
        Record<string, { readonly resolved?: string; readonly optionalDependencies?: Readonly<Record<string, string>> }>
      >
    }
    assert.deepStrictEqual(
      Object.keys(packages).filter((path) => packages[path]?.resolved !== undefined),
      []
    )
    assert.deepStrictEqual(
      Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
        Object.keys(optionalDependencies).filter(
          (name) => !(`${path}/node_modules/${name}` in packages) && !(`node_modules/${name}` in packages)
        )
      ),
      []
    )
  })
})

/**
 * Rules about the shape of the repository that the linter (`.ci/oxlint.json`) cannot check.
 *
 * Each rule carries samples that break it, so that a broken rule is noticed.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { undocumented } from "../.ci/documented.ts"
import { importsOf, problems as misplaced } from "../.ci/house.ts"

/** Modules of `src` that touch the platform: globals, timers, `node:` modules, Promises. Keep this list short. */
const platformEdge: ReadonlyArray<string> = [
  "src/cli/bin.ts",
  "src/cli/fleet/handler.ts",
  "src/cli/fleet/platform.ts",
  "src/cli/main.ts",
  "src/cli/nodeNetwork.ts",
  "src/platform/lock.ts",
  "src/platform/tabs.ts",
  "src/sandbox/doors/SandboxNode.ts",
  "src/cluster/FleetEvent.ts",
  "src/cluster/KefuRunner.ts",
  "src/cluster/NodeSqlite.ts",
  "src/testing/PromiseSandbox.ts"
]

const root = Path.resolve(import.meta.dirname, "..")

interface File {
  /** From the root, with slashes. */
  readonly path: string
  readonly text: string
}

interface Rule {
  readonly name: string
  readonly applies: (path: string) => boolean
  /** Violations, one line each. */
  readonly problems: (file: File) => ReadonlyArray<string>
  /** Every sample must be reported. */
  readonly bad: ReadonlyArray<File>
  /** No sample may be reported. */
  readonly good: ReadonlyArray<File>
}

const file = (path: string, text = ""): File => ({ path, text })
const inSource = (path: string) => path.startsWith("src/") && path.endsWith(".ts")
const inTests = (path: string) => path.startsWith("test/") && path.endsWith(".ts")
/** Private modules are camelCase or in an `internal/`; `client/` stands behind the façade. */
const isPrivate = (path: string) =>
  path.includes("/internal/") || path.startsWith("src/client/") || /(?:^|\/)[a-z]\w*\.ts$/.test(path)
const isPlatformEdge = (path: string) => platformEdge.includes(path)

const tokens = /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/.*/g
const withoutLiterals = (text: string) =>
  text.replace(tokens, (_, literal: string | undefined) => (literal?.startsWith("`") ? literal : '""'))

const matches = (text: string, pattern: RegExp) => Array.from(text.matchAll(pattern), ([found]) => found.trim())

const rules: ReadonlyArray<Rule> = [
  {
    name: "imports point to lower wings, and never into another wing's `internal`",
    applies: inSource,
    problems: misplaced,
    bad: [
      file("src/codec/A.ts", 'import { Kefu } from "../Kefu.ts"'),
      file("src/domain/A.ts", 'import type { Api } from "../wire/Api.ts"'),
      file("src/rest/A.ts", 'import { make } from "../http/internal/pipeline.ts"'),
      file("src/rest/internal/a.ts", 'export * from "../../realtime/Realtime.ts"'),
      file("src/inbox/A.ts", 'const a = import("../client/session.ts")'),
      file("src/sandbox/desk/A.ts", 'import { KefuError } from "../../KefuError.ts"'),
      file("src/testing/A.ts", 'import { link } from "../realtime/internal/link.ts"'),
      file("src/attic/A.ts")
    ],
    good: [
      file("src/rest/A.ts", '// from "../Kefu.ts"\nimport { Transport } from "../http/Transport.ts"'),
      file("src/realtime/Realtime.ts", 'import * as link from "./internal/link.ts"'),
      file(
        "src/sandbox/desk/A.ts",
        'import { Message } from "../../domain/Message.ts"\nimport { B } from "../faults/B.ts"'
      )
    ]
  },
  {
    name: "exports of public modules are documented, and so is what their services, classes and interfaces do",
    applies: (path) => inSource(path) && !isPrivate(path),
    problems: ({ path, text }) => undocumented(path, text),
    bad: [
      "export const a = 1",
      "/** A. */\nconst a = 1\nexport class B {}",
      "// A.\nexport interface A {}",
      "/** A. */\nexport interface A {\n  b(): void\n}",
      "/** A. */\nexport class A {\n  b(): void {}\n}",
      '/** A. */\nexport class A extends Service<A, { readonly b: Effect.Effect<void> }>()("A") {}',
      "/** A. */\nexport interface A {\n  readonly b: (c: number) => void\n}"
    ].map((text) => file("src/A.ts", text)),
    good: [
      "const a = 1",
      "/** A. */\nexport const a = 1",
      "/** A. */\nexport interface A {\n  readonly b: number\n  /** C. */\n  c(): void\n}",
      "/** A. */\nexport class A {\n  #b(): void {}\n  constructor() {}\n  override c(): void {}\n}",
      "/** A. */\nexport declare function a(b: 1): 1\nexport declare function a(b: 2): 2"
    ].map((text) => file("src/A.ts", text))
  },
  {
    name: "modules import `effect` only, the one runtime dependency",
    applies: (path) => inSource(path) && !path.startsWith("src/sandbox/doors/") && !isPlatformEdge(path),
    problems: (source) => importsOf(source).filter((module) => !/^effect\/|^src\//.test(module)),
    bad: [file("src/A.ts", 'export * from "lodash"'), file("src/A.ts", 'import * as Fs from "node:fs"')],
    good: [file("src/A.ts", 'import * as Schema from "effect/Schema"\nimport { B } from "./B.ts"')]
  },
  {
    name: "only the façade and the platform edges use Promises",
    applies: (path) => inSource(path) && !/^src\/(?:Client\.ts|client\/)/.test(path) && !isPlatformEdge(path),
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
    name: "lint exceptions cover one line and one named rule with a reason; globals only at the platform edges",
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
    name: "no test is skipped, focused or pending",
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
    name: "modules have descriptive names, at most two folders deep, and no catch-all folders",
    applies: (path) => path.startsWith("src/"),
    problems: ({ path }) => {
      const folders = path.split("/").slice(1, -1)
      const name = Path.posix.basename(path)
      return [
        ...(folders.length > 2 ? ["nested too deep"] : []),
        ...(folders.every((folder) => /^[a-z-]+$/.test(folder)) ? [] : ["folders are lower case"]),
        ...(/(?:^|\/)(?:utils?|helpers?|common|misc|shared)(?:\/|\.ts$)/i.test(path) ? ["no descriptive name"] : []),
        ...(/^[A-Za-z][A-Za-z0-9]*\.ts$/.test(name) ? [] : ["not a plain name"]),
        ...(folders.length > 0 || /^[A-Z]/.test(name) || name === "index.ts" ? [] : ["a public module is PascalCase"]),
        ...(folders.at(-1) === "internal" && /^[A-Z]/.test(name) ? ["a private module is camelCase"] : [])
      ]
    },
    bad: [
      "src/a/b/c/D.ts",
      "src/utils/A.ts",
      "src/rest/some-thing.ts",
      "src/user.ts",
      "src/Users/A.ts",
      "src/rest/internal/A.ts"
    ].map((path) => file(path)),
    good: ["src/index.ts", "src/Client.ts", "src/sandbox/doors/bin.ts", "src/realtime/internal/catchUp.ts"].map(
      (path) => file(path)
    )
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

  it("package exports open public modules and close private ones", () => {
    const { exports } = JSON.parse(Fs.readFileSync(Path.join(root, "package.json"), "utf8")) as {
      readonly exports: Readonly<Record<string, unknown>>
    }
    const isOpen = (path: string) => {
      const name = path.replace("src", ".").replace(/\.ts$/, "")
      const matching = Object.keys(exports)
        .filter((key) => {
          const [before = "", after = ""] = key.split("*")
          return key === name || (key.includes("*") && name.startsWith(before) && name.endsWith(after))
        })
        .toSorted((left, right) => right.indexOf("*") - left.indexOf("*") || right.length - left.length)
      const key = name in exports ? name : matching[0]
      return key !== undefined && exports[key] !== null
    }
    const modules = files.map(({ path }) => path).filter((path) => inSource(path) && !path.endsWith("/index.ts"))
    assert.deepStrictEqual(
      modules.filter((path) => isOpen(path) === isPrivate(path)),
      []
    )
  })

  it("a resolver that ignores `exports` finds the same types (`moduleResolution: node10`)", () => {
    const { exports, types, typesVersions } = JSON.parse(Fs.readFileSync(Path.join(root, "package.json"), "utf8")) as {
      readonly exports: Readonly<Record<string, { readonly types?: string } | string | null>>
      readonly types: string
      readonly typesVersions: Readonly<Record<string, Readonly<Record<string, ReadonlyArray<string>>>>>
    }
    const paths = typesVersions["*"] ?? {}
    const found = (entry: string) => {
      if (entry === ".") return types
      const name = entry.replace("./", "")
      return paths[name]?.[0] ?? paths["*"]?.[0]?.replace("*", name)
    }
    const open = Object.entries(exports).flatMap(([entry, target]) =>
      typeof target === "object" && target !== null ? [[entry, target.types] as const] : []
    )
    assert.deepStrictEqual(
      open.map(([entry]) => [entry, found(entry)] as const),
      open
    )
  })

  it("every platform edge exists", () => {
    assert.deepStrictEqual(
      platformEdge.filter((path) => !files.some((candidate) => candidate.path === path)),
      []
    )
  })

  it("the top level holds only the listed files", () => {
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

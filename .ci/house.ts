/**
 * The wings of `src` and who may import whom. `npm run check` fails on an import that breaks these rules:
 *
 * - a wing imports only from wings below it;
 * - nobody imports from another wing's `internal/`;
 * - the sandbox imports `codec`, `domain` and `wire` only, nothing of the client that is tested against it;
 * - no module imports itself through others, inside a wing either (the linter's `import/no-cycle`).
 */
import * as Fs from "node:fs"
import * as Path from "node:path"

/** From the ground up. A wing is a folder of `src`, or a module at its top. */
export const wings: ReadonlyArray<string> = [
  "codec",
  "platform",
  "KefuError",
  "KefuConfig",
  "domain",
  "wire",
  "http",
  "rest",
  "realtime",
  "outbox",
  "inbox",
  "Kefu",
  "KefuFleet",
  "client",
  "Client",
  "index",
  "sandbox",
  "testing",
  "cluster",
  "cli"
]

/** Wings that may import from the listed wings only. */
const only: Readonly<Record<string, ReadonlyArray<string>>> = {
  sandbox: ["codec", "domain", "wire"]
}

export interface Module {
  /** From the root of the repository, with slashes. */
  readonly path: string
  readonly text: string
}

export const wingOf = (path: string): string => {
  const [, first = ""] = path.split("/")
  return first.replace(/\.ts$/, "")
}

const tokens = /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/.*/g
const withoutComments = (text: string) => text.replace(tokens, (_, literal: string | undefined) => literal ?? "")

/** Every module a file imports or re-exports; relative ones as paths from the root. */
export const importsOf = ({ path, text }: Module): ReadonlyArray<string> =>
  Array.from(withoutComments(text).matchAll(/\b(?:from|import)\s*\(?\s*["']([^"']+)["']/g), ([, specifier = ""]) =>
    specifier.startsWith(".") ? Path.posix.join(Path.posix.dirname(path), specifier) : specifier
  )

/** The imports of a module that break a rule, one line each. */
export const problems = (module: Module): ReadonlyArray<string> => {
  const wing = wingOf(module.path)
  const floor = wings.indexOf(wing)
  if (floor < 0) return [`${module.path}: no wing is called ${wing}`]
  return importsOf(module)
    .filter((imported) => imported.startsWith("src/"))
    .flatMap((imported) => {
      const other = wingOf(imported)
      const told = (rule: string) => [`${module.path} imports ${imported}: ${rule}`]
      if (other === wing) return []
      if (imported.includes("/internal/")) return told(`the inside of ${other} is closed`)
      if (only[wing] !== undefined) {
        return only[wing].includes(other) ? [] : told(`${wing} may import from ${only[wing].join(", ")}`)
      }
      return wings.indexOf(other) < floor ? [] : told(`${wing} is below ${other}`)
    })
}

const root = Path.resolve(import.meta.dirname, "..")

/** Every module of `src`. */
export const modules = (): ReadonlyArray<Module> =>
  Fs.readdirSync(Path.join(root, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => {
      const path = Path.join(entry.parentPath, entry.name)
      return {
        path: Path.relative(root, path).replaceAll(Path.sep, "/"),
        text: Fs.readFileSync(path, "utf8")
      }
    })

if (import.meta.main) {
  const found = modules().flatMap(problems)
  for (const problem of found) console.error(problem)
  if (found.length > 0) process.exitCode = 1
}

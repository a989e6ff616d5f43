/**
 * The package as npm would publish it: `npm run test:package`. Packs it, has publint and are-the-types-wrong look at it,
 * raises its version in a clone, publishes it without sending it, installs it into empty projects of several makes, runs a
 * program in each against the sandbox of the installed command line, and has AsyncAPI's parser read what that serves. Needs the npm registry, or what npm has cached.
 */
import * as Assert from "node:assert/strict"
import { type ChildProcess, execFile, spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { promisify } from "node:util"
import { type Project, projects } from "./projects.ts"

const root = Path.resolve(import.meta.dirname, "../..")
const tool = (path: string) => Path.join(root, "node_modules", path)
const manifest = JSON.parse(Fs.readFileSync(Path.join(root, "package.json"), "utf8")) as {
  readonly version: string
  readonly devDependencies: Readonly<Record<string, string>>
}
const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-kefu-package-"))

const run = async (command: string, args: ReadonlyArray<string>, cwd: string, env: Record<string, string> = {}) => {
  try {
    return (await promisify(execFile)(command, args, { cwd, env: { ...process.env, ...env }, timeout: 120_000 })).stdout
  } catch (failure) {
    const { stderr, stdout } = failure as { readonly stdout: string; readonly stderr: string }
    throw new Error(
      `${[command, ...args].join(" ")} in ${cwd} failed:\n${stdout.slice(-2000)}\n${stderr.slice(-2000)}`,
      { cause: failure }
    )
  }
}
const node = (args: ReadonlyArray<string>, cwd: string, env?: Record<string, string>) =>
  run(process.execPath, args, cwd, env)

const timed = async <A>(name: string, work: () => Promise<A>): Promise<A> => {
  const start = performance.now()
  const result = await work()
  console.log(`${name}: ${((performance.now() - start) / 1000).toFixed(1)} s`)
  return result
}

const write = (project: string, files: Readonly<Record<string, unknown>>) => {
  for (const [name, content] of Object.entries(files)) {
    const path = Path.join(folder, project, name)
    Fs.mkdirSync(Path.dirname(path), { recursive: true })
    Fs.writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content))
  }
}

/** The exact versions that this repository was tested with. */
const dependencies = (names: ReadonlyArray<string>) =>
  Object.fromEntries(names.map((name) => [name, manifest.devDependencies[name]]))

const quiet = ["--prefer-offline", "--no-audit", "--no-fund", "--silent"]

const install = async (name: string, { commonJs, files, needs, tools }: Project, tarball: string) => {
  write(name, {
    "package.json": {
      name: `a-${name}`,
      private: true,
      type: commonJs === true ? "commonjs" : "module",
      dependencies: { "effect-kefu": `file:${tarball}`, ...dependencies(["effect", ...needs]), ...tools }
    },
    ...files
  })
  await run("npm", ["install", ...quiet], Path.join(folder, name))
}

/** The sandbox of the command line in an installed package, and its address. */
const startSandbox = (project: string): Promise<{ readonly child: ChildProcess; readonly baseUrl: string }> =>
  new Promise((resolve, reject) => {
    const bin = Path.join(folder, project, "node_modules/.bin/effect-kefu")
    const child = spawn(process.execPath, [bin, "sandbox", "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] })
    let output = ""
    child.once("close", () => reject(new Error(`the sandbox ended: ${output}`)))
    child.stdout.on("data", (chunk) => {
      output += String(chunk)
      const [, baseUrl] = /REST +(http:\/\/\S+)\/api\/v1/.exec(output) ?? []
      if (baseUrl !== undefined) resolve({ child, baseUrl })
    })
  })

/**
 * AsyncAPI's own parser reads the description that the sandbox serves. It is no dependency of this repository: it brings 136
 * packages, one of which reports home when it is installed.
 */
const parseAsyncApi = async (baseUrl: string) => {
  const project = Path.join(folder, "asyncapi")
  write("asyncapi", {
    "package.json": { private: true, type: "module", dependencies: { "@asyncapi/parser": "3.6.6" } },
    "parse.js": `
      import { Parser } from "@asyncapi/parser"
      const text = await (await fetch("${baseUrl}/asyncapi.json")).text()
      const { document, diagnostics } = await new Parser().parse(text)
      const errors = diagnostics.filter(({ severity }) => severity === 0)
      console.log(JSON.stringify({ operations: document?.operations().length ?? 0, errors }))`
  })
  await run("npm", ["install", "--ignore-scripts", ...quiet], project)
  const { errors, operations } = JSON.parse(await node(["parse.js"], project)) as {
    readonly operations: number
    readonly errors: ReadonlyArray<unknown>
  }
  Assert.deepEqual(errors, [])
  Assert.ok(operations > 0, "the parser finds the operations")
}

/** A process that believes to be an old Node: what the program says to it. */
const saidToOldNode = async (project: string) => {
  const old =
    'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.20.2"}})'
  const bin = Path.join(folder, project, "node_modules/.bin/effect-kefu")
  const said = await promisify(execFile)(process.execPath, ["--import", old, bin, "--version"]).then(
    () => "nothing",
    ({ code, stderr }: { readonly code: number; readonly stderr: string }) => `${code}: ${stderr}`
  )
  Assert.match(said, /^1: effect-kefu needs Node 22\.19 or newer, and this is Node 20\.20\.2\./)
}

/** `npm version` in a clone, then what `npm publish` would send. */
const release = async (tarball: string) => {
  const clone = Path.join(folder, "release")
  await run("git", ["clone", "--quiet", root, clone], folder)
  Fs.symlinkSync(tool(""), Path.join(clone, "node_modules"))
  const someone = {
    GIT_AUTHOR_NAME: "a",
    GIT_AUTHOR_EMAIL: "a@b.test",
    GIT_COMMITTER_NAME: "a",
    GIT_COMMITTER_EMAIL: "a@b.test"
  }
  const tag = (await run("npm", ["version", "minor", "--sign-git-tag=false"], clone, someone)).trim().split("\n").at(-1)
  Assert.match(tag ?? "", /^v\d+\.\d+\.0$/)
  Assert.equal((await run("git", ["describe", "--tags"], clone)).trim(), tag)
  const changelog = await run("git", ["show", "HEAD:CHANGELOG.md"], clone)
  Assert.match(changelog, new RegExp(`^## ${tag?.slice(1).replaceAll(".", "\\.")} - \\d{4}-\\d\\d-\\d\\d$`, "m"))
  Assert.doesNotMatch(changelog, /^## Unreleased$/m)
  const published = JSON.parse(await run("npm", ["publish", tarball, "--dry-run", "--json"], folder)) as object
  Assert.match(JSON.stringify(published), new RegExp(`"effect-kefu@${manifest.version.replaceAll(".", "\\.")}"`))
}

try {
  const [packed] = JSON.parse(
    await timed("npm pack", () => run("npm", ["pack", "--json", "--pack-destination", folder], root))
  ) as ReadonlyArray<{ readonly filename: string; readonly files: ReadonlyArray<{ readonly path: string }> }>
  Assert.ok(packed)
  const tarball = Path.join(folder, packed.filename)
  const paths = new Set(packed.files.map(({ path }) => path))
  for (const path of [
    "LICENSE",
    "README.md",
    "README.zh-CN.md",
    "CHANGELOG.md",
    "dist/index.d.ts.map",
    "src/index.ts"
  ]) {
    Assert.ok(paths.has(path), `${path} is in the package`)
  }
  const strays = [...paths].filter(
    (path) => !/^(dist|src|examples)\/|^(LICENSE|package\.json|(README|CHANGELOG)\S*\.md)$/.test(path)
  )
  Assert.deepEqual(strays, [], "nothing else is in the package")

  await timed("publint", () => node([tool("publint/src/cli.js"), "run", "--strict", tarball], root))
  // `./global` is a script for `<script>`, which nobody imports: it has no types.
  const untyped = ["--exclude-entrypoints", "./global"]
  await timed("are-the-types-wrong", () =>
    node([tool("@arethetypeswrong/cli/dist/index.js"), tarball, "--profile", "esm-only", ...untyped], root)
  )

  await timed("npm version, npm publish --dry-run", () => release(tarball))

  await timed("npm install", async () => {
    for (const [name, project] of Object.entries(projects)) await install(name, project, tarball)
  })
  await saidToOldNode("javascript")
  Assert.match(
    await node([Path.join(folder, "javascript/node_modules/.bin/effect-kefu"), "--version"], folder),
    new RegExp(`v${manifest.version.replaceAll(".", "\\.")}\\n$`)
  )
  const { baseUrl, child } = await startSandbox("javascript")
  try {
    await timed("AsyncAPI's parser", () => parseAsyncApi(baseUrl))
    for (const [name, { steps }] of Object.entries(projects)) {
      await timed(name, async () => {
        let output = ""
        for (const [path, ...args] of steps) {
          const own = Path.join(folder, name, path)
          const at = Fs.existsSync(own) ? own : Path.join(root, path)
          output = await node([at, ...args], Path.join(folder, name), { KEFU_BASE_URL: baseUrl })
        }
        Assert.match(output, /sent as message \d+/)
      })
    }
  } finally {
    child.removeAllListeners("close")
    child.kill()
  }
} finally {
  Fs.rmSync(folder, { recursive: true, force: true })
}

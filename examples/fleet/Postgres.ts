/** A PostgreSQL of its own, in a folder that goes with it, from the binaries of the system. */
import * as Effect from "effect/Effect"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import { type AddressInfo, createServer } from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"

const installed = "/usr/lib/postgresql"

/** The folder of the newest installed version's programs; undefined if there is none. */
export const binaries = (): string | undefined =>
  (Fs.existsSync(installed) ? Fs.readdirSync(installed) : [])
    .toSorted((left, right) => Number(right) - Number(left))
    .map((version) => Path.join(installed, version, "bin"))
    .find((folder) => Fs.existsSync(Path.join(folder, "initdb")))

export const freePort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})

/** Starts a server, and gives its port. It ends with the scope. */
export const start = Effect.gen(function* () {
  const folder = binaries()
  if (folder === undefined) return yield* Effect.die("PostgreSQL is not installed: apt-get install postgresql")
  const port = yield* freePort
  const home = yield* Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-kefu-postgres-"))),
    (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
  )
  // PostgreSQL refuses to run as root.
  const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
  if (nobody.uid !== undefined) Fs.chownSync(home, nobody.uid, nobody.gid)
  const data = Path.join(home, "data")
  const options = { ...nobody, cwd: home }
  yield* Effect.sync(() =>
    ChildProcess.execFileSync(
      Path.join(folder, "initdb"),
      ["--pgdata", data, "--auth", "trust", "--username", "kefu", "--no-sync", "--no-locale", "--encoding", "UTF8"],
      { ...options, stdio: "ignore" }
    )
  )
  const server = ChildProcess.spawn(
    Path.join(folder, "postgres"),
    ["-D", data, "-h", "127.0.0.1", "-p", `${port}`, "-k", "", "-c", "fsync=off", "-c", "max_connections=200"],
    { ...options, stdio: ["ignore", "ignore", "pipe"] }
  )
  yield* Effect.addFinalizer(() =>
    Effect.callback<void>((resume) => {
      if (server.exitCode !== null) return resume(Effect.void)
      server.once("exit", () => resume(Effect.void))
      server.kill("SIGQUIT")
    })
  )
  yield* Effect.callback<void>((resume) => {
    let said = ""
    server.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString()
      if (said.includes("ready to accept connections")) resume(Effect.void)
    })
    server.once("exit", () => resume(Effect.die(`PostgreSQL did not start: ${said}`)))
  })
  return port
})

/** `effect-kefu sandbox`: a backend for development. */
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type { SeededLogin } from "../sandbox/desk/Accounts.ts"
import { deskPage } from "../sandbox/doors/Pages.ts"
import * as SandboxNode from "../sandbox/doors/SandboxNode.ts"
import { socketPath } from "../sandbox/doors/SocketRoute.ts"
import { faultsPath } from "../sandbox/faults/FaultApi.ts"
import { Sandbox } from "../sandbox/Sandbox.ts"
import type { SandboxPage } from "../sandbox/SandboxOptions.ts"

/** The web desk, which the build puts beside this program; in a clone `npm run demo:web` serves it. */
const builtPages = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = yield* path.fromFileUrl(new URL("../web/", import.meta.url))
  const names = yield* fs.readDirectory(folder)
  const files = yield* Effect.forEach(names, (name) =>
    Effect.map(fs.readFileString(path.join(folder, name)), (text) => deskPage(name, text))
  )
  return new Map(files)
}).pipe(Effect.orElseSucceed(() => new Map<string, SandboxPage>()))

/** The text that a starting sandbox prints: addresses, users and tokens. */
const welcome = (baseUrl: string, logins: ReadonlyArray<SeededLogin>, hasDesk: boolean): string => {
  const width = logins.reduce((longest, { token }) => Math.max(longest, token.length), 0)
  const people = logins.map(
    ({ token, userType, nickname }) => `    ${token.padEnd(width)}  ${userType.toLowerCase().padEnd(8)}  ${nickname}`
  )
  const desk = `
  Visitor ${baseUrl}/desk/visitor.html
  Staff   ${baseUrl}/desk/staff.html
`
  return `
  The sandbox is running.
${hasDesk ? desk : ""}
  Base    ${baseUrl} (the client's baseUrl)
  REST    ${baseUrl}/api/v1
  Socket  ${baseUrl.replace(/^http/, "ws")}${socketPath}?token=<token>
  Docs    ${baseUrl}/docs
  Faults  POST, GET or DELETE ${baseUrl}${faultsPath}

  Tokens
${people.join("\n")}
    POST ${baseUrl}/api/v1/im/tokens gives anonymous visitors theirs

  Stop it with Ctrl+C.
`
}

export const sandbox = Command.make(
  "sandbox",
  {
    port: Flag.Int("port").pipe(
      Flag.filter(
        (port) => port >= 0 && port <= 65_535,
        (port) => `Expected a port from 0 to 65535, got ${port}`
      ),
      Flag.withDescription("The port; 0 chooses a free one"),
      Flag.withDefault(8787)
    ),
    host: Flag.String("host").pipe(
      Flag.withDescription("The address to listen on; 0.0.0.0 admits other machines"),
      Flag.withDefault("127.0.0.1")
    ),
    allowHost: Flag.String("allow-host").pipe(
      Flag.withDescription("Another name of this host, or of a host whose pages may use it; repeatable; * allows all"),
      Flag.atLeast(0)
    )
  },
  ({ allowHost, ...options }) =>
    Effect.gen(function* () {
      const pages = yield* builtPages
      const allowedHosts = allowHost.includes("*") ? "any" : allowHost
      return yield* Effect.gen(function* () {
        const { logins } = yield* Sandbox
        yield* Console.log(welcome(yield* SandboxNode.baseUrl, logins, pages.size > 0))
        return yield* Effect.never
      }).pipe(Effect.provide(SandboxNode.layer({ ...options, allowedHosts, faultControl: true, pages })))
    }).pipe(
      Effect.catchTag(
        "ServeError",
        (error) =>
          new CliError.UserError({
            cause: error.cause,
            userMessage: `${SandboxNode.cannotListen(options, error)}. Choose another port with --port, or a free one with --port 0.`
          })
      )
    )
).pipe(Command.withDescription("Run a complete backend for development in memory, with users to log in as"))

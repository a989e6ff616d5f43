/** `effect-kefu sandbox`: a backend for development. */
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type { SeededLogin } from "../sandbox/desk/Accounts.ts"
import * as SandboxNode from "../sandbox/doors/SandboxNode.ts"
import { socketPath } from "../sandbox/doors/SocketRoute.ts"
import { faultsPath } from "../sandbox/faults/FaultApi.ts"
import { Sandbox } from "../sandbox/Sandbox.ts"

/** The text that a starting sandbox prints: addresses, users and tokens. */
const welcome = (baseUrl: string, logins: ReadonlyArray<SeededLogin>): string => {
  const width = logins.reduce((longest, { token }) => Math.max(longest, token.length), 0)
  const people = logins.map(
    ({ token, userType, nickname }) => `    ${token.padEnd(width)}  ${userType.toLowerCase().padEnd(8)}  ${nickname}`
  )
  return `
  The sandbox is running.

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
      const { logins } = yield* Sandbox
      yield* Console.log(welcome(yield* SandboxNode.baseUrl, logins))
      return yield* Effect.never
    }).pipe(
      Effect.provide(
        SandboxNode.layer({ ...options, allowedHosts: allowHost.includes("*") ? "any" : allowHost, faultControl: true })
      ),
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

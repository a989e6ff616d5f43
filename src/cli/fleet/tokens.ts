/** Where the accounts of a fleet get their tokens. */
import * as Effect from "effect/Effect"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import type { FleetConfig } from "./config.ts"

/** Runs a command that prints a token. `KEFU_ACCOUNT` tells it whose. */
const run = Effect.fnUntraced(function* (
  [program, ...args]: readonly [string, ...Array<string>],
  account: string,
  cwd: string
) {
  const spawner = yield* ChildProcessSpawner
  const child = yield* spawner.spawn(
    ChildProcess.make(program, args, {
      cwd,
      env: { KEFU_ACCOUNT: account },
      extendEnv: true,
      stdin: "ignore",
      stderr: "inherit",
      forceKillAfter: "2 seconds"
    })
  )
  const printed = yield* Stream.mkString(Stream.decodeText(child.stdout))
  const code = yield* child.exitCode
  if (code !== 0) return yield* Effect.fail(`${program} ended with ${code}`)
  const token = printed.trim()
  return token === "" ? yield* Effect.fail(`${program} printed no token`) : Redacted.make(token)
}, Effect.scoped)

/** The options of the session of each account. */
export const sessions = Effect.fnUntraced(function* ({ accounts, baseUrl, folder, tokenCommand }: FleetConfig) {
  const spawner = yield* ChildProcessSpawner
  const known = new Map(accounts.map((account) => [account.name, account]))
  return (name: string) => {
    const account = known.get(name)
    // An account that the file no longer names may still be in the database.
    if (account === undefined)
      return { baseUrl, token: Effect.fail("the file of the fleet has no such account"), reconnect: false as const }
    const command = account.tokenCommand ?? tokenCommand
    if (account.token !== undefined || command === undefined) return { baseUrl, token: account.token }
    return {
      baseUrl,
      token: run(command, name, folder).pipe(
        Effect.mapError((error) => (typeof error === "string" ? error : "the command for it cannot be started")),
        Effect.provideService(ChildProcessSpawner, spawner)
      )
    }
  }
})

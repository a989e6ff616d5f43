/** Runs the command line. What it prints goes to the standard output; logs and errors go to the standard error. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { command } from "./command.ts"
import * as nodeNetwork from "./nodeNetwork.ts"

/** Runs the arguments of the process as a command; `version` is what `--version` prints. */
export const main = (version: string): void =>
  Command.run(command, { version }).pipe(
    Effect.provide([
      NodeServices.layer,
      nodeNetwork.layer,
      Logger.layer([Logger.withConsoleError(Logger.formatSimple)])
    ]),
    NodeRuntime.runMain
  )

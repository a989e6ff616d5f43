/** The command `effect-kefu`. */
import * as Command from "effect/cli/Command"
import { chat } from "./chat.ts"
import { conversations } from "./conversations.ts"
import { doctor } from "./doctor.ts"
import { fleet } from "./fleet.ts"
import { sandbox } from "./sandbox.ts"
import { tail } from "./tail.ts"
import { token } from "./token.ts"
import { upload } from "./upload.ts"

export const command = Command.make("effect-kefu").pipe(
  Command.withDescription("Customer-service chat from the command line"),
  Command.withSubcommands([sandbox, chat, doctor, fleet, conversations, tail, upload, token])
)

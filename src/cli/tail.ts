/** `effect-kefu tail`: the events of an account as they happen. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Realtime } from "../realtime/Realtime.ts"
import * as session from "./session.ts"
import * as text from "./text.ts"

const kinds = [
  "MessageReceived",
  "MessagesRead",
  "Inputting",
  "Resynced",
  "GapUnresolved",
  "StateChanged",
  "Lagged",
  "ActedElsewhere",
  "Superseded",
  "UnknownReceived",
  "Undecodable"
] as const

export const tail = Command.make(
  "tail",
  {
    ...session.flags,
    json: session.json,
    only: Flag.Literals("only", kinds).pipe(
      Flag.withDescription("Print only events of this kind; repeatable"),
      Flag.atLeast(0)
    )
  },
  ({ json, only, ...input }) =>
    Realtime.use((realtime) => realtime.subscribe()).pipe(
      Effect.flatMap(
        Stream.runForEach((event) =>
          only.length > 0 && !only.includes(event._tag)
            ? Effect.void
            : Console.log(json ? text.line(event) : text.event(event))
        )
      ),
      Effect.scoped,
      Effect.provide(session.layer(input)),
      session.reported
    )
).pipe(
  Command.withDescription(
    "Print events as they happen, until the session ends. It is a login: it ends another one of the account"
  ),
  Command.withExamples([
    {
      command: "effect-kefu tail --only MessageReceived --json | jq .message.content",
      description: "All messages, for a script"
    }
  ])
)

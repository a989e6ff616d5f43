/** `effect-kefu conversations`: list, search, show and export conversations. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Conversation, ConversationQuery } from "../domain/Conversation.ts"
import { ConversationId } from "../domain/Id.ts"
import { ConversationApi } from "../rest/ConversationApi.ts"
import * as exporting from "./exporting.ts"
import * as session from "./session.ts"
import * as text from "./text.ts"

/** The flags that choose conversations. */
const filters = {
  state: Flag.Literals("state", ["ACTIVE", "PENDING", "FINISHED"]).pipe(
    Flag.withDescription("Only conversations in this state"),
    Flag.optional
  ),
  since: Flag.Date("since").pipe(Flag.withDescription("Only those that began then or later"), Flag.optional),
  until: Flag.Date("until").pipe(Flag.withDescription("Only those that began then or earlier"), Flag.optional),
  all: Flag.Boolean("all").pipe(Flag.withDescription("Those of everybody, for administrators"), Flag.withDefault(false))
}

const queryOf = ({ all, since, state, until }: Command.Command.Config.Infer<typeof filters>): ConversationQuery => ({
  ...Option.match(state, { onNone: () => ({}), onSome: (value) => ({ state: value }) }),
  ...Option.match(since, { onNone: () => ({}), onSome: (value) => ({ beginAt: value.getTime() }) }),
  ...Option.match(until, { onNone: () => ({}), onSome: (value) => ({ endAt: value.getTime() }) }),
  ...(all ? { showAll: true } : {})
})

const paging = {
  page: Flag.Int("page").pipe(Flag.withDescription("The page, counted from 1"), Flag.withDefault(1)),
  limit: Flag.Int("limit").pipe(Flag.withDescription("How many conversations a page holds"), Flag.withDefault(20))
}

const print = (found: ReadonlyArray<Conversation>, json: boolean) =>
  Effect.forEach(found, (one) => Console.log(json ? text.line(one) : text.conversation(one)), { discard: true })

const list = Command.make(
  "list",
  { ...session.flags, ...filters, ...paging, json: session.json },
  ({ json, limit, page, ...input }) =>
    Effect.gen(function* () {
      const api = yield* ConversationApi
      const { conversations, total } = yield* api.list({ ...queryOf(input), page, limit })
      yield* print(conversations, json)
      if (!json && typeof total === "number") {
        yield* Console.log(`${conversations.length} of ${total} conversations, page ${page}`)
      }
    }).pipe(Effect.provide(session.layer(input)), session.reported)
).pipe(Command.withDescription("List conversations: id, state, visitor / staff, last message"))

const search = Command.make(
  "search",
  {
    words: Argument.String("text").pipe(Argument.withDescription("What a message or a name contains")),
    ...session.flags,
    ...filters,
    ...paging,
    json: session.json
  },
  ({ json, limit, page, words, ...input }) =>
    ConversationApi.use((api) => api.list({ ...queryOf(input), search: words, page, limit })).pipe(
      Effect.flatMap(({ conversations }) => print(conversations, json)),
      Effect.provide(session.layer(input)),
      session.reported
    )
).pipe(Command.withDescription("List the conversations that contain a text"))

const show = Command.make(
  "show",
  {
    id: Argument.Int("id").pipe(Argument.withDescription("The number of the conversation")),
    ...session.flags,
    json: session.json
  },
  ({ id, json, ...input }) =>
    Effect.gen(function* () {
      const found = yield* ConversationApi.use((api) => api.get(ConversationId.make(id)))
      if (json) return yield* Console.log(text.line(found))
      yield* Console.log(
        text.oneLine(
          `Conversation ${found.id}, ${found.state}: ${text.name(found.customer)} / ${text.name(found.lastStaff)}`
        )
      )
      const people = text.names(found)
      yield* Effect.forEach(found.messages, (said) => Console.log(text.message(said, people)), { discard: true })
    }).pipe(Effect.provide(session.layer(input)), session.reported)
).pipe(Command.withDescription("Print a conversation with its latest messages"))

const exportTo = Command.make(
  "export",
  {
    file: Argument.Path("file", { mustExist: false }).pipe(Argument.withDescription("The file to write")),
    format: Flag.Literals("format", exporting.formats).pipe(
      Flag.withDescription("Default: by the ending of the file's name"),
      Flag.optional
    ),
    ...session.flags,
    ...filters
  },
  ({ file, format, ...input }) =>
    Effect.gen(function* () {
      const chosen = Option.getOrElse(format, () => exporting.formatOf(file))
      if (chosen === undefined) return yield* session.failure(`The ending of ${file} names no format: add --format`)
      const count = yield* exporting.run(file, chosen, queryOf(input))
      yield* Console.log(`${count} conversations are in ${file}`)
    }).pipe(Effect.provide(session.layer(input)), session.reported)
).pipe(
  Command.withDescription(
    "Export conversations, each with the latest messages that the backend gives. Interrupted, it goes on where it was when it is run again"
  ),
  Command.withExamples([
    {
      command: "effect-kefu conversations export june.csv --since 2026-06-01 --until 2026-06-30",
      description: "A month for a spreadsheet"
    },
    { command: "effect-kefu conversations export all.json --all", description: "Everything, as an administrator" }
  ])
)

export const conversations = Command.make("conversations").pipe(
  Command.withDescription("List, search, show and export conversations"),
  Command.withSubcommands([list, search, show, exportTo])
)

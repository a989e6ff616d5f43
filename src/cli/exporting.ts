/**
 * The export of conversations to a file.
 *
 * What has been read is kept in `FILE.part`, one conversation a line, so that an interrupted export goes on; the file itself
 * appears when all is read.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Conversation, type ConversationQuery } from "../domain/Conversation.ts"
import type { UserId } from "../domain/Id.ts"
import type { Message } from "../domain/Message.ts"
import { ConversationApi } from "../rest/ConversationApi.ts"
import * as Csv from "../sandbox/doors/Csv.ts"
import * as progress from "./progress.ts"
import * as text from "./text.ts"

export const formats = ["csv", "json", "markdown"] as const
export type Format = (typeof formats)[number]

export const formatOf = (file: string): Format | undefined =>
  (({ csv: "csv", json: "json", md: "markdown" }) as const)[/\.(csv|json|md)$/i.exec(file)?.[1]?.toLowerCase() ?? ""]

const pageSize = 100

const Line = Schema.fromJsonString(Conversation)
const encode = Schema.encodeEffect(Line)
const decode = Schema.decodeOption(Line)

const iso = (millis: number | null | undefined): string =>
  Predicate.isNullish(millis) ? "" : DateTime.formatIso(DateTime.makeUnsafe(millis))

const senderOf = ({ fromId }: Message, people: ReadonlyMap<UserId, string>, system: string): string =>
  Predicate.isNullish(fromId) ? system : (people.get(fromId) ?? String(fromId))

const rows = (conversation: Conversation): ReadonlyArray<ReadonlyArray<string | number>> => {
  const people = text.names(conversation)
  return conversation.messages.map((message) => [
    conversation.id,
    conversation.state,
    text.name(conversation.customer),
    text.name(conversation.lastStaff),
    iso(conversation.createdAt),
    message.id,
    iso(message.createdAt),
    senderOf(message, people, ""),
    message.messageType,
    text.content(message)
  ])
}

const escaped = (said: string): string => text.oneLine(said).replaceAll(/[\\`*_[\]<>#|~]/g, "\\$&")

const markdown = (conversation: Conversation): string => {
  const people = text.names(conversation)
  const title = `## Conversation ${conversation.id}: ${escaped(`${text.name(conversation.customer)} / ${text.name(conversation.lastStaff)}`)}`
  const said = conversation.messages.map((message) => {
    return `- ${iso(message.createdAt)} **${escaped(senderOf(message, people, "system"))}**: ${escaped(text.content(message))}`
  })
  return [title, "", ...said, "", ""].join("\n")
}

const writers: Readonly<
  Record<
    Format,
    {
      readonly begin: string
      readonly between: string
      readonly end: string
      readonly one: (conversation: Conversation) => string
    }
  >
> = {
  csv: { begin: Csv.encode([Csv.columns]), between: "", end: "", one: (conversation) => Csv.lines(rows(conversation)) },
  json: { begin: "[\n", between: ",\n", end: "\n]\n", one: (conversation) => JSON.stringify(conversation) },
  markdown: { begin: "", between: "", end: "", one: markdown }
}

/** The lines of an unfinished export; of a torn last line nothing counts. */
const read = Effect.fnUntraced(function* (part: string) {
  const fs = yield* FileSystem.FileSystem
  if (!(yield* fs.exists(part))) return []
  return (yield* fs.readFileString(part)).split("\n").slice(0, -1)
})

/** Exports all conversations that a query matches, and returns their number. */
export const run = Effect.fnUntraced(function* (file: string, format: Format, query: ConversationQuery) {
  const fs = yield* FileSystem.FileSystem
  const api = yield* ConversationApi
  const bar = yield* progress.make
  const part = `${file}.part`
  const header = JSON.stringify(query)

  const [before, ...kept] = yield* read(part)
  const resumed = before === header ? kept : []
  const found = new Map(resumed.flatMap((line) => Option.toArray(decode(line)).map(({ id }) => [id, line])))
  yield* fs.writeFileString(part, [header, ...found.values(), ""].join("\n"))

  for (let page = Math.floor(found.size / pageSize) + 1; ; page++) {
    const { conversations, total } = yield* api.list({ ...query, order: "ASC", limit: pageSize, page })
    const fresh = conversations.filter(({ id }) => !found.has(id))
    const lines = yield* Effect.forEach(fresh, (conversation) =>
      Effect.map(encode(conversation), (line) => [conversation.id, line] as const)
    )
    for (const [id, line] of lines) found.set(id, line)
    yield* fs.writeFileString(part, lines.map(([, line]) => `${line}\n`).join(""), { flag: "a" })
    yield* bar.show(found.size, total ?? found.size, `${found.size} conversations`)
    if (conversations.length < pageSize) break
  }
  yield* bar.clear

  const { begin, between, end, one } = writers[format]
  const written = `${file}.tmp`
  yield* Stream.fromIterable(found.values()).pipe(
    Stream.flatMap((line) => Stream.fromIterable(Option.toArray(decode(line)))),
    Stream.map(one),
    Stream.intersperse(between),
    (body) => Stream.concat(Stream.make(begin), Stream.concat(body, Stream.make(end))),
    Stream.encodeText,
    Stream.run(fs.sink(written))
  )
  yield* fs.rename(written, file)
  yield* fs.remove(part)
  return found.size
})

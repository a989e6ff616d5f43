import { assert, describe, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import * as exporting from "../../src/cli/exporting.ts"
import { Conversation, type ConversationQuery } from "../../src/domain/Conversation.ts"
import { KefuError, NetworkUnreachable } from "../../src/KefuError.ts"
import { ConversationApi } from "../../src/rest/ConversationApi.ts"

const conversation = (id: number) =>
  Schema.decodeUnknownSync(Conversation)({
    id,
    state: "FINISHED",
    created_at: 1_780_000_000_000,
    customer: { id: 6, user_type: "CUSTOMER", nickname: "=陈晓明" },
    last_staff: { id: 2, user_type: "STAFF", nickname: "李静" },
    users: [],
    conversations_user: [],
    future: { kept: id },
    messages: [
      { id: id * 10, from_id: 6, message_type: 1, created_at: 1_780_000_001_000, content: 'say "hi",\n*now*' },
      { id: id * 10 + 1, from_id: 2, message_type: 1, created_at: 1_780_000_002_000, content: "12345678901234567890" },
      { id: id * 10 + 2, message_type: 104, created_at: 1_780_000_003_000, content: { reason: 2 } }
    ]
  })

/** A backend of `total` conversations, which fails at the page `broken`, counted by calls. */
const backend = (total: number, broken?: number) => {
  const asked: Array<ConversationQuery> = []
  const layer = ConversationApi.layerTest({
    list: (query = {}) =>
      Effect.suspend(() => {
        asked.push(query)
        if (asked.length === broken) {
          return new KefuError({
            method: "ConversationApi.list",
            reason: new NetworkUnreachable({ detail: "ECONNRESET" })
          })
        }
        const limit = query.limit ?? 20
        const first = ((query.page ?? 1) - 1) * limit + 1
        const ids = Array.from({ length: Math.max(0, Math.min(limit, total - first + 1)) }, (_, index) => first + index)
        return Effect.succeed({ conversations: ids.map(conversation), total })
      })
  })
  return { asked, layer }
}

const inFolder = <A, E, R>(run: (file: (name: string) => string) => Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const folder = yield* fs.makeTempDirectoryScoped()
    return yield* run((name) => path.join(folder, name))
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
const read = (file: string) =>
  FileSystem.FileSystem.use((fs) => Effect.map(fs.readFile(file), (bytes) => decoder.decode(bytes)))
const files = (file: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    return (yield* fs.readDirectory(path.dirname(file))).toSorted()
  })

const idsOf = (json: string) => (JSON.parse(json) as ReadonlyArray<{ readonly id: number }>).map(({ id }) => id)

describe("export", () => {
  it.effect("as CSV, which a spreadsheet opens without running or changing anything", () =>
    inFolder((file) =>
      Effect.gen(function* () {
        const { layer } = backend(1)
        assert.strictEqual(yield* Effect.provide(exporting.run(file("a.csv"), "csv", {}), layer), 1)
        const lines = (yield* read(file("a.csv"))).split("\r\n")
        assert.strictEqual(
          lines[0],
          "\uFEFFconversation_id,state,customer,staff,created_at,message_id,sent_at,sender,message_type,content"
        )
        assert.include(
          lines[1] ?? "",
          `1,FINISHED,'=陈晓明,李静,2026-05-28T20:26:40.000Z,10,2026-05-28T20:26:41.000Z,'=陈晓明,Text,"say ""hi"",`
        )
        assert.isTrue(lines[2]?.endsWith(",李静,Text,'12345678901234567890"))
        assert.isTrue(lines[3]?.endsWith(",,ConversationEnd,[ConversationEnd] 2"))
        assert.deepStrictEqual(yield* files(file("a.csv")), ["a.csv"])
      })
    )
  )

  it.effect("as Markdown, in which texts are texts", () =>
    inFolder((file) =>
      Effect.gen(function* () {
        yield* Effect.provide(exporting.run(file("a.md"), "markdown", {}), backend(2).layer)
        const written = yield* read(file("a.md"))
        assert.deepStrictEqual(written.match(/^## .*$/gm), [
          "## Conversation 1: =陈晓明 / 李静",
          "## Conversation 2: =陈晓明 / 李静"
        ])
        assert.include(written, '- 2026-05-28T20:26:41.000Z **=陈晓明**: say "hi", \\*now\\*')
      })
    )
  )

  it.effect("as JSON, with fields that this version does not know", () =>
    inFolder((file) =>
      Effect.gen(function* () {
        yield* Effect.provide(exporting.run(file("a.json"), "json", {}), backend(0).layer)
        assert.deepStrictEqual(JSON.parse(yield* read(file("a.json"))), [])
        yield* Effect.provide(exporting.run(file("a.json"), "json", {}), backend(2).layer)
        assert.deepStrictEqual(
          JSON.parse(yield* read(file("a.json"))).map(({ future }: { readonly future: unknown }) => future),
          [{ kept: 1 }, { kept: 2 }]
        )
      })
    )
  )

  it.effect("goes on where it was interrupted, and reads nothing twice", () =>
    inFolder((file) =>
      Effect.gen(function* () {
        const all = Array.from({ length: 250 }, (_, index) => index + 1)
        const failed = yield* Effect.flip(
          Effect.provide(exporting.run(file("a.json"), "json", { state: "FINISHED" }), backend(250, 3).layer)
        )
        assert.strictEqual(failed._tag, "KefuError")
        assert.deepStrictEqual(yield* files(file("a.json")), ["a.json.part"])

        const again = backend(250)
        yield* Effect.provide(exporting.run(file("a.json"), "json", { state: "FINISHED" }), again.layer)
        assert.deepStrictEqual(
          again.asked.map(({ page }) => page),
          [3]
        )
        assert.deepStrictEqual(idsOf(yield* read(file("a.json"))), all)
        assert.deepStrictEqual(yield* files(file("a.json")), ["a.json"])
      })
    )
  )

  it.effect("a line torn by a crash is read again", () =>
    inFolder((file) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* Effect.ignore(Effect.provide(exporting.run(file("a.json"), "json", {}), backend(150, 2).layer))
        const part = yield* read(file("a.json.part"))
        for (const cut of [1, 40, part.length - 3]) {
          yield* fs.writeFileString(file("a.json.part"), part.slice(0, -cut))
          yield* Effect.provide(exporting.run(file("a.json"), "json", {}), backend(150).layer)
          assert.deepStrictEqual(
            idsOf(yield* read(file("a.json"))).toSorted((a, b) => a - b),
            Array.from({ length: 150 }, (_, index) => index + 1)
          )
        }
      })
    )
  )

  it.effect("begins anew when the filters are others", () =>
    inFolder((file) =>
      Effect.gen(function* () {
        yield* Effect.ignore(Effect.provide(exporting.run(file("a.json"), "json", {}), backend(150, 2).layer))
        const again = backend(1)
        yield* Effect.provide(exporting.run(file("a.json"), "json", { search: "x" }), again.layer)
        assert.deepStrictEqual(again.asked, [{ search: "x", order: "ASC", limit: 100, page: 1 }])
        assert.deepStrictEqual(idsOf(yield* read(file("a.json"))), [1])
      })
    )
  )
})

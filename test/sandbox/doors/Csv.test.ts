import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import { encode } from "../../../src/sandbox/doors/Csv.ts"
import { Sandbox } from "../../../src/sandbox/Sandbox.ts"
import { chen, li, rest, served, text } from "../Client.ts"

/** The cells of a line without line breaks in its cells, as a spreadsheet reads them. */
const cells = (line: string): ReadonlyArray<string> =>
  Array.from(line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g), ([, quoted, plain = ""]) =>
    quoted === undefined ? plain : quoted.replaceAll('""', '"')
  )

/** A cell that a spreadsheet shows as the text that it is. */
const isSafe = (cell: string): boolean =>
  !/^\s*[=+\-@\t\r\n＝＋－＠]/.test(cell) &&
  (!Number.isFinite(Number(cell)) || String(Number(cell)) === cell || cell === "")

/** The cells of the export's lines that hold messages of this conversation. */
const exported = Effect.fnUntraced(function* (conversationId: number) {
  const { json } = yield* rest(li, "POST", "/im/conversations/export", { conversation_ids: [conversationId] })
  const file = yield* Sandbox.use(({ httpClient }) => httpClient.execute(HttpClientRequest.get(json.url)))
  const csv = yield* file.text
  return csv
    .split("\r\n")
    .filter((line) => line.startsWith(`${conversationId},`))
    .map(cells)
})

describe("an exported history in a spreadsheet", () => {
  it.effect("shows messages as text, never as formulas", () =>
    Effect.gen(function* () {
      const { visitor, conversationId } = yield* served(chen, li)
      const formulas = [
        '=HYPERLINK("https://evil.example","报价单")',
        "=1+1",
        "+1+1",
        "-2+3",
        "@SUM(A1:A9)",
        "\t=1+1",
        " =1+1",
        "＝1+1",
        "＋1",
        "－1",
        "＠SUM(A1)"
      ]
      for (const formula of formulas) yield* visitor.call(101, text(formula))
      const contents = (yield* exported(conversationId)).filter((row) => row[8] === "Text").map((row) => row[9] ?? "")
      assert.strictEqual(contents.length, formulas.length)
      for (const [index, formula] of formulas.entries()) {
        assert.isTrue(isSafe(contents[index] ?? ""), contents[index])
        assert.isTrue(contents[index]?.endsWith(formula), "the text itself is unchanged")
      }
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("shows nicknames as text", () =>
    Effect.gen(function* () {
      yield* rest(chen, "PUT", "/im/users/me", { nickname: "=cmd|' /C calc'!A0" })
      yield* rest(li, "PUT", "/im/users/me", { nickname: "@SUM(1+1)" })
      const { visitor, conversationId } = yield* served(chen, li)
      yield* visitor.call(101, text("你好"))
      for (const row of yield* exported(conversationId)) {
        for (const cell of row) assert.isTrue(isSafe(cell), cell)
      }
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("keeps every digit of a long number, leading zeros, and texts that look like numbers", () =>
    Effect.gen(function* () {
      const { visitor, conversationId } = yield* served(chen, li)
      const numbers = ["202605011234567890", "6222021234567890123", "00123", "1e5", "3E10", "1.10", "0x1F"]
      for (const number of numbers) yield* visitor.call(101, text(number))
      const contents = (yield* exported(conversationId)).filter((row) => row[8] === "Text").map((row) => row[9] ?? "")
      for (const [index, number] of numbers.entries()) {
        assert.isTrue(Number.isNaN(Number(contents[index])), contents[index])
        assert.isTrue(contents[index]?.endsWith(number))
      }
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it("keeps ordinary text and numbers as they are", () => {
    assert.strictEqual(
      encode([[1, -2, 12.5, "多久发货？", "a-b=c", "42", "13800138000", ""]]),
      "\uFEFF1,-2,12.5,多久发货？,a-b=c,42,13800138000,\r\n"
    )
    assert.strictEqual(encode([["a\r=1+1", 'say "hi"', "x\ny"]]), '\uFEFF"a\r=1+1","say ""hi""","x\ny"\r\n')
    assert.strictEqual(encode([["\r=1+1", "\n=1"]]), `\uFEFF"'\r=1+1","'\n=1"\r\n`)
  })
})

import { assert, describe, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import * as scrub from "../../src/http/scrub.ts"

const secret = `a+b/c="'\\%<^$.*>{t}|(x)[0-9]~é`

describe("scrub", () => {
  const { data, response, text } = scrub.make([secret])

  it("redacts a secret verbatim, and encoded for a URL or JSON", () => {
    const encoded = encodeURIComponent(secret)
    for (const shape of [
      secret,
      encoded,
      encoded.replace(/%../g, (code) => code.toLowerCase()),
      JSON.stringify(secret).slice(1, -1)
    ]) {
      assert.strictEqual(text(`<${shape}> ${shape}`), "<<redacted>> <redacted>")
    }
  })

  it("redacts data, keys included, and the headers of a response", () => {
    assert.deepStrictEqual(data({ [secret]: [{ a: `x${secret}y` }, 1, null] }), {
      "<redacted>": [{ a: "x<redacted>y" }, 1, null]
    })
    assert.deepStrictEqual(response({ status: 400, headers: { a: secret, b: "b" }, data: [secret] }), {
      status: 400,
      headers: { a: "<redacted>", b: "b" },
      data: ["<redacted>"]
    })
  })

  it("changes nothing else", () => {
    const said = "a+b/c= and others, 100 % of them"
    assert.strictEqual(text(said), said)
    assert.strictEqual(scrub.make([""]).text(said), said)
    assert.strictEqual(scrub.token(undefined).text(said), said)
    assert.strictEqual(scrub.token(Redacted.make("abc")).text("ABC abc"), "ABC <redacted>")
  })

  it("survives nesting that would exhaust the stack, and sets no prototype", () => {
    const deep = JSON.parse(`${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`) as unknown
    assert.include(JSON.stringify(data(deep)), "<too deep>")
    const hostile = data(JSON.parse('{"__proto__":{"polluted":1}}'))
    assert.strictEqual(Object.getPrototypeOf(hostile), Object.prototype)
  })
})

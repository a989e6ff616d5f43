import { assert, describe, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import * as scrub from "../../src/http/scrub.ts"

const secret = `a+b/c="'\\%<^$.*>{t}|(x)[0-9]~é`
const base64 = (text: string) => Buffer.from(text).toString("base64")

describe("scrub", () => {
  const { data, text, values } = scrub.make([secret])

  it("redacts a secret verbatim, encoded for a URL or JSON, and in base64", () => {
    const encoded = encodeURIComponent(secret)
    for (const shape of [
      secret,
      encoded,
      encoded.replace(/%../g, (code) => code.toLowerCase()),
      JSON.stringify(secret).slice(1, -1)
    ]) {
      assert.strictEqual(text(`<${shape}> ${shape}`), "<<redacted>> <redacted>")
    }
    for (const shape of [secret, `Bearer ${secret}`, `u:${secret}`, `${secret} and more`]) {
      const encoding = base64(shape)
      for (const spelt of [encoding, encoding.replaceAll("+", "-").replaceAll("/", "_")]) {
        assert.notInclude(text(`(${spelt})`), encoding.slice(16, 32), shape)
        assert.match(text(`(${spelt})`), /^\([\w+/-]*<redacted>[\w+/=-]*\)$/)
      }
    }
  })

  it("redacts data, keys included, and the values of a record", () => {
    assert.deepStrictEqual(data({ [secret]: [{ a: `x${secret}y` }, 1, null] }), {
      "<redacted>": [{ a: "x<redacted>y" }, 1, null]
    })
    assert.deepStrictEqual(values({ a: secret, b: "b" }), { a: "<redacted>", b: "b" })
  })

  it("changes nothing else", () => {
    const said = "a+b/c= and others, 100 % of them"
    assert.strictEqual(text(said), said)
    assert.strictEqual(scrub.make([""]).text(said), said)
    assert.strictEqual(scrub.token(undefined).text(said), said)
    assert.strictEqual(scrub.token(Redacted.make("abc")).text("YWJj abc"), "YWJj <redacted>")
  })

  it("survives nesting that would exhaust the stack, and sets no prototype", () => {
    const deep = JSON.parse(`${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`) as unknown
    assert.include(JSON.stringify(data(deep)), "<too deep>")
    const hostile = data(JSON.parse('{"__proto__":{"polluted":1}}'))
    assert.strictEqual(Object.getPrototypeOf(hostile), Object.prototype)
  })
})

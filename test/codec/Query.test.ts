import { assert, describe, it } from "@effect/vitest"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Query from "../../src/codec/Query.ts"
import * as Wire from "../../src/codec/Wire.ts"

const decode = <S extends Schema.ConstraintDecoder<unknown>>(schema: S) => Schema.decodeUnknownSync(schema)
const encode = <S extends Schema.ConstraintEncoder<unknown>>(schema: S) => Schema.encodeUnknownSync(schema)
const refuses = (exit: Exit.Exit<unknown, Schema.SchemaError>) => Exit.isFailure(exit) && Exit.findErrorOption(exit)

/** Nested deeper than any stack. */
const deep = (levels: number) => {
  let value: unknown = 1
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? { some_key: value } : [value]
  return value
}

describe("values of a query", () => {
  it("BooleanFromString reads 1 and 0 too, and writes true and false", () => {
    assert.deepStrictEqual(
      ["true", "1", "false", "0"].map((text) => decode(Query.BooleanFromString)(text)),
      [true, true, false, false]
    )
    assert.deepStrictEqual(
      [true, false].map((flag) => encode(Query.BooleanFromString)(flag)),
      ["true", "false"]
    )
    for (const wrong of ["", "yes", "TRUE", 1, true]) {
      assert.isOk(refuses(Schema.decodeUnknownExit(Query.BooleanFromString)(wrong)))
    }
  })

  it("NumberFromString takes no blanks for zero", () => {
    assert.deepStrictEqual(
      ["0", "-1", "1.5", "1e3"].map((text) => decode(Query.NumberFromString)(text)),
      [0, -1, 1.5, 1000]
    )
    assert.strictEqual(encode(Query.NumberFromString)(20), "20")
    for (const wrong of ["", " ", "\t", " 1", "NaN", "Infinity", "two", 1, null]) {
      assert.isOk(refuses(Schema.decodeUnknownExit(Query.NumberFromString)(wrong)), JSON.stringify(wrong))
    }
  })
})

describe("Query", () => {
  const Filters = Query.Struct({
    page: Wire.Optional(Query.NumberFromString),
    beginAt: Wire.Optional(Query.NumberFromString),
    showAll: Wire.Optional(Query.BooleanFromString),
    search: Wire.Optional(Schema.String)
  })
  const Required = Query.Struct({ query: Schema.String })

  it("leaves null and undefined out, and keeps false, 0 and the empty string", () => {
    const nothing = { page: null, beginAt: undefined, showAll: null, search: undefined, a: null, b: undefined }
    assert.deepStrictEqual(encode(Filters)(nothing), {})
    assert.deepStrictEqual(encode(Filters)({ page: 0, showAll: false, search: "", a: 0, b: false, c: "" }), {
      page: "0",
      show_all: "false",
      search: "",
      a: "0",
      b: "false",
      c: ""
    })
  })

  it("writes arrays as k[], dates in ISO form, other objects as JSON", () => {
    const at = new Date(Date.UTC(2024, 10, 22, 8))
    assert.deepStrictEqual(
      encode(Filters)({
        ids: [1, "二", true, at, { a: 1 }],
        none: [],
        holes: [null, 1, undefined],
        from: at,
        until: new Date(Number.NaN),
        filter: { stateIn: ["ACTIVE"], custom_key: null },
        nan: Number.NaN,
        callback: () => 1,
        amount: 1e21,
        text: '{"a":1}'
      }),
      {
        "ids[]": ["1", "二", "true", "2024-11-22T08:00:00.000Z", '{"a":1}'],
        "none[]": [],
        "holes[]": ["1"],
        from: "2024-11-22T08:00:00.000Z",
        filter: '{"stateIn":["ACTIVE"],"custom_key":null}',
        amount: "1e+21",
        text: '{"a":1}'
      }
    )
  })

  it("gives known parameters their wire names, and leaves the others' names alone", () => {
    assert.deepStrictEqual(encode(Filters)({ beginAt: 1, someFlag: 1, other_flag: 2, "kebab-flag": 3, 中文Key: 4 }), {
      begin_at: "1",
      someFlag: "1",
      other_flag: "2",
      "kebab-flag": "3",
      中文Key: "4"
    })
    assert.deepStrictEqual(encode(Filters)({ begin_at: "2024-11-22", show_all: true }), {
      begin_at: "2024-11-22",
      show_all: "true"
    })
    assert.deepStrictEqual(encode(Filters)({ beginAt: 1, begin_at: 2 }), { begin_at: "1" })
  })

  it("reads what it writes", () => {
    assert.deepStrictEqual(
      decode(Filters)({
        page: "2",
        begin_at: "0",
        show_all: "1",
        search: "退款",
        "ids[]": ["1", "2"],
        "one[]": "1",
        x: ""
      }),
      { page: 2, beginAt: 0, showAll: true, search: "退款", ids: ["1", "2"], one: ["1"], x: "" }
    )
    for (const wrong of [{ page: "two" }, { show_all: "maybe" }, { page: ["1", "2"] }, { begin_at: "" }]) {
      assert.isOk(refuses(Schema.decodeUnknownExit(Filters)(wrong)), JSON.stringify(wrong))
    }
  })

  it("insists on what is required", () => {
    assert.deepStrictEqual(encode(Required)({ query: "" }), { query: "" })
    for (const wrong of [{}, { query: null }, { query: undefined }, { query: 1 }]) {
      assert.isOk(refuses(Schema.encodeUnknownExit(Required)(wrong)))
    }
  })

  it("tells values that have no text as typed failures", () => {
    const cyclic: Record<string, unknown> = {}
    cyclic.self = cyclic
    assert.isOk(refuses(Schema.encodeUnknownExit(Filters)({ filter: cyclic })))
    assert.isOk(refuses(Schema.encodeUnknownExit(Filters)({ filter: [deep(100_000)] })))
  })

  it("keeps hostile names apart from prototypes", () => {
    const hostile: unknown = JSON.parse('{"__proto__":"1","constructor":"2","__proto__[]":["3"],"":"4"}')
    const app = decode(Filters)(hostile) as object
    assert.strictEqual(Object.getPrototypeOf(app), Object.prototype)
    assert.deepStrictEqual(Object.keys(app), ["__proto__", "constructor", ""])
    assert.strictEqual(JSON.stringify(encode(Filters)(app)), '{"__proto__[]":["3"],"constructor":"2","":"4"}')
  })
})

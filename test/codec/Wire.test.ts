import { assert, describe, it } from "@effect/vitest"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
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

const depth = (value: unknown, key: string): number => {
  let levels = 0
  for (let inner = value; typeof inner === "object" && inner !== null; levels++) {
    inner = Array.isArray(inner) ? inner[0] : (inner as Record<string, unknown>)[key]
  }
  return levels
}

describe("keys", () => {
  // Every example of section 2 of the protocol, and the corners of its rules.
  it.each([
    ["userID", "user_i_d"],
    ["addressLine2", "address_line2"],
    ["URL", "u_r_l"],
    ["kebab-case", "kebab-case"],
    ["中文", "中文"],
    ["中文键", "中文键"],
    ["123", "123"],
    ["snake_case", "snake_case"],
    ["line_2", "line_2"],
    ["camelCase", "camel_case"],
    ["a", "a"],
    ["A", "a"],
    ["aB", "a_b"],
    ["aBC", "a_b_c"],
    ["already_Snake", "already__snake"],
    ["_lead", "_lead"],
    ["_Lead", "__lead"],
    ["trail_", "trail_"],
    ["kebab-Case", "kebab-_case"],
    ["éÀ", "éà"],
    ["À", "à"],
    ["", ""],
    [" ", " "],
    ["😀Key", "😀_key"],
    ["1E5", "1_e5"],
    ["__proto__", "__proto__"],
    ["constructor", "constructor"],
    ["prototype", "prototype"],
    ["toString", "to_string"],
    ["hasOwnProperty", "has_own_property"]
  ])("%j goes out as %j", (key, wireKey) => {
    assert.strictEqual(Wire.toWireKey(key), wireKey)
    assert.deepStrictEqual(Object.keys(Wire.toWire({ [key]: 1 }) as object), [wireKey])
  })

  it.each([
    ["line_2", "line2"],
    ["utm_1_x", "utm1X"],
    ["1_a", "1A"],
    ["_lead", "lead"],
    ["trail_", "trail"],
    ["a__b", "aB"],
    ["UPPER", "uPPER"],
    ["中文_键", "中文键"],
    ["user_id", "userId"],
    ["user_i_d", "userID"],
    ["kebab-case", "kebabCase"],
    ["white space", "whiteSpace"],
    ["tab\tkey", "tabKey"],
    ["new\nline", "newLine"],
    ["a-_ b", "aB"],
    ["camelCase", "camelCase"],
    ["Pascal_case", "pascalCase"],
    ["a_é", "aÉ"],
    ["123", "123"],
    ["1.5", "1.5"],
    ["-1", "-1"],
    ["1_000", "1000"],
    ["", ""],
    [" ", " "],
    ["_", ""],
    ["___", ""],
    ["😀_key", "😀Key"],
    ["__proto__", "proto"],
    ["constructor", "constructor"],
    ["prototype", "prototype"],
    ["to_string", "toString"],
    ["has_own_property", "hasOwnProperty"]
  ])("%j comes in as %j", (wireKey, key) => {
    assert.strictEqual(Wire.fromWireKey(wireKey), key)
    assert.deepStrictEqual(Object.keys(Wire.fromWire({ [wireKey]: 1 }) as object), [key])
  })

  it("may be very long", () => {
    const long = "k".repeat(100_000)
    assert.deepStrictEqual(Wire.toWire({ [`${long}Key`]: 1 }), { [`${long}_key`]: 1 })
    assert.deepStrictEqual(Wire.fromWire({ [`${long}_key`]: 1 }), { [`${long}Key`]: 1 })
    const separators = "_".repeat(100_000)
    assert.deepStrictEqual(Wire.fromWire({ [`a${separators}b`]: 1 }), { aB: 1 })
  })

  it("are no round trip: line_2 stays line2", () => {
    assert.deepStrictEqual(Wire.fromWire({ line_2: 1 }), { line2: 1 })
    assert.deepStrictEqual(Wire.toWire({ line2: 1 }), { line2: 1 })
    assert.deepStrictEqual(Wire.fromWire({ line2: 1 }), { line2: 1 })
  })

  it("that collide: the last wins", () => {
    assert.deepStrictEqual(Wire.fromWire({ line_2: "first", line2: "last" }), { line2: "last" })
    assert.deepStrictEqual(Wire.fromWire({ line2: "first", line_2: "last" }), { line2: "last" })
    assert.deepStrictEqual(Wire.fromWire({ a_b: 1, "a-b": 2, "a b": 3, aB: 4 }), { aB: 4 })
    assert.deepStrictEqual(Wire.toWire({ userId: "first", user_id: "last" }), { user_id: "last" })
    assert.deepStrictEqual(Wire.toWire({ user_id: "first", userId: "last" }), { user_id: "last" })
  })

  it("are converted at any depth and in arrays", () => {
    const wire = { outer_key: [{ inner_key: { in_ner: [[{ leaf_key: null }]] } }, "snake_value"] }
    const app = { outerKey: [{ innerKey: { inNer: [[{ leafKey: null }]] } }, "snake_value"] }
    assert.deepStrictEqual(Wire.fromWire(wire), app)
    assert.deepStrictEqual(Wire.toWire(app), wire)
  })
})

describe("values", () => {
  it("are never touched", () => {
    const values = ["some_key", '{"some_key":1}', "[]", "", " 空格 ", "👋🏽", 0, -1.5, 1e21, true, false, null]
    assert.deepStrictEqual(Wire.fromWire({ a: values }), { a: values })
    assert.deepStrictEqual(Wire.toWire({ a: values }), { a: values })
    for (const value of values) {
      assert.strictEqual(Wire.fromWire(value), value)
      assert.strictEqual(Wire.toWire(value), value)
    }
  })

  it("go out as JSON has them", () => {
    const at = new Date(Date.UTC(2024, 10, 22, 8))
    const app = {
      gone: undefined,
      also: () => 1,
      too: Symbol("too"),
      at,
      invalid: new Date(Number.NaN),
      nan: Number.NaN,
      endless: -Infinity,
      list: [undefined, () => 1, Number.NaN, at],
      price: { toJSON: () => ({ minorUnits: 199, lineItems: [{ unitPrice: 1 }] }) },
      url: new URL("https://example.com/a_b"),
      inner: { gone: undefined }
    }
    const wire = {
      at: "2024-11-22T08:00:00.000Z",
      invalid: null,
      nan: null,
      endless: null,
      list: [null, null, null, "2024-11-22T08:00:00.000Z"],
      price: { minor_units: 199, line_items: [{ unit_price: 1 }] },
      url: "https://example.com/a_b",
      inner: {}
    }
    assert.deepStrictEqual(Wire.toWire(app), wire)
    assert.deepStrictEqual(encode(Wire.Free)(app), wire)
    assert.deepStrictEqual(encode(Wire.Struct({}))(app), wire)
    assert.deepStrictEqual(JSON.parse(encode(Wire.Json(Wire.Struct({})))(app)), wire)
    assert.strictEqual(Wire.toWire(undefined), undefined)
    assert.strictEqual(Wire.toWire(Number.NaN), null)
    assert.strictEqual(Wire.toWire(at), "2024-11-22T08:00:00.000Z")
  })

  it("of classes and other realms go out like plain objects", () => {
    class Address {
      readonly addressLine2 = "二楼"
      get upperCased() {
        return "inherited, so JSON leaves it out"
      }
    }
    assert.deepStrictEqual(Wire.toWire({ shipTo: new Address() }), { ship_to: { address_line2: "二楼" } })
    const bare: Record<string, unknown> = Object.create(null)
    bare.someKey = [Object.assign(Object.create({ inherited: 1 }), { ownKey: 1 })]
    assert.deepStrictEqual(Wire.toWire(bare), { some_key: [{ own_key: 1 }] })
  })

  it("of the caller are not mutated, frozen ones neither", () => {
    const app = { someKey: [{ innerKey: 1, gone: undefined }], at: new Date(0) }
    const before = structuredClone(app)
    const converted = Wire.toWire(app)
    assert.deepStrictEqual(app, before)
    assert.notStrictEqual(converted, app as unknown)
    const frozen = Object.freeze({ someKey: Object.freeze([Object.freeze({ innerKey: 1 })]) })
    assert.deepStrictEqual(Wire.toWire(frozen), { some_key: [{ inner_key: 1 }] })
    const wire = Object.freeze({ some_key: Object.freeze([Object.freeze({ inner_key: 1 })]) })
    assert.deepStrictEqual(Wire.fromWire(wire), { someKey: [{ innerKey: 1 }] })
  })

  it("never become prototypes", () => {
    const wire: unknown = JSON.parse(
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"to_string":1}'
    )
    const app = Wire.fromWire(wire) as Record<string, unknown>
    assert.deepStrictEqual(Object.entries(app), [
      ["proto", { polluted: 1 }],
      ["constructor", { prototype: { polluted: 1 } }],
      ["toString", 1]
    ])
    const out = Wire.toWire(wire) as Record<string, unknown>
    assert.strictEqual(Object.getPrototypeOf(out), Object.prototype)
    assert.deepStrictEqual(Object.keys(out), ["__proto__", "constructor", "to_string"])
    assert.strictEqual(JSON.stringify(out), JSON.stringify(wire))
    const struct = encode(Wire.Struct({ id: Schema.Int }))({ id: 1, ...(wire as object) }) as object
    assert.strictEqual(Object.getPrototypeOf(struct), Object.prototype)
    assert.include(JSON.stringify(struct), '"__proto__":{"polluted":1}')
    assert.notProperty({}, "polluted")
  })

  it("nested 100,000 levels deep do not exhaust the stack", () => {
    const wire = deep(100_000)
    assert.strictEqual(depth(Wire.fromWire(wire), "someKey"), 100_000)
    assert.strictEqual(depth(Wire.toWire(wire), "some_key"), 100_000)
    const app = decode(Wire.Struct({ id: Schema.Int }))({ id: 1, rest_of: wire })
    assert.strictEqual(depth(app.restOf, "someKey"), 100_000)
    assert.strictEqual(depth(encode(Wire.Struct({ id: Schema.Int }))(app).rest_of, "some_key"), 100_000)
  })

  it("that are shared stay shared", () => {
    const shared = { someKey: 1 }
    const out = Wire.toWire({ a: shared, b: [shared] }) as { readonly a: unknown; readonly b: ReadonlyArray<unknown> }
    assert.strictEqual(out.a, out.b[0])
    let doubled: unknown = shared
    for (let level = 0; level < 64; level++) doubled = [doubled, doubled]
    assert.strictEqual(depth(Wire.toWire(doubled), "some_key"), 65)
  })

  it("that JSON cannot hold are typed failures", () => {
    const cyclic: Record<string, unknown> = { someKey: 1 }
    cyclic.itSelf = [cyclic]
    const json = Schema.encodeUnknownExit(Wire.Json(Wire.Free))
    const rest = Schema.encodeUnknownExit(Schema.toCodecJson(Wire.Struct({})))
    const throws = {
      get someKey(): number {
        throw new Error("from the caller's getter")
      }
    }
    for (const value of [
      cyclic,
      { itSelf: { parent: cyclic } },
      { big: 1n },
      throws,
      { toJSON: () => throws.someKey }
    ]) {
      assert.isOk(refuses(json(value)))
      assert.isOk(refuses(rest({ value })))
    }
    assert.isOk(refuses(json(deep(100_000))))
    assert.isOk(refuses(json(undefined)))
    const twins: { toJSON: () => unknown } = { toJSON: () => ({ twin: twins }) }
    assert.isOk(refuses(json(twins)))
  })
})

describe("Free", () => {
  it("converts whatever it gets", () => {
    assert.deepStrictEqual(decode(Wire.Free)([{ a_b: 1 }]), [{ aB: 1 }])
    assert.deepStrictEqual(encode(Wire.Free)([{ aB: 1 }]), [{ a_b: 1 }])
    for (const value of [null, 1, "a_b", true]) {
      assert.strictEqual(decode(Wire.Free)(value), value)
      assert.strictEqual(encode(Wire.Free)(value), value)
    }
  })
})

describe("Struct", () => {
  const Inner = Wire.Struct({ userId: Schema.Int, nickname: Wire.Optional(Schema.String) })
  const Outer = Wire.Struct({ id: Schema.Int, lastStaff: Wire.Optional(Inner), usersList: Wire.List(Inner) })

  it("gives known fields their wire names, and lets unknown ones through", () => {
    const wire = {
      id: 1,
      last_staff: { user_id: 2, extra_key: { deep_key: 1 } },
      users_list: [{ user_id: 3, nickname: null }],
      custom_data: [{ utm_1_x: "a" }]
    }
    const app = {
      id: 1,
      lastStaff: { userId: 2, extraKey: { deepKey: 1 } },
      usersList: [{ userId: 3, nickname: null }],
      customData: [{ utm1X: "a" }]
    }
    assert.deepStrictEqual(decode(Outer)(wire), app)
    assert.deepStrictEqual(encode(Outer)(app), { ...wire, custom_data: [{ utm1_x: "a" }] })
  })

  it("writes known fields first, in the order of their declaration", () => {
    assert.strictEqual(
      JSON.stringify(encode(Outer)({ zed: 1, usersList: [], lastStaff: null, aB: 2, id: 1 })),
      '{"id":1,"last_staff":null,"users_list":[],"zed":1,"a_b":2}'
    )
  })

  it("lets known fields win every collision", () => {
    assert.deepStrictEqual(decode(Inner)({ userId: "x", user_id: 1, "user-id": "y" }), { userId: 1 })
    assert.deepStrictEqual(decode(Inner)({ user_id: 1, userId: "x", User_Id: "y" }), { userId: 1 })
    assert.deepStrictEqual(encode(Inner)({ user_id: "x", userId: 1 }), { user_id: 1 })
    assert.deepStrictEqual(encode(Inner)({ userId: 1, user_id: "x" }), { user_id: 1 })
  })

  it("takes another spelling where the exact one is missing", () => {
    assert.deepStrictEqual(decode(Inner)({ user_id: 1, Nickname: "小明" }), { userId: 1, nickname: "小明" })
    assert.deepStrictEqual(decode(Outer)({ id: 1, lastStaff: { userId: 2, "user-id": 3, user_id: 4 } }), {
      id: 1,
      lastStaff: { userId: 4 },
      usersList: []
    })
    assert.deepStrictEqual(encode(Outer)({ id: 1, usersList: [], last_staff: { userId: 2 } }), {
      id: 1,
      users_list: [],
      last_staff: { user_id: 2 }
    })
    assert.isOk(refuses(Schema.decodeUnknownExit(Outer)({ id: 1, lastStaff: "nobody" })))
  })

  it("leaves out what is undefined", () => {
    assert.deepStrictEqual(encode(Inner)({ userId: 1, nickname: undefined, extra: undefined }), { user_id: 1 })
    assert.deepStrictEqual(decode(Inner)({ user_id: 1, nickname: undefined }), { userId: 1 })
  })

  it("names the field that is wrong", () => {
    const problem = (wire: unknown) => {
      const exit = Schema.decodeUnknownExit(Outer)(wire)
      return Exit.isFailure(exit) ? String(exit.cause) : "decoded"
    }
    assert.include(problem({ id: 1.5 }), '["id"]')
    assert.include(problem({ id: 1, last_staff: { user_id: "2" } }), '["lastStaff"]["userId"]')
    assert.include(problem({ id: 1, users_list: [{ user_id: 1 }, {}] }), '["usersList"][1]["user_id"]')
    assert.include(problem({}), '["id"]')
    for (const wrong of [null, undefined, 1, "{}", [], [{ id: 1 }]]) assert.include(problem(wrong), "SchemaError")
    assert.isOk(refuses(Schema.encodeUnknownExit(Outer)({ id: "1", usersList: [] })))
    assert.isOk(refuses(Schema.encodeUnknownExit(Outer)({ usersList: [] })))
  })
})

describe("List", () => {
  const Box = Wire.Struct({ items: Wire.List(Wire.Struct({ itemId: Schema.Int })) })

  it("is empty where the backend sends none", () => {
    for (const wire of [{}, { items: null }, { items: [] }]) assert.deepStrictEqual(decode(Box)(wire), { items: [] })
    assert.deepStrictEqual(decode(Box)({ items: [{ item_id: 1 }] }), { items: [{ itemId: 1 }] })
    assert.deepStrictEqual(encode(Box)({ items: [{ itemId: 1 }] }), { items: [{ item_id: 1 }] })
  })

  it("takes nothing else", () => {
    for (const items of [{}, "", 0, [1], [{}], { length: 0 }]) {
      assert.isOk(refuses(Schema.decodeUnknownExit(Box)({ items })), JSON.stringify(items))
    }
  })
})

describe("Code, Open, OrJson, Json, BooleanFromString, NumberFromString", () => {
  it("Code takes its number only, and gives its name", () => {
    const code = Wire.Code(1, "Text")
    assert.strictEqual(decode(code)(1), "Text")
    assert.strictEqual(encode(code)("Text"), 1)
    for (const wrong of [2, "1", "Text", null]) assert.isOk(refuses(Schema.decodeUnknownExit(code)(wrong)))
    assert.isOk(refuses(Schema.encodeUnknownExit(code)("Image")))
  })

  it("Open takes new values, but strings only", () => {
    const open = Wire.Open(["ACTIVE"])
    for (const value of ["ACTIVE", "ARCHIVED", "", "active"]) {
      assert.strictEqual(decode(open)(value), value)
      assert.strictEqual(encode(open)(value), value)
    }
    for (const wrong of [1, null, ["ACTIVE"]]) assert.isOk(refuses(Schema.decodeUnknownExit(open)(wrong)))
  })

  it("OrJson takes the value and its text, and sends the value", () => {
    const schema = Wire.OrJson(Wire.Struct({ byteSize: Schema.Int }))
    assert.deepStrictEqual(decode(schema)({ byte_size: 1, a_b: 2 }), { byteSize: 1, aB: 2 })
    assert.deepStrictEqual(decode(schema)('{"byte_size":1,"a_b":2}'), { byteSize: 1, aB: 2 })
    assert.deepStrictEqual(encode(schema)({ byteSize: 1, aB: 2 }), { byte_size: 1, a_b: 2 })
    for (const wrong of ["", "文字", "{", "1", "null", '{"byte_size":"1"}', '"{\\"byte_size\\":1}"']) {
      assert.isOk(refuses(Schema.decodeUnknownExit(schema)(wrong)), wrong)
    }
  })

  it("Json takes JSON only", () => {
    assert.deepStrictEqual(decode(Wire.Json(Wire.Free))('{"a_b":[1]}'), { aB: [1] })
    assert.strictEqual(encode(Wire.Json(Wire.Free))({ aB: [1] }), '{"a_b":[1]}')
    for (const wrong of ["", "{", "undefined", "NaN", "'a'", "{}{}", 1, null, { a: 1 }]) {
      assert.isOk(refuses(Schema.decodeUnknownExit(Wire.Json(Wire.Free))(wrong)))
    }
  })

  it("BooleanFromString reads 1 and 0 too, and writes true and false", () => {
    assert.deepStrictEqual(
      ["true", "1", "false", "0"].map((text) => decode(Wire.BooleanFromString)(text)),
      [true, true, false, false]
    )
    assert.deepStrictEqual(
      [true, false].map((flag) => encode(Wire.BooleanFromString)(flag)),
      ["true", "false"]
    )
    for (const wrong of ["", "yes", "TRUE", 1, true]) {
      assert.isOk(refuses(Schema.decodeUnknownExit(Wire.BooleanFromString)(wrong)))
    }
  })

  it("NumberFromString takes no blanks for zero", () => {
    assert.deepStrictEqual(
      ["0", "-1", "1.5", "1e3"].map((text) => decode(Wire.NumberFromString)(text)),
      [0, -1, 1.5, 1000]
    )
    assert.strictEqual(encode(Wire.NumberFromString)(20), "20")
    for (const wrong of ["", " ", "\t", " 1", "NaN", "Infinity", "two", 1, null]) {
      assert.isOk(refuses(Schema.decodeUnknownExit(Wire.NumberFromString)(wrong)), JSON.stringify(wrong))
    }
  })
})

describe("Query", () => {
  const Filters = Wire.Query({
    page: Wire.Optional(Wire.NumberFromString),
    beginAt: Wire.Optional(Wire.NumberFromString),
    showAll: Wire.Optional(Wire.BooleanFromString),
    search: Wire.Optional(Schema.String)
  })
  const Required = Wire.Query({ query: Schema.String })

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

import { assert, describe, it } from "@effect/vitest"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Key from "../../src/codec/Key.ts"
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
    assert.strictEqual(Key.toWireKey(key), wireKey)
    assert.deepStrictEqual(Object.keys(Key.toWire({ [key]: 1 }) as object), [wireKey])
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
    assert.strictEqual(Key.fromWireKey(wireKey), key)
    assert.deepStrictEqual(Object.keys(Key.fromWire({ [wireKey]: 1 }) as object), [key])
  })

  it("may be very long", () => {
    const long = "k".repeat(100_000)
    assert.deepStrictEqual(Key.toWire({ [`${long}Key`]: 1 }), { [`${long}_key`]: 1 })
    assert.deepStrictEqual(Key.fromWire({ [`${long}_key`]: 1 }), { [`${long}Key`]: 1 })
    const separators = "_".repeat(100_000)
    assert.deepStrictEqual(Key.fromWire({ [`a${separators}b`]: 1 }), { aB: 1 })
  })

  it("are no round trip: line_2 stays line2", () => {
    assert.deepStrictEqual(Key.fromWire({ line_2: 1 }), { line2: 1 })
    assert.deepStrictEqual(Key.toWire({ line2: 1 }), { line2: 1 })
    assert.deepStrictEqual(Key.fromWire({ line2: 1 }), { line2: 1 })
  })

  it("that collide: the last wins", () => {
    assert.deepStrictEqual(Key.fromWire({ line_2: "first", line2: "last" }), { line2: "last" })
    assert.deepStrictEqual(Key.fromWire({ line2: "first", line_2: "last" }), { line2: "last" })
    assert.deepStrictEqual(Key.fromWire({ a_b: 1, "a-b": 2, "a b": 3, aB: 4 }), { aB: 4 })
    assert.deepStrictEqual(Key.toWire({ userId: "first", user_id: "last" }), { user_id: "last" })
    assert.deepStrictEqual(Key.toWire({ user_id: "first", userId: "last" }), { user_id: "last" })
  })

  it("are converted at any depth and in arrays", () => {
    const wire = { outer_key: [{ inner_key: { in_ner: [[{ leaf_key: null }]] } }, "snake_value"] }
    const app = { outerKey: [{ innerKey: { inNer: [[{ leafKey: null }]] } }, "snake_value"] }
    assert.deepStrictEqual(Key.fromWire(wire), app)
    assert.deepStrictEqual(Key.toWire(app), wire)
  })
})

describe("values", () => {
  it("are never touched", () => {
    const values = ["some_key", '{"some_key":1}', "[]", "", " 空格 ", "👋🏽", 0, -1.5, 1e21, true, false, null]
    assert.deepStrictEqual(Key.fromWire({ a: values }), { a: values })
    assert.deepStrictEqual(Key.toWire({ a: values }), { a: values })
    for (const value of values) {
      assert.strictEqual(Key.fromWire(value), value)
      assert.strictEqual(Key.toWire(value), value)
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
    assert.deepStrictEqual(Key.toWire(app), wire)
    assert.deepStrictEqual(encode(Wire.Free)(app), wire)
    assert.deepStrictEqual(encode(Wire.Struct({}))(app), wire)
    assert.deepStrictEqual(JSON.parse(encode(Wire.Json(Wire.Struct({})))(app)), wire)
    assert.strictEqual(Key.toWire(undefined), undefined)
    assert.strictEqual(Key.toWire(Number.NaN), null)
    assert.strictEqual(Key.toWire(at), "2024-11-22T08:00:00.000Z")
  })

  it("of classes and other realms go out like plain objects", () => {
    class Address {
      readonly addressLine2 = "二楼"
      get upperCased() {
        return "inherited, so JSON leaves it out"
      }
    }
    assert.deepStrictEqual(Key.toWire({ shipTo: new Address() }), { ship_to: { address_line2: "二楼" } })
    const bare: Record<string, unknown> = Object.create(null)
    bare.someKey = [Object.assign(Object.create({ inherited: 1 }), { ownKey: 1 })]
    assert.deepStrictEqual(Key.toWire(bare), { some_key: [{ own_key: 1 }] })
  })

  it("of the caller are not mutated, frozen ones neither", () => {
    const app = { someKey: [{ innerKey: 1, gone: undefined }], at: new Date(0) }
    const before = structuredClone(app)
    const converted = Key.toWire(app)
    assert.deepStrictEqual(app, before)
    assert.notStrictEqual(converted, app as unknown)
    const frozen = Object.freeze({ someKey: Object.freeze([Object.freeze({ innerKey: 1 })]) })
    assert.deepStrictEqual(Key.toWire(frozen), { some_key: [{ inner_key: 1 }] })
    const wire = Object.freeze({ some_key: Object.freeze([Object.freeze({ inner_key: 1 })]) })
    assert.deepStrictEqual(Key.fromWire(wire), { someKey: [{ innerKey: 1 }] })
  })

  it("never become prototypes", () => {
    const wire: unknown = JSON.parse(
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"to_string":1}'
    )
    const app = Key.fromWire(wire) as Record<string, unknown>
    assert.deepStrictEqual(Object.entries(app), [
      ["proto", { polluted: 1 }],
      ["constructor", { prototype: { polluted: 1 } }],
      ["toString", 1]
    ])
    const out = Key.toWire(wire) as Record<string, unknown>
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
    assert.strictEqual(depth(Key.fromWire(wire), "someKey"), 100_000)
    assert.strictEqual(depth(Key.toWire(wire), "some_key"), 100_000)
    const app = decode(Wire.Struct({ id: Schema.Int }))({ id: 1, rest_of: wire })
    assert.strictEqual(depth(app.restOf, "someKey"), 100_000)
    assert.strictEqual(depth(encode(Wire.Struct({ id: Schema.Int }))(app).rest_of, "some_key"), 100_000)
  })

  it("that are shared stay shared", () => {
    const shared = { someKey: 1 }
    const out = Key.toWire({ a: shared, b: [shared] }) as { readonly a: unknown; readonly b: ReadonlyArray<unknown> }
    assert.strictEqual(out.a, out.b[0])
    let doubled: unknown = shared
    for (let level = 0; level < 64; level++) doubled = [doubled, doubled]
    assert.strictEqual(depth(Key.toWire(doubled), "some_key"), 65)
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

import { assert, describe, it } from "@effect/vitest"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Key from "../../src/codec/Key.ts"
import { oddOf, original, skippedOf } from "../../src/codec/Odd.ts"
import * as Wire from "../../src/codec/Wire.ts"

const decode = <S extends Schema.ConstraintDecoder<unknown>>(schema: S) => Schema.decodeUnknownSync(schema)
const encode = <S extends Schema.ConstraintEncoder<unknown>>(schema: S) => Schema.encodeUnknownSync(schema)
const refuses = (exit: Exit.Exit<unknown, Schema.SchemaError>) => Exit.isFailure(exit) && Exit.findErrorOption(exit)

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

  it("accepts another spelling if the exact one is missing", () => {
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
    assert.deepStrictEqual(oddOf(decode(Outer)({ id: 1, lastStaff: "nobody" })), { lastStaff: "nobody" })
  })

  it("leaves out what is undefined", () => {
    assert.deepStrictEqual(encode(Inner)({ userId: 1, nickname: undefined, extra: undefined }), { user_id: 1 })
    assert.deepStrictEqual(decode(Inner)({ user_id: 1, nickname: undefined }), { userId: 1 })
  })

  it("names the invalid field", () => {
    const problem = (wire: unknown) => {
      const exit = Schema.decodeUnknownExit(Outer)(wire)
      return Exit.isFailure(exit) ? String(exit.cause) : "decoded"
    }
    assert.include(problem({ id: 1.5 }), '["id"]')
    const Strict = Wire.Struct({ lastStaff: Inner, usersList: Schema.Array(Inner) })
    const exit = Schema.decodeUnknownExit(Strict)({ last_staff: { user_id: "two" }, users_list: [] })
    assert.include(String(exit), '["last_staff"]["user_id"]')
    const missing = Schema.decodeUnknownExit(Strict)({ last_staff: { user_id: 1 }, users_list: [{ user_id: 1 }, {}] })
    assert.include(String(missing), '["users_list"][1]["user_id"]')
    assert.include(problem({}), '["id"]')
    for (const wrong of [null, undefined, 1, "{}", [], [{ id: 1 }]]) assert.include(problem(wrong), "SchemaError")
    assert.isOk(refuses(Schema.encodeUnknownExit(Outer)({ id: "1", usersList: [] })))
    assert.isOk(refuses(Schema.encodeUnknownExit(Outer)({ usersList: [] })))
  })
})

describe("List", () => {
  const Box = Wire.Struct({ items: Wire.List(Wire.Struct({ itemId: Schema.Int })) })

  it("is empty if the backend sends none", () => {
    for (const wire of [{}, { items: null }, { items: [] }]) assert.deepStrictEqual(decode(Box)(wire), { items: [] })
    assert.deepStrictEqual(decode(Box)({ items: [{ item_id: 1 }] }), { items: [{ itemId: 1 }] })
    assert.deepStrictEqual(encode(Box)({ items: [{ itemId: 1 }] }), { items: [{ item_id: 1 }] })
  })

  it("leaves out only the elements that cannot be decoded, and returns them raw", () => {
    const wire = { items: [1, { item_id: 1 }, {}, null, { item_id: "2" }, [{ item_id: 3 }]] }
    const box = decode(Box)(wire)
    assert.deepStrictEqual(
      box.items.map(({ itemId }) => itemId),
      [1, 2]
    )
    assert.deepStrictEqual(skippedOf(box.items), [1, {}, null, [{ item_id: 3 }]])
    assert.deepStrictEqual(original(box), {
      items: [1, { itemId: 1 }, {}, null, { itemId: "2" }, [{ itemId: 3 }]]
    })
    assert.deepStrictEqual(encode(Box)({ ...box }), {
      items: [1, { item_id: 1 }, {}, null, { item_id: 2 }, [{ item_id: 3 }]]
    })
  })

  it("is empty for another value, which is recorded and encoded again", () => {
    for (const items of [{}, "", 0, { length: 0 }]) {
      const box = decode(Box)({ items })
      assert.deepStrictEqual(box, { items: [] })
      assert.deepStrictEqual(skippedOf(box.items), [items])
      assert.deepStrictEqual(original(box), { items })
      assert.deepStrictEqual(encode(Box)(box), { items })
      assert.deepStrictEqual(encode(Box)({ items: [{ itemId: 1 }] }), { items: [{ item_id: 1 }] })
    }
    for (const wire of [{}, { items: null }]) {
      const box = decode(Box)(wire)
      assert.deepStrictEqual(skippedOf(box.items), [])
      assert.deepStrictEqual(original(box), wire)
    }
  })
})

describe("a number", () => {
  const Size = Wire.Struct({ size: Wire.Optional(Schema.Finite) })

  it("may be digits in a text, but not beyond 2^53, where it would be another one", () => {
    assert.strictEqual(decode(Size)({ size: "9007199254740991" }).size, 9_007_199_254_740_991)
    const beyond = decode(Size)({ size: "9007199254740993" })
    assert.isUndefined(beyond.size)
    assert.deepStrictEqual(original(beyond), { size: "9007199254740993" })
  })
})

describe("Elements", () => {
  const Ids = Wire.Elements(Schema.Int)

  it("take a list only", () => {
    assert.deepStrictEqual(decode(Ids)([1, "2", "x", null, 2 ** 53, 3]), [1, 2, 3])
    assert.deepStrictEqual(skippedOf(decode(Ids)([1, "2", "x", null, 2 ** 53, 3])), ["x", null, 2 ** 53])
    for (const wrong of [null, undefined, {}, "1", 1]) assert.isOk(refuses(Schema.decodeUnknownExit(Ids)(wrong)))
  })

  it("are checked on their way out", () => {
    assert.deepStrictEqual(encode(Ids)([1]), [1])
    for (const wrong of [null, {}, ["1"], [1.5], [null]]) assert.isOk(refuses(Schema.encodeUnknownExit(Ids)(wrong)))
  })
})

describe("odd fields", () => {
  const Thing = Wire.Struct({
    id: Schema.Int,
    isNew: Wire.Optional(Schema.Boolean),
    size: Wire.Optional(Schema.Finite),
    at: Wire.Optional(Wire.Time),
    name: Wire.Optional(Schema.String),
    kind: Wire.Default(Schema.String, "none")
  })

  it.each<readonly [wire: object, app: object, odd: object]>([
    [{ is_new: 1 }, { isNew: true }, { isNew: 1 }],
    [{ is_new: "0" }, { isNew: false }, { isNew: "0" }],
    [{ is_new: 2 }, {}, { isNew: 2 }],
    [{ size: "-9.90" }, { size: -9.9 }, { size: "-9.90" }],
    [{ size: "9,90" }, {}, { size: "9,90" }],
    [{ size: "" }, {}, { size: "" }],
    [{ size: "1e400" }, {}, { size: "1e400" }],
    [{ size: true }, {}, { size: true }],
    [{ size: "2024-11-22T08:00:00Z" }, {}, { size: "2024-11-22T08:00:00Z" }],
    [{ at: "2024-11-22T08:00:00Z" }, { at: 1732262400000 }, { at: "2024-11-22T08:00:00Z" }],
    [{ at: "2024-13-99T08:00:00Z" }, {}, { at: "2024-13-99T08:00:00Z" }],
    [{ at: "2024-11-22" }, {}, { at: "2024-11-22" }],
    [{ name: 1 }, {}, { name: 1 }],
    [{ name: { some_key: 1 } }, {}, { name: { some_key: 1 } }],
    [{ kind: 5 }, { kind: "none" }, { kind: 5 }],
    [{ "is-new": 1 }, { isNew: true }, { isNew: 1 }]
  ])("%j", (wire, app, odd) => {
    const thing = decode(Thing)({ id: 1, kind: "some", ...wire })
    assert.deepStrictEqual(Object.fromEntries(Object.entries(thing)), { id: 1, kind: "some", ...app })
    assert.deepStrictEqual<unknown>(oddOf(thing), odd)
    assert.deepStrictEqual<unknown>(oddOf({ ...thing, name: "changed" }), odd)
    assert.deepStrictEqual(original(thing), Key.fromWire({ id: 1, kind: "some", ...wire }))
    const kept = Object.keys(app).length === 0 || "kind" in app
    if (kept) assert.deepStrictEqual(encode(Thing)({ ...thing }), { id: 1, kind: "some", ...wire })
    else assert.deepStrictEqual(encode(Thing)({ ...thing }), Key.toWire({ id: 1, kind: "some", ...app }))
  })

  it("are replaced by values that the app sets", () => {
    const thing = decode(Thing)({ id: 1, name: 1, kind: null })
    assert.deepStrictEqual(encode(Thing)({ ...thing, name: "named", kind: "some" }), {
      id: 1,
      name: "named",
      kind: "some"
    })
  })

  it("add nothing to an object without odd fields", () => {
    const thing = decode(Thing)({ id: 1, kind: "some", name: null, more_of: 1 })
    assert.strictEqual(oddOf(thing), undefined)
    assert.deepStrictEqual(Object.getOwnPropertySymbols(thing), [])
    assert.deepStrictEqual(oddOf(decode(Thing)({ id: 1 })), { kind: undefined })
    assert.deepStrictEqual(original(decode(Thing)({ id: 1 })), { id: 1 })
    assert.deepStrictEqual(encode(Thing)(decode(Thing)({ id: 1 })), { id: 1 })
  })

  it("are refused when encoding, and when decoding client input", () => {
    for (const wrong of [{ isNew: 1 }, { size: "1" }, { name: 1 }, { kind: undefined }]) {
      assert.isOk(refuses(Schema.encodeUnknownExit(Thing)({ id: 1, kind: "some", ...wrong })), JSON.stringify(wrong))
    }
    const Sent = Wire.Input({ id: Schema.Int, name: Schema.optional(Schema.String) })
    assert.deepStrictEqual(decode(Sent)({ id: 1, name: "a", more_of: 1 }), { id: 1, name: "a", moreOf: 1 })
    for (const wrong of [{ id: "1" }, { id: 1, name: null }, { id: 1, name: 1 }]) {
      assert.isOk(refuses(Schema.decodeUnknownExit(Sent)(wrong)), JSON.stringify(wrong))
    }
  })

  it("of elements may be taken from the object around them", () => {
    const Part = Wire.Struct({ boxId: Schema.Int })
    const Whole = Wire.Struct({ id: Schema.Int, parts: Wire.List(Part) }, { inherited: { parts: ["box_id", "id"] } })
    const whole = decode(Whole)({ id: 7, parts: [{}, { box_id: null }, { box_id: 8 }, 1] })
    assert.deepStrictEqual(
      whole.parts.map(({ boxId }) => boxId),
      [7, 7, 8]
    )
    assert.deepStrictEqual(skippedOf(whole.parts), [1])
  })
})

describe("Code, Open, OrJson, Json", () => {
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
    const Size = Wire.Struct({ byteSize: Schema.Int })
    const schema = Wire.OrJson(Size)
    assert.deepStrictEqual(decode(schema)({ byte_size: 1, a_b: 2 }), { byteSize: 1, aB: 2 })
    assert.deepStrictEqual(decode(schema)('{"byte_size":1,"a_b":2}'), { byteSize: 1, aB: 2 })
    assert.deepStrictEqual(encode(schema)({ byteSize: 1, aB: 2 }), { byte_size: 1, a_b: 2 })
    for (const wrong of ["", "文字", "{", "1", "null", '{"byte_size":"one"}', '{"size":1}', '"{\\"byte_size\\":1}"']) {
      assert.isOk(refuses(Schema.decodeUnknownExit(schema)(wrong)), wrong)
    }
  })

  it("OrText takes text, unless it is JSON with a field of the object", () => {
    const schema = Wire.OrText(Wire.Struct({ byteSize: Wire.Optional(Schema.Int) }))
    assert.deepStrictEqual(decode(schema)({ byte_size: 1 }), { byteSize: 1 })
    assert.deepStrictEqual(decode(schema)('{"byte_size":1}'), { byteSize: 1 })
    for (const text of ["", "文字", "{", "{}", '{"code":0}', '{"byteSize":1}', "[1]", "null"]) {
      assert.strictEqual(decode(schema)(text), text)
      assert.strictEqual(encode(schema)(text), text)
    }
    for (const wrong of [1, null, [], true]) assert.isOk(refuses(Schema.decodeUnknownExit(schema)(wrong)))
  })

  it("Json takes JSON only", () => {
    assert.deepStrictEqual(decode(Wire.Json(Wire.Free))('{"a_b":[1]}'), { aB: [1] })
    assert.strictEqual(encode(Wire.Json(Wire.Free))({ aB: [1] }), '{"a_b":[1]}')
    for (const wrong of ["", "{", "undefined", "NaN", "'a'", "{}{}", 1, null, { a: 1 }]) {
      assert.isOk(refuses(Schema.decodeUnknownExit(Wire.Json(Wire.Free))(wrong)))
    }
  })
})

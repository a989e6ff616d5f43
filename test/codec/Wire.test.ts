import { assert, describe, it } from "@effect/vitest"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
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
})

import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { lazyFunction, lazySchema } from "../../src/codec/lazy.ts"

describe("a schema that is built at its first use", () => {
  it("is built once, and not by a class that extends it or a schema that may lead to it", () => {
    let built = 0
    class Person extends Schema.Opaque<Person>()(
      lazySchema(() => {
        built += 1
        return Schema.Struct({ name: Schema.String })
      })
    ) {}
    const Card = Schema.suspend(() => Person)
    const decode = lazyFunction(() => Schema.decodeUnknownSync(Card))
    assert.strictEqual(built, 0)
    assert.deepStrictEqual(decode({ name: "小明" }), { name: "小明" })
    assert.deepStrictEqual(Schema.decodeUnknownSync(Person)({ name: "王磊" }), { name: "王磊" })
    assert.strictEqual(built, 1)
  })

  it("is what it is made of to everything that asks", () => {
    const real = Schema.Union([
      Schema.Struct({ kind: Schema.tag("A"), a: Schema.Finite }),
      Schema.Struct({ kind: Schema.tag("B"), b: Schema.String })
    ]).pipe(Schema.toTaggedUnion("kind"))
    const Either = lazySchema(() => real)
    assert.isTrue(Schema.isSchema(Either))
    assert.strictEqual(Either.ast, real.ast)
    assert.deepStrictEqual(Object.keys(Either.cases), ["A", "B"])
    assert.isTrue(Either.guards.B({ kind: "B", b: "b" }))
    assert.deepStrictEqual(Either.make({ kind: "A", a: 1 }), { kind: "A", a: 1 })
    assert.strictEqual(Schema.toJsonSchemaDocument(Either.annotate({ title: "Either" })).schema["title"], "Either")
  })
})

/**
 * Every schema of the contract, under generated data.
 *
 * Keys are no round trip (`line_2` becomes `line2`), so encoding and decoding again does not give back the value itself.
 * What it gives is known exactly all the same: known fields as they were, and the keys of all others converted out and
 * in again. From there on it stays the same.
 *
 * The schemas are found by themselves: whatever a module of `domain` or `wire` exports, each member of a union, and the
 * body, query, path and answers of each endpoint.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as HttpApi from "effect/http-api/HttpApi"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { messageTypeCode } from "../../src/domain/Message.ts"
import { Api } from "../../src/wire/Api.ts"
import { eventTypeCode } from "../../src/wire/Frame.ts"

type Codec = Schema.Codec<unknown>

const source = Path.resolve(import.meta.dirname, "../../src")

const modules = await Promise.all(
  ["domain", "wire"].flatMap((folder) =>
    Fs.readdirSync(Path.join(source, folder)).map(async (file) => ({
      name: `${folder}/${file.replace(".ts", "")}`,
      exports: Object.entries((await import(Path.join(source, folder, file))) as Record<string, unknown>)
    }))
  )
)

const isCodec = (value: unknown): value is Codec => Schema.isSchema(value)

const membersOf = (schema: Codec): ReadonlyArray<Codec> =>
  "members" in schema && Array.isArray(schema.members) ? schema.members.filter(isCodec) : []

/** A schema, and if it is a union each of its members: the union alone would seldom generate the rare ones. */
const withMembers = (name: string, schema: Codec): ReadonlyArray<readonly [name: string, schema: Codec]> => [
  [name, schema],
  ...membersOf(schema).flatMap((member, index) => withMembers(`${name}[${index}]`, member))
]

const exported = modules.flatMap(({ exports, name }) =>
  exports.flatMap(([key, value]) => (isCodec(value) ? withMembers(`${name} ${key}`, value) : []))
)

const queries = exported.filter(([name]) => name.endsWith("Query"))
const bodies = exported.filter(([name]) => !name.endsWith("Query"))

const seen = new Set<unknown>()

HttpApi.reflect(Api, {
  onGroup: () => {},
  onEndpoint: ({ endpoint, errors, group, successes }) => {
    const name = `${group.identifier}.${endpoint.identifier}`
    const add = (list: typeof bodies, part: string, schema: unknown) => {
      if (!isCodec(schema)) return assert.fail(`${name} ${part} is no schema`)
      if (!seen.has(schema.ast)) list.push([`${name} ${part}`, schema])
      seen.add(schema.ast)
    }
    for (const { schemas } of endpoint.payload.values()) for (const schema of schemas) add(bodies, "body", schema)
    for (const schema of [...successes.values()].flat()) add(bodies, "answer", schema)
    for (const [status, schemas] of errors) for (const schema of schemas) add(bodies, `${status}`, schema)
    if (endpoint.params !== undefined) add(bodies, "path", endpoint.params)
    if (endpoint.query !== undefined) add(queries, "query", endpoint.query)
  }
})

// The rules of section 2, written a second time and in another way.
const goesOut = (key: string) =>
  key
    .split(/(?=[A-Z])/)
    .join("_")
    .toLowerCase()
const comesIn = (key: string) => {
  if (Number(key) === Number(key)) return key
  const [first = "", ...others] = key.split(/[-_\s]+/)
  const joined = first + others.map((word) => word.replace(/^./, (letter) => letter.toUpperCase())).join("")
  return joined.replace(/^[^]/, (letter) => letter.toLowerCase())
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

/** A copy with other keys, to compare: JSON knows neither -0 nor undefined, and `__proto__` is a key like others. */
const copy = (value: unknown, key: (key: string) => string = (key) => key): unknown => {
  if (value === 0) return 0
  if (!isObject(value)) return value
  if (Array.isArray(value)) return value.map((item) => copy(item, key))
  if (Redacted.isRedacted(value)) return copy({ redacted: Redacted.value(value) })
  if (value instanceof Error) return copy({ ...value, message: value.message })
  const target = Object.create(null) as Record<string, unknown>
  for (const [name, item] of Object.entries(value)) if (item !== undefined) target[key(name)] = copy(item, key)
  return target
}

const some = (value: unknown, test: (value: unknown) => boolean): boolean =>
  test(value) || (isObject(value) && Object.values(value).some((item) => some(item, test)))

const messageCodes = new Set<unknown>(Object.values(messageTypeCode))
const eventCodes = new Set<unknown>(Object.values(eventTypeCode))

/** The number of a known type on an unknown thing is read as what it is. */
const isKnownByNumber = (value: unknown) =>
  isObject(value) &&
  (("typeCode" in value && messageCodes.has(value.typeCode)) ||
    ("eventTypeCode" in value && eventCodes.has(value.eventTypeCode)))

/** Text for a robot's answer that happens to be an old server's JSON. */
const isOldContent = (value: unknown) => typeof value === "string" && /^\s*[{[]/.test(value)

/** Who wins is told by hand-written samples. */
const hasCollision = (value: unknown) => {
  if (!isObject(value) || Array.isArray(value)) return false
  const keys = Object.keys(value)
  return new Set(keys.map((key) => comesIn(goesOut(key)))).size < keys.length
}

const isAmbiguous = (value: unknown) =>
  some(value, (item) => isKnownByNumber(item) || isOldContent(item) || hasCollision(item))

const someKey = (value: unknown, test: RegExp) =>
  some(value, (item) => isObject(item) && Object.keys(item).some((key) => test.test(key)))

/** Letters beyond A-Z have no way back to upper case, and `Infinity` comes in as a number. */
const unsettled = /[^\0-\x7f]|Infinity/

/** V8 13.6 reads a key of one character that JSON escapes as a backslash: `{"id":1,"\n":1}` (Node 24.21). */
const misreadByV8 = /^["\\\p{Cc}\p{Cs}]$/u

/** Error bodies keep their keys. */
const expected = (value: unknown) => (value instanceof Error ? copy(value) : copy(copy(value, goesOut), comesIn))

/** There and back, as an object and as text. */
const stepOf = (schema: Codec) => {
  const encode = Schema.encodeUnknownSync(schema)
  const decode = Schema.decodeUnknownSync(schema)
  return (value: unknown) => {
    const encoded = encode(value)
    const decoded = decode(encoded)
    if (!someKey([value, encoded], misreadByV8)) {
      assert.deepStrictEqual(copy(decode(JSON.parse(JSON.stringify(encoded)))), copy(decoded), "as text")
    }
    return decoded
  }
}

const holds = (schema: Codec, property: (value: unknown) => void, runs: number) =>
  Effect.gen(function* () {
    const result = yield* Arbitrary.checkEffect(
      Arbitrary.schema(schema),
      (value) => Effect.try({ try: () => (property(value), true), catch: String }),
      { seed: "effect-kefu", runs, size: 8 }
    )
    const failure = Arbitrary.formatCheckFailure(result)
    if (failure !== undefined) assert.fail(failure)
  })

describe("round trips", () => {
  it("cover every module of the contract", () => {
    assert.isAtLeast(modules.length, 17)
    const without = modules.filter(({ name }) => !exported.some(([schema]) => schema.startsWith(`${name} `)))
    // `wire/Api` and `wire/Endpoints` are covered by the endpoints, `wire/AsyncApi` by its frames; the other one holds no schemas.
    assert.deepStrictEqual(
      without.map(({ name }) => name),
      ["domain/Perspective", "wire/Api", "wire/AsyncApi", "wire/Endpoints"]
    )
    assert.isAtLeast(bodies.length, 170)
    assert.isAtLeast(queries.length, 7)
  })

  it.effect.each(bodies)("%s", ([, schema]) => {
    const step = stepOf(schema)
    return holds(
      schema,
      (value) => {
        const first = step(value)
        if (!isAmbiguous(value)) assert.deepStrictEqual(copy(first), expected(value), "first")
        const second = step(first)
        assert.deepStrictEqual(copy(second), expected(first), "second")
        if (!someKey(first, unsettled)) assert.deepStrictEqual(copy(second), copy(first), "settled")
        assert.deepStrictEqual(copy(step(second)), copy(second), "third")
      },
      60
    )
  })

  it.effect.each(queries)("%s", ([, schema]) => {
    const step = stepOf(schema)
    const { ast } = Schema.toType(schema)
    const known = new Set<unknown>(ast._tag === "Objects" ? ast.propertySignatures.map(({ name }) => name) : [])
    const text = (value: unknown) => (isObject(value) ? JSON.stringify(value) : String(value))
    const asText = (value: unknown) =>
      Array.isArray(value) ? value.filter((item) => item !== null).map(text) : text(value)
    return holds(
      schema,
      (value) => {
        const result = Object.entries(value as object).flatMap(([key, item]) =>
          item === null || item === undefined ? [] : [[key, known.has(key) ? item : asText(item)] as const]
        )
        if (someKey(value, /\[\]$/)) return
        const first = step(value)
        assert.deepStrictEqual(copy(first), copy(Object.fromEntries(result)), "first")
        assert.deepStrictEqual(copy(step(first)), copy(first), "second")
      },
      300
    )
  })
})

/**
 * Schemas of wire objects: how camelCase schemas of the domain become snake_case objects.
 *
 * **Details**
 *
 * Decoding is lenient, encoding is not. A field that is not what its schema expects is converted where that is certain
 * (1 and 0 to a flag, digits to a number, ISO 8601 to milliseconds), else left out; only a required field makes its
 * object fail. An element of a list that cannot be decoded is left out alone. `Odd` returns what was converted or left
 * out.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { attempt, at, codec, invalid, sendable, wireKeysOf } from "./internal/codec.ts"
import {
  codes,
  literals,
  names as constantsOf,
  readers,
  readOf,
  type Result,
  unionReader,
  writeOf
} from "./internal/direct.ts"
import {
  discriminated,
  discriminatorOf,
  fallbacks,
  Field,
  isDictionary,
  isOptional,
  texts,
  times,
  withNumber
} from "./internal/field.ts"
import { without } from "./internal/description.ts"
import { heirs, objectCodec } from "./internal/object.ts"
import { once } from "./lazy.ts"
import { type Dictionary, fromWire, toWire, toWireKey } from "./Key.ts"
import { noteSkipped, skippedIn, withSkipped } from "./Odd.ts"

/**
 * Schema of a value as JSON text.
 *
 * **Details**
 *
 * Like `Schema.fromJsonString`, but synchronous and without a second pass: every frame is decoded here.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Json = <S extends Schema.Constraint>(schema: S): Schema.Codec<S["Type"], string> => {
  const typed = schema as Schema.Constraint as Schema.Codec<S["Type"]>
  const discriminator = discriminatorOf(schema.ast)
  const read = readOf(typed) as (raw: unknown, options: SchemaAST.ParseOptions) => Result<S["Type"]>
  const write = once(() => writeOf(typed))
  const stringify = attempt(sendable, (value: unknown) => {
    const text: string | undefined = JSON.stringify(value)
    if (text === undefined) throw new TypeError("the value has no JSON")
    return text
  })
  return codec<S["Type"]>({
    wire: () => Schema.String.ast,
    app: () => typed,
    decode: (text, options) => {
      if (typeof text !== "string") return invalid(Schema.String.ast, text, options)
      const value = parsed(text)
      if (value === undefined)
        return Exit.fail(new SchemaIssue.InvalidValue({ expected: "a valid JSON string" }, text, options))
      return read(discriminator === undefined ? value : (withNumber(value, discriminator) ?? value), options)
    },
    encode: (value, options) => {
      const exit = write()(value, options)
      return Exit.isSuccess(exit) ? stringify(exit.value, options) : exit
    }
  }) as Schema.Codec<S["Type"], unknown> as Schema.Codec<S["Type"], string>
}

/**
 * A value of unknown shape whose keys are converted deeply in both directions.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Free = Schema.Unknown.pipe(
  Schema.decodeTo(
    Schema.Unknown,
    SchemaTransformation.transformEffect({
      decode: (value: unknown) => Effect.succeed(fromWire(value)),
      encode: attempt(sendable, toWire)
    })
  )
)

/**
 * Schema of a value that is sent as the caller gives it, keys converted: only what the backend sends is checked.
 *
 * **Details**
 *
 * The type of the schema is a guide. What a backend accepts is known to the backend and to the app, so encoding refuses
 * nothing but what JSON cannot hold.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Given = <S extends Schema.Constraint>(schema: S): Schema.Codec<S["Type"], unknown> => {
  const read = readOf(schema as Schema.Constraint as Schema.Codec<unknown>) as (
    raw: unknown,
    options: SchemaAST.ParseOptions
  ) => Result<S["Type"]>
  return codec<S["Type"]>({
    wire: () => Schema.toEncoded(schema).ast,
    app: () => Schema.toType(schema) as Schema.Constraint as Schema.Codec<S["Type"]>,
    decode: read,
    encode: attempt(sendable, toWire),
    isOpen: true
  })
}

const Rest = Schema.Record(Schema.String, Schema.Unknown)

/**
 * The value of a schema built by {@link Struct}: its fields, and whatever else the backend sent under converted keys.
 *
 * @category models
 * @since 0.1.0
 */
export type Type<Fields extends Schema.Struct.Fields> = Schema.Struct.Type<Fields> & {
  readonly [key: string]: unknown
}

/**
 * The schema that {@link Struct} builds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Struct<Fields extends Schema.Struct.Fields> extends Schema.decodeTo<
  Schema.StructWithRest<Schema.Struct<Fields>, readonly [typeof Rest]>,
  Schema.Codec<Dictionary>
> {}

/**
 * Builds the schema of a wire object from camelCase fields: known fields get their exact wire names, unknown fields
 * survive both ways with their keys converted deeply.
 *
 * **Details**
 *
 * The encoded side lists the known fields by their wire names, so that a generated API description shows them. A key
 * that is a known field's in another spelling (`userType` or `user-type` for `user_type`) stands in for it when it is
 * missing.
 *
 * Fields made by {@link Optional}, {@link List} and {@link Default} never make decoding fail.
 *
 * **Example** (A user on the wire)
 *
 * ```ts
 * import * as Schema from "effect/Schema"
 * import * as Wire from "effect-kefu/codec/Wire"
 *
 * const User = Wire.Struct({ userType: Schema.String })
 *
 * Schema.decodeUnknownSync(User)({ user_type: "STAFF", last_seen: { at_ms: 1 } })
 * // { userType: "STAFF", lastSeen: { atMs: 1 } }
 * ```
 *
 * @category schemas
 * @since 0.1.0
 */
export const Struct = <const Fields extends Schema.Struct.Fields>(
  fields: Fields,
  options: StructOptions<Fields> = {}
): Struct<Fields> => structOf(fields, options, false)

/**
 * The schema that {@link Named} builds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Named<Fields extends Schema.Struct.Fields> extends Schema.decodeTo<
  Schema.Struct<Fields>,
  Schema.Codec<Dictionary>
> {}

/**
 * Builds the same schema as {@link Struct}, whose type has no other fields than these: a misspelt one does not compile.
 * Unknown fields survive all the same.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Named = <const Fields extends Schema.Struct.Fields>(
  fields: Fields,
  options: StructOptions<Fields> = {}
): Named<Fields> => structOf(fields, options, false) as Schema.Constraint as Named<Fields>

/**
 * Builds the schema of what a client sends: like {@link Struct}, but decoding is strict.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Input = <const Fields extends Schema.Struct.Fields>(fields: Fields): Struct<Fields> =>
  structOf(fields, {}, true)

/**
 * Options of a {@link Struct}.
 *
 * **Details**
 *
 * `names` gives fields other wire names; a constant under `undefined` is no field of the wire. `inherited` names, for a
 * list, the field that its elements take from this object where they lack it: `{ messages: ["conversation_id", "id"] }`.
 *
 * @category models
 * @since 0.1.0
 */
export interface StructOptions<Fields extends Schema.Struct.Fields> {
  readonly names?: { readonly [Key in keyof Fields]?: string | undefined }
  readonly inherited?: { readonly [Key in keyof Fields]?: readonly [theirs: string, ours: string] }
}

const structOf = <const Fields extends Schema.Struct.Fields>(
  fields: Fields,
  { inherited = {}, names = {} }: StructOptions<Fields>,
  isStrict: boolean
): Struct<Fields> => {
  const schemas = Object.entries(fields as Schema.Struct.Fields as { readonly [key: string]: Schema.Codec<unknown> })
  const wireKeyOf = (key: string) => (key in names ? names[key] : toWireKey(key))
  const app = once(() => Schema.StructWithRest(Schema.Struct(fields), [Rest]))
  const shape = once(() =>
    objectCodec(
      schemas.map(([key, schema]) => new Field(key, wireKeyOf(key), schema, isStrict, key in names, inherited[key])),
      () => app().ast
    )
  )
  const constants = schemas.flatMap(([key, { ast }]) =>
    SchemaAST.isLiteral(ast) && !SchemaAST.isOptional(ast)
      ? [{ key, wireKey: wireKeyOf(key), ast, literal: ast.literal }]
      : []
  )
  const schema = codec<Dictionary>({
    wire: () => {
      const onWire = schemas.flatMap(([key, schema]) => {
        const wireKey = wireKeyOf(key)
        return wireKey === undefined ? [] : [[wireKey, encodedOf(schema)] as const]
      })
      return Schema.StructWithRest(Schema.Struct(Object.fromEntries(onWire)), [Rest]).ast
    },
    app: () => app() as Schema.Constraint as Schema.Codec<Dictionary>,
    discriminators: {
      app: constants,
      wire: constants.flatMap(({ ast, literal, wireKey }) =>
        wireKey === undefined ? [] : [{ key: wireKey, literal: codes.get(ast)?.code ?? literal }]
      )
    },
    decode: (raw, options) => shape().decode(raw, options),
    encode: (value, options) => shape().encode(value, options)
  })
  constantsOf.set(
    schema.ast,
    constants.map(({ key, literal }) => [key, literal] as const)
  )
  literals.set(schema.ast, (wireKey) => {
    const constant = constants.find((constant) => constant.wireKey === wireKey)
    return constant && codes.get(constant.ast)?.code
  })
  return schema as Schema.Constraint as Struct<Fields>
}

/** The encoded side of a field. The wire has no undefined: a key is there or it is not. */
const encodedOf = (schema: Schema.Codec<unknown>): Schema.Codec<unknown> => {
  const ast = without(SchemaAST.toEncoded(schema.ast), SchemaAST.isUndefined)
  const encoded = Schema.make<Schema.Codec<unknown>>(ast)
  const mayLack = fallbacks.get(schema.ast)?.isOptional ?? isOptional(schema.ast)
  return mayLack ? (Schema.optionalKey(encoded) as Schema.Constraint as Schema.Codec<unknown>) : encoded
}

/**
 * Schema of a constant that has a number on the wire and a name in the app.
 *
 * **Example** (A message type)
 *
 * ```ts
 * import * as Schema from "effect/Schema"
 * import * as Wire from "effect-kefu/codec/Wire"
 *
 * Schema.decodeUnknownSync(Wire.Code(1, "Text"))(1) // "Text"
 * ```
 *
 * @category schemas
 * @since 0.1.0
 */
export const Code = <const Name extends string>(code: number, name: Name) => {
  const schema = Schema.Literal(code).pipe(
    Schema.decodeTo(
      Schema.Literal(name),
      SchemaTransformation.transform({
        decode: () => name,
        encode: () => code
      })
    )
  )
  codes.set(schema.ast, { code, name })
  return schema
}

/**
 * Names the wire field whose number selects the member of a union. The number may also be digits in a text.
 *
 * @category schemas
 * @since 0.1.0
 */
export const discriminatedBy =
  (wireKey: string) =>
  <S extends Schema.Constraint>(union: S): S => {
    discriminated.set(union.ast, wireKey)
    const read = once(() => unionReader(union as Schema.Constraint as Schema.Codec<unknown>, wireKey))
    readers.set(union.ast, (raw, options) => read()(raw, options))
    return union
  }

/**
 * Schema of a string with known values that may grow: the known ones are suggested by the editor, others are accepted.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Open = <const Known extends string>(known: ReadonlyArray<Known>) =>
  Schema.String.pipe(
    Schema.refine((value): value is Known | (string & {}) => typeof value === "string", { expected: known.join(" | ") })
  )

/**
 * Schema of a time in milliseconds since 1970. As a field it may also come as digits in a text, or in ISO 8601 with its
 * offset from UTC.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Time = Schema.Finite.annotate({})

times.add(Time.ast)

/**
 * Schema of a field that may be missing or null; a value of another type leaves it out. Undefined counts as missing.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Optional = <S extends Schema.Constraint>(schema: S) => Schema.optional(Schema.NullOr(schema))

/**
 * Schema of a field with a default for a missing or unreadable value.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Default = <S extends Schema.Codec<unknown>>(schema: S, value: S["Type"]): S["Rebuild"] => {
  const copy = schema.annotate({})
  fallbacks.set(copy.ast, { value: () => value, isOptional: false })
  if (texts.has(schema.ast)) texts.add(copy.ast)
  const read = readers.get(schema.ast)
  if (read !== undefined) readers.set(copy.ast, read)
  return copy
}

/**
 * Schema of a list whose elements are decoded one by one: one that cannot be decoded is left out, and `Odd.skippedOf`
 * returns it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Elements = <S extends Schema.Constraint>(item: S) => listOf(item, false)

/**
 * Like {@link Elements}, but a missing list, null or another value decodes to an empty list.
 *
 * @category schemas
 * @since 0.1.0
 */
export const List = <S extends Schema.Constraint>(item: S) => {
  const list = listOf(item, true)
  fallbacks.set(list.ast, { value: () => noteSkipped([], { _tag: "Whole", raw: undefined }), isOptional: true })
  return list
}

const listOf = <S extends Schema.Constraint>(
  item: S,
  isLenient: boolean
): Schema.Codec<ReadonlyArray<S["Type"]>, unknown> => {
  const element = once(() => new Field("", "", item as Schema.Constraint as Schema.Codec<unknown>))
  const app = once(
    () => Schema.Array(Schema.toType(item)) as Schema.Constraint as Schema.Codec<ReadonlyArray<S["Type"]>>
  )
  return codec<ReadonlyArray<S["Type"]>>({
    wire: () => {
      const wire = Schema.Array(Schema.toEncoded(item))
      return (isLenient ? Schema.NullOr(wire) : wire).ast
    },
    app,
    decode: (raw, options) => {
      if (!Array.isArray(raw)) {
        return isLenient ? Exit.succeed(noteSkipped([], { _tag: "Whole", raw })) : invalid(app().ast, raw, options)
      }
      const { coerce, read } = element()
      const items: Array<S["Type"]> = []
      const skipped: Array<readonly [index: number, raw: unknown]> = []
      for (const [index, value] of raw.entries()) {
        const exit = read(value, options)
        const coerced = Exit.isSuccess(exit) ? undefined : coerce(value)
        const again = coerced === undefined ? exit : read(coerced, options)
        if (Exit.isSuccess(again)) items.push(again.value)
        else skipped.push([index, isDictionary(value) ? (heirs.get(value) ?? value) : value])
      }
      return Exit.succeed(skipped.length === 0 ? items : noteSkipped(items, { _tag: "Elements", elements: skipped }))
    },
    encode: (list, options) => {
      if (!Array.isArray(list)) return invalid(app().ast, list, options)
      const { write } = element()
      const items: Array<unknown> = []
      for (const [index, value] of list.entries()) {
        const exit = write(value, options)
        if (Exit.isFailure(exit)) return Exit.mapError(exit, (issue) => at(index, issue))
        items.push(exit.value)
      }
      const skipped = skippedIn(list)
      return Exit.succeed(skipped === undefined ? items : (withSkipped(items, skipped) ?? items))
    }
  })
}

const jsonObject = /^\s*\{/

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** An object, or text that is the JSON of one with at least one field of its kind. Other text is left to `onText`. */
const jsonOr = <S extends Schema.Constraint, Text>(
  schema: S,
  wire: () => SchemaAST.AST,
  app: () => Schema.Codec<S["Type"] | Text>,
  onText: (text: string, options: SchemaAST.ParseOptions) => Result<S["Type"] | Text>
): Schema.Codec<S["Type"] | Text, unknown> => {
  const read = readOf(schema as Schema.Constraint as Schema.Codec<unknown>) as (
    raw: unknown,
    options: SchemaAST.ParseOptions
  ) => Result<S["Type"]>
  const write = once(() => SchemaParser.encodeUnknownExit(schema as Schema.Constraint as Schema.Codec<S["Type"]>))
  const keys = once(() => wireKeysOf(schema.ast))
  const combined = codec<S["Type"] | Text>({
    wire,
    app,
    decode: (raw, options) => {
      if (typeof raw !== "string") return read(raw, options)
      const object = jsonObject.test(raw) ? parsed(raw) : undefined
      if (!isDictionary(object) || !keys().some((key) => Object.hasOwn(object, key))) return onText(raw, options)
      const exit = read(object, options)
      return Exit.isSuccess(exit) ? exit : onText(raw, options)
    },
    encode: (value, options) =>
      typeof value === "string" ? Exit.map(onText(value, options), (text) => text as unknown) : write()(value, options)
  })
  texts.add(combined.ast)
  return combined
}

/**
 * Schema of an object that very old servers send as a JSON string.
 *
 * @category schemas
 * @since 0.1.0
 */
export const OrJson = <S extends Schema.Constraint>(schema: S): Schema.Codec<S["Type"], unknown> =>
  jsonOr<S, never>(
    schema,
    () => Schema.Union([Schema.toEncoded(schema), Schema.String]).ast,
    () => Schema.toType(schema) as Schema.Constraint as Schema.Codec<S["Type"]>,
    (text, options) => invalid(schema.ast, text, options)
  )

/**
 * Schema of an object or a text. Text that is JSON stays text, unless it has fields of the object: very old servers send
 * objects so.
 *
 * @category schemas
 * @since 0.1.0
 */
export const OrText = <S extends Schema.Constraint>(schema: S): Schema.Codec<S["Type"] | string, unknown> =>
  jsonOr<S, string>(
    schema,
    () => Schema.Union([Schema.toEncoded(schema), Schema.String]).ast,
    () => Schema.Union([Schema.toType(schema), Schema.String]) as Schema.Constraint as Schema.Codec<S["Type"] | string>,
    (text) => Exit.succeed(text)
  )

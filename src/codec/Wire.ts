/**
 * The snake_case edge: how camelCase schemas of the domain become objects of the wire.
 *
 * **Details**
 *
 * The rules for keys are the backend's own. They are no round trip (`line_2` becomes `line2` and stays so), two keys
 * may collide (the last wins), and apps depend on them; so they stand here to the letter instead of coming from a case
 * library. Known fields are exempt: they have their exact wire names and win every collision.
 *
 * What goes out is made JSON first, as `JSON.stringify` would: undefined and functions are left out, NaN and the
 * infinities become null, a Date its ISO string.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaTransformation from "effect/SchemaTransformation"

/**
 * The wire's spelling of a camelCase key: `_` before every A-Z that is not the first character, then lower case.
 *
 * **Example** (Keys on their way out)
 *
 * ```ts
 * import { toWireKey } from "effect-kefu/codec/Wire"
 *
 * toWireKey("userID") // "user_i_d"
 * toWireKey("addressLine2") // "address_line2"
 * ```
 *
 * @category keys
 * @since 0.1.0
 */
export const toWireKey = (key: string): string =>
  key.replace(/[A-Z]/g, (letter, index) => (index === 0 ? letter : `_${letter}`)).toLowerCase()

/**
 * The app's spelling of a wire key: runs of `-`, `_` and white space vanish and upper-case what follows them, then the
 * first character is lower-cased; numeric keys stay.
 *
 * **Example** (Keys on their way in)
 *
 * ```ts
 * import { fromWireKey } from "effect-kefu/codec/Wire"
 *
 * fromWireKey("utm_1_x") // "utm1X"
 * fromWireKey("__proto__") // "proto"
 * ```
 *
 * @category keys
 * @since 0.1.0
 */
export const fromWireKey = (key: string): string => {
  if (!Number.isNaN(Number(key))) return key
  const joined = key.replace(/[-_\s]+(.)?/g, (_, next: string | undefined) => next?.toUpperCase() ?? "")
  return joined.slice(0, 1).toLowerCase() + joined.slice(1)
}

interface Dictionary {
  readonly [key: string]: unknown
}

/** As JSON does it: the key `__proto__` becomes a property, never a prototype. */
const assign = (target: Record<string, unknown>, key: string, value: unknown): void => {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
  } else {
    target[key] = value
  }
}

/** What JSON makes of a value before it looks inside; undefined means that it is left out. */
const asJson = (value: unknown): unknown => {
  const json = serialisesItself(value) ? value.toJSON("") : value
  if (typeof json === "number") return Number.isFinite(json) ? json : null
  return typeof json === "function" || typeof json === "symbol" ? undefined : json
}

const serialisesItself = (value: unknown): value is { toJSON(key: string): unknown } =>
  typeof value === "object" && value !== null && "toJSON" in value && typeof value.toJSON === "function"

/**
 * Copies a value with every key of its objects converted, at any depth and in arrays.
 *
 * **Details**
 *
 * Walks a worklist instead of recursing, so that hostile nesting cannot exhaust the stack, and remembers what it has
 * seen, so that a cyclic value ends (as a cyclic value, which JSON then refuses).
 */
const convert = (
  root: unknown,
  convertKey: (key: string) => string,
  convertValue: (value: unknown) => unknown
): unknown => {
  const copies = new Map<object, object>()
  const queue: Array<() => void> = []
  const copy = (original: unknown): unknown => {
    if (typeof original !== "object" || original === null) return convertValue(original)
    const seen = copies.get(original)
    if (seen !== undefined) return seen
    const source = convertValue(original)
    if (typeof source !== "object" || source === null) return source
    if (Array.isArray(source)) {
      const target: Array<unknown> = []
      copies.set(original, target)
      queue.push(() => {
        for (const item of source) target.push(copy(item) ?? null)
      })
      return target
    }
    const target: Record<string, unknown> = {}
    copies.set(original, target)
    queue.push(() => {
      for (const [key, item] of Object.entries(source)) {
        const value = copy(item)
        if (value !== undefined) assign(target, convertKey(key), value)
      }
    })
    return target
  }
  const result = copy(root)
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) next()
  return result
}

/**
 * Converts a free value of the wire to the app's spelling, deeply.
 *
 * @category keys
 * @since 0.1.0
 */
export const fromWire = (value: unknown): unknown =>
  typeof value === "object" ? convert(value, fromWireKey, identity) : value

/**
 * Converts a free value of the app to JSON in the wire's spelling, deeply. The caller's object is not mutated.
 *
 * @category keys
 * @since 0.1.0
 */
export const toWire = (value: unknown): unknown =>
  typeof value === "object" ? convert(value, toWireKey, asJson) : asJson(value)

/** What a caller's own code throws (a getter, `toJSON`) is told as an issue, like all else that cannot be sent. */
const attempt =
  <A, B>(expected: string, f: (value: A) => B) =>
  (value: A, options: SchemaAST.ParseOptions): Effect.Effect<B, SchemaIssue.Issue> => {
    try {
      return Effect.succeed(f(value))
    } catch {
      return Effect.fail(new SchemaIssue.InvalidValue({ expected }, value, options))
    }
  }

const sendable = "a value that can be sent as JSON"

/**
 * Schema of a value as JSON text.
 *
 * **Details**
 *
 * Like `Schema.fromJsonString`, but it decides at once, without a fiber: every frame comes through here.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Json = <S extends Schema.Constraint>(schema: S) => jsonOf(Schema.String, schema)

const jsonOf = <S extends Schema.Constraint>(text: Schema.Codec<string>, schema: S) =>
  text.pipe(
    Schema.decodeTo(
      schema,
      SchemaTransformation.transformEffect<S["Encoded"], string>({
        decode: attempt("a valid JSON string", (text) => JSON.parse(text) as unknown),
        encode: attempt(sendable, (value) => JSON.stringify(value))
      })
    )
  )

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
export const Struct = <const Fields extends Schema.Struct.Fields>(fields: Fields): Struct<Fields> => {
  const names = Object.keys(fields).map((key) => [key, toWireKey(key)] as const)
  const domain = Schema.StructWithRest(Schema.Struct(fields), [Rest])
  const wire: Schema.Codec<Dictionary> = Schema.StructWithRest(
    Schema.Struct(Object.fromEntries(Object.entries(fields).map(([key, field]) => [toWireKey(key), described(field)]))),
    [Rest]
  )
  const decode = renaming(
    names.map(([key, wireKey]) => [wireKey, key]),
    fromWireKey,
    fromWire,
    toWire
  )
  const encode = renaming(names, toWireKey, toWire, toWire)
  return wire.pipe(
    Schema.decodeTo(
      domain,
      SchemaTransformation.transformEffect<(typeof domain)["Encoded"], Dictionary>({
        decode: (source) => Effect.succeed(decode(source) as (typeof domain)["Encoded"]),
        encode: attempt(sendable, encode)
      })
    )
  )
}

/**
 * The encoded side of a field, for the API's description and the union that the field may select from. Its check is
 * left to the field itself, or each level of nesting would check all levels below it again.
 */
const described = (field: Schema.Constraint): Schema.Codec<unknown> => {
  const { ast } = Schema.toEncoded(field)
  if (SchemaAST.isLiteral(ast)) return Schema.make(ast)
  const encoded = Schema.make<Schema.Codec<unknown>>(without(ast, SchemaAST.isUndefined))
  const described = Schema.declareConstructor<unknown>()([encoded], () => Effect.succeed, {
    toCodecJson: ([encoded]) => Schema.link<unknown>()(encoded, SchemaTransformation.passthrough())
  })
  return sameKey(ast, described)
}

/** The wire has no undefined: a key is there or it is not. */
const without = (ast: SchemaAST.AST, absent: (ast: SchemaAST.AST) => boolean): SchemaAST.AST => {
  if (!SchemaAST.isUnion(ast)) return ast
  const types = ast.types.filter((type) => !absent(type)).map((type) => without(type, absent))
  return types.length === 1 && types[0] !== undefined ? types[0] : new SchemaAST.Union(types, ast.options)
}

/** A key that may be missing where that of `ast` may. */
const sameKey = <A>(ast: SchemaAST.AST, schema: Schema.Codec<A>): Schema.Codec<A> =>
  ast.context?.isOptional === true ? (Schema.optionalKey(schema) as Schema.Constraint as Schema.Codec<A>) : schema

/** Renames the known keys of an object, and converts what else it holds. */
const renaming = (
  names: ReadonlyArray<readonly [from: string, to: string]>,
  convertKey: (key: string) => string,
  convertRest: (value: unknown) => unknown,
  convertMisspelt: (value: unknown) => unknown
) => {
  const known = new Map(names)
  const exact = new Map(names.map(([from, to]) => [to, from]))
  return (source: Dictionary): Record<string, unknown> => {
    const target: Record<string, unknown> = {}
    for (const name of Object.keys(source)) {
      const item = source[name]
      const to = known.get(name)
      if (to !== undefined) {
        if (item !== undefined) target[to] = item
        continue
      }
      const key = convertKey(name)
      const from = exact.get(key)
      if (from !== undefined && Object.hasOwn(source, from)) continue
      const value = from === undefined ? convertRest(item) : convertMisspelt(item)
      if (value !== undefined) assign(target, key, value)
    }
    return target
  }
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
export const Code = <const Name extends string>(code: number, name: Name) =>
  Schema.Literal(code).pipe(
    Schema.decodeTo(
      Schema.Literal(name),
      SchemaTransformation.transform({
        decode: () => name,
        encode: () => code
      })
    )
  )

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
 * Schema of a field that no logic of ours needs: it may be missing or null. Undefined counts as missing.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Optional = <S extends Schema.Constraint>(schema: S) => Schema.optional(Schema.NullOr(schema))

/**
 * Schema of a list that the backend may leave out or send as null, which then is empty.
 *
 * @category schemas
 * @since 0.1.0
 */
export const List = <S extends Schema.Constraint>(item: S) => {
  const list = Schema.Array(item)
  return described(Schema.NullOr(list)).pipe(
    Schema.decodeTo(
      list,
      SchemaTransformation.transform<ReadonlyArray<S["Encoded"]>, unknown>({
        decode: (items) => (items ?? []) as ReadonlyArray<S["Encoded"]>,
        encode: identity
      })
    ),
    Schema.withDecodingDefaultKey(Effect.succeed([]))
  )
}

/**
 * Schema of an object that very old servers send as a JSON string.
 *
 * @category schemas
 * @since 0.1.0
 */
export const OrJson = <S extends Schema.Constraint>(schema: S) => Schema.Union([schema, jsonOf(JsonObject, schema)])

/** Most text is no JSON, and finding that out by parsing costs more than all the rest. */
const JsonObject = Schema.String.check(Schema.isPattern(/^\s*\{/, { expected: "a JSON object" }))

/**
 * Schema of a number in a path or a query string. Blanks are no number.
 *
 * @category schemas
 * @since 0.1.0
 */
export const NumberFromString = Schema.String.check(Schema.isPattern(/^\S+$/, { expected: "a number" })).pipe(
  Schema.decodeTo(Schema.FiniteFromString)
)

/**
 * Schema of a flag in a query string: `true` and `1` hold, `false` and `0` do not.
 *
 * @category schemas
 * @since 0.1.0
 */
export const BooleanFromString = Schema.Literals(["true", "false", "1", "0"]).pipe(
  Schema.decodeTo(
    Schema.Boolean,
    SchemaTransformation.transform({
      decode: (text) => text === "true" || text === "1",
      encode: (flag) => (flag ? "true" : "false")
    })
  )
)

type QueryValue = string | ReadonlyArray<string>

const QueryRest = Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Array(Schema.String)]))

/**
 * Builds the schema of a query string from camelCase fields: known parameters get their exact wire names, others pass
 * under the name that the caller gave.
 *
 * **Details**
 *
 * Undefined and null are left out; false, 0 and `""` are kept; arrays go as `k[]=a&k[]=b`, dates in ISO form, other
 * objects as JSON.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Query = <
  const Fields extends { readonly [key: string]: Schema.ConstraintEncoder<string | null | undefined> }
>(
  fields: Fields
) => {
  const names = Object.keys(fields).map((key) => [key, toWireKey(key)] as const)
  const domain = Schema.StructWithRest(Schema.Struct(fields), [Rest])
  const wire: Schema.Codec<{ readonly [key: string]: QueryValue }> = Schema.StructWithRest(
    Schema.Struct(
      Object.fromEntries(Object.entries(fields).map(([key, field]) => [toWireKey(key), queryParameter(field)]))
    ),
    [QueryRest]
  )
  const decode = renaming(
    names.map(([key, wireKey]) => [wireKey, key]),
    identity,
    identity,
    identity
  )
  const encode = renaming(names, identity, identity, identity)
  return wire.pipe(
    Schema.decodeTo(
      domain,
      SchemaTransformation.transformEffect<(typeof domain)["Encoded"], { readonly [key: string]: QueryValue }>({
        decode: (source) => Effect.succeed(decode(fromLists(source)) as (typeof domain)["Encoded"]),
        encode: attempt("values that a query string can hold", (source) => toLists(encode(source)))
      })
    )
  )
}

const queryParameter = (field: Schema.Constraint): Schema.Codec<string> => {
  const { ast } = Schema.toEncoded(field)
  const absent = (type: SchemaAST.AST) => SchemaAST.isUndefined(type) || SchemaAST.isNull(type)
  return sameKey(ast, Schema.make<Schema.Codec<string>>(without(ast, absent)))
}

const fromLists = (source: { readonly [key: string]: QueryValue }): Dictionary => {
  const target: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(source)) {
    if (!key.endsWith("[]")) assign(target, key, value)
    else assign(target, key.slice(0, -2), typeof value === "string" ? [value] : value)
  }
  return target
}

const toLists = (source: Dictionary): Record<string, QueryValue> => {
  const target: Record<string, QueryValue> = {}
  for (const [key, value] of Object.entries(source)) {
    if (Array.isArray(value)) assign(target, `${key}[]`, value.flatMap(queryValue))
    else for (const text of queryValue(value)) assign(target, key, text)
  }
  return target
}

/** The text of a value, if it has one. */
const queryValue = (value: unknown): ReadonlyArray<string> => {
  const json = asJson(value) ?? undefined
  if (json === undefined) return []
  return [typeof json === "object" ? JSON.stringify(json) : String(json)]
}

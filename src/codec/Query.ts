/**
 * Query strings and path parameters: numbers, flags and filters as text.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { attempt } from "./internal/codec.ts"
import { without } from "./internal/description.ts"
import { asJson, assign, type Dictionary, toWireKey } from "./Key.ts"

const Rest = Schema.Record(Schema.String, Schema.Unknown)

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
export const Struct = <
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
  const decode = renaming(names.map(([key, wireKey]) => [wireKey, key]))
  const encode = renaming(names)
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

/** Renames the known keys of an object. A key that a known one is renamed to gives way to it. */
const renaming = (names: ReadonlyArray<readonly [from: string, to: string]>) => {
  const known = new Map(names)
  const taken = new Map(names.map(([from, to]) => [to, from]))
  return (source: Dictionary): Record<string, unknown> => {
    const target: Record<string, unknown> = {}
    for (const [name, item] of Object.entries(source)) {
      const from = taken.get(name)
      if (item === undefined || (!known.has(name) && from !== undefined && Object.hasOwn(source, from))) continue
      assign(target, known.get(name) ?? name, item)
    }
    return target
  }
}

/** A key that may be missing where that of `ast` may. */
const sameKey = <A>(ast: SchemaAST.AST, schema: Schema.Codec<A>): Schema.Codec<A> =>
  ast.context?.isOptional === true ? (Schema.optionalKey(schema) as Schema.Constraint as Schema.Codec<A>) : schema

/**
 * Schemas of wire objects: how camelCase schemas of the domain become snake_case objects.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { attempt, renaming, sameKey, sendable, without } from "./field.ts"
import { type Dictionary, fromWire, fromWireKey, toWire, toWireKey } from "./Key.ts"

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

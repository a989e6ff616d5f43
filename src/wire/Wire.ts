/**
 * The snake_case edge: how camelCase schemas of the domain become objects of the wire.
 *
 * **Details**
 *
 * The rules for keys are the backend's own. They are no round trip (`line_2` becomes `line2` and stays so), two keys
 * may collide (the last wins), and apps depend on them; so they stand here to the letter instead of coming from a case
 * library. Known fields are exempt: they have their exact wire names and win every collision.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"

/**
 * The wire's spelling of a camelCase key: `_` before every A-Z that is not the first character, then lower case.
 *
 * **Example** (Keys on their way out)
 *
 * ```ts
 * import { toWireKey } from "effect-kefu/wire/Wire"
 *
 * toWireKey("userID") // "user_i_d"
 * toWireKey("addressLine2") // "address_line2"
 * ```
 *
 * @category keys
 * @since 0.1.0
 */
export const toWireKey = (key: string): string =>
  key.replace(/[A-Z]/g, (letter, index) => (index === 0 ? "" : "_") + letter.toLowerCase())

/**
 * The app's spelling of a wire key: runs of `-`, `_` and white space vanish and upper-case what follows them, then the
 * first character is lower-cased; numeric keys stay.
 *
 * **Example** (Keys on their way in)
 *
 * ```ts
 * import { fromWireKey } from "effect-kefu/wire/Wire"
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

type Container = Array<unknown> | Record<string, unknown>

const isContainer = (value: unknown): value is Container => {
  if (typeof value !== "object" || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null || Array.isArray(value)
}

const assign = (target: object, key: string, value: unknown): void => {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
}

/**
 * Copies a value with every key of its plain objects renamed, at any depth and in arrays.
 *
 * **Details**
 *
 * Walks a worklist instead of recursing, so that hostile nesting cannot exhaust the stack, and remembers what it has
 * seen, so that a cyclic value ends. Dates, class instances and all other values are kept as they are.
 */
const renameKeys = (root: unknown, rename: (key: string) => string): unknown => {
  const copies = new Map<Container, Container>()
  const queue: Array<Container> = []
  const copy = (value: unknown): unknown => {
    if (!isContainer(value)) return value
    let target = copies.get(value)
    if (target === undefined) {
      target = Array.isArray(value) ? [] : {}
      copies.set(value, target)
      queue.push(value)
    }
    return target
  }
  const result = copy(root)
  for (let source = queue.pop(); source !== undefined; source = queue.pop()) {
    const target = copies.get(source)
    if (Array.isArray(source) && Array.isArray(target)) {
      for (const item of source) target.push(copy(item))
    } else if (target !== undefined) {
      for (const [key, value] of Object.entries(source)) assign(target, rename(key), copy(value))
    }
  }
  return result
}

/**
 * Converts a free value of the wire to the app's spelling, deeply.
 *
 * @category keys
 * @since 0.1.0
 */
export const fromWire = (value: unknown): unknown => renameKeys(value, fromWireKey)

/**
 * Converts a free value of the app to the wire's spelling, deeply. The caller's object is not mutated.
 *
 * @category keys
 * @since 0.1.0
 */
export const toWire = (value: unknown): unknown => renameKeys(value, toWireKey)

/**
 * A value of unknown shape whose keys are converted deeply in both directions.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Free = Schema.Unknown.pipe(
  Schema.decodeTo(Schema.Unknown, SchemaTransformation.transform({ decode: fromWire, encode: toWire }))
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
 * Builds the schema of a wire object from camelCase fields: known fields get their exact wire names, unknown fields
 * survive both ways with their keys converted deeply.
 *
 * **Gotchas**
 *
 * The encoded side lists the known fields by their wire names, so that a generated API description shows them.
 *
 * **Example** (A user on the wire)
 *
 * ```ts
 * import * as Schema from "effect/Schema"
 * import * as Wire from "effect-kefu/wire/Wire"
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
export const Struct = <const Fields extends Schema.Struct.Fields>(fields: Fields) => {
  const wireKeys = new Map(Object.keys(fields).map((key) => [key, toWireKey(key)]))
  const keys = new Map(Array.from(wireKeys, ([key, wireKey]) => [wireKey, key]))
  const domain = Schema.StructWithRest(Schema.Struct(fields), [Rest])
  const wire = Schema.StructWithRest(
    Schema.Struct(
      Object.fromEntries(Object.entries(fields).map(([key, field]) => [toWireKey(key), Schema.toEncoded(field)]))
    ),
    [Rest]
  )
  return wire.pipe(
    Schema.decodeTo(
      domain,
      SchemaTransformation.transform<(typeof domain)["Encoded"], (typeof wire)["Type"]>({
        decode: (source) => rename(source, keys, fromWireKey, fromWire) as (typeof domain)["Encoded"],
        encode: (source) => rename(source, wireKeys, toWireKey, toWire)
      })
    )
  )
}

const rename = (
  source: object,
  known: ReadonlyMap<string, string>,
  key: (key: string) => string,
  value: (value: unknown) => unknown
): Record<string, unknown> => {
  const target: Record<string, unknown> = {}
  for (const [name, item] of Object.entries(source)) {
    if (!known.has(name)) assign(target, key(name), value(item))
  }
  for (const [name, item] of Object.entries(source)) {
    const to = known.get(name)
    if (to !== undefined) assign(target, to, item)
  }
  return target
}

/**
 * Schema of a constant that has a number on the wire and a name in the app.
 *
 * **Example** (A message type)
 *
 * ```ts
 * import * as Schema from "effect/Schema"
 * import * as Wire from "effect-kefu/wire/Wire"
 *
 * Schema.decodeUnknownSync(Wire.Code(1, "Text"))(1) // "Text"
 * ```
 *
 * @category schemas
 * @since 0.1.0
 */
export const Code = <const Name extends string>(code: number, name: Name) =>
  Schema.Literal(code).pipe(Schema.decodeTo(Schema.Literal(name), SchemaTransformation.transform({
    decode: () => name,
    encode: () => code
  })))

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
 * Schema of a field that no logic of ours needs: it may be missing or null.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/**
 * Schema of a list that the backend may leave out or send as null, which then is empty.
 *
 * @category schemas
 * @since 0.1.0
 */
export const List = <S extends Schema.Constraint>(item: S) =>
  Schema.NullOr(Schema.Array(item)).pipe(
    Schema.decodeTo(
      Schema.Array(Schema.toType(item)),
      SchemaTransformation.transform<ReadonlyArray<S["Type"]>, ReadonlyArray<S["Type"]> | null>({
        decode: (items) => items ?? [],
        encode: (items) => items
      })
    ),
    Schema.withDecodingDefaultKey(Effect.succeed([]))
  )

/**
 * Schema of a value that very old servers send as a JSON string.
 *
 * @category schemas
 * @since 0.1.0
 */
export const OrJson = <S extends Schema.Constraint>(schema: S) => Schema.Union([schema, Schema.fromJsonString(schema)])

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

const QueryRest = Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Array(Schema.String)]))

/**
 * Builds the schema of a query string from camelCase fields: known parameters get their exact wire names, others pass
 * under the name that the caller gave.
 *
 * **Details**
 *
 * Undefined and null are left out; false, 0 and `""` are kept; arrays go as `k[]=a&k[]=b`, objects as JSON.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Query = <const Fields extends { readonly [key: string]: Schema.Encoder<string | undefined> }>(
  fields: Fields
) => {
  const wireKeys = new Map(Object.keys(fields).map((key) => [key, toWireKey(key)]))
  const keys = new Map(Array.from(wireKeys, ([key, wireKey]) => [wireKey, key]))
  const domain = Schema.StructWithRest(Schema.Struct(fields), [Rest])
  const wire = Schema.StructWithRest(
    Schema.Struct(
      Object.fromEntries(Object.entries(fields).map(([key, field]) => [toWireKey(key), Schema.toEncoded(field)]))
    ),
    [QueryRest]
  )
  return wire.pipe(
    Schema.decodeTo(
      domain,
      SchemaTransformation.transform<(typeof domain)["Encoded"], (typeof wire)["Type"]>({
        decode: (source) => rename(source, keys, fromQueryKey, identity) as (typeof domain)["Encoded"],
        encode: (source) => {
          const target: Record<string, string | ReadonlyArray<string>> = {}
          for (const [key, value] of Object.entries(rename(source, wireKeys, identity, identity))) {
            if (Array.isArray(value)) assign(target, `${key}[]`, value.map(queryValue))
            else if (value !== undefined && value !== null) assign(target, key, queryValue(value))
          }
          return target as (typeof wire)["Type"]
        }
      })
    )
  )
}

const fromQueryKey = (key: string): string => (key.endsWith("[]") ? key.slice(0, -2) : key)

const queryValue = (value: unknown): string => {
  if (value instanceof globalThis.Date) return value.toISOString()
  return typeof value === "object" ? JSON.stringify(value) : String(value)
}

/**
 * One field of an object, or the elements of a list: how it is decoded, and what its odd values mean.
 */
import * as DateTime from "effect/DateTime"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"
import type { Dictionary } from "../Key.ts"
import { at } from "./codec.ts"
import { type Read, type Result, readOf, type Shortcut, shortcutOf, writeOf } from "./direct.ts"
import { once } from "../lazy.ts"

export const isDictionary = (value: unknown): value is Dictionary =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The default for a field that is missing or unreadable. */
export interface Fallback {
  readonly value: () => unknown
  readonly isOptional: boolean
}

export const fallbacks = new WeakMap<SchemaAST.AST, Fallback>()

/** The wire field that selects the member of a union. */
export const discriminated = new WeakMap<SchemaAST.AST, string>()

export const discriminatorOf = (ast: SchemaAST.AST): string | undefined => {
  const own = discriminated.get(ast)
  if (own !== undefined || !SchemaAST.isUnion(ast)) return own
  for (const type of ast.types) {
    const found = discriminatorOf(type)
    if (found !== undefined) return found
  }
  return undefined
}

/** An object whose discriminator came as digits in a text. */
export const withNumber = (raw: unknown, key: string): unknown => {
  if (!isDictionary(raw)) return undefined
  const value = raw[key]
  return typeof value === "string" && digits.test(value) ? { ...raw, [key]: Number(value) } : undefined
}

/** Schemas that read JSON text, and times: by their AST, since that is what a field made of them keeps. */
export const texts = new WeakSet<SchemaAST.AST>()
export const times = new WeakSet<SchemaAST.AST>()

/** Whether the wire may lack the field. */
export const isOptional = (ast: SchemaAST.AST): boolean =>
  SchemaAST.isOptional(ast.encoding === undefined ? ast : SchemaAST.toEncoded(ast))

const membersOf = (ast: SchemaAST.AST): ReadonlyArray<SchemaAST.AST> =>
  SchemaAST.isUnion(ast) ? ast.types.flatMap(membersOf) : [ast]

const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)$/
const digits = /^-?\d+(?:\.\d+)?$/

const millisOf = (text: string): number =>
  Option.match(DateTime.make(text), { onNone: () => Number.NaN, onSome: DateTime.toEpochMillis })

/** The certain meaning of an odd value to a schema; undefined if there is none. */
const coercionOf = (ast: SchemaAST.AST): ((raw: unknown) => unknown) => {
  const members = membersOf(ast)
  const isFlag = members.some((member) => SchemaAST.isBoolean(member))
  const isNumber = members.some((member) => SchemaAST.isNumber(SchemaAST.toEncoded(member)))
  const isTime = members.some((member) => times.has(member))
  const discriminator = discriminatorOf(ast)
  return (raw) => {
    if (discriminator !== undefined) return withNumber(raw, discriminator)
    if (isFlag)
      return raw === 1 || raw === "1" || raw === "true"
        ? true
        : raw === 0 || raw === "0" || raw === "false"
          ? false
          : undefined
    if (!isNumber || typeof raw !== "string") return undefined
    const number = digits.test(raw) ? Number(raw) : isTime && isoTime.test(raw) ? millisOf(raw) : Number.NaN
    return Math.abs(number) <= Number.MAX_SAFE_INTEGER ? number : undefined
  }
}

export class Field {
  readonly key: string
  /** Undefined where the wire has no such field. */
  readonly wireKey: string | undefined
  readonly isOptional: boolean
  readonly isNullable: boolean
  /** Whether an unreadable value is left out. */
  readonly isLenient: boolean
  readonly fallback: Fallback | undefined
  readonly isText: boolean
  readonly read: Read
  /** Decodes what needs no {@link read}. */
  readonly shortcut: Shortcut | undefined
  readonly coerce: (raw: unknown) => unknown
  readonly write: (value: unknown, options: SchemaAST.ParseOptions) => Result<unknown>
  readonly constant: unknown

  readonly inherited: readonly [theirs: string, ours: string] | undefined

  constructor(
    key: string,
    wireKey: string | undefined,
    schema: Schema.Codec<unknown>,
    isStrict = false,
    isCode = false,
    inherited?: readonly [theirs: string, ours: string]
  ) {
    const members = membersOf(schema.ast)
    const coerce = once(() => coercionOf(schema.ast))
    const write = once(() => writeOf(schema))
    this.key = key
    this.wireKey = wireKey
    this.isOptional = isOptional(schema.ast)
    this.isNullable = members.some((member) => SchemaAST.isNull(member))
    this.fallback = fallbacks.get(schema.ast)
    this.isText = members.some((member) => texts.has(member))
    this.read = readOf(schema)
    this.shortcut = inherited === undefined ? shortcutOf(schema.ast) : undefined
    this.isLenient = this.isOptional && !isStrict
    this.coerce = isStrict || isCode ? () => undefined : (raw) => coerce()(raw)
    this.inherited = inherited
    this.write = (value, options) => write()(value, options)
    this.constant = SchemaAST.isLiteral(schema.ast) ? schema.ast.literal : undefined
  }
}

export const issueOf = (key: string, exit: Result<unknown>): SchemaIssue.Issue =>
  at(
    key,
    Option.getOrElse(Exit.findErrorOption(exit), () => new SchemaIssue.InvalidValue())
  )

/**
 * Shortcuts of decoding and encoding, by the AST of a schema: values that need no parser, and members of unions that their
 * discriminator selects at once. A shortcut gives what the schema's parser gives, or nothing.
 */
import * as Exit from "effect/Exit"
import type * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import type * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import type { Dictionary } from "../Key.ts"

export type Result<A> = Exit.Exit<A, SchemaIssue.Issue>

export type Read = (raw: unknown, options: SchemaAST.ParseOptions) => Result<unknown>

/** The decoders of the schemas that this package builds. */
export const readers = new WeakMap<SchemaAST.AST, Read>()

/** The encoders of the schemas that this package builds. */
export const writers = new WeakMap<SchemaAST.AST, Read>()

/** The numbers of constants that have a name in the app. */
export const codes = new WeakMap<SchemaAST.AST, { readonly code: number; readonly name: string }>()

/** The fields by which the members of a union differ, by their wire names. */
export const literals = new WeakMap<SchemaAST.AST, (wireKey: string) => number | undefined>()

/** The constants of the members of unions in the app. */
export const names = new WeakMap<SchemaAST.AST, ReadonlyArray<readonly [key: string, name: unknown]>>()

/** A shortcut has no result. */
export const missed: unique symbol = Symbol("missed")

/** The decoded value of what certainly decodes so; else {@link missed}. */
export type Shortcut = (raw: unknown) => unknown

type Accepts = (raw: unknown) => boolean

const parseOptions: SchemaAST.ParseOptions = {}

const passes = (ast: SchemaAST.AST, checks: ReadonlyArray<SchemaAST.Check<never>> | undefined): Accepts => {
  if (checks === undefined) return () => true
  const all = checks.map((check): Accepts => {
    if (check._tag === "FilterGroup") return passes(ast, check.checks)
    if (check.annotations?.representation?.id === "effect/schema/isInt") return Number.isSafeInteger
    return (raw) => check.run(raw as never, ast, parseOptions) === undefined
  })
  const [only] = all
  return all.length === 1 && only !== undefined ? only : (raw) => all.every((accepts) => accepts(raw))
}

/** Whether a value is accepted as it is. Undefined for schemas that do more than look at a single value. */
const acceptsOf = (ast: SchemaAST.AST): Accepts | undefined => {
  if (ast.encoding !== undefined) return undefined
  const isIt = kindOf(ast)
  if (isIt === undefined || ast.checks === undefined) return isIt
  const isRight = passes(ast, ast.checks)
  return (raw) => isIt(raw) && isRight(raw)
}

const kindOf = (ast: SchemaAST.AST): Accepts | undefined => {
  if (SchemaAST.isString(ast)) return (raw) => typeof raw === "string"
  if (SchemaAST.isNumber(ast)) return (raw) => typeof raw === "number"
  if (SchemaAST.isBoolean(ast)) return (raw) => typeof raw === "boolean"
  if (SchemaAST.isNull(ast)) return (raw) => raw === null
  if (SchemaAST.isUndefined(ast)) return (raw) => raw === undefined
  if (SchemaAST.isLiteral(ast)) return (raw) => raw === ast.literal
  if (!SchemaAST.isUnion(ast)) return undefined
  const members = ast.types.map(acceptsOf)
  if (!members.every((member) => member !== undefined)) return undefined
  const [first, second] = members
  return members.length === 2 && first !== undefined && second !== undefined
    ? (raw) => first(raw) || second(raw)
    : (raw) => members.some((accepts) => accepts(raw))
}

export const shortcutOf = (ast: SchemaAST.AST): Shortcut | undefined => {
  const constant = codes.get(ast)
  if (constant !== undefined) return (raw) => (raw === constant.code ? constant.name : missed)
  const accepts = acceptsOf(ast)
  return accepts === undefined ? undefined : (raw) => (accepts(raw) ? raw : missed)
}

/** The decoder of a schema, without the parser where it has its own. */
export const readOf = (schema: Schema.Codec<unknown>): Read => {
  const own = readers.get(schema.ast)
  if (own !== undefined) return own
  const present = readers.get(presentOf(schema.ast))
  const parse = SchemaParser.decodeUnknownExit(schema)
  if (present === undefined) return parse
  return (raw, options) => (raw === null || raw === undefined ? parse(raw, options) : present(raw, options))
}

/** What a schema of an optional or nullable value says of a value that is there. */
const presentOf = (ast: SchemaAST.AST): SchemaAST.AST => {
  if (!SchemaAST.isUnion(ast) || ast.checks !== undefined || ast.encoding !== undefined) return ast
  const present = ast.types.filter((type) => !SchemaAST.isNull(type) && !SchemaAST.isUndefined(type))
  const [only = ast] = present
  return present.length === 1 ? presentOf(only) : ast
}

const membersOf = (ast: SchemaAST.AST): ReadonlyArray<SchemaAST.AST> =>
  SchemaAST.isUnion(ast) && !readers.has(ast) ? ast.types.flatMap(membersOf) : [ast]

/**
 * The decoder of a union whose members have numbers in a field of the wire, and whose others come after them. The
 * parser of the union if a member is not known.
 */
export const unionReader = (union: Schema.Codec<unknown>, wireKey: string): Read => {
  const parse = SchemaParser.decodeUnknownExit(union)
  const named = new Map<unknown, Read>()
  const others: Array<Read> = []
  for (const ast of SchemaAST.isUnion(union.ast) ? union.ast.types.flatMap(membersOf) : []) {
    const read = readers.get(ast)
    if (read === undefined) return parse
    const code = literals.get(ast)?.(wireKey)
    if (code === undefined) others.push(read)
    else named.set(code, read)
  }
  const [other, ...more] = others
  if (other === undefined || more.length > 0) return parse
  return (raw, options) => {
    if (typeof raw !== "object" || raw === null) return parse(raw, options)
    const exit = named.get((raw as Dictionary)[wireKey])?.(raw, options)
    if (exit !== undefined && Exit.isSuccess(exit)) return exit
    const rest = other(raw, options)
    return Exit.isSuccess(rest) ? rest : parse(raw, options)
  }
}

/** The encoder of a schema, without the parser for what certainly encodes. */
export const writeOf = (schema: Schema.Codec<unknown>): Read => {
  const parse = SchemaParser.encodeUnknownExit(schema)
  const direct = writerOf(schema.ast)
  if (direct === undefined) return parse
  return (value, options) => {
    const exit = direct(value, options)
    return exit !== undefined && Exit.isSuccess(exit) ? exit : parse(value, options)
  }
}

/** Gives nothing for what only the parser may judge. */
type Writer = (value: unknown, options: SchemaAST.ParseOptions) => Result<unknown> | undefined

const writerOf = (ast: SchemaAST.AST): Writer | undefined => {
  const own = writers.get(ast)
  if (own !== undefined) return own
  const constant = codes.get(ast)
  if (constant !== undefined) return (value) => (value === constant.name ? Exit.succeed(constant.code) : undefined)
  const accepts = acceptsOf(ast)
  if (accepts !== undefined) return (value) => (accepts(value) ? Exit.succeed(value) : undefined)
  const present = presentOf(ast)
  if (present === ast) return unionWriter(ast)
  const inner = writerOf(present)
  return inner && ((value, options) => (value === null || value === undefined ? undefined : inner(value, options)))
}

/** Selects the member of a union by its constant in the app, if each has one under the same key. */
const unionWriter = (ast: SchemaAST.AST): Writer | undefined => {
  if (!SchemaAST.isUnion(ast) || ast.encoding !== undefined) return undefined
  const members = new Map<unknown, Writer>()
  const keys = new Set<string>()
  for (const member of ast.types) {
    const write = writerOf(member)
    const [constant, ...more] = names.get(member) ?? []
    if (write === undefined || constant === undefined || more.length > 0) return undefined
    keys.add(constant[0])
    members.set(constant[1], write)
  }
  const [key, ...more] = keys
  if (key === undefined || more.length > 0 || members.size < ast.types.length) return undefined
  return (value, options) =>
    typeof value === "object" && value !== null ? members.get((value as Dictionary)[key])?.(value, options) : undefined
}

/**
 * What schemas of objects and of query strings have in common.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"
import { assign, type Dictionary } from "./Key.ts"

/** What a caller's own code throws (a getter, `toJSON`) is told as an issue, like all else that cannot be sent. */
export const attempt =
  <A, B>(expected: string, f: (value: A) => B) =>
  (value: A, options: SchemaAST.ParseOptions): Effect.Effect<B, SchemaIssue.Issue> => {
    try {
      return Effect.succeed(f(value))
    } catch {
      return Effect.fail(new SchemaIssue.InvalidValue({ expected }, value, options))
    }
  }

export const sendable = "a value that can be sent as JSON"

/** Renames the known keys of an object, and converts what else it holds. */
export const renaming = (
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

/** The wire has no undefined: a key is there or it is not. */
export const without = (ast: SchemaAST.AST, absent: (ast: SchemaAST.AST) => boolean): SchemaAST.AST => {
  if (!SchemaAST.isUnion(ast)) return ast
  const types = ast.types.filter((type) => !absent(type)).map((type) => without(type, absent))
  return types.length === 1 && types[0] !== undefined ? types[0] : new SchemaAST.Union(types, ast.options)
}

/** A key that may be missing where that of `ast` may. */
export const sameKey = <A>(ast: SchemaAST.AST, schema: Schema.Codec<A>): Schema.Codec<A> =>
  ast.context?.isOptional === true ? (Schema.optionalKey(schema) as Schema.Constraint as Schema.Codec<A>) : schema

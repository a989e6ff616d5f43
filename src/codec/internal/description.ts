/**
 * What generated API descriptions show of a field.
 */
import * as SchemaAST from "effect/SchemaAST"

/** The wire has no undefined: a key is there or it is not. */
export const without = (ast: SchemaAST.AST, absent: (ast: SchemaAST.AST) => boolean): SchemaAST.AST => {
  if (!SchemaAST.isUnion(ast)) return ast
  const types = ast.types.filter((type) => !absent(type)).map((type) => without(type, absent))
  return types.length === 1 && types[0] !== undefined ? types[0] : new SchemaAST.Union(types, ast.options)
}
